//! `[signalling]` and `[[phone]]` of a trunk's file: by what SIP travels, who is believed, who may call in,
//! whether we register, and which telephones register here.

mod web;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use serde::Deserialize;
use waihu_sip::{
    CallsIn, Credentials, Hop, LargeRequests, NameAddr, Referral, Strangers, Transport, Uri, locate::Place,
    registrar::Telephone, registration,
};

use super::{ConfigError, PasswordRef, TrunkConfig, Wrong, password};
use crate::{
    hep::HepConfig,
    network::Network,
    socket::{Callers, SocketConfig},
    stir::{Attestation, Signer},
    streams::{Listen, StreamConfig, Web},
    tls::TlsFiles,
};

/// The most telephones of one trunk: what one person still keeps in a file.
const MAX_PHONES: usize = 500;

/// How often the carrier's machines are asked whether they are there [s]: where nothing is written, and what may be.
const USUAL_PING_S: u32 = 30;
const PING_S: std::ops::RangeInclusive<u32> = 5..=3_600;

/// The most backups of one proxy: a telephone has 30 s to ring, and a silent proxy costs 6 of them.
const MAX_BACKUPS: usize = 4;

/// How a trunk's SIP travels, checked.
#[derive(Clone, Debug, Default)]
pub struct Signalling {
    /// What carries it to the proxy, where that is written: else the DNS says, and UDP carries it to an address.
    pub transport: Option<Transport>,
    /// The server that names are asked of; none for the system's.
    pub dns: Option<SocketAddr>,
    /// How often the carrier's machines are asked whether they are there; none for never.
    pub ping: Option<Duration>,
    /// The address that Via and Contact name, where a translator stands between.
    pub public_address: Option<IpAddr>,
    /// How long a registration is asked for [s]; none where the trunk does not register.
    pub register_s: Option<u32>,
    /// What becomes of a request too large for a datagram.
    pub large: LargeRequests,
    /// What callers hear who are not of the trunk.
    pub strangers: Strangers,
    /// Further networks that may call in, besides the proxy and the agents' telephones.
    pub callers: Vec<Network>,
    backups: Vec<Place>,
    stir: Option<(PathBuf, String, Attestation)>,
    registrar: Option<Uri>,
    tls: Option<TlsFiles>,
    tls_name: Option<String>,
    ws_path: String,
    web: Web,
    hep: Option<(String, u32, Option<PasswordRef>)>,
    phones: Vec<Phone>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SignallingTable {
    transport: Option<String>,
    dns: Option<SocketAddr>,
    ping_s: Option<u32>,
    public_address: Option<IpAddr>,
    tls_name: Option<String>,
    tls_ca: Option<PathBuf>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    ws_path: Option<String>,
    ws_port: Option<u16>,
    wss_port: Option<u16>,
    ws_origins: Vec<String>,
    register: bool,
    registrar: Option<String>,
    register_expires_s: Option<u32>,
    large_over_tcp: bool,
    strangers: Option<String>,
    callers: Vec<String>,
    backups: Vec<String>,
    stir_key: Option<PathBuf>,
    stir_x5u: Option<String>,
    stir_attest: Option<String>,
    hep: Option<String>,
    hep_capture_id: Option<u32>,
    hep_password_file: Option<PathBuf>,
    hep_password_env: Option<String>,
}

/// A telephone that may register here.
#[derive(Clone, Debug)]
struct Phone {
    user: String,
    password: PasswordRef,
    /// Who has it at their desk.
    login: Option<String>,
    digests: Digests,
    /// It sits in a browser, which wants its sound by ICE and DTLS.
    in_browser: bool,
}

/// What a telephone may prove itself by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digests {
    /// SHA-256 or MD5.
    Either,
    /// MD5, and nothing else is offered to it.
    Md5,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PhoneTable {
    user: String,
    #[serde(default)]
    login: Option<String>,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    browser: bool,
    #[serde(default)]
    password_file: Option<PathBuf>,
    #[serde(default)]
    password_env: Option<String>,
}

impl Signalling {
    /// The name that the carrier's certificate bears, where one is written.
    pub fn tls_name(&self) -> Option<&str> {
        self.tls_name.as_deref()
    }
}

impl SignallingTable {
    pub(super) fn check(
        self,
        proxy: &Place,
        phones: Vec<PhoneTable>,
        has_password: bool,
        wrong: &Wrong<'_>,
    ) -> Result<Signalling, ConfigError> {
        let transport = match &self.transport {
            None => None,
            Some(name) => Some(Transport::from_name(name).ok_or_else(|| {
                wrong("transport", format!("{name:?} is not known; use udp, tcp, tls, ws or wss"))
            })?),
        };
        let strangers = match self.strangers.as_deref() {
            None | Some("ignore") => Strangers::Ignored,
            Some("refuse") => Strangers::Refused,
            Some(other) => {
                return Err(wrong("strangers", format!("{other:?} is not known; use ignore or refuse")));
            }
        };
        let certificate = match (self.tls_certificate, self.tls_key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(wrong("tls_certificate", "tls_certificate goes with tls_key".into())),
        };
        let backups = backups(&self.backups, wrong)?;
        // A name may lead to TLS.
        let named = [proxy].into_iter().chain(&backups).any(|place| place.name().is_some());
        let by_dns = transport.is_none() && named;
        let wanted = by_dns || certificate.is_some() || transport.is_some_and(Transport::is_secure);
        if !wanted && (self.tls_ca.is_some() || self.tls_name.is_some()) {
            return Err(wrong(
                "tls_name",
                "nothing goes by TLS; write transport = \"tls\" or \"wss\"".into(),
            ));
        }
        let phones = self::phones(phones, wrong)?;
        let web = web::web(
            Web { ws_port: self.ws_port, wss_port: self.wss_port, origins: self.ws_origins },
            web::Phones { any: !phones.is_empty(), in_browsers: phones.iter().any(|phone| phone.in_browser) },
            certificate.is_some(),
            wrong,
        )?;
        let tls = wanted.then_some(TlsFiles { authorities: self.tls_ca, certificate });
        if self.register && !has_password {
            return Err(wrong("register", "a registration needs username and a password's reference".into()));
        }
        let uri = |text: String| {
            text.parse().map_err(|e| {
                wrong("registrar", format!("{text:?} is no SIP URI ({e}); write sip:carrier.example"))
            })
        };
        let letter = self.stir_attest.as_deref().unwrap_or("A");
        let attestation = Attestation::from_letter(letter)
            .ok_or_else(|| wrong("stir_attest", format!("{letter:?} is not known; use A, B or C")))?;
        let stir = match (self.stir_key, self.stir_x5u) {
            (Some(key), Some(x5u)) => Some((key, x5u, attestation)),
            (None, None) => None,
            _ => return Err(wrong("stir_key", "a signature needs stir_key and stir_x5u".into())),
        };
        let hep =
            hep((self.hep, self.hep_capture_id), (self.hep_password_file, self.hep_password_env), wrong)?;
        let registrar = self.registrar.map(uri).transpose()?;
        let network = |text: &String| text.parse().map_err(|e| wrong("callers", format!("{text:?}: {e}")));
        let callers = self.callers.iter().map(network).collect::<Result<_, _>>()?;
        Ok(Signalling {
            transport,
            dns: self.dns,
            ping: ping(self.ping_s.unwrap_or(USUAL_PING_S), wrong)?,
            public_address: self.public_address,
            register_s: self.register.then_some(self.register_expires_s.unwrap_or(600)),
            large: if self.large_over_tcp { LargeRequests::OverTcp } else { LargeRequests::AsAsked },
            strangers,
            callers,
            backups,
            stir,
            registrar,
            tls,
            tls_name: self.tls_name,
            ws_path: self.ws_path.unwrap_or_default(),
            web,
            phones,
            hep,
        })
    }
}

fn ping(seconds: u32, wrong: &Wrong<'_>) -> Result<Option<Duration>, ConfigError> {
    match seconds {
        0 => Ok(None),
        _ if PING_S.contains(&seconds) => Ok(Some(Duration::from_secs(seconds.into()))),
        _ => Err(wrong("ping_s", "from 5 to 3600 seconds, or 0 for never".into())),
    }
}

fn backups(texts: &[String], wrong: &Wrong<'_>) -> Result<Vec<Place>, ConfigError> {
    if texts.len() > MAX_BACKUPS {
        let message = format!("at most {MAX_BACKUPS}: each silent one costs a call six seconds");
        return Err(wrong("backups", message));
    }
    texts.iter().map(|text| place("backups", text, wrong)).collect()
}

/// A server by its address or name, with a port or without.
pub(super) fn place(key: &'static str, text: &str, wrong: &Wrong<'_>) -> Result<Place, ConfigError> {
    text.parse().map_err(|_| {
        wrong(
            key,
            format!(
                "{text:?} is no server; write 192.0.2.10:5060 or sip.carrier.example, as the carrier says"
            ),
        )
    })
}

/// A capture server, which of its senders we are, and what proves it.
fn hep(
    (server, capture_id): (Option<String>, Option<u32>),
    password: (Option<PathBuf>, Option<String>),
    wrong: &Wrong<'_>,
) -> Result<Option<(String, u32, Option<PasswordRef>)>, ConfigError> {
    let password = match password {
        (Some(_), Some(_)) => {
            let message = "give hep_password_file or hep_password_env, not both";
            return Err(wrong("hep_password_file", message.into()));
        }
        (Some(file), None) => Some(PasswordRef::File(file)),
        (None, Some(name)) => Some(PasswordRef::Env(name)),
        (None, None) => None,
    };
    let Some(server) = server else {
        return match (capture_id, password) {
            (None, None) => Ok(None),
            _ => Err(wrong("hep", "hep_capture_id and hep_password_… go with hep = \"host:9060\"".into())),
        };
    };
    let port =
        server.rsplit_once(':').filter(|(host, _)| !host.is_empty()).and_then(|(_, p)| p.parse::<u16>().ok());
    if port.is_none_or(|port| port == 0) {
        return Err(wrong("hep", format!("{server:?}: write a host and its port, as homer.example:9060")));
    }
    Ok(Some((server, capture_id.unwrap_or(1), password)))
}

fn phones(tables: Vec<PhoneTable>, wrong: &Wrong<'_>) -> Result<Vec<Phone>, ConfigError> {
    if tables.len() > MAX_PHONES {
        return Err(wrong("phone", format!("at most {MAX_PHONES} telephones")));
    }
    let mut phones: Vec<Phone> = Vec::with_capacity(tables.len());
    for PhoneTable { user, login, digest, browser, password_file, password_env } in tables {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if user.is_empty() || !user.bytes().all(plain) || phones.iter().any(|p| p.user == user) {
            return Err(wrong("phone.user", format!("{user:?}: letters, digits, - _ . and each user once")));
        }
        if login.is_some() && phones.iter().any(|p| p.login == login) {
            return Err(wrong("phone.login", format!("{login:?}: each login has one telephone")));
        }
        let password = match (password_file, password_env) {
            (Some(file), None) => PasswordRef::File(file),
            (None, Some(name)) => PasswordRef::Env(name),
            _ => return Err(wrong("phone", format!("{user}: give password_file or password_env"))),
        };
        let digests = match digest.as_deref() {
            None => Digests::Either,
            Some("md5") => Digests::Md5,
            Some(other) => {
                return Err(wrong(
                    "phone.digest",
                    format!("{other:?} is not known; use md5, or leave it out"),
                ));
            }
        };
        phones.push(Phone { user, password, login, digests, in_browser: browser });
    }
    Ok(phones)
}

impl TrunkConfig {
    /// The proxy, and then where calls go instead, in order, where that is dead, silent or overloaded.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        [&self.proxy].into_iter().chain(&self.signalling.backups)
    }

