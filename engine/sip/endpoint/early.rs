//! What comes before the answer: reliable provisional responses and PRACK both ways (RFC 3262), early dialogs
//! of a fork, and UPDATE within them (RFC 3311).
//!
//! Ours are reliable only where the caller requires it: an answer is never held up for a caller's wish.
//! Deliberately absent: offers of our own in PRACK, and UPDATEs of our own before the answer (RFC 3311 §5.1 allows them).
//! What we offer does not change while it rings; and a change then would be one for each telephone of a fork, with its
//! own answer, proof and crossings, one of them with the 2xx that makes its dialog the call.

use std::time::Duration;

use bytes::Bytes;
use waihu_types::Time;

use super::{
    Call, CallHandle, Endpoint, Event, FailureCause, Hop, TimerKey,
    clients::Purpose,
    description,
    exchange::Brought,
    lists,
    outgoing::MAX_FORKS,
    set_body,
    within::{Ask, What},
};
use crate::{
    auth::Authenticator,
    dialog::Dialog,
    message::{Request, Response},
    method::Method,
    sdp::SessionDescription,
    transaction::{T1, T1_64},
};

/// A dialog of a call of ours that is not answered; a fork makes several.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) dialog: Dialog,
    /// Their description.
    pub(super) sdp: Option<SessionDescription>,
    /// Ours, where an UPDATE of theirs has changed the session: each dialog of a fork has its own.
    pub(super) changed: Option<SessionDescription>,
    /// Whether theirs is an answer that binds, having come reliably.
    answered: bool,
    /// The last RSeq that was acknowledged.
    rseq: Option<u32>,
}

/// A reliable provisional response of ours that waits for its PRACK.
#[derive(Debug)]
pub(super) struct Unconfirmed {
    rseq: u32,
    to: Hop,
    bytes: Bytes,
    next: Time,
    interval: Duration,
    until: Time,
}

/// What a provisional response is to the call's owner.
pub(super) enum Provisional {
    /// News.
    News(Option<SessionDescription>),
    /// One that was told already, or came before one that is still missing (RFC 3262 §4).
    Nothing,
}

/// RAck: response number, and the INVITE's CSeq number.
fn rack(request: &Request) -> Option<(u32, u32)> {
    let mut parts = request.headers.other.value("RAck")?.split_whitespace();
    let numbers = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (parts.next()? == "INVITE").then_some(numbers)
}

impl Endpoint {
    /// Notes a provisional response's dialog, and acknowledges it where that is asked for.
    pub(super) fn note_early(
        &mut self,
        now: Time,
        client: u64,
        call: CallHandle,
        response: &Response,
    ) -> Provisional {
        let sdp = description(&response.headers.other, &response.body);
        let Some((invite, hop)) = self.clients.invite(client) else { return Provisional::News(sdp) };
        let Some(Call::Calling(calling)) = self.calls.get_mut(&call) else { return Provisional::Nothing };
        let Some(tag) = response.headers.to.tag().filter(|_| response.code > 100) else {
            return Provisional::News(sdp);
        };
        let place = match calling.early.iter().position(|e| e.dialog.remote_tag() == tag) {
            Some(place) => place,
            None if calling.early.len() >= MAX_FORKS => return Provisional::News(sdp),
            None => {
                let dialog = Dialog::as_caller(invite, response);
                self.dialogs.insert(dialog.id.clone(), call);
                calling.early.push(Early { dialog, sdp: None, changed: None, answered: false, rseq: None });
                calling.early.len() - 1
            }
        };
        let Some(early) = calling.early.get_mut(place) else { return Provisional::News(sdp) };
        let fields = &response.headers.other;
        let number: Option<u32> = fields.value("RSeq").and_then(|v| v.trim().parse().ok());
        if let Some(number) = number.filter(|_| lists(fields, "Require", "100rel")) {
            // One that was acknowledged and comes again is acknowledged again by its PRACK's own retransmission.
            if early.rseq.is_some_and(|last| last.checked_add(1) != Some(number)) {
                return Provisional::Nothing;
            }
            early.rseq = Some(number);
            early.answered |= sdp.is_some();
            let cseq = response.headers.cseq.number;
            self.send_prack(now, call, place, hop, &format!("{number} {cseq} INVITE"));
        }
        if let Some(Call::Calling(calling)) = self.calls.get_mut(&call)
            && let Some(early) = calling.early.get_mut(place)
            && sdp.is_some()
        {
            early.sdp.clone_from(&sdp);
        }
        Provisional::News(sdp)
    }

