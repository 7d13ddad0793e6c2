//! ICMP's word that a destination cannot be reached, which Linux keeps from UDP sockets unless asked.
//!
//! Without it a trunk whose process is down costs each call 32 s (timer B) instead of a round trip.
//! Deliberately absent: anything but "destination unreachable"; RFC 3261 §18.4 has the rest ignored.

use std::{collections::BTreeSet, io, net::SocketAddr, os::fd::AsRawFd as _};

use nix::{
    cmsg_space,
    libc::{SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6, sock_extended_err, sockaddr_in6},
    sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt},
};
use tokio::net::UdpSocket;

/// ICMP type 3, "destination unreachable" (RFC 792), and its code for "fragmentation needed".
const UNREACHABLE: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;
/// ICMPv6 type 1, "destination unreachable" (RFC 4443 §3.1).
const UNREACHABLE_V6: u8 = 1;

/// The most reports read in one go: one for each datagram that a full burst may have sent.
const READ_BOUND: usize = 256;

/// Asks for reports on this socket. A pending one makes the next call on the socket fail once.
pub(crate) fn ask(socket: &UdpSocket) -> io::Result<()> {
    match socket.local_addr()? {
        SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4RecvErr, &true)?,
        SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvErr, &true)?,
    }
    Ok(())
}

/// The destinations that reports have come about, and are taken off the socket with this.
pub(crate) fn unreachable(socket: &UdpSocket) -> BTreeSet<SocketAddr> {
    let mut found = BTreeSet::new();
    let mut control = cmsg_space!(sock_extended_err, sockaddr_in6);
    for _ in 0..READ_BOUND {
        // Never blocks: the queue of reports answers EAGAIN when it is empty.
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let read = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut [], Some(&mut control), flags);
        let Ok(report) = read else { break };
        let Some(to) = report.address.as_ref().and_then(address) else { continue };
        if report.cmsgs().is_ok_and(|mut all| all.any(|c| says_unreachable(&c))) {
            found.insert(to);
        }
    }
    found
}

fn says_unreachable(report: &ControlMessageOwned) -> bool {
    match report {
        ControlMessageOwned::Ipv4RecvErr(e, _) => {
            e.ee_origin == SO_EE_ORIGIN_ICMP && e.ee_type == UNREACHABLE && e.ee_code != FRAGMENTATION_NEEDED
        }
        ControlMessageOwned::Ipv6RecvErr(e, _) => {
            e.ee_origin == SO_EE_ORIGIN_ICMP6 && e.ee_type == UNREACHABLE_V6
        }
        _ => false,
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    match (storage.as_sockaddr_in(), storage.as_sockaddr_in6()) {
        (Some(v4), _) => Some(SocketAddr::V4((*v4).into())),
        (_, Some(v6)) => Some(SocketAddr::V6((*v6).into())),
        _ => None,
    }
}
