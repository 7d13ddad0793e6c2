//! The format of age (age-encryption.org/v1), with X25519 recipients: the header, and the pieces behind it.
//!
//! Written here over `ring` and `curve25519-dalek`, which are linked in anyway: the crate of that name brings along
//! thirty-five more, of which most translate its messages. What is sealed here `age --decrypt` opens, and the other way
//! round. Absent: passphrases, SSH keys, plug-ins, armour.

use std::{
    fmt,
    io::{self, BufRead, Read, Seek, SeekFrom, Write},
};

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD as BASE64};
use bech32::{Bech32, Hrp};
use curve25519_dalek::montgomery::MontgomeryPoint;
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    hkdf, hmac,
    rand::{SecureRandom, SystemRandom},
};

/// What is sealed together [bytes].
pub(crate) const PIECE: usize = 64 << 10;
/// What a piece is longer by once it is sealed [bytes].
const TAG: usize = 16;
const SEALED_PIECE: u64 = (PIECE + TAG) as u64;

const VERSION: &str = "age-encryption.org/v1";
const X25519: &str = "X25519";
/// Lines of a body are so long, but the last [characters].
const COLUMNS: usize = 64;
/// The most lines and the longest line of a header that are read: some dozen recipients.
const MOST_LINES: usize = 200;
const LONGEST_LINE: u64 = 1_024;

/// The public half of a key: for whom something is sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recipient([u8; 32]);

/// The private half.
pub(crate) struct Identity {
    secret: [u8; 32],
    public: Recipient,
}

/// A text that is no key.
#[derive(Debug)]
pub(crate) struct NoKey;

fn prefix(text: &str) -> Result<Hrp, NoKey> {
    Hrp::parse(text).map_err(|_| NoKey)
}

fn read_key(kind: &str, text: &str) -> Result<[u8; 32], NoKey> {
    let (found, bytes) = bech32::decode(text).map_err(|_| NoKey)?;
    if found != prefix(kind)? {
        return Err(NoKey);
    }
    // Bech32m has another checksum; whoever decoded took either.
    let key: [u8; 32] = bytes.try_into().map_err(|_| NoKey)?;
    let again = bech32::encode::<Bech32>(found, &key).map_err(|_| NoKey)?;
    if again.eq_ignore_ascii_case(text) { Ok(key) } else { Err(NoKey) }
}

impl std::str::FromStr for Recipient {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        read_key("age", text).map(Self)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = prefix("age").map_err(|_| fmt::Error)?;
        f.write_str(&bech32::encode::<Bech32>(text, &self.0).map_err(|_| fmt::Error)?)
    }
}

impl std::str::FromStr for Identity {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        read_key("age-secret-key-", text).map(Self::of)
    }
}

impl Identity {
    fn of(secret: [u8; 32]) -> Self {
        Self { secret, public: Recipient(MontgomeryPoint::mul_base_clamped(secret).to_bytes()) }
    }

    /// A new one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub(crate) fn new() -> io::Result<Self> {
        random().map(Self::of)
    }

    /// Its line in a file of keys.
    pub(crate) fn line(&self) -> Result<String, NoKey> {
        let text = bech32::encode::<Bech32>(prefix("age-secret-key-")?, &self.secret).map_err(|_| NoKey)?;
        Ok(text.to_ascii_uppercase())
    }

    pub(crate) fn public(&self) -> Recipient {
        self.public
    }

    /// What a stanza for this key holds; none where it is for another, or was altered.
    fn unwrap(&self, stanza: &Stanza) -> Option<FileKey> {
        let [kind, share] = stanza.words.as_slice() else { return None };
        if kind != X25519 {
            return None;
        }
        let share: [u8; 32] = BASE64.decode(share).ok()?.try_into().ok()?;
        let mut body = stanza.body.clone();
        let key = wrapping(&self.secret, &share, &share, &self.public.0).ok()?;
        key.open_in_place(zero_nonce(), Aad::empty(), &mut body).ok()?.try_into().ok()
    }
}

type FileKey = [u8; 16];

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the system gives no randomness"))?;
    Ok(bytes)
}

fn fault() -> io::Error {
    io::Error::other("a fault of the cipher")
}

fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// HKDF with SHA-256 (RFC 5869), to 32 bytes.
fn derived(salt: &[u8], from: &[u8], what: &[u8]) -> io::Result<[u8; 32]> {
    let mut out = [0; 32];
    let key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(from);
    let expanded = key.expand(&[what], hkdf::HKDF_SHA256).map_err(|_| fault())?.fill(&mut out);
    expanded.map(|()| out).map_err(|_| fault())
}

fn cipher(key: &[u8; 32]) -> io::Result<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(|_| fault())
}

