//! Keys for SRTP: what is wanted, what an offer gives, what both sides have come to (RFC 4568, RFC 5763,
//! RFC 8643).

use waihu_types::SrtpKey;

use super::MediaMismatch;
use crate::sdp::{Crypto, CryptoFault, Fingerprint, Media, SessionDescription, Setup};

/// How badly SRTP is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SrtpPolicy {
    /// Never: no keys are offered, and whoever wants SRTP alone is refused.
    #[default]
    Off,
    /// Where the far end takes it; the agreed stream says what it became.
    Optional,
    /// Always: no sound flows without it.
    Mandatory,
}

/// What keys come from.
#[derive(Clone, Copy)]
pub enum Keys<'a> {
    /// Keys in the description (RFC 4568), one a suite, in order of preference. Whoever reads the
    /// signalling hears the call.
    Sdes(&'a [SrtpKey]),
    /// The SHA-256 of our certificate (RFC 5763).
    Dtls(&'a [u8; 32]),
}

impl std::fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sdes(keys) => f.debug_tuple("Sdes").field(keys).finish(),
            Self::Dtls(_) => f.write_str("Dtls"),
        }
    }
}

/// Keys, and how badly they are wanted.
#[derive(Clone, Copy, Debug)]
pub enum Security<'a> {
    /// Plain RTP alone.
    Off,
    /// SRTP where the far end takes it.
    Optional(Keys<'a>),
    /// SRTP alone.
    Mandatory(Keys<'a>),
}

impl<'a> Security<'a> {
    /// The policy with its keys; under [`SrtpPolicy::Off`] they are not used.
    pub fn new(policy: SrtpPolicy, keys: Keys<'a>) -> Self {
        match policy {
            SrtpPolicy::Off => Self::Off,
            SrtpPolicy::Optional => Self::Optional(keys),
            SrtpPolicy::Mandatory => Self::Mandatory(keys),
        }
    }

    /// What the answer to this section of an offer says about keys.
    pub(super) fn reply(
        self,
        offer: &SessionDescription,
        theirs: &Media,
        role: Option<DtlsRole>,
    ) -> Result<Reply, MediaMismatch> {
        let secure = theirs.profile().is_some_and(|p| p.is_secure());
        let (keys, must) = match self {
            Self::Off if secure => return Err(MediaMismatch::SrtpOff),
            Self::Off => return Ok(Reply::Plain),
            Self::Optional(keys) => (keys, secure),
            Self::Mandatory(keys) => (keys, true),
        };
        match keys.reply(offer, theirs, role) {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) if must => Err(MediaMismatch::NoKey),
            Err(fault) if must => Err(fault),
            // What cannot be used of an offer that does not insist is as if it were not there (RFC 8643 §3.1).
            Ok(None) | Err(_) => Ok(Reply::Plain),
        }
    }
}

/// What an answer says about keys.
pub(super) enum Reply {
    Plain,
    Sdes(Crypto),
    Dtls([u8; 32], DtlsRole),
}

impl Keys<'_> {
    /// None where the offer gives none of our kind.
    fn reply(
        self,
        offer: &SessionDescription,
        theirs: &Media,
        role: Option<DtlsRole>,
    ) -> Result<Option<Reply>, MediaMismatch> {
        match self {
            Self::Sdes(ours) => {
                // The first line that we can do, in their order (RFC 4568 §5.1.2).
                let matched = theirs.crypto.iter().find_map(|line| {
                    let suite = line.key().ok()?.suite();
                    let key = ours.iter().find(|k| k.suite() == suite)?;
                    Some(Crypto::new(line.tag(), *key))
                });
                match matched {
                    Some(line) => Ok(Some(Reply::Sdes(line))),
                    None => fault(&theirs.crypto).map_or(Ok(None), |f| Err(MediaMismatch::UnusableKey(f))),
                }
            }
            Self::Dtls(ours) => {
                if fingerprints(offer, theirs).is_empty() {
                    return Ok(None);
                }
                fingerprint(offer, theirs).ok_or(MediaMismatch::NoFingerprint)?;
                let role = match setup(offer, theirs) {
                    // RFC 5763 §5: whoever answers had better begin, for then nobody waits for the answer.
                    Some(Setup::ActPass) => role.unwrap_or(DtlsRole::Client),
                    Some(Setup::Passive) => DtlsRole::Client,
                    // An offer that says nothing means active (RFC 4145 §4).
                    Some(Setup::Active) | None => DtlsRole::Server,
                    Some(Setup::HoldConn) => return Err(MediaMismatch::DtlsRole),
                };
                Ok(Some(Reply::Dtls(*ours, role)))
            }
        }
    }
}

/// Why none of these lines was taken; none where there are none. A line without a fault of its own has a
/// suite that the trunk does not name.
fn fault(lines: &[Crypto]) -> Option<CryptoFault> {
    let line = lines.first()?;
    Some(line.key().err().unwrap_or(CryptoFault::Suite))
}

