//! Who may do what: scopes, the roles that have them, and the scope that each route asks for.
//!
//! Denied by default: a route that is not in [`ROUTES`] answers nobody, whatever is registered for it. The same
//! tables stand in README.md, and a test compares them.

use waihu_store::Role;

/// What a token may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Read cases.
    CasesRead,
    /// Bring cases in, and say that one is paid or withdrawn.
    CasesWrite,
    /// Read campaigns and their counts.
    CampaignsRead,
    /// Make campaigns, fill, start and resume them.
    CampaignsWrite,
    /// Pause and stop campaigns.
    CampaignsStop,
    /// Read attempts, outcomes and promises.
    OutcomesRead,
    /// Read versions of scripts.
    ScriptsRead,
    /// Approve versions of scripts, and take that back.
    ScriptsApprove,
    /// Read and look up who is not to be called.
    DoNotCallRead,
    /// Enter a number that is not to be called.
    DoNotCallEnter,
    /// Allow calls to such a number again.
    DoNotCallLift,
    /// Read why calls were allowed and denied.
    DecisionsRead,
    /// Find calls, and read what was said in them and why.
    CallsRead,
    /// Hear recordings.
    CallsHear,
    /// Read what calls were judged to be, and reviews.
    QualityRead,
    /// Review calls.
    QualityReview,
    /// Hand calls out as bundles.
    CallsExport,
    /// See, place and lift holds.
    HoldsWrite,
    /// See what is kept of a person, and hand all of it out.
    DebtorsAccess,
    /// Remove what tells who a person is.
    DebtorsErase,
    /// Read who did what.
    AuditRead,
    /// Follow events.
    EventsRead,
    /// Read metrics.
    MetricsRead,
    /// See personal data in clear, where it is said what for: whole numbers, names, words. Without it all of that is masked.
    NumbersRead,
    /// Take calls at a desk.
    DeskUse,
    /// See who talks with whom, and sit in on it.
    TalksSupervise,
    /// See who may sign in.
    PeopleRead,
    /// Let people sign in, change who they are and what they may, and shut them out.
    PeopleWrite,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::CasesRead,
        Self::CasesWrite,
        Self::CampaignsRead,
        Self::CampaignsWrite,
        Self::CampaignsStop,
        Self::OutcomesRead,
        Self::ScriptsRead,
        Self::ScriptsApprove,
        Self::DoNotCallRead,
        Self::DoNotCallEnter,
        Self::DoNotCallLift,
        Self::DecisionsRead,
        Self::CallsRead,
        Self::CallsHear,
        Self::QualityRead,
        Self::QualityReview,
        Self::CallsExport,
        Self::HoldsWrite,
        Self::DebtorsAccess,
        Self::DebtorsErase,
        Self::AuditRead,
        Self::EventsRead,
        Self::MetricsRead,
        Self::NumbersRead,
        Self::DeskUse,
        Self::TalksSupervise,
        Self::PeopleRead,
        Self::PeopleWrite,
    ];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::CasesRead => "cases:read",
            Self::CasesWrite => "cases:write",
            Self::CampaignsRead => "campaigns:read",
            Self::CampaignsWrite => "campaigns:write",
            Self::CampaignsStop => "campaigns:stop",
            Self::OutcomesRead => "outcomes:read",
            Self::ScriptsRead => "scripts:read",
            Self::ScriptsApprove => "scripts:approve",
            Self::DoNotCallRead => "do_not_call:read",
            Self::DoNotCallEnter => "do_not_call:enter",
            Self::DoNotCallLift => "do_not_call:lift",
            Self::DecisionsRead => "decisions:read",
            Self::CallsRead => "calls:read",
            Self::CallsHear => "calls:hear",
            Self::QualityRead => "quality:read",
            Self::QualityReview => "quality:review",
            Self::CallsExport => "calls:export",
            Self::HoldsWrite => "holds:write",
            Self::DebtorsAccess => "debtors:access",
            Self::DebtorsErase => "debtors:erase",
            Self::AuditRead => "audit:read",
            Self::EventsRead => "events:read",
            Self::MetricsRead => "metrics:read",
            Self::NumbersRead => "numbers:read",
            Self::DeskUse => "desk:use",
            Self::TalksSupervise => "talks:supervise",
            Self::PeopleRead => "people:read",
            Self::PeopleWrite => "people:write",
        }
    }

    /// Whether a role has it.
    pub fn is_of(self, role: Role) -> bool {
        scopes(role).contains(&self)
    }
}

