//! What is set up: models, days off, trunks, database, ports.

use std::{
    fs,
    net::{TcpListener, UdpSocket},
    path::PathBuf,
    time::Instant,
};

use waihu_compliance::Holidays;
use waihu_deliver::LetIn;
use waihu_models::FileState;
use waihu_store::Store;
use waihu_trunk::TrunkConfig;
use waihu_types::WallTime;

use super::Finding;
use crate::{
    commands::{dialog::now, listed::local},
    configuration::{Configuration, FILE, StoreAt},
    gate,
    project::Project,
};

pub(super) fn told(project: &Project, c: &Configuration) -> String {
    let file = if project.root().join(FILE).exists() {
        FILE
    } else {
        "no waihu.toml, all is local 无 waihu.toml，均为本机缺省"
    };
    format!("{file}; node 节点 {}, {} readers of events 个事件接收方", c.node, c.deliveries.readers.len())
}

pub(super) fn models(project: &Project, quick: bool) -> Vec<Finding> {
    let what = "models 模型";
    let pull = "run `waihu models pull`\n请运行 waihu models pull";
    let library = match project.library() {
        Ok(library) => library,
        Err(e) => {
            return vec![Finding::bad(
                what,
                format!("{e:#}"),
                "see that models/ is in the project\n请确认项目中有 models/ 目录",
            )];
        }
    };
    let missing: Vec<String> =
        library.list().into_iter().filter(|m| !m.is_complete()).map(|m| m.name).collect();
    let files = if !missing.is_empty() {
        Finding::bad(what, format!("not there 缺少: {}", missing.join(", ")), pull)
    } else if quick {
        Finding::well(what, "all there, by their sizes 齐全（仅核对大小）")
    } else {
        match library.verify(&mut |_| {}) {
            Ok(reports) => {
                let damaged = reports.iter().filter(|r| r.state != FileState::Sound);
                let damaged: Vec<String> = damaged.map(|r| format!("{}/{}", r.model, r.file)).collect();
                if damaged.is_empty() {
                    Finding::well(
                        what,
                        format!("{} files, as their SHA-256 says 个文件校验无误", reports.len()),
                    )
                } else {
                    Finding::bad(what, format!("damaged 已损坏: {}", damaged.join(", ")), pull)
                }
            }
            Err(e) => Finding::bad(what, e.to_string(), pull),
        }
    };
    let head = match project.trained_head() {
        Ok(_) => Finding::well("intents 意图模型", "trained 已训练"),
        Err(_) => Finding::bad(
            "intents 意图模型",
            "not trained 未训练",
            "run `waihu train intents`\n请运行 waihu train intents",
        ),
    };
    vec![files, head]
}

/// Time zones, and the days off of this year and the next.
pub(super) fn calendar(project: &Project) -> Vec<Finding> {
    let zones = ["Asia/Shanghai", "America/New_York"];
    let what = "time zones 时区数据";
    let unknown: Vec<&str> = zones.into_iter().filter(|zone| now().date_in(zone).is_err()).collect();
    let mut found = vec![if unknown.is_empty() {
        Finding::well(what, "there 可用")
    } else {
        Finding::bad(
            what,
            format!("unknown 未知: {}", unknown.join(", ")),
            "build waihu anew: its own table is missing\n请重新编译：缺少内置时区表",
        )
    }];
    let folder = project.root().join("compliance/holidays");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|f| f.path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    if files.is_empty() {
        found.push(Finding::mind(
            "days off 节假日",
            format!("none in {} 目录下没有文件", folder.display()),
            "profiles that need them deny every call\n需要节假日的规则会拒绝所有呼叫",
        ));
    }
    found.extend(files.into_iter().map(|path| days_off(&path, now())));
    found
}

fn days_off(path: &std::path::Path, now: WallTime) -> Finding {
    let what = "days off 节假日";
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let shown = path.display().to_string();
    let mend = format!("mend {shown}\n请修正 {shown}");
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) => return Finding::bad(what, format!("{name}: {e}"), mend),
    };
    let known = match Holidays::parse(&shown, &text) {
        Ok(known) => known,
        Err(faults) => return Finding::bad(what, faults.to_string(), mend),
    };
    // The year is the callees', of whom no zone is known here: the earliest place counts.
    let year = now.date_in("Pacific/Kiritimati").map_or(0, |day| day.year());
    let add = |year: i16| {
        format!(
            "add the table of {year} to {shown}: a year that is not listed is denied\n请在 {shown} 中补入 {year} 年，未列出的年份一律不呼叫"
        )
    };
    match (known.knows(year), known.knows(year + 1)) {
        (true, true) => Finding::well(what, format!("{name}: {year}, {}", year + 1)),
        (true, false) => {
            Finding::mind(what, format!("{name}: {year}, not yet 尚无 {}", year + 1), add(year + 1))
        }
        (false, _) => Finding::bad(what, format!("{name}: not 缺少 {year}"), add(year)),
    }
}

