//! A trunk's configuration: `sip-config/NAME.toml`, read and checked before anything is dialled.

mod causes;
mod numbers;
mod signalling;

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::IgnoredAny};
use waihu_sip::{
    Codec, ComfortNoise, Credentials, NameAddr, SipUri, SrtpPolicy, SrtpSuite, Uri, identity::Presentation,
    locate::Place,
};

use self::{
    causes::CauseTable,
    numbers::{CallerIdTable, NumbersTable},
    signalling::{PhoneTable, SignallingTable},
};
pub use self::{
    causes::{Causes, Meaning, SipEnd},
    numbers::{Numbers, OwnNumber},
    signalling::Signalling,
};
use crate::network::Network;

/// The most networks that a carrier's sound may come from. A packet from a new address is held against
/// each of them.
const MAX_NETWORKS: usize = 64;
/// Core numbers are below this: what the system's sets of cores hold.
const MAX_CORES: usize = 1_024;
/// The suites of a trunk that names none: all but the one whose packets carry 4 bytes of proof.
const USUAL_SUITES: [SrtpSuite; 3] =
    [SrtpSuite::AeadAes256Gcm, SrtpSuite::AeadAes128Gcm, SrtpSuite::AesCm128HmacSha1_80];

/// One trunk, checked.
#[derive(Clone, Debug)]
pub struct TrunkConfig {
    /// The carrier's or proxy's address or name.
    pub proxy: Place,
    /// Its name: that of its file; `direct` where it has none.
    pub name: String,
    /// The caller id.
    pub from: NameAddr,
    /// Whether the carrier is told the caller by P-Asserted-Identity, and may show it; none where it is not told.
    pub asserted_identity: Option<Presentation>,
    /// Where SIP is bound, and what Via and Contact name: one address of this machine, never 0.0.0.0.
    pub bind: SocketAddr,
    /// The address that RTP is bound to.
    pub media_address: IpAddr,
    /// The address that descriptions name for RTP: another one, where a translator stands between.
    pub media_public_address: IpAddr,
    /// Further addresses at which browsers reach the same ports, the preferred first.
    pub browser_addresses: Vec<IpAddr>,
    /// The ports for RTP, first and last.
    pub rtp_ports: (u16, u16),
    /// Which calls share a port.
    pub media_ports: MediaPorts,
    /// The cores that media threads are pinned to, a thread each; none leaves one thread to the system.
    pub media_cores: Vec<usize>,
    /// Networks that this carrier's sound may come from, besides the host that its descriptions name.
    pub media_networks: Vec<Network>,
    /// The profile of `compliance/` that every call on it has to pass; none where none is named.
    pub compliance: Option<String>,
    /// Codecs in the order in which they are offered.
    pub codecs: Vec<Codec>,
    /// How badly SRTP is wanted.
    pub srtp: SrtpPolicy,
    /// What SRTP's keys come from.
    pub key_exchange: KeyExchange,
    /// SRTP's suites in the order in which they are offered.
    pub srtp_suites: Vec<SrtpSuite>,
    /// Whether comfort noise is offered.
    pub comfort_noise: ComfortNoise,
    /// Whether keys are listened for in the sound itself, where telephone-event is not agreed on.
    pub inband_dtmf: bool,
    /// How long nothing may come from the far end before the call hears of it [s].
    pub no_audio_timeout_s: u32,
    /// How long a callee's phone may ring [s].
    pub ring_timeout_s: u32,
    /// Calls at once.
    pub max_calls: u32,
    /// New calls per second.
    pub max_cps: f64,
    /// Human agents, in the order in which they are asked.
    pub agents: Vec<Agent>,
    /// By what SIP travels, and who may call in.
    pub signalling: Signalling,
    /// How the carrier wants numbers written.
    pub numbers: Numbers,
    /// The numbers that callees may see, where their campaign names none.
    pub caller_ids: Vec<OwnNumber>,
    /// What the carrier means by its causes.
    pub causes: Causes,
    auth: Option<Auth>,
}

/// Which calls share a port for RTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaPorts {
    /// None: each leg has its own pair.
    #[default]
    PerCall,
    /// All legs of one media thread; they are told apart by address and SSRC.
    Shared,
}

