//! What is left of a call for whoever counts: pseudonyms, days moved, sums in bands.
//!
//! Pseudonyms are keyed: who has no key can neither find a person's nor try numbers until one fits. Whoever has the
//! key can, so that it is kept as the data itself is. Days of one debtor are moved together, by whole weeks, so that
//! what lay between them and their weekdays stay.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Span, Timestamp, civil::Date};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use sha2::Sha256;

/// The shortest key [bytes]: as long as the hash.
pub const LEAST_KEY: usize = 32;

/// By so many weeks at most days are moved, in either direction: a season stays one, a day does not.
const WEEKS: u64 = 13;

/// Where bands of sums begin, whatever the currency.
const BANDS: [u32; 9] = [0, 100, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000];

/// A key is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortKey;

impl std::fmt::Display for ShortKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a key of {LEAST_KEY} bytes at least is expected 密钥至少 {LEAST_KEY} 字节")
    }
}

impl std::error::Error for ShortKey {}

/// Gives pseudonyms by a key.
#[derive(Clone)]
pub struct Pseudonyms(Hmac<Sha256>);

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    /// By a key.
    ///
    /// # Errors
    /// When it is too short.
    pub fn new(key: &[u8]) -> Result<Self, ShortKey> {
        if key.len() < LEAST_KEY {
            return Err(ShortKey);
        }
        Hmac::new_from_slice(key).map(Self).map_err(|_| ShortKey)
    }

    fn digest(&self, kind: &str, id: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(id.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The pseudonym of something, by its kind and id: of two kinds the same id has two.
    pub fn of(&self, kind: &str, id: &str) -> String {
        // 80 bits: no two of a billion are the same.
        hex::encode(&self.digest(kind, id)[..10])
    }

    /// By how many days a debtor's days are moved: whole weeks, never none.
    pub fn moved_days(&self, debtor: &str) -> i64 {
        let dice =
            self.digest("days", debtor).iter().take(8).fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        let weeks = i64::try_from(dice % (2 * WEEKS)).unwrap_or(0) - i64::try_from(WEEKS).unwrap_or(0);
        7 * if weeks >= 0 { weeks + 1 } else { weeks }
    }

    /// A day, moved with the others of a debtor; none where the calendar has no such day.
    pub fn day(&self, debtor: &str, day: Date) -> Option<Date> {
        day.checked_add(Span::new().days(self.moved_days(debtor))).ok()
    }

    /// A moment, moved by as much.
    pub fn moment(&self, debtor: &str, at: Timestamp) -> Option<Timestamp> {
        at.checked_add(SignedDuration::from_hours(24 * self.moved_days(debtor))).ok()
    }
}

/// The band of a sum, as `2000-5000`; the last one is open.
pub fn band(sum: Decimal) -> String {
    let whole = sum.abs().trunc().to_u32().unwrap_or(u32::MAX);
    let at = BANDS.partition_point(|from| *from <= whole);
    match (BANDS.get(at - 1), BANDS.get(at)) {
        (Some(from), Some(to)) => format!("{from}-{to}"),
        (Some(from), None) => format!("{from}+"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_another_key_has_other_pseudonyms() {
        let one = Pseudonyms::new(&[1; 32]).unwrap();
        let two = Pseudonyms::new(&[2; 32]).unwrap();
        assert_eq!(one.of("debtor", "D-7"), one.of("debtor", "D-7"));
        assert_ne!(one.of("debtor", "D-7"), two.of("debtor", "D-7"));
        assert_ne!(one.of("debtor", "D-7"), one.of("case", "D-7"));
        assert_eq!(Pseudonyms::new(&[1; 31]).map(|_| ()), Err(ShortKey));
        assert_eq!(format!("{one:?}"), "Pseudonyms");
    }

    #[test]
    fn days_move_together_by_weeks_and_always() {
        let p = Pseudonyms::new(&[7; 32]).unwrap();
        let (a, b) = (jiff::civil::date(2026, 11, 26), jiff::civil::date(2026, 12, 3));
        let mut seen = std::collections::BTreeSet::new();
        for n in 0..500 {
            let debtor = format!("D-{n}");
            let (moved_a, moved_b) = (p.day(&debtor, a).unwrap(), p.day(&debtor, b).unwrap());
            assert_eq!(moved_a.weekday(), a.weekday());
            assert_eq!(moved_a.until(moved_b).unwrap().get_days(), 7);
            assert_ne!(moved_a, a);
            seen.insert(p.moved_days(&debtor));
        }
        assert_eq!((seen.len(), *seen.first().unwrap(), *seen.last().unwrap()), (26, -91, 91));
    }

    #[test]
    fn sums_have_bands() {
        let of = |text: &str| band(text.parse().unwrap());
        assert_eq!(
            [of("0"), of("99.99"), of("100"), of("3250.00")].join(" "),
            "0-100 0-100 100-500 2000-5000"
        );
        assert_eq!([of("50000"), of("99999999999999")].join(" "), "50000+ 50000+");
    }
}
