//! `[[cause]]` of a trunk's file: what this carrier means by its codes and Reason headers (RFC 3326), where that is
//! something else than everybody means (`campaign::sip_verdict`).

use serde::Deserialize;
use waihu_sip::identity::Cause;
use waihu_types::{Disposition, FaultOwner};

use super::{ConfigError, Wrong};

/// The most rules: more than the causes that Q.850 has.
const MAX_RULES: usize = 200;

/// What the carrier's causes mean, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Causes(Vec<Rule>);

/// What a cause means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// What came of the call.
    pub disposition: Disposition,
    /// Whose doing it is.
    pub fault: FaultOwner,
    /// Whether the case is called no more, whatever the strategy's ladder has for such an end.
    pub never_again: bool,
    /// Whether the network's own cause or words were asked for, and not the SIP code alone, which many put
    /// everything into.
    pub is_precise: bool,
}

/// The end of a call, as the carrier tells it.
#[derive(Clone, Copy, Debug)]
pub struct SipEnd<'a> {
    /// The status code.
    pub code: u16,
    /// Its phrase.
    pub phrase: &'a str,
    /// The values of Reason.
    pub because: &'a [Cause],
}

impl SipEnd<'_> {
    /// The network's own cause (ITU-T Q.850).
    pub fn q850(&self) -> Option<u16> {
        self.because.iter().find(|cause| cause.protocol.eq_ignore_ascii_case("Q.850")).map(|cause| cause.code)
    }
}