    /// The proxy, where it is written as an address, and what carries SIP there.
    pub fn proxy_hop(&self) -> Option<Hop> {
        self.proxy.hop(self.signalling.transport.unwrap_or_default())
    }

    /// The socket that this trunk is reached by: nobody takes calls that come in, and nobody is there to decide about a
    /// REFER.
    pub fn socket(&self, user_agent: &str) -> SocketConfig {
        let s = &self.signalling;
        let mut networks = s.callers.clone();
        let agents = self.agents.iter().filter_map(|a| a.address.as_sip()?.host.address());
        // Those that are named are told to the socket as the DNS tells them.
        let proxies = || self.places().filter_map(|place| place.host.address());
        networks.extend(agents.chain(proxies()).map(Network::of));
        let datagrams = match s.transport {
            Some(transport) => transport == Transport::Udp,
            None => self.places().all(|place| place.name().is_none()),
        };
        SocketConfig {
            name: self.name.clone(),
            public: s.public_address,
            streams: StreamConfig {
                listen: if datagrams { Listen::UdpOnly } else { Listen::Streams },
                tls: s.tls.clone(),
                names: s.tls_name.iter().flat_map(|name| proxies().map(|ip| (ip, name.clone()))).collect(),
                ws_path: s.ws_path.clone(),
                web: s.web.clone(),
            },
            callers: Callers::Of(networks),
            strangers: s.strangers,
            referral: Referral::Declined,
            calls_in: CallsIn::Refused,
            large: s.large,
            md5_alone: s
                .phones
                .iter()
                .filter(|phone| phone.digests == Digests::Md5)
                .map(|phone| phone.user.clone())
                .collect(),
            ..SocketConfig::new(self.bind, user_agent)
        }
    }