/// What each role may do, and no more than its work needs. Nobody has all: who sets the machine up approves no
/// script and sees no number, and who approves scripts starts no campaign.
pub fn scopes(role: Role) -> &'static [Scope] {
    use Scope as S;
    match role {
        Role::Operations => &[
            S::CasesRead,
            S::CasesWrite,
            S::CampaignsRead,
            S::CampaignsWrite,
            S::CampaignsStop,
            S::OutcomesRead,
            S::ScriptsRead,
            S::DoNotCallRead,
            S::DoNotCallEnter,
            S::DecisionsRead,
            S::CallsRead,
            S::QualityRead,
            S::EventsRead,
            S::MetricsRead,
            S::TalksSupervise,
            S::PeopleRead,
        ],
        Role::Compliance => &[
            S::CasesRead,
            S::CampaignsRead,
            S::CampaignsStop,
            S::OutcomesRead,
            S::ScriptsRead,
            S::ScriptsApprove,
            S::DoNotCallRead,
            S::DoNotCallEnter,
            S::DoNotCallLift,
            S::DecisionsRead,
            S::CallsRead,
            S::CallsHear,
            S::QualityRead,
            S::QualityReview,
            S::CallsExport,
            S::HoldsWrite,
            S::DebtorsAccess,
            S::DebtorsErase,
            S::AuditRead,
            S::EventsRead,
            S::MetricsRead,
            S::NumbersRead,
        ],
        // Of a case and its calls an agent reads what the desk shows, while it is theirs: no list, and no other's.
        Role::Agent => &[S::CampaignsRead, S::DoNotCallEnter, S::DeskUse],
        Role::Integrator => &[
            S::CasesRead,
            S::CasesWrite,
            S::CampaignsRead,
            S::CampaignsWrite,
            S::OutcomesRead,
            S::DoNotCallRead,
            S::DoNotCallEnter,
            S::EventsRead,
            S::NumbersRead,
        ],
        Role::Admin => &[
            S::CasesRead,
            S::CampaignsRead,
            S::CampaignsStop,
            S::OutcomesRead,
            S::ScriptsRead,
            S::DoNotCallRead,
            S::DecisionsRead,
            S::AuditRead,
            S::EventsRead,
            S::MetricsRead,
            S::PeopleRead,
            S::PeopleWrite,
        ],
    }
}

/// What a route asks of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Nothing: it tells nothing of anybody.
    Nothing,
    /// To be somebody, by a token or by being signed in.
    Anybody,
    /// A role that has this.
    Scope(Scope),
}

/// A method, a path, and what it asks for.
pub type Route = (&'static str, &'static str, Asks);

