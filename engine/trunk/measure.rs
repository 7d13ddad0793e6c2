//! What a trunk's signalling comes to in numbers; `api`'s README has the table. No label is personal, and none is of a
//! far end's choosing but for codes and causes, which are numbers.

use std::collections::{HashMap, hash_map::Entry};

use metrics::{Counter, SharedString, counter, gauge, histogram};
use waihu_sip::{CallHandle, Counts, Discard, EndedBy, Event, FailureCause, registration::State};
use waihu_types::Time;

use crate::trace::Way;

/// What one socket counts.
pub(crate) struct Measures {
    trunk: SharedString,
    /// Calls of ours that nothing but a 100 was heard of, and when they began.
    begun: HashMap<CallHandle, Time>,
    /// What the endpoint had counted when it was last asked.
    counts: Counts,
    out: Counter,
    heard: Counter,
    sent_again: Counter,
    heard_again: Counter,
    unanswered: Counter,
}

impl Measures {
    /// Of a trunk by its name.
    pub(crate) fn of(trunk: &str) -> Self {
        let trunk = SharedString::from(trunk.to_owned());
        let messages =
            |way: &'static str| counter!("waihu_sip_messages_total", "trunk" => trunk.clone(), "way" => way);
        let plain = |name: &'static str| counter!(name, "trunk" => trunk.clone());
        Self {
            out: messages("out"),
            heard: messages("in"),
            sent_again: plain("waihu_sip_sent_again_total"),
            heard_again: plain("waihu_sip_heard_again_total"),
            unanswered: plain("waihu_sip_unanswered_total"),
            begun: HashMap::new(),
            counts: Counts::default(),
            trunk,
        }
    }

    fn trunk(&self) -> SharedString {
        self.trunk.clone()
    }

    /// A message passed.
    pub(crate) fn passed(&self, way: Way) {
        match way {
            Way::Out => self.out.increment(1),
            Way::In => self.heard.increment(1),
        }
    }

    /// What the endpoint has counted by now.
    pub(crate) fn counted(&mut self, counts: Counts) {
        let before = std::mem::replace(&mut self.counts, counts);
        let more = |counter: &Counter, now: u64, before: u64| {
            if now > before {
                counter.increment(now - before);
            }
        };
        more(&self.sent_again, counts.sent_again, before.sent_again);
        more(&self.heard_again, counts.heard_again, before.heard_again);
        more(&self.unanswered, counts.unanswered, before.unanswered);
    }

    /// A call of ours begins.
    pub(crate) fn invited(&mut self, now: Time, call: CallHandle) {
        counter!("waihu_sip_invites_total", "trunk" => self.trunk()).increment(1);
        self.begun.insert(call, now);
    }

    /// Something is heard of a call.
    pub(crate) fn told(&mut self, now: Time, call: CallHandle, event: &Event) {
        match event {
            Event::Provisional { code: 100, .. } => return,
            Event::Answered { .. } => self.ended(200, "answered"),
            Event::Failed { code, cause, .. } => self.ended(*code, label(*cause)),
            Event::Ended { by, reason } => {
                let by = match by {
                    EndedBy::Local => "us",
                    EndedBy::Remote => "them",
                    EndedBy::Replaced(_) => "replaced",
                };
                let cause = reason.as_deref().map_or_else(|| "none".to_owned(), cause);
                counter!("waihu_sip_hangups_total", "trunk" => self.trunk(), "by" => by, "cause" => cause)
                    .increment(1);
            }
            _ => {}
        }
        if let Entry::Occupied(begun) = self.begun.entry(call) {
            let took = now.since(begun.remove());
            histogram!("waihu_sip_request_delay_seconds", "trunk" => self.trunk()).record(took.as_secs_f64());
        }
    }

    fn ended(&self, code: u16, cause: &'static str) {
        let labels = [
            ("trunk", self.trunk()),
            ("code", code.to_string().into()),
            ("cause", SharedString::const_str(cause)),
        ];
        counter!("waihu_sip_finals_total", &labels).increment(1);
    }

    /// What came was of no use.
    pub(crate) fn discarded(&self, why: &'static str) {
        counter!("waihu_sip_discarded_total", "trunk" => self.trunk(), "why" => why).increment(1);
    }

    /// A call that came in was told 503, since nobody took it.
    pub(crate) fn refused(&self) {
        counter!("waihu_sip_refused_total", "trunk" => self.trunk()).increment(1);
    }

    /// A connection was lost, or could not be made.
    pub(crate) fn lost(&self) {
        counter!("waihu_sip_connections_lost_total", "trunk" => self.trunk()).increment(1);
    }

    /// How a registration stands.
    pub(crate) fn registered(&self, state: &State) {
        let stands = f64::from(u8::from(matches!(state, State::Registered { .. })));
        gauge!("waihu_sip_registered", "trunk" => self.trunk()).set(stands);
    }
}

/// Why something was of no use, by its label; none of what keeps a way open.
pub(crate) fn why(reason: &Discard) -> Option<&'static str> {
    match reason {
        Discard::KeepAlive => None,
        Discard::Unparsable(_) => Some("unparsable"),
        Discard::StrayResponse | Discard::StrayAck => Some("stray"),
        Discard::Stranger => Some("stranger"),
        Discard::Overload => Some("overload"),
    }
}

fn label(cause: FailureCause) -> &'static str {
    match cause {
        FailureCause::Rejected => "rejected",
        FailureCause::Unauthorized => "unauthorized",
        FailureCause::TimedOut => "timed_out",
        FailureCause::TransportError => "transport_error",
        FailureCause::BadAnswer => "bad_answer",
        FailureCause::Cancelled => "cancelled",
    }
}

/// The first cause of a Reason header's value (RFC 3326), as `q850-16` or `sip-486`; `other` for anything else.
fn cause(reason: &str) -> String {
    let value = reason.split(',').next().unwrap_or_default();
    let mut parts = value.split(';').map(str::trim);
    let protocol = match parts.next() {
        Some(p) if p.eq_ignore_ascii_case("Q.850") => "q850",
        Some(p) if p.eq_ignore_ascii_case("SIP") => "sip",
        _ => return "other".to_owned(),
    };
    let number = parts.find_map(|p| p.strip_prefix("cause="));
    // Q.850 goes to 127, SIP to 699: a far end that makes numbers up fills no memory.
    match number
        .and_then(|n| n.parse::<u16>().ok())
        .filter(|n| *n < if protocol == "sip" { 700 } else { 128 })
    {
        Some(number) => format!("{protocol}-{number}"),
        None => "other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_a_number_or_other() {
        assert_eq!(cause("Q.850;cause=16;text=\"Normal call clearing\""), "q850-16");
        assert_eq!(cause("SIP ;cause=408 ;text=\"x\", Q.850;cause=31"), "sip-408");
        for odd in ["", "no ACK within 32 s", "Q.850;cause=16000", "SIP;cause=99999999", "Zhang;cause=1"] {
            assert_eq!(cause(odd), "other", "{odd}");
        }
    }
}
