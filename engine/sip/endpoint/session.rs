//! The session of a call that is up, changed and refreshed: re-INVITE (RFC 3261 §14) and UPDATE (RFC 3311) both
//! ways, requests that cross (491), session timers (RFC 4028).

use std::time::Duration;

use waihu_types::Time;

use super::{
    Call, CallHandle, Change, EndedBy, Endpoint, Event, TimerKey,
    clients::SentAck,
    description,
    established::{AwaitAck, Up},
    lists, set_body,
    within::{Ask, What},
};
use crate::{
    headers::Fields,
    message::{Request, Response},
    method::Method,
    sdp::SessionDescription,
    session_timer::{self, Due, MIN_SE_S, Refresher, Role, SessionExpires, SessionTimer},
    transport::Hop,
};

/// How often a change is offered again that crosses with one of theirs (§14.1).
const MAX_CROSSINGS: u8 = 4;

/// An offer of ours within the call.
#[derive(Debug)]
pub(super) struct Pending {
    offer: SessionDescription,
    /// Whether the call's owner waits for it, or it only says that we are there.
    owned: bool,
    /// When it goes out, where it waits; `None` once it is out.
    waits: Option<Time>,
    crossings: u8,
}

impl Pending {
    pub(super) fn deadline(&self) -> Option<Time> {
        self.waits
    }
}

/// The interval that a message names.
fn interval_of(fields: &Fields) -> Option<SessionExpires> {
    fields.value("Session-Expires").and_then(SessionExpires::parse)
}

/// The timer that a 2xx of theirs agrees to (RFC 4028 §7.2): none where it names none.
pub(super) fn agreed_by(now: Time, fields: &Fields) -> Option<SessionTimer> {
    let agreed = interval_of(fields)?;
    let refresher = match agreed.refresher {
        Some(Role::Uas) => Refresher::Them,
        Some(Role::Uac) | None => Refresher::Us,
    };
    Some(SessionTimer::new(now, agreed.seconds, refresher))
}

/// What a request of theirs comes to: the timer, and what the 2xx says of it; none without a timer.
type Agreed = Option<(SessionTimer, SessionExpires)>;

/// What a request of theirs comes to; an error is a 422.
pub(super) fn asked_by(
    now: Time,
    request: &Request,
    current: Option<&SessionTimer>,
    wanted_s: u32,
) -> Result<Agreed, ()> {
    let fields = &request.headers.other;
    let asked = interval_of(fields).or_else(|| {
        // A refresh that says nothing of the timer leaves it as it is.
        let refresher = |t: &SessionTimer| match t.refresher() {
            Refresher::Us => Role::Uas,
            Refresher::Them => Role::Uac,
        };
        current.map(|t| SessionExpires { seconds: t.interval_s(), refresher: Some(refresher(t)) })
    });
    match session_timer::answer(asked, lists(fields, "Supported", "timer"), wanted_s) {
        session_timer::Answer::None => Ok(None),
        session_timer::Answer::TooSmall => Err(()),
        session_timer::Answer::Agreed(agreed) => {
            let refresher = if agreed.refresher == Some(Role::Uas) { Refresher::Us } else { Refresher::Them };
            Ok(Some((SessionTimer::new(now, agreed.seconds, refresher), agreed)))
        }
    }
}

/// Writes what was agreed into a 2xx.
pub(super) fn write_interval(fields: &mut Fields, agreed: SessionExpires) {
    fields.push("Session-Expires", &agreed.to_string());
    if agreed.refresher == Some(Role::Uac) {
        fields.push("Require", "timer");
    }
}

impl Endpoint {
    /// A change that the call's owner wants: one at a time, and none before the call is up.
    pub(super) fn modify(&mut self, now: Time, call: CallHandle, change: Change) {
        let up = match self.calls.get_mut(&call) {
            Some(Call::Up(up)) if up.pending.is_none() && up.confirmed => up,
            Some(_) => return self.event(call, Event::NotModified { code: 491 }),
            None => return,
        };
        let mut offer = up.local.offer_again();
        match change {
            Change::Direction(direction) => {
                offer.direction = None;
                offer.media.iter_mut().for_each(|m| m.direction = Some(direction));
            }
            Change::Description(new) => {
                let version = offer.origin.version;
                offer = *new;
                offer.origin.session_id = up.local.origin.session_id;
                offer.origin.version = version;
            }
        }
        // While an ACK of theirs is due, its offer and answer are not over (RFC 3264 §4).
        let waits = up.await_ack.is_some().then(|| now + Duration::from_millis(500));
        up.pending = Some(Box::new(Pending { offer, owned: true, waits, crossings: 0 }));
        match waits {
            Some(_) => self.schedule_up(call),
            None => self.send_offer(now, call),
        }
    }

