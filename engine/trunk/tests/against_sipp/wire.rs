//! The network between the trunk and SIPp: two sockets that pass datagrams on, keep them, and lose some.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{net::UdpSocket, sync::watch, task::JoinHandle, time::timeout};

/// The longest that a test waits for a datagram.
const PATIENCE: Duration = Duration::from_secs(80);

/// Who sent a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The trunk.
    Us,
    /// SIPp.
    Sipp,
}

/// One datagram.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Instant,
    pub by: By,
    pub text: String,
    pub lost: bool,
}

impl Seen {
    /// Whether the trunk sent it and it begins so.
    pub fn ours(&self, start: &str) -> bool {
        self.by == By::Us && self.text.starts_with(start)
    }

    /// Whether SIPp sent it and it begins so.
    pub fn theirs(&self, start: &str) -> bool {
        self.by == By::Sipp && self.text.starts_with(start)
    }

    /// The first line.
    pub fn start(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }
}

/// The two ends before they are joined: the far side must know where it will be reached.
pub struct Ends {
    near: UdpSocket,
    far: UdpSocket,
}

impl Ends {
    pub async fn open(ip: IpAddr) -> Self {
        let open = || UdpSocket::bind((ip, 0));
        Self { near: open().await.unwrap(), far: open().await.unwrap() }
    }

    /// What the trunk takes SIPp's address to be.
    pub fn near(&self) -> SocketAddr {
        self.near.local_addr().unwrap()
    }

    /// What SIPp takes the trunk's address to be.
    pub fn far(&self) -> SocketAddr {
        self.far.local_addr().unwrap()
    }

    /// Joins them; `lose` sees each datagram in turn and says whether it is lost.
    pub fn join(
        self,
        us: SocketAddr,
        sipp: Option<SocketAddr>,
        lose: impl FnMut(&Seen) -> bool + Send + 'static,
    ) -> Wire {
        let near = self.near();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (changed, changes) = watch::channel(());
        let carrier = Carrier { ends: self, us, sipp, log: Arc::clone(&log), changed };
        Wire { near, log, changes, task: tokio::spawn(carrier.carry(lose)) }
    }
}

struct Carrier {
    ends: Ends,
    us: SocketAddr,
    /// A SIPp that calls is known by its first datagram.
    sipp: Option<SocketAddr>,
    log: Arc<Mutex<Vec<Seen>>>,
    changed: watch::Sender<()>,
}

impl Carrier {
    async fn carry(mut self, mut lose: impl FnMut(&Seen) -> bool) {
        let (mut here, mut there) = (vec![0; 65_535], vec![0; 65_535]);
        loop {
            let (by, bytes) = tokio::select! {
                r = self.ends.near.recv_from(&mut here) => match r {
                    Ok((n, _)) => (By::Us, &here[..n]),
                    Err(_) => continue,
                },
                r = self.ends.far.recv_from(&mut there) => match r {
                    Ok((n, from)) => {
                        self.sipp.get_or_insert(from);
                        (By::Sipp, &there[..n])
                    }
                    Err(_) => continue,
                },
            };
            let text = String::from_utf8(bytes.to_vec()).expect("SIP is UTF-8");
            let mut seen = Seen { at: Instant::now(), by, text, lost: false };
            seen.lost = lose(&seen);
            let lost = seen.lost;
            self.log.lock().unwrap().push(seen);
            let _ = self.changed.send(());
            if lost {
                continue;
            }
            // What cannot be delivered is lost, as on any network.
            let _ = match (by, self.sipp) {
                (By::Us, Some(sipp)) => self.ends.far.send_to(&readable(bytes), sipp).await,
                (By::Us, None) => Ok(0),
                (By::Sipp, _) => self.ends.near.send_to(bytes, self.us).await,
            };
        }
    }
}

/// What is sent to SIPp without challenges by SHA-256: SIPp 3.6 gives up at a hash that it does not know, where a
/// telephone looks for the next challenge (RFC 8760 §2.4).
fn readable(bytes: &[u8]) -> Vec<u8> {
    let unknown =
        |line: &&[u8]| line.starts_with(b"WWW-Authenticate:") && line.windows(7).any(|w| w == b"SHA-256");
    bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| !unknown(line)).collect::<Vec<_>>().concat()
}

/// The joined wire.
pub struct Wire {
    /// Where the trunk reaches SIPp.
    pub near: SocketAddr,
    log: Arc<Mutex<Vec<Seen>>>,
    changes: watch::Receiver<()>,
    task: JoinHandle<()>,
}

impl Wire {
    /// All datagrams so far.
    pub fn log(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    /// All datagrams so far that `is` says yes to.
    pub fn all(&self, is: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        self.log().into_iter().filter(|s| is(s)).collect()
    }

    /// The same without those that were sent again: a slow machine may be the cause of a retransmission.
    pub fn different(&self, is: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        let mut found = self.all(is);
        let mut known = HashSet::new();
        found.retain(|s| known.insert(s.text.clone()));
        found
    }

    /// Waits for the first datagram that `is` says yes to.
    pub async fn first(&self, is: impl Fn(&Seen) -> bool) -> Seen {
        let mut changes = self.changes.clone();
        let found = timeout(PATIENCE, async {
            loop {
                changes.borrow_and_update();
                if let Some(seen) = self.log().into_iter().find(|s| is(s)) {
                    return seen;
                }
                changes.changed().await.expect("the wire is up");
            }
        });
        found.await.unwrap_or_else(|_| panic!("it was never seen on the wire:\n{}", self.course()))
    }

    /// The course of things, a line for each datagram.
    pub fn course(&self) -> String {
        let log = self.log();
        let line = |s: &Seen| {
            let after = s.at.duration_since(log[0].at).as_millis();
            format!("{after:>6} ms {:?}{} {}\n", s.by, if s.lost { " (lost)" } else { "" }, s.start())
        };
        log.iter().map(line).collect()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}
