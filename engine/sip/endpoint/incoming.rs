//! Calls that come in, until they are answered: RFC 3261 §13.3.

use std::net::SocketAddr;

use waihu_types::Time;

use super::{
    ALLOW, Call, CallHandle, Endpoint, Event, FailureCause, MAX_CALLS, TimerKey,
    established::{AwaitAck, Up},
    sdp_of, set_body,
};
use crate::{
    dialog::Dialog,
    message::{Request, Response},
    sdp::SessionDescription,
};

/// A call that came in and is not answered.
#[derive(Debug)]
pub(super) struct Ringing {
    server: u64,
    invite: Request,
    from: SocketAddr,
    offered: bool,
    pub(super) dialog: Dialog,
}

impl Ringing {
    fn response(&self, code: u16, reason: &str) -> Response {
        self.invite.respond(code, reason, Some(&self.dialog.id.local_tag))
    }
}

impl Endpoint {
    pub(super) fn incoming(&mut self, now: Time, from: SocketAddr, server: u64, request: &Request) {
        if self.calls.len() >= MAX_CALLS {
            return self.refuse(now, server, request, 503, "Service Unavailable", &[("Retry-After", "10")]);
        }
        let body = sdp_of(&request.headers.other, &request.body).unwrap_or_default();
        let offer = match SessionDescription::parse(body) {
            _ if request.body.is_empty() => None,
            Ok(offer) => Some(offer),
            Err(error) => return self.refuse(now, server, request, 400, &error.to_string(), &[]),
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
        let ringing = Ringing { server, invite, from, offered: offer.is_some(), dialog };
        self.calls.insert(call, Call::Ringing(Box::new(ringing)));
        self.respond(now, server, request.respond(100, "Trying", None));
        let event = Event::Incoming {
            from: request.headers.from.clone(),
            to: request.headers.to.clone(),
            request_uri: request.uri.clone(),
            offer,
        };
        self.event(call, event);
    }

    pub(super) fn ring(&mut self, now: Time, call: CallHandle, code: u16, sdp: Option<&SessionDescription>) {
        let contact = self.contact();
        let Some(Call::Ringing(ringing)) = self.calls.get(&call) else { return };
        let code = code.clamp(101, 199);
        let reason = if code == 183 { "Session Progress" } else { "Ringing" };
        let mut response = ringing.response(code, reason);
        response.headers.contact.push(contact);
        if let Some(sdp) = sdp {
            set_body(&mut response.headers.other, &mut response.body, sdp);
        }
        let server = ringing.server;
        self.respond(now, server, response);
    }

    pub(super) fn answer(&mut self, now: Time, call: CallHandle, sdp: SessionDescription) {
        let contact = self.contact();
        let Some(Call::Ringing(ringing)) = self.calls.get(&call) else { return };
        let Some(to) = self.servers.address(ringing.server) else { return };
        let mut response = ringing.response(200, "OK");
        response.headers.contact.push(contact);
        response.headers.other.push("Allow", ALLOW);
        set_body(&mut response.headers.other, &mut response.body, &sdp);
        let wait = AwaitAck::new(now, to, &response, !ringing.offered);
        self.schedule.set(TimerKey::Call(call), Some(wait.deadline()));
        let (server, dialog, from) = (ringing.server, ringing.dialog.clone(), ringing.from);
        self.calls.insert(call, Call::Up(Box::new(Up::callee(dialog, from, sdp, wait))));
        self.respond(now, server, response);
    }

    /// Refuses a call that came in. The event tells the owner that it is over.
    pub(super) fn reject(&mut self, now: Time, call: CallHandle, code: u16, reason: &str) {
        let Some(Call::Ringing(ringing)) = self.calls.get(&call) else { return };
        let (code, cause) = (code.clamp(300, 699), FailureCause::Rejected);
        let (server, response) = (ringing.server, ringing.response(code, reason));
        self.respond(now, server, response);
        self.finish(call, Event::Failed { code, reason: reason.to_owned(), cause, retry_after_s: None });
    }

    /// CANCEL or an early BYE: the INVITE gets its 487 (§9.2, §15.1.2).
    pub(super) fn cancelled_by_caller(&mut self, now: Time, call: CallHandle) {
        let Some(Call::Ringing(ringing)) = self.calls.get(&call) else { return };
        let reason = "Request Terminated";
        let (server, response) = (ringing.server, ringing.response(487, reason));
        self.respond(now, server, response);
        let cause = FailureCause::Cancelled;
        self.finish(call, Event::Failed { code: 487, reason: reason.to_owned(), cause, retry_after_s: None });
    }
}
