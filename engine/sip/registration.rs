//! What a registration is asked for with and how it stands (RFC 3261 §10). The requests are the endpoint's.

use crate::{auth::Credentials, name_addr::NameAddr, transport::Hop, uri::Uri};

/// A registration to make and to keep.
#[derive(Clone, Debug)]
pub struct Order {
    /// Comes back in [`crate::Output::Registered`]. One that is known already is made anew.
    pub registration: u64,
    /// The Request-URI: the registrar's domain, without a user.
    pub registrar: Uri,
    /// Where it goes.
    pub next_hop: Hop,
    /// Whom it is for: From and To.
    pub of: NameAddr,
    /// The user of our Contact.
    pub contact_user: String,
    /// For how long we ask [s]; the registrar may say another time.
    pub expires_s: u32,
    /// For 401 and 407.
    pub credentials: Option<Credentials>,
}

/// How a registration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It holds for so long [s], and is renewed before.
    Registered {
        /// From now [s].
        expires_s: u32,
    },
    /// It does not hold. It is tried again.
    Failed {
        /// The response's code; 408 for none, 503 where nothing could be sent.
        code: u16,
        /// Its phrase, and why a challenge could not be answered.
        reason: String,
        /// When the next try is [s].
        again_s: u32,
    },
    /// It was taken back.
    Removed,
}
