//! Whether a carrier answers at all: one OPTIONS (RFC 3261 section 11), whatever comes back.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

/// How long an answer is waited for, and how often it is asked again meanwhile: UDP loses packets.
const PATIENCE: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(700);

/// An answer to OPTIONS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alive {
    /// Its status: any of them is a sign of life.
    pub status: u16,
    /// How long it took.
    pub after: Duration,
}

/// Asks `proxy` with OPTIONS from an address of this machine; `tag` makes this question another than others.
///
/// # Errors
/// When nothing can be sent, or nobody answers within three seconds ([`io::ErrorKind::TimedOut`]).
pub fn options(proxy: SocketAddr, from: std::net::IpAddr, tag: &str) -> io::Result<Alive> {
    let socket = UdpSocket::bind((from, 0))?;
    socket.connect(proxy)?;
    let at = socket.local_addr()?;
    let question = format!(
        "OPTIONS sip:{proxy} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK{tag};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:waihu@{at}>;tag={tag}\r\nTo: <sip:{proxy}>\r\nCall-ID: {tag}\r\nCSeq: 1 OPTIONS\r\n\
         Contact: <sip:waihu@{at}>\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n"
    );
    let begun = Instant::now();
    let mut bytes = [0; 4_096];
    let mut asked_at: Option<Instant> = None;
    while begun.elapsed() < PATIENCE {
        // Who sends nonsense is not asked the faster for it.
        let since = asked_at.map(|at| at.elapsed()).filter(|since| *since < AGAIN);
        if since.is_none() {
            socket.send(question.as_bytes())?;
            asked_at = Some(Instant::now());
        }
        // A timeout of nothing is none to the system.
        let wait = AGAIN.saturating_sub(since.unwrap_or_default()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(wait))?;
        match socket.recv(&mut bytes) {
            Ok(n) => {
                if let Some(status) = status(bytes.get(..n).unwrap_or_default()) {
                    return Ok(Alive { status, after: begun.elapsed() });
                }
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// The status of an answer; none of what is no answer.
fn status(bytes: &[u8]) -> Option<u16> {
    let line = bytes.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    std::str::from_utf8(line).ok()?.parse().ok().filter(|status| (100..700).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_answers_is_there_and_whoever_does_not_is_not() {
        let far = UdpSocket::bind("127.0.0.1:0").unwrap();
        let proxy = far.local_addr().unwrap();
        let answering = std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            let (n, from) = far.recv_from(&mut bytes).unwrap();
            let asked = String::from_utf8_lossy(&bytes[..n]).into_owned();
            far.send_to(b"nonsense", from).unwrap();
            far.send_to(b"SIP/2.0 405 Method Not Allowed\r\n\r\n", from).unwrap();
            asked
        });
        let alive = options(proxy, proxy.ip(), "t1").unwrap();
        assert_eq!(alive.status, 405);
        assert!(answering.join().unwrap().starts_with(&format!("OPTIONS sip:{proxy} SIP/2.0\r\n")));
        assert!(options(proxy, proxy.ip(), "t2").is_err(), "nobody is there any more");
        for odd in [&b""[..], b"SIP/2.0 ", b"SIP/2.0 99", b"SIP/2.0 999 x", b"OPTIONS x SIP/2.0"] {
            assert_eq!(status(odd), None);
        }
    }
}