/// When agents are at work, where `[agents]` of the configuration says so.
pub(super) fn agents(project: &Project) -> Option<Finding> {
    let what = "agents' hours 坐席工作时间";
    Some(match gate::working_hours(project) {
        Ok(hours) => match hours?.back_at(now().timestamp()) {
            None => Finding::well(what, "at work now 现为工作时间"),
            Some(back) => {
                let back = local(WallTime::from_unix_millis(back.as_millisecond()));
                Finding::well(what, format!("not at work now, from {back} on 现在下班，{back} 上班"))
            }
        },
        Err(e) => Finding::bad(
            what,
            format!("{e:#}"),
            "mend [agents] in waihu.toml: nobody is called before; waihu.example.toml explains its keys\n请修正 waihu.toml 的 [agents]，否则不能呼叫；各键说明见 waihu.example.toml",
        ),
    })
}

/// Each trunk's file, its password, its rules and its port; those that are `asked` are asked with OPTIONS.
pub(super) fn trunks(project: &Project, asked: &[String]) -> Vec<Finding> {
    let what = "trunk 线路";
    let folder = project.root().join("sip-config");
    let files = fs::read_dir(&folder).into_iter().flatten().flatten().map(|f| f.path());
    let mut names: Vec<String> = files
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .filter_map(|p| Some(p.file_stem()?.to_str()?.to_owned()))
        // The one to copy names nobody's carrier.
        .filter(|name| name != "example")
        .collect();
    names.extend(asked.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
    names.sort();
    let mut found = Vec::new();
    for name in names {
        let environment = |name: &str| std::env::var(name).ok();
        let trunk = TrunkConfig::read(&project.trunk(&name)).map_err(anyhow::Error::from);
        let checked = trunk.and_then(|t| {
            t.credentials(&environment)?;
            let gate = gate::of(project, &name, &t)?;
            Ok((t, gate))
        });
        match checked {
            Ok((trunk, gate)) => {
                let told = format!(
                    "{name}: {}, rules 规则 {}, {} calls 路",
                    trunk.proxy,
                    gate.profile.id(),
                    trunk.max_calls
                );
                found.push(Finding::well(what, told));
                found.push(port(&name, &trunk));
                if asked.contains(&name) {
                    found.push(carrier(&name, &trunk));
                }
            }
            Err(e) => {
                let mend = format!("see `waihu check --trunk {name}`\n请运行 waihu check --trunk {name}");
                found.push(Finding::bad(what, format!("{name}: {e:#}"), mend));
            }
        }
    }
    found
}

fn port(name: &str, trunk: &TrunkConfig) -> Finding {
    let what = "SIP port 端口";
    match UdpSocket::bind(trunk.bind) {
        Ok(_) => Finding::well(what, format!("{name}: {} is free 可用", trunk.bind)),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => Finding::mind(
            what,
            format!("{name}: {} is taken 已占用", trunk.bind),
            "well where waihu runs; else stop who has it\n若 waihu 正在运行则属正常，否则请停止占用者",
        ),
        Err(e) => Finding::bad(
            what,
            format!("{name}: {} {e}", trunk.bind),
            "write an address of this machine as bind\nbind 应为本机地址",
        ),
    }
}

fn carrier(name: &str, trunk: &TrunkConfig) -> Finding {
    let what = "carrier 运营商侧";
    // What is found by name, and what is reached by a stream, is asked elsewhere.
    let Some(hop) = trunk.proxy_hop().filter(|hop| !hop.transport.is_reliable()) else {
        let told = format!("{name}: {} is asked by 请运行 `waihu trunk check {name}`", trunk.proxy);
        return Finding::mind(what, told, "");
    };
    let tag = format!("{:x}", now().unix_millis());
    match waihu_trunk::options(hop.address, trunk.bind.ip(), &tag) {
        Ok(alive) => Finding::well(
            what,
            format!(
                "{name}: {} answered OPTIONS with {} after 应答用时 {} ms",
                trunk.proxy,
                alive.status,
                alive.after.as_millis()
            ),
        ),
        Err(e) => Finding::bad(
            what,
            format!("{name}: {} does not answer OPTIONS 无应答 ({e})", trunk.proxy),
            "see proxy in the trunk's file, the firewall, and that the carrier knows this address\n请检查线路文件中的 proxy、防火墙，以及运营商是否已放行本机地址",
        ),
    }
}

/// Questions by which the way to the database is measured.
const PINGS: u32 = 5;

pub(super) async fn database(c: &Configuration) -> Vec<Finding> {
    let what = "database 数据库";
    let look = match &c.store {
        StoreAt::Path(_) => "see the path and the rights on it and on its folder\n请检查路径及其目录权限",
        StoreAt::Env(_) | StoreAt::File(_) => {
            "see that the server runs, and the URL's host, name, user and password\n请检查数据库服务及地址中的主机、库名、用户和密码"
        }
    };
    let opened = match c.store_address() {
        Ok(address) => Store::connect(&address).await.map_err(anyhow::Error::from),
        Err(e) => Err(e),
    };
    // Opening it brings its schema up to date: it may be read and written.
    let store = match opened {
        Ok(store) => store,
        Err(e) => return vec![Finding::bad(what, format!("{e:#}"), look)],
    };
    let begun = Instant::now();
    for _ in 0..PINGS {
        if let Err(e) = store.ping().await {
            return vec![Finding::bad(what, e.to_string(), look)];
        }
    }
    let way = begun.elapsed() / PINGS;
    let mut found = vec![Finding::well(
        what,
        format!(
            "open, schema up to date, {:.1} ms there and back 可用，结构为最新，往返耗时",
            way.as_secs_f64() * 1e3
        ),
    )];
    let rights = "database rights 数据库写入";
    let written = store.forget_old_answers(now()).await;
    found.push(match written {
        Ok(_) => Finding::well(rights, "may be written 可写"),
        Err(e) => Finding::bad(
            rights,
            e.to_string(),
            "give its user the rights to write all tables\n请授予该用户写入权限",
        ),
    });
    found
}

/// The gateway for text messages, where there is one: its rules, and whether it lets us in.
pub(super) async fn texts(project: &Project, c: &Configuration) -> Vec<Finding> {
    let Some(sms) = &c.deliveries.sms else { return Vec::new() };
    let (rules, what) = ("text rules 短信规则", "text gateway 短信网关");
    let of = &sms.compliance;
    let rules = match gate::profile(project, of) {
        Ok(profile) if profile.sms().is_some() => Finding::well(rules, of.clone()),
        Ok(_) => Finding::bad(
            rules,
            format!("compliance/{of}.toml has no [sms] 没有 [sms]"),
            "write it there, as compliance/example.toml explains; without it nothing is delivered\n请参照 compliance/example.toml 补写，否则无法投递",
        ),
        Err(e) => Finding::bad(
            rules,
            format!("{e:#}"),
            "see [sms] compliance in waihu.toml\n请检查 waihu.toml 中 [sms] 的 compliance",
        ),
    };
    let gateway = match sms.reach().await {
        Ok(LetIn::Connected) => {
            Finding::well(what, "takes connections; nothing was asked of it 可连接，未发送任何请求")
        }
        Ok(LetIn::Bound) => Finding::well(what, "bound, and left again 已绑定并解绑"),
        Ok(LetIn::Taken) => Finding::mind(
            what,
            "its account is bound already, and has room for one line 该账号已绑定，且只允许一条连接",
            "well where waihu runs alone; each process that delivers needs a line of its own\n若仅一个 waihu 进程在运行则属正常；每个投递进程都需要一条连接",
        ),
        Err(e) => Finding::bad(
            what,
            e.to_string(),
            "see [sms] in waihu.toml: address, account and secret, the firewall, and that the gateway knows this address\n请检查 waihu.toml 的 [sms]：地址、账号与密码，以及防火墙和网关侧的白名单",
        ),
    };
    vec![rules, gateway]
}

pub(super) fn listening(c: &Configuration) -> Finding {
    let (what, at) = ("API port 接口端口", c.api.listen);
    match TcpListener::bind(at) {
        Ok(_) => Finding::well(what, format!("{at} is free 可用")),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => Finding::mind(
            what,
            format!("{at} is taken 已占用"),
            "well where waihu serves; else choose another in waihu.toml, [api] listen\n若 waihu 正在服务则属正常，否则请在 waihu.toml 的 [api] listen 中另选",
        ),
        Err(e) => Finding::bad(what, format!("{at}: {e}"), "write an address of this machine\n应为本机地址"),
    }
}
