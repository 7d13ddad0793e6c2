//! How many calls beyond the free agents: as many as will likely meet an agent who is free by then.
//!
//! Answers and agents who become free are counted by their means and variances, at several moments ahead: who
//! answers early meets those alone who are free early. What is compared is how many more answer than agents are
//! free, taken as normal. That is right for many, and a little bold for few; for few the most that can come at all
//! is the smaller figure, and holds.

use super::estimate::Left;

/// The moments ahead at which answers and free agents are compared [s].
pub(super) const AHEAD_S: [f64; 4] = [3.0, 7.0, 15.0, 30.0];

/// So many standard deviations above the mean is as bad as it comes: one tick in a million is worse.
const WORST: f64 = 4.75;

/// The same for the answer rate itself, which is known by some hundred calls.
pub(super) const WORST_RATE: f64 = 3.0;

/// A count that is not certain.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    mean: f64,
    variance: f64,
}

impl Count {
    pub(super) fn certain(n: u32) -> Self {
        Self { mean: f64::from(n), variance: 0.0 }
    }

    /// One more, by chance.
    pub(super) fn add(&mut self, chance: f64) {
        self.mean += chance;
        self.variance += chance * (1.0 - chance);
    }
}

/// How it stands so far ahead.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ahead {
    /// Agents who will be free.
    pub(super) free: Count,
    /// Calls that will be answered.
    pub(super) answered: Count,
    /// How likely a call that is placed now will be.
    pub(super) new: f64,
}

impl Ahead {
    /// How many more answer than agents are free, on average.
    fn too_many(&self, new: f64) -> f64 {
        let over = self.answered.mean + new * self.new - self.free.mean;
        let variance = self.answered.variance + new * self.new * (1.0 - self.new) + self.free.variance;
        let deviation = variance.sqrt().max(1e-9);
        let z = over / deviation;
        (deviation * density(z) + over * below(z)).max(0.0)
    }
}

/// What may go wrong at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    /// Of those who answer, the share that may find no agent, on average.
    pub(super) share: f64,
    /// How many may find none, at worst.
    pub(super) calls: u32,
}

/// How many calls may be placed now, up to `most`; `lines` ring or wait for an agent already, `free` agents are free,
/// and a call is answered with a chance of `rate` at worst.
///
/// The worst is counted without any agent who may become free: those who answer too many are no more than may be
/// abandoned, or than can come.
pub(super) fn dials(ahead: &[Ahead], allowed: Allowed, rate: f64, lines: u32, free: u32, most: u32) -> u32 {
    let is_right = |n: u32| {
        let new = f64::from(n);
        let can_come = lines.saturating_add(n).saturating_sub(free);
        let all = f64::from(lines) + new;
        let likely = all * rate + WORST * (all * rate * (1.0 - rate)).sqrt() - f64::from(free);
        // Of all who answer in the end, however early they do.
        let answers = ahead.last().map_or(0.0, |at| at.answered.mean + new * at.new);
        can_come == 0
            || likely.min(f64::from(can_come)) <= f64::from(allowed.calls)
                && allowed.calls > 0
                && ahead.iter().all(|at| at.too_many(new) <= allowed.share * answers)
    };
    (1..=most).take_while(|n| is_right(*n)).last().unwrap_or(0)
}

/// How likely a call that rings since `s` is answered within `within_s` more: `answer` is the share of calls that
/// are, `rings` how long those rang, `in_vain` how long the others.
pub(super) fn answered(answer: f64, rings: &Left, in_vain: &Left, s: f64, within_s: f64) -> f64 {
    let (yes, no) = (answer * rings.share(s), (1.0 - answer) * in_vain.share(s));
    if yes + no <= 1e-9 {
        // Longer than any rang.
        return 0.0;
    }
    (yes / (yes + no) * rings.ends(s, within_s)).clamp(0.0, 1.0)
}

/// How likely an agent who talks since `s` is free within `within_s`, the work after the call done.
pub(super) fn free_soon(talk: &Left, wrap: &Left, s: f64, within_s: f64) -> f64 {
    wrap.ending(within_s)
        .map(|(wrap_s, share)| share * talk.ends(s, within_s - wrap_s))
        .sum::<f64>()
        .clamp(0.0, 1.0)
}

fn density(z: f64) -> f64 {
    (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// The normal distribution (Abramowitz and Stegun 26.2.17; off by less than 1e-7).
fn below(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let poly = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = density(z) * poly;
    if z > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(free: u32, ringing: u32, answer: f64) -> Ahead {
        let mut ahead = Ahead { free: Count::certain(free), answered: Count::default(), new: answer };
        (0..ringing).for_each(|_| ahead.answered.add(answer));
        ahead
    }

    #[test]
    fn the_normal_distribution_is_the_tables() {
        for (z, p) in [(0.0, 0.5), (1.0, 0.841_344_7), (-1.96, 0.024_997_9), (3.0, 0.998_650_1)] {
            assert!((below(z) - p).abs() < 2e-7, "{z}");
        }
    }

    #[test]
    fn without_room_no_more_are_dialled_than_agents_are_free() {
        let none = Allowed { share: 0.02, calls: 0 };
        assert_eq!(dials(&[group(4, 0, 0.9)], none, 0.9, 0, 4, 50), 4);
        assert_eq!(dials(&[group(4, 3, 0.9)], none, 0.9, 3, 4, 50), 1);
        assert_eq!(dials(&[group(4, 6, 0.9)], none, 0.9, 6, 4, 50), 0);
        let all = Allowed { share: 0.0, calls: 1_000 };
        assert!(
            dials(&[group(4, 0, 0.3)], all, 0.3, 0, 4, 50) <= 5,
            "nor without a share that may be abandoned"
        );
    }

    #[test]
    fn the_fewer_answer_the_more_are_dialled_and_many_agents_share_their_luck() {
        let allowed = Allowed { share: 0.02, calls: 1_000 };
        let of = |free, answer| dials(&[group(free, 0, answer)], allowed, answer, 0, free, 1_000);
        assert!(of(10, 0.2) > of(10, 0.4) && of(10, 0.4) > of(10, 0.9));
        let each = |free: u32| f64::from(of(free, 0.3)) / f64::from(free);
        assert!(each(5) < each(20) && each(20) < each(200), "{} {} {}", each(5), each(20), each(200));
        // On average no more answer than there are agents.
        assert!(f64::from(of(200, 0.3)) * 0.3 < 200.0);
    }

    #[test]
    fn what_is_promised_on_average_comes_so() {
        let mut random = waihu_types::SplitMix64::new(7);
        let allowed = Allowed { share: 0.02, calls: 1_000 };
        for (free, answer) in [(10, 0.3), (40, 0.2), (100, 0.5)] {
            let n = dials(&[group(free, 0, answer)], allowed, answer, 0, free, 1_000);
            let (mut answers, mut lost) = (0_u32, 0_u32);
            for _ in 0..4_000 {
                let of = (0..n).filter(|_| (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 <= answer);
                let of = u32::try_from(of.count()).unwrap();
                answers += of;
                lost += of.saturating_sub(free);
            }
            let share = f64::from(lost) / f64::from(answers);
            assert!((0.01..0.025).contains(&share), "{free} agents, {answer}: {share}");
        }
    }
}
