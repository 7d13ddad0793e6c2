//! Where the telephones are that register here (RFC 3261 §10.3): agents', not the world's.
//!
//! A telephone is a user with a password; each may be at a few places at once, and is reached by the way that it
//! registered by, whatever its Contact says (translators stand between, RFC 5626). Deliberately absent: paths of
//! proxies, GRUU, and registering for somebody else.

use std::{collections::HashMap, fmt, time::Duration};

use waihu_types::Time;

use crate::{
    auth::verify::{Verdict, Verifier},
    message::{Request, Response},
    transport::Hop,
    uri::Uri,
};

/// Places of one telephone: a desk, a computer, a pocket, and one that was left without a word.
const MAX_PLACES: usize = 4;
/// The shortest and the longest registration [s]: below a minute 423; above an hour an hour.
const EXPIRES_S: (u32, u32) = (60, 3_600);

/// A telephone that may register. `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Telephone {
    /// Its user name, and the user of its address.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for Telephone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Telephone({})", self.user)
    }
}

/// Where a telephone is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its Contact, which goes into the Request-URI.
    pub contact: Uri,
    /// The way to it.
    pub hop: Hop,
    until: Time,
    call_id: String,
    cseq: u32,
}

/// The registrar.
#[derive(Debug)]
pub struct Registrar {
    verifier: Verifier,
    passwords: HashMap<String, String>,
    /// Those that are asked for an MD5 digest and no better one.
    md5_alone: Vec<String>,
    places: HashMap<String, Vec<Place>>,
}

impl Registrar {
    /// For these telephones; the realm is what they are asked in the name of.
    pub fn new(realm: &str, telephones: Vec<Telephone>, secret: u64) -> Self {
        Self {
            verifier: Verifier::new(realm, secret),
            passwords: telephones.into_iter().map(|t| (t.user, t.password)).collect(),
            md5_alone: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// Asks these users for an MD5 digest alone: some telephones give up where a better one may be chosen too, which
    /// RFC 8760 §2.4 has them pass over. Whoever asks learns by it that such a user is there.
    pub fn asking_md5(self, users: Vec<String>) -> Self {
        Self { md5_alone: users, ..self }
    }

    /// Where a telephone is now, the latest place first.
    pub fn places(&self, now: Time, user: &str) -> impl Iterator<Item = &Place> {
        self.places.get(user).into_iter().flatten().rev().filter(move |p| p.until > now)
    }

    /// Whether something may come from there that is more than a REGISTER.
    pub fn knows(&self, now: Time, from: Hop) -> bool {
        self.places.values().flatten().any(|p| p.until > now && p.hop.address.ip() == from.address.ip())
    }

    /// A way is gone. By WebSocket it was the only one: nobody can dial a browser (RFC 7118 §5.2), so whoever was there
    /// is there no more. Elsewhere it may only have been silent.
    pub fn lost(&mut self, way: Hop) {
        if way.transport.is_web() {
            self.places.values_mut().for_each(|places| places.retain(|place| place.hop != way));
        }
    }

    /// Answers a REGISTER; the tag is for To.
    pub fn answer(&mut self, now: Time, from: Hop, request: &Request, tag: &str) -> Response {
        let respond = |code, reason: &str| request.respond(code, reason, Some(tag));
        // Whatever else it is, it names no telephone (§10.3, step 5; RFC 4475 §3.3.4).
        let Some(to) = request.headers.to.uri.as_sip() else {
            return respond(400, "To is no SIP address");
        };
        let passwords = &self.passwords;
        let verdict = self.verifier.check(now, request, |user| passwords.get(user).map(String::as_str));
        let user = match verdict {
            Verdict::Proven(user) => user,
            Verdict::Wrong => return respond(403, "Forbidden"),
            unproven => {
                let mut response = respond(401, "Unauthorized");
                let asked = request.headers.to.uri.as_sip().and_then(|uri| uri.user());
                let knows_better =
                    asked.as_deref().is_none_or(|user| !self.md5_alone.iter().any(|known| known == user));
                let [better, md5] = self.verifier.challenges(now, unproven == Verdict::Stale);
                for challenge in knows_better.then_some(better).into_iter().chain([md5]) {
                    response.headers.other.push("WWW-Authenticate", &challenge);
                }
                return response;
            }
        };
        // Nobody registers for another (§10.3, step 4).
        if to.user().as_deref() != Some(user.as_str()) {
            return respond(403, "Forbidden");
        }
        match self.bind(now, from, request, &user) {
            Ok(()) => {
                let mut response = respond(200, "OK");
                for place in self.places(now, &user) {
                    let mut contact = crate::NameAddr::new(None, place.contact.clone());
                    let seconds = place.until.since(now).as_secs();
                    contact.params.set("expires", Some(&seconds.to_string()));
                    response.headers.contact.push(contact);
                }
                response
            }
            Err(Refused::TooBrief) => {
                let mut response = respond(423, "Interval Too Brief");
                response.headers.other.push("Min-Expires", &EXPIRES_S.0.to_string());
                response
            }
            Err(Refused::OutOfOrder) => respond(500, "CSeq out of order"),
            Err(Refused::NotAll) => respond(400, "Contact * stands alone with Expires 0"),
        }
    }

    fn bind(&mut self, now: Time, from: Hop, request: &Request, user: &str) -> Result<(), Refused> {
        let headers = &request.headers;
        let number = |text: &str| text.trim().parse::<u32>().ok();
        let general = headers.other.value("Expires").and_then(number);
        // `*`: all places are taken back, at once and by nothing else (§10.3, step 6).
        let all = headers.other.value("Contact").is_some();
        if all && (general != Some(0) || !headers.contact.is_empty()) {
            return Err(Refused::NotAll);
        }
        let places = self.places.entry(user.to_owned()).or_default();
        places.retain(|p| p.until > now);
        let late = |p: &Place| p.call_id == headers.call_id && p.cseq >= headers.cseq.number;
        if places.iter().any(late) {
            return Err(Refused::OutOfOrder);
        }
        if all {
            places.clear();
        }
        let wanted = |c: &crate::NameAddr| {
            c.params.value("expires").and_then(number).or(general).unwrap_or(EXPIRES_S.1).min(EXPIRES_S.1)
        };
        if headers.contact.iter().map(wanted).any(|s| s > 0 && s < EXPIRES_S.0) {
            return Err(Refused::TooBrief);
        }
        for contact in &headers.contact {
            let seconds = wanted(contact);
            places.retain(|p| p.contact != contact.uri);
            if seconds == 0 {
                continue;
            }
            if places.len() >= MAX_PLACES {
                places.remove(0);
            }
            places.push(Place {
                contact: contact.uri.clone(),
                hop: from,
                until: now + Duration::from_secs(seconds.into()),
                call_id: headers.call_id.clone(),
                cseq: headers.cseq.number,
            });
        }
        Ok(())
    }
}

enum Refused {
    TooBrief,
    OutOfOrder,
    /// `*` with an Expires other than 0, or beside another Contact.
    NotAll,
}
