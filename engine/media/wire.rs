//! The sockets: how datagrams come in and go out, a batch a system call.
//!
//! A slot's own socket has one packet a tick: it is read by one plain call, and again only where the
//! packet's age says that others wait behind it (recvmmsg costs a third more for one packet; what each
//! way costs is in `examples/io.rs`). A shared port is read and written in batches.
//!
//! Reading is bounded, so that a flood at one slot costs the others little, and what waits longer
//! waits in the system's own queue, where it overflows. Arrival is the system's own time stamp: it
//! is the same however late this thread comes to read, so jitter is the network's and not ours.

use std::{
    io::{IoSlice, IoSliceMut},
    net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket},
    os::fd::AsRawFd,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use nix::{
    cmsg_space,
    errno::Errno,
    sys::socket::{
        CmsgIterator, ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg,
        recvmsg, sendmmsg, setsockopt, sockopt,
    },
    sys::time::TimeSpec,
};
use waihu_types::Time;

/// The longest datagram looked at; anything longer is no telephone sound.
pub(crate) const DATAGRAM: usize = 2_048;
/// Datagrams read from a shared port by one system call.
const MANY: usize = 64;
/// Room for one packet of ours: G.711 has 172 bytes, Opus at our rate fewer, the locks add 20.
pub(crate) const PACKET: usize = 512;
/// Arrival stamps from further back than this are the clock's doing and not the packet's.
const OLDEST: Duration = Duration::from_secs(2);

/// The two clocks at one moment: stamps are on the wall's, everything else on ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    now: Time,
    wall: Duration,
}

impl Clocks {
    pub(crate) fn at(now: Time) -> Self {
        Self { now, wall: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() }
    }

    /// When a datagram came, by its stamp.
    fn arrived(&self, stamp: Option<TimeSpec>) -> Time {
        let Some(age) = stamp.and_then(|s| self.wall.checked_sub(Duration::from(s))) else { return self.now };
        let age = if age > OLDEST { Duration::ZERO } else { age };
        Time::from_micros(self.now.as_micros().saturating_sub(age.as_micros() as u64))
    }
}

/// Reads slots' own sockets, a datagram at a time.
pub(crate) struct Single {
    buffer: Box<[u8; DATAGRAM]>,
    control: Vec<u8>,
}

/// A packet that waited for longer than this has others behind it: the slot was read a tick ago.
const BACKLOG: Duration = Duration::from_millis(19);

impl Single {
    pub(crate) fn new() -> Self {
        Self { buffer: Box::new([0; DATAGRAM]), control: cmsg_space!(TimeSpec) }
    }

    /// Hands what waits at `socket` to `each`, in order: arrival, source, bytes. At most `limit`; where
    /// the first has only just come, no more is looked for unless `all` is wanted. How many there were.
    pub(crate) fn read(
        &mut self,
        socket: &UdpSocket,
        clocks: Clocks,
        limit: usize,
        all: bool,
        mut each: impl FnMut(Time, SocketAddr, &mut [u8]),
    ) -> usize {
        for n in 0..limit {
            let (len, from, stamp) = {
                let mut slices = [IoSliceMut::new(&mut self.buffer[..])];
                let control = Some(&mut self.control[..]);
                match recvmsg(socket.as_raw_fd(), &mut slices, control, MsgFlags::MSG_DONTWAIT) {
                    Ok(m) => (m.bytes, m.address.and_then(of_storage), stamp_of(m.cmsgs().ok())),
                    Err(Errno::EAGAIN) => return n,
                    // An ICMP error of an earlier packet, told here; the next read goes on.
                    Err(_) => continue,
                }
            };
            let arrived = clocks.arrived(stamp);
            if let Some(from) = from {
                each(arrived, from, &mut self.buffer[..len]);
            }
            if !all && stamp.is_some() && clocks.now.since(arrived) < BACKLOG {
                return n + 1;
            }
        }
        limit
    }
}

fn stamp_of(control: Option<CmsgIterator<'_>>) -> Option<TimeSpec> {
    match control?.next() {
        Some(ControlMessageOwned::ScmTimestampns(at)) => Some(at),
        _ => None,
    }
}

