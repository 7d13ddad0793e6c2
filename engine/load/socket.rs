//! Many packets in few system calls, and the kernel's time of receipt.

use std::{
    array,
    io::{IoSlice, IoSliceMut},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    os::fd::{AsRawFd, RawFd},
    time::{SystemTime, UNIX_EPOCH},
};

use nix::{
    cmsg_space,
    errno::Errno,
    sys::{
        socket::{
            ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, send,
            sendmmsg, sendmsg, setsockopt, sockopt,
        },
        time::TimeSpec,
    },
};

use crate::LoadError;

/// Datagrams in one call.
pub(crate) const BATCH: usize = 32;
/// The longest datagram that is read whole [bytes]: an Ethernet frame's.
pub(crate) const ROOM: usize = 1_500;
/// Packets of one datagram that the kernel cuts; 64 was the most before Linux 6.9 (UDP_MAX_SEGMENTS).
const MAX_CUT: usize = 64;
/// Equal packets to one address from which on joining them pays.
const WORTH_CUTTING: usize = 4;

/// A socket on loopback with a receive buffer of `receive_buffer` bytes, or as many as allowed, that
/// notes when packets came.
pub(crate) fn bind(receive_buffer: usize) -> Result<UdpSocket, LoadError> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    // Beyond rmem_max goes only who may administer the network.
    setsockopt(&socket, sockopt::RcvBufForce, &receive_buffer)
        .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &receive_buffer))?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    Ok(socket)
}

/// The socket's own address.
pub(crate) fn address(socket: &UdpSocket) -> Result<SocketAddrV4, LoadError> {
    match socket.local_addr()? {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(_) => Err(std::io::Error::from(std::io::ErrorKind::AddrNotAvailable).into()),
    }
}

/// The wall clock [µs], which the kernel's stamps are of.
pub(crate) fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Room for a batch of datagrams.
pub(crate) struct Inbox {
    buffers: Box<[[u8; ROOM]; BATCH]>,
    headers: MultiHeaders<SockaddrIn>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            buffers: Box::new([[0; ROOM]; BATCH]),
            headers: MultiHeaders::preallocate(BATCH, Some(cmsg_space!(TimeSpec))),
        }
    }

    /// Reads a batch and calls `take` with each datagram, its sender and when it came [µs]; gives how
    /// many there were.
    pub(crate) fn read(
        &mut self,
        socket: &UdpSocket,
        mut take: impl FnMut(&mut [u8], SocketAddrV4, i64),
    ) -> usize {
        match self.read_once(socket, &mut take) {
            // That a packet of ours found nobody is told before what came is given.
            Err(Errno::ECONNREFUSED) => self.read_once(socket, &mut take).unwrap_or(0),
            read => read.unwrap_or(0),
        }
    }

    fn read_once(
        &mut self,
        socket: &UdpSocket,
        take: &mut impl FnMut(&mut [u8], SocketAddrV4, i64),
    ) -> Result<usize, Errno> {
        let mut got = [(0, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0), 0); BATCH];
        let mut n = 0;
        let mut slices = self.buffers.each_mut().map(|b| [IoSliceMut::new(b)]);
        let flags = MsgFlags::MSG_DONTWAIT;
        let messages = recvmmsg(socket.as_raw_fd(), &mut self.headers, slices.iter_mut(), flags, None)?;
        for (message, got) in messages.zip(&mut got) {
            let stamp = message.cmsgs().ok().and_then(|mut controls| {
                controls.find_map(|control| match control {
                    ControlMessageOwned::ScmTimestampns(at) => {
                        Some(at.tv_sec() * 1_000_000 + at.tv_nsec() / 1_000)
                    }
                    _ => None,
                })
            });
            let from = message.address.map_or(got.1, SocketAddrV4::from);
            *got = (message.bytes.min(ROOM), from, stamp.unwrap_or_else(wall_us));
            n += 1;
        }
        for (buffer, (len, from, at_us)) in self.buffers.iter_mut().zip(&got[..n]) {
            take(&mut buffer[..*len], *from, *at_us);
        }
        Ok(n)
    }
}

struct Parcel {
    socket: usize,
    to: SocketAddrV4,
    begin: usize,
    end: usize,
}

impl Parcel {
    fn len(&self) -> usize {
        self.end - self.begin
    }
}