/// What SRTP's keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyExchange {
    /// The descriptions themselves (RFC 4568): whoever reads the signalling has them.
    Sdes,
    /// A DTLS handshake between the two ends of the sound (RFC 5763).
    Dtls,
}

/// A human agent who can be reached by SIP.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The name in outcomes.
    pub name: String,
    /// The SIP URI that is dialled.
    pub address: Uri,
    /// How long the agent's phone may ring [s]; where the callee's side calls it, that says how long.
    pub ring_timeout_s: u32,
    /// What the agent can do, in the words of scripts (`skills` of a transfer).
    pub skills: Vec<String>,
    /// How a callee comes to the agent.
    pub handover: Handover,
}

/// How a callee comes to an agent's telephone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handover {
    /// We call the agent, whisper who it is, and join both; the call stays ours, and is recorded on.
    #[default]
    Join,
    /// The callee's side is asked to call the agent in our place (REFER, RFC 3515), as a PBX does: nobody is whispered
    /// to, the call is over for us with the agent's answer, and is recorded no longer.
    Refer,
}

#[derive(Clone, Debug)]
struct Auth {
    username: String,
    realm: Option<String>,
    password: PasswordRef,
}

#[derive(Clone, Debug)]
enum PasswordRef {
    File(PathBuf),
    Env(String),
}

/// What is wrong with a trunk's file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not TOML of the right shape; the message has line and key.
    #[error("{path}: {message}")]
    Shape {
        /// The file.
        path: String,
        /// Line, key, and what is expected.
        message: String,
    },
    /// A value cannot be used.
    #[error("{path}: {key}: {message}")]
    Value {
        /// The file.
        path: String,
        /// The key.
        key: &'static str,
        /// What is wrong, and what to write.
        message: String,
    },
    /// Calls cannot be signed.
    #[error("stir_key: {0}")]
    Stir(#[from] crate::stir::StirError),
    /// The password's reference leads nowhere.
    #[error("the trunk's password: {0}")]
    Password(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    trunk: TrunkTable,
    #[serde(default, rename = "agent")]
    agents: Vec<AgentTable>,
    /// What its calls cost: read by whoever counts that.
    #[serde(default, rename = "rates")]
    _rates: IgnoredAny,
    #[serde(default)]
    signalling: SignallingTable,
    #[serde(default, rename = "phone")]
    phones: Vec<PhoneTable>,
    #[serde(default)]
    numbers: NumbersTable,
    #[serde(default, rename = "caller_id")]
    caller_ids: Vec<CallerIdTable>,
    #[serde(default, rename = "cause")]
    causes: Vec<CauseTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrunkTable {
    proxy: String,
    from: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    asserted_identity: Option<String>,
    #[serde(default = "any_port")]
    bind: SocketAddr,
    #[serde(default)]
    media_address: Option<IpAddr>,
    #[serde(default)]
    media_public_address: Option<IpAddr>,
    #[serde(default)]
    browser_addresses: Vec<IpAddr>,
    #[serde(default = "usual_ports")]
    rtp_ports: (u16, u16),
    #[serde(default)]
    media_ports: MediaPorts,
    #[serde(default)]
    media_cores: Vec<usize>,
    #[serde(default)]
    media_networks: Vec<String>,
    #[serde(default)]
    compliance: Option<String>,
    #[serde(default = "both_codecs")]
    codecs: Vec<String>,
    #[serde(default)]
    srtp: Option<String>,
    #[serde(default)]
    dtls: Option<bool>,
    #[serde(default)]
    srtp_suites: Option<Vec<String>>,
    #[serde(default)]
    comfort_noise: bool,
    #[serde(default)]
    inband_dtmf: bool,
    #[serde(default = "usual_silence")]
    no_audio_timeout_s: u32,
    #[serde(default = "usual_ring")]
    ring_timeout_s: u32,
    #[serde(default = "usual_calls")]
    max_calls: u32,
    #[serde(default = "usual_cps")]
    max_cps: f64,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    realm: Option<String>,
    #[serde(default)]
    password_file: Option<PathBuf>,
    #[serde(default)]
    password_env: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentTable {
    name: String,
    address: String,
    #[serde(default = "agent_ring")]
    ring_timeout_s: u32,
    #[serde(default)]
    skills: Vec<String>,
    #[serde(default)]
    handover: Handover,
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 0))
}

fn usual_ports() -> (u16, u16) {
    (16_384, 32_767)
}

fn both_codecs() -> Vec<String> {
    vec!["PCMA".to_owned(), "PCMU".to_owned()]
}

fn usual_ring() -> u32 {
    30
}

/// Most phones send packets in silence too.
fn usual_silence() -> u32 {
    10
}

/// What carriers let a small customer have.
fn usual_cps() -> f64 {
    5.0
}

fn usual_calls() -> u32 {
    10
}

fn agent_ring() -> u32 {
    20
}

/// Says what is wrong with a key.
type Wrong<'a> = dyn Fn(&'static str, String) -> ConfigError + 'a;

