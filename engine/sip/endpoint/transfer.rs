//! A call handed on: REFER both ways with its NOTIFYs (RFC 3515), Replaces (RFC 3891), and keys pressed by INFO.
//!
//! Whom a far end asks us to call is told to the call's owner, who places the call or does not.
//! Deliberately absent: REFER outside a dialog, and subscriptions that outlive their call.

use std::time::Duration;

use waihu_types::Time;

use super::{
    Call, CallHandle, Endpoint, Event,
    established::Up,
    within::{Ask, What},
};
use crate::{
    dialog::DialogId,
    headers::Fields,
    lex::split_all,
    message::Request,
    method::Method,
    multipart,
    name_addr::NameAddr,
    uri::{Uri, escape, unescape},
};

/// How long news of a transfer is waited for: a telephone rings three minutes at most.
pub const TRANSFER_PATIENCE: Duration = Duration::from_secs(180);
const DTMF_RELAY: &str = "application/dtmf-relay";

/// What is under way of transfers in a call.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    /// Ours: until when news is waited for.
    asked: Option<Time>,
    /// Theirs: the REFER's CSeq, while it is not over.
    serving: Option<u32>,
    /// They have asked before in this call: from the second on NOTIFY says which (RFC 3515 §2.4.6).
    served: bool,
}

/// A Replaces header (RFC 3891 §6.1).
#[derive(Debug)]
struct Replaces {
    dialog: DialogId,
    early_only: bool,
}

impl Replaces {
    fn parse(value: &str) -> Option<Self> {
        let mut parts = split_all(value, b';').ok()?.into_iter();
        let call_id = parts.next().filter(|id| !id.is_empty())?.to_owned();
        let (mut local_tag, mut remote_tag, mut early_only) = (None, None, false);
        for part in parts {
            match part.split_once('=').map(|(n, v)| (n.trim(), v.trim())) {
                Some((n, v)) if n.eq_ignore_ascii_case("to-tag") => local_tag = Some(v.to_owned()),
                Some((n, v)) if n.eq_ignore_ascii_case("from-tag") => remote_tag = Some(v.to_owned()),
                None if part.eq_ignore_ascii_case("early-only") => early_only = true,
                _ => {}
            }
        }
        let (local_tag, remote_tag) = (local_tag?, remote_tag?);
        // What an RFC 2543 element gave no tag is asked for as 0 (§6.1).
        let remote_tag = if remote_tag == "0" { String::new() } else { remote_tag };
        Some(Self { dialog: DialogId { call_id, local_tag, remote_tag }, early_only })
    }
}

/// What an INVITE with Replaces comes to.
pub(super) enum Replacement {
    /// It has none.
    No,
    /// It takes this call's place.
    Of(CallHandle),
    /// It is refused with this.
    Refused(u16, &'static str),
}

impl Up {
    pub(super) fn transfer_until(&self) -> Option<Time> {
        self.transfers.as_ref().and_then(|t| t.asked)
    }
}

/// The code of a message fragment's first line.
fn sipfrag(body: &[u8]) -> Option<u16> {
    let line = body.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    std::str::from_utf8(line).ok()?.parse().ok().filter(|code| (100..700).contains(code))
}

/// The key that an INFO's body tells.
fn digit(content_type: &str, body: &[u8]) -> Option<(char, u32)> {
    let text = std::str::from_utf8(body).ok()?;
    let key = |c: &char| c.is_ascii_digit() || "*#ABCD".contains(*c);
    if multipart::is_of(content_type, "application/dtmf") {
        return Some((text.trim().chars().next()?.to_ascii_uppercase(), 160)).filter(|(c, _)| key(c));
    }
    if !multipart::is_of(content_type, DTMF_RELAY) {
        return None;
    }
    let (mut signal, mut duration_ms) = (None, 160);
    for (name, value) in text.lines().filter_map(|l| l.split_once('=')) {
        match name.trim() {
            n if n.eq_ignore_ascii_case("Signal") => signal = value.trim().chars().next(),
            n if n.eq_ignore_ascii_case("Duration") => duration_ms = value.trim().parse().unwrap_or(160),
            _ => {}
        }
    }
    Some((signal?.to_ascii_uppercase(), duration_ms)).filter(|(c, _)| key(c))
}

/// The value of a header within a URI (`?Replaces=…`), unescaped.
fn header_within(uri: &Uri, name: &str) -> Option<String> {
    let headers = uri.as_sip()?.headers.as_deref()?;
    let of = |item: &str| {
        item.split_once('=').filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| unescape(v))
    };
    headers.split('&').find_map(of)
}