/// The lines of an offer.
pub(super) fn lines(keys: &[SrtpKey]) -> Vec<Crypto> {
    (1..).zip(keys).map(|(tag, key)| Crypto::new(tag, *key)).collect()
}

fn fingerprints<'a>(of: &'a SessionDescription, section: &'a Media) -> &'a [Fingerprint] {
    let own = &section.dtls.fingerprints;
    if own.is_empty() { &of.dtls.fingerprints } else { own }
}

/// The section's fingerprint by SHA-256, or the session's where the section has none of its own.
pub(super) fn fingerprint(of: &SessionDescription, section: &Media) -> Option<[u8; 32]> {
    fingerprints(of, section).iter().find_map(Fingerprint::as_sha256)
}

/// Who begins, by the section's word or the session's.
pub(super) fn setup(of: &SessionDescription, section: &Media) -> Option<Setup> {
    section.dtls.setup.or(of.dtls.setup)
}

/// Our part in the DTLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsRole {
    /// We begin.
    Client,
    /// The far end begins.
    Server,
}

/// What a stream has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamSecurity {
    /// Plain RTP.
    None,
    /// SRTP with keys from the descriptions.
    Sdes {
        /// For what we send.
        ours: SrtpKey,
        /// For what we receive.
        theirs: SrtpKey,
    },
    /// SRTP with keys from a DTLS handshake on the RTP port.
    Dtls {
        /// The SHA-256 of the far end's certificate.
        fingerprint: [u8; 32],
        /// Our part.
        role: DtlsRole,
    },
}

impl StreamSecurity {
    /// For a log line or an outcome: `none`, `sdes`, `dtls`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sdes { .. } => "sdes",
            Self::Dtls { .. } => "dtls",
        }
    }
}

/// What two sections, ours and theirs, come to. Either may be the offer.
pub(super) fn agreed(
    (ours, mine): (&SessionDescription, &Media),
    (theirs, section): (&SessionDescription, &Media),
) -> Result<StreamSecurity, MediaMismatch> {
    let secure = |m: &Media| m.profile().is_some_and(|p| p.is_secure());
    let found = if !mine.crypto.is_empty() {
        sdes(mine, section)?
    } else if fingerprints(ours, mine).is_empty() {
        // A key of theirs that we gave none for is none to us: some put one into every answer.
        None
    } else {
        dtls((ours, mine), (theirs, section))?
    };
    match found {
        Some(found) => Ok(found),
        None if secure(mine) => Err(MediaMismatch::NoKey),
        None if !secure(section) => Ok(StreamSecurity::None),
        None if mine.crypto.is_empty() && fingerprints(ours, mine).is_empty() => Err(MediaMismatch::SrtpOff),
        None => Err(MediaMismatch::NoKey),
    }
}

/// Offer and answer have one line in common by tag and suite (RFC 4568 §5.1.3). None where the far end
/// gives no line; an error where it gives some and none that fits: it would send what we cannot read.
fn sdes(mine: &Media, section: &Media) -> Result<Option<StreamSecurity>, MediaMismatch> {
    let mut pairs = mine.crypto.iter().flat_map(|line| {
        let ours = line.key().ok();
        section.crypto.iter().filter(|t| t.tag() == line.tag()).filter_map(move |t| {
            let (ours, theirs) = (ours?, t.key().ok()?);
            (ours.suite() == theirs.suite()).then_some(StreamSecurity::Sdes { ours, theirs })
        })
    });
    match (pairs.next(), pairs.next()) {
        (Some(pair), None) => Ok(Some(pair)),
        (Some(_), Some(_)) => Err(MediaMismatch::KeyMismatch),
        (None, _) => match section.crypto.first().map(Crypto::key) {
            None => Ok(None),
            Some(Ok(_)) => Err(MediaMismatch::KeyMismatch),
            Some(Err(fault)) => Err(MediaMismatch::UnusableKey(fault)),
        },
    }
}

fn dtls(
    (ours, mine): (&SessionDescription, &Media),
    (theirs, section): (&SessionDescription, &Media),
) -> Result<Option<StreamSecurity>, MediaMismatch> {
    if fingerprints(theirs, section).is_empty() {
        return Ok(None);
    }
    let fingerprint = fingerprint(theirs, section).ok_or(MediaMismatch::NoFingerprint)?;
    let (own, other) = (setup(ours, mine), setup(theirs, section));
    let role = match (own, other) {
        (Some(Setup::Active), Some(Setup::Passive | Setup::ActPass) | None) => DtlsRole::Client,
        (Some(Setup::Passive), Some(Setup::Active | Setup::ActPass) | None) => DtlsRole::Server,
        (_, Some(Setup::Active)) if own == Some(Setup::ActPass) => DtlsRole::Server,
        // An answer that says nothing means passive (RFC 4145 §4).
        (Some(Setup::ActPass), Some(Setup::Passive) | None) => DtlsRole::Client,
        _ => return Err(MediaMismatch::DtlsRole),
    };
    Ok(Some(StreamSecurity::Dtls { fingerprint, role }))
}