/// Values named in order of preference: at least one, each known, none twice.
fn ordered<T: Copy + PartialEq>(
    key: &'static str,
    names: &[String],
    from_name: impl Fn(&str) -> Option<T>,
    known: &[&str],
    wrong: &Wrong<'_>,
) -> Result<Vec<T>, ConfigError> {
    let mut values = Vec::with_capacity(names.len());
    for name in names {
        let value = from_name(name)
            .ok_or_else(|| wrong(key, format!("{name:?} is not known; use {}", known.join(", "))))?;
        if values.contains(&value) {
            return Err(wrong(key, format!("{name:?} stands twice; name each once")));
        }
        values.push(value);
    }
    if values.is_empty() {
        return Err(wrong(key, format!("name at least one of {}", known.join(", "))));
    }
    Ok(values)
}

/// Cores by number, none twice: two threads on one core would only hinder each other.
fn cores(numbers: Vec<usize>, wrong: &Wrong<'_>) -> Result<Vec<usize>, ConfigError> {
    let twice = numbers.iter().enumerate().find(|(n, core)| numbers[..*n].contains(core));
    if let Some((_, core)) = twice {
        return Err(wrong("media_cores", format!("{core} stands twice; name each core once")));
    }
    match numbers.iter().find(|core| **core >= MAX_CORES) {
        Some(core) => Err(wrong("media_cores", format!("there is no core {core}; the first one is 0"))),
        None => Ok(numbers),
    }
}

/// Where RTP is bound, and what descriptions name for it.
fn media_addresses(
    bound: IpAddr,
    named: Option<IpAddr>,
    wrong: &Wrong<'_>,
) -> Result<(IpAddr, IpAddr), ConfigError> {
    if bound.is_unspecified() {
        let message = "name the address at which the far side reaches this machine's RTP";
        return Err(wrong("media_address", message.into()));
    }
    let named = named.unwrap_or(bound);
    if named.is_unspecified() || named.is_multicast() || named.is_ipv4() != bound.is_ipv4() {
        let message = "name the address at which the far side reaches media_address, of the same kind: \
                       IPv4 or IPv6";
        return Err(wrong("media_public_address", message.into()));
    }
    Ok((bound, named))
}

fn networks(texts: &[String], wrong: &Wrong<'_>) -> Result<Vec<Network>, ConfigError> {
    if texts.len() > MAX_NETWORKS {
        return Err(wrong("media_networks", format!("at most {MAX_NETWORKS}; join neighbours into one")));
    }
    let read = |text: &String| text.parse().map_err(|e| wrong("media_networks", format!("{text:?}: {e}")));
    texts.iter().map(read).collect()
}

impl TrunkTable {
    fn asserted_identity(&self, wrong: &Wrong<'_>) -> Result<Option<Presentation>, ConfigError> {
        match self.asserted_identity.as_deref() {
            None => Ok(None),
            Some("shown") => Ok(Some(Presentation::Shown)),
            Some("withheld") => Ok(Some(Presentation::Withheld)),
            Some(other) => {
                let message =
                    format!("{other:?} is not known; use shown or withheld 只能写 shown 或 withheld");
                Err(wrong("asserted_identity", message))
            }
        }
    }

