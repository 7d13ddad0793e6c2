//! Calls that are up: ACK and its absence (RFC 3261 §13), BYE both ways (§15), and who takes what comes within.

use std::time::Duration;

use bytes::Bytes;
use waihu_types::Time;

use super::{
    Call, CallHandle, EndedBy, Endpoint, Event, FailureCause, Hop, TimerKey, answer_of, clients::Purpose,
    lists, no_use, outgoing::failed, reason_of, session::Pending, transfer::Transfers,
};
use crate::{
    auth::{Authenticator, Credentials},
    dialog::{Dialog, DialogId},
    headers::Fields,
    message::{Request, Response},
    method::Method,
    offer_answer::{AudioStream, MediaMismatch},
    sdp::{Origin, SessionDescription},
    session_timer::SessionTimer,
    transaction::{T1, T1_64, T2},
};

/// A 2xx that waits for its ACK, sent again and again meanwhile (§13.3.1.4).
#[derive(Debug)]
pub(super) struct AwaitAck {
    cseq: u32,
    to: Hop,
    bytes: Bytes,
    next: Time,
    interval: Duration,
    until: Time,
    /// Our 2xx carried an offer, so the ACK carries the answer.
    answer_due: bool,
}

impl AwaitAck {
    pub(super) fn new(now: Time, to: Hop, response: &Response, answer_due: bool) -> Self {
        let (cseq, bytes) = (response.headers.cseq.number, response.to_bytes());
        Self { cseq, to, bytes, next: now + T1, interval: T1, until: now + T1_64, answer_due }
    }

    pub(super) fn deadline(&self) -> Time {
        self.next.min(self.until)
    }

    /// Whether it carried an offer whose answer is still to come.
    pub(super) fn is_offer(&self) -> bool {
        self.answer_due
    }
}

/// What a request of ours proves itself with where it is challenged.
#[derive(Clone, Debug, Default)]
pub(super) struct Proof {
    pub(super) credentials: Option<Credentials>,
    pub(super) auth: Authenticator,
}

impl Proof {
    /// The same for another request: its challenges are answered anew.
    pub(super) fn for_next_request(self) -> Self {
        Self { auth: Authenticator::default(), ..self }
    }
}

/// A call with a dialog.
#[derive(Debug)]
pub(super) struct Up {
    pub(super) dialog: Dialog,
    /// Where its first request went or came from.
    pub(super) next_hop: Hop,
    pub(super) proof: Proof,
    pub(super) local: SessionDescription,
    pub(super) await_ack: Option<AwaitAck>,
    /// The first ACK has come, or the call is one that we placed.
    pub(super) confirmed: bool,
    /// Whether the far end takes UPDATE.
    pub(super) far_updates: bool,
    /// Keys are told in the sound (RFC 4733): INFOs about them would count them twice.
    pub(super) keys_in_sound: bool,
    pub(super) timer: Option<SessionTimer>,
    /// An offer of ours that is out, or waits to go.
    pub(super) pending: Option<Box<Pending>>,
    pub(super) transfers: Option<Box<Transfers>>,
    /// We want to hang up, but a callee waits for the ACK first (§15).
    closing: Option<Option<String>>,
}

impl Up {
    pub(super) fn caller(dialog: Dialog, next_hop: Hop, proof: Proof, local: SessionDescription) -> Self {
        Self {
            dialog,
            next_hop,
            proof,
            local,
            await_ack: None,
            confirmed: true,
            far_updates: false,
            keys_in_sound: false,
            timer: None,
            pending: None,
            transfers: None,
            closing: None,
        }
    }

    /// Notes what the far end says that it can do.
    pub(super) fn note_far(&mut self, fields: &Fields) {
        if fields.value("Allow").is_some() {
            self.far_updates = lists(fields, "Allow", "UPDATE");
        }
    }