/// Reads a port that many slots share, in batches.
pub(crate) struct Batch {
    buffers: Box<[[u8; DATAGRAM]]>,
    headers: MultiHeaders<SockaddrStorage>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self {
            buffers: vec![[0; DATAGRAM]; MANY].into_boxed_slice(),
            headers: MultiHeaders::preallocate(MANY, Some(cmsg_space!(TimeSpec))),
        }
    }

    /// Hands what waits at `socket` to `each`, in order: arrival, source, bytes. At most `limit`.
    pub(crate) fn read(
        &mut self,
        socket: &UdpSocket,
        clocks: Clocks,
        limit: usize,
        mut each: impl FnMut(Time, SocketAddr, &mut [u8]),
    ) {
        let mut taken = 0;
        while taken < limit {
            let mut came = [(0, None::<SocketAddr>, clocks.now); MANY];
            let mut count = 0;
            {
                let mut rest = self.buffers.iter_mut();
                let mut slices: [[IoSliceMut<'_>; 1]; MANY] = std::array::from_fn(|_| match rest.next() {
                    Some(buffer) => [IoSliceMut::new(buffer)],
                    None => [IoSliceMut::new(&mut [])],
                });
                // An error is an earlier packet's ICMP message, or that nothing waits.
                let Ok(messages) = recvmmsg(
                    socket.as_raw_fd(),
                    &mut self.headers,
                    slices.iter_mut(),
                    MsgFlags::MSG_DONTWAIT,
                    None,
                ) else {
                    return;
                };
                for (message, place) in messages.zip(&mut came) {
                    let arrived = clocks.arrived(stamp_of(message.cmsgs().ok()));
                    *place = (message.bytes, message.address.and_then(of_storage), arrived);
                    count += 1;
                }
            }
            for ((len, from, arrived), buffer) in came.iter().zip(self.buffers.iter_mut()).take(count) {
                if let Some(from) = from {
                    each(*arrived, *from, &mut buffer[..*len]);
                }
            }
            taken += count;
            if count < MANY {
                return;
            }
        }
    }
}

fn of_storage(storage: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|a| SocketAddr::V4(SocketAddrV4::new(a.ip(), a.port())));
    // A socket that takes both kinds tells IPv4 sources as mapped ones.
    v4.or_else(|| {
        let a = storage.as_sockaddr_in6()?;
        Some(match a.ip().to_canonical() {
            IpAddr::V4(ip) => SocketAddr::V4(SocketAddrV4::new(ip, a.port())),
            IpAddr::V6(ip) => SocketAddr::V6(SocketAddrV6::new(ip, a.port(), a.flowinfo(), a.scope_id())),
        })
    })
}

/// What is sent in one millisecond: at once from a slot's own socket, gathered for a shared one.
pub(crate) struct Outbox {
    packets: Box<[[u8; PACKET]]>,
    to: Vec<(usize, SockaddrStorage)>,
    headers: MultiHeaders<SockaddrStorage>,
    failed: u64,
}

/// Packets that go out by one system call.
const SENT_AT_ONCE: usize = 64;

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            packets: vec![[0; PACKET]; SENT_AT_ONCE].into_boxed_slice(),
            to: Vec::with_capacity(SENT_AT_ONCE),
            headers: MultiHeaders::preallocate(SENT_AT_ONCE, None),
            failed: 0,
        }
    }

    /// Where the next packet is written.
    pub(crate) fn packet(&mut self) -> &mut [u8; PACKET] {
        // A full batch was flushed when it became full.
        let at = self.to.len().min(SENT_AT_ONCE - 1);
        &mut self.packets[at]
    }

    /// Sends what was written to [`Outbox::packet`]; whether the system took it. For a shared socket
    /// that is known only at [`Outbox::flush`].
    pub(crate) fn send(&mut self, socket: &UdpSocket, shared: bool, len: usize, to: SocketAddr) -> bool {
        let at = self.to.len().min(SENT_AT_ONCE - 1);
        if !shared {
            return socket.send_to(&self.packets[at][..len], to).is_ok();
        }
        self.to.push((len, SockaddrStorage::from(to)));
        if self.to.len() == SENT_AT_ONCE {
            self.flush(socket);
        }
        true
    }

    /// Sends what was gathered.
    pub(crate) fn flush(&mut self, socket: &UdpSocket) {
        let mut first = 0;
        while first < self.to.len() {
            let waiting = &self.to[first..];
            let slices: [[IoSlice<'_>; 1]; SENT_AT_ONCE] = std::array::from_fn(|n| {
                let len = waiting.get(n).map_or(0, |w| w.0);
                [IoSlice::new(self.packets.get(first + n).map_or(&[][..], |p| &p[..len]))]
            });
            let addresses: [Option<SockaddrStorage>; SENT_AT_ONCE] =
                std::array::from_fn(|n| waiting.get(n).map(|w| w.1));
            let none: [ControlMessage<'_>; 0] = [];
            let sent = sendmmsg(
                socket.as_raw_fd(),
                &mut self.headers,
                slices[..waiting.len()].iter(),
                &addresses[..waiting.len()],
                none,
                MsgFlags::MSG_DONTWAIT,
            )
            .map_or(0, Iterator::count);
            // The first that is refused (no route, a full queue) is passed over, the rest goes on.
            self.failed += u64::from(sent < waiting.len());
            first += sent + usize::from(sent < waiting.len());
        }
        self.to.clear();
    }

    /// Packets of the shared socket that the system refused, since this was asked last.
    pub(crate) fn take_failed(&mut self) -> u64 {
        std::mem::take(&mut self.failed)
    }
}

