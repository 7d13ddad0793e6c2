//! The carrier's machines: found by the DNS, asked whether they are there, and chosen for each call.
//!
//! What the DNS said last holds until it says something else, also where it is away or says that there is nothing:
//! whether the machines are there is asked of themselves (RFC 3263 §4, RFC 3261 §11). Deliberately absent: the order
//! of machines and the judgement of their health (`waihu_sip::{locate, health}`).

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::timeout};
use waihu_sip::{
    Credentials, Hop, Transport,
    health::{Asked, Room, Sign, Standing},
    locate::{self, Place, Target},
    registration,
    uri::Host,
};

use crate::{
    config::TrunkConfig,
    dns::{Dns, DnsFault, Located},
    network::Network,
    socket::{Registration, SipSocket},
};

/// How long an answer to OPTIONS is waited for: an INVITE that hears nothing for so long goes elsewhere, too.
const PING_PATIENCE: Duration = Duration::from_secs(6);
/// How soon a DNS that does not answer is asked again, and how late at most.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
const AGAIN_AT_MOST: Duration = Duration::from_secs(60);
/// How many machines one call tries: a telephone has 30 s to ring, and a silent machine costs 6 of them.
const MAX_TRIES: usize = 5;

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// First.
    pub next_hop: Hop,
    /// Where that is dead, silent or overloaded, in order.
    pub backups: Vec<Hop>,
}

/// What is known of one of the trunk's places.
#[derive(Debug)]
struct Known {
    place: Place,
    targets: Vec<Target>,
    fault: Option<DnsFault>,
    /// When it is to be asked for again; none of an address.
    due: Option<Instant>,
    failures: u32,
}

struct Shared {
    sip: SipSocket,
    dns: Result<Dns, DnsFault>,
    transport: Option<Transport>,
    tls_name: Option<String>,
    known: RwLock<Vec<Known>>,
}

/// The carrier of a trunk, for as long as this lives.
pub struct Carrier {
    shared: Arc<Shared>,
    keeping: tokio::task::JoinHandle<()>,
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

/// The transports that a name may lead to where none is given, the preferred first: what needs no certificate before
/// what does.
pub const BY_NAME: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

impl Carrier {
    /// Finds a trunk's machines, keeps an eye on them from here on, and registers where the trunk does. Where the DNS does not answer there is
    /// nowhere to go until it does; [`Carrier::why_shut`] says so.
    pub async fn find(trunk: &TrunkConfig, sip: SipSocket, credentials: Option<&Credentials>) -> Self {
        let dns = Dns::new(trunk.signalling.dns, trunk.bind.is_ipv4());
        let now = Instant::now();
        let known = trunk.places().map(|place| Known {
            due: place.name().map(|_| now),
            place: place.clone(),
            targets: Vec::new(),
            fault: None,
            failures: 0,
        });
        let shared = Arc::new(Shared {
            dns,
            transport: trunk.signalling.transport,
            tls_name: trunk.signalling.tls_name().map(str::to_owned),
            known: RwLock::new(known.collect()),
            sip,
        });
        shared.find_addresses();
        shared.sip.watch().begin(trunk.signalling.ping);
        shared.look_up().await;
        shared.tell_socket();
        let registering = Registering { order: trunk.registration(credentials), at: None };
        let keeping = tokio::spawn(keep(Arc::clone(&shared), registering));
        Self { shared, keeping }
    }

    /// Where a call goes now: the machines that are well, drawn by their weights; none where none is.
    pub fn route(&self) -> Option<Route> {
        let drawn = self.shared.drawn();
        let chosen = self.shared.sip.watch().look(|health| health.choose(&drawn));
        let mut hops = chosen.into_iter().take(MAX_TRIES);
        Some(Route { next_hop: hops.next()?, backups: hops.collect() })
    }

    /// The same; where none is well, as if all were: a call that is up wants its agent whatever may come of it. None
    /// where none is known.
    pub fn route_at_all(&self) -> Option<Route> {
        let any = || {
            let mut hops = self.shared.drawn().into_iter().take(MAX_TRIES);
            Some(Route { next_hop: hops.next()?, backups: hops.collect() })
        };
        self.route().or_else(any)
    }

    /// How many calls may be placed now.
    pub fn room(&self) -> Room {
        let hops = self.shared.hops();
        self.shared.sip.watch().look(|health| health.room(&hops))
    }

    /// Whether a hop is one of the carrier's machines: they alone are shown its password.
    pub fn is_one(&self, hop: Hop) -> bool {
        self.shared.hops().contains(&hop)
    }

    /// The hosts that the carrier may redirect calls to: its own.
    pub fn hosts(&self) -> Vec<Host> {
        let known = self.shared.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut hosts: Vec<Host> = known.iter().map(|known| known.place.host.clone()).collect();
        hosts.extend(hops_of(&known).map(|hop| Host::Address(hop.address.ip())));
        hosts
    }

