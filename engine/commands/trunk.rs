//! `waihu trunk`: whether a trunk works, asked of the carrier itself, before anybody is called.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use waihu_trunk::{Dns, Hop, Place, SipSocket, Told, TrunkConfig, registration::State};

use crate::{output::out, project::Project};

/// How long the carrier's answer to one question is waited for: what takes longer is of no use to a call.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Debug, Subcommand)]
pub(crate) enum TrunkCommand {
    /// Ask the carrier with OPTIONS, register where the trunk does, and say what does not work and why
    /// 向运营商实际发送 OPTIONS/REGISTER，并解释不通的原因
    Check(TrunkCheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TrunkCheckArgs {
    /// A trunk of sip-config/ by its name 线路名
    name: String,
}

pub(crate) fn run(project: &Project, command: &TrunkCommand) -> Result<ExitCode> {
    let TrunkCommand::Check(TrunkCheckArgs { name }) = command;
    let trunk = TrunkConfig::read(&project.trunk(name))?;
    let well = super::runtime()?.block_on(check(name, &trunk))?;
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn check(name: &str, trunk: &TrunkConfig) -> Result<bool> {
    let environment = |name: &str| std::env::var(name).ok();
    let credentials = trunk.credentials(&environment)?;
    let telephones = trunk.telephones(&environment)?;
    let by = trunk.signalling.transport.map_or_else(|| "default 默认".to_owned(), |by| by.to_string());
    out!("✓ file 配置: {name}: {} by 传输 {by}, {} telephones 话机", trunk.proxy, telephones.len())?;
    numbers(trunk)?;
    signature(trunk)?;
    let (mut machines, mut well) = (Vec::new(), true);
    for place in trunk.places() {
        match located(trunk, place).await? {
            Some(hops) => machines.extend(hops.into_iter().map(|hop| (place, hop))),
            None => well = false,
        }
    }
    // Another port than the one that a running waihu may have; a stream's port need not be listened to.
    let mut socket = trunk.socket(concat!("waihu/", env!("CARGO_PKG_VERSION")));
    socket.local.set_port(0);
    socket.streams.listen = waihu_trunk::Listen::UdpOnly;
    socket.streams.web = waihu_trunk::Web::default();
    socket.streams.names.extend(machines.iter().filter_map(|(place, hop)| {
        let name = trunk.signalling.tls_name().or(place.name())?;
        Some((hop.address.ip(), name.trim_end_matches('.').to_owned()))
    }));
    socket.signer = trunk.signer()?;
    let (sip, _calls) = SipSocket::open(socket)
        .await
        .with_context(|| format!("no port can be had at {} 无法打开端口", trunk.bind.ip()))?;
    let mut first = None;
    for (place, hop) in &machines {
        let there = options(&sip, place, *hop).await?;
        first = first.or(there.then_some(*hop));
        well &= there;
    }
    let registered = match (trunk.registration(credentials.as_ref()), first) {
        (None, _) => {
            out!("- registration 注册: this trunk does not register 本线路无需注册")?;
            true
        }
        (Some(order), Some(next_hop)) => {
            registers(&sip, waihu_trunk::registration::Order { next_hop, ..order }).await?
        }
        (Some(_), None) => {
            out!("- registration 注册: not tried 未尝试")?;
            false
        }
    };
    let _ = tokio::time::timeout(PATIENCE, sip.settled()).await;
    Ok(well && registered)
}

/// A mobile number in mainland China that nobody can have: its prefix is not given out.
const NOBODY: &str = "+8610000000000";

/// Shows what becomes of a number on its way.
fn numbers(trunk: &TrunkConfig) -> Result<()> {
    let nobody = NOBODY.parse().context("an example 示例号码")?;
    out!(
        "✓ numbers 号码: {NOBODY} is dialled as 拨打为 {}",
        trunk.proxy.uri(&trunk.numbers.callee(&nobody))
    )?;
    for own in &trunk.caller_ids {
        let shown = trunk.numbers.caller(&own.number);
        out!("✓ caller id 主叫: {shown} for 号段 {}, weight 权重 {}", own.region, own.weight)?;
    }
    Ok(())
}

/// Shows what a signature names where no other number of ours is shown.
fn signature(trunk: &TrunkConfig) -> Result<()> {
    if trunk.signer()?.is_none() {
        return Ok(());
    }
    match trunk.from_in_e164() {
        Some(from) => out!("✓ signature 签名: from is signed as 主叫 from 签名为 {}", from.as_str())?,
        None => out!(
            "- signature 签名: the country of from is not known, and calls that show it are not signed\n    → write from as sip:+86…, or country in [numbers]\n    → 主叫 from 国家码未知，显示该号码的呼叫不签名：请写成 sip:+86… 或设置 [numbers] country"
        )?,
    }
    Ok(())
}

/// The machines that a place leads to, by what the DNS says of it; none where it says nothing of use.
async fn located(trunk: &TrunkConfig, place: &Place) -> Result<Option<Vec<Hop>>> {
    let dns = Dns::new(trunk.signalling.dns, trunk.bind.is_ipv4());
    let found = match (place.hop(trunk.signalling.transport.unwrap_or_default()), dns) {
        (Some(hop), _) => return Ok(Some(vec![hop])),
        (None, Ok(dns)) => dns.locate(place, trunk.signalling.transport, &waihu_trunk::BY_NAME).await,
        (None, Err(fault)) => Err(fault),
    };
    match found {
        Ok(found) => {
            for Told { question, answer } in &found.told {
                let answer =
                    if answer.is_empty() { "nothing 无记录".to_owned() } else { answer.join(", ") };
                out!("✓ DNS: {question} → {answer}")?;
            }
            Ok(Some(waihu_trunk::locate::order(&found.targets, 0)))
        }
        Err(fault) => {
            out!("✗ DNS: {fault}")?;
            Ok(None)
        }
    }
}

/// Whether anybody answers: whatever the answer is, somebody is there.
async fn options(sip: &SipSocket, place: &Place, hop: Hop) -> Result<bool> {
    let begun = Instant::now();
    let asked = tokio::time::timeout(PATIENCE, sip.ping(place.uri(""), hop)).await;
    let took_ms = begun.elapsed().as_millis();
    match asked {
        Ok(Ok(code)) => {
            out!("✓ OPTIONS: {hop} answers {code} after 应答用时 {took_ms} ms")?;
            match code {
                403 => out!(
                    "    → the carrier does not know this machine's address: have it let in\n    → 运营商未放行本机地址，请申请白名单"
                )?,
                401 | 407 => {
                    out!("    → well: OPTIONS wants a password, and so may calls\n    → 正常：对方要求鉴权")?
                }
                503 => out!(
                    "    → the carrier is overloaded or shut down for service\n    → 运营商侧过载或维护中"
                )?,
                _ => {}
            }
            Ok(true)
        }
        Ok(Err(_)) | Err(_) => {
            let fault = sip.fault(hop);
            out!("✗ OPTIONS: {hop} does not answer 无应答 ({took_ms} ms){}", shown(fault.as_deref()))?;
            out!("{}", advice(fault.as_deref(), hop))?;
            Ok(false)
        }
    }
}

fn shown(fault: Option<&str>) -> String {
    fault.map(|fault| format!(": {fault}")).unwrap_or_default()
}

/// What to do, by what the connection's end said.
fn advice(fault: Option<&str>, hop: Hop) -> &'static str {
    let said = |word: &str| fault.is_some_and(|f| f.to_ascii_lowercase().contains(word));
    // What the far end says to us is about our certificate, not about its own.
    if said("fatal alert") && said("certificaterequired") {
        "    → the carrier wants a certificate of ours: write tls_certificate and tls_key\n    → 对方要求客户端证书：请设置 tls_certificate 与 tls_key"
    } else if said("fatal alert") && said("handshakefailure") {
        // Before TLS 1.3 this is all that is said where a certificate is missed.
        "    → the carrier wants a certificate of ours (tls_certificate, tls_key), or has no TLS that we have: ask it\n    → 对方要求客户端证书（tls_certificate、tls_key），或双方无法协商 TLS：请咨询运营商"
    } else if said("fatal alert") && (said("certificate") || said("unknownca")) {
        "    → the carrier does not believe our certificate: write tls_certificate and tls_key as it gave them\n    → 对方不认可本机证书：请核对 tls_certificate 与 tls_key"
    } else if said("expired") || said("not valid yet") {
        "    → the carrier's certificate is not valid today: see this machine's clock, then tell the carrier\n    → 对方证书不在有效期内：请先核对本机时钟，再联系运营商"
    } else if said("certificate") {
        "    → the certificate is not believed: write tls_name as it stands in it, and tls_ca where the carrier has its own authority\n    → 证书校验失败：请核对 tls_name，自建 CA 请设置 tls_ca"
    } else if said("refused") || said("nobody listens") {
        "    → nobody listens there: see the port of proxy and the transport\n    → 对方端口未监听：请核对 proxy 端口与 transport"
    } else if hop.transport.is_reliable() {
        "    → see the firewall, the port of proxy, and that the carrier speaks this transport\n    → 请检查防火墙、proxy 端口以及运营商是否支持该传输方式"
    } else {
        "    → see proxy, the firewall, and that the carrier knows this address; many answer nobody else\n    → 请检查 proxy、防火墙，以及运营商是否已放行本机地址"
    }
}

async fn registers(sip: &SipSocket, order: waihu_trunk::registration::Order) -> Result<bool> {
    let hop = order.next_hop;
    let mut registration = sip.register(order);
    match tokio::time::timeout(PATIENCE, registration.state()).await {
        Ok(Some(State::Registered { expires_s })) => {
            out!("✓ REGISTER: registered for 注册成功，有效期 {expires_s} s")?;
            Ok(true)
        }
        Ok(Some(State::Failed { code, reason, .. })) => {
            out!("✗ REGISTER: {code} {reason}")?;
            let what = match code {
                401 | 407 => {
                    "    → user name or password are wrong, or realm names another one\n    → 用户名、密码或 realm 有误"
                }
                403 => {
                    "    → the carrier refuses this account or this address\n    → 运营商拒绝该账号或本机地址"
                }
                404 => {
                    "    → the carrier does not know the user of from, or the domain of registrar\n    → 运营商不认识 from 的用户或 registrar 域名"
                }
                _ => "    → ask the carrier with this code\n    → 请携带该代码咨询运营商",
            };
            out!("{what}")?;
            Ok(false)
        }
        Ok(Some(State::Removed) | None) | Err(_) => {
            out!("✗ REGISTER: no answer 无应答{}", shown(sip.fault(hop).as_deref()))?;
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_fits_the_fault() {
        let hop = Hop::from(std::net::SocketAddr::from(([192, 0, 2, 1], 5060)));
        let faults = [
            ("invalid peer certificate: UnknownIssuer", "tls_ca"),
            ("invalid peer certificate: certificate not valid for name \"a\"", "tls_name"),
            ("invalid peer certificate: certificate expired: verification time 2 (UNIX)", "clock"),
            ("invalid peer certificate: certificate not valid yet: verification time 1 (UNIX)", "clock"),
            ("received fatal alert: CertificateRequired", "wants a certificate"),
            ("received fatal alert: HandshakeFailure", "or has no TLS"),
            ("received fatal alert: UnknownCA", "does not believe our certificate"),
            ("received fatal alert: CertificateExpired", "does not believe our certificate"),
            ("Connection refused (os error 111)", "listens"),
        ];
        for (fault, word) in faults {
            assert!(advice(Some(fault), hop).contains(word), "{fault}");
        }
        assert!(advice(None, hop).contains("proxy"));
    }
}
