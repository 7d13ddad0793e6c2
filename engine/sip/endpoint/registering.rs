//! Registrations of our own addresses (RFC 3261 §10.2): made, renewed before they run out, taken back.

use std::time::Duration;

use waihu_types::Time;

use super::{Endpoint, Output, TimerKey, clients::Purpose};
use crate::{
    auth::Authenticator,
    message::{Request, Response},
    method::Method,
    registration::{Order, State},
};

/// The shortest and the longest time that is asked for [s]: a minute keeps a translator open, a day is what
/// nobody is asked to remember for longer.
const EXPIRES_S: std::ops::RangeInclusive<u32> = 60..=86_400;
/// The first and the longest pause after a failure [s]: RFC 5626 §4.5 has 30 s and half an hour.
const FIRST_PAUSE_S: u32 = 30;
const LONGEST_PAUSE_S: u32 = 1_800;

/// A registration, and where it stands.
#[derive(Debug)]
pub(super) struct Registration {
    order: Order,
    /// The last request: the same Call-ID and a higher CSeq each time (§10.2).
    last: Request,
    auth: Authenticator,
    /// Failures in a row.
    failures: u32,
    leaving: bool,
    /// Asked with a longer time by a 423, once for each request.
    lengthened: bool,
}

impl Endpoint {
    pub(super) fn register(&mut self, now: Time, order: Order) {
        let transport = order.next_hop.transport;
        let mut last = self.request(Method::Register, order.registrar.clone(), order.of.clone(), transport);
        last.headers.to = order.of.clone();
        last.headers.contact = vec![self.contact_of(&order.contact_user, transport)];
        last.headers.cseq.number = 0;
        let expires_s = order.expires_s.clamp(*EXPIRES_S.start(), *EXPIRES_S.end());
        last.headers.other.push("Expires", &expires_s.to_string());
        let id = order.registration;
        let auth = Authenticator::default();
        self.registrations
            .insert(id, Registration { order, last, auth, failures: 0, leaving: false, lengthened: false });
        self.send_register(now, id);
    }

    pub(super) fn unregister(&mut self, now: Time, id: u64) {
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        registration.leaving = true;
        registration.last.headers.other.remove("Expires");
        registration.last.headers.other.push("Expires", "0");
        self.send_register(now, id);
    }

    pub(super) fn forget_registration(&mut self, id: u64) {
        if self.registrations.remove(&id).is_some() {
            self.schedule.set(TimerKey::Registration(id), None);
            self.output.push_back(Output::Registered { registration: id, state: State::Removed });
        }
    }

    /// The time for the next request has come.
    pub(super) fn renew(&mut self, now: Time, id: u64) {
        self.send_register(now, id);
    }

    /// The next request, without proof until one is asked for.
    fn send_register(&mut self, now: Time, id: u64) {
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        registration.auth = Authenticator::default();
        registration.lengthened = false;
        for name in ["Authorization", "Proxy-Authorization"] {
            registration.last.headers.other.remove(name);
        }
        self.schedule.set(TimerKey::Registration(id), None);
        self.register_again(now, id);
    }

    fn register_again(&mut self, now: Time, id: u64) {
        let Some(hop) = self.registrations.get(&id).map(|r| r.order.next_hop) else { return };
        let via = self.via(hop.transport);
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        registration.last.headers.via = vec![via];
        let cseq = &mut registration.last.headers.cseq.number;
        *cseq = cseq.saturating_add(1);
        let request = registration.last.clone();
        if self.start_client(now, hop, request, Purpose::Register(id)).is_none() {
            self.register_failed(now, id, 503, "too many requests at once".to_owned(), None);
        }
    }

    pub(super) fn on_register_response(&mut self, now: Time, id: u64, response: &Response) {
        let cnonce = self.dice.word();
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        // An answer to an earlier request says nothing of this one.
        if response.code < 200 || response.headers.cseq.number != registration.last.headers.cseq.number {
            return;
        }
        let mut reason = response.reason.to_string();
        match response.code {
            200..=299 if registration.leaving => {
                self.registrations.remove(&id);
                self.output.push_back(Output::Registered { registration: id, state: State::Removed });
                return;
            }
            200..=299 => return self.registered(now, id, response),
            401 | 407 => {
                let who = registration.order.credentials.as_ref();
                let (last, nonces) = (&mut registration.last, &mut self.nonces);
                match registration.auth.answer(response, last, who, &cnonce, nonces) {
                    Ok(()) => return self.register_again(now, id),
                    Err(why) => reason = format!("{reason}: {why}"),
                }
            }
            423 if !registration.lengthened => {
                let least = response.headers.other.value("Min-Expires").and_then(|v| v.trim().parse().ok());
                if let Some(least) = least.filter(|least| EXPIRES_S.contains(least)) {
                    registration.lengthened = true;
                    registration.last.headers.other.remove("Expires");
                    registration.last.headers.other.push("Expires", &u32::to_string(&least));
                    let who = registration.order.credentials.as_ref();
                    let (last, nonces) = (&mut registration.last, &mut self.nonces);
                    registration.auth.answer_again(last, who, &cnonce, nonces);
                    return self.register_again(now, id);
                }
            }
            _ => {}
        }
        let after = response
            .headers
            .other
            .value("Retry-After")
            .and_then(|v| v.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok());
        self.register_failed(now, id, response.code, reason, after);
    }

    /// The time that the registrar gives: our Contact's, else the message's, else what we asked for (§10.2.4).
    fn registered(&mut self, now: Time, id: u64, response: &Response) {
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        let fields = &response.headers.other;
        let own = registration.last.headers.contact.first().map(|c| &c.uri);
        let same = |c: &&crate::NameAddr| {
            let place = |uri: &crate::Uri| uri.as_sip().map(|u| (u.userinfo.clone(), u.host.clone(), u.port));
            own.is_some_and(|own| place(own) == place(&c.uri))
        };
        let contact = response.headers.contact.iter().find(same).and_then(|c| c.params.value("expires"));
        let asked = registration.last.headers.other.value("Expires");
        let seconds = [contact, fields.value("Expires"), asked].into_iter().flatten();
        let expires_s: u32 =
            seconds.filter_map(|v| v.trim().parse().ok()).next().unwrap_or(*EXPIRES_S.start());
        let expires_s = expires_s.clamp(1, *EXPIRES_S.end());
        registration.failures = 0;
        // Early enough for a transaction to run into its time-out, and to be tried again.
        let renew_in = Duration::from_secs(expires_s.into()).mul_f64(if expires_s > 120 { 0.8 } else { 0.5 });
        self.schedule.set(TimerKey::Registration(id), Some(now + renew_in));
        self.output
            .push_back(Output::Registered { registration: id, state: State::Registered { expires_s } });
    }

    pub(super) fn register_failed(
        &mut self,
        now: Time,
        id: u64,
        code: u16,
        reason: String,
        after_s: Option<u32>,
    ) {
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        if registration.leaving {
            self.registrations.remove(&id);
            self.output.push_back(Output::Registered { registration: id, state: State::Removed });
            return;
        }
        let pause = FIRST_PAUSE_S << registration.failures.min(6);
        registration.failures = registration.failures.saturating_add(1);
        let again_s = after_s.unwrap_or(pause).clamp(FIRST_PAUSE_S, LONGEST_PAUSE_S);
        self.schedule.set(TimerKey::Registration(id), Some(now + Duration::from_secs(again_s.into())));
        let state = State::Failed { code, reason, again_s };
        self.output.push_back(Output::Registered { registration: id, state });
    }
}
