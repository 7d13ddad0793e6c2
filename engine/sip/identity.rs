//! Who calls and by which way, as the network tells it: P-Asserted-Identity and Privacy (RFC 3325, RFC 3323),
//! Diversion (RFC 5806), History-Info (RFC 7044), Reason (RFC 3326).
//!
//! Deliberately absent: believing it. Only what comes from a trunk's own carrier is worth anything.

use std::fmt;

use crate::{
    headers::Fields,
    name_addr::NameAddr,
    uri::{Host, Params, SipUri, Uri},
};

/// The most entries of one list that are read: a call that was diverted more often is a loop.
const MAX_ENTRIES: usize = 16;

/// What a request says beside From. `Debug` shows counts alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// P-Asserted-Identity, in order: a SIP URI, a tel URI, or both.
    pub asserted: Vec<NameAddr>,
    /// Whether the caller wants to be shown to nobody (`Privacy: id`, `user` or `header`).
    pub withheld: bool,
    /// Who diverted the call, the latest first: Diversion.
    pub diversions: Vec<NameAddr>,
    /// Where the call was sent before, the first first: History-Info.
    pub history: Vec<NameAddr>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("asserted", &self.asserted.len())
            .field("withheld", &self.withheld)
            .field("diversions", &self.diversions.len())
            .field("history", &self.history.len())
            .finish()
    }
}

impl Identity {
    /// Reads what is there; a broken entry is left out.
    pub fn of(fields: &Fields) -> Self {
        let list =
            |name| fields.items(name).filter_map(|v| NameAddr::parse(v).ok()).take(MAX_ENTRIES).collect();
        let private = |value: &str| {
            value
                .split(';')
                .any(|p| ["id", "user", "header"].iter().any(|w| p.trim().eq_ignore_ascii_case(w)))
        };
        Self {
            asserted: list("P-Asserted-Identity"),
            withheld: fields.values("Privacy").any(private),
            diversions: list("Diversion"),
            history: list("History-Info"),
        }
    }

    /// The headers by which a caller within the carrier's trust says who he is, and whether it is to be shown
    /// (RFC 3325 §9.1, §9.3).
    pub fn asserting(identity: &Uri, presentation: Presentation) -> Vec<(String, String)> {
        let asserted = ("P-Asserted-Identity".to_owned(), NameAddr::new(None, identity.clone()).to_string());
        match presentation {
            Presentation::Shown => vec![asserted],
            Presentation::Withheld => vec![asserted, ("Privacy".to_owned(), "id".to_owned())],
        }
    }
}

/// From of a caller whom callees are not to see (RFC 3323 §4.1).
pub fn anonymous() -> NameAddr {
    let uri = SipUri {
        secure: false,
        userinfo: Some("anonymous".into()),
        host: Host::Name("anonymous.invalid".into()),
        port: None,
        params: Params::default(),
        headers: None,
    };
    NameAddr::new(Some("Anonymous"), Uri::Sip(uri))
}

/// Whether the callee sees who calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presentation {
    /// Yes.
    #[default]
    Shown,
    /// No (`Privacy: id`).
    Withheld,
}

/// A cause out of a Reason header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `Q.850`, `SIP`, … as written.
    pub protocol: String,
    /// The number.
    pub code: u16,
    /// What is said beside it; an operator's words.
    pub text: Option<String>,
}

/// The causes that a message names, in order; those without a number are left out.
pub fn causes(fields: &Fields) -> Vec<Cause> {
    fields.items("Reason").filter_map(cause).take(MAX_ENTRIES).collect()
}

/// One value of a Reason header.
pub fn cause(value: &str) -> Option<Cause> {
    let mut parts = crate::lex::split_all(value, b';').ok()?.into_iter();
    let protocol = parts.next()?.to_owned();
    let (mut code, mut text) = (None, None);
    for part in parts {
        let Some((name, value)) = part.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("cause") {
            code = value.parse().ok();
        } else if name.eq_ignore_ascii_case("text") {
            text = Some(crate::lex::quoted(value).map_or_else(|| value.to_owned(), |(text, _)| text.into()));
        }
    }
    Some(Cause { protocol, code: code?, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_network_says_is_read_and_what_is_broken_left_out() {
        let mut fields = Fields::default();
        fields.push("P-Asserted-Identity", "\"Bank\" <sip:4008@carrier.example>, <tel:+864008>");
        fields.push("Privacy", "none; ID");
        fields.push("Diversion", "<sip:1380000@x>;reason=no-answer, not a uri");
        fields.push("History-Info", "<sip:a@x>;index=1, <sip:b@y>;index=1.1");
        let identity = Identity::of(&fields);
        assert_eq!((identity.asserted.len(), identity.withheld), (2, true));
        assert_eq!(identity.diversions[0].params.value("reason"), Some("no-answer"));
        assert_eq!((identity.diversions.len(), identity.history.len()), (1, 2));
        assert!(!format!("{identity:?}").contains("1380"));
        assert_eq!(Identity::of(&Fields::default()), Identity::default());
    }

    #[test]
    fn a_withheld_caller_is_asserted_and_asks_for_privacy() {
        let uri: Uri = "sip:4008@carrier.example".parse().unwrap();
        let shown = Identity::asserting(&uri, Presentation::Shown);
        assert_eq!(shown, [("P-Asserted-Identity".to_owned(), "<sip:4008@carrier.example>".to_owned())]);
        assert_eq!(Identity::asserting(&uri, Presentation::Withheld)[1].1, "id");
        assert_eq!(anonymous().to_string(), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
    }

    #[test]
    fn causes_are_read_with_their_protocol() {
        let mut fields = Fields::default();
        fields.push("Reason", "Q.850;cause=16;text=\"Terminated, normally\", SIP ; cause = 486, X;text=y");
        let read = causes(&fields);
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].protocol.as_str(), read[0].code), ("Q.850", 16));
        assert_eq!(read[0].text.as_deref(), Some("Terminated, normally"));
        assert_eq!((read[1].protocol.as_str(), read[1].code), ("SIP", 486));
        assert_eq!(cause("Q.850;cause=x"), None);
    }
}