    fn send_offer(&mut self, now: Time, call: CallHandle) {
        let (allow, supported) = (self.allow(), self.supported());
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
        let Some(pending) = &mut up.pending else { return };
        pending.waits = None;
        let offer = pending.offer.clone();
        let timer = up.timer;
        self.schedule_up(call);
        let sent = self.ask(now, call, What::Reinvite, Method::Invite, |request| {
            request.headers.other.push("Allow", allow);
            ask_refresh(&mut request.headers.other, supported, timer);
            set_body(&mut request.headers.other, &mut request.body, &offer);
        });
        if !sent {
            self.give_up(call, 503);
        }
    }

    /// The change comes to nothing, and the session goes on as it was.
    fn give_up(&mut self, call: CallHandle, code: u16) {
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
        let owned = up.pending.take().is_some_and(|p| p.owned);
        if owned {
            self.event(call, Event::NotModified { code });
        }
    }

    /// Says that we are there (RFC 4028 §7.4): by UPDATE where the far end takes it, else by the same offer.
    fn refresh(&mut self, now: Time, call: CallHandle) {
        let supported = self.supported();
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
        let timer = up.timer;
        if up.far_updates {
            self.ask(now, call, What::Update, Method::Update, |request| {
                ask_refresh(&mut request.headers.other, supported, timer);
            });
        } else if up.pending.is_none() {
            let offer = up.local.clone();
            let waits = up.await_ack.is_some().then(|| now + Duration::from_secs(1));
            up.pending = Some(Box::new(Pending { offer, owned: false, waits, crossings: 0 }));
            match waits {
                Some(_) => self.schedule_up(call),
                None => self.send_offer(now, call),
            }
        }
    }

    /// The final answer to a re-INVITE or UPDATE of ours.
    pub(super) fn on_session_response(&mut self, now: Time, client: u64, ask: &Ask, response: &Response) {
        let (call, code) = (ask.call, response.code);
        if (200..300).contains(&code) {
            if ask.what == What::Reinvite && !self.acknowledge_again(client, ask, response) {
                return;
            }
            let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
            up.dialog.retarget(response);
            up.timer = agreed_by(now, &response.headers.other);
            if ask.what == What::Reinvite {
                self.settle_pending(call, response);
            }
            return self.schedule_up(call);
        }
        match code {
            491 if ask.what == What::Reinvite => self.wait_after_crossing(now, call),
            // Nobody is there any more (§12.2.1.2).
            408 => self.session_failed(now, ask, 408),
            _ if ask.what == What::Reinvite => self.give_up(call, code),
            // UPDATE is not known after all, or crossed: the session's own end comes if nothing else does.
            _ => {
                if let Some(Call::Up(up)) = self.calls.get_mut(&call) {
                    up.far_updates &= !matches!(code, 405 | 501);
                    if !up.far_updates {
                        self.refresh(now, call);
                    }
                }
            }
        }
    }

    /// The ACK of a re-INVITE's 2xx, the same again where the 2xx comes again. False: told already.
    fn acknowledge_again(&mut self, client: u64, ask: &Ask, response: &Response) -> bool {
        let tag = response.headers.to.tag().unwrap_or_default().to_owned();
        let Some(acks) = self.clients.acks(client) else { return false };
        if let Some(ack) = acks.first() {
            let (to, bytes) = (ack.to, ack.bytes.clone());
            self.transmit(to, bytes);
            return false;
        }
        let Some(Call::Up(up)) = self.calls.get_mut(&ask.call) else { return false };
        up.dialog.retarget(response);
        let to = self.config.way(&up.dialog, up.next_hop);
        let via = self.via(to.transport);
        let Some(Call::Up(up)) = self.calls.get(&ask.call) else { return false };
        let bytes = up.dialog.ack(via, &ask.request).to_bytes();
        if let Some(acks) = self.clients.acks(client) {
            acks.push(SentAck { remote_tag: tag, to, bytes: bytes.clone() });
        }
        self.transmit(to, bytes);
        true
    }

