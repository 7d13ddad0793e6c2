//! One-time codes by the clock (RFC 6238 over RFC 4226): HMAC-SHA-1, six digits, steps of 30 s, as every authenticator app
//! takes them. A secret is told as base32 (RFC 4648, 6), or as an address that apps read.
//!
//! Here nothing is kept: that each step's code is taken once is for whoever keeps the last one (`store`).

use ring::hmac;
use url::form_urlencoded::byte_serialize;
use waihu_types::WallTime;

use crate::token::{NoRandomness, random};

/// How long a code stands [s] (RFC 6238, 4).
const STEP_S: i64 = 30;
/// So many steps before and after now are taken: a telephone's clock is off by some seconds, and typing takes others
/// (RFC 6238, 5.2).
const EITHER_SIDE: i64 = 1;
/// Bytes of a secret: as long as the hash (RFC 4226, 4, R6).
const SECRET: usize = 20;
/// Digits of a code, and how many codes there are.
const DIGITS: usize = 6;
const CODES: u32 = 1_000_000;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret.
pub(crate) fn new_secret() -> Result<String, NoRandomness> {
    Ok(base32(&random::<SECRET>()?))
}

/// The address by which apps take a secret (otpauth).
pub(crate) fn address(login: &str, secret: &str) -> String {
    let login: String = byte_serialize(login.as_bytes()).collect();
    format!("otpauth://totp/waihu:{login}?secret={secret}&issuer=waihu&algorithm=SHA1&digits=6&period=30")
}

/// The step of time whose code it is, of those about now; none where it is no code of theirs.
pub(crate) fn step_of(secret: &str, code: &str, now: WallTime) -> Option<i64> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes(secret)?);
    let given = read(code)?;
    let here = now.unix_millis().div_euclid(STEP_S * 1_000);
    let mut steps = here - EITHER_SIDE..=here + EITHER_SIDE;
    steps.find(|step| u64::try_from(*step).is_ok_and(|counter| code_of(&key, counter) == given))
}

/// The number that six digits are; people write them in two halves.
fn read(code: &str) -> Option<u32> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let right = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    right.then(|| digits.parse().ok()).flatten()
}

/// RFC 4226, 5.3.
fn code_of(key: &hmac::Key, counter: u64) -> u32 {
    let tag = hmac::sign(key, &counter.to_be_bytes());
    let tag = tag.as_ref();
    let offset = tag.last().map_or(0, |last| usize::from(last & 0xf));
    let four = tag.iter().skip(offset).take(4);
    let number = four.fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    (number & 0x7fff_ffff) % CODES
}

/// Five bytes are eight letters; a secret is a multiple of them.
fn base32(bytes: &[u8]) -> String {
    let of_five = |five: &[u8]| {
        let bits = five.iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
        (0..8).rev().map(move |letter| char::from(ALPHABET[(bits >> (5 * letter)) as usize & 31]))
    };
    bytes.chunks_exact(5).flat_map(of_five).collect()
}

fn bytes(secret: &str) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut out) = (0_u32, 0, Vec::new());
    for letter in secret.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        bits = (bits << 5) | u32::try_from(value).ok()?;
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the vectors of both RFCs.
    const VECTORS: &[u8] = b"12345678901234567890";

    fn at(s: i64) -> WallTime {
        WallTime::from_unix_millis(s * 1_000)
    }

    #[test]
    fn codes_are_those_of_rfc_4226() {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, VECTORS);
        let codes: Vec<u32> = (0..10).map(|counter| code_of(&key, counter)).collect();
        let told = [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489];
        assert_eq!(codes, told);
    }

    #[test]
    fn codes_by_the_clock_are_those_of_rfc_6238() {
        let secret = base32(VECTORS);
        // The RFC has eight digits; these are the last six.
        for (s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step_of(&secret, code, at(s)), Some(s / 30), "{s}");
        }
    }

    #[test]
    fn a_code_counts_one_step_either_side_and_no_further() {
        let secret = base32(VECTORS);
        // The code of the step that is from 30 to 60 s.
        for (s, taken) in [(0, true), (30, true), (59, true), (60, true), (89, true), (90, false)] {
            assert_eq!(step_of(&secret, "287082", at(s)).is_some(), taken, "{s}");
        }
        // That of the fourth, from 90 to 120 s.
        for (s, taken) in [(59, false), (60, true), (149, true), (150, false)] {
            assert_eq!(step_of(&secret, "969429", at(s)).is_some(), taken, "{s}");
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        let secret = base32(VECTORS);
        assert_eq!(step_of(&secret, " 287 082\n", at(45)), Some(1));
        for odd in ["", "28708", "2870820", "28708x", "+87082", "-287082", "２８７０８２", "287081"] {
            assert_eq!(step_of(&secret, odd, at(45)), None, "{odd}");
        }
        assert_eq!(step_of("0189", "287082", at(45)), None, "no secret");
    }

    #[test]
    fn a_secret_is_base32_and_read_back_as_it_was() {
        assert_eq!(base32(b"fooba"), "MZXW6YTB");
        assert_eq!(bytes("MZXW6YTB").unwrap(), b"fooba");
        let secret = new_secret().unwrap();
        assert_eq!((secret.len(), bytes(&secret).unwrap().len()), (32, SECRET));
        assert_eq!(base32(&bytes(&secret).unwrap()), secret);
        assert_ne!(new_secret().unwrap(), secret);
        assert_eq!(
            address("li+1@bank.cn", "MZXW6YTB"),
            "otpauth://totp/waihu:li%2B1%40bank.cn?secret=MZXW6YTB&issuer=waihu&algorithm=SHA1&digits=6&period=30"
        );
    }
}