/// Each route and what it asks for.
pub const ROUTES: &[Route] = {
    use Asks::{Anybody, Nothing, Scope as A};
    use Scope as S;
    &[
        ("GET", "/healthz", Nothing),
        ("GET", "/readyz", Nothing),
        ("GET", "/v1/openapi.json", Nothing),
        ("GET", "/metrics", A(S::MetricsRead)),
        ("GET", "/v1/cases", A(S::CasesRead)),
        ("POST", "/v1/cases", A(S::CasesWrite)),
        ("GET", "/v1/cases/{case}", A(S::CasesRead)),
        ("PATCH", "/v1/cases/{case}", A(S::CasesWrite)),
        ("DELETE", "/v1/cases/{case}", A(S::CasesWrite)),
        ("GET", "/v1/cases/{case}/decisions", A(S::DecisionsRead)),
        ("GET", "/v1/cases/{case}/queue", A(S::CasesRead)),
        ("GET", "/v1/board", A(S::EventsRead)),
        ("GET", "/v1/results", A(S::OutcomesRead)),
        ("GET", "/v1/results/costs", A(S::OutcomesRead)),
        ("GET", "/v1/choices", A(S::CampaignsRead)),
        ("GET", "/v1/strategies", A(S::CampaignsRead)),
        ("GET", "/v1/strategies/{name}", A(S::CampaignsRead)),
        ("PUT", "/v1/strategies/{name}", A(S::CampaignsWrite)),
        ("GET", "/v1/practice", A(S::CampaignsRead)),
        ("POST", "/v1/practice", A(S::CampaignsWrite)),
        ("DELETE", "/v1/practice", A(S::CampaignsWrite)),
        ("GET", "/v1/calls/{attempt}/recording", A(S::CallsHear)),
        ("GET", "/v1/calls/{attempt}/waveform", A(S::CallsHear)),
        ("GET", "/v1/calls/{attempt}/transcript", A(S::CallsRead)),
        ("GET", "/v1/calls/{attempt}/check", A(S::CallsRead)),
        ("GET", "/v1/calls/{attempt}/texts", A(S::CallsRead)),
        ("GET", "/v1/calls/{attempt}/trace", A(S::CallsRead)),
        ("GET", "/v1/calls/{attempt}/quality", A(S::QualityRead)),
        ("GET", "/v1/quality", A(S::QualityRead)),
        ("GET", "/v1/quality/checks", A(S::QualityRead)),
        ("GET", "/v1/reviews", A(S::QualityRead)),
        ("GET", "/v1/reviews/{review}", A(S::QualityRead)),
        ("POST", "/v1/reviews/{review}", A(S::QualityReview)),
        ("GET", "/v1/calls/{attempt}/bundle", A(S::CallsExport)),
        ("GET", "/v1/holds", A(S::HoldsWrite)),
        ("POST", "/v1/holds", A(S::HoldsWrite)),
        ("POST", "/v1/holds/{hold}/lift", A(S::HoldsWrite)),
        ("POST", "/v1/debtors/find", A(S::DebtorsAccess)),
        ("POST", "/v1/debtors/access", A(S::DebtorsAccess)),
        ("POST", "/v1/debtors/erase", A(S::DebtorsErase)),
        ("GET", "/v1/reports", A(S::EventsRead)),
        ("GET", "/v1/reports/made", A(S::EventsRead)),
        ("GET", "/v1/reports/{report}/{period}", A(S::EventsRead)),
        ("GET", "/v1/reports/{report}/preview", A(S::EventsRead)),
        ("POST", "/v1/search", A(S::CallsRead)),
        ("GET", "/v1/audit", A(S::AuditRead)),
        ("GET", "/v1/audit/check", A(S::AuditRead)),
        ("GET", "/v1/campaigns", A(S::CampaignsRead)),
        ("POST", "/v1/campaigns", A(S::CampaignsWrite)),
        ("GET", "/v1/campaigns/{campaign}", A(S::CampaignsRead)),
        ("PATCH", "/v1/campaigns/{campaign}", A(S::CampaignsWrite)),
        ("GET", "/v1/campaigns/{campaign}/counts", A(S::CampaignsRead)),
        ("POST", "/v1/campaigns/{campaign}/cases", A(S::CampaignsWrite)),
        ("POST", "/v1/campaigns/{campaign}/start", A(S::CampaignsWrite)),
        ("POST", "/v1/campaigns/{campaign}/resume", A(S::CampaignsWrite)),
        ("POST", "/v1/campaigns/{campaign}/pause", A(S::CampaignsStop)),
        ("POST", "/v1/campaigns/{campaign}/stop", A(S::CampaignsStop)),
        ("GET", "/v1/attempts", A(S::OutcomesRead)),
        ("GET", "/v1/attempts/{attempt}", A(S::OutcomesRead)),
        ("GET", "/v1/outcomes", A(S::OutcomesRead)),
        ("GET", "/v1/outcomes/{attempt}", A(S::OutcomesRead)),
        ("GET", "/v1/promises", A(S::OutcomesRead)),
        ("GET", "/v1/promises/{attempt}", A(S::OutcomesRead)),
        ("GET", "/v1/scripts", A(S::ScriptsRead)),
        ("GET", "/v1/scripts/{flow}/{sha256}", A(S::ScriptsRead)),
        ("POST", "/v1/scripts/{flow}/{sha256}/approve", A(S::ScriptsApprove)),
        ("POST", "/v1/scripts/{flow}/{sha256}/withdraw", A(S::ScriptsApprove)),
        ("GET", "/v1/do-not-call", A(S::DoNotCallRead)),
        ("POST", "/v1/do-not-call", A(S::DoNotCallEnter)),
        ("POST", "/v1/do-not-call/lookup", A(S::DoNotCallRead)),
        ("POST", "/v1/do-not-call/lift", A(S::DoNotCallLift)),
        ("GET", "/v1/events", A(S::EventsRead)),
        ("POST", "/v1/session", Nothing),
        ("GET", "/v1/session/others", Anybody),
        ("DELETE", "/v1/session/others", Anybody),
        ("PUT", "/v1/session/password", Anybody),
        ("PUT", "/v1/session/second-factor", Anybody),
        ("POST", "/v1/session/second-factor", Anybody),
        ("POST", "/v1/session/second-factor/remove", Anybody),
        ("GET", "/v1/session/ways", Nothing),
        ("GET", "/v1/session/provider", Nothing),
        ("GET", "/v1/session/provider/callback", Nothing),
        ("GET", "/v1/session", Anybody),
        ("DELETE", "/v1/session", Anybody),
        ("GET", "/v1/people", A(S::PeopleRead)),
        ("POST", "/v1/people", A(S::PeopleWrite)),
        ("PATCH", "/v1/people/{login}", A(S::PeopleWrite)),
        ("GET", "/v1/desk", A(S::DeskUse)),
        ("GET", "/v1/talks", A(S::TalksSupervise)),
        ("GET", "/v1/talks/{attempt}/seat", A(S::TalksSupervise)),
    ]
};

