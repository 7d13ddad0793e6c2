//! `[[reader]]` of `waihu.toml`: who is told what, and how.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use crate::Secret;

/// Events read at a time, where nothing is said: their deliveries share one durable move of the place, and a
/// process that dies repeats so many at most.
const USUAL_BATCH: u32 = 200;
/// The most: at 20 KB an outcome about 20 MB in memory.
const MOST_BATCH: u32 = 1_000;
/// How long a receiver may take for an answer, where nothing is said [s].
const USUAL_TIMEOUT_S: u32 = 10;
/// The longest [s]: a reader's lease outlives it.
const MOST_TIMEOUT_S: u32 = 60;
/// How long an event is tried before it is set aside, where nothing is said [h]: a receiver that fails on a
/// Friday evening has until Monday.
const USUAL_GIVE_UP_H: u32 = 72;
/// The longest [h]: a month.
const MOST_GIVE_UP_H: u32 = 31 * 24;
/// The most requests of one webhook under way at once: more is an attack on the receiver.
const MOST_PARALLEL: u32 = 64;
/// How long a stream of ours knows a repeat, where nothing is said [s]: longer than a server is down in most
/// nights, and at 2,000 events a second still some ten million keys of memory there.
const USUAL_DUPLICATE_WINDOW_S: u32 = 2 * 3_600;
/// The longest [s]: a week.
const MOST_DUPLICATE_WINDOW_S: u32 = 7 * 86_400;

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A call is over, or its record was corrected.
    Outcome,
    /// A call was dialled or answered.
    Attempt,
    /// A case came, changed, was paid or withdrawn.
    Case,
    /// A campaign was made, started, paused, stopped.
    Campaign,
    /// A number was entered into the list of those not called, or taken off it.
    DoNotCall,
    /// A text message went a step further.
    Sms,
    /// A report was made.
    Report,
    /// The audit's head, once a day.
    AuditHead,
}

impl EventKind {
    /// The word in the store and on the wire.
    pub fn label(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Attempt => "attempt",
            Self::Case => "case",
            Self::Campaign => "campaign",
            Self::DoNotCall => "do_not_call",
            Self::Sms => "sms",
            Self::Report => "report",
            Self::AuditHead => "audit_head",
        }
    }
}

/// What `waihu.toml` says of deliveries; its other keys are others'.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Deliveries {
    /// Who is told of events.
    #[serde(default, rename = "reader", deserialize_with = "distinct")]
    pub readers: Vec<Reader>,
    /// How text messages are sent; none sends none.
    #[serde(default)]
    pub sms: Option<crate::Sms>,
    /// Reports that are sent by themselves.
    #[serde(default, rename = "report", deserialize_with = "distinct_reports")]
    pub reports: Vec<crate::ReportPlan>,
    /// Where mail is handed in; none sends none.
    #[serde(default)]
    pub mail: Option<crate::MailServer>,
}

/// Reports of which no two have one name.
fn distinct_reports<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<crate::ReportPlan>, D::Error> {
    let plans = Vec::<crate::ReportPlan>::deserialize(d)?;
    let names: std::collections::BTreeSet<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
    if names.len() < plans.len() {
        return Err(serde::de::Error::custom("two reports have one name 报表名称重复"));
    }
    Ok(plans)
}

/// Readers of which no two have one name: they would share one place.
fn distinct<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<Reader>, D::Error> {
    let readers = Vec::<Reader>::deserialize(d)?;
    let names: std::collections::BTreeSet<&str> = readers.iter().map(|reader| reader.name.as_str()).collect();
    if names.len() < readers.len() {
        return Err(serde::de::Error::custom("two readers have one name 接收方名称重复"));
    }
    Ok(readers)
}

/// Somebody who is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Table")]
pub struct Reader {
    /// Its name in the store; another name begins anew.
    pub name: String,
    /// What it is told of.
    pub events: Vec<EventKind>,
    /// Events read at a time.
    pub batch: u32,
    /// How long an event is tried before it is set aside.
    pub give_up: Duration,
    /// Where it is.
    pub to: Destination,
}

