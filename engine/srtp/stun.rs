//! The answer of an ICE-lite agent to a connectivity check (RFC 8445, 2.5 and 7.3; RFC 8489): what a browser
//! wants before it sends sound. A pure function, without allocation: checks come on the port of sound, where
//! a media thread reads.
//!
//! [`check`] writes what a browser asks, for far ends of our own that measure and try the engine: a lite
//! agent makes no checks.
//!
//! Absent: candidates and pairs, TURN, role conflicts (whoever is not lite controls), long-term credentials,
//! SHA-256 for the integrity. A request that is not from whoever knows our password gets no answer at all,
//! where RFC 8489, 9.1.3 would have it refused with 400 or 401: a stranger then learns of nothing here.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use thiserror::Error;

/// The longest answer [bytes]: 20 of header, 24 of an IPv6 address, 24 and 8 of the two checks, or 8 and 36
/// of a refusal and what it names in the place of the address.
pub const MAX_ANSWER: usize = 96;

const HEADER: usize = 20;
const COOKIE: u32 = 0x2112_a442;
/// Exclusive-or of FINGERPRINT (RFC 8489, 14.7).
const FINGERPRINT_XOR: u32 = 0x5354_554e;
const INTEGRITY_LEN: usize = 20;
/// Attributes that we do not know are named in a refusal, this many at most.
const MAX_UNKNOWN: usize = 16;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLING: u16 = 0x802a;
/// From here on an attribute may be passed over by whoever does not know it.
const OPTIONAL: u16 = 0x8000;

/// What is to be sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its length at the beginning of `out` [bytes].
    pub len: usize,
    /// Whether the far end has chosen this pair of addresses for its sound (USE-CANDIDATE).
    pub nominated: bool,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StunError {
    /// No STUN, or an attribute reaches beyond the end.
    #[error("no STUN message")]
    Malformed,
    /// STUN, but nothing that is answered: an indication, an answer, another method.
    #[error("no binding request")]
    NotARequest,
    /// USERNAME, MESSAGE-INTEGRITY or FINGERPRINT is missing.
    #[error("a check of ICE without its credentials")]
    NoCredentials,
    /// It is meant for another agent, or from someone who does not know the password, or was changed.
    #[error("wrong credentials")]
    WrongCredentials,
    /// `out` is shorter than [`MAX_ANSWER`].
    #[error("no room for the answer")]
    NoRoom,
}

/// The ufrag that a check calls: whose it is, where many share a port. Nothing is proven by it.
pub fn called(request: &[u8]) -> Option<&[u8]> {
    let username = Request::read(request).ok()?.username?;
    username.split(|byte| *byte == b':').next()
}

/// What a check says of its pair of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nomination {
    /// It is tried.
    Tried,
    /// It is the one for the sound (USE-CANDIDATE).
    Nominated,
}

/// Writes the check of a controlling agent (RFC 8445, 7.2.2) into `out`; gives its length [bytes].
/// `username` is the answerer's ufrag, a colon, the asker's own; `password` the answerer's.
///
/// # Errors
/// [`StunError::NoRoom`]: with 80 bytes and the username's length there is room.
pub fn check(
    transaction: [u8; 12],
    username: &str,
    password: &str,
    nomination: Nomination,
    out: &mut [u8],
) -> Result<usize, StunError> {
    // Header, username, controlling, priority, use-candidate, integrity, fingerprint.
    let needed = HEADER + 4 + username.len().next_multiple_of(4) + 12 + 8 + 4 + 24 + 8;
    let out = out.get_mut(..needed).ok_or(StunError::NoRoom)?;
    out[4..8].copy_from_slice(&COOKIE.to_be_bytes());
    out[8..HEADER].copy_from_slice(&transaction);
    let mut writer = Writer { out, len: HEADER };
    writer.begin(BINDING_REQUEST);
    writer.attribute(USERNAME, username.as_bytes());
    writer.attribute(ICE_CONTROLLING, &[0; 8]);
    // A host's, of the only component (RFC 8445, 5.1.2.1).
    writer.attribute(PRIORITY, &0x6eff_ffff_u32.to_be_bytes());
    if nomination == Nomination::Nominated {
        writer.attribute(USE_CANDIDATE, &[]);
    }
    writer.seal(password)?;
    Ok(writer.len)
}

