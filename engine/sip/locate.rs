//! Where a SIP server's name leads: RFC 3263 §4, in the order of RFC 2782; WebSocket's services by RFC 7118 §8.
//!
//! What is to be asked of the DNS is decided here, and asked elsewhere. Deliberately absent: sending questions, how
//! long answers hold, NAPTR's regular expressions (§4.1 wants replacements alone), ENUM.

use std::{collections::VecDeque, fmt, net::IpAddr, net::SocketAddr, str::FromStr};

use waihu_types::SplitMix64;

use crate::{
    transport::{Hop, Transport},
    uri::{Host, InvalidUri, Params, SipUri, Uri},
};

/// The most machines that a name leads to: a list beyond that is no carrier's.
const MAX_TARGETS: usize = 16;
/// The most addresses of one machine.
const MAX_ADDRESSES: usize = 8;

/// A server as it is written down: an address or a name, with a port or without.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The address or name.
    pub host: Host,
    /// The port, where one is written.
    pub port: Option<u16>,
}

impl Place {
    /// The hop, where it is an address.
    pub fn hop(&self, transport: Transport) -> Option<Hop> {
        let port = self.port.unwrap_or(transport.usual_port());
        Some(Hop::new(transport, SocketAddr::new(self.host.address()?, port)))
    }

    /// The name; none of an address.
    pub fn name(&self) -> Option<&str> {
        match &self.host {
            Host::Name(name) => Some(name),
            Host::Address(_) => None,
        }
    }

    /// `sip:user@place`; `user` is escaped as needed, and left out where empty.
    pub fn uri(&self, user: &str) -> Uri {
        // The address is another's: it is replaced.
        let plain = Uri::sip(user, SocketAddr::from(([0, 0, 0, 0], 0)));
        let userinfo = plain.as_sip().and_then(|uri| uri.userinfo.clone());
        Uri::Sip(SipUri {
            secure: false,
            userinfo,
            host: self.host.clone(),
            port: self.port,
            params: Params::default(),
            headers: None,
        })
    }
}

impl FromStr for Place {
    type Err = InvalidUri;

    /// Reads `host [":" port]`; an IPv6 address stands in brackets.
    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        let (host, port) = Host::parse_with_port(text)?;
        if port == Some(0) {
            return Err(InvalidUri::Port);
        }
        Ok(Self { host, port })
    }
}

impl From<SocketAddr> for Place {
    fn from(address: SocketAddr) -> Self {
        Self { host: Host::Address(address.ip()), port: Some(address.port()) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// What is to be asked of the DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The services of a domain (RFC 3403).
    Naptr(String),
    /// The machines of a service (RFC 2782).
    Srv(String),
    /// The addresses of a machine, A and AAAA.
    Addresses(String),
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Naptr(name) => write!(f, "NAPTR {name}"),
            Self::Srv(name) => write!(f, "SRV {name}"),
            Self::Addresses(name) => write!(f, "A/AAAA {name}"),
        }
    }
}

/// What the DNS answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A service of the domain.
    Naptr(Naptr),
    /// A machine of the service.
    Srv(Srv),
    /// An address of the machine.
    Address(IpAddr),
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Naptr(n) => write!(f, "{} {} {} {}", n.order, n.preference, n.service, n.replacement),
            Self::Srv(s) => write!(f, "{} {} {}:{}", s.priority, s.weight, s.target, s.port),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

/// NAPTR, as far as RFC 3263 needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    /// The lowest comes first.
    pub order: u16,
    /// Within an order the lowest comes first.
    pub preference: u16,
    /// `s` where the replacement is an SRV name.
    pub flags: String,
    /// As `SIP+D2U`.
    pub service: String,
    /// The name that is asked next.
    pub replacement: String,
}

/// SRV.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// The lowest comes first.
    pub priority: u16,
    /// The share of calls within a priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The machine; `.`, or nothing, where the service is not offered.
    pub target: String,
}

/// A machine that a name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The lowest comes first.
    pub priority: u32,
    /// The share of calls within a priority.
    pub weight: u16,
    /// Its addresses, one as good as the other.
    pub hops: Vec<Hop>,
}

/// Why a name leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// There is no such name, or it has no record that is of use.
    #[error("the DNS knows no address for it")]
    Nowhere,
    /// The DNS says that the service is not offered there (RFC 2782: a target of `.`).
    #[error("the DNS says that SIP is not offered there")]
    NotOffered,
}

#[derive(Debug)]
struct Wanted {
    transport: Transport,
    priority: u32,
    weight: u16,
    name: String,
    port: u16,
}