impl Reader {
    /// Who writes down the text messages that calls leave to be sent; goes with [`crate::Texts`].
    pub fn follow_ups() -> Self {
        Self {
            // No name that a configuration may have.
            name: "sms/follow-ups".to_owned(),
            events: vec![EventKind::Outcome],
            batch: USUAL_BATCH,
            // Only the store can fail here, and then nothing is set aside either.
            give_up: Duration::from_secs(u64::from(MOST_GIVE_UP_H) * 3_600),
            to: Destination::Messages,
        }
    }
}

/// Where a reader is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An address that takes a POST for each event.
    Webhook(WebhookTarget),
    /// A stream of NATS JetStream.
    Nats(NatsTarget),
    /// A topic of Kafka.
    Kafka(KafkaTarget),
    /// A file of JSON lines on this machine.
    File(FileTarget),
    /// The store's own table of text messages ([`Reader::follow_ups`]); in no configuration.
    Messages,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookTarget {
    /// The address.
    pub url: String,
    /// Signs every body; none signs nothing.
    pub secret: Option<Secret>,
    /// The secret before, as long as the receiver may still know that one alone.
    pub old_secret: Option<Secret>,
    /// How long one answer may take, all of it.
    pub timeout: Duration,
    /// Requests under way at once: with more than one, order holds within a case only.
    pub parallel: u32,
}

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsTarget {
    /// The servers, as `nats://host:4222` or `tls://…`, separated by commas.
    pub url: String,
    /// Whether nothing is said but over TLS.
    pub tls: bool,
    /// Who vouches for the servers, as a PEM file; none takes whom the machine trusts.
    pub ca: Option<PathBuf>,
    /// The stream; it is made where it is not there, with all subjects under `subject`.
    pub stream: String,
    /// What subjects begin with: an outcome goes to `SUBJECT.outcome`.
    pub subject: String,
    /// How this side proves who it is.
    pub login: NatsLogin,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How long a stream that is made here knows a repeat.
    pub duplicate_window: Duration,
}