impl Endpoint {
    pub(super) fn refer(&mut self, now: Time, call: CallHandle, target: Uri, replaces: Option<CallHandle>) {
        let other = match replaces {
            None => None,
            // The target knows the dialog by its own tag first (RFC 3891 §6.1).
            Some(other) => match self.calls.get(&other) {
                Some(Call::Up(up)) => {
                    let DialogId { call_id, local_tag, remote_tag } = &up.dialog.id;
                    Some(format!("{call_id};to-tag={remote_tag};from-tag={local_tag}"))
                }
                _ => return self.event(call, Event::Transfer { code: 481 }),
            },
        };
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
        if up.transfer_until().is_some() || !up.confirmed {
            return self.event(call, Event::Transfer { code: 491 });
        }
        up.transfers.get_or_insert_default().asked = Some(now + TRANSFER_PATIENCE);
        let referred_by = NameAddr::new(None, up.dialog.local().uri.clone()).to_string();
        let mut target = target;
        if let (Uri::Sip(uri), Some(other)) = (&mut target, other) {
            uri.headers = Some(format!("Replaces={}", escape(&other)).into());
        }
        let refer_to = NameAddr::new(None, target).to_string();
        self.schedule_up(call);
        let sent = self.ask(now, call, What::Refer, Method::Refer, |request| {
            request.headers.other.push("Refer-To", &refer_to);
            request.headers.other.push("Referred-By", &referred_by);
        });
        if !sent {
            self.on_refer_response(call, 503);
        }
    }

    pub(super) fn on_refer_response(&mut self, call: CallHandle, code: u16) {
        if code < 300 {
            return self.event(call, Event::Transfer { code: 100 });
        }
        self.transfer_over(call, code);
    }

    /// No news came of a transfer that was taken on.
    pub(super) fn transfer_told_nothing(&mut self, call: CallHandle) {
        self.transfer_over(call, 408);
    }

    fn transfer_over(&mut self, call: CallHandle, code: u16) {
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
        let asked = up.transfers.as_mut().and_then(|t| t.asked.take());
        self.schedule_up(call);
        if asked.is_some() {
            self.event(call, Event::Transfer { code });
        }
    }

    pub(super) fn on_notify(&mut self, now: Time, server: u64, call: CallHandle, request: &Request) {
        let fields = &request.headers.other;
        let of_refer = fields.value("Event").is_some_and(|v| multipart::is_of(v, "refer"));
        let waited = match self.calls.get(&call) {
            Some(Call::Up(up)) => up.transfer_until().is_some(),
            _ => false,
        };
        if !of_refer {
            return self.refuse(now, server, request, 489, "Bad Event", &[]);
        }
        if !waited {
            return self.refuse(now, server, request, 481, "No such subscription", &[]);
        }
        self.refuse(now, server, request, 200, "OK", &[]);
        let code = sipfrag(&request.body);
        let over = fields.value("Subscription-State").is_some_and(|v| multipart::is_of(v, "terminated"));
        match code {
            Some(code) if code >= 200 => self.transfer_over(call, code),
            // It ends without an end: nobody will tell.
            _ if over => self.transfer_over(call, 408),
            Some(code) => self.event(call, Event::Transfer { code }),
            None => {}
        }
    }

    pub(super) fn on_refer(&mut self, now: Time, server: u64, call: CallHandle, request: &Request) {
        let fields = &request.headers.other;
        let mut targets = fields.values("Refer-To");
        // One, and only one (RFC 3515 §2.4.2).
        let target = match (targets.next().map(NameAddr::parse), targets.next()) {
            (Some(Ok(target)), None) => target.uri,
            _ => return self.refuse(now, server, request, 400, "One Refer-To is needed", &[]),
        };
        let Some(Call::Up(up)) = self.calls.get_mut(&call).filter(|c| matches!(c, Call::Up(_))) else {
            return self.refuse(now, server, request, 603, "Decline", &[]);
        };
        let method = target.as_sip().and_then(|u| u.params.value("method"));
        if method.is_some_and(|m| m != "INVITE") {
            return self.refuse(now, server, request, 603, "Decline", &[]);
        }
        let transfers = up.transfers.get_or_insert_default();
        if transfers.serving.is_some() {
            return self.refuse(now, server, request, 491, "Request Pending", &[]);
        }
        transfers.serving = Some(request.headers.cseq.number);
        let replaces = header_within(&target, "Replaces");
        let referred_by = fields.value("Referred-By").map(str::to_owned);
        let target = target.for_request_line();
        let contact = self.servers.address(server).map(|to| self.contact(to.transport));
        let tag = self.dice.word();
        let mut response = request.respond(202, "Accepted", Some(&tag));
        response.headers.contact.extend(contact);
        self.respond(now, server, response);
        self.report_transfer(now, call, 100, "Trying");
        self.event(call, Event::TransferAsked { target, replaces, referred_by });
    }