/// Answers a binding request that came from `from`, into `out`, which has [`MAX_ANSWER`] bytes. Ours are the
/// `a=ice-ufrag` and `a=ice-pwd` that we signalled. An attribute that must be known and is not is refused
/// with 420, as RFC 8489, 6.3.1 has it.
///
/// # Errors
/// [`StunError`]; nothing is to be sent then.
pub fn answer(
    request: &[u8],
    our_ufrag: &str,
    our_pwd: &str,
    from: SocketAddr,
    out: &mut [u8],
) -> Result<Answer, StunError> {
    let read = Request::read(request)?;
    // USERNAME is ours, a colon, theirs (RFC 8445, 7.2.2).
    let username = read.username.ok_or(StunError::NoCredentials)?;
    let for_us = username.strip_prefix(our_ufrag.as_bytes()).is_some_and(|rest| rest.first() == Some(&b':'));
    if !for_us {
        return Err(StunError::WrongCredentials);
    }
    let (integrity_at, tag) = read.integrity.ok_or(StunError::NoCredentials)?;
    integrity(our_pwd, request, integrity_at)?.verify_slice(tag).map_err(|_| StunError::WrongCredentials)?;

    let out = out.get_mut(..MAX_ANSWER).ok_or(StunError::NoRoom)?;
    out[HEADER - 16..HEADER].copy_from_slice(&request[HEADER - 16..HEADER]);
    let mut writer = Writer { out, len: HEADER };
    if read.unknown_len > 0 {
        writer.begin(BINDING_ERROR);
        writer.attribute(ERROR_CODE, &[0, 0, 4, 20]);
        let mut names = [0; 2 * MAX_UNKNOWN];
        for (name, unknown) in names.chunks_mut(2).zip(&read.unknown[..read.unknown_len]) {
            name.copy_from_slice(&unknown.to_be_bytes());
        }
        writer.attribute(UNKNOWN_ATTRIBUTES, &names[..2 * read.unknown_len]);
    } else {
        writer.begin(BINDING_SUCCESS);
        writer.xor_mapped_address(from);
    }
    writer.seal(our_pwd)?;
    Ok(Answer { len: writer.len, nominated: read.nominated && read.unknown_len == 0 })
}

/// What of a request matters. Its FINGERPRINT is right.
struct Request<'a> {
    username: Option<&'a [u8]>,
    /// Where MESSAGE-INTEGRITY begins, and its value.
    integrity: Option<(usize, &'a [u8])>,
    nominated: bool,
    unknown: [u16; MAX_UNKNOWN],
    unknown_len: usize,
}

impl<'a> Request<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, StunError> {
        let header = bytes.get(..HEADER).ok_or(StunError::Malformed)?;
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let is_stun = header[4..8] == COOKIE.to_be_bytes() && kind < 0x4000;
        if !is_stun || len % 4 != 0 || bytes.len() != HEADER + len {
            return Err(StunError::Malformed);
        }
        if kind != BINDING_REQUEST {
            return Err(StunError::NotARequest);
        }
        let mut request =
            Self { username: None, integrity: None, nominated: false, unknown: [0; 16], unknown_len: 0 };
        let mut at = HEADER;
        while at < bytes.len() {
            let (kind, value) = attribute(bytes, at)?;
            if kind == FINGERPRINT {
                let crc = crc32fast::hash(&bytes[..at]) ^ FINGERPRINT_XOR;
                let is_last = at + 8 == bytes.len();
                return match is_last && value == crc.to_be_bytes() {
                    true => Ok(request),
                    false => Err(StunError::Malformed),
                };
            }
            // What stands behind the integrity is not covered by it, and counts for nothing.
            if request.integrity.is_none() {
                request.note(kind, value, at)?;
            }
            at += 4 + value.len().next_multiple_of(4);
        }
        Err(StunError::NoCredentials)
    }

    fn note(&mut self, kind: u16, value: &'a [u8], at: usize) -> Result<(), StunError> {
        match kind {
            USERNAME => self.username = self.username.or(Some(value)),
            MESSAGE_INTEGRITY if value.len() == INTEGRITY_LEN => self.integrity = Some((at, value)),
            MESSAGE_INTEGRITY => return Err(StunError::Malformed),
            USE_CANDIDATE => self.nominated = true,
            PRIORITY | OPTIONAL.. => {}
            _ => {
                if let Some(place) = self.unknown.get_mut(self.unknown_len) {
                    *place = kind;
                    self.unknown_len += 1;
                }
            }
        }
        Ok(())
    }
}

