//! What was sent and received, kept for a while: the exchange of one call as a ladder, its personal parts masked.
//!
//! Deliberately absent: bodies, which hold addresses and keys; and files: what is older than the ring is gone.

use std::{
    collections::VecDeque,
    fmt,
    sync::Mutex,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use waihu_sip::{
    Hop, Message, Method, Uri,
    headers::Fields,
    identity,
    uri::{Host, SipUri},
};

use crate::phrases::phrase;

/// Messages kept: a call has some ten, so this is the latest thousand calls.
const MAX_MESSAGES: usize = 10_000;
/// Bytes kept, whatever the messages' sizes.
const MAX_BYTES: usize = 16 << 20;

/// Digits that make a name a number: the shortest that anybody is reached by.
const NUMBER: usize = 5;
/// Whose causes are shown (RFC 3326, RFC 4411, RFC 9410).
const PROTOCOLS: [&str; 4] = ["Q.850", "SIP", "Preemption", "STIR"];

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From us.
    Out,
    /// To us.
    In,
}

/// One message of a call. It shows methods, codes and causes; no name, no number, no body, and no free text of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When [ms of UTC].
    pub at_ms: u64,
    /// Which way.
    pub way: Way,
    /// The far end.
    pub hop: Hop,
    /// The method and the address, its number masked; or the code, and what it means by its registry.
    pub line: String,
    /// CSeq.
    pub cseq: String,
    /// The first cause of Reason (RFC 3326), without its text; none of an unknown protocol.
    pub reason: Option<String>,
    /// Whether it carries a description.
    pub described: bool,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, ms) = (self.at_ms / 1_000 % 86_400, self.at_ms % 1_000);
        write!(f, "{:02}:{:02}:{:02}.{ms:03} ", s / 3_600, s / 60 % 60, s % 60)?;
        match self.way {
            Way::Out => write!(f, "──▶ {}", self.hop)?,
            Way::In => write!(f, "◀── {}", self.hop)?,
        }
        write!(f, "  {}  ({})", self.line, self.cseq)?;
        if self.described {
            f.write_str(" [sdp]")?;
        }
        self.reason.as_ref().map_or(Ok(()), |reason| write!(f, " {reason}"))
    }
}

#[derive(Default)]
struct Ring {
    kept: VecDeque<(u64, Way, Hop, Bytes)>,
    bytes: usize,
}

/// The ring.
#[derive(Default)]
pub(crate) struct Trace(Mutex<Ring>);

impl Trace {
    /// Keeps a message; the oldest ones make room.
    pub(crate) fn saw(&self, way: Way, hop: Hop, bytes: Bytes) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let Ok(mut ring) = self.0.lock() else { return };
        ring.bytes += bytes.len();
        ring.kept.push_back((at_ms, way, hop, bytes));
        while ring.kept.len() > MAX_MESSAGES || ring.bytes > MAX_BYTES {
            let Some((_, _, _, oldest)) = ring.kept.pop_front() else { return };
            ring.bytes = ring.bytes.saturating_sub(oldest.len());
        }
    }

    /// The exchange of one call by its Call-ID, in order; empty where nothing of it is kept any more.
    pub(crate) fn of(&self, call_id: &str) -> Vec<Step> {
        let Ok(ring) = self.0.lock() else { return Vec::new() };
        // Bytes are shared, so that the lock is not held while they are read.
        let of_call = |bytes: &Bytes| bytes.windows(call_id.len().max(1)).any(|w| w == call_id.as_bytes());
        let kept: Vec<_> = ring.kept.iter().filter(|(_, _, _, bytes)| of_call(bytes)).cloned().collect();
        drop(ring);
        kept.into_iter()
            .filter_map(|(at_ms, way, hop, bytes)| step(at_ms, way, hop, &bytes, call_id))
            .collect()
    }
}

fn step(at_ms: u64, way: Way, hop: Hop, bytes: &[u8], call_id: &str) -> Option<Step> {
    let message = Message::parse(bytes).ok()?;
    let (line, headers, body) = match &message {
        Message::Request(r) => (format!("{} {}", method(&r.method), address(&r.uri)), &r.headers, &r.body),
        Message::Response(r) => {
            let phrase = phrase(r.code).map(|phrase| format!(" {phrase}")).unwrap_or_default();
            (format!("{}{phrase}", r.code), &r.headers, &r.body)
        }
    };
    let reason = reason(&headers.other);
    let cseq = format!("{} {}", headers.cseq.number, method(&headers.cseq.method));
    (headers.call_id == call_id).then(|| Step {
        at_ms,
        way,
        hop,
        line,
        cseq,
        reason,
        described: !body.is_empty(),
    })
}

