//! `a=ice-ufrag`, `a=ice-pwd`, `a=candidate`, `a=end-of-candidates` (RFC 8839), read and printed. No
//! connectivity check is made here or anywhere else in this agent.

use std::fmt;

/// The lines of one level, session or media.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Ice {
    /// `a=ice-ufrag`.
    pub ufrag: Option<String>,
    /// `a=ice-pwd`. Whoever has it can pass a check in the other's name.
    pub pwd: Option<String>,
    /// `a=candidate` lines; at session level none.
    pub candidates: Vec<Candidate>,
    /// `a=end-of-candidates` (RFC 8838): no others will come.
    pub are_all: bool,
}

impl fmt::Debug for Ice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ice")
            .field("ufrag", &self.ufrag)
            .field("pwd", &self.pwd.as_ref().map(|_| "…"))
            .field("candidates", &self.candidates)
            .field("are_all", &self.are_all)
            .finish()
    }
}

/// An address at which the describer may be reached (RFC 8839 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Same for candidates of one base and kind.
    pub foundation: String,
    /// 1 is RTP, 2 is RTCP.
    pub component: u16,
    /// `UDP` as a rule.
    pub transport: String,
    /// The higher the better.
    pub priority: u32,
    /// An address or a name; browsers hide theirs behind names that end in .local.
    pub address: String,
    /// Port.
    pub port: u16,
    /// `host`, `srflx`, `prflx`, `relay`.
    pub kind: String,
    /// Whatever follows, as it stands: the related address and extensions.
    pub rest: String,
}

impl Candidate {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [foundation, component, transport, priority, address, port, "typ", kind, rest @ ..] = &words[..]
        else {
            return None;
        };
        Some(Self {
            foundation: (*foundation).to_owned(),
            component: component.parse().ok()?,
            transport: (*transport).to_owned(),
            priority: priority.parse().ok()?,
            address: (*address).to_owned(),
            port: port.parse().ok()?,
            kind: (*kind).to_owned(),
            rest: rest.join(" "),
        })
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { foundation, component, transport, priority, address, port, kind, rest } = self;
        write!(f, "{foundation} {component} {transport} {priority} {address} {port} typ {kind}")?;
        if rest.is_empty() { Ok(()) } else { write!(f, " {rest}") }
    }
}

impl fmt::Display for Ice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in [("ice-ufrag", &self.ufrag), ("ice-pwd", &self.pwd)] {
            value.iter().try_for_each(|v| write!(f, "a={name}:{v}\r\n"))?;
        }
        self.candidates.iter().try_for_each(|c| write!(f, "a=candidate:{c}\r\n"))?;
        if self.are_all { f.write_str("a=end-of-candidates\r\n") } else { Ok(()) }
    }
}