    fn check_ring(&self, wrong: &Wrong<'_>) -> Result<(), ConfigError> {
        // 16 CFR 310.4(b)(4)(ii): people have 15 s or four rings. A machine answers sooner.
        let least = if self.compliance.as_deref() == Some("laboratory") { 5 } else { 15 };
        if (least..=180).contains(&self.ring_timeout_s) {
            return Ok(());
        }
        let message = format!(
            "{}: from 15 to 180 seconds is expected, and from 5 with compliance = \"laboratory\" alone \
             应在 15 至 180 秒之间；只有实验线路（compliance = \"laboratory\"）可短至 5 秒",
            self.ring_timeout_s
        );
        Err(wrong("ring_timeout_s", message))
    }

    fn srtp(&self, wrong: &Wrong<'_>) -> Result<(SrtpPolicy, KeyExchange, Vec<SrtpSuite>), ConfigError> {
        let policy = match self.srtp.as_deref() {
            None | Some("off") => SrtpPolicy::Off,
            Some("optional") => SrtpPolicy::Optional,
            Some("mandatory") => SrtpPolicy::Mandatory,
            Some(other) => {
                let message = format!("{other:?} is not known; use off, optional or mandatory");
                return Err(wrong("srtp", message));
            }
        };
        // Whoever names a way to encipher and forgets to switch it on believes the calls enciphered.
        let named = [("dtls", self.dtls == Some(true)), ("srtp_suites", self.srtp_suites.is_some())];
        if let (None, Some((key, _))) = (&self.srtp, named.into_iter().find(|(_, named)| *named)) {
            let message = "nothing is enciphered without srtp; write srtp = \"optional\" or \"mandatory\"";
            return Err(wrong(key, message.into()));
        }
        let suites = match &self.srtp_suites {
            None => USUAL_SUITES.to_vec(),
            Some(names) => {
                let known = SrtpSuite::ALL.map(SrtpSuite::name);
                ordered("srtp_suites", names, SrtpSuite::from_name, &known, wrong)?
            }
        };
        let exchange = if self.dtls == Some(true) { KeyExchange::Dtls } else { KeyExchange::Sdes };
        Ok((policy, exchange, suites))
    }
}