/// How a NATS server is told who comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatsLogin {
    /// It is not.
    Open,
    /// By a name and a password.
    User {
        /// The name.
        name: String,
        /// The password.
        password: Secret,
    },
    /// By a credentials file of `nsc`, or its content in an environment variable.
    Credentials(Secret),
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaTarget {
    /// The brokers, as `host:9092`, separated by commas.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// How long one answer may take.
    pub timeout: Duration,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileTarget {
    /// The file; it is made where it is not there.
    pub path: PathBuf,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Table {
    Webhook(WebhookTable),
    Nats(NatsTable),
    Kafka(KafkaTable),
    File(FileTable),
}

/// Keys that every kind has, with its own; one struct each, so that a key of another kind is refused by name.
macro_rules! table {
    ($name:ident { $($(#[$meta:meta])* $key:ident: $type:ty),* $(,)? }) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct $name {
            name: String,
            events: Vec<EventKind>,
            #[serde(default = "usual_batch")]
            batch: u32,
            #[serde(default = "usual_give_up")]
            give_up_h: u32,
            $($(#[$meta])* $key: $type,)*
        }

        impl $name {
            fn reader(&self, to: Destination) -> Result<Reader, String> {
                reader(&self.name, &self.events, self.batch, self.give_up_h, to)
            }
        }
    };
}

table!(WebhookTable {
    url: String,
    #[serde(default)]
    secret_file: Option<PathBuf>,
    #[serde(default)]
    secret_env: Option<String>,
    #[serde(default)]
    old_secret_file: Option<PathBuf>,
    #[serde(default)]
    old_secret_env: Option<String>,
    #[serde(default = "usual_timeout")]
    timeout_s: u32,
    #[serde(default = "one")]
    parallel: u32,
    #[serde(default)]
    plain_http: bool,
});

table!(NatsTable {
    url: String,
    #[serde(default)]
    ca: Option<PathBuf>,
    #[serde(default)]
    plain_tcp: bool,
    #[serde(default = "usual_stream")]
    stream: String,
    #[serde(default = "usual_subject")]
    subject: String,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    password_file: Option<PathBuf>,
    #[serde(default)]
    password_env: Option<String>,
    #[serde(default)]
    credentials_file: Option<PathBuf>,
    #[serde(default)]
    credentials_env: Option<String>,
    #[serde(default = "usual_timeout")]
    timeout_s: u32,
    #[serde(default = "usual_duplicate_window")]
    duplicate_window_s: u32,
});

table!(KafkaTable {
    brokers: String,
    topic: String,
    #[serde(default)]
    plain_tcp: bool,
    #[serde(default = "usual_timeout")]
    timeout_s: u32,
});

table!(FileTable { path: PathBuf });

fn usual_batch() -> u32 {
    USUAL_BATCH
}
fn usual_give_up() -> u32 {
    USUAL_GIVE_UP_H
}
fn usual_timeout() -> u32 {
    USUAL_TIMEOUT_S
}
fn one() -> u32 {
    1
}
fn usual_stream() -> String {
    "WAIHU".to_owned()
}
fn usual_subject() -> String {
    "waihu".to_owned()
}
fn usual_duplicate_window() -> u32 {
    USUAL_DUPLICATE_WINDOW_S
}

impl TryFrom<Table> for Reader {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        match table {
            Table::Webhook(t) => {
                let address = reqwest::Url::parse(&t.url).map_err(|e| format!("url: {e} 网址有误"))?;
                if !safe(&address) && !t.plain_http {
                    return Err(format!(
                        "url: {:?} carries personal data over an open line: write https, or plain_http = true where the line is your own 须用 https",
                        address.scheme()
                    ));
                }
                if !matches!(address.scheme(), "http" | "https") || address.host().is_none() {
                    return Err("url: an address as https://host/path is expected 网址有误".to_owned());
                }
                let secret = Secret::of("secret", t.secret_file.clone(), t.secret_env.clone())?;
                let old = Secret::of("old_secret", t.old_secret_file.clone(), t.old_secret_env.clone())?;
                if old.is_some() && secret.is_none() {
                    return Err("old_secret goes with secret 须同时给出 secret".to_owned());
                }
                t.reader(Destination::Webhook(WebhookTarget {
                    url: t.url.clone(),
                    secret,
                    old_secret: old,
                    timeout: seconds("timeout_s", t.timeout_s, MOST_TIMEOUT_S)?,
                    parallel: within("parallel", t.parallel, MOST_PARALLEL)?,
                }))
            }
            Table::Nats(t) => {
                // Names that NATS itself would refuse, or take for patterns.
                let plain = |text: &str| {
                    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
                };
                if !plain(&t.stream) {
                    return Err("stream: letters, digits, - and _ are expected 流名称有误".to_owned());
                }
                if !t.subject.split('.').all(plain) {
                    return Err(
                        "subject: words of letters, digits, - and _ between dots are expected 主题有误"
                            .to_owned(),
                    );
                }
                t.reader(Destination::Nats(NatsTarget {
                    url: t.url.clone(),
                    tls: nats_tls(&t)?,
                    ca: t.ca.clone(),
                    stream: t.stream.clone(),
                    subject: t.subject.clone(),
                    login: nats_login(&t)?,
                    timeout: seconds("timeout_s", t.timeout_s, MOST_TIMEOUT_S)?,
                    duplicate_window: seconds(
                        "duplicate_window_s",
                        t.duplicate_window_s,
                        MOST_DUPLICATE_WINDOW_S,
                    )?,
                }))
            }
            Table::Kafka(t) => {
                let here =
                    |broker: &str| is_here(broker.trim().rsplit_once(':').map_or(broker, |(host, _)| host));
                if !t.plain_tcp && !t.brokers.split(',').all(here) {
                    return Err("brokers: what goes there carries personal data, and not over TLS: write plain_tcp = true \
                                where the line is your own, or take NATS or a webhook 明文传输须明确允许"
                        .to_owned());
                }
                t.reader(Destination::Kafka(KafkaTarget {
                    brokers: t.brokers.clone(),
                    topic: t.topic.clone(),
                    timeout: seconds("timeout_s", t.timeout_s, MOST_TIMEOUT_S)?,
                }))
            }
            Table::File(t) => t.reader(Destination::File(FileTarget { path: t.path.clone() })),
        }
    }
}

fn nats_login(t: &NatsTable) -> Result<NatsLogin, String> {
    let password = Secret::of("password", t.password_file.clone(), t.password_env.clone())?;
    let credentials = Secret::of("credentials", t.credentials_file.clone(), t.credentials_env.clone())?;
    match (t.user.clone(), password, credentials) {
        (None, None, None) => Ok(NatsLogin::Open),
        (Some(name), Some(password), None) => Ok(NatsLogin::User { name, password }),
        (None, None, Some(credentials)) => Ok(NatsLogin::Credentials(credentials)),
        _ => Err("user goes with password_file or password_env, or else credentials_file alone 登录方式有误"
            .to_owned()),
    }
}

/// Whether TLS is insisted on: everywhere but on this machine, or where the line is one's own.
fn nats_tls(t: &NatsTable) -> Result<bool, String> {
    let (mut asked, mut away) = (false, false);
    for server in t.url.split(',') {
        let server = reqwest::Url::parse(server.trim()).map_err(|e| format!("url: {e} 网址有误"))?;
        if !matches!(server.scheme(), "nats" | "tls") || server.host().is_none() {
            return Err("url: nats://host:4222 or tls://host:4222 is expected 网址有误".to_owned());
        }
        asked |= server.scheme() == "tls";
        away |= !server.host_str().is_some_and(is_here);
    }
    if t.plain_tcp && (asked || t.ca.is_some()) {
        return Err("plain_tcp goes with nats:// and without ca 明文与 TLS 不能同时使用".to_owned());
    }
    Ok(asked || t.ca.is_some() || (away && !t.plain_tcp))
}

/// Whether what is sent there can be read by nobody on the way: TLS, or this machine itself.
pub(crate) fn safe(url: &reqwest::Url) -> bool {
    url.scheme() == "https" || url.host_str().is_some_and(is_here)
}

/// Whether that is this machine.
fn is_here(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|ip| ip.is_loopback())
}

fn reader(
    name: &str,
    events: &[EventKind],
    batch: u32,
    give_up_h: u32,
    to: Destination,
) -> Result<Reader, String> {
    let named = !name.is_empty()
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !named {
        return Err("name: up to 64 letters, digits, - _ . are expected 名称有误".to_owned());
    }
    if events.is_empty() {
        return Err("events: name at least one kind, as events = [\"outcome\"] 至少一种事件".to_owned());
    }
    Ok(Reader {
        name: name.to_owned(),
        events: events.to_vec(),
        batch: within("batch", batch, MOST_BATCH)?,
        give_up: seconds("give_up_h", give_up_h, MOST_GIVE_UP_H)? * 3_600,
        to,
    })
}

pub(crate) fn within(key: &str, n: u32, most: u32) -> Result<u32, String> {
    if (1..=most).contains(&n) { Ok(n) } else { Err(format!("{key}: from 1 to {most} 超出范围")) }
}

pub(crate) fn seconds(key: &str, n: u32, most: u32) -> Result<Duration, String> {
    within(key, n, most).map(|s| Duration::from_secs(s.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Reader, String> {
        toml::from_str::<Deliveries>(&format!("listen = \"127.0.0.1:1\"\n[[reader]]\n{text}"))
            .map(|mut file| file.readers.remove(0))
            .map_err(|e| e.to_string())
    }

    const LEAST: &str = "name = \"crm\"\nkind = \"webhook\"\nevents = [\"outcome\", \"case\"]\n";

    #[test]
    fn each_kind_is_read_with_its_usual_values() {
        let webhook =
            read(&format!("{LEAST}url = \"https://crm.example/hook\"\nsecret_env = \"HOOK\"")).unwrap();
        assert_eq!((webhook.batch, webhook.give_up), (200, Duration::from_secs(72 * 3_600)));
        let Destination::Webhook(target) = webhook.to else { panic!("no webhook") };
        assert_eq!((target.secret, target.parallel), (Some(Secret::Env("HOOK".into())), 1));
        let bus = read("name = \"bus\"\nkind = \"nats\"\nevents = [\"outcome\"]\nurl = \"nats://127.0.0.1\"")
            .unwrap();
        assert!(matches!(bus.to, Destination::Nats(t) if t.stream == "WAIHU" && t.login == NatsLogin::Open));
        let log = read(
            "name = \"log\"\nkind = \"kafka\"\nevents = [\"sms\"]\nbrokers = \"b:9092\"\ntopic = \"t\"\nplain_tcp = true",
        );
        assert!(matches!(log.unwrap().to, Destination::Kafka(_)));
        let file = read("name = \"f\"\nkind = \"file\"\nevents = [\"do_not_call\"]\npath = \"out.jsonl\"");
        assert!(matches!(file.unwrap().to, Destination::File(_)));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_key() {
        for (more, words) in [
            ("url = \"http://crm.example/hook\"", "https"),
            ("url = \"crm.example\"", "url"),
            ("url = \"ftp://crm.example/\"\nplain_http = true", "url"),
            ("url = \"https://a/\"\nsecret_file = \"a\"\nsecret_env = \"B\"", "not both"),
            ("url = \"https://a/\"\nold_secret_env = \"B\"", "old_secret"),
            ("url = \"https://a/\"\nsecret = \"whsec_\"", "unknown field `secret`"),
            ("url = \"https://a/\"\nstream = \"S\"", "unknown field `stream`"),
            ("url = \"https://a/\"\nparallel = 65", "parallel"),
            ("url = \"https://a/\"\nbatch = 0", "batch"),
            ("url = \"https://a/\"\ntimeout_s = 61", "timeout_s"),
            ("url = \"https://a/\"\ngive_up_h = 10000", "give_up_h"),
        ] {
            let refused = read(&format!("{LEAST}{more}")).unwrap_err();
            assert!(refused.contains(words), "{more}: {refused}");
        }
        for url in ["http://127.0.0.1:1/h", "http://[::1]/h", "http://localhost/h"] {
            assert!(read(&format!("{LEAST}url = \"{url}\"")).is_ok(), "{url}");
        }
        assert!(read(&format!("{LEAST}url = \"http://10.0.0.1/h\"\nplain_http = true")).is_ok());
        let nats = "name = \"b\"\nkind = \"nats\"\nevents = [\"outcome\"]\nurl = \"nats://h\"\n";
        for more in [
            "stream = \"a.b\"",
            "subject = \"a.>\"",
            "user = \"u\"",
            "user = \"u\"\npassword_env = \"P\"\ncredentials_file = \"c\"",
        ] {
            assert!(read(&format!("{nats}{more}")).is_err(), "{more}");
        }
        let tls = |url: &str, more: &str| {
            let bus =
                format!("name = \"b\"\nkind = \"nats\"\nevents = [\"outcome\"]\nurl = \"{url}\"\n{more}");
            read(&bus).map(|reader| matches!(reader.to, Destination::Nats(t) if t.tls))
        };
        for (url, more, insisted) in [
            ("nats://h", "", true),
            ("nats://127.0.0.1:4222, nats://[::1]", "", false),
            ("nats://127.0.0.1, nats://h", "", true),
            ("nats://h", "plain_tcp = true", false),
            ("tls://localhost", "", true),
            ("nats://localhost", "ca = \"ca.pem\"", true),
        ] {
            assert_eq!(tls(url, more), Ok(insisted), "{url} {more}");
        }
        for (url, more) in [("http://h", ""), ("h", ""), ("tls://h", "plain_tcp = true")] {
            assert!(tls(url, more).is_err(), "{url} {more}");
        }
        let kafka = "name = \"k\"\nkind = \"kafka\"\nevents = [\"outcome\"]\ntopic = \"t\"\nbrokers";
        assert!(read(&format!("{kafka} = \"127.0.0.1:9092,localhost:9093\"")).is_ok());
        assert!(
            read(&format!("{kafka} = \"127.0.0.1:9092,kafka-2:9092\"")).unwrap_err().contains("plain_tcp")
        );
        let same = "[[reader]]\nname = \"a\"\nkind = \"file\"\nevents = [\"sms\"]\npath = \"p\"\n";
        assert!(toml::from_str::<Deliveries>(&same.repeat(2)).is_err(), "two of one name");
        assert!(read("name = \"a/b\"\nkind = \"file\"\nevents = [\"sms\"]\npath = \"p\"").is_err());
        assert!(read("name = \"a\"\nkind = \"file\"\nevents = []\npath = \"p\"").is_err());
        assert!(read("name = \"a\"\nkind = \"file\"\nevents = [\"invoice\"]\npath = \"p\"").is_err());
    }
}
