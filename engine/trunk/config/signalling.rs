//! `[signalling]` and `[[phone]]` of a trunk's file: by what SIP travels, who is believed, who may call in,
//! whether we register, and which telephones register here.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use serde::Deserialize;
use waihu_sip::{
    Credentials, Hop, LargeRequests, NameAddr, Referral, Strangers, Transport, Uri, registrar::Telephone,
    registration,
};

use super::{ConfigError, PasswordRef, TrunkConfig, Wrong, password};
use crate::{
    network::Network,
    socket::{Callers, SocketConfig},
    stir::{Attestation, Signer},
    streams::{Listen, StreamConfig},
    tls::TlsFiles,
};

/// The most telephones of one trunk: what one person still keeps in a file.
const MAX_PHONES: usize = 500;

/// The most backups of one proxy: a telephone has 30 s to ring, and a silent proxy costs 6 of them.
const MAX_BACKUPS: usize = 4;

/// How a trunk's SIP travels, checked.
#[derive(Clone, Debug, Default)]
pub struct Signalling {
    /// What carries it to the proxy.
    pub transport: Transport,
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
    backups: Vec<SocketAddr>,
    stir: Option<(PathBuf, String, Attestation)>,
    registrar: Option<Uri>,
    tls: Option<TlsFiles>,
    tls_name: Option<String>,
    ws_path: String,
    phones: Vec<(String, PasswordRef)>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SignallingTable {
    transport: Option<String>,
    public_address: Option<IpAddr>,
    tls_name: Option<String>,
    tls_ca: Option<PathBuf>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    ws_path: Option<String>,
    register: bool,
    registrar: Option<String>,
    register_expires_s: Option<u32>,
    large_over_tcp: bool,
    strangers: Option<String>,
    callers: Vec<String>,
    backups: Vec<SocketAddr>,
    stir_key: Option<PathBuf>,
    stir_x5u: Option<String>,
    stir_attest: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PhoneTable {
    user: String,
    #[serde(default)]
    password_file: Option<PathBuf>,
    #[serde(default)]
    password_env: Option<String>,
}

impl SignallingTable {
    pub(super) fn check(
        self,
        phones: Vec<PhoneTable>,
        has_password: bool,
        wrong: &Wrong<'_>,
    ) -> Result<Signalling, ConfigError> {
        let transport = match &self.transport {
            None => Transport::Udp,
            Some(name) => Transport::from_name(name).ok_or_else(|| {
                wrong("transport", format!("{name:?} is not known; use udp, tcp, tls, ws or wss"))
            })?,
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
        let wanted = transport.is_secure() || certificate.is_some();
        if !wanted && (self.tls_ca.is_some() || self.tls_name.is_some()) {
            return Err(wrong(
                "tls_name",
                "nothing goes by TLS; write transport = \"tls\" or \"wss\"".into(),
            ));
        }
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
        if self.backups.len() > MAX_BACKUPS {
            return Err(wrong(
                "backups",
                format!("at most {MAX_BACKUPS}: each silent one costs a call six seconds"),
            ));
        }
        let registrar = self.registrar.map(uri).transpose()?;
        let network = |text: &String| text.parse().map_err(|e| wrong("callers", format!("{text:?}: {e}")));
        let callers = self.callers.iter().map(network).collect::<Result<_, _>>()?;
        Ok(Signalling {
            transport,
            public_address: self.public_address,
            register_s: self.register.then_some(self.register_expires_s.unwrap_or(600)),
            large: if self.large_over_tcp { LargeRequests::OverTcp } else { LargeRequests::AsAsked },
            strangers,
            callers,
            backups: self.backups,
            stir,
            registrar,
            tls,
            tls_name: self.tls_name,
            ws_path: self.ws_path.unwrap_or_default(),
            phones: self::phones(phones, wrong)?,
        })
    }
}

fn phones(tables: Vec<PhoneTable>, wrong: &Wrong<'_>) -> Result<Vec<(String, PasswordRef)>, ConfigError> {
    if tables.len() > MAX_PHONES {
        return Err(wrong("phone", format!("at most {MAX_PHONES} telephones")));
    }
    let mut phones: Vec<(String, PasswordRef)> = Vec::with_capacity(tables.len());
    for PhoneTable { user, password_file, password_env } in tables {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if user.is_empty() || !user.bytes().all(plain) || phones.iter().any(|(other, _)| *other == user) {
            return Err(wrong("phone.user", format!("{user:?}: letters, digits, - _ . and each user once")));
        }
        let reference = match (password_file, password_env) {
            (Some(file), None) => PasswordRef::File(file),
            (None, Some(name)) => PasswordRef::Env(name),
            _ => return Err(wrong("phone", format!("{user}: give password_file or password_env"))),
        };
        phones.push((user, reference));
    }
    Ok(phones)
}

impl TrunkConfig {
    /// The proxy, and what carries SIP there.
    pub fn proxy_hop(&self) -> Hop {
        Hop::new(self.signalling.transport, self.proxy)
    }

    /// Where calls go instead, in order, where the proxy is dead, silent or overloaded.
    pub fn backups(&self) -> Vec<Hop> {
        self.signalling.backups.iter().map(|at| Hop::new(self.signalling.transport, *at)).collect()
    }

    /// The socket that this trunk is reached by.
    pub fn socket(&self, user_agent: &str) -> SocketConfig {
        let s = &self.signalling;
        let mut networks = s.callers.clone();
        let agents = self.agents.iter().filter_map(|a| a.address.as_sip()?.host.address());
        let proxies = || s.backups.iter().chain([&self.proxy]).map(SocketAddr::ip);
        networks.extend(agents.chain(proxies()).map(Network::of));
        SocketConfig {
            public: s.public_address,
            streams: StreamConfig {
                listen: if s.transport == Transport::Udp { Listen::UdpOnly } else { Listen::Streams },
                tls: s.tls.clone(),
                names: s.tls_name.iter().flat_map(|name| proxies().map(|ip| (ip, name.clone()))).collect(),
                ws_path: s.ws_path.clone(),
            },
            callers: Callers::Of(networks),
            strangers: s.strangers,
            referral: Referral::Declined,
            large: s.large,
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

    /// The registration that the trunk asks for; none where it asks for none.
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
            next_hop: self.proxy_hop(),
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
        let telephone = |(user, reference): &(String, PasswordRef)| {
            Ok(Telephone { user: user.clone(), password: password(reference, env)? })
        };
        self.signalling.phones.iter().map(telephone).collect()
    }
}
