//! Calls that come in, until they are answered: RFC 3261 §13.3.

use waihu_types::Time;

use super::{
    Call, CallHandle, EndedBy, Endpoint, Event, FailureCause, Hop, MAX_CALLS,
    early::Unconfirmed,
    established::{AwaitAck, Up},
    exchange::Exchange,
    lists,
    outgoing::failed,
    sdp_of,
    session::{asked_by, write_interval},
    set_body,
    transfer::Replacement,
};
use crate::{
    dialog::Dialog,
    identity::Identity,
    message::{Request, Response},
    sdp::SessionDescription,
    session_timer::{MIN_SE_S, SessionExpires, SessionTimer},
};

/// When a caller may come again who found everything taken [s]: some calls are over by then.
const RETRY_AFTER_S: &str = "10";

/// A call that came in and is not answered.
#[derive(Debug)]
pub(super) struct Ringing {
    pub(super) server: u64,
    pub(super) invite: Request,
    from: Hop,
    pub(super) exchange: Exchange,
    pub(super) dialog: Dialog,
    timer: Option<(SessionTimer, SessionExpires)>,
    /// The call whose place it takes.
    replaces: Option<CallHandle>,
    /// The caller requires that provisional responses arrive (RFC 3262 §3).
    reliable: bool,
    pub(super) next_rseq: u32,
    pub(super) unconfirmed: Option<Unconfirmed>,
    /// What waits until the caller has acknowledged: the answer, and another provisional response.
    pub(super) answer: Option<SessionDescription>,
    pub(super) later: Option<(u16, Option<SessionDescription>)>,
}

impl Ringing {
    fn response(&self, code: u16, reason: &str) -> Response {
        self.invite.respond(code, reason, Some(&self.dialog.id.local_tag))
    }
}

impl Endpoint {
    pub(super) fn incoming(&mut self, now: Time, from: Hop, server: u64, request: &Request) {
        if self.calls.len() >= MAX_CALLS {
            let later = [("Retry-After", RETRY_AFTER_S)];
            return self.refuse(now, server, request, 503, "Service Unavailable", &later);
        }
        let body = sdp_of(&request.headers.other, &request.body).unwrap_or_default();
        let offer = match SessionDescription::parse(body) {
            _ if request.body.is_empty() => None,
            Ok(offer) => Some(offer),
            Err(error) => return self.refuse(now, server, request, 400, &error.to_string(), &[]),
        };
        let replaces = match self.replacement(&request.headers.other) {
            Replacement::No => None,
            Replacement::Of(call) => Some(call),
            Replacement::Refused(code, reason) => {
                return self.refuse(now, server, request, code, reason, &[]);
            }
        };
        let Ok(timer) = asked_by(now, request, None, self.config.session_expires_s) else {
            let least = MIN_SE_S.to_string();
            return self.refuse(
                now,
                server,
                request,
                422,
                "Session Interval Too Small",
                &[("Min-SE", &least)],
            );
        };
        let tag = self.dice.word();
        let Some(dialog) = Dialog::as_callee(request, &tag) else {
            return self.refuse(now, server, request, 400, "Contact is missing", &[]);
        };
        let call = CallHandle(self.next_incoming);
        self.next_incoming = self.next_incoming.wrapping_add(2);
        self.servers.set_call(server, call);
        self.dialogs.insert(dialog.id.clone(), call);
        let invite = request.clone();
        let ringing = Ringing {
            server,
            invite,
            from,
            exchange: Exchange::new(offer.clone()),
            dialog,
            timer,
            replaces,
            reliable: lists(&request.headers.other, "Require", "100rel"),
            next_rseq: 0,
            unconfirmed: None,
            answer: None,
            later: None,
        };
        self.calls.insert(call, Call::Ringing(Box::new(ringing)));
        self.respond(now, server, request.respond(100, "Trying", None));
        let event = Event::Incoming {
            from: request.headers.from.clone(),
            to: request.headers.to.clone(),
            request_uri: request.uri.clone(),
            offer,
            identity: Box::new(Identity::of(&request.headers.other)),
            replaces,
        };
        self.event(call, event);
    }