/// A search for the machines behind a name. Ask [`Search::question`], give [`Search::answer`], until there is none.
#[derive(Debug)]
pub struct Search {
    name: String,
    known: Vec<Transport>,
    questions: VecDeque<Question>,
    /// The services whose machines are asked for, the preferred first, by the names of their questions.
    services: Vec<(String, Transport)>,
    wanted: Vec<Wanted>,
    found: Vec<Target>,
    refused: bool,
    /// Whether addresses are asked for: then nothing else is any more.
    at_addresses: bool,
    fallback: (Transport, u16),
}

fn service_of(text: &str) -> Option<Transport> {
    Some(match text.to_ascii_uppercase().as_str() {
        "SIP+D2U" => Transport::Udp,
        "SIP+D2T" => Transport::Tcp,
        "SIPS+D2T" => Transport::Tls,
        "SIP+D2W" => Transport::Ws,
        "SIPS+D2W" => Transport::Wss,
        _ => return None,
    })
}

fn srv_name(transport: Transport, name: &str) -> String {
    let service = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        Transport::Ws => "_sip._ws",
        Transport::Wss => "_sips._ws",
    };
    format!("{service}.{name}")
}

/// Names are the same with the root's dot and without, in capitals or not.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

impl Search {
    /// A search for `place`, by `transport` where that is given, else by those of `known`, the preferred first
    /// (§4.1).
    pub fn new(place: &Place, transport: Option<Transport>, known: &[Transport]) -> Self {
        let carried_by = transport.unwrap_or_default();
        let mut search = Self {
            name: place.name().map(plain).unwrap_or_default(),
            known: known.to_vec(),
            questions: VecDeque::new(),
            services: Vec::new(),
            wanted: Vec::new(),
            found: Vec::new(),
            refused: false,
            at_addresses: false,
            fallback: (carried_by, place.port.unwrap_or(carried_by.usual_port())),
        };
        match (place.hop(carried_by), place.port, transport) {
            (Some(hop), ..) => search.found.push(Target { priority: 0, weight: 0, hops: vec![hop] }),
            // A port that is written leaves nothing to SRV (§4.1, §4.2).
            (None, Some(_), _) => search.ask_plainly(),
            (None, None, Some(transport)) => search.ask_services(&[transport]),
            (None, None, None) => search.questions.push_back(Question::Naptr(search.name.clone())),
        }
        search
    }

    /// What is to be asked next; none where the search is over.
    pub fn question(&self) -> Option<&Question> {
        self.questions.front()
    }

    /// Takes the answer to the question: no records where there are none.
    pub fn answer(&mut self, records: &[Record]) {
        match self.questions.pop_front() {
            Some(Question::Naptr(_)) => self.services(records),
            Some(Question::Srv(name)) => self.machines(&name, records),
            Some(Question::Addresses(name)) => self.addresses(&name, records),
            None => return,
        }
        if !self.questions.is_empty() || self.at_addresses {
            return;
        }
        if self.wanted.is_empty() && !self.refused {
            return self.ask_plainly();
        }
        self.ask_addresses();
    }

    /// The machines, once there is no question left.
    ///
    /// # Errors
    /// When there are none.
    pub fn finish(mut self) -> Result<Vec<Target>, NotFound> {
        if self.found.is_empty() {
            return Err(if self.refused { NotFound::NotOffered } else { NotFound::Nowhere });
        }
        self.found.sort_by(|a, b| (a.priority, a.weight, &a.hops).cmp(&(b.priority, b.weight, &b.hops)));
        Ok(self.found)
    }

    fn ask_services(&mut self, transports: &[Transport]) {
        for transport in transports {
            let name = srv_name(*transport, &self.name);
            self.questions.push_back(Question::Srv(name.clone()));
            self.services.push((name, *transport));
        }
    }

    /// The name's own addresses, at the usual port or the one that is written.
    fn ask_plainly(&mut self) {
        let (transport, port) = self.fallback;
        self.wanted = vec![Wanted { transport, priority: 0, weight: 0, name: self.name.clone(), port }];
        self.ask_addresses();
    }

    fn ask_addresses(&mut self) {
        self.at_addresses = true;
        self.wanted.sort_by_key(|wanted| wanted.priority);
        self.wanted.truncate(MAX_TARGETS);
        let mut names: Vec<&str> = Vec::new();
        for wanted in &self.wanted {
            if !names.contains(&wanted.name.as_str()) {
                names.push(&wanted.name);
            }
        }
        self.questions = names.into_iter().map(|name| Question::Addresses(name.to_owned())).collect();
    }

