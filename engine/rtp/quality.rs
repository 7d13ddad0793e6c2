//! How good a call sounds, reckoned from its figures: the E-model (ITU-T G.107, narrowband).
//!
//! All parameters of the telephones and rooms have the defaults of G.107, table 2, which come to
//! R = 93.2; from that are taken the delay's impairment (Idd) and the codec's and loss's (Ie,eff).
//! MOS follows from R by annex B. So a figure here can be held against any other E-model's.
//!
//! Absent: echo (Idte, Idle): the machine at this end makes none, and whether the callee hears its
//! own voice back is not seen from here; side tone, noise and the wideband scale (G.107.1), so a
//! wideband call is told as a faultless narrowband one at best; the advantage factor.

use waihu_types::Codec;

/// R of a call without any impairment, by the defaults of G.107 (its table 2; computed in a test).
pub const R_MAX: f32 = 93.2;

/// What can be known of a call's sound at the ear.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// How it was coded.
    pub codec: Codec,
    /// Sound that was missing when it was to be heard, late packets too [0 to 1].
    pub loss: f32,
    /// How much longer the runs of lost packets are than chance would make them (G.107: BurstR); 1 is
    /// chance, 2 twice as long.
    pub burst_ratio: f32,
    /// From mouth to ear: network, jitter buffer, packets and devices [ms].
    pub one_way_ms: f32,
}

/// What is done where sound is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concealment {
    /// Silence.
    None,
    /// The sound before is carried on (G.711 appendix I and the like).
    Plc,
}

/// How a codec sounds, and how it bears loss (G.113, appendix I).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equipment {
    /// Equipment impairment factor without loss (Ie).
    pub ie: f32,
    /// Packet-loss robustness factor (Bpl); the higher, the better.
    pub bpl: f32,
}

impl Equipment {
    /// The factors of a codec.
    ///
    /// G.711: G.113, appendix I, with packets of 10 to 20 ms and random loss: Bpl 4.3, with
    /// concealment 25.1. The others have no narrowband factors there, and these are our own
    /// approximations: G.722 at 64 kbit/s and Opus from 16 kbit/s on are at least as good as G.711
    /// to a narrowband ear, so Ie is 0. G.722's predictor needs a while to settle after loss, so it
    /// bears loss worse than G.711 with the same concealment; Opus conceals in its own decoder, taken
    /// as equal to G.711's.
    pub fn of(codec: Codec, concealment: Concealment) -> Self {
        let bpl = match (codec, concealment) {
            (Codec::Pcma | Codec::Pcmu, Concealment::Plc) => 25.1,
            (Codec::Pcma | Codec::Pcmu, Concealment::None) => 4.3,
            (Codec::G722, Concealment::Plc) => 15.0,
            (Codec::G722, Concealment::None) => 4.3,
            (Codec::Opus, _) => 25.1,
        };
        Self { ie: 0.0, bpl }
    }

    /// Ie,eff under loss (G.107, 7.4): `loss` of all packets [0 to 1] in runs of `burst_ratio`.
    pub fn effective(self, loss: f32, burst_ratio: f32) -> f32 {
        let percent = within(loss, 0.0, 1.0) * 100.0;
        if percent <= 0.0 {
            return self.ie;
        }
        let burst_ratio = within(burst_ratio, 1.0, 100.0);
        self.ie + (95.0 - self.ie) * percent / (percent / burst_ratio + self.bpl)
    }
}

/// A figure held between two; what is no number is the lower.
fn within(figure: f32, low: f32, high: f32) -> f32 {
    if figure.is_nan() { low } else { figure.clamp(low, high) }
}

/// Idd: what delay does to a conversation that has no echo (G.107, 7.3), with the default
/// sensitivity: nothing up to 100 ms.
pub fn delay_impairment(one_way_ms: f32) -> f32 {
    // Ten seconds are no call any more, and the figure has long stood still.
    let ms = f64::from(within(one_way_ms, 0.0, 10_000.0));
    if ms <= 100.0 {
        return 0.0;
    }
    let x = (ms / 100.0).log2();
    let root = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    (25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)) as f32
}