    pub(super) fn report_transfer(&mut self, now: Time, call: CallHandle, code: u16, reason: &str) {
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
        let Some(transfers) = &mut up.transfers else { return };
        let Some(cseq) = transfers.serving else { return };
        let code = code.clamp(100, 699);
        let event = if transfers.served { format!("refer;id={cseq}") } else { "refer".to_owned() };
        let state = if code >= 200 {
            transfers.serving = None;
            transfers.served = true;
            "terminated;reason=noresource".to_owned()
        } else {
            format!("active;expires={}", TRANSFER_PATIENCE.as_secs())
        };
        let reason = crate::lex::one_line(reason);
        self.ask(now, call, What::Notify, Method::Notify, |request| {
            let fields = &mut request.headers.other;
            fields.push("Event", &event);
            fields.push("Subscription-State", &state);
            fields.push("Content-Type", "message/sipfrag;version=2.0");
            request.body = format!("SIP/2.0 {code} {reason}\r\n").into();
        });
    }

    /// Where nobody takes our news of a transfer, there is no more of it, and the call goes on (RFC 5057 §5.1).
    pub(super) fn on_notify_response(&mut self, ask: &Ask, code: u16) {
        let state = ask.request.headers.other.value("Subscription-State");
        // The last of one transfer says nothing of the next.
        let last = state.is_some_and(|s| multipart::is_of(s, "terminated"));
        if let Some(Call::Up(up)) = self.calls.get_mut(&ask.call)
            && let Some(transfers) = &mut up.transfers
            && matches!(code, 408 | 481)
            && !last
        {
            transfers.served |= transfers.serving.take().is_some();
        }
    }

    /// Which call of ours an INVITE is to replace (RFC 3891 §3).
    pub(super) fn replacement(&self, fields: &Fields) -> Replacement {
        let mut values = fields.values("Replaces");
        let Some(value) = values.next() else { return Replacement::No };
        let (Some(wanted), None) = (Replaces::parse(value), values.next()) else {
            return Replacement::Refused(400, "Replaces is broken or stands twice");
        };
        let call = self.dialogs.get(&wanted.dialog).copied();
        match call.and_then(|call| Some((call, self.calls.get(&call)?))) {
            Some((_, Call::Up(_))) if wanted.early_only => Replacement::Refused(486, "Busy Here"),
            Some((call, Call::Up(_) | Call::Calling(_))) => Replacement::Of(call),
            // One that rings here was not begun by us (§3).
            Some((_, Call::Ringing(_))) | None => {
                Replacement::Refused(481, "Call/Transaction Does Not Exist")
            }
        }
    }

    pub(super) fn send_digit(&mut self, now: Time, call: CallHandle, digit: char, duration_ms: u32) {
        self.ask(now, call, What::Info, Method::Info, |request| {
            request.headers.other.push("Content-Type", DTMF_RELAY);
            request.body = format!("Signal={digit}\r\nDuration={duration_ms}\r\n").into();
        });
    }

    /// INFO: a key; nothing at all, which only asks whether we are there; or a package that we know not.
    pub(super) fn on_info(&mut self, now: Time, server: u64, call: CallHandle, request: &Request) {
        let fields = &request.headers.other;
        let key = fields.value("Content-Type").and_then(|kind| digit(kind, &request.body));
        match key {
            Some((digit, duration_ms)) => {
                self.refuse(now, server, request, 200, "OK", &[]);
                let told = matches!(self.calls.get(&call), Some(Call::Up(up)) if up.keys_in_sound);
                if !told {
                    self.event(call, Event::Digit { digit, duration_ms });
                }
            }
            None if fields.value("Info-Package").is_some() => {
                self.refuse(now, server, request, 469, "Bad Info Package", &[("Recv-Info", "")]);
            }
            None if request.body.is_empty() => self.refuse(now, server, request, 200, "OK", &[]),
            None => {
                let accept = [("Accept", "application/dtmf-relay, application/dtmf")];
                self.refuse(now, server, request, 415, "Unsupported Media Type", &accept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_both_forms() {
        assert_eq!(digit(DTMF_RELAY, b"Signal=5\r\nDuration=240\r\n"), Some(('5', 240)));
        assert_eq!(digit("application/dtmf-relay; x=y", b"signal= # \nduration=x\n"), Some(('#', 160)));
        assert_eq!(digit("application/dtmf", b"a"), Some(('A', 160)));
        for (kind, body) in [(DTMF_RELAY, &b"Signal=x"[..]), ("text/plain", b"5"), (DTMF_RELAY, b"\xff")] {
            assert_eq!(digit(kind, body), None);
        }
    }

    #[test]
    fn a_replaces_header_is_read_in_any_order_of_its_parameters() {
        let read = Replaces::parse("abc@x ; from-tag = f ;to-tag=t; early-only").unwrap();
        let dialog = DialogId { call_id: "abc@x".into(), local_tag: "t".into(), remote_tag: "f".into() };
        assert!(read.dialog == dialog && read.early_only);
        for broken in ["", ";to-tag=a;from-tag=b", "x;to-tag=a", "x;from-tag=a"] {
            assert!(Replaces::parse(broken).is_none(), "{broken}");
        }
    }
}