    /// What signs calls; none where the trunk signs none.
    ///
    /// # Errors
    /// When the key cannot be read or is of another kind.
    pub fn signer(&self) -> Result<Option<Signer>, ConfigError> {
        let Some((key, x5u, attestation)) = &self.signalling.stir else { return Ok(None) };
        Ok(Some(Signer::read(key, x5u, *attestation)?))
    }

    /// The capture server that its signalling is told to, with its password by reference; none where none is named.
    ///
    /// # Errors
    /// When a file cannot be read or a variable is not set.
    pub fn hep(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<HepConfig>, ConfigError> {
        let Some((server, capture_id, reference)) = &self.signalling.hep else { return Ok(None) };
        let password = reference.as_ref().map(|reference| password(reference, env)).transpose()?;
        Ok(Some(HepConfig { server: server.clone(), capture_id: *capture_id, password }))
    }

    /// The registration that the trunk asks for; none where it asks for none. Where the proxy is a name, its machine
    /// is yet to be named.
    pub fn registration(&self, credentials: Option<&Credentials>) -> Option<registration::Order> {
        let expires_s = self.signalling.register_s?;
        let own = self.from.uri.as_sip()?;
        let domain = || {
            let mut domain = own.clone();
            domain.userinfo = None;
            Uri::Sip(domain)
        };
        Some(registration::Order {
            registration: 0,
            registrar: self.signalling.registrar.clone().unwrap_or_else(domain),
            // Whoever registers names the machine.
            next_hop: self.proxy_hop().unwrap_or(Hop::new(Transport::Udp, self.bind)),
            of: NameAddr::new(None, self.from.uri.clone()),
            contact_user: own.user().unwrap_or_else(|| "waihu".to_owned()),
            expires_s,
            credentials: credentials.cloned(),
        })
    }

    /// The telephones that may register here, with their passwords by reference. `env` looks up an environment
    /// variable.
    ///
    /// # Errors
    /// When a file cannot be read or a variable is not set.
    pub fn telephones(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Telephone>, ConfigError> {
        let telephone = |phone: &Phone| {
            Ok(Telephone { user: phone.user.clone(), password: password(&phone.password, env)? })
        };
        self.signalling.phones.iter().map(telephone).collect()
    }

    /// Whether a telephone that may register here is this user's.
    pub fn has_phone(&self, user: &str) -> bool {
        self.signalling.phones.iter().any(|phone| phone.user == user)
    }

    /// Whether a telephone that may register here is this user's, and sits in a browser.
    pub(super) fn has_browser(&self, user: &str) -> bool {
        self.signalling.phones.iter().any(|phone| phone.user == user && phone.in_browser)
    }

    /// Who has one of these telephones at their desk, each by login, with its user.
    pub fn seats(&self) -> impl Iterator<Item = (&str, &str)> {
        self.signalling.phones.iter().filter_map(|phone| Some((phone.login.as_deref()?, phone.user.as_str())))
    }
}
