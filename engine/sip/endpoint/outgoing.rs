//! Calls that we place, until they are up: RFC 3261 §13.2, CANCEL of §9.1, retries of §22.

use std::net::SocketAddr;

use waihu_types::Time;

use super::{
    Call, CallHandle, EndedBy, Endpoint, Event, FailureCause, Hop, Invite, MAX_CALLS, TimerKey, answer_of,
    clients::{Purpose, SentAck},
    early::{Early, Provisional},
    established::{Proof, Up},
    no_use,
    session::agreed_by,
    set_body,
    within::{ask_interval, min_se},
};
use crate::{
    auth::{Authenticator, Unanswerable},
    dialog::Dialog,
    headers::Fields,
    identity::causes,
    message::{Request, Response},
    method::Method,
    name_addr::NameAddr,
    sdp::SessionDescription,
    session_timer::SessionExpires,
    transport::Transport,
    uri::{Host, SipUri},
};

/// The most answers of one INVITE, and the most early dialogs: a fork to more telephones than that is a loop.
pub(super) const MAX_FORKS: usize = 16;

/// How long a next hop may say nothing at all before a backup is tried: an INVITE has gone out four times by then,
/// and whoever is there answers 100 within a fifth of a second (RFC 3261 §17.2.1).
const BACKUP_AFTER: std::time::Duration = std::time::Duration::from_secs(6);

/// The most redirections of one call that are followed: more is a loop.
const MAX_REDIRECTIONS: u32 = 3;

/// Where a wish to hang up stands.
#[derive(Debug, PartialEq, Eq)]
enum Cancel {
    No,
    /// Wanted, but nothing has come back yet, so CANCEL may not be sent (§9.1).
    Wanted(Option<String>),
    Sent(Option<String>),
}

/// A call that we placed and that is not answered.
#[derive(Debug)]
pub(super) struct Calling {
    client: u64,
    /// Where it may still go.
    backups: std::vec::IntoIter<Hop>,
    /// The hosts that it may be redirected to, and how often it was.
    redirects: Vec<Host>,
    redirected: u32,
    pub(super) proof: Proof,
    pub(super) offer: SessionDescription,
    provisional: bool,
    cancel: Cancel,
    /// The dialogs that provisional responses have made, one a branch of a fork.
    pub(super) early: Vec<Early>,
}

pub(super) fn failed(code: u16, reason: &str, cause: FailureCause) -> Event {
    Event::Failed { code, reason: reason.to_owned(), cause, retry_after_s: None, because: Vec::new() }
}

fn cancelled() -> Event {
    failed(487, "Request Terminated", FailureCause::Cancelled)
}

/// The CANCEL of an INVITE: its Request-URI, top Via, From, To, Call-ID, Route and CSeq number (§9.1).
fn cancel_of(invite: &Request, reason: Option<&str>) -> Request {
    let mut request = invite.clone();
    request.method = Method::Cancel;
    request.headers.cseq.method = Method::Cancel;
    request.headers.contact.clear();
    request.headers.other = Fields::default();
    request.body.clear();
    if let Some(reason) = reason {
        request.headers.other.push("Reason", reason);
    }
    request
}

/// Another machine asks for its own proof: the answers to this one's challenges are nothing to it.
fn take_proof_out(request: &mut Request) {
    for name in ["Authorization", "Proxy-Authorization"] {
        request.headers.other.remove(name);
    }
}