/// Reads that tell of persons: who made one is written down. Sound, words and bundles of calls are not among them, which
/// write that down by themselves before a file is opened; nor what a page asks for again and again, which tells of calls
/// by their ids alone.
pub(crate) const LOOKS: [&str; 16] = [
    "/v1/cases",
    "/v1/cases/{case}",
    "/v1/cases/{case}/decisions",
    "/v1/cases/{case}/queue",
    "/v1/attempts",
    "/v1/outcomes",
    "/v1/outcomes/{attempt}",
    "/v1/promises",
    "/v1/promises/{attempt}",
    "/v1/quality",
    "/v1/calls/{attempt}/quality",
    "/v1/reviews",
    "/v1/reviews/{review}",
    "/v1/do-not-call",
    "/v1/holds",
    "/v1/events",
];

/// Answers that show personal data in clear to who may see it and says what for ([`crate::mask::Purpose`]), and masked to
/// all others. Elsewhere nothing is said, and nothing is in clear: one attempt is asked for again and again.
pub(crate) const CLEAR: [(&str, &str); 13] = [
    ("GET", "/v1/cases"),
    ("GET", "/v1/cases/{case}"),
    ("GET", "/v1/cases/{case}/decisions"),
    ("GET", "/v1/attempts"),
    ("GET", "/v1/outcomes"),
    ("GET", "/v1/outcomes/{attempt}"),
    ("GET", "/v1/calls/{attempt}/transcript"),
    ("GET", "/v1/calls/{attempt}/quality"),
    ("GET", "/v1/reviews/{review}"),
    ("POST", "/v1/reviews/{review}"),
    ("POST", "/v1/search"),
    ("POST", "/v1/debtors/find"),
    ("GET", "/v1/events"),
];