    /// NAPTR: the services that we can use, in the domain's order. Where it names none of them, each is asked for
    /// as if it had said nothing.
    fn services(&mut self, records: &[Record]) {
        let mut offered: Vec<(u16, u16, Transport, String)> = Vec::new();
        for record in records {
            let Record::Naptr(n) = record else { continue };
            let transport = service_of(&n.service).filter(|t| self.known.contains(t));
            if let Some(transport) = transport.filter(|_| n.flags.eq_ignore_ascii_case("s")) {
                offered.push((n.order, n.preference, transport, plain(&n.replacement)));
            }
        }
        offered.sort_by_key(|(order, preference, ..)| (*order, *preference));
        if offered.is_empty() {
            return self.ask_services(&self.known.clone());
        }
        for (_, _, transport, name) in offered {
            if self.services.len() < MAX_TARGETS && !self.services.iter().any(|(known, _)| *known == name) {
                self.questions.push_back(Question::Srv(name.clone()));
                self.services.push((name, transport));
            }
        }
    }

    fn machines(&mut self, service: &str, records: &[Record]) {
        let Some(at) = self.services.iter().position(|(name, _)| name == service) else { return };
        let Some((_, transport)) = self.services.get(at) else { return };
        let before = u32::try_from(at).unwrap_or(u32::MAX) << 16;
        for record in records {
            let Record::Srv(Srv { priority, weight, port, target }) = record else { continue };
            let name = plain(target);
            if name.is_empty() {
                self.refused = true;
                continue;
            }
            self.wanted.push(Wanted {
                transport: *transport,
                priority: before | u32::from(*priority),
                weight: *weight,
                name,
                port: *port,
            });
        }
    }

    fn addresses(&mut self, name: &str, records: &[Record]) {
        let addresses = || {
            records.iter().filter_map(|record| match record {
                Record::Address(address) => Some(*address),
                _ => None,
            })
        };
        for wanted in self.wanted.iter().filter(|wanted| wanted.name == name) {
            let at = |address| Hop::new(wanted.transport, SocketAddr::new(address, wanted.port));
            let mut hops: Vec<Hop> = addresses().map(at).collect();
            // Servers turn the order of their answers round; ours is drawn for each call.
            hops.sort_unstable();
            hops.truncate(MAX_ADDRESSES);
            if !hops.is_empty() {
                self.found.push(Target { priority: wanted.priority, weight: wanted.weight, hops });
            }
        }
    }
}

