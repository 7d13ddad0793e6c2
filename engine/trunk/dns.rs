//! The DNS, asked for what [`waihu_sip::locate`] wants to know: hickory's resolver, for as long as its answers hold.
//!
//! The resolver keeps nothing: whoever asks keeps the answer, and beyond its time where the DNS is away. Deliberately
//! absent: DNSSEC.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use hickory_resolver::{
    Name, ResolveError, TokioResolver,
    config::{NameServerConfig, ResolverConfig, ResolverOpts},
    name_server::TokioConnectionProvider,
    proto::{
        ProtoErrorKind,
        op::ResponseCode,
        rr::{RData, RecordType},
        xfer::Protocol,
    },
};
use waihu_sip::{
    Transport,
    locate::{Naptr, NotFound, Place, Question, Record, Search, Srv, Target},
};

/// How long a server's answer is waited for, and how often it is asked again: a call waits for none of it.
const PATIENCE: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;

/// Records of one answer that are read.
const MAX_RECORDS: usize = 64;

/// The shortest and the longest time that an answer holds: one of nothing would be asked for without end, and one of
/// weeks would outlive its machines.
const LEAST_TTL: Duration = Duration::from_secs(5);
const MOST_TTL: Duration = Duration::from_secs(3_600);

/// Why a name cannot be found. Each says what to do, in both languages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsFault {
    /// The system names no server.
    #[error(
        "no DNS server is known: see /etc/resolv.conf, or write [signalling] dns = \"ADDRESS:53\" 未配置 DNS 服务器: {0}"
    )]
    NoServer(String),
    /// It does not answer.
    #[error("the DNS does not answer ({asked}): see that the server runs, and the firewall DNS 无应答")]
    Silent {
        /// What was asked.
        asked: String,
    },
    /// It answers with a failure of its own.
    #[error("the DNS answers {code} ({asked}): ask whoever runs the server DNS 服务器出错")]
    Failed {
        /// What was asked.
        asked: String,
        /// Its code, as SERVFAIL.
        code: String,
    },
    /// Its answer cannot be read, or leads around in a circle.
    #[error("the DNS answers with what is of no use ({asked}: {why}) DNS 应答无效")]
    Useless {
        /// What was asked.
        asked: String,
        /// What is wrong with it.
        why: String,
    },
    /// The name leads nowhere.
    #[error("{name}: {why}; see proxy and backups in the trunk's file 域名无法解析，请核对 proxy 与 backups")]
    Nowhere {
        /// The name.
        name: String,
        /// What the DNS says.
        why: NotFound,
    },
    /// Its addresses are all of the other family.
    #[error("{name} has no address of the family of bind ({family}): write another bind 地址族与 bind 不符")]
    OtherFamily {
        /// The name.
        name: String,
        /// `IPv4` or `IPv6`.
        family: &'static str,
    },
}

/// One step of a search, for people: what was asked, and what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What was asked.
    pub question: String,
    /// The records, as text.
    pub answer: Vec<String>,
}

/// Where a name leads.
#[derive(Clone, Debug)]
pub struct Located {
    /// Its machines.
    pub targets: Vec<Target>,
    /// Until when the answer holds.
    pub valid_until: Instant,
    /// How it was found.
    pub told: Vec<Told>,
}

/// A way to the DNS.
#[derive(Clone)]
pub struct Dns {
    resolver: TokioResolver,
    /// Whether we are bound to an IPv4 address: another's cannot be sent to.
    ipv4: bool,
}

impl Dns {
    /// The system's servers, or the one that is named; `ipv4` is whether addresses of that family are of use, or of
    /// the other one.
    ///
    /// # Errors
    /// When the system names none.
    pub fn new(server: Option<SocketAddr>, ipv4: bool) -> Result<Self, DnsFault> {
        let mut builder = match server {
            None => TokioResolver::builder_tokio().map_err(|e| DnsFault::NoServer(e.to_string()))?,
            Some(at) => {
                let mut config = ResolverConfig::new();
                // A long answer comes over TCP.
                for protocol in [Protocol::Udp, Protocol::Tcp] {
                    config.add_name_server(NameServerConfig::new(at, protocol));
                }
                let provider = TokioConnectionProvider::default();
                let mut builder = TokioResolver::builder_with_config(config, provider);
                *builder.options_mut() = ResolverOpts::default();
                builder
            }
        };
        let options = builder.options_mut();
        (options.timeout, options.attempts, options.cache_size) = (PATIENCE, ATTEMPTS, 0);
        Ok(Self { resolver: builder.build(), ipv4 })
    }