/// What opens more to somebody, or cannot be taken back: by a session it is done by who has signed in lately alone. A
/// token is a program's, which signs in never.
pub(crate) const WEIGHTY: [(&str, &str); 8] = [
    ("POST", "/v1/holds/{hold}/lift"),
    ("POST", "/v1/debtors/access"),
    ("POST", "/v1/debtors/erase"),
    ("POST", "/v1/do-not-call/lift"),
    ("POST", "/v1/people"),
    ("PATCH", "/v1/people/{login}"),
    ("PUT", "/v1/session/second-factor"),
    ("POST", "/v1/session/second-factor/remove"),
];

/// What cannot be masked, and is given for a purpose alone: sound, and a call as one file.
pub(crate) const CLEAR_ALONE: [&str; 2] = ["/v1/calls/{attempt}/recording", "/v1/calls/{attempt}/bundle"];

/// Whether it counts there what somebody says that it is for.
pub(crate) fn shows_clear(method: &str, path: &str) -> bool {
    let method = if method == "HEAD" { "GET" } else { method };
    CLEAR.contains(&(method, path)) || method == "GET" && CLEAR_ALONE.contains(&path)
}

/// What a route asks for; none where it is not in the table. HEAD is GET without its body.
pub fn asked(method: &str, path: &str) -> Option<Asks> {
    let method = if method == "HEAD" { "GET" } else { method };
    ROUTES.iter().find(|(m, p, _)| *m == method && *p == path).map(|(.., asks)| *asks)
}

/// The methods that a path knows, as the header `Allow` names them.
pub fn methods(path: &str) -> String {
    let known: Vec<&str> = ROUTES.iter().filter(|(_, p, _)| *p == path).map(|(m, ..)| *m).collect();
    if known.contains(&"GET") { format!("{}, HEAD", known.join(", ")) } else { known.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_may_do_everything_and_every_scope_is_somebodys() {
        for role in Role::ALL {
            assert!(scopes(role).len() < Scope::ALL.len(), "{role}");
        }
        for scope in Scope::ALL {
            assert!(Role::ALL.iter().any(|r| scope.is_of(*r)), "{}", scope.label());
        }
    }

    /// Whoever gets another role loses something: tokens of the old one are revoked, and may not stay.
    #[test]
    fn no_role_has_all_that_another_has() {
        for role in Role::ALL {
            for other in Role::ALL.into_iter().filter(|other| *other != role) {
                assert!(
                    scopes(other).iter().any(|scope| !scope.is_of(role)),
                    "{role} may all that {other} may"
                );
            }
        }
    }

    #[test]
    fn every_look_is_a_read_that_asks_for_a_scope() {
        for path in LOOKS {
            assert!(matches!(asked("GET", path), Some(Asks::Scope(_))), "{path}");
        }
    }

    #[test]
    fn what_weighs_is_a_change_that_asks_for_a_scope_or_of_oneself() {
        for (method, path) in WEIGHTY {
            let asks = asked(method, path);
            let of_oneself = path.starts_with("/v1/session/") && asks == Some(Asks::Anybody);
            assert!(method != "GET" && (of_oneself || matches!(asks, Some(Asks::Scope(_)))), "{path}");
        }
    }

    #[test]
    fn what_is_seen_in_clear_is_written_down() {
        let gets = CLEAR.into_iter().filter(|(method, _)| *method == "GET").map(|(_, path)| path);
        for path in gets.chain(CLEAR_ALONE) {
            assert!(matches!(asked("GET", path), Some(Asks::Scope(_))), "{path}");
            // Words, sound and bundles of calls write that down by themselves.
            let by_itself = path.starts_with("/v1/calls/") && !path.ends_with("/quality");
            assert!(LOOKS.contains(&path) || by_itself, "{path}");
        }
        assert!(shows_clear("HEAD", "/v1/cases") && !shows_clear("POST", "/v1/cases"));
        assert!(!shows_clear("GET", "/v1/attempts/{attempt}"));
    }

    #[test]
    fn who_starts_calls_does_not_approve_what_is_said() {
        for role in Role::ALL {
            assert!(!(Scope::CampaignsWrite.is_of(role) && Scope::ScriptsApprove.is_of(role)), "{role}");
            assert!(!(Scope::CampaignsWrite.is_of(role) && Scope::DoNotCallLift.is_of(role)), "{role}");
        }
    }
}