    fn send_prack(&mut self, now: Time, call: CallHandle, place: usize, hop: Hop, rack: &str) {
        let Some(Call::Calling(calling)) = self.calls.get(&call) else { return };
        let Some(to) = calling.early.get(place).map(|e| self.config.way(&e.dialog, hop)) else { return };
        let via = self.via(to.transport);
        let Some(Call::Calling(calling)) = self.calls.get_mut(&call) else { return };
        let Some(early) = calling.early.get_mut(place) else { return };
        let mut request = early.dialog.request(Method::Prack, via);
        request.headers.other.push("RAck", rack);
        request.headers.other.push("User-Agent", &self.config.user_agent);
        let ask = Ask::new(call, What::Prack, request.clone(), Authenticator::default());
        self.start_client(now, to, request, Purpose::Within(Box::new(ask)));
    }

    /// A PRACK that is challenged is sent once more with the call's proof (RFC 3261 §22).
    pub(super) fn on_prack_response(&mut self, now: Time, to: Hop, ask: Ask, response: &Response) {
        if !matches!(response.code, 401 | 407) || ask.request.headers.other.value("RAck").is_none() {
            return;
        }
        let (via, cnonce) = (self.via(to.transport), self.dice.word());
        let Some(Call::Calling(calling)) = self.calls.get_mut(&ask.call) else { return };
        let (mut request, tag) = (ask.request.clone(), ask.request.headers.to.tag().unwrap_or_default());
        if ["Authorization", "Proxy-Authorization"].iter().any(|n| request.headers.other.value(n).is_some()) {
            return;
        }
        let (mut auth, who) = (Authenticator::default(), calling.proof.credentials.as_ref());
        let Some(early) = calling.early.iter_mut().find(|e| e.dialog.remote_tag() == tag) else { return };
        request.headers.via = vec![via];
        request.headers.cseq.number = early.dialog.next_cseq();
        if auth.answer(response, &mut request, who, &cnonce, &mut self.nonces).is_ok() {
            let again = Ask::new(ask.call, What::Prack, request.clone(), auth);
            self.start_client(now, to, request, Purpose::Within(Box::new(again)));
        }
    }

    /// An UPDATE in an early dialog of ours (RFC 3311 §5.2): another early media, as a rule.
    pub(super) fn on_early_update(&mut self, now: Time, server: u64, call: CallHandle, request: &Request) {
        let Some(transport) = self.servers.address(server).map(|to| to.transport) else { return };
        let contact = self.contact(transport);
        let (allow, supported) = (self.allow(), self.supported());
        let Some(Call::Calling(calling)) = self.calls.get_mut(&call) else { return };
        let tag = request.headers.from.tag().unwrap_or_default();
        let Some(early) = calling.early.iter_mut().find(|e| e.dialog.remote_tag() == tag) else {
            return self.refuse(now, server, request, 481, "No such dialog", &[]);
        };
        if !early.dialog.accept(request) {
            return self.refuse(now, server, request, 500, "CSeq out of order", &[]);
        }
        let mut response = request.respond(200, "OK", None);
        response.headers.contact.push(contact);
        response.headers.other.push("Allow", allow);
        response.headers.other.push("Supported", supported);
        let offer = description(&request.headers.other, &request.body);
        let mut news = None;
        match (&offer, request.body.is_empty()) {
            (None, true) => {}
            // Our own offer has no answer yet that we could hold them to (§5.2).
            (Some(_), _) if !early.answered => {
                return self.refuse(now, server, request, 491, "Request Pending", &[]);
            }
            (Some(theirs), _) => {
                let mut ours = early.changed.as_ref().unwrap_or(&calling.offer).clone();
                let Ok(answer) = ours.answer_again(theirs) else {
                    return self.refuse(now, server, request, 488, "Not Acceptable Here", &[]);
                };
                ours.note(&answer);
                early.changed = Some(ours);
                set_body(&mut response.headers.other, &mut response.body, &answer);
                early.sdp.clone_from(&offer);
                news = offer;
            }
            (None, false) => return self.refuse(now, server, request, 488, "Not Acceptable Here", &[]),
        }
        self.respond(now, server, response);
        if news.is_some() {
            let (code, reason) = (183, "Session Progress".to_owned());
            let early_dialog = Some(tag.to_owned());
            self.event(call, Event::Provisional { code, reason, early_dialog, sdp: news });
        }
    }