/// The key that wraps a file's, from one secret half and another's point.
fn wrapping(
    secret: &[u8; 32],
    point: &[u8; 32],
    share: &[u8; 32],
    recipient: &[u8; 32],
) -> io::Result<LessSafeKey> {
    let shared = MontgomeryPoint(*point).mul_clamped(*secret).to_bytes();
    // A point of low order would be a secret that everybody knows.
    if shared == [0; 32] {
        return Err(fault());
    }
    cipher(&derived(&[*share, *recipient].concat(), &shared, b"age-encryption.org/v1/X25519")?)
}

/// Words and a body: for whom, or what else is to be known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stanza {
    pub(crate) words: Vec<String>,
    body: Vec<u8>,
}

impl Stanza {
    /// One without a body, that tells something.
    pub(crate) fn told(words: Vec<String>) -> Self {
        Self { words, body: Vec::new() }
    }

    fn wrap(key: &FileKey, to: &Recipient) -> io::Result<Self> {
        let ephemeral: [u8; 32] = random()?;
        let share = MontgomeryPoint::mul_base_clamped(ephemeral).to_bytes();
        let wrapping = wrapping(&ephemeral, &to.0, &share, &to.0)?;
        let mut body = key.to_vec();
        wrapping.seal_in_place_append_tag(zero_nonce(), Aad::empty(), &mut body).map_err(|_| fault())?;
        Ok(Self { words: vec![X25519.to_owned(), BASE64.encode(share)], body })
    }

    fn text(&self) -> String {
        let mut text = format!("-> {}\n", self.words.join(" "));
        let body = BASE64.encode(&self.body);
        let mut left = body.as_str();
        while left.len() >= COLUMNS {
            let (line, rest) = left.split_at(COLUMNS);
            text.push_str(line);
            text.push('\n');
            left = rest;
        }
        // The last line is a short one, were it empty.
        text.push_str(left);
        text.push('\n');
        text
    }
}

/// What stands before the pieces.
#[derive(Debug, Default)]
pub(crate) struct Header {
    pub(crate) stanzas: Vec<Stanza>,
    /// What the code at its end is over.
    text: Vec<u8>,
    code: Vec<u8>,
}

/// Why a header could not be used.
#[derive(Debug)]
pub(crate) enum HeaderFault {
    /// It is no file of this format.
    Foreign,
    /// It is for none of the keys.
    NoKey,
    /// It was altered, or cut off.
    Altered,
    /// It could not be read.
    Io(io::Error),
}

impl Header {
    /// Reads a header, and nothing behind it.
    pub(crate) fn read(from: &mut impl BufRead) -> Result<Self, HeaderFault> {
        let mut header = Self::default();
        if line(from, &mut header.text)? != VERSION {
            return Err(HeaderFault::Foreign);
        }
        let mut next = line(from, &mut header.text)?;
        for _ in 0..MOST_LINES {
            if let Some(code) = next.strip_prefix("--- ") {
                header.code = BASE64.decode(code).map_err(|_| HeaderFault::Altered)?;
                // The code is over all before it, with its three dashes.
                header.text.truncate(header.text.len().saturating_sub(code.len() + 2));
                return Ok(header);
            }
            let words = next.strip_prefix("-> ").ok_or(HeaderFault::Altered)?;
            let mut stanza = Stanza::told(words.split(' ').map(str::to_owned).collect());
            let mut body = String::new();
            loop {
                next = line(from, &mut header.text)?;
                body.push_str(&next);
                if next.len() < COLUMNS {
                    break;
                }
            }
            stanza.body = BASE64.decode(&body).map_err(|_| HeaderFault::Altered)?;
            header.stanzas.push(stanza);
            next = line(from, &mut header.text)?;
        }
        Err(HeaderFault::Altered)
    }

    /// The file's key, with one of these.
    fn open(&self, keys: &[Identity]) -> Result<FileKey, HeaderFault> {
        let found = self.stanzas.iter().find_map(|stanza| keys.iter().find_map(|key| key.unwrap(stanza)));
        let key = found.ok_or(HeaderFault::NoKey)?;
        let code = derived(&[], &key, b"header").map_err(HeaderFault::Io)?;
        let code = hmac::Key::new(hmac::HMAC_SHA256, &code);
        hmac::verify(&code, &self.text, &self.code).map_err(|_| HeaderFault::Altered)?;
        Ok(key)
    }
}

/// A line without its end, which is kept with what was read before.
fn line(from: &mut impl BufRead, text: &mut Vec<u8>) -> Result<String, HeaderFault> {
    let begun = text.len();
    from.take(LONGEST_LINE).read_until(b'\n', text).map_err(HeaderFault::Io)?;
    let (b'\n', line) = text[begun..].split_last().ok_or(HeaderFault::Altered)? else {
        return Err(if begun == 0 { HeaderFault::Foreign } else { HeaderFault::Altered });
    };
    std::str::from_utf8(line).map(str::to_owned).map_err(|_| HeaderFault::Altered)
}