#[derive(Clone, Debug)]
struct Rule {
    codes: Vec<u16>,
    q850: Vec<u16>,
    text: Option<String>,
    meaning: Meaning,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Means {
    Busy,
    NoAnswer,
    Rejected,
    SwitchedOff,
    Suspended,
    NoSuchNumber,
    NotInService,
    Congestion,
    Forbidden,
    OurFault,
}

impl Means {
    fn verdict(self) -> (Disposition, FaultOwner) {
        use Disposition as D;
        use FaultOwner as F;
        match self {
            Self::Busy => (D::Busy, F::Callee),
            Self::NoAnswer => (D::NoAnswer, F::Callee),
            Self::Rejected => (D::Rejected, F::Callee),
            Self::SwitchedOff => (D::Unreachable, F::Callee),
            Self::Suspended => (D::Suspended, F::Callee),
            Self::NoSuchNumber => (D::InvalidNumber, F::Callee),
            Self::NotInService => (D::NotInService, F::Callee),
            Self::Congestion => (D::TrunkFailed, F::Trunk),
            Self::Forbidden => (D::Rejected, F::Trunk),
            Self::OurFault => (D::TrunkFailed, F::Us),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CauseTable {
    #[serde(default)]
    code: Vec<u16>,
    #[serde(default)]
    q850: Vec<u16>,
    #[serde(default)]
    text: Option<String>,
    means: Means,
    #[serde(default)]
    fault: Option<FaultOwner>,
    #[serde(default = "yes")]
    redial: bool,
}

fn yes() -> bool {
    true
}

pub(super) fn causes(tables: Vec<CauseTable>, wrong: &Wrong<'_>) -> Result<Causes, ConfigError> {
    if tables.len() > MAX_RULES {
        return Err(wrong("cause", format!("at most {MAX_RULES} rules")));
    }
    let rule = |table: CauseTable| {
        let CauseTable { code, q850, text, means, fault, redial } = table;
        if code.iter().any(|code| !(300..700).contains(code)) {
            return Err(wrong("cause.code", "status codes of failures are expected, from 300 to 699".into()));
        }
        if q850.iter().any(|cause| !(1..128).contains(cause)) {
            return Err(wrong("cause.q850", "causes of ITU-T Q.850 are expected, from 1 to 127".into()));
        }
        let text = text.map(|text| text.trim().to_lowercase());
        if text.as_deref() == Some("") || code.is_empty() && q850.is_empty() && text.is_none() {
            return Err(wrong("cause", "name code, q850 or text: a rule without any would fit all".into()));
        }
        let (disposition, owner) = means.verdict();
        let is_precise = !q850.is_empty() || text.is_some();
        let fault = fault.unwrap_or(owner);
        let meaning = Meaning { disposition, fault, never_again: !redial, is_precise };
        Ok(Rule { codes: code, q850, text, meaning })
    };
    tables.into_iter().map(rule).collect::<Result<_, _>>().map(Causes)
}

impl Rule {
    fn fits(&self, end: &SipEnd<'_>) -> bool {
        let says = |text: &str| {
            let said = |words: &str| words.to_lowercase().contains(text);
            said(end.phrase) || end.because.iter().filter_map(|cause| cause.text.as_deref()).any(said)
        };
        (self.codes.is_empty() || self.codes.contains(&end.code))
            && (self.q850.is_empty() || end.q850().is_some_and(|cause| self.q850.contains(&cause)))
            && self.text.as_deref().is_none_or(says)
    }
}

impl Causes {
    /// What the carrier means by an end, by the first rule that fits; none where it means what everybody means.
    pub fn meaning(&self, end: &SipEnd<'_>) -> Option<Meaning> {
        self.0.iter().find(|rule| rule.fits(end)).map(|rule| rule.meaning)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::TrunkConfig;

    fn because(reason: &str) -> Vec<Cause> {
        waihu_sip::identity::cause(reason).into_iter().collect()
    }

    /// The table that is shipped: what carriers in China put into one code, told apart by the network's own cause.
    #[test]
    fn the_shipped_table_tells_apart_what_carriers_put_into_one_code() {
        use Disposition as D;
        use FaultOwner as F;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sip-config/example.toml");
        let causes = TrunkConfig::read(&path).unwrap().causes;
        for (code, phrase, reason, expected) in [
            (
                480,
                "Temporarily Unavailable",
                "Q.850;cause=20;text=\"Subscriber absent\"",
                Some((D::Unreachable, F::Callee)),
            ),
            (480, "Temporarily Unavailable", "Q.850 ;cause=18", Some((D::NoAnswer, F::Callee))),
            (480, "Temporarily Unavailable", "q.850;cause=19", Some((D::NoAnswer, F::Callee))),
            (480, "Temporarily Unavailable", "Q.850;cause=1", Some((D::InvalidNumber, F::Callee))),
            (480, "Temporarily Unavailable", "Q.850;cause=41", Some((D::TrunkFailed, F::Trunk))),
            (603, "Decline", "Q.850;cause=17", Some((D::Busy, F::Callee))),
            (603, "Decline", "Q.850;cause=21", Some((D::Rejected, F::Callee))),
            (603, "Decline", "Q.850;cause=20", Some((D::Unreachable, F::Callee))),
            (
                404,
                "Not Found",
                "Q.850;cause=1;text=\"Unallocated number\"",
                Some((D::InvalidNumber, F::Callee)),
            ),
            (404, "Not Found", "Q.850;cause=27", Some((D::Unreachable, F::Callee))),
            (404, "Not Found", "Q.850;cause=34", Some((D::TrunkFailed, F::Trunk))),
            (503, "Service Unavailable", "Q.850;cause=34", Some((D::TrunkFailed, F::Trunk))),
            (486, "Busy Here", "Q.850;cause=17", Some((D::Busy, F::Callee))),
            (480, "空号", "", Some((D::NotInService, F::Callee))),
            (480, "用户已关机", "", Some((D::Unreachable, F::Callee))),
            (404, "Not Found", "SIP;cause=404;text=\"停机\"", Some((D::Suspended, F::Callee))),
            // Without a cause of the network's a code means what everybody means by it.
            (480, "Temporarily Unavailable", "", None),
            (603, "Decline", "SIP;cause=603", None),
            (404, "Not Found", "Q.850;cause=16", None),
        ] {
            let because = because(reason);
            let meaning = causes.meaning(&SipEnd { code, phrase, because: &because });
            assert_eq!(meaning.map(|m| (m.disposition, m.fault)), expected, "{code} {phrase} {reason}");
            assert!(meaning.is_none_or(|m| m.is_precise && !m.never_again));
        }
    }

    const LEAST: &str =
        "[trunk]\nproxy = \"127.0.0.1:5070\"\nfrom = \"sip:waihu@127.0.0.1\"\nbind = \"127.0.0.1:0\"\n";

    #[test]
    fn the_first_rule_that_fits_in_all_that_it_names_counts() {
        let text = format!(
            "{LEAST}[[cause]]\ncode = [480, 487]\nq850 = [20]\nmeans = \"switched_off\"\nredial = false\n\
             [[cause]]\ncode = [480]\nmeans = \"congestion\"\nfault = \"unknown\"\n"
        );
        let causes = TrunkConfig::parse(&text, "t.toml").unwrap().causes;
        let of = |code, reason: &str| {
            let because = because(reason);
            causes.meaning(&SipEnd { code, phrase: "x", because: &because })
        };
        let off = of(487, "Q.850;cause=20").unwrap();
        assert_eq!(
            (off.disposition, off.never_again, off.is_precise),
            (Disposition::Unreachable, true, true)
        );
        let plain = of(480, "Q.850;cause=16").unwrap();
        assert_eq!((plain.fault, plain.never_again, plain.is_precise), (FaultOwner::Unknown, false, false));
        assert_eq!(of(487, ""), None);
    }

    #[test]
    fn a_rule_that_would_fit_all_or_nothing_is_refused() {
        for (table, said) in [
            ("means = \"busy\"", "name code, q850 or text"),
            ("text = \" \"\nmeans = \"busy\"", "name code, q850 or text"),
            ("code = [200]\nmeans = \"busy\"", "cause.code"),
            ("q850 = [128]\nmeans = \"busy\"", "cause.q850"),
            ("code = [480]\nmeans = \"asleep\"", "switched_off"),
            ("code = [480]", "means"),
        ] {
            let message = TrunkConfig::parse(&format!("{LEAST}[[cause]]\n{table}\n"), "t.toml")
                .unwrap_err()
                .to_string();
            assert!(message.contains(said), "{table}: {message}");
        }
    }
}