/// Packets to be sent together.
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    parcels: Vec<Parcel>,
    headers: MultiHeaders<SockaddrIn>,
    /// Whether the kernel cuts joined datagrams.
    cuts: bool,
    pub(crate) sent: u64,
    pub(crate) errors: u64,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            parcels: Vec::new(),
            headers: MultiHeaders::preallocate(BATCH, None),
            cuts: true,
            sent: 0,
            errors: 0,
        }
    }

    pub(crate) fn push(&mut self, socket: usize, to: SocketAddrV4, packet: &[u8]) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(packet);
        self.parcels.push(Parcel { socket, to, begin, end: self.bytes.len() });
    }

    /// Sends all that was pushed. Packets to the same address in a row go as one datagram that the
    /// kernel cuts, where they are of one length.
    pub(crate) fn flush(&mut self, sockets: &[UdpSocket]) {
        let parcels = std::mem::take(&mut self.parcels);
        let mut rest = &parcels[..];
        while let Some(first) = rest.first() {
            let fd = sockets[first.socket].as_raw_fd();
            let alike = rest
                .iter()
                .take(MAX_CUT)
                .take_while(|p| (p.socket, p.to, p.len()) == (first.socket, first.to, first.len()))
                .count();
            let neighbours = rest.iter().take(BATCH).take_while(|p| p.socket == first.socket).count();
            let (n, sent) = match (alike, neighbours) {
                (WORTH_CUTTING.., _) if self.cuts => (alike, self.send_joined(fd, &rest[..alike])),
                (_, 1) => (1, self.send_one(fd, first)),
                _ => (neighbours, self.send_several(fd, &rest[..neighbours])),
            };
            let Some(sent) = sent else {
                // No device on the way can cut: the rest goes one by one.
                self.cuts = false;
                continue;
            };
            self.sent += sent as u64;
            self.errors += (n - sent) as u64;
            rest = &rest[n..];
        }
        self.parcels = parcels;
        self.parcels.clear();
        self.bytes.clear();
    }

    /// A socket of its own is connected. Where a packet before found nobody, the error is told now, and
    /// nothing is sent: so a second time.
    fn send_one(&self, fd: RawFd, parcel: &Parcel) -> Option<usize> {
        let bytes = &self.bytes[parcel.begin..parcel.end];
        let sent = match send(fd, bytes, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::ECONNREFUSED) => send(fd, bytes, MsgFlags::MSG_DONTWAIT),
            Err(Errno::EDESTADDRREQ) => {
                let to = SockaddrIn::from(parcel.to);
                nix::sys::socket::sendto(fd, bytes, &to, MsgFlags::MSG_DONTWAIT)
            }
            sent => sent,
        };
        Some(usize::from(sent.is_ok()))
    }

    fn send_several(&mut self, fd: RawFd, parcels: &[Parcel]) -> Option<usize> {
        let bytes = &self.bytes;
        let at = |i: usize| &parcels[i.min(parcels.len() - 1)];
        let slices: [_; BATCH] = array::from_fn(|i| [IoSlice::new(&bytes[at(i).begin..at(i).end])]);
        let to: [_; BATCH] = array::from_fn(|i| Some(SockaddrIn::from(at(i).to)));
        let none: [ControlMessage<'_>; 0] = [];
        let slices = slices.iter().take(parcels.len());
        let sent = sendmmsg(fd, &mut self.headers, slices, to, none, MsgFlags::MSG_DONTWAIT);
        Some(sent.map_or(0, Iterator::count))
    }

    fn send_joined(&self, fd: RawFd, parcels: &[Parcel]) -> Option<usize> {
        let (first, last) = (parcels.first()?, parcels.last()?);
        let slices = [IoSlice::new(&self.bytes[first.begin..last.end])];
        let length = u16::try_from(first.len()).ok()?;
        let cut = [ControlMessage::UdpGsoSegments(&length)];
        match sendmsg(fd, &slices, &cut, MsgFlags::MSG_DONTWAIT, Some(&SockaddrIn::from(first.to))) {
            Ok(_) => Some(parcels.len()),
            Err(Errno::EINVAL | Errno::EIO | Errno::EMSGSIZE | Errno::EOPNOTSUPP) => None,
            Err(_) => Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_any_mixture_arrive_whole_and_in_order() {
        let (here, there) = (bind(1 << 20).unwrap(), bind(1 << 20).unwrap());
        let others = [bind(1 << 20).unwrap(), bind(1 << 20).unwrap()];
        let to = address(&there).unwrap();
        let sockets = [here, others[0].try_clone().unwrap()];
        let mut outbox = Outbox::new();
        let mut packets = Vec::new();
        // A long run of equal ones, some unequal, another address between, another socket.
        for n in 0..150u8 {
            packets.push((0, to, vec![n; if n > 100 { usize::from(n) } else { 172 }]));
        }
        packets.insert(80, (0, address(&others[1]).unwrap(), vec![9; 172]));
        packets.push((1, to, vec![7; 5]));
        for (socket, to, bytes) in &packets {
            outbox.push(*socket, *to, bytes);
        }
        outbox.flush(&sockets);
        assert_eq!((outbox.sent, outbox.errors), (152, 0));
        let (mut inbox, mut got) = (Inbox::new(), Vec::new());
        while inbox.read(&there, |bytes, from, at_us| got.push((bytes.to_vec(), from, at_us))) > 0 {}
        let expected: Vec<_> = packets.iter().filter(|p| p.1 == to).map(|p| p.2.clone()).collect();
        assert_eq!(got.iter().map(|g| g.0.clone()).collect::<Vec<_>>(), expected);
        assert_eq!(got[0].1, address(&sockets[0]).unwrap());
        assert_eq!(got[150].1, address(&sockets[1]).unwrap());
        assert!(got.windows(2).all(|w| w[0].2 <= w[1].2));
    }

    #[test]
    fn packets_are_stamped_when_they_come_and_not_when_they_are_read() {
        let (here, there) = (bind(1 << 16).unwrap(), bind(1 << 16).unwrap());
        let (to, mut inbox, mut stamped) = (address(&there).unwrap(), Inbox::new(), false);
        // The kernel begins to stamp some time after it was first asked to, in a work queue.
        for _ in 0..100_000 {
            here.send_to(&[1; 172], to).unwrap();
            let before_read = wall_us();
            std::thread::yield_now();
            inbox.read(&there, |_, _, at_us| stamped = at_us <= before_read);
            if stamped {
                break;
            }
        }
        assert!(stamped);
    }
}