/// The attribute that begins there.
fn attribute(bytes: &[u8], at: usize) -> Result<(u16, &[u8]), StunError> {
    let rest = bytes.get(at..).ok_or(StunError::Malformed)?;
    let (header, rest) = rest.split_at_checked(4).ok_or(StunError::Malformed)?;
    let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    // The padding is there as well.
    rest.get(..len.next_multiple_of(4)).ok_or(StunError::Malformed)?;
    Ok((u16::from_be_bytes([header[0], header[1]]), &rest[..len]))
}

/// HMAC over a message up to its integrity, whose header says that it ends behind that (RFC 8489, 14.5).
fn integrity(password: &str, message: &[u8], integrity_at: usize) -> Result<Hmac<Sha1>, StunError> {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(password.as_bytes()).map_err(|_| StunError::WrongCredentials)?;
    let len = (integrity_at + 4 + INTEGRITY_LEN - HEADER) as u16;
    mac.update(&message[..2]);
    mac.update(&len.to_be_bytes());
    mac.update(&message[4..integrity_at]);
    Ok(mac)
}

/// An answer in the making. [`MAX_ANSWER`] has room for whatever [`answer`] writes.
struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn begin(&mut self, kind: u16) {
        self.out[..2].copy_from_slice(&kind.to_be_bytes());
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        let (at, value_len) = (self.len, value.len());
        self.out[at..at + 2].copy_from_slice(&kind.to_be_bytes());
        self.out[at + 2..at + 4].copy_from_slice(&(value_len as u16).to_be_bytes());
        self.out[at + 4..at + 4 + value_len].copy_from_slice(value);
        self.len = at + 4 + value_len.next_multiple_of(4);
        self.out[at + 4 + value_len..self.len].fill(0);
    }

    /// RFC 8489, 14.2. Cookie and transaction stand in the header in the order in which they are laid upon
    /// the address.
    fn xor_mapped_address(&mut self, from: SocketAddr) {
        let mut value = [0; 20];
        value[2..4].copy_from_slice(&(from.port() ^ (COOKIE >> 16) as u16).to_be_bytes());
        // A socket for both families shows IPv4 as part of IPv6.
        let len = match from.ip().to_canonical() {
            IpAddr::V4(ip) => {
                value[1] = 1;
                value[4..8].copy_from_slice(&ip.octets());
                8
            }
            IpAddr::V6(ip) => {
                value[1] = 2;
                value[4..20].copy_from_slice(&ip.octets());
                20
            }
        };
        value[4..len].iter_mut().zip(&self.out[4..HEADER]).for_each(|(octet, key)| *octet ^= key);
        self.attribute(XOR_MAPPED_ADDRESS, &value[..len]);
    }

    /// MESSAGE-INTEGRITY and FINGERPRINT, and the length in the header.
    fn seal(&mut self, password: &str) -> Result<(), StunError> {
        let tag = integrity(password, self.out, self.len)?.finalize().into_bytes();
        self.attribute(MESSAGE_INTEGRITY, &tag);
        let len = (self.len + 8 - HEADER) as u16;
        self.out[2..4].copy_from_slice(&len.to_be_bytes());
        let crc = crc32fast::hash(&self.out[..self.len]) ^ FINGERPRINT_XOR;
        self.attribute(FINGERPRINT, &crc.to_be_bytes());
        Ok(())
    }
}