    pub(super) fn ring(&mut self, now: Time, call: CallHandle, code: u16, sdp: Option<&SessionDescription>) {
        let Some(Call::Ringing(ringing)) = self.calls.get_mut(&call) else { return };
        if ringing.unconfirmed.is_some() {
            let before = ringing.later.take().and_then(|(_, sdp)| sdp);
            ringing.later = Some((code, sdp.cloned().or(before)));
            return;
        }
        let (server, reliable) = (ringing.server, ringing.reliable);
        let sdp = match ringing.exchange {
            // The first that is sure to arrive has the offer that is left to us (RFC 3262 §5); none has to be sent.
            Exchange::LeftToUs if reliable && sdp.is_none() => return,
            // What may be lost is no offer (RFC 3261 §13.2.1).
            Exchange::LeftToUs if !reliable => None,
            Exchange::LeftToUs | Exchange::Offered(_) => sdp,
            Exchange::Asked(_) | Exchange::Settled { .. } => None,
        };
        let Some(to) = self.servers.address(server) else { return };
        let contact = self.contact(to.transport);
        let Some(Call::Ringing(ringing)) = self.calls.get(&call) else { return };
        let code = code.clamp(101, 199);
        let reason = if code == 183 { "Session Progress" } else { "Ringing" };
        let mut response = ringing.response(code, reason);
        response.headers.contact.push(contact);
        if let Some(sdp) = sdp {
            set_body(&mut response.headers.other, &mut response.body, sdp);
        }
        if reliable {
            return self.ring_reliably(now, call, response, sdp);
        }
        self.respond(now, server, response);
    }

    pub(super) fn answer(&mut self, now: Time, call: CallHandle, sdp: SessionDescription) {
        let (allow, supported) = (self.allow(), self.supported());
        let Some(Call::Ringing(ringing)) = self.calls.get_mut(&call) else { return };
        // What was sent reliably is acknowledged before the answer (RFC 3262 §3, which asks it of descriptions).
        if ringing.unconfirmed.is_some() {
            ringing.answer = Some(sdp);
            return;
        }
        let Some(to) = self.servers.address(ringing.server) else { return };
        let contact = self.contact(to.transport);
        let Some(Call::Ringing(ringing)) = self.calls.remove(&call) else { return };
        let mut response = ringing.response(200, "OK");
        let Ringing { server, invite, from, mut exchange, dialog, timer, replaces, .. } = *ringing;
        response.headers.contact.push(contact);
        response.headers.other.push("Allow", allow);
        response.headers.other.push("Supported", supported);
        if let Some((_, agreed)) = timer {
            write_interval(&mut response.headers.other, agreed);
        }
        if exchange.is_open() {
            set_body(&mut response.headers.other, &mut response.body, &sdp);
            exchange.say(sdp.clone());
        }
        let (ours, keys_in_sound, answer_due) = match exchange {
            Exchange::Settled { ours, keys_in_sound } => (ours, keys_in_sound, false),
            Exchange::Asked(ours) => (ours, false, true),
            Exchange::Offered(_) | Exchange::LeftToUs => (sdp, false, false),
        };
        let wait = AwaitAck::new(now, to, &response, answer_due);
        let interval = timer.map(|(timer, _)| (timer.interval_s(), timer.refresher()));
        let mut up = Up::callee(dialog, from, ours, wait);
        up.note_far(&invite.headers.other);
        up.keys_in_sound = keys_in_sound;
        up.timer = interval.map(|(seconds, refresher)| SessionTimer::new(now, seconds, refresher));
        self.calls.insert(call, Call::Up(Box::new(up)));
        self.schedule_up(call);
        self.respond(now, server, response);
        if let Some(old) = replaces {
            self.replaced(now, old, call);
        }
    }

    /// A call gives its place to another (RFC 3891 §3): it is hung up or cancelled.
    fn replaced(&mut self, now: Time, old: CallHandle, by: CallHandle) {
        match self.calls.get(&old) {
            Some(Call::Up(_)) => {
                let ended = Event::Ended { by: EndedBy::Replaced(by), reason: None };
                self.bye_and_finish(now, old, None, ended);
            }
            Some(Call::Calling(_)) => self.hang_up_calling(now, old, None),
            Some(Call::Ringing(_)) | None => {}
        }
    }

    /// Refuses a call that came in. The event tells the owner that it is over.
    pub(super) fn reject(&mut self, now: Time, call: CallHandle, code: u16, reason: &str) {
        self.reject_for(now, call, (code, reason), FailureCause::Rejected);
    }

    pub(super) fn reject_for(
        &mut self,
        now: Time,
        call: CallHandle,
        (code, reason): (u16, &str),
        cause: FailureCause,
    ) {
        let Some(Call::Ringing(ringing)) = self.calls.get(&call) else { return };
        let code = code.clamp(300, 699);
        let (server, mut response) = (ringing.server, ringing.response(code, reason));
        if code == 503 {
            response.headers.other.push("Retry-After", RETRY_AFTER_S);
        }
        self.respond(now, server, response);
        self.finish(call, failed(code, reason, cause));
    }

    /// CANCEL or an early BYE: the INVITE gets its 487 (§9.2, §15.1.2).
    pub(super) fn cancelled_by_caller(&mut self, now: Time, call: CallHandle) {
        let Some(Call::Ringing(ringing)) = self.calls.get(&call) else { return };
        let reason = "Request Terminated";
        let (server, response) = (ringing.server, ringing.response(487, reason));
        self.respond(now, server, response);
        let cause = FailureCause::Cancelled;
        self.finish(call, failed(487, reason, cause));
    }
}
