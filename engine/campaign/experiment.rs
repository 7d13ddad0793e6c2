//! Which variant of a script a case meets, and what a campaign's variants came to.
//!
//! Proportions have the score interval of Wilson (JASA 22, 1927); the difference of two has the hybrid
//! score interval of Newcombe (Statistics in Medicine 17, 1998, method 10). Both hold for few cases and for
//! shares near 0 and 1, where the usual formula does not. The unit is the case, which is what was drawn:
//! calls to one case are not independent.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use waihu_types::{AttemptId, CampaignId, CaseId, Disposition, Identity, Intent, Outcome};

/// The normal deviate of a two-sided interval of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The variant, by index, that a case of a campaign meets, in proportion to `shares`: the same in every run
/// and on every machine, so that a retry meets the same. None where there is no share.
pub fn variant_of(campaign: &CampaignId, case: &CaseId, shares: &[u32]) -> Option<usize> {
    // FNV-1a, 64 bits, and the finalizer of SplitMix64: FNV alone leaves the high bits of short ids alike.
    let bytes = campaign.as_str().bytes().chain([0]).chain(case.as_str().bytes());
    let mut hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    let total: u64 = shares.iter().map(|s| u64::from(*s)).sum();
    let mut at = (u128::from(hash) * u128::from(total)) >> 64;
    shares.iter().position(|share| {
        let inside = at < u128::from(*share);
        if !inside {
            at -= u128::from(*share);
        }
        inside
    })
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proportion {
    /// How many.
    pub hits: u32,
    /// Of how many.
    pub of: u32,
}

/// A figure with its interval of 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The figure.
    pub value: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl Proportion {
    /// The share with Wilson's interval; none of none is anything from 0 to 1.
    pub fn interval(self) -> Interval {
        let (hits, n) = (f64::from(self.hits.min(self.of)), f64::from(self.of));
        if self.of == 0 {
            return Interval { value: 0.0, low: 0.0, high: 1.0 };
        }
        let share = hits / n;
        let middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        Interval { value: share, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
    }

    /// By how much the share is above that of `other`, with Newcombe's interval; none where either has no
    /// case.
    pub fn above(self, other: Self) -> Option<Interval> {
        if self.of == 0 || other.of == 0 {
            return None;
        }
        let (a, b) = (self.interval(), other.interval());
        let value = a.value - b.value;
        let root = |x: f64, y: f64| (x * x + y * y).sqrt();
        Some(Interval {
            value,
            low: (value - root(a.value - a.low, b.high - b.value)).max(-1.0),
            high: (value + root(a.high - a.value, b.value - b.low)).min(1.0),
        })
    }
}

/// What one variant came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VariantResult {
    /// The variant's name; the script's, with the beginning of its hash, where there was no experiment.
    pub variant: String,
    /// The scripts that ran, as `flow@hash`: more than one only outside an experiment.
    pub scripts: BTreeSet<String>,
    /// Calls placed.
    pub calls: u32,
    /// Cases called.
    pub cases: u32,
    /// Cases of which a call was answered.
    pub answered: u32,
    /// Cases of which the person was reached.
    pub right_party: u32,
    /// Cases with a promise.
    pub promises: u32,
    /// Cases with a promise that was kept.
    pub kept: u32,
    /// What was promised, by currency.
    pub sums: BTreeMap<String, Decimal>,
    /// Cases with a complaint, be it that a person has heard it and put down another end.
    pub complaints: u32,
    /// Cases of which somebody asked not to be called again.
    pub stop_calling: u32,
}

impl VariantResult {
    /// A count as a share of the cases.
    pub fn of_cases(&self, hits: u32) -> Proportion {
        Proportion { hits, of: self.cases }
    }
}

/// What the outcomes of a campaign come to, by variant, in the order of their names; `kept` are the attempts whose
/// promise was kept.
pub fn results(outcomes: &[Outcome], kept: &BTreeSet<AttemptId>) -> Vec<VariantResult> {
    let mut by_variant: BTreeMap<String, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        let name = outcome.script.variant.clone().unwrap_or_else(|| script_label(outcome));
        by_variant.entry(name).or_default().push(outcome);
    }
    by_variant.into_iter().map(|(variant, outcomes)| result(variant, &outcomes, kept)).collect()
}