    /// When anything of it is next due.
    pub(super) fn deadline(&self) -> Option<Time> {
        let pending = self.pending.as_ref().and_then(|p| p.deadline());
        let ack = self.await_ack.as_ref().map(AwaitAck::deadline);
        let timer = self.timer.as_ref().map(SessionTimer::deadline);
        [pending, ack, timer, self.transfer_until()].into_iter().flatten().min()
    }

    /// Takes the far end's answer to what we offered.
    pub(super) fn settle(&mut self, answer: &SessionDescription) -> Result<AudioStream, MediaMismatch> {
        let stream = self.local.settle(answer)?;
        self.keys_in_sound = stream.telephone_event.is_some();
        Ok(stream)
    }

    pub(super) fn callee(dialog: Dialog, next_hop: Hop, local: SessionDescription, wait: AwaitAck) -> Self {
        Self {
            await_ack: Some(wait),
            confirmed: false,
            ..Self::caller(dialog, next_hop, Proof::default(), local)
        }
    }
}

/// What a BYE needs to be sent again with credentials.
#[derive(Clone, Debug)]
pub(super) struct Bye {
    request: Request,
    proof: Proof,
}

impl Bye {
    /// The dialog it ends.
    pub(super) fn dialog(&self) -> DialogId {
        DialogId::of_own_request(&self.request)
    }
}

impl SessionDescription {
    /// The description of nothing, for calls that are let go at once.
    pub(super) fn none() -> Self {
        let origin =
            Origin { username: "-".to_owned(), session_id: 0, version: 0, address: "0.0.0.0".to_owned() };
        Self::of(origin, None)
    }
}

impl Endpoint {
    pub(super) fn hang_up(&mut self, now: Time, call: CallHandle, reason: Option<String>) {
        if let Some(Call::Up(up)) = self.calls.get_mut(&call) {
            if !up.confirmed {
                up.closing.get_or_insert(reason);
                return;
            }
            self.bye_and_finish(
                now,
                call,
                reason.as_deref(),
                Event::Ended { by: EndedBy::Local, reason: None },
            );
        }
    }

    pub(super) fn bye_and_finish(&mut self, now: Time, call: CallHandle, reason: Option<&str>, event: Event) {
        let Some(Call::Up(up)) = self.calls.remove(&call) else { return };
        self.dialogs.remove(&up.dialog.id);
        self.schedule.set(TimerKey::Call(call), None);
        self.send_bye(now, *up, reason);
        self.event(call, event);
    }

    pub(super) fn send_bye(&mut self, now: Time, mut up: Up, reason: Option<&str>) {
        let to = self.config.way(&up.dialog, up.next_hop);
        let via = self.via(to.transport);
        let mut request = up.dialog.request(Method::Bye, via);
        request.headers.other.push("User-Agent", &self.config.user_agent);
        if let Some(reason) = reason {
            request.headers.other.push("Reason", reason);
        }
        let bye = Bye { request: request.clone(), proof: up.proof };
        self.start_client(now, to, request, Purpose::Bye(Box::new(bye)));
    }

    pub(super) fn retry_bye(&mut self, now: Time, to: Hop, mut bye: Bye, response: &Response) {
        let (via, cnonce) = (self.via(to.transport), self.dice.word());
        bye.request.headers.via = vec![via];
        bye.request.headers.cseq.number = bye.request.headers.cseq.number.saturating_add(1);
        // Where no answer can be given, the far end is left to find out by its session's silence.
        let Proof { credentials, auth } = &mut bye.proof;
        let who = credentials.as_ref();
        if auth.answer(response, &mut bye.request, who, &cnonce, &mut self.nonces).is_ok() {
            self.start_client(now, to, bye.request.clone(), Purpose::Bye(Box::new(bye)));
        }
    }

