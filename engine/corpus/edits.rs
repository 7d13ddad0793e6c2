//! How far what was heard is from what was said: the least number of units exchanged, left out and put in
//! (Levenshtein, 1966).

use serde::Serialize;

/// What it takes to make one text of another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Edits {
    /// Units exchanged.
    pub substitutions: usize,
    /// Units that were said and not heard.
    pub deletions: usize,
    /// Units that were heard and not said.
    pub insertions: usize,
    /// Units said.
    pub said: usize,
}

impl Edits {
    /// All errors.
    pub fn errors(&self) -> usize {
        self.substitutions + self.deletions + self.insertions
    }

    /// Errors for each unit said: the error rate of characters or words, 0 and up. Where nothing was said,
    /// each unit heard counts as one.
    pub fn rate(&self) -> f64 {
        self.errors() as f64 / self.said.max(1) as f64
    }

    /// Adds another utterance's.
    pub fn add(&mut self, other: &Self) {
        self.substitutions += other.substitutions;
        self.deletions += other.deletions;
        self.insertions += other.insertions;
        self.said += other.said;
    }

    fn of(cost: Cost, said: usize) -> Self {
        Self { substitutions: cost.0, deletions: cost.1, insertions: cost.2, said }
    }
}

/// Substitutions, deletions, insertions.
type Cost = (usize, usize, usize);

fn sum(cost: Cost) -> usize {
    cost.0 + cost.1 + cost.2
}

/// The edits between two rows of units. The time goes with the product of their lengths.
pub fn edits<T: PartialEq>(said: &[T], heard: &[T]) -> Edits {
    let mut row: Vec<Cost> = (0..=heard.len()).map(|n| (0, 0, n)).collect();
    for (i, unit) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = (0, i + 1, 0);
        for (j, other) in heard.iter().enumerate() {
            let above = row[j + 1];
            let left = row[j];
            let exchanged = (diagonal.0 + usize::from(unit != other), diagonal.1, diagonal.2);
            let left_out = (above.0, above.1 + 1, above.2);
            let put_in = (left.0, left.1, left.2 + 1);
            let mut best = exchanged;
            for other in [left_out, put_in] {
                if sum(other) < sum(best) {
                    best = other;
                }
            }
            row[j + 1] = best;
            diagonal = above;
        }
    }
    Edits::of(row[heard.len()], said.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(said: &str, heard: &str) -> (usize, usize, usize) {
        let split = |s: &str| s.chars().collect::<Vec<_>>();
        let e = edits(&split(said), &split(heard));
        (e.substitutions, e.deletions, e.insertions)
    }

    #[test]
    fn known_distances_come_out() {
        assert_eq!(of("kitten", "sitting"), (2, 0, 1));
        assert_eq!(of("还五百", "还五百"), (0, 0, 0));
        assert_eq!(of("abc", ""), (0, 3, 0));
        assert_eq!(of("", "ab"), (0, 0, 2));
        assert_eq!(edits(&[1, 2, 3, 4], &[1, 3, 4]).rate(), 0.25);
        assert_eq!(edits::<u8>(&[], &[]).rate(), 0.0);
    }

    proptest! {
        #[test]
        fn the_distance_is_one_for_both_ways_and_bounded(a in "[abc]{0,12}", b in "[abc]{0,12}") {
            let split = |s: &str| s.chars().collect::<Vec<_>>();
            let (x, y) = (edits(&split(&a), &split(&b)), edits(&split(&b), &split(&a)));
            prop_assert_eq!(x.errors(), y.errors());
            prop_assert!(x.errors() >= a.len().abs_diff(b.len()) && x.errors() <= a.len().max(b.len()));
            prop_assert_eq!(x.errors() == 0, a == b);
            prop_assert_eq!(a.len() + x.insertions, b.len() + x.deletions);
        }
    }
}