/// Retry-After [s].
pub(super) fn retry_after(fields: &Fields) -> Option<u32> {
    let digits: String = fields.value("Retry-After")?.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

impl Endpoint {
    pub(super) fn invite(&mut self, now: Time, invite: Invite) {
        let Invite { call, target, next_hop, backups, redirects, call_id, from, credentials, offer, headers } =
            invite;
        if self.calls.contains_key(&call) {
            return;
        }
        let (target, next_hop) = self.reached(now, target, next_hop);
        let mut request = self.request(Method::Invite, target, from, next_hop.transport);
        if let Some(id) =
            call_id.filter(|id| !id.is_empty() && !id.contains(|c: char| c.is_whitespace() || c.is_control()))
        {
            request.headers.call_id = id;
        }
        request.headers.other.push("Allow", self.allow());
        request.headers.other.push("Supported", self.supported());
        let session = SessionExpires { seconds: self.config.session_expires_s, refresher: None };
        request.headers.other.push("Session-Expires", &session.to_string());
        headers.iter().for_each(|(name, value)| request.headers.other.push(name, value));
        set_body(&mut request.headers.other, &mut request.body, &offer);
        let client = if self.calls.len() < MAX_CALLS {
            self.start_client(now, next_hop, request, Purpose::Invite(call))
        } else {
            None
        };
        let Some(client) = client else {
            return self.event(call, failed(503, "Too many calls at once", FailureCause::TransportError));
        };
        if !backups.is_empty() {
            self.schedule.set(TimerKey::Call(call), Some(now + BACKUP_AFTER));
        }
        let calling = Calling {
            client,
            backups: backups.into_iter(),
            redirects,
            redirected: 0,
            proof: Proof { credentials, auth: Authenticator::default() },
            offer,
            provisional: false,
            cancel: Cancel::No,
            early: Vec::new(),
        };
        self.calls.insert(call, Call::Calling(Box::new(calling)));
    }

    pub(super) fn hang_up_calling(&mut self, now: Time, call: CallHandle, reason: Option<String>) {
        let Some(Call::Calling(calling)) = self.calls.get_mut(&call) else { return };
        if calling.cancel == Cancel::No {
            calling.cancel = Cancel::Wanted(reason);
            if calling.provisional {
                self.send_cancel(now, call);
            }
        }
    }

    fn send_cancel(&mut self, now: Time, call: CallHandle) {
        let Some(Call::Calling(calling)) = self.calls.get_mut(&call) else { return };
        let client = calling.client;
        let Cancel::Wanted(reason) = &mut calling.cancel else { return };
        let reason = reason.take();
        calling.cancel = Cancel::Sent(reason.clone());
        self.cancel_client(now, client, reason.as_deref());
    }

    fn cancel_client(&mut self, now: Time, client: u64, reason: Option<&str>) {
        let Some((invite, to)) = self.clients.invite(client) else { return };
        let request = cancel_of(invite, reason);
        self.expect_end(now, client);
        self.start_client(now, to, request, Purpose::Cancel);
    }

    /// Nothing has come back for a while: a backup is tried.
    pub(super) fn silence_timeout(&mut self, now: Time, call: CallHandle) {
        if let Some(Call::Calling(calling)) = self.calls.get(&call)
            && !calling.provisional
            && calling.cancel == Cancel::No
        {
            let client = calling.client;
            self.saw_silence(client);
            self.go_elsewhere(now, client, call);
        }
    }

    pub(super) fn invite_timed_out(&mut self, now: Time, client: u64, call: CallHandle) {
        if matches!(self.calls.get(&call), Some(Call::Calling(c)) if matches!(c.cancel, Cancel::Sent(_))) {
            return self.finish(call, cancelled());
        }
        self.saw_silence(client);
        // Also where we had given up meanwhile: that nothing ever came back is the trunk's doing.
        if !self.go_elsewhere(now, client, call) && matches!(self.calls.get(&call), Some(Call::Calling(_))) {
            self.finish(call, failed(408, "Request Timeout", FailureCause::TimedOut));
        }
    }

    /// Whether the call was still waiting for this INVITE's first answer and has failed.
    pub(super) fn invite_unreachable(&mut self, now: Time, client: u64, call: CallHandle) -> bool {
        let waiting =
            matches!(self.calls.get(&call), Some(Call::Calling(c)) if c.client == client && !c.provisional);
        if waiting && !self.go_elsewhere(now, client, call) {
            self.finish(call, failed(503, "The next hop cannot be reached", FailureCause::TransportError));
        }
        waiting
    }

    pub(super) fn on_invite_response(
        &mut self,
        now: Time,
        client: u64,
        call: CallHandle,
        response: &Response,
    ) {
        match response.code {
            100..=199 => self.on_provisional(now, client, call, response),
            200..=299 => self.on_answer(now, client, call, response),
            _ => self.on_refusal(now, client, call, response),
        }
    }

    fn on_provisional(&mut self, now: Time, client: u64, call: CallHandle, response: &Response) {
        let Some(Call::Calling(calling)) = self.calls.get_mut(&call) else { return };
        calling.provisional = true;
        let (waits, wanted) = (calling.backups.len() > 0, matches!(calling.cancel, Cancel::Wanted(_)));
        if waits && calling.cancel == Cancel::No {
            self.schedule.set(TimerKey::Call(call), None);
        }
        if let Provisional::News(sdp) = self.note_early(now, client, call, response) {
            let (code, reason) = (response.code, response.reason.to_string());
            let early_dialog = response.headers.to.tag().filter(|_| code > 100).map(str::to_owned);
            self.event(call, Event::Provisional { code, reason, early_dialog, sdp });
        }
        if wanted {
            self.send_cancel(now, call);
        }
    }

    /// A 2xx: acknowledged always (§13.2.2.4), kept only if it is the first and we still want the call.
    pub(super) fn on_answer(&mut self, now: Time, client: u64, call: CallHandle, response: &Response) {
        let tag = response.headers.to.tag().unwrap_or_default().to_owned();
        let Some(acks) = self.clients.acks(client) else { return };
        if let Some(ack) = acks.iter().find(|a| a.remote_tag == tag) {
            let (to, bytes) = (ack.to, ack.bytes.clone());
            return self.transmit(to, bytes);
        }
        if acks.len() >= MAX_FORKS {
            return;
        }
        let early = match self.calls.get_mut(&call) {
            Some(Call::Calling(calling)) => {
                let place = calling.early.iter().position(|e| e.dialog.remote_tag() == tag);
                place.map(|place| calling.early.swap_remove(place))
            }
            _ => None,
        };
        let (dialog, early_sdp, changed) = match early {
            Some(early) => (Some(early.dialog), early.sdp, early.changed),
            None => (self.clients.take_branch(client, &tag), None, None),
        };
        let Some((dialog, next_hop)) = self.acknowledge(client, response, dialog) else { return };
        let ours = matches!(self.calls.get(&call), Some(Call::Calling(c)) if c.client == client);
        let calling = if ours { self.calls.remove(&call) } else { None };
        let Some(Call::Calling(calling)) = calling else {
            // Another branch of a fork has answered before (§13.2.2.4): this one is let go.
            let up = Up::caller(dialog, next_hop, self.clients.proof(client), SessionDescription::none());
            return self.send_bye(now, up, None);
        };
        self.schedule.set(TimerKey::Call(call), None);
        let Calling { proof, offer, cancel, early, .. } = *calling;
        self.dialogs.remove(&dialog.id);
        early.iter().for_each(|e| {
            self.dialogs.remove(&e.dialog.id);
        });
        self.clients.keep_branches(client, early.into_iter().map(|e| e.dialog));
        let proof = proof.for_next_request();
        self.clients.keep_proof(client, proof.clone());
        let answer = match early_sdp {
            // A 2xx that repeats the answer does not take back what has changed since (RFC 6337 §3.1.1).
            Some(latest) if changed.is_some() => Ok(latest),
            early => answer_of(&response.headers.other, &response.body).or_else(|why| early.ok_or(why)),
        };
        let mut up = Up::caller(dialog, next_hop, proof, changed.unwrap_or(offer));
        up.note_far(&response.headers.other);
        up.timer = agreed_by(now, &response.headers.other);
        if let Cancel::Wanted(reason) | Cancel::Sent(reason) = cancel {
            self.send_bye(now, up, reason.as_deref());
            return self.event(call, Event::Ended { by: EndedBy::Local, reason: None });
        }
        match answer.and_then(|sdp| up.settle(&sdp).map(|_| sdp).map_err(no_use)) {
            Ok(sdp) => {
                self.dialogs.insert(up.dialog.id.clone(), call);
                self.calls.insert(call, Call::Up(Box::new(up)));
                self.schedule_up(call);
                self.event(call, Event::Answered { sdp });
            }
            Err(why) => {
                self.send_bye(now, up, Some("SIP;cause=488;text=\"Not Acceptable Here\""));
                self.event(call, failed(488, &why, FailureCause::BadAnswer));
            }
        }
    }

    /// Sends the ACK for a 2xx and keeps it for the 2xx's retransmissions.
    fn acknowledge(
        &mut self,
        client: u64,
        response: &Response,
        early: Option<Dialog>,
    ) -> Option<(Dialog, Hop)> {
        let (invite, next_hop) = self.clients.invite(client)?;
        let dialog = match early {
            None => Dialog::as_caller(invite, response),
            Some(mut early) => {
                early.confirm(response);
                early
            }
        };
        let to = self.config.way(&dialog, next_hop);
        let via = self.via(to.transport);
        let (invite, _) = self.clients.invite(client)?;
        let bytes = dialog.ack(via, invite).to_bytes();
        let sent = SentAck { remote_tag: dialog.remote_tag().to_owned(), to, bytes: bytes.clone() };
        self.clients.acks(client)?.push(sent);
        self.transmit(to, bytes);
        Some((dialog, next_hop))
    }

    fn on_refusal(&mut self, now: Time, client: u64, call: CallHandle, response: &Response) {
        let Some(Call::Calling(calling)) = self.calls.get_mut(&call) else { return };
        if calling.client != client {
            return;
        }
        let (code, mut reason) = (response.code, response.reason.to_string());
        let cause = match code {
            _ if calling.cancel != Cancel::No => FailureCause::Cancelled,
            401 | 407 => match self.authenticated(client, call, response) {
                Ok(retry) => return self.invite_again(now, client, call, retry),
                Err(why) => {
                    reason = format!("{reason}: {why}");
                    FailureCause::Unauthorized
                }
            },
            422 => match self.with_longer_interval(client, call, response) {
                Some(retry) => return self.invite_again(now, client, call, retry),
                None => FailureCause::Rejected,
            },
            300..=399 => match self.redirected(client, call, response) {
                Some((retry, to)) => return self.invite_at(now, to, call, retry),
                None => FailureCause::Rejected,
            },
            503 if self.go_elsewhere(now, client, call) => return,
            _ => FailureCause::Rejected,
        };
        let retry_after_s = retry_after(&response.headers.other);
        let because = causes(&response.headers.other);
        self.finish(call, Event::Failed { code, reason, cause, retry_after_s, because });
    }

    /// The INVITE again with the answer to a challenge: next CSeq, new branch, all else the same (§22.2).
    fn authenticated(
        &mut self,
        client: u64,
        call: CallHandle,
        response: &Response,
    ) -> Result<Request, Unanswerable> {
        let transport = self.clients.invite(client).map_or_else(Default::default, |(_, to)| to.transport);
        let (via, cnonce) = (self.via(transport), self.dice.word());
        let (Some(Call::Calling(calling)), Some((invite, _))) =
            (self.calls.get_mut(&call), self.clients.invite(client))
        else {
            return Err(Unanswerable::NoChallenge);
        };
        let mut request = invite.clone();
        request.headers.via = vec![via];
        request.headers.cseq.number = request.headers.cseq.number.saturating_add(1);
        let Proof { credentials, auth } = &mut calling.proof;
        auth.answer(response, &mut request, credentials.as_ref(), &cnonce, &mut self.nonces)?;
        Ok(request)
    }

    /// The INVITE again with the interval that a 422 wants (RFC 4028 §7.3); `None` where it wants no more than
    /// was asked for.
    fn with_longer_interval(
        &mut self,
        client: u64,
        call: CallHandle,
        response: &Response,
    ) -> Option<Request> {
        let transport = self.clients.invite(client)?.1.transport;
        let (via, cnonce) = (self.via(transport), self.dice.word());
        let mut request = self.clients.invite(client)?.0.clone();
        let fields = &mut request.headers.other;
        let asked = fields.value("Session-Expires").and_then(SessionExpires::parse).map(|s| s.seconds);
        ask_interval(fields, min_se(&response.headers.other, asked)?);
        request.headers.via = vec![via];
        request.headers.cseq.number = request.headers.cseq.number.saturating_add(1);
        let Some(Call::Calling(calling)) = self.calls.get_mut(&call) else { return None };
        let Proof { credentials, auth } = &mut calling.proof;
        auth.answer_again(&mut request, credentials.as_ref(), &cnonce, &mut self.nonces);
        Some(request)
    }

    /// The INVITE to where a 3xx sends it (§8.1.3.4), and the way there: the same call to the same user, whom alone it
    /// is allowed to ring, at a host that is allowed. None where it leads elsewhere, or was followed often enough.
    fn redirected(&mut self, client: u64, call: CallHandle, response: &Response) -> Option<(Request, Hop)> {
        let (invite, to) = self.clients.invite(client)?;
        let invite = invite.clone();
        let Some(Call::Calling(calling)) = self.calls.get_mut(&call) else { return None };
        if calling.redirected >= MAX_REDIRECTIONS || !calling.early.is_empty() {
            return None;
        }
        let of_user = |uri: &SipUri| Some(uri.user()?.split(';').next()?.to_owned());
        let user = of_user(invite.uri.as_sip()?)?;
        let wanted = |contact: &&NameAddr| {
            let uri = contact.uri.as_sip();
            uri.is_some_and(|uri| {
                calling.redirects.iter().any(|host| host.is(&uri.host))
                    && of_user(uri).as_ref() == Some(&user)
            }) && contact.uri != invite.uri
        };
        let preference = |contact: &&NameAddr| {
            let q =
                contact.params.value("q").and_then(|q| q.parse().ok()).filter(|q| (0.0..=1.0).contains(q));
            // Thousandths, as far as q goes (§25.1).
            std::cmp::Reverse((q.unwrap_or(1.0_f32) * 1_000.0) as u32)
        };
        let contact = response.headers.contact.iter().filter(wanted).min_by_key(preference)?;
        calling.redirected += 1;
        calling.proof.auth = Authenticator::default();
        let uri = contact.uri.as_sip()?;
        let port = |transport: Transport| uri.port.unwrap_or(transport.usual_port());
        let by = to.transport.asked_by(uri.transport());
        let to = uri.host.address().map_or(to, |ip| Hop::new(by, SocketAddr::new(ip, port(by))));
        let mut request = invite;
        request.uri = contact.uri.clone().for_request_line();
        take_proof_out(&mut request);
        request.headers.via = vec![self.via(to.transport)];
        request.headers.contact = vec![self.contact(to.transport)];
        request.headers.cseq.number = request.headers.cseq.number.saturating_add(1);
        Some((request, to))
    }

    /// The INVITE to the next of the backups: a new transaction to another machine (RFC 3263 §4.3). False where
    /// there is none, or we no longer want the call.
    fn go_elsewhere(&mut self, now: Time, client: u64, call: CallHandle) -> bool {
        let Some(Call::Calling(calling)) = self.calls.get_mut(&call) else { return false };
        // Where somebody's telephone rings already, another must not.
        if calling.client != client || calling.cancel != Cancel::No || !calling.early.is_empty() {
            return false;
        }
        let Some(hop) = calling.backups.next() else { return false };
        let more = calling.backups.len() > 0;
        calling.provisional = false;
        calling.proof.auth = Authenticator::default();
        let proof = calling.proof.clone();
        let via = self.via(hop.transport);
        let contact = self.contact(hop.transport);
        let Some((invite, _)) = self.clients.invite(client) else { return false };
        let mut request = invite.clone();
        take_proof_out(&mut request);
        request.headers.via = vec![via];
        request.headers.contact = vec![contact];
        request.headers.cseq.number = request.headers.cseq.number.saturating_add(1);
        self.clients.abandon(client, call, proof);
        let Some(next) = self.start_client(now, hop, request, Purpose::Invite(call)) else { return false };
        if let Some(Call::Calling(calling)) = self.calls.get_mut(&call) {
            calling.client = next;
        }
        self.schedule.set(TimerKey::Call(call), more.then(|| now + BACKUP_AFTER));
        true
    }

    /// CANCEL to who woke up late on an INVITE that goes another way by now.
    pub(super) fn cancel_late(&mut self, now: Time, client: u64) {
        self.cancel_client(now, client, Some("SIP;cause=408;text=\"Another way was taken\""));
    }

    fn invite_again(&mut self, now: Time, client: u64, call: CallHandle, request: Request) {
        let Some((_, to)) = self.clients.invite(client) else { return };
        self.invite_at(now, to, call, request);
    }

    fn invite_at(&mut self, now: Time, to: Hop, call: CallHandle, request: Request) {
        let next = self.start_client(now, to, request, Purpose::Invite(call));
        match (next, self.calls.get_mut(&call)) {
            (Some(next), Some(Call::Calling(calling))) => {
                calling.client = next;
                calling.provisional = false;
            }
            _ => self.finish(call, failed(503, "Too many calls at once", FailureCause::TransportError)),
        }
    }
}
