//! A bad network between two addresses, on loopback: a socket loop around two [`Line`]s.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use waihu_types::Time;

use crate::{Line, Network, queue::Queue};

/// The longest datagram that passes whole [bytes].
const ROOM: usize = 2_048;
/// How often the loop looks whether it is to stop [ms].
const LOOK_EACH_MS: u16 = 20;
/// Packets read in a row from one side, before those are sent that are due.
const MAX_IN_A_ROW: usize = 64;

/// What passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayCounts {
    /// Packets that came from the caller's side and from the other.
    pub received: [u64; 2],
    /// Packets that went on to the other side and to the caller's.
    pub sent: [u64; 2],
}

/// A relay that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<RelayCounts>>,
}

impl Relay {
    /// Passes what comes to [`Relay::address`] on to `to`, as `there` has it; and what `to` answers back
    /// to whoever sent last, as `back` has it.
    ///
    /// # Errors
    /// When the system gives no socket or thread.
    pub fn start(to: SocketAddr, there: Network, back: Network, seed: u64) -> io::Result<Self> {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let behind = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        front.set_nonblocking(true)?;
        behind.set_nonblocking(true)?;
        let address = front.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let passing = Passing {
            sockets: [front, behind],
            ends: [None, Some(to)],
            lines: [Line::new(there, seed), Line::new(back, !seed)],
            queue: Queue::new(),
            counts: RelayCounts::default(),
            start: Instant::now(),
        };
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name("relay".into()).spawn(move || passing.run(&stopped))?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// Where to send to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it; what was still on its way is dropped.
    pub fn stop(mut self) -> RelayCounts {
        self.end().unwrap_or_default()
    }

    fn end(&mut self) -> Option<RelayCounts> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take()?.join().ok()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.end();
    }
}

/// Side 0 is the caller's, side 1 the other.
struct Passing {
    sockets: [UdpSocket; 2],
    ends: [Option<SocketAddr>; 2],
    lines: [Line; 2],
    queue: Queue<(usize, Vec<u8>)>,
    counts: RelayCounts,
    start: Instant,
}

impl Passing {
    fn run(mut self, stop: &AtomicBool) -> RelayCounts {
        while !stop.load(Ordering::Relaxed) {
            let now = self.now();
            let wait = self.queue.next().map_or(Duration::MAX, |at| at.since(now));
            let wait_ms = wait.as_micros().div_ceil(1_000).min(LOOK_EACH_MS.into()) as u16;
            let [front, behind] = &self.sockets;
            let mut fds = [front, behind].map(|s| PollFd::new(s.as_fd(), PollFlags::POLLIN));
            // An interruption is no harm: whatever is there is read.
            let _ = poll(&mut fds, PollTimeout::from(wait_ms));
            (0..2).for_each(|side| self.take(side));
            let now = self.now();
            while let Some((side, bytes)) = self.queue.pop(now) {
                if let Some(end) = self.ends[1 - side] {
                    let sent = self.sockets[1 - side].send_to(&bytes, end).is_ok();
                    self.counts.sent[side] += u64::from(sent);
                }
            }
        }
        self.counts
    }

    fn now(&self) -> Time {
        Time::ZERO + self.start.elapsed()
    }

    fn take(&mut self, side: usize) {
        let mut buffer = [0; ROOM];
        for _ in 0..MAX_IN_A_ROW {
            let Ok((len, from)) = self.sockets[side].recv_from(&mut buffer) else { return };
            match side {
                0 => self.ends[0] = Some(from),
                _ if self.ends[1] != Some(from) => continue,
                _ => {}
            }
            self.counts.received[side] += 1;
            let now = self.now();
            for delivery in self.lines[side].decide(now, len).into_iter().flatten() {
                let mut bytes = buffer[..len].to_vec();
                if let Some(flip) = delivery.flip {
                    bytes[flip.byte] ^= flip.mask;
                }
                self.queue.push(delivery.at, (side, bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as any answer is waited for.
    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn what_a_line_of_that_seed_decides_is_what_passes_and_answers_come_back() {
        let network = Network { loss: 0.3, duplicate: 0.2, corrupt: 0.1, ..Network::default() };
        let (near, far) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        far.set_read_timeout(Some(PATIENCE)).unwrap();
        near.set_read_timeout(Some(PATIENCE)).unwrap();
        let relay = Relay::start(far.local_addr().unwrap(), network, Network::default(), 11).unwrap();
        let mut line = Line::new(network, 11);
        let mut expected = Vec::new();
        for n in 0..100u8 {
            let packet = [n; 40];
            near.send_to(&packet, relay.address()).unwrap();
            for delivery in line.decide(Time::ZERO, packet.len()).into_iter().flatten() {
                let mut packet = packet;
                if let Some(flip) = delivery.flip {
                    packet[flip.byte] ^= flip.mask;
                }
                expected.push(packet);
            }
        }
        let mut buffer = [0; 64];
        for packet in &expected {
            let (n, from) = far.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..n], packet);
            far.send_to(&buffer[..n], from).unwrap();
            let (n, from) = near.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..n], from), (&packet[..], relay.address()));
        }
        let passed = expected.len() as u64;
        assert_eq!(relay.stop(), RelayCounts { received: [100, passed], sent: [passed; 2] });
        assert!(passed < 100);
    }
}