/// The nonce of a piece: its number, and whether it is the last.
fn nonce(piece: u64, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    bytes[3..11].copy_from_slice(&piece.to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

/// Seals all that comes from a source.
///
/// # Errors
/// When it cannot be read or written.
pub(crate) fn seal(
    to: &[Recipient],
    told: Stanza,
    source: &mut dyn Read,
    out: &mut dyn Write,
) -> io::Result<()> {
    let key: FileKey = random()?;
    let mut header = format!("{VERSION}\n");
    for to in to {
        header.push_str(&Stanza::wrap(&key, to)?.text());
    }
    header.push_str(&told.text());
    header.push_str("---");
    let code = hmac::Key::new(hmac::HMAC_SHA256, &derived(&[], &key, b"header")?);
    let code = hmac::sign(&code, header.as_bytes());
    writeln!(out, "{header} {}", BASE64.encode(code))?;
    let salt: [u8; 16] = random()?;
    out.write_all(&salt)?;
    let cipher = cipher(&derived(&salt, &key, b"payload")?)?;
    let mut piece = Vec::with_capacity(PIECE + TAG);
    let mut next = Vec::with_capacity(PIECE + TAG);
    fill(source, &mut piece)?;
    for number in 0_u64.. {
        // Whether it is the last is known once the next one is empty.
        fill(source, &mut next)?;
        let last = next.is_empty();
        cipher
            .seal_in_place_append_tag(nonce(number, last), Aad::empty(), &mut piece)
            .map_err(|_| fault())?;
        out.write_all(&piece)?;
        if last {
            return Ok(());
        }
        std::mem::swap(&mut piece, &mut next);
    }
    Ok(())
}

/// A piece, a full one where so much is left.
fn fill(source: &mut dyn Read, piece: &mut Vec<u8>) -> io::Result<()> {
    piece.clear();
    source.take(PIECE as u64).read_to_end(piece).map(drop)
}

/// What is in a sealed file, from wherever it is sought.
pub(crate) struct Unsealed<R> {
    from: R,
    cipher: LessSafeKey,
    /// Where the pieces begin [bytes].
    begins: u64,
    /// How many there are.
    pieces: u64,
    /// How much is in them [bytes].
    length: u64,
    at: u64,
    /// The piece that was opened last, and what is in it.
    opened: Option<(u64, Vec<u8>)>,
}

/// A piece that is not what was sealed, by where it begins.
#[derive(Debug)]
pub(crate) struct AlteredAt(pub(crate) u64);

impl<R: BufRead + Seek> Unsealed<R> {
    /// Opens a file with one of these keys. Its last piece is opened at once: it says that it is the last, so that
    /// what was cut off is known.
    pub(crate) fn open(header: &Header, mut from: R, keys: &[Identity]) -> Result<Self, HeaderFault> {
        let key = header.open(keys)?;
        let mut salt = [0; 16];
        let cut = |e: io::Error| match e.kind() {
            io::ErrorKind::UnexpectedEof => HeaderFault::Altered,
            _ => HeaderFault::Io(e),
        };
        from.read_exact(&mut salt).map_err(cut)?;
        let cipher =
            derived(&salt, &key, b"payload").and_then(|key| cipher(&key)).map_err(HeaderFault::Io)?;
        let begins = from.stream_position().map_err(HeaderFault::Io)?;
        let sealed = from.seek(SeekFrom::End(0)).map_err(HeaderFault::Io)?.saturating_sub(begins);
        let pieces = sealed.div_ceil(SEALED_PIECE);
        let tags = pieces.saturating_mul(TAG as u64);
        let length = sealed.checked_sub(tags).ok_or(HeaderFault::Altered)?;
        let mut unsealed = Self { from, cipher, begins, pieces, length, at: 0, opened: None };
        let last = pieces.checked_sub(1).ok_or(HeaderFault::Altered)?;
        let content = unsealed.piece(last).map_err(|e| match e.kind() {
            io::ErrorKind::InvalidData => HeaderFault::Altered,
            _ => HeaderFault::Io(e),
        })?;
        // Only of nothing at all an empty piece is made.
        if content.is_empty() && last > 0 { Err(HeaderFault::Altered) } else { Ok(unsealed) }
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// To somewhere within it; beyond its end is its end.
    pub(crate) fn seek_to(&mut self, to: u64) -> u64 {
        self.at = to.min(self.length);
        self.at
    }

    /// What comes next, as much as there is of a piece; nothing at the end.
    ///
    /// # Errors
    /// [`AlteredAt`] inside an `InvalidData`, and as the file.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.length {
            return Ok(0);
        }
        let (number, within) = (self.at / PIECE as u64, (self.at % PIECE as u64) as usize);
        let content = self.piece(number)?;
        let left = content.get(within..).unwrap_or_default();
        let read = left.len().min(into.len());
        into[..read].copy_from_slice(&left[..read]);
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }

    fn piece(&mut self, number: u64) -> io::Result<&[u8]> {
        if self.opened.as_ref().is_none_or(|(opened, _)| *opened != number) {
            let mut piece = match self.opened.take() {
                Some((_, piece)) => piece,
                None => Vec::with_capacity(SEALED_PIECE as usize),
            };
            piece.clear();
            self.from
                .seek(SeekFrom::Start(self.begins.saturating_add(number.saturating_mul(SEALED_PIECE))))?;
            (&mut self.from).take(SEALED_PIECE).read_to_end(&mut piece)?;
            let last = number.saturating_add(1) == self.pieces;
            let content = self.cipher.open_in_place(nonce(number, last), Aad::empty(), &mut piece);
            let length = content.map(|content| content.len()).map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidData, AlteredAt(number.saturating_mul(PIECE as u64)))
            })?;
            piece.truncate(length);
            self.opened = Some((number, piece));
        }
        Ok(self.opened.as_ref().map_or(&[], |(_, piece)| piece))
    }
}