    /// Its machines, and how each stands.
    pub fn standings(&self) -> Vec<(Hop, Standing)> {
        let hops = self.shared.hops();
        self.shared.sip.watch().look(|health| {
            hops.iter().map(|hop| (*hop, health.standing(*hop).unwrap_or(Standing::Untried))).collect()
        })
    }

    /// Why no call can be placed now, and what to do; none where one can.
    pub fn why_shut(&self) -> Option<String> {
        if self.room() != Room::Shut {
            return None;
        }
        let known = self.shared.known.read().unwrap_or_else(PoisonError::into_inner);
        if hops_of(&known).next().is_some() {
            return Some(
                "none of the trunk's machines answers: see `waihu trunk check` 线路各落地均不可用".to_owned(),
            );
        }
        let faults: Vec<String> =
            known.iter().filter_map(|known| known.fault.as_ref()).map(DnsFault::to_string).collect();
        Some(faults.join("; "))
    }
}

fn hops_of(known: &[Known]) -> impl Iterator<Item = Hop> {
    known.iter().flat_map(|known| &known.targets).flat_map(|target| target.hops.iter().copied())
}

impl Shared {
    /// Every machine, each once.
    fn hops(&self) -> Vec<Hop> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut hops: Vec<Hop> = Vec::new();
        for hop in hops_of(&known) {
            if !hops.contains(&hop) {
                hops.push(hop);
            }
        }
        hops
    }

    /// Every machine in the order of one call: those of the proxy before those of a backup.
    fn drawn(&self) -> Vec<Hop> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut hops: Vec<Hop> = Vec::new();
        for known in known.iter() {
            for hop in locate::order(&known.targets, rand::random()) {
                if !hops.contains(&hop) {
                    hops.push(hop);
                }
            }
        }
        hops
    }

    /// The places that are written as addresses need nobody's answer.
    fn find_addresses(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for known in known.iter_mut() {
            let hop = known.place.hop(self.transport.unwrap_or_default());
            known.targets.extend(hop.map(|hop| Target { priority: 0, weight: 0, hops: vec![hop] }));
        }
    }

    /// When the next answer ends to hold.
    fn due(&self) -> Option<Instant> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter_map(|known| known.due).min()
    }

    /// Asks the DNS for the names that are due; whether any leads elsewhere than before.
    async fn look_up(&self) -> bool {
        let now = Instant::now();
        let due: Vec<(usize, Place)> = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let due = known.iter().enumerate().filter(|(_, known)| known.due.is_some_and(|at| at <= now));
            due.map(|(n, known)| (n, known.place.clone())).collect()
        };
        let mut changed = false;
        for (n, place) in due {
            let found = match &self.dns {
                Ok(dns) => dns.locate(&place, self.transport, &BY_NAME).await,
                Err(fault) => Err(fault.clone()),
            };
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = known.get_mut(n) {
                changed |= known.learn(found);
            }
        }
        changed
    }

    /// Tells the socket whose messages are the carrier's, and whom to watch.
    fn tell_socket(&self) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let hops: Vec<Hop> = hops_of(&known).collect();
        let mut names = Vec::new();
        for known in known.iter() {
            // A certificate bears the name that was written, not the machine's (RFC 5922 §7.2).
            let Some(name) = self.tls_name.as_deref().or(known.place.name()) else { continue };
            let hops = known.targets.iter().flat_map(|target| &target.hops);
            names.extend(hops.map(|hop| (hop.address.ip(), name.trim_end_matches('.').to_owned())));
        }
        let networks = hops.iter().map(|hop| Network::of(hop.address.ip())).collect();
        self.sip.carried_by(networks, names);
        self.sip.watch().these(&hops);
    }

    /// The domain that a machine is asked by.
    fn place_of(&self, hop: Hop) -> Option<Place> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let of = |known: &&Known| known.targets.iter().any(|target| target.hops.contains(&hop));
        known.iter().find(of).map(|known| known.place.clone())
    }
}

impl Known {
    /// Takes what the DNS said; whether the machines are others now.
    fn learn(&mut self, found: Result<Located, DnsFault>) -> bool {
        match found {
            Ok(Located { targets, valid_until, .. }) => {
                if self.fault.take().is_some() {
                    tracing::info!(place = %self.place, "the DNS tells again where it leads");
                }
                (self.failures, self.due) = (0, Some(valid_until));
                let changed = self.targets != targets;
                if changed {
                    let machines = targets.iter().map(|target| target.hops.len()).sum::<usize>();
                    tracing::info!(place = %self.place, machines, "the DNS tells where it leads");
                }
                self.targets = targets;
                changed
            }
            Err(fault) => {
                if self.fault.as_ref() != Some(&fault) {
                    let kept = !self.targets.is_empty();
                    tracing::warn!(place = %self.place, %fault, kept, "the DNS does not tell where it leads");
                }
                let wait = AGAIN_AFTER.saturating_mul(1 << self.failures.min(8)).min(AGAIN_AT_MOST);
                self.failures = self.failures.saturating_add(1);
                (self.fault, self.due) = (Some(fault), Some(Instant::now() + wait));
                false
            }
        }
    }
}