impl TrunkConfig {
    /// Reads a trunk's file.
    ///
    /// # Errors
    /// With file, line or key, and what to write instead.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text =
            fs::read_to_string(path).map_err(|source| ConfigError::Read { path: shown.clone(), source })?;
        Self::parse(&text, &shown)
    }

    /// Reads a trunk's configuration; `path` is for messages.
    ///
    /// # Errors
    /// With line or key, and what to write instead.
    pub fn parse(text: &str, path: &str) -> Result<Self, ConfigError> {
        let document: Document = toml::from_str(text)
            .map_err(|e| ConfigError::Shape { path: path.to_owned(), message: e.to_string() })?;
        let wrong = |key, message: String| ConfigError::Value { path: path.to_owned(), key, message };
        let uri = |key, text: &str| {
            text.parse::<Uri>()
                .map_err(|e| wrong(key, format!("{text:?} is no SIP URI ({e}); write sip:name@host:port")))
        };
        let t = document.trunk;
        let (first, last) = t.rtp_ports;
        if first < 1_024 || last <= first {
            return Err(wrong("rtp_ports", "write [first, last], first at least 1024 and below last".into()));
        }
        let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if let Some(name) = t.compliance.as_deref().filter(|name| name.is_empty() || !plain(name)) {
            let message =
                format!("{name:?} is no profile; write the name of a file of compliance/, as \"cn\"");
            return Err(wrong("compliance", message));
        }
        let codecs = ordered("codecs", &t.codecs, Codec::from_name, &Codec::ALL.map(Codec::name), &wrong)?;
        let (srtp, key_exchange, srtp_suites) = t.srtp(&wrong)?;
        let asserted_identity = t.asserted_identity(&wrong)?;
        t.check_ring(&wrong)?;
        let media_cores = cores(t.media_cores, &wrong)?;
        let media_networks = networks(&t.media_networks, &wrong)?;
        if !(2..=600).contains(&t.no_audio_timeout_s) {
            return Err(wrong("no_audio_timeout_s", "from 2 to 600 seconds".into()));
        }
        if t.max_calls == 0 {
            return Err(wrong("max_calls", "at least 1".into()));
        }
        if !(0.1..=1_000.0).contains(&t.max_cps) {
            return Err(wrong("max_cps", "from 0.1 to 1000 calls per second".into()));
        }
        let bound = t.media_address.unwrap_or(t.bind.ip());
        let (media_address, media_public_address) = media_addresses(bound, t.media_public_address, &wrong)?;
        if t.browser_addresses.iter().any(|a| a.is_unspecified() || a.is_multicast()) {
            let message = "name addresses at which agents' browsers reach this machine";
            return Err(wrong("browser_addresses", message.into()));
        }
        // Via and Contact must name an address that the far side can answer to, which 0.0.0.0 is not.
        let bind =
            if t.bind.ip().is_unspecified() { SocketAddr::new(media_address, t.bind.port()) } else { t.bind };
        let password = match (t.password_file, t.password_env) {
            (Some(_), Some(_)) => {
                return Err(wrong("password_file", "give password_file or password_env, not both".into()));
            }
            (Some(file), None) => Some(PasswordRef::File(file)),
            (None, Some(name)) => Some(PasswordRef::Env(name)),
            (None, None) => None,
        };
        let auth = match (t.username, password) {
            (Some(username), Some(password)) => Some(Auth { username, realm: t.realm, password }),
            (None, None) => None,
            _ => return Err(wrong("username", "username goes with password_file or password_env".into())),
        };
        let proxy = signalling::place("proxy", &t.proxy, &wrong)?;
        let signalling = document.signalling.check(&proxy, document.phones, auth.is_some(), &wrong)?;
        let mut agents = Vec::new();
        for agent in document.agents {
            agents.push(Agent {
                address: uri("agent.address", &agent.address)?,
                name: agent.name,
                ring_timeout_s: agent.ring_timeout_s.clamp(1, 180),
                skills: agent.skills,
                handover: agent.handover,
            });
        }
        Ok(Self {
            proxy,
            name: name(path),
            from: NameAddr::new(t.display_name.as_deref(), uri("from", &t.from)?),
            asserted_identity,
            bind,
            media_address,
            media_public_address,
            browser_addresses: t.browser_addresses,
            rtp_ports: t.rtp_ports,
            media_ports: t.media_ports,
            media_cores,
            media_networks,
            compliance: t.compliance,
            codecs,
            srtp,
            key_exchange,
            srtp_suites,
            comfort_noise: if t.comfort_noise { ComfortNoise::Offered } else { ComfortNoise::Absent },
            inband_dtmf: t.inband_dtmf,
            no_audio_timeout_s: t.no_audio_timeout_s,
            ring_timeout_s: t.ring_timeout_s,
            max_calls: t.max_calls,
            max_cps: t.max_cps,
            agents,
            signalling,
            numbers: document.numbers.check(&wrong)?,
            caller_ids: numbers::own_numbers(document.caller_ids, &wrong)?,
            causes: causes::causes(document.causes, &wrong)?,
            auth,
        })
    }

    /// The way to a SIP URI that names a machine, with no carrier between and no agent: bound to the
    /// address from which this machine reaches it. Whoever typed it answers for it: a laboratory's line.
    ///
    /// # Errors
    /// When the URI names no address, or none that can be reached.
    pub fn direct(target: &Uri) -> Result<Self, ConfigError> {
        let wrong =
            |message: String| ConfigError::Value { path: target.to_string(), key: "SIP URI", message };
        let proxy = target.as_sip().and_then(SipUri::socket_addr).ok_or_else(|| {
            wrong("names no IP address; write sip:name@192.0.2.7:5060, or name a trunk".to_owned())
        })?;
        let unreachable = |e: std::io::Error| wrong(format!("{proxy} cannot be reached: {e}"));
        // Connecting a UDP socket sends nothing; it tells which of our addresses leads there.
        let socket = std::net::UdpSocket::bind(if proxy.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })
            .map_err(unreachable)?;
        socket.connect(proxy).map_err(unreachable)?;
        let bind = SocketAddr::new(socket.local_addr().map_err(unreachable)?.ip(), 0);
        let from = Uri::sip("waihu", bind).to_string();
        Self::parse(
            &format!(
                "[trunk]\nproxy = \"{proxy}\"\nfrom = \"{from}\"\nbind = \"{bind}\"\ncompliance = \"laboratory\""
            ),
            &target.to_string(),
        )
    }

    /// The credentials, by their reference; none where the trunk asks for none. `env` looks up an
    /// environment variable.
    ///
    /// # Errors
    /// When the file cannot be read or the variable is not set.
    pub fn credentials(
        &self,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Credentials>, ConfigError> {
        let Some(auth) = &self.auth else { return Ok(None) };
        let password = password(&auth.password, env)?;
        Ok(Some(Credentials { username: auth.username.clone(), password, realm: auth.realm.clone() }))
    }
}