/// The order in which one call tries the machines: by priority, within it drawn by weight (RFC 2782), so that of many
/// calls each machine gets its share first, and each of its addresses as many as the others.
pub fn order(targets: &[Target], seed: u64) -> Vec<Hop> {
    let mut row = SplitMix64::new(seed);
    let mut priorities: Vec<u32> = targets.iter().map(|target| target.priority).collect();
    priorities.sort_unstable();
    priorities.dedup();
    let mut hops = Vec::new();
    for priority in priorities {
        let mut left: Vec<&Target> = targets.iter().filter(|t| t.priority == priority).collect();
        // Those of no weight come first in the list, and so have a small chance.
        left.sort_by_key(|target| target.weight != 0);
        while !left.is_empty() {
            let sum: u64 = left.iter().map(|target| u64::from(target.weight)).sum();
            let drawn = row.next_u64();
            let mut running = 0;
            let at = if sum == 0 {
                // Nobody is preferred: each is as likely.
                usize::try_from(drawn % left.len() as u64).unwrap_or(0)
            } else {
                let by_weight = |target: &&Target| {
                    running += u64::from(target.weight);
                    running >= drawn % (sum + 1)
                };
                left.iter().position(by_weight).unwrap_or(0)
            };
            let target = left.remove(at);
            let mut addresses = target.hops.clone();
            while !addresses.is_empty() {
                let at = usize::try_from(row.next_u64() % addresses.len() as u64).unwrap_or(0);
                let hop = addresses.swap_remove(at);
                if !hops.contains(&hop) {
                    hops.push(hop);
                }
            }
        }
    }
    hops
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

    fn naptr(order: u16, preference: u16, service: &str, replacement: &str) -> Record {
        let (service, replacement) = (service.to_owned(), replacement.to_owned());
        Record::Naptr(Naptr { order, preference, flags: "s".to_owned(), service, replacement })
    }

    fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Record {
        Record::Srv(Srv { priority, weight, port, target: target.to_owned() })
    }

    fn address(text: &str) -> Record {
        Record::Address(text.parse().unwrap())
    }

    /// Searches with a DNS that says what the table has; what was asked and what was found, one a line.
    fn searched(
        place: &str,
        transport: Option<Transport>,
        dns: &[(&str, &[Record])],
    ) -> (Vec<String>, Result<Vec<String>, NotFound>) {
        let mut search = Search::new(&place.parse().unwrap(), transport, &OURS);
        let mut asked = Vec::new();
        while let Some(question) = search.question() {
            let question = question.to_string();
            let answer = dns.iter().find(|(q, _)| *q == question).map_or(&[][..], |(_, records)| records);
            asked.push(question);
            assert!(asked.len() < 100, "it has an end");
            search.answer(answer);
        }
        let found = search.finish().map(|found| order(&found, 7).iter().map(Hop::to_string).collect());
        (asked, found)
    }

    #[test]
    fn the_transport_and_the_machines_are_found_as_rfc_3263_says() {
        // A place, the transport that is given, what the DNS knows; what is asked of it, and what is found.
        type Row<'a> =
            (&'a str, Option<Transport>, Vec<(&'a str, Vec<Record>)>, &'a [&'a str], &'a [&'a str]);
        let a = |text: &str| vec![address(text)];
        let table: &[Row<'_>] = &[
            // An address needs nobody (§4.1, §4.2).
            ("192.0.2.1", None, vec![], &[], &["UDP 192.0.2.1:5060"]),
            ("192.0.2.1:5080", Some(Transport::Tls), vec![], &[], &["TLS 192.0.2.1:5080"]),
            ("[2001:db8::1]", Some(Transport::Tls), vec![], &[], &["TLS [2001:db8::1]:5061"]),
            // A port is written: addresses alone.
            (
                "c.example:5070",
                None,
                vec![("A/AAAA c.example", a("192.0.2.7"))],
                &["A/AAAA c.example"],
                &["UDP 192.0.2.7:5070"],
            ),
            // A transport is given: its SRV, else the usual port.
            (
                "C.example.",
                Some(Transport::Tls),
                vec![
                    (
                        "SRV _sips._tcp.c.example",
                        vec![srv(1, 0, 5062, "b.example."), srv(0, 0, 5061, "a.example")],
                    ),
                    ("A/AAAA a.example", a("192.0.2.1")),
                    ("A/AAAA b.example", a("2001:db8::2")),
                ],
                &["SRV _sips._tcp.c.example", "A/AAAA a.example", "A/AAAA b.example"],
                &["TLS 192.0.2.1:5061", "TLS [2001:db8::2]:5062"],
            ),
            (
                "c.example",
                Some(Transport::Tls),
                vec![("A/AAAA c.example", a("192.0.2.7"))],
                &["SRV _sips._tcp.c.example", "A/AAAA c.example"],
                &["TLS 192.0.2.7:5061"],
            ),
            // NAPTR: what we cannot speak is passed over, the rest in the domain's order.
            (
                "c.example",
                None,
                vec![
                    (
                        "NAPTR c.example",
                        vec![
                            naptr(90, 50, "SIP+D2U", "_sip._udp.c.example"),
                            naptr(50, 50, "sip+d2t", "_sip._tcp.Tcp.example."),
                            naptr(10, 10, "SIP+D2S", "_sip._sctp.c.example"),
                            naptr(20, 10, "E2U+sip", "x.example"),
                        ],
                    ),
                    ("SRV _sip._tcp.tcp.example", vec![srv(9, 1, 5060, "t.example")]),
                    ("SRV _sip._udp.c.example", vec![srv(0, 1, 5060, "u.example")]),
                    ("A/AAAA t.example", vec![address("192.0.2.1"), address("192.0.2.2")]),
                    ("A/AAAA u.example", a("192.0.2.3")),
                ],
                &[
                    "NAPTR c.example",
                    "SRV _sip._tcp.tcp.example",
                    "SRV _sip._udp.c.example",
                    "A/AAAA t.example",
                    "A/AAAA u.example",
                ],
                &["TCP 192.0.2.1:5060", "TCP 192.0.2.2:5060", "UDP 192.0.2.3:5060"],
            ),
            // No NAPTR: each service is asked for; none there: the addresses, by UDP.
            (
                "c.example",
                None,
                vec![
                    ("SRV _sip._tcp.c.example", vec![srv(0, 0, 5064, "t.example")]),
                    ("A/AAAA t.example", a("192.0.2.4")),
                ],
                &[
                    "NAPTR c.example",
                    "SRV _sip._udp.c.example",
                    "SRV _sip._tcp.c.example",
                    "SRV _sips._tcp.c.example",
                    "A/AAAA t.example",
                ],
                &["TCP 192.0.2.4:5064"],
            ),
            (
                "c.example",
                None,
                vec![("A/AAAA c.example", a("192.0.2.9"))],
                &[
                    "NAPTR c.example",
                    "SRV _sip._udp.c.example",
                    "SRV _sip._tcp.c.example",
                    "SRV _sips._tcp.c.example",
                    "A/AAAA c.example",
                ],
                &["UDP 192.0.2.9:5060"],
            ),
        ];
        for (place, transport, dns, asked, found) in table {
            let dns: Vec<(&str, &[Record])> = dns.iter().map(|(q, r)| (*q, r.as_slice())).collect();
            let (questions, targets) = searched(place, *transport, &dns);
            assert_eq!(questions, *asked, "{place}");
            assert_eq!(targets.unwrap(), *found, "{place}");
        }
    }

    #[test]
    fn a_name_that_leads_nowhere_says_so() {
        assert_eq!(searched("c.example", None, &[]).1, Err(NotFound::Nowhere));
        let refused = [srv(0, 0, 0, ".")];
        let dns: &[(&str, &[Record])] = &[("SRV _sip._udp.c.example", &refused)];
        assert_eq!(searched("c.example", Some(Transport::Udp), dns).1, Err(NotFound::NotOffered));
        // Answers to something else, and thousands of them.
        let odd = vec![srv(0, 0, 5060, "x.example"); 10_000];
        let dns: &[(&str, &[Record])] = &[("NAPTR c.example", &odd), ("A/AAAA c.example", &odd)];
        assert_eq!(searched("c.example", None, dns).1, Err(NotFound::Nowhere));
        let many: Vec<Record> = (0..1_000).map(|n| srv(n, 1, 5060, &format!("h{n}.example"))).collect();
        let dns: &[(&str, &[Record])] = &[("SRV _sip._udp.c.example", &many)];
        let (asked, _) = searched("c.example", Some(Transport::Udp), dns);
        assert_eq!(asked.len(), 1 + MAX_TARGETS);
    }

    #[test]
    fn machines_of_one_priority_get_their_shares_of_calls_and_every_call_has_all_of_them() {
        let target = |priority, weight, n: u8| Target {
            priority,
            weight,
            hops: vec![Hop::from(SocketAddr::from(([192, 0, 2, n], 5060)))],
        };
        let targets =
            [target(1, 30, 4), target(0, 60, 1), target(0, 30, 2), target(0, 10, 3), target(0, 0, 5)];
        let mut first = [0_u32; 6];
        for seed in 0..10_000_u64 {
            let hops = order(&targets, seed);
            assert_eq!(hops.len(), 5);
            assert_eq!(hops[4].address.ip().to_string(), "192.0.2.4", "a higher priority comes last");
            let std::net::IpAddr::V4(ip) = hops[0].address.ip() else { panic!() };
            first[usize::from(ip.octets()[3])] += 1;
        }
        assert_eq!(order(&targets, 3), order(&targets, 3));
        let about = |n: usize, share: u32| first[n].abs_diff(share) < 200;
        assert!(about(1, 5_940) && about(2, 2_970) && about(3, 990) && about(5, 99), "{first:?}");
        assert!(order(&[], 1).is_empty());
        // Weights of nothing are no reason to choose always the same.
        let even = [target(0, 0, 1), target(0, 0, 2)];
        let firsts = (0..1_000).filter(|seed| order(&even, *seed)[0] == even[0].hops[0]).count();
        assert!((400..600).contains(&firsts), "{firsts}");
    }

    #[test]
    fn a_place_is_read_and_written() {
        for (text, name, uri) in [
            ("192.0.2.1:5060", None, "sip:+86138@192.0.2.1:5060"),
            ("[2001:db8::1]:5061", None, "sip:+86138@[2001:db8::1]:5061"),
            ("sip.carrier.example", Some("sip.carrier.example"), "sip:+86138@sip.carrier.example"),
            ("sip.carrier.example:5080", Some("sip.carrier.example"), "sip:+86138@sip.carrier.example:5080"),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!((place.to_string().as_str(), place.name()), (text, name));
            assert_eq!(place.uri("+86138").to_string(), uri);
        }
        assert_eq!("sip.example".parse::<Place>().unwrap().uri("").to_string(), "sip:sip.example");
        for text in ["", ":5060", "a b", "host:0", "host:70000", "host:", "2001:db8::1", "sip:host"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
