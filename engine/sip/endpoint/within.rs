//! Requests of ours within a dialog: sent, sent again with a proof, and what their answers mean (RFC 3261 §12.2.1).

use waihu_types::Time;

use super::{Call, CallHandle, EndedBy, Endpoint, Event, Hop, clients::Purpose};
use crate::{
    auth::Authenticator,
    dialog::DialogId,
    headers::Fields,
    message::{Request, Response},
    method::Method,
    session_timer::{MIN_SE_S, SessionExpires},
};

/// The longest session interval that a far end may have us ask for [s]: a day.
const MAX_MIN_SE_S: u32 = 86_400;
/// How often one request is sent anew, with a proof or a longer interval.
const MAX_ATTEMPTS: u8 = 5;

/// What is asked within a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Reinvite,
    Update,
    Refer,
    Notify,
    Info,
    Prack,
}

/// A request within a call, kept until it is answered.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) call: CallHandle,
    pub(super) what: What,
    pub(super) request: Request,
    auth: Authenticator,
    attempts: u8,
}

impl Ask {
    pub(super) fn new(call: CallHandle, what: What, request: Request, auth: Authenticator) -> Self {
        Self { call, what, request, auth, attempts: 1 }
    }
}

/// The Min-SE of a 422 that is worth trying with.
pub(super) fn min_se(fields: &Fields, asked: Option<u32>) -> Option<u32> {
    let least: u32 = fields.value("Min-SE")?.split(';').next()?.trim().parse().ok()?;
    ((MIN_SE_S..=MAX_MIN_SE_S).contains(&least) && asked.is_none_or(|a| least > a)).then_some(least)
}

/// Asks for `seconds` in place of what stands there.
pub(super) fn ask_interval(fields: &mut Fields, seconds: u32) {
    let refresher = fields.value("Session-Expires").and_then(SessionExpires::parse).and_then(|s| s.refresher);
    fields.remove("Session-Expires");
    fields.remove("Min-SE");
    fields.push("Session-Expires", &SessionExpires { seconds, refresher }.to_string());
    fields.push("Min-SE", &seconds.to_string());
}

impl Endpoint {
    /// Sends a request within a call that is up, our Contact in it.
    pub(super) fn ask(
        &mut self,
        now: Time,
        call: CallHandle,
        what: What,
        method: Method,
        write: impl FnOnce(&mut Request),
    ) -> bool {
        let Some(Call::Up(up)) = self.calls.get(&call) else { return false };
        let to = self.config.way(&up.dialog, up.next_hop);
        let (via, contact, agent) =
            (self.via(to.transport), self.contact(to.transport), self.config.user_agent.clone());
        let Some(Call::Up(up)) = self.calls.get_mut(&call) else { return false };
        let mut request = up.dialog.request(method, via);
        request.headers.contact.push(contact);
        request.headers.other.push("User-Agent", &agent);
        write(&mut request);
        let ask = Ask::new(call, what, request.clone(), Authenticator::default());
        self.start_client(now, to, request, Purpose::Within(Box::new(ask))).is_some()
    }

    pub(super) fn on_within_response(
        &mut self,
        now: Time,
        client: u64,
        ask: Ask,
        to: Hop,
        response: &Response,
    ) {
        if response.code < 200 {
            return;
        }
        let (call, what, code) = (ask.call, ask.what, response.code);
        if let Some(Call::Calling(_)) = self.calls.get(&call) {
            return self.on_prack_response(now, to, ask, response);
        }
        match self.calls.get(&call) {
            Some(Call::Up(up)) if up.dialog.id == DialogId::of_own_request(&ask.request) => {}
            _ => return,
        }
        match code {
            401 | 407 | 422 => {
                if let Some(again) = self.once_more(&ask, response) {
                    let request = again.request.clone();
                    self.start_client(now, to, request, Purpose::Within(Box::new(again)));
                    return;
                }
            }
            // The far end knows nothing of the call: so do we (§12.2.1.2; RFC 5057 §5.1). Of a PRACK it knows no such
            // provisional response (RFC 3262 §3), of a NOTIFY no such subscription: the call goes on.
            481 if !matches!(what, What::Prack | What::Notify) => {
                let reason = Some("the far end no longer knows the call (481)".to_owned());
                let ended = Event::Ended { by: EndedBy::Remote, reason };
                return self.bye_and_finish(now, call, None, ended);
            }
            _ => {}
        }
        match what {
            What::Reinvite | What::Update => self.on_session_response(now, client, &ask, response),
            What::Refer => self.on_refer_response(call, code),
            What::Notify => self.on_notify_response(&ask, code),
            What::Info | What::Prack => {}
        }
    }

    /// The request once more, with the proof or the interval that was asked for.
    fn once_more(&mut self, ask: &Ask, response: &Response) -> Option<Ask> {
        if ask.attempts >= MAX_ATTEMPTS {
            return None;
        }
        let transport = ask.request.headers.via.first()?.transport_kind();
        let (via, cnonce) = (self.via(transport), self.dice.word());
        let Some(Call::Up(up)) = self.calls.get_mut(&ask.call) else { return None };
        let mut again = ask.clone();
        again.attempts += 1;
        again.request.headers.via = vec![via];
        again.request.headers.cseq.number = up.dialog.next_cseq();
        let who = up.proof.credentials.as_ref();
        if response.code == 422 {
            let fields = &again.request.headers.other;
            let asked = fields.value("Session-Expires").and_then(SessionExpires::parse).map(|s| s.seconds);
            let least = min_se(&response.headers.other, asked)?;
            ask_interval(&mut again.request.headers.other, least);
            again.auth.answer_again(&mut again.request, who, &cnonce, &mut self.nonces);
        } else {
            again.auth.answer(response, &mut again.request, who, &cnonce, &mut self.nonces).ok()?;
        }
        Some(again)
    }

    /// No answer within 32 s, or no way there.
    pub(super) fn within_failed(&mut self, now: Time, ask: &Ask, code: u16) {
        match (ask.what, self.calls.get(&ask.call)) {
            (What::Reinvite | What::Update, Some(Call::Up(_))) => self.session_failed(now, ask, code),
            (What::Refer, Some(Call::Up(_))) => self.on_refer_response(ask.call, code),
            (What::Notify, Some(Call::Up(_))) => self.on_notify_response(ask, code),
            _ => {}
        }
    }
}