    /// Finds the machines behind a name (RFC 3263), by a transport that is given, else by one of `known`.
    ///
    /// # Errors
    /// When there are none, or the DNS does not tell.
    pub async fn locate(
        &self,
        place: &Place,
        transport: Option<Transport>,
        known: &[Transport],
    ) -> Result<Located, DnsFault> {
        let begun = Instant::now();
        let mut valid_until = begun + MOST_TTL;
        let mut search = Search::new(place, transport, known);
        let (mut told, mut others) = (Vec::new(), false);
        while let Some(question) = search.question().cloned() {
            let (mut records, until) = self.ask(&question).await?;
            if matches!(question, Question::Addresses(_)) {
                let all = records.len();
                let ipv4 = self.ipv4;
                records.retain(|record| matches!(record, Record::Address(ip) if ip.is_ipv4() == ipv4));
                others |= records.len() < all;
            }
            valid_until = valid_until.min(until);
            told.push(Told {
                question: question.to_string(),
                answer: records.iter().map(Record::to_string).collect(),
            });
            search.answer(&records);
        }
        let name = place.to_string();
        match search.finish() {
            Ok(targets) => {
                let valid_until = valid_until.max(begun + LEAST_TTL);
                Ok(Located { targets, valid_until, told })
            }
            Err(NotFound::Nowhere) if others => {
                Err(DnsFault::OtherFamily { name, family: if self.ipv4 { "IPv4" } else { "IPv6" } })
            }
            Err(why) => Err(DnsFault::Nowhere { name, why }),
        }
    }

    /// One question's records, and until when they hold; none where the DNS says that there are none.
    async fn ask(&self, question: &Question) -> Result<(Vec<Record>, Instant), DnsFault> {
        match question {
            Question::Naptr(name) => self.lookup(name, RecordType::NAPTR, question).await,
            Question::Srv(name) => self.lookup(name, RecordType::SRV, question).await,
            Question::Addresses(name) => {
                // Both are asked for, so that it can be said which there are.
                let own = if self.ipv4 { RecordType::A } else { RecordType::AAAA };
                let other = if self.ipv4 { RecordType::AAAA } else { RecordType::A };
                let (records, until) = self.lookup(name, own, question).await?;
                if !records.is_empty() {
                    return Ok((records, until));
                }
                self.lookup(name, other, question).await
            }
        }
    }

    async fn lookup(
        &self,
        name: &str,
        kind: RecordType,
        question: &Question,
    ) -> Result<(Vec<Record>, Instant), DnsFault> {
        let asked = || question.to_string();
        let mut name =
            Name::from_ascii(name).map_err(|e| DnsFault::Useless { asked: asked(), why: e.to_string() })?;
        // A name with a dot is whole; one without may be of the system's own domain.
        if name.num_labels() > 1 {
            name.set_fqdn(true);
        }
        match self.resolver.lookup(name, kind).await {
            Ok(found) => {
                let records = found.iter().filter_map(|data| record(data, kind)).take(MAX_RECORDS).collect();
                Ok((records, found.valid_until()))
            }
            Err(e) => fault(&e, asked()).map(|until| (Vec::new(), until)),
        }
    }
}

/// Until when it holds that there is nothing; else what is wrong.
fn fault(e: &ResolveError, asked: String) -> Result<Instant, DnsFault> {
    let Some(proto) = e.proto() else {
        return Err(DnsFault::Useless { asked, why: e.to_string() });
    };
    match proto.kind() {
        ProtoErrorKind::NoRecordsFound { response_code, negative_ttl, .. } => match response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => {
                let ttl = negative_ttl.map_or(LEAST_TTL, |s| Duration::from_secs(s.into()));
                Ok(Instant::now() + ttl.clamp(LEAST_TTL, MOST_TTL))
            }
            code => Err(DnsFault::Failed { asked, code: code.to_str().to_owned() }),
        },
        ProtoErrorKind::Timeout | ProtoErrorKind::NoConnections | ProtoErrorKind::Io(_) => {
            Err(DnsFault::Silent { asked })
        }
        _ => Err(DnsFault::Useless { asked, why: proto.to_string() }),
    }
}

/// A name without the root's dot; nothing of the root itself.
fn bare(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}

/// A record in our words; none of another kind than was asked for (an alias on the way).
fn record(data: &RData, kind: RecordType) -> Option<Record> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(match (data, kind) {
        (RData::A(a), RecordType::A) => Record::Address(a.0.into()),
        (RData::AAAA(a), RecordType::AAAA) => Record::Address(a.0.into()),
        (RData::SRV(s), RecordType::SRV) => Record::Srv(Srv {
            priority: s.priority(),
            weight: s.weight(),
            port: s.port(),
            target: bare(s.target()),
        }),
        (RData::NAPTR(n), RecordType::NAPTR) => Record::Naptr(Naptr {
            order: n.order(),
            preference: n.preference(),
            flags: text(n.flags()),
            service: text(n.services()),
            replacement: bare(n.replacement()),
        }),
        _ => return None,
    })
}