fn result(variant: String, outcomes: &[&Outcome], kept: &BTreeSet<AttemptId>) -> VariantResult {
    let cases = |which: &dyn Fn(&Outcome) -> bool| {
        let cases: BTreeSet<&CaseId> = outcomes.iter().filter(|o| which(o)).map(|o| &o.case).collect();
        count(cases.len())
    };
    let ended = |as_: Disposition| cases(&move |o: &Outcome| o.effective_disposition() == as_);
    // A case that promised twice has one promise: the last.
    let mut promised: BTreeMap<&CaseId, &Outcome> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|o| o.promise.is_some()) {
        let last = promised.entry(&outcome.case).or_insert(outcome);
        if outcome.ended_at >= last.ended_at {
            *last = outcome;
        }
    }
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for promise in promised.values().filter_map(|o| o.promise.as_ref()) {
        let sum = sums.entry(promise.sum.currency().code().to_owned()).or_default();
        *sum = sum.saturating_add(promise.sum.amount());
    }
    VariantResult {
        variant,
        scripts: outcomes.iter().map(|o| script_label(o)).collect(),
        calls: count(outcomes.len()),
        cases: cases(&|_| true),
        answered: cases(&|o| o.answered_at.is_some()),
        right_party: cases(&|o| o.identity == Identity::Confirmed),
        promises: count(promised.len()),
        kept: cases(&|o| kept.contains(&o.attempt)),
        sums,
        complaints: cases(&|o| {
            o.effective_disposition() == Disposition::Complaint || o.intents.contains(&Intent::Complaint)
        }),
        stop_calling: ended(Disposition::StopCalling),
    }
}

fn script_label(outcome: &Outcome) -> String {
    let script = &outcome.script;
    format!("{}@{}", script.name, script.sha256.get(..12).unwrap_or(&script.sha256))
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 5e-5
    }

    #[test]
    fn wilsons_and_newcombes_intervals_are_those_of_the_papers() {
        // Newcombe 1998, table II: 56/70 and 48/80, method 10: 0.0524 to 0.3339; 9/10 and 3/10: 0.1705 to 0.8090;
        // 10/10 and 0/10: 0.6075 to 1.
        let of = |hits, of| Proportion { hits, of };
        for (a, b, low, high) in [
            (of(56, 70), of(48, 80), 0.0524, 0.3339),
            (of(9, 10), of(3, 10), 0.1705, 0.8090),
            (of(10, 10), of(0, 10), 0.6075, 1.0),
        ] {
            let found = a.above(b).unwrap();
            assert!(near(found.low, low) && near(found.high, high), "{found:?}, not {low} to {high}");
        }
        // Wilson's of 81/263: 0.2553 to 0.3662 (Newcombe, Statistics in Medicine 17, 857, table I).
        let wilson = of(81, 263).interval();
        assert!(near(wilson.low, 0.2553) && near(wilson.high, 0.3662), "{wilson:?}");
        assert_eq!(of(0, 0).interval(), Interval { value: 0.0, low: 0.0, high: 1.0 });
        assert_eq!(of(0, 0).above(of(1, 2)), None);
    }

    #[test]
    fn cases_fall_to_variants_in_their_shares_and_always_to_the_same() {
        let campaign: CampaignId = "november".parse().unwrap();
        let mut counts = [0_u32; 3];
        for n in 0..30_000 {
            let case: CaseId = format!("C-{n}").parse().unwrap();
            let at = variant_of(&campaign, &case, &[50, 30, 20]).unwrap();
            assert_eq!(variant_of(&campaign, &case, &[50, 30, 20]), Some(at));
            counts[at] += 1;
        }
        for (count, share) in counts.iter().zip([0.5, 0.3, 0.2]) {
            // Four standard errors of the largest share are 1.2 %.
            assert!((f64::from(*count) / 30_000.0 - share).abs() < 0.012, "{counts:?}");
        }
        let case: CaseId = "C-1".parse().unwrap();
        assert_eq!(variant_of(&campaign, &case, &[0, 7]), Some(1));
        assert_eq!(variant_of(&campaign, &case, &[]), None);
    }

    #[test]
    fn the_draw_is_fixed_for_ever() {
        // Changing these sends running campaigns' retries to the other variant.
        let drawn: String = (0..16)
            .map(|n| {
                let at =
                    variant_of(&"november".parse().unwrap(), &format!("C-{n}").parse().unwrap(), &[1, 1]);
                if at == Some(0) { 'A' } else { 'B' }
            })
            .collect();
        assert_eq!(drawn, "BBAABBBABAAABBAA");
    }
}