/// What a trunk is called by; a URI that was typed holds a number, and names none.
fn name(path: &str) -> String {
    let path = Path::new(path);
    let stem = path.file_stem().filter(|_| path.extension().is_some_and(|e| e == "toml"));
    stem.map_or_else(|| "direct".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// A password by its reference.
fn password(reference: &PasswordRef, env: &dyn Fn(&str) -> Option<String>) -> Result<String, ConfigError> {
    match reference {
        PasswordRef::File(path) => fs::read_to_string(path)
            .map(|text| text.trim_end().to_owned())
            .map_err(|e| ConfigError::Password(format!("{}: {e}", path.display()))),
        PasswordRef::Env(name) => {
            env(name).ok_or_else(|| ConfigError::Password(format!("the variable {name} is not set")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str =
        "[trunk]\nproxy = \"127.0.0.1:5070\"\nfrom = \"sip:waihu@127.0.0.1\"\nbind = \"127.0.0.1:0\"\n";

    fn error(text: &str) -> String {
        TrunkConfig::parse(text, "t.toml").map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_trunks_are_right() {
        for name in ["practice", "example"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../sip-config/{name}.toml"));
            TrunkConfig::read(&path).unwrap();
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key() {
        assert!(TrunkConfig::parse(LEAST, "t.toml").is_ok());
        for (line, said) in [
            ("colour = 1", "colour"),
            ("codecs = [\"GSM\"]", "use PCMA, PCMU, G722, opus"),
            ("codecs = []", "codecs: name at least one of PCMA"),
            ("codecs = [\"opus\", \"OPUS\"]", "codecs: \"OPUS\" stands twice"),
            ("srtp = true", "srtp"),
            ("srtp = \"on\"", "use off, optional or mandatory"),
            ("dtls = true", "dtls: nothing is enciphered without srtp"),
            ("srtp_suites = [\"AEAD_AES_128_GCM\"]", "srtp_suites: nothing is enciphered"),
            ("srtp = \"optional\"\nsrtp_suites = [\"NULL\"]", "use AEAD_AES_256_GCM"),
            ("srtp = \"optional\"\nsrtp_suites = []", "srtp_suites: name at least one"),
            (
                "asserted_identity = \"hidden\"",
                "asserted_identity: \"hidden\" is not known; use shown or withheld 只能写",
            ),
            ("asserted_identity = true", "asserted_identity"),
            ("media_ports = \"one\"", "per-call"),
            ("media_cores = [1, 0, 1]", "media_cores: 1 stands twice"),
            ("media_cores = [1024]", "there is no core 1024"),
            ("media_networks = [\"203.0.113.9/24\"]", "media_networks: \"203.0.113.9/24\""),
            ("comfort_noise = \"yes\"", "comfort_noise"),
            ("no_audio_timeout_s = 1", "no_audio_timeout_s: from 2 to 600"),
            ("rtp_ports = [9000, 8000]", "rtp_ports"),
            ("max_calls = 0", "max_calls"),
            ("max_cps = 0.0", "max_cps"),
            ("compliance = \"../cn\"", "compliance: \"../cn\""),
            ("username = \"u\"", "username"),
            ("ring_timeout_s = \"long\"", "ring_timeout_s"),
            ("ring_timeout_s = 14", "ring_timeout_s: 14: from 15 to 180"),
            ("ring_timeout_s = 14\ncompliance = \"us\"", "应在 15 至 180 秒之间"),
            ("ring_timeout_s = 181", "ring_timeout_s: 181"),
            ("ring_timeout_s = 4\ncompliance = \"laboratory\"", "ring_timeout_s: 4"),
            ("media_address = \"0.0.0.0\"", "media_address"),
            ("media_public_address = \"0.0.0.0\"", "media_public_address: name the address"),
            ("media_public_address = \"2001:db8::5\"", "media_public_address: name the address"),
            ("browser_addresses = [\"::\"]", "browser_addresses"),
            ("[signalling]\ntransport = \"sctp\"", "use udp, tcp, tls, ws or wss"),
            ("[signalling]\ntls_name = \"x\"", "nothing goes by TLS"),
            ("[signalling]\ntls_key = \"x\"", "tls_certificate goes with tls_key"),
            ("[signalling]\nregister = true", "register: a registration needs"),
            ("[signalling]\nstir_key = \"x\"", "stir_key: a signature needs"),
            ("[signalling]\nbackups = [\"sip:carrier.example\"]", "backups"),
            ("[signalling]\nping_s = 1", "ping_s: from 5 to 3600"),
            ("[signalling]\ndns = \"localhost\"", "dns"),
            ("[signalling]\nstrangers = \"answer\"", "use ignore or refuse"),
            ("[signalling]\ncallers = [\"0.0.0.0/0\"]", "callers"),
            ("[[phone]]\nuser = \"a b\"\npassword_env = \"X\"", "phone.user"),
            ("[[phone]]\nuser = \"a\"", "give password_file or password_env"),
            ("[[phone]]\nuser = \"a\"\ndigest = \"sha\"\npassword_env = \"X\"", "use md5, or leave it out"),
        ] {
            let message = error(&format!("{LEAST}{line}\n"));
            assert!(message.contains(said) && message.contains("t.toml"), "{message}");
        }
        assert!(error(&LEAST.replace("sip:waihu@127.0.0.1", "waihu")).contains("from"));
    }

    #[test]
    fn only_machines_are_given_up_before_fifteen_seconds() {
        let rings =
            |more: &str| TrunkConfig::parse(&format!("{LEAST}{more}\n"), "t.toml").unwrap().ring_timeout_s;
        assert_eq!(rings(""), 30);
        assert_eq!(rings("ring_timeout_s = 15\ncompliance = \"us\""), 15);
        assert_eq!(rings("ring_timeout_s = 5\ncompliance = \"laboratory\""), 5);
    }

    #[test]
    fn sound_is_set_up_as_the_file_says_and_plainly_where_it_says_nothing() {
        let least = TrunkConfig::parse(LEAST, "t.toml").unwrap();
        assert_eq!((least.srtp, least.key_exchange), (SrtpPolicy::Off, KeyExchange::Sdes));
        assert_eq!((least.media_ports, &least.codecs[..]), (MediaPorts::PerCall, &Codec::ALL[..2]));
        assert_eq!((least.comfort_noise, least.inband_dtmf), (ComfortNoise::Absent, false));
        assert!(least.media_cores.is_empty());
        assert_eq!((least.media_networks.len(), least.no_audio_timeout_s), (0, 10));
        let text = format!(
            "{LEAST}codecs = [\"Opus\", \"G722\", \"PCMU\"]\nsrtp = \"mandatory\"\ndtls = true\n\
            srtp_suites = [\"AES_CM_128_HMAC_SHA1_32\", \"AEAD_AES_128_GCM\"]\nmedia_ports = \"shared\"\n\
            media_networks = [\"203.0.113.0/24\", \"2001:db8::7\"]\ncomfort_noise = true\n\
            inband_dtmf = true\nno_audio_timeout_s = 30\n"
        );
        let trunk = TrunkConfig::parse(&text, "t.toml").unwrap();
        assert_eq!(trunk.codecs, [Codec::Opus, Codec::G722, Codec::Pcmu]);
        assert_eq!((trunk.srtp, trunk.key_exchange), (SrtpPolicy::Mandatory, KeyExchange::Dtls));
        assert_eq!(trunk.srtp_suites, [SrtpSuite::AesCm128HmacSha1_32, SrtpSuite::AeadAes128Gcm]);
        assert_eq!((trunk.media_ports, trunk.no_audio_timeout_s), (MediaPorts::Shared, 30));
        assert_eq!((trunk.comfort_noise, trunk.inband_dtmf), (ComfortNoise::Offered, true));
        let from = |address: &str| {
            let address = address.parse().unwrap();
            trunk.media_networks.iter().any(|network| network.contains(address))
        };
        assert!(from("203.0.113.200") && from("2001:db8::7") && !from("203.0.114.1"));
        // What is switched off by name may keep its other keys.
        let off = TrunkConfig::parse(&text.replace("mandatory", "off"), "t.toml").unwrap();
        assert_eq!(off.srtp, SrtpPolicy::Off);
    }

    #[test]
    fn via_and_contact_never_name_an_address_that_nobody_can_answer_to() {
        let text = LEAST.replace("bind = \"127.0.0.1:0\"", "bind = \"0.0.0.0:5060\"");
        assert!(error(&text).contains("media_address"));
        let trunk = TrunkConfig::parse(&format!("{text}media_address = \"192.0.2.20\"\n"), "t.toml").unwrap();
        assert_eq!(trunk.bind, "192.0.2.20:5060".parse().unwrap());
        assert_eq!(trunk.media_public_address, trunk.media_address);
    }

    #[test]
    fn behind_a_translator_our_own_addresses_are_bound_and_the_public_ones_named() {
        let text = format!(
            "{LEAST}media_public_address = \"203.0.113.6\"\n[signalling]\npublic_address = \"203.0.113.5\"\n"
        );
        let trunk = TrunkConfig::parse(&text, "t.toml").unwrap();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(trunk.media_address, address("127.0.0.1"));
        assert_eq!(trunk.media_public_address, address("203.0.113.6"));
        let socket = trunk.socket("waihu");
        assert_eq!((socket.local.ip(), socket.public), (address("127.0.0.1"), Some(address("203.0.113.5"))));
    }

    #[test]
    fn signalling_is_set_up_as_the_file_says() {
        let text = format!(
            "{LEAST}username = \"u\"\npassword_env = \"TRUNK\"\n[signalling]\ntransport = \"tls\"\n\
            tls_name = \"carrier.example\"\nregister = true\npublic_address = \"203.0.113.5\"\n\
            strangers = \"refuse\"\ncallers = [\"198.51.100.0/24\"]\n[[phone]]\nuser = \"desk\"\n\
            login = \"li\"\npassword_env = \"DESK\"\n[[phone]]\nuser = \"old\"\ndigest = \"md5\"\n\
            password_env = \"OLD\"\n"
        );
        let trunk = TrunkConfig::parse(&text, "t.toml").unwrap();
        assert_eq!(trunk.proxy_hop().unwrap().to_string(), "TLS 127.0.0.1:5070");
        let order = trunk.registration(None).unwrap();
        assert_eq!((order.registrar.to_string().as_str(), order.expires_s), ("sip:127.0.0.1", 600));
        assert_eq!(order.contact_user, "waihu");
        let telephones = trunk.telephones(&|name| Some(format!("of {name}"))).unwrap();
        assert_eq!((telephones[0].user.as_str(), telephones[0].password.as_str()), ("desk", "of DESK"));
        assert!(trunk.telephones(&|_| None).is_err());
        assert_eq!(trunk.seats().collect::<Vec<_>>(), [("li", "desk")]);
        let socket = trunk.socket("waihu");
        assert_eq!(socket.md5_alone, ["old"]);
        let crate::Callers::Of(networks) = &socket.callers else { panic!() };
        let known = |address: &str| networks.iter().any(|n| n.contains(address.parse().unwrap()));
        assert!(known("127.0.0.1") && known("198.51.100.77") && !known("192.0.2.1"));
        let plain = TrunkConfig::parse(LEAST, "t.toml").unwrap();
        assert!(plain.registration(None).is_none());
        assert_eq!(plain.proxy_hop().unwrap().to_string(), "UDP 127.0.0.1:5070");
    }

    #[test]
    fn secrets_come_by_reference() {
        let text = format!("{LEAST}username = \"u\"\npassword_env = \"TRUNK\"\n");
        let trunk = TrunkConfig::parse(&text, "t.toml").unwrap();
        let found =
            trunk.credentials(&|name| (name == "TRUNK").then(|| "secret".to_owned())).unwrap().unwrap();
        assert_eq!((found.username.as_str(), found.password.as_str()), ("u", "secret"));
        assert!(trunk.credentials(&|_| None).is_err());
        assert!(!format!("{trunk:?}").contains("secret"));
    }
}
