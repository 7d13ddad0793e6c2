//! What carries a message, and where to: RFC 3261 §18, RFC 7118 for WebSocket.
//!
//! Deliberately absent: connections. A [`Hop`] over a stream names the far end of one, and whoever owns the
//! sockets keeps one connection for each.

use std::{fmt, net::SocketAddr};

/// What carries messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// A stream.
    Tcp,
    /// A stream within TLS.
    Tls,
    /// WebSocket frames, one message each (RFC 7118).
    Ws,
    /// The same within TLS.
    Wss,
}

impl Transport {
    const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// As Via writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The one of that name, in capitals or not, as Via and a URI's `transport` have it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name().eq_ignore_ascii_case(name))
    }

    /// As a URI's `transport` writes it: `ws` for WebSocket within TLS too (RFC 7118 §5.2).
    pub(crate) fn in_uri(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws | Self::Wss => "ws",
        }
    }

    /// What a URI asks for that came by this one: the same where it names none. `ws` says nothing of TLS, so what came
    /// within it stays there.
    pub(crate) fn asked_by(self, named: Option<Self>) -> Self {
        match (self, named) {
            (Self::Wss, Some(Self::Ws)) => Self::Wss,
            (_, named) => named.unwrap_or(self),
        }
    }

    /// Whether it sees to it that what was sent arrives: then nothing is sent again (RFC 3261 §17).
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// Whether nobody on the way can read it.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// Whether it is WebSocket of either kind.
    pub fn is_web(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// The port where none is written (RFC 3261 §19.1.2; RFC 6455 §3).
    pub fn usual_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The next machine on a message's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hop {
    /// What carries it there.
    pub transport: Transport,
    /// Its address. Over a stream, that of the connection's far end.
    pub address: SocketAddr,
}

impl Hop {
    /// That machine.
    pub fn new(transport: Transport, address: SocketAddr) -> Self {
        Self { transport, address }
    }

    /// The hop to use for what is addressed to `target` by someone who has been at `self`: a stream that
    /// leads to the same machine is kept to (RFC 5923), for its other port may have nobody listening.
    pub(crate) fn towards(self, target: Self) -> Self {
        let stream = self.transport.is_reliable() && self.transport == target.transport;
        if stream && self.address.ip() == target.address.ip() { self } else { target }
    }
}

impl From<SocketAddr> for Hop {
    /// By UDP.
    fn from(address: SocketAddr) -> Self {
        Self::new(Transport::Udp, address)
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transport, self.address)
    }
}