/// Asks the system to stamp what comes.
pub(crate) fn stamp(socket: &UdpSocket) {
    // A wish: without stamps, arrival is the time of reading.
    let _ = setsockopt(socket, sockopt::ReceiveTimestampns, &true);
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn socket() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        // A datagram that the system lost is a failure and no wait without end.
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let at = socket.local_addr().unwrap();
        (socket, at)
    }

    #[test]
    fn datagrams_come_in_order_with_source_and_bound() {
        let ((near, at), (far, from)) = (socket(), socket());
        stamp(&near);
        let clocks = Clocks::at(Time::from_millis(60_000));
        let mut got = Vec::new();
        let mut each = |arrived: Time, source, bytes: &mut [u8]| {
            assert!(source == from && arrived.since(clocks.now) < Duration::from_secs(1));
            got.push(bytes.len());
        };
        let send = |lens: std::ops::Range<usize>| lens.for_each(|n| drop(far.send_to(&vec![1; n], at)));
        send(0..5);
        Single::new().read(&near, clocks, 3, true, &mut each);
        Single::new().read(&near, clocks, 16, true, &mut each);
        send(5..200);
        Batch::new().read(&near, clocks, 1_000, &mut each);
        assert_eq!(got, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn more_is_looked_for_where_a_packet_has_waited() {
        let ((near, at), (far, _)) = (socket(), socket());
        stamp(&near);
        // The system may begin to stamp a moment after it was asked to.
        let mut stamped = false;
        while !stamped {
            far.send_to(&[0], at).unwrap();
            let later = Clocks { wall: Clocks::at(Time::ZERO).wall, now: Time::from_millis(60_000) };
            Single::new().read(&near, later, 9, true, |arrived, _, _| stamped |= arrived < later.now);
        }
        for (ms, read) in [(0, 1), (500, 5)] {
            (0..5).for_each(|_| drop(far.send_to(&[1], at)));
            let clocks = Clocks::at(Time::from_millis(60_000));
            let clocks = Clocks { wall: clocks.wall + Duration::from_millis(ms), ..clocks };
            let mut count = 0;
            Single::new().read(&near, clocks, 16, false, |_, _, _| count += 1);
            assert_eq!(count, read, "after {ms} ms");
            Single::new().read(&near, clocks, 16, true, |_, _, _| ());
        }
    }

    #[test]
    fn a_stamp_is_told_on_our_clock() {
        let clocks = Clocks { now: Time::from_millis(10_000), wall: Duration::from_secs(1_000) };
        let stamp = |ms| Some(TimeSpec::from_duration(Duration::from_millis(ms)));
        assert_eq!(clocks.arrived(stamp(999_985)), Time::from_millis(9_985));
        assert_eq!(clocks.arrived(stamp(1_000_500)), clocks.now, "from the future");
        assert_eq!(clocks.arrived(stamp(5)), clocks.now, "the wall clock was set");
        assert_eq!(clocks.arrived(None), clocks.now);
    }

    #[test]
    fn what_is_gathered_goes_out_and_a_refusal_costs_one_packet() {
        let ((near, _), (far, at)) = (socket(), socket());
        let mut out = Outbox::new();
        for n in 0..150_u8 {
            out.packet()[0] = n;
            // Port 0 is nowhere.
            let to = if n == 70 { (Ipv4Addr::LOCALHOST, 0).into() } else { at };
            assert!(out.send(&near, true, 1, to));
        }
        out.flush(&near);
        assert_eq!((out.take_failed(), out.take_failed()), (1, 0));
        let mut byte = [0];
        let got: Vec<u8> = (0..149).map(|_| far.recv(&mut byte).map(|_| byte[0]).unwrap()).collect();
        assert_eq!(got, (0..150).filter(|n| *n != 70).collect::<Vec<_>>());
    }
}
