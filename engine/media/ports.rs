//! The ports that are ours to use, in pairs: an even one for RTP, the one above for RTCP.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
    sync::{Mutex, PoisonError},
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{media::MediaError, wire};

/// Room for what comes between two reads: some 300 packets, which is what a flooded slot reads in a tick.
const RECEIVE_BUFFER: usize = 128 * 1_024;

/// The same for a port that thousands share: 4 MiB, some 100 ms of 3,000 calls.
const SHARED_RECEIVE_BUFFER: usize = 4 * 1_024 * 1_024;

/// "Expedited forwarding" (RFC 3246), which networks that care give to voice.
const DSCP_EF: u32 = 46 << 2;

#[derive(Debug)]
pub(crate) struct PortPool {
    address: IpAddr,
    range: RangeInclusive<u16>,
    /// The longest unused first, so that late packets of an ended call meet nobody. Locked when a
    /// slot is opened or closed, never per packet.
    free: Mutex<VecDeque<u16>>,
}

impl PortPool {
    pub(crate) fn new(address: IpAddr, range: RangeInclusive<u16>) -> Result<Self, MediaError> {
        let free: VecDeque<u16> =
            range.clone().filter(|p| p % 2 == 0 && *p != 0 && range.contains(&(p + 1))).collect();
        if free.is_empty() {
            return Err(MediaError::NoPorts { first: *range.start(), last: *range.end() });
        }
        Ok(Self { address, range, free: Mutex::new(free) })
    }

    /// A free pair of ports: sockets for RTP and for RTCP, and where the first is.
    pub(crate) fn bind(&self) -> Result<(UdpSocket, UdpSocket, SocketAddr), MediaError> {
        self.bind_with(RECEIVE_BUFFER)
    }

    /// The same for a port that all slots of a thread share.
    pub(crate) fn bind_shared(&self) -> Result<(UdpSocket, UdpSocket, SocketAddr), MediaError> {
        self.bind_with(SHARED_RECEIVE_BUFFER)
    }

    fn bind_with(&self, buffer: usize) -> Result<(UdpSocket, UdpSocket, SocketAddr), MediaError> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..free.len() {
            let Some(port) = free.pop_front() else { break };
            let at = SocketAddr::new(self.address, port);
            let above = SocketAddr::new(self.address, port + 1);
            match bind(at, buffer).and_then(|rtp| Ok((rtp, bind(above, buffer)?, at))) {
                Ok(bound) => return Ok(bound),
                // Another program has one of them; it may be free again by the time it comes round.
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => free.push_back(port),
                Err(source) => {
                    free.push_front(port);
                    return Err(MediaError::Bind { at, source });
                }
            }
        }
        Err(MediaError::PortsExhausted { first: *self.range.start(), last: *self.range.end() })
    }

    pub(crate) fn give_back(&self, port: u16) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push_back(port);
    }
}

fn bind(at: SocketAddr, buffer: usize) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Both are wishes: a system that refuses them still carries the call.
    let _ = socket.set_recv_buffer_size(buffer);
    if at.is_ipv4() {
        let _ = socket.set_tos_v4(DSCP_EF);
    }
    socket.bind(&at.into())?;
    let socket = UdpSocket::from(socket);
    wire::stamp(&socket);
    Ok(socket)
}