/// What keeps us registered at one of the carrier's machines, where the trunk registers.
struct Registering {
    order: Option<registration::Order>,
    at: Option<(Hop, Registration)>,
}

impl Registering {
    /// Registers at the first machine that is well, and at another where that one is down.
    fn see_to(&mut self, shared: &Shared) {
        let Some(order) = &self.order else { return };
        let hops = shared.hops();
        let well = shared.sip.watch().look(|health| health.choose(&hops));
        // Where none is well it is asked on: whoever comes back first is told.
        let at = self.at.as_ref().map(|(hop, _)| *hop).filter(|hop| hops.contains(hop));
        let Some(hop) =
            at.filter(|at| well.contains(at) || well.is_empty()).or_else(|| well.first().copied())
        else {
            return;
        };
        if at != Some(hop) {
            if let Some((_, registration)) = self.at.take() {
                registration.moves();
            }
            let order = registration::Order { next_hop: hop, ..order.clone() };
            self.at = Some((hop, shared.sip.register(order)));
        }
    }
}

/// Asks machines and the DNS, each when it is due.
async fn keep(shared: Arc<Shared>, mut registering: Registering) {
    let mut asking = JoinSet::new();
    loop {
        for hop in shared.sip.watch().due() {
            asking.spawn(ping(Arc::clone(&shared), hop));
        }
        while asking.try_join_next().is_some() {}
        registering.see_to(&shared);
        let due = [shared.due(), shared.sip.watch().next()].into_iter().flatten().min();
        let due = due.map(tokio::time::Instant::from_std);
        tokio::select! {
            () = tokio::time::sleep_until(due.unwrap_or_else(tokio::time::Instant::now)), if due.is_some() => {}
            () = shared.sip.watch().changed() => {}
        }
        if shared.look_up().await {
            shared.tell_socket();
        }
    }
}

async fn ping(shared: Arc<Shared>, hop: Hop) {
    let Some(place) = shared.place_of(hop) else { return };
    // An answer, and that nobody listens there, is told by the socket.
    if timeout(PING_PATIENCE, shared.sip.ping(place.uri(""), hop)).await.is_err() {
        shared.sip.watch().saw(hop, Asked::Options, Sign::Silent);
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use waihu_sip::NameAddr;

    use super::*;

    /// Answers what a registrar is asked until it is asked for so many seconds.
    fn registers(machine: &UdpSocket, expires_s: u32) {
        let mut bytes = [0; 4_096];
        loop {
            let (n, from) = machine.recv_from(&mut bytes).unwrap();
            let asked = String::from_utf8_lossy(&bytes[..n]).into_owned();
            let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
            for line in asked.lines() {
                if ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)) {
                    answer += &format!("{line}\r\n");
                }
            }
            machine.send_to(format!("{answer}Content-Length: 0\r\n\r\n").as_bytes(), from).unwrap();
            if asked.contains(&format!("\r\nExpires: {expires_s}\r\n")) {
                return;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_registration_that_moves_is_not_taken_back_where_it_was() {
        let (sip, _calls) = SipSocket::bind("127.0.0.1:0".parse().unwrap(), "test").await.unwrap();
        let machines = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let hops = machines.each_ref().map(|machine| {
            machine.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            Hop::from(machine.local_addr().unwrap())
        });
        let known = hops.map(|hop| Known {
            place: hop.address.to_string().parse().unwrap(),
            targets: vec![Target { priority: 0, weight: 0, hops: vec![hop] }],
            fault: None,
            due: None,
            failures: 0,
        });
        let dns = Dns::new(Some(hops[0].address), true);
        let known = RwLock::new(Vec::from(known));
        let shared = Shared { sip, dns, transport: None, tls_name: None, known };
        shared.sip.watch().these(&hops);
        let order = registration::Order {
            registration: 0,
            registrar: "sip:carrier.example".parse().unwrap(),
            next_hop: hops[0],
            of: NameAddr::new(None, "sip:4008@carrier.example".parse().unwrap()),
            contact_user: "waihu".to_owned(),
            expires_s: 600,
            credentials: None,
        };
        let mut registering = Registering { order: Some(order), at: None };
        registering.see_to(&shared);
        registers(&machines[0], 600);
        shared.sip.watch().saw(hops[0], Asked::Options, Sign::Unreachable);
        registering.see_to(&shared);
        registers(&machines[1], 600);
        drop(registering);
        registers(&machines[1], 0);
        // The first one may have been asked twice, and never to forget.
        let mut bytes = [0; 4_096];
        machines[0].set_nonblocking(true).unwrap();
        while let Ok(n) = machines[0].recv(&mut bytes) {
            let asked = String::from_utf8_lossy(&bytes[..n]).into_owned();
            assert!(!asked.contains("\r\nExpires: 0\r\n"), "{asked}");
        }
    }
}