    fn settle_pending(&mut self, call: CallHandle, response: &Response) {
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
        let Some(mut pending) = up.pending.take() else { return };
        let sdp = description(&response.headers.other, &response.body);
        let settled = sdp.filter(|sdp| pending.offer.settle(sdp).is_ok());
        let event = match settled {
            Some(sdp) => {
                up.local = pending.offer;
                Event::Modified { sdp }
            }
            None => Event::NotModified { code: 488 },
        };
        if pending.owned {
            self.event(call, event);
        }
    }

    /// Both have offered at once: we try again after a while, whoever made the Call-ID later (§14.1).
    fn wait_after_crossing(&mut self, now: Time, call: CallHandle) {
        let dice = u64::from_str_radix(self.dice.word().get(..4).unwrap_or("0"), 16).unwrap_or(0);
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
        let Some(pending) = &mut up.pending else { return };
        pending.crossings += 1;
        if pending.crossings > MAX_CROSSINGS {
            return self.give_up(call, 491);
        }
        // In steps of 10 ms: 2.1 to 4 s for the owner of the Call-ID, else 0 to 2 s.
        let ms = if up.dialog.is_caller() { 2_100 + dice % 191 * 10 } else { dice % 201 * 10 };
        pending.waits = Some(now + Duration::from_millis(ms));
        self.schedule_up(call);
    }

    /// A re-INVITE or UPDATE of ours found nobody: the call is over (§12.2.1.2), unless only the way broke.
    pub(super) fn session_failed(&mut self, now: Time, ask: &Ask, code: u16) {
        if code == 408 {
            let reason = Some("the far end no longer answers (408)".to_owned());
            let ended = Event::Ended { by: EndedBy::Local, reason };
            self.bye_and_finish(now, ask.call, Some("SIP;cause=408;text=\"Request Timeout\""), ended);
        } else if ask.what == What::Reinvite {
            self.give_up(ask.call, code);
        }
    }

    /// Whatever is due of a call that is up.
    pub(super) fn up_timeout(&mut self, now: Time, call: CallHandle) {
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
        let offer_due = up.pending.as_ref().and_then(|p| p.deadline()).is_some_and(|at| now >= at);
        let ack_due = up.await_ack.as_ref().is_some_and(|w| now >= w.deadline());
        let news_late = up.transfer_until().is_some_and(|at| now >= at);
        let due = up.timer.as_mut().and_then(|t| t.take_due(now));
        if ack_due {
            self.ack_timeout(now, call);
        }
        match due {
            Some(Due::Refresh) => self.refresh(now, call),
            Some(Due::Expired) => {
                let ended =
                    Event::Ended { by: EndedBy::Local, reason: Some("the session expired".to_owned()) };
                return self.bye_and_finish(now, call, Some("SIP;cause=408;text=\"Session expired\""), ended);
            }
            None => {}
        }
        if offer_due {
            self.send_offer(now, call);
        }
        if news_late {
            self.transfer_told_nothing(call);
        }
        self.schedule_up(call);
    }

    /// Sets the call's one deadline to whatever comes first.
    pub(super) fn schedule_up(&mut self, call: CallHandle) {
        let Some(Call::Up(up)) = self.calls.get(&call) else { return };
        self.schedule.set(TimerKey::Call(call), up.deadline());
    }

    /// A re-INVITE of theirs: another offer, or one that is left to us.
    pub(super) fn on_reinvite(&mut self, now: Time, server: u64, call: CallHandle, request: &Request) {
        let crosses = |up: &Up| up.await_ack.is_some() || up.is_offering();
        let Some(timer) = self.take_change(now, server, call, request, crosses) else { return };
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
        let theirs = description(&request.headers.other, &request.body);
        let ours = match &theirs {
            Some(offer) => up.local.answer_again(offer).inspect(|answer| up.local.note(answer)).ok(),
            None if request.body.is_empty() => {
                up.local = up.local.offer_again();
                Some(up.local.clone())
            }
            None => None,
        };
        let Some(ours) = ours else {
            return self.refuse(now, server, request, 488, "Not Acceptable Here", &[]);
        };
        let Some((to, response)) = self.agreed_change(server, call, request, timer, Some(&ours)) else {
            return;
        };
        if let Some(Call::Up(up)) = self.calls.get_mut(&call) {
            up.await_ack = Some(AwaitAck::new(now, to, &response, theirs.is_none()));
        }
        self.answer_change(now, server, call, response, theirs);
    }

