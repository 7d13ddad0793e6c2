//! Request methods (RFC 3261 §7.1): those this agent knows by name, and every other token.

use std::fmt;

use crate::lex::{Text, is_token};

/// A request method. Case matters (RFC 3261 §7.1): `invite` is an extension, not `INVITE`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// RFC 3261 §13.
    Invite,
    /// RFC 3261 §13 and §17.
    Ack,
    /// RFC 3261 §15.
    Bye,
    /// RFC 3261 §9.
    Cancel,
    /// RFC 3261 §11.
    Options,
    /// RFC 3261 §10.
    Register,
    /// RFC 6086.
    Info,
    /// RFC 3262.
    Prack,
    /// RFC 3311.
    Update,
    /// RFC 3515.
    Refer,
    /// RFC 6665.
    Subscribe,
    /// RFC 6665.
    Notify,
    /// RFC 3428.
    Message,
    /// RFC 3903.
    Publish,
    /// Any other token.
    Extension(Text),
}

impl Method {
    const NAMED: [(&'static str, Self); 14] = [
        ("INVITE", Self::Invite),
        ("ACK", Self::Ack),
        ("BYE", Self::Bye),
        ("CANCEL", Self::Cancel),
        ("OPTIONS", Self::Options),
        ("REGISTER", Self::Register),
        ("INFO", Self::Info),
        ("PRACK", Self::Prack),
        ("UPDATE", Self::Update),
        ("REFER", Self::Refer),
        ("SUBSCRIBE", Self::Subscribe),
        ("NOTIFY", Self::Notify),
        ("MESSAGE", Self::Message),
        ("PUBLISH", Self::Publish),
    ];

    /// The method as it stands on the wire.
    pub fn as_str(&self) -> &str {
        if let Self::Extension(name) = self {
            return name;
        }
        Self::NAMED.iter().find(|(_, m)| m == self).map_or("", |(name, _)| name)
    }

    /// Reads a method; `None` where the text is no token.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((_, method)) = Self::NAMED.iter().find(|(name, _)| *name == text) {
            return Some(method.clone());
        }
        is_token(text).then(|| Self::Extension(text.into()))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