    /// Sends a provisional response reliably: one at a time (RFC 3262 §3).
    pub(super) fn ring_reliably(
        &mut self,
        now: Time,
        call: CallHandle,
        mut response: Response,
        sdp: Option<&SessionDescription>,
    ) {
        let Some(Call::Ringing(ringing)) = self.calls.get_mut(&call) else { return };
        let Some(to) = self.servers.address(ringing.server) else { return };
        ringing.next_rseq = ringing.next_rseq.wrapping_add(1).max(1);
        let rseq = ringing.next_rseq;
        response.headers.other.push("Require", "100rel");
        response.headers.other.push("RSeq", &rseq.to_string());
        let (bytes, server) = (response.to_bytes(), ringing.server);
        let waits = Unconfirmed { rseq, to, bytes, next: now + T1, interval: T1, until: now + T1_64 };
        self.schedule.set(TimerKey::Call(call), Some(waits.next));
        ringing.unconfirmed = Some(waits);
        if let Some(sdp) = sdp {
            ringing.exchange.say(sdp.clone());
        }
        self.respond(now, server, response);
    }

    /// The response again; a caller that never acknowledges is refused (RFC 3262 §3).
    pub(super) fn ringing_timeout(&mut self, now: Time, call: CallHandle) {
        let Some(Call::Ringing(ringing)) = self.calls.get_mut(&call) else { return };
        let Some(waits) = &mut ringing.unconfirmed else { return };
        if now >= waits.until {
            return self.reject(now, call, 504, "No PRACK within 32 s");
        }
        waits.interval *= 2;
        waits.next = now + waits.interval;
        let (to, bytes, deadline) = (waits.to, waits.bytes.clone(), waits.next.min(waits.until));
        self.schedule.set(TimerKey::Call(call), Some(deadline));
        self.counts.sent_again += 1;
        self.transmit(to, bytes);
    }

    /// PRACK, which is agreed to whatever it brings (RFC 3262 §3): where nothing can be agreed on, the call ends
    /// (RFC 6337, table 2).
    pub(super) fn on_prack(&mut self, now: Time, server: u64, call: CallHandle, request: &Request) {
        let ringing = match self.calls.get_mut(&call) {
            Some(Call::Ringing(ringing)) => ringing,
            Some(_) => return self.refuse(now, server, request, 481, "No such response", &[]),
            None => return,
        };
        let invite = ringing.invite.headers.cseq.number;
        let waited = ringing.unconfirmed.as_ref().map(|w| (w.rseq, invite));
        if waited.is_none() || rack(request) != waited {
            return self.refuse(now, server, request, 481, "No such response", &[]);
        }
        ringing.unconfirmed = None;
        let (answer, later) = (ringing.answer.take(), ringing.later.take());
        let brought = ringing.exchange.acknowledged(&request.headers.other, &request.body);
        self.schedule.set(TimerKey::Call(call), None);
        let mut response = request.respond(200, "OK", None);
        response.headers.other.push("Server", &self.config.user_agent);
        if let Ok(Brought::Offer { ours, .. }) = &brought {
            set_body(&mut response.headers.other, &mut response.body, ours);
        }
        self.respond(now, server, response);
        match brought {
            Ok(Brought::Nothing) => {}
            Ok(Brought::Answer(sdp)) => self.event(call, Event::Answered { sdp }),
            Ok(Brought::Offer { theirs, .. }) => self.event(call, Event::Reinvited { sdp: theirs }),
            Err(why) => return self.reject_for(now, call, (488, &why), FailureCause::BadAnswer),
        }
        if let Some(sdp) = answer {
            self.answer(now, call, sdp);
        } else if let Some((code, sdp)) = later {
            self.ring(now, call, code, sdp.as_ref());
        }
    }
}