impl fmt::Display for AlteredAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "altered from byte {}", self.0)
    }
}

impl std::error::Error for AlteredAt {}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Made by `age-keygen` and `age` 1.1.1.
    const LINE: &str = "AGE-SECRET-KEY-1CDUZ527QDZ3Y6793CE36HQ6QHH46MUCP23H6PAFNATDJ9VEY4W8SYTHJUP";
    const PUBLIC: &str = "age1a64auhw52xv8vkt6qzr5kf3453yn9g0dztmnf79q5khz66papgfqcfl7ha";
    const SEALED: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBhZ0JZcjBxTStoMW9WbS9zU09FTERXSWdyUEFSMk1XbVIxU1F2Vk1o\
        akdZCkpHamR6YVZCbVBOdnp6WXJKS2t4djVoalA3WG9PQjdtc1BuZ3RXQ1lId0kKLS0tIERaQjNqZEF2aWlDNmtWcWpZVENOSzlxa3ZTOHdi\
        VmRabmw1YjlMOWVpVmcKeoBpxggO/3BYO4ADNgpFQk4P1wa0Gbo9UEPYHo3PVDUeoU1bIT3GvVctOGgG";

    fn opened(sealed: &[u8], key: &str) -> Result<Vec<u8>, HeaderFault> {
        let mut from = Cursor::new(sealed);
        let header = Header::read(&mut from)?;
        let mut unsealed = Unsealed::open(&header, from, &[key.parse().unwrap()])?;
        let mut content = vec![0; usize::try_from(unsealed.length()).unwrap()];
        let read = unsealed.read(&mut content).unwrap();
        content.truncate(read);
        Ok(content)
    }

    #[test]
    fn what_age_sealed_is_opened() {
        let sealed = base64::prelude::BASE64_STANDARD.decode(SEALED).unwrap();
        assert_eq!(opened(&sealed, LINE).unwrap(), b"RIFF, a sound");
        let other = Identity::of([7; 32]).line().unwrap();
        assert!(matches!(opened(&sealed, &other), Err(HeaderFault::NoKey)));
    }

    #[test]
    fn keys_are_written_as_age_writes_them() {
        let key: Identity = LINE.parse().unwrap();
        assert_eq!((key.line().unwrap().as_str(), key.public().to_string().as_str()), (LINE, PUBLIC));
        assert!(PUBLIC.parse::<Recipient>().unwrap() == key.public());
        for wrong in ["", "age1", LINE, &PUBLIC.replace('a', "c"), &format!("{PUBLIC}q")] {
            assert!(wrong.parse::<Recipient>().is_err(), "{wrong}");
        }
        assert!(PUBLIC.parse::<Identity>().is_err());
    }

    #[test]
    fn no_bytes_of_others_are_a_fault_of_ours() {
        let key = Identity::of([7; 32]);
        let mut sealed = Vec::new();
        let told = Stanza::told(vec!["waihu".into(), "x".repeat(300)]);
        seal(&[key.public()], told, &mut &[1; 100][..], &mut sealed).unwrap();
        let keys = [key];
        for n in 0..sealed.len() {
            for bytes in [sealed[..n].to_vec(), [&sealed[..n], b"\xff\n", &sealed[n..]].concat()] {
                let mut from = Cursor::new(bytes);
                let opened = Header::read(&mut from).and_then(|header| Unsealed::open(&header, from, &keys));
                assert!(opened.is_err(), "{n}");
            }
        }
    }
}
