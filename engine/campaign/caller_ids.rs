//! Which number a callee sees: by where the callee's own number belongs, and by weights where there are several.
//!
//! A campaign names one a region, a trunk's pool several. Deliberately absent: how the carrier wants it written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waihu_types::{PhoneNumber, SplitMix64};

/// Numbers that callees see, by where the number that is dialled belongs.
///
/// A key is what the dialled number begins with: with a `+` it is held against numbers that are written with their
/// country (`+8621`), without one against the digits inside the country (`021`, `212`); the longest that fits
/// counts. `default` stands for all others; without it they see what the trunk's configuration has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallerIds(BTreeMap<String, Numbers>);

/// The numbers of one region with their weights: at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PhoneNumber", into = "PhoneNumber")]
struct Numbers(PhoneNumber, Vec<(PhoneNumber, u32)>);

impl From<PhoneNumber> for Numbers {
    fn from(only: PhoneNumber) -> Self {
        Self(only.clone(), vec![(only, 1)])
    }
}

impl From<Numbers> for PhoneNumber {
    /// Campaigns name one number a region, and write it down as it is.
    fn from(numbers: Numbers) -> Self {
        numbers.0
    }
}

/// The key for all other numbers.
const ALL_OTHERS: &str = "default";

impl CallerIds {
    /// A pool: numbers by the regions that see them, several in one with their weights.
    pub fn pool(of: impl IntoIterator<Item = (String, PhoneNumber, u32)>) -> Self {
        let mut ids: BTreeMap<String, Numbers> = BTreeMap::new();
        for (region, number, weight) in of {
            let numbers = ids.entry(region).or_insert_with(|| Numbers(number.clone(), Vec::new()));
            numbers.1.push((number, weight));
        }
        Self(ids)
    }

    /// The number that whoever is called at `callee` sees, the same at each call; none for the trunk's own.
    pub fn of(&self, callee: &PhoneNumber) -> Option<&PhoneNumber> {
        let written = callee.as_str();
        let abroad = written.strip_prefix('+').or_else(|| written.strip_prefix("00"));
        let home = callee.subscriber();
        let fits = |key: &str| match key.strip_prefix('+') {
            Some(code) => abroad.is_some_and(|digits| digits.starts_with(code)),
            None => home.starts_with(key.trim_start_matches('0')),
        };
        let regions = self.0.iter().filter(|(key, _)| *key != ALL_OTHERS && fits(key));
        regions
            .max_by_key(|(key, _)| key.len())
            .or_else(|| self.0.get_key_value(ALL_OTHERS))
            .map(|(_, numbers)| numbers.of(home))
    }

    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys that are neither digits nor `default`.
    pub(crate) fn odd_keys(&self) -> impl Iterator<Item = &str> {
        let digits = |key: &str| {
            let plain = key.strip_prefix('+').unwrap_or(key);
            // At least one digit is left once the zeros before it are gone: an empty one would fit all.
            plain.len() <= 15 && plain.bytes().all(|b| b.is_ascii_digit()) && plain.bytes().any(|b| b != b'0')
        };
        self.0.keys().map(String::as_str).filter(move |key| *key != ALL_OTHERS && !digits(key))
    }
}

impl Numbers {
    /// Drawn by the callee's digits: who is called from one number today knows it again tomorrow, on any node.
    fn of(&self, subscriber: &str) -> &PhoneNumber {
        let sum: u64 = self.1.iter().map(|(_, weight)| u64::from(*weight)).sum();
        // FNV-1a, 64 bits, as of variants.
        let hash = subscriber
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        let drawn = SplitMix64::new(hash).next_u64() % sum.max(1);
        let mut running = 0;
        let number = self.1.iter().find(|(_, weight)| {
            running += u64::from(*weight);
            drawn < running
        });
        number.map_or(&self.0, |(number, _)| number)
    }
}

impl FromIterator<(String, PhoneNumber)> for CallerIds {
    fn from_iter<I: IntoIterator<Item = (String, PhoneNumber)>>(ids: I) -> Self {
        Self(ids.into_iter().map(|(key, id)| (key, id.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_shared_out_by_weight_and_a_callee_sees_always_the_same() {
        let number = |text: &str| text.parse::<PhoneNumber>().unwrap();
        let pool = CallerIds::pool([
            ("default".to_owned(), number("4008001001"), 3),
            ("default".to_owned(), number("4008001002"), 1),
            ("+8621".to_owned(), number("02162345678"), 1),
        ]);
        assert_eq!(pool.of(&number("+862188887777")), Some(&number("02162345678")));
        let first = (0..4_000).filter(|n| {
            let callee = number(&format!("138{n:08}"));
            assert_eq!(pool.of(&callee), pool.of(&number(&format!("+86138{n:08}"))), "however it is written");
            pool.of(&callee) == Some(&number("4008001001"))
        });
        assert!(first.count().abs_diff(3_000) < 150);
        assert_eq!(CallerIds::pool([]).of(&number("13800000000")), None);
    }
}