/// A method of others' making is text of theirs.
fn method(method: &Method) -> &str {
    match method {
        Method::Extension(_) => "…",
        known => known.as_str(),
    }
}

/// `Debug` of a URI masks its user; a number that stands where the host belongs (`sip:13800001234`) is one, too.
fn address(uri: &Uri) -> String {
    let Uri::Sip(SipUri { host: Host::Name(name), .. }) = uri else { return format!("{uri:?}") };
    let is_number = |label: &str| {
        let digits = label.bytes().filter(u8::is_ascii_digit).count();
        digits >= NUMBER && !label.bytes().any(|b| b.is_ascii_alphabetic())
    };
    let labels: Vec<&str> = name.split('.').map(|label| if is_number(label) { "…" } else { label }).collect();
    let mut masked = uri.clone();
    if let Uri::Sip(masked) = &mut masked {
        masked.host = Host::Name(labels.join(".").into());
    }
    format!("{masked:?}")
}

fn reason(fields: &Fields) -> Option<String> {
    identity::causes(fields).into_iter().find_map(|cause| {
        let protocol = PROTOCOLS.iter().find(|known| cause.protocol.eq_ignore_ascii_case(known))?;
        Some(format!("{protocol};cause={}", cause.code))
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn message(id: &str) -> Bytes {
        let text = format!(
            "INVITE sip:13800001234@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: \"Zhang\" <sip:4008@x>;tag=f\r\n\
             To: <sip:13800001234@x>\r\nCall-ID: {id}\r\nCSeq: 7 INVITE\r\nReason: Q.850;cause=16\r\nContent-Length: 3\r\n\r\nabc"
        );
        Bytes::from(text)
    }

    #[test]
    fn a_call_is_told_in_order_without_a_name_or_a_number_and_the_oldest_make_room() {
        let (trace, hop) = (Trace::default(), Hop::from(SocketAddr::from(([192, 0, 2, 1], 5060))));
        trace.saw(Way::Out, hop, message("a"));
        trace.saw(Way::In, hop, message("b"));
        trace.saw(Way::In, hop, message("a"));
        let steps = trace.of("a");
        assert_eq!(steps.iter().map(|s| s.way).collect::<Vec<_>>(), [Way::Out, Way::In]);
        let shown = steps[0].to_string();
        assert!(shown.ends_with("INVITE sip:…@192.0.2.1:5060  (7 INVITE) [sdp] Q.850;cause=16"), "{shown}");
        assert!(!shown.contains("1380") && !shown.contains("Zhang"));
        assert!(trace.of("").is_empty() && trace.of("c").is_empty());
        for _ in 0..MAX_MESSAGES {
            trace.saw(Way::In, hop, message("b"));
        }
        assert!(trace.of("a").is_empty());
        assert_eq!(trace.of("b").len(), MAX_MESSAGES);
    }

    fn told(first: &str, cseq: &str, reason: &str) -> String {
        let (trace, hop) = (Trace::default(), Hop::from(SocketAddr::from(([192, 0, 2, 1], 5060))));
        let text = format!(
            "{first}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:4008@x>;tag=f\r\nTo: <sip:b@x>;tag=t\r\n\
             Call-ID: a\r\nCSeq: 7 {cseq}\r\nReason: {reason}\r\nContent-Length: 0\r\n\r\n"
        );
        trace.saw(Way::In, hop, Bytes::from(text));
        let step = trace.of("a").remove(0);
        format!("{} ({}) {}", step.line, step.cseq, step.reason.unwrap_or_default())
    }

    #[test]
    fn nothing_that_a_far_end_writes_freely_is_shown() {
        let q850 = "Q.850;cause=1;text=\"unallocated 13800001234\"";
        for (first, cseq, reason, shown) in [
            ("SIP/2.0 404 13800001234 not found", "INVITE", q850, "404 Not Found (7 INVITE) Q.850;cause=1"),
            ("SIP/2.0 499 13800001234", "INVITE", "x 13800001234;cause=1", "499 (7 INVITE) "),
            (
                "BYE sip:13800001234 SIP/2.0",
                "BYE",
                "Zhang;cause=3, sip;text=\"a, b\";cause=200",
                "BYE sip:…:5060 (7 BYE) SIP;cause=200",
            ),
            (
                "BYE sip:138-0000-1234.ims.example SIP/2.0",
                "BYE",
                q850,
                "BYE sip:….ims.example:5060 (7 BYE) Q.850;cause=1",
            ),
            ("BYE sip:sbc1.example SIP/2.0", "BYE", "", "BYE sip:sbc1.example:5060 (7 BYE) "),
            ("13800001234 sip:a@sbc1 SIP/2.0", "13800001234", "", "… sip:…@sbc1:5060 (7 …) "),
        ] {
            assert_eq!(told(first, cseq, reason), shown);
        }
    }
}