    /// UPDATE of a call that is up: a refresh, another target, or another offer (RFC 3311 §5.2).
    pub(super) fn on_update(&mut self, now: Time, server: u64, call: CallHandle, request: &Request) {
        let theirs = description(&request.headers.other, &request.body);
        let offers = theirs.is_some();
        let crosses =
            |up: &Up| offers && (up.is_offering() || up.await_ack.as_ref().is_some_and(AwaitAck::is_offer));
        let Some(timer) = self.take_change(now, server, call, request, crosses) else { return };
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return };
        let ours = match &theirs {
            Some(offer) => up.local.answer_again(offer).inspect(|answer| up.local.note(answer)).ok(),
            None => None,
        };
        if ours.is_none() && !request.body.is_empty() {
            return self.refuse(now, server, request, 488, "Not Acceptable Here", &[]);
        }
        let agreed = self.agreed_change(server, call, request, timer, ours.as_ref());
        if let Some((_, response)) = agreed {
            self.answer_change(now, server, call, response, theirs);
        }
    }

    /// Whether a change of theirs can be answered as things stand, and the timer that it comes to; it is refused
    /// where none of ours is up, where it crosses with one of ours, and where its interval is too small.
    fn take_change(
        &mut self,
        now: Time,
        server: u64,
        call: CallHandle,
        request: &Request,
        crosses: impl Fn(&Up) -> bool,
    ) -> Option<Agreed> {
        let least = MIN_SE_S.to_string();
        let (code, phrase, field) = match self.calls.get(&call) {
            Some(Call::Up(up)) if crosses(up) => (491, "Request Pending", None),
            Some(Call::Up(up)) => {
                match asked_by(now, request, up.timer.as_ref(), self.config.session_expires_s) {
                    Ok(timer) => return Some(timer),
                    Err(()) => (422, "Session Interval Too Small", Some(("Min-SE", least.as_str()))),
                }
            }
            _ => (500, "Still ringing", Some(("Retry-After", "5"))),
        };
        self.refuse(now, server, request, code, phrase, field.as_slice());
        None
    }

    /// The 200 to a change of theirs, and where it goes: what every such answer says of us, with a description of
    /// ours where one is due.
    fn agreed_change(
        &mut self,
        server: u64,
        call: CallHandle,
        request: &Request,
        timer: Agreed,
        ours: Option<&SessionDescription>,
    ) -> Option<(Hop, Response)> {
        let to = self.servers.address(server)?;
        let (contact, allow) = (self.contact(to.transport), self.allow());
        let supported = self.supported();
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return None };
        up.note_far(&request.headers.other);
        let mut response = request.respond(200, "OK", None);
        response.headers.contact.push(contact);
        response.headers.other.push("Allow", allow);
        response.headers.other.push("Supported", supported);
        up.timer = timer.map(|(timer, agreed)| {
            write_interval(&mut response.headers.other, agreed);
            timer
        });
        if let Some(ours) = ours {
            set_body(&mut response.headers.other, &mut response.body, ours);
        }
        Some((to, response))
    }

    fn answer_change(
        &mut self,
        now: Time,
        server: u64,
        call: CallHandle,
        response: Response,
        theirs: Option<SessionDescription>,
    ) {
        self.schedule_up(call);
        self.respond(now, server, response);
        if let Some(sdp) = theirs {
            self.event(call, Event::Reinvited { sdp });
        }
    }
}

/// A refresh asks for what was agreed, and keeps to who does it (RFC 4028 §7.4).
fn ask_refresh(fields: &mut Fields, supported: &str, timer: Option<SessionTimer>) {
    fields.push("Supported", supported);
    if let Some(timer) = timer {
        let refresher = match timer.refresher() {
            Refresher::Us => Role::Uac,
            Refresher::Them => Role::Uas,
        };
        let asked = SessionExpires { seconds: timer.interval_s(), refresher: Some(refresher) };
        fields.push("Session-Expires", &asked.to_string());
    }
}

impl Up {
    /// An offer of ours is on its way.
    fn is_offering(&self) -> bool {
        self.pending.as_ref().is_some_and(|p| p.waits.is_none())
    }
}