/// The transmission rating R, 0 to 93.2, of a call whose losses are concealed as they are here.
pub fn r_factor(heard: &Heard) -> f32 {
    r_factor_with(heard, Equipment::of(heard.codec, Concealment::Plc))
}

/// The same with other factors of the codec.
pub fn r_factor_with(heard: &Heard, equipment: Equipment) -> f32 {
    let r = R_MAX - delay_impairment(heard.one_way_ms) - equipment.effective(heard.loss, heard.burst_ratio);
    r.max(0.0)
}

/// The mean opinion score of a conversation that has this R (G.107, annex B): 1 to 4.5.
pub fn mos(r: f32) -> f32 {
    let r = within(r, 0.0, 100.0);
    // Below 6.5 the curve dips under 1, which nobody can say.
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7.0e-6).max(1.0)
}

/// BurstR of losses that were counted (G.107, 7.4): how long the runs are, against random loss of as
/// many. 1 where there is no loss, or less of runs than chance makes.
pub fn burst_ratio(packets: u64, lost: u64, runs: u64) -> f32 {
    if runs == 0 || lost >= packets {
        return 1.0;
    }
    let mean_run = lost as f64 / runs as f64;
    let by_chance = packets as f64 / (packets - lost) as f64;
    (mean_run / by_chance).max(1.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: Heard = Heard { codec: Codec::Pcma, loss: 0.0, burst_ratio: 1.0, one_way_ms: 0.0 };

    fn near(got: f32, want: f32, by: f32) {
        assert!((got - want).abs() <= by, "{got} for {want}");
    }

    /// G.107, 7.1 to 7.3 with the defaults of its table 2 and no delay.
    fn r_of_the_defaults() -> f64 {
        let (slr, rlr, ds, stmr, lstr): (f64, f64, f64, f64, f64) = (8.0, 2.0, 3.0, 15.0, 18.0);
        let (telr, wepl, nc, nfor, ps, pr): (f64, f64, f64, f64, f64, f64) =
            (65.0, 110.0, -70.0, -64.0, 35.0, 35.0);
        let power = |db: f64| 10_f64.powf(db / 10.0);
        let olr = slr + rlr;
        let nos = ps - slr - ds - 100.0 + 0.004 * (ps - olr - ds - 14.0).powi(2);
        let pre = pr + 10.0 * (1.0 + power(10.0 - lstr)).log10();
        let nor = rlr - 121.0 + pre + 0.008 * (pre - 35.0).powi(2);
        let no = 10.0 * (power(nc) + power(nos) + power(nor) + power(nfor + rlr)).log10();
        let ro = 15.0 - 1.5 * (slr + no);

        let root = |x: f64, n: f64| (1.0 + x.powf(n)).powf(1.0 / n);
        let xolr = olr + 0.2 * (64.0 + no - rlr);
        let iolr = 20.0 * (root(xolr / 8.0, 8.0) - xolr / 8.0);
        let stmro = -10.0 * (power(-stmr) + power(-telr)).log10();
        let ist = 12.0 * root((stmro - 13.0) / 6.0, 8.0)
            - 28.0 * root((stmro + 1.0) / 19.4, 35.0)
            - 13.0 * root((stmro - 3.0) / 33.0, 13.0)
            + 29.0;
        let q = 37.0; // qdu is 1
        let g = 1.07 + 0.258 * q + 0.0602 * q * q;
        let (y, z) = ((ro - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0, 46.0 / 30.0 - g / 40.0);
        let iq = 15.0 * (1.0 + 10_f64.powf(y) + 10_f64.powf(z)).log10();
        let rle = 10.5 * (wepl + 7.0);
        let idle = (ro - rle) / 2.0 + ((ro - rle).powi(2) / 4.0 + 169.0).sqrt();
        ro - iolr - ist - iq - idle
    }

    #[test]
    fn the_defaults_come_to_the_figure_of_the_recommendation() {
        assert!((r_of_the_defaults() - f64::from(R_MAX)).abs() < 0.05, "{}", r_of_the_defaults());
        near(r_factor(&CLEAN), 93.2, 0.001);
        near(mos(93.2), 4.41, 0.005);
    }

    #[test]
    fn mos_follows_annex_b() {
        // G.107, table B.1: the lower bounds of its five classes.
        for (r, score) in [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)] {
            near(mos(r), score, 0.01);
        }
        for (r, score) in [(-5.0, 1.0), (0.0, 1.0), (5.0, 1.0), (100.0, 4.5), (250.0, 4.5)] {
            near(mos(r), score, 0.001);
        }
        assert!((1..1_000).all(|n| mos(n as f32 / 10.0) >= mos((n - 1) as f32 / 10.0)));
    }

    #[test]
    fn delay_takes_what_the_formula_takes() {
        // From the formula by hand: at 200 ms X is 1, at 400 ms 2, at 800 ms 3.
        let root = |x: f32| (1.0 + x.powi(6)).powf(1.0 / 6.0);
        for (ms, x) in [(200.0, 1.0_f32), (400.0, 2.0), (800.0, 3.0)] {
            near(delay_impairment(ms), 25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0), 0.001);
        }
        near(delay_impairment(200.0), 3.04, 0.02);
        near(delay_impairment(400.0), 24.1, 0.2);
        assert_eq!(delay_impairment(100.0), 0.0);
        near(delay_impairment(101.0), 0.0, 0.001);
        assert!(
            (1..300).all(|n| delay_impairment(n as f32 * 10.0) <= delay_impairment(n as f32 * 10.0 + 10.0))
        );
    }

    #[test]
    fn loss_takes_what_g113_says() {
        let with = |loss, concealment| {
            let equipment = Equipment::of(Codec::Pcmu, concealment);
            r_factor_with(&Heard { loss, ..CLEAN }, equipment)
        };
        // Ie,eff = 95 P / (P + Bpl).
        near(93.2 - with(0.01, Concealment::Plc), 95.0 / 26.1, 0.01);
        near(93.2 - with(0.05, Concealment::Plc), 95.0 * 5.0 / 30.1, 0.01);
        near(93.2 - with(0.01, Concealment::None), 95.0 / 5.3, 0.01);
        near(93.2 - with(0.02, Concealment::None), 95.0 * 2.0 / 6.3, 0.01);
        let bursts = Heard { loss: 0.05, burst_ratio: 2.0, ..CLEAN };
        near(93.2 - r_factor(&bursts), 95.0 * 5.0 / (2.5 + 25.1), 0.01);
        assert!(mos(with(0.03, Concealment::Plc)) > mos(with(0.03, Concealment::None)) + 0.8);
    }

    #[test]
    fn every_codec_is_faultless_without_loss_and_worse_with_more() {
        for codec in Codec::ALL {
            let r = |loss, one_way_ms| r_factor(&Heard { codec, loss, one_way_ms, ..CLEAN });
            near(r(0.0, 80.0), R_MAX, 0.001);
            assert!((0..100).all(|n| r(n as f32 / 100.0, 0.0) > r((n + 1) as f32 / 100.0, 0.0)));
            assert!(r(0.0, 150.0) > r(0.0, 300.0) && r(1.0, 10_000.0) == 0.0);
        }
    }

    #[test]
    fn the_burst_ratio_is_one_by_chance_and_more_in_bursts() {
        assert_eq!((burst_ratio(1_000, 0, 0), burst_ratio(10, 10, 1)), (1.0, 1.0));
        // A tenth lost at random has runs of 1/0.9.
        near(burst_ratio(10_000, 1_000, 900), 1.0, 0.001);
        near(burst_ratio(10_000, 1_000, 225), 4.0, 0.01);
        assert_eq!(burst_ratio(1_000, 100, 100), 1.0);
    }

    proptest::proptest! {
        #[test]
        fn no_figures_lead_off_the_scales(bits: [u32; 4]) {
            let [loss, burst_ratio, one_way_ms, r] = bits.map(f32::from_bits);
            let r_of = r_factor(&Heard { codec: Codec::Opus, loss, burst_ratio, one_way_ms });
            assert!((0.0..=R_MAX).contains(&r_of), "{r_of}");
            assert!((1.0..=4.5).contains(&mos(r)) && (1.0..=4.5).contains(&mos(r_of)));
        }
    }
}