    /// The 2xx again, or the end of patience: a callee whose 2xx gets no ACK in 32 s sends BYE (§13.3.1.4).
    pub(super) fn ack_timeout(&mut self, now: Time, call: CallHandle) {
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
        let Some(wait) = &mut up.await_ack else { return };
        if now >= wait.until {
            let ended = Event::Ended { by: EndedBy::Local, reason: Some("no ACK within 32 s".to_owned()) };
            return self.bye_and_finish(now, call, Some("SIP;cause=408;text=\"ACK timeout\""), ended);
        }
        wait.interval = (wait.interval * 2).min(T2);
        wait.next = now + wait.interval;
        let (to, bytes) = (wait.to, wait.bytes.clone());
        self.counts.sent_again += 1;
        self.transmit(to, bytes);
    }

    /// An ACK within a dialog. False where none was due.
    pub(super) fn on_ack(&mut self, now: Time, call: CallHandle, ack: &Request) -> bool {
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return false };
        let cseq = ack.headers.cseq.number;
        let Some(wait) = up.await_ack.take_if(|w| w.cseq == cseq) else { return false };
        let first = !std::mem::replace(&mut up.confirmed, true);
        let closing = up.closing.take();
        let answer = wait.answer_due.then(|| {
            let theirs = answer_of(&ack.headers.other, &ack.body)?;
            up.settle(&theirs).map(|_| theirs).map_err(no_use)
        });
        self.schedule_up(call);
        if let Some(reason) = closing {
            let ended = Event::Ended { by: EndedBy::Local, reason: None };
            self.bye_and_finish(now, call, reason.as_deref(), ended);
            return true;
        }
        match answer {
            Some(Err(why)) if first => {
                let reason = "SIP;cause=488;text=\"Not Acceptable Here\"";
                let failed = failed(488, &why, FailureCause::BadAnswer);
                self.bye_and_finish(now, call, Some(reason), failed);
                return true;
            }
            Some(Ok(sdp)) if first => self.event(call, Event::Answered { sdp }),
            Some(Ok(sdp)) => self.event(call, Event::Reinvited { sdp }),
            // The session goes on as it was.
            Some(Err(_)) | None => {}
        }
        if first {
            self.event(call, Event::Confirmed);
        }
        true
    }

    /// A request of the far end within a dialog. CSeq is checked first (§12.2.2).
    pub(super) fn in_dialog(&mut self, now: Time, server: u64, call: CallHandle, request: &Request) {
        let fresh = match self.calls.get_mut(&call) {
            Some(Call::Up(up)) => up.dialog.accept(request),
            Some(Call::Ringing(ringing)) => ringing.dialog.accept(request),
            Some(Call::Calling(_)) => {
                return match request.method {
                    Method::Update => self.on_early_update(now, server, call, request),
                    _ => self.refuse(now, server, request, 481, "Not answered yet", &[]),
                };
            }
            None => return self.refuse(now, server, request, 481, "No such call", &[]),
        };
        if !fresh {
            return self.refuse(now, server, request, 500, "CSeq out of order", &[]);
        }
        match request.method {
            Method::Bye => self.on_bye(now, server, call, request),
            Method::Options => self.answer_options(now, server, request),
            Method::Invite => self.on_reinvite(now, server, call, request),
            Method::Update => self.on_update(now, server, call, request),
            Method::Prack => self.on_prack(now, server, call, request),
            Method::Info => self.on_info(now, server, call, request),
            Method::Notify => self.on_notify(now, server, call, request),
            Method::Refer => self.on_refer(now, server, call, request),
            _ => {
                let allow = self.allow();
                self.refuse(now, server, request, 405, "Method Not Allowed", &[("Allow", allow)]);
            }
        }
    }

    fn on_bye(&mut self, now: Time, server: u64, call: CallHandle, request: &Request) {
        self.refuse(now, server, request, 200, "OK", &[]);
        let reason = reason_of(&request.headers.other);
        if matches!(self.calls.get(&call), Some(Call::Ringing(_))) {
            return self.cancelled_by_caller(now, call);
        }
        self.finish(call, Event::Ended { by: EndedBy::Remote, reason });
    }
}
