//! Who calls, as the carrier and a signature are told: From and P-Asserted-Identity in the carrier's own form of
//! numbers, Privacy, and the numbers of both ends as everybody writes them (RFC 8224 §8.3).
//!
//! Deliberately absent: which number a campaign wants to be seen, and the signature itself (`stir`).

use waihu_sip::{
    Uri,
    identity::{Identity, Presentation, anonymous},
};
use waihu_types::PhoneNumber;

use crate::{config::TrunkConfig, socket::InviteRequest};

/// The number that a URI names; none of what is no number.
fn number(uri: &Uri) -> Option<PhoneNumber> {
    let user;
    let text: &str = match uri {
        Uri::Sip(uri) => {
            user = uri.user()?;
            &user
        }
        Uri::Other { scheme, rest } if scheme.eq_ignore_ascii_case("tel") => rest,
        Uri::Other { .. } => return None,
    };
    // Dots part the digits of a tel URI (RFC 3966 §3).
    text.split(';').next()?.replace('.', "").parse().ok()
}

impl TrunkConfig {
    /// Says in an INVITE to the carrier who calls: `caller_id`, else `from`; to callees nobody does where that is
    /// withheld. Where both ends are numbers whose country is known, they may be signed. `callee` is the number that
    /// is called, where the target has the carrier's form of it.
    pub fn introduce(
        &self,
        request: &mut InviteRequest,
        caller_id: Option<&PhoneNumber>,
        callee: Option<&PhoneNumber>,
    ) {
        let mut caller = number(&self.from.uri);
        let mut uri = self.from.uri.clone();
        if let (Some(id), Uri::Sip(sip)) = (caller_id, &mut uri) {
            // A number's digits and its plus need no escape (RFC 3261 §25.1).
            sip.userinfo = Some(self.numbers.caller(id).as_str().into());
            caller = Some(id.clone());
        }
        let callee = callee.cloned().or_else(|| number(&request.target));
        request.signed_as = self.in_e164(caller).zip(self.in_e164(callee));
        if let Some(presentation) = self.asserted_identity {
            request.headers.extend(Identity::asserting(&uri, presentation));
        }
        match self.asserted_identity {
            Some(Presentation::Withheld) => request.from = anonymous(),
            Some(Presentation::Shown) | None => request.from.uri = uri,
        }
    }

    /// `from` as a signature names it; none where it is no number, or of no country that is known.
    pub fn from_in_e164(&self) -> Option<PhoneNumber> {
        self.in_e164(number(&self.from.uri))
    }

    fn in_e164(&self, number: Option<PhoneNumber>) -> Option<PhoneNumber> {
        self.numbers.e164(&number?)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_out_of_a_uri_and_nothing_else_is() {
        let read = |text: &str| number(&text.parse().unwrap()).map(|n| n.as_str().to_owned());
        for (uri, expected) in [
            ("sip:+8640-0800-1234@carrier.example", "+864008001234"),
            ("sip:4008001234;phone-context=+86@carrier.example;user=phone", "4008001234"),
            ("tel:+1-212.555.0142;isub=1", "+12125550142"),
        ] {
            assert_eq!(read(uri).as_deref(), Some(expected), "{uri}");
        }
        for uri in ["sip:desk-1@192.0.2.1", "sip:carrier.example", "urn:service:sos", "sip:12@x"] {
            assert_eq!(read(uri), None, "{uri}");
        }
    }
}
