//! The play-out in virtual time: a sender, a network, a caller with its 20 ms ticks, all data.

use std::collections::HashSet;

use super::*;

/// A seeded xorshift: the same network in each run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Evenly in 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// With this mean, mostly less and now and then much more [ms].
    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.share()).ln()
    }
}

#[derive(Clone, Debug)]
struct Sent {
    at_us: u64,
    sequence: u16,
    timestamp: u32,
    /// [ticks]
    duration: u32,
    /// What its payload begins with, to be told again when heard; and when it was said [µs].
    id: u32,
    said_us: u64,
    lost: bool,
}

/// A sender of packets of `ptime` [ms] for `ms`, numbers near their wraps, arriving as they are sent.
fn steady(rate: u32, ptime: u32, ms: u32) -> Vec<Sent> {
    (0..ms / ptime)
        .map(|n| Sent {
            at_us: u64::from(n) * u64::from(ptime) * 1_000,
            sequence: 65_500_u16.wrapping_add(n as u16),
            timestamp: (u32::MAX - 3_000).wrapping_add(n * (ptime * rate / 1_000)),
            duration: ptime * rate / 1_000,
            id: n,
            said_us: u64::from(n) * u64::from(ptime) * 1_000,
            lost: false,
        })
        .collect()
}

/// What a caller does that decodes, conceals and stretches; sound is counted in µs.
struct Caller {
    buffer: PlayoutBuffer,
    rate: u32,
    /// Sound decoded and not yet heard.
    left_us: i64,
    heard: Vec<u32>,
    /// Packets' delay from mouth to ear at the moment they are heard [ms], with that moment [ms].
    delays: Vec<(u64, f64)>,
    concealed_us: i64,
    dry_us: i64,
    silent_us: i64,
    lost_ticks: u64,
    mended: u64,
    said: Vec<u64>,
}

/// What the caller takes out or puts in: a pitch period of 100 to 200 Hz is 5 to 10 ms.
const PITCH_US: i64 = 6_000;

impl Caller {
    fn new(rate: u32) -> Self {
        Self {
            buffer: PlayoutBuffer::new(rate),
            rate,
            left_us: 0,
            heard: vec![],
            delays: vec![],
            concealed_us: 0,
            dry_us: 0,
            silent_us: 0,
            lost_ticks: 0,
            mended: 0,
            said: vec![],
        }
    }

    fn push(&mut self, sent: &Sent) -> Pushed {
        let mut payload = [0; 160];
        payload[..4].copy_from_slice(&sent.id.to_be_bytes());
        let packet = Packet {
            payload_type: 8,
            marker: false,
            sequence: sent.sequence,
            timestamp: sent.timestamp,
            ssrc: 1,
            payload: &payload,
        };
        if self.said.len() <= sent.id as usize {
            self.said.resize(sent.id as usize + 1, 0);
        }
        self.said[sent.id as usize] = sent.said_us;
        self.buffer.push(Time::from_micros(sent.at_us), &packet, sent.duration)
    }

    fn tick(&mut self, now_us: u64) {
        while self.left_us < 20_000 {
            let us = |ticks: u32| i64::from(ticks) * 1_000_000 / i64::from(self.rate);
            match self.buffer.pop(Time::from_micros(now_us)) {
                Popped::Packet { payload, duration, pace, payload_type } => {
                    assert_eq!(payload_type, 8);
                    let id = u32::from_be_bytes(payload[..4].try_into().unwrap());
                    self.heard.push(id);
                    let ear_us = now_us as i64 + self.left_us;
                    let delay = (ear_us - self.said[id as usize] as i64) as f64 / 1_000.0;
                    self.delays.push((now_us / 1_000, delay));
                    self.left_us += us(duration)
                        + match pace {
                            Pace::AsIs => 0,
                            Pace::Shorten => -PITCH_US.min(us(duration) / 2),
                            Pace::Lengthen => PITCH_US,
                        };
                }
                Popped::Lost { duration, next } => {
                    assert!(duration > 0);
                    self.lost_ticks += u64::from(duration);
                    self.mended += u64::from(next.is_some());
                    self.concealed_us += us(duration);
                    self.left_us += us(duration);
                }
                Popped::Empty { dry } => {
                    let rest = 20_000 - self.left_us;
                    *(if dry { &mut self.dry_us } else { &mut self.silent_us }) += rest;
                    self.left_us = 20_000;
                }
            }
        }
        self.left_us -= 20_000;
    }

    /// Plays packets against ticks that begin `phase` into the first 20 ms; those that came before
    /// the ticks of an earlier call are over.
    fn play(&mut self, sent: &[Sent], from_ms: u64, until_ms: u64, phase_us: u64) {
        let mut waiting: Vec<&Sent> = sent
            .iter()
            .filter(|s| !s.lost && s.at_us + 20_000 > (from_ms * 1_000 + phase_us) * u64::from(from_ms > 0))
            .collect();
        waiting.sort_by_key(|s| s.at_us);
        let mut waiting = waiting.into_iter().peekable();
        for n in from_ms / 20..until_ms / 20 {
            let now = n * 20_000 + phase_us;
            while let Some(s) = waiting.next_if(|s| s.at_us <= now) {
                self.push(s);
            }
            self.tick(now);
        }
    }

    /// The mean delay of what was heard from `from` to `until` [ms].
    fn mean_delay(&self, from: u64, until: u64) -> f64 {
        let d: Vec<f64> = self.delays.iter().filter(|d| (from..until).contains(&d.0)).map(|d| d.1).collect();
        d.iter().sum::<f64>() / d.len() as f64
    }

    fn most_delay(&self, from: u64, until: u64) -> f64 {
        self.delays.iter().filter(|d| (from..until).contains(&d.0)).map(|d| d.1).fold(0.0, f64::max)
    }
}

/// Lets each packet take `delay()` [ms]; order is kept where the network keeps it.
fn through(sent: &mut [Sent], order: bool, mut delay: impl FnMut(usize) -> f64) {
    let mut last = 0;
    for (n, s) in sent.iter_mut().enumerate() {
        s.at_us += (delay(n) * 1_000.0) as u64;
        if order {
            s.at_us = s.at_us.max(last);
            last = s.at_us;
        }
    }
}

fn all(n: u32) -> Vec<u32> {
    (0..n).collect()
}

#[test]
fn every_packet_time_comes_out_whole_and_in_order_with_little_delay() {
    for rate in [8_000, 48_000] {
        for ptime in [10, 20, 30, 40, 60] {
            for phase in [0, 7_000, 19_000] {
                let mut c = Caller::new(rate);
                c.play(&steady(rate, ptime, 6_000), 0, 5_900, phase);
                let what = format!("packets of {ptime} ms at {rate}, phase {phase}: {:?}", c.buffer);
                assert_eq!(c.heard, all(c.heard.len() as u32), "{what}");
                assert_eq!((c.concealed_us, c.dry_us), (0, 0), "{what}");
                assert!(c.most_delay(0, 5_900) <= 80.0 + f64::from(ptime), "{what}");
                assert!(c.mean_delay(1_000, 5_900) >= 40.0, "{what}");
                let s = c.buffer.stats();
                assert_eq!((s.shortened, s.late, s.lost), (0, 0, 0), "{what}");
                assert!(s.lengthened <= 3, "{what}");
            }
        }
    }
}

#[test]
fn packet_times_may_be_mixed() {
    let mut sent = vec![];
    let (mut at, mut ts) = (0_u64, 77_u32);
    for (id, ptime) in [20, 10, 60, 30, 40, 20, 20, 10, 60].into_iter().cycle().take(900).enumerate() {
        let (sequence, id) = (id as u16, id as u32);
        // It is sent when its sound is complete.
        at += ptime * 1_000;
        sent.push(Sent {
            at_us: at,
            sequence,
            timestamp: ts,
            duration: ptime as u32 * 8,
            id,
            said_us: at,
            lost: false,
        });
        ts += ptime as u32 * 8;
    }
    let mut c = Caller::new(8_000);
    c.play(&sent, 0, at / 1_000 + 200, 3_000);
    assert_eq!(c.heard, all(900));
    // The long ones come late against the short ones: learnt from the first.
    assert!(c.concealed_us == 0 && c.buffer.stats().underruns <= 1, "{:?}", c.buffer);
}

#[test]
fn mixed_order_and_copies_are_put_right_and_counted() {
    let mut sent = steady(8_000, 20, 2_000);
    for ten in sent.chunks_mut(10) {
        (ten[4].at_us, ten[5].at_us) = (ten[5].at_us, ten[4].at_us);
        ten[6].at_us = ten[7].at_us;
    }
    let copies: Vec<_> = sent.iter().step_by(10).cloned().collect();
    sent.extend(copies);
    let mut c = Caller::new(8_000);
    c.play(&sent, 0, 2_200, 0);
    assert_eq!(c.heard, all(100));
    let s = c.buffer.stats();
    assert_eq!((s.reordered, s.duplicate, s.late, s.lost), (10, 10, 0, 0));
}

#[test]
fn a_packet_that_was_overtaken_may_lead_the_stream() {
    let mut sent = steady(8_000, 20, 400);
    (sent[0].at_us, sent[1].at_us) = (sent[1].at_us, sent[0].at_us);
    let mut c = Caller::new(8_000);
    c.play(&sent, 0, 500, 0);
    assert_eq!(c.heard, all(20));
}

#[test]
fn a_lost_packet_is_a_hole_of_its_own_length_and_the_one_behind_it_is_shown() {
    for ptime in [10, 20, 30, 40, 60] {
        let mut sent = steady(8_000, ptime, 3_000);
        sent[20].lost = true;
        let mut c = Caller::new(8_000);
        c.play(&sent, 0, 2_900, 5_000);
        let s = c.buffer.stats();
        assert_eq!((s.lost, s.underruns), (1, 0), "{ptime} ms");
        assert_eq!(c.lost_ticks, u64::from(ptime) * 8, "{ptime} ms");
        assert_eq!((c.mended, c.dry_us), (1, 0), "{ptime} ms: {:?}", c.buffer);
        assert!(!c.heard.contains(&20) && c.heard.contains(&21));
        assert!((c.mean_delay(0, 400) - c.mean_delay(2_000, 2_900)).abs() < 1.0, "{ptime} ms");
    }
}

#[test]
fn a_burst_of_loss_keeps_its_length_and_adds_no_delay() {
    for burst in [2, 3, 5, 8, 12, 25, 200] {
        let mut sent = steady(8_000, 20, 10_000);
        sent[100..100 + burst].iter_mut().for_each(|s| s.lost = true);
        let mut c = Caller::new(8_000);
        c.play(&sent, 0, 9_900, 5_000);
        let before = c.mean_delay(1_000, 1_900);
        let after = c.mean_delay(9_000, 9_900);
        assert!((before - after).abs() <= 20.0, "burst of {burst}: {before} then {after} ms");
        assert_eq!((c.buffer.stats().lost, c.buffer.stats().lost_runs), (burst as u64, 1));
        let missing_us = c.concealed_us + c.dry_us + c.silent_us - 60_000;
        assert!((missing_us - burst as i64 * 20_000).abs() <= 20_000, "burst of {burst}: {missing_us} µs");
        assert!(c.dry_us <= 60_000, "what is made up is short");
    }
}

#[test]
fn a_fifth_lost_at_random_is_concealed_piece_by_piece_without_delay() {
    let mut dice = Dice(11);
    let mut sent = steady(8_000, 20, 120_000);
    sent.iter_mut().for_each(|s| s.lost = dice.share() < 0.2);
    through(&mut sent, true, |_| dice.exponential(3.0));
    let lost = sent.iter().filter(|s| s.lost).count() as u64;
    let runs = sent.windows(2).filter(|w| !w[0].lost && w[1].lost).count() as u64;
    let mut c = Caller::new(8_000);
    c.play(&sent, 0, 120_200, 5_000);
    let s = c.buffer.stats();
    assert!(s.lost.abs_diff(lost) <= 2 && s.played + s.lost >= 5_995, "{s:?}, {lost} were lost");
    assert!(s.lost_runs.abs_diff(runs) <= 2, "{s:?}, {runs} runs");
    assert!(c.most_delay(1_000, 120_000) < 130.0, "{:?}", c.most_delay(1_000, 120_000));
    assert!(c.dry_us < 6_000_000 && c.mended * 10 > lost * 7, "{} µs dry, {} mended", c.dry_us, c.mended);
}

#[test]
fn jitter_makes_it_deeper_and_calm_makes_it_shallow_again() {
    let mut dice = Dice(5);
    let mut sent = steady(8_000, 20, 90_000);
    through(&mut sent, true, |n| if (1_000..2_000).contains(&n) { dice.exponential(18.0) } else { 1.0 });
    let mut c = Caller::new(8_000);
    c.play(&sent, 0, 40_000, 5_000);
    assert!(c.buffer.target_ms() > 60, "{:?}", c.buffer);
    c.play(&sent, 40_000, 89_900, 5_000);
    assert_eq!(c.buffer.target_ms(), 40);
    assert!(c.mean_delay(5_000, 20_000) < 75.0);
    assert!(c.mean_delay(80_000, 89_000) < 85.0, "{}", c.mean_delay(80_000, 89_000));
    assert_eq!(c.heard, all(c.heard.len() as u32), "late is not lost in a network that keeps order");
    let concealed = (c.dry_us + c.concealed_us) as f64 / 20_000_000.0;
    assert!(concealed < 0.04, "{concealed} of the time of jitter was concealed: {:?}", c.buffer);
}

/// Networks as they are met: (name, order kept, what a packet takes [ms]) -> share concealed and delay.
#[test]
fn networks_of_many_kinds_cost_little_sound_and_little_delay() {
    type Network = fn(&mut Dice) -> f64;
    let networks: [(&str, bool, Network, f64, f64); 5] = [
        ("a trunk", true, |d| d.exponential(1.0), 0.000_5, 75.0),
        ("a busy line", true, |d| d.exponential(8.0), 0.01, 100.0),
        ("radio", true, |d| if d.share() < 0.02 { 60.0 } else { d.exponential(6.0) }, 0.015, 130.0),
        ("two paths", false, |d| if d.share() < 0.5 { 0.0 } else { 25.0 }, 0.001, 90.0),
        ("rare spikes", true, |d| if d.share() < 0.000_5 { 250.0 } else { d.exponential(2.0) }, 0.01, 120.0),
    ];
    for (name, order, network, most_concealed, most_delay) in networks {
        let mut dice = Dice(99);
        let mut sent = steady(8_000, 20, 300_000);
        through(&mut sent, order, |_| network(&mut dice));
        let mut c = Caller::new(8_000);
        c.play(&sent, 0, 300_000, 5_000);
        let concealed = (c.concealed_us + c.dry_us) as f64 / 300_000_000.0;
        let delay = c.mean_delay(0, 300_000);
        assert!(concealed <= most_concealed && delay <= most_delay, "{name}: {concealed:.4}, {delay:.0} ms");
    }
}

#[test]
fn clocks_that_run_apart_for_ten_minutes_cost_no_sound_and_no_delay() {
    for percent in [1.0, -1.0, 0.05, -0.05] {
        for ptime in [20, 60] {
            let mut dice = Dice(3);
            let mut sent = steady(8_000, ptime, 600_000);
            for s in &mut sent {
                // A fast sender says 20 ms of sound in less than our 20 ms.
                s.at_us = (s.at_us as f64 * (1.0 - percent / 100.0)) as u64;
                s.said_us = s.at_us;
            }
            through(&mut sent, true, |_| dice.exponential(2.0));
            let end = sent.last().unwrap().at_us / 1_000;
            let mut c = Caller::new(8_000);
            c.play(&sent, 0, end, 5_000);
            let what = format!("{percent} % with {ptime} ms: {:?}", c.buffer);
            let s = c.buffer.stats();
            assert_eq!((s.lost, s.late, s.dropped, s.resynced), (0, 0, 0, 0), "{what}");
            assert_eq!(s.underruns, 0, "{what}");
            assert!(c.dry_us + c.silent_us <= 200_000, "{what}: {} dry, {} silent", c.dry_us, c.silent_us);
            let late = c.mean_delay(540_000, end);
            assert!(c.most_delay(2_000, end) < 140.0 && late < 110.0, "{what}: {late} ms");
            let minutes = if percent.abs() > 0.5 { 900 } else { 40 };
            assert!(s.shortened.max(s.lengthened) >= minutes, "{what}");
            assert!(s.shortened.min(s.lengthened) * 10 <= minutes, "it does not go to and fro: {what}");
        }
    }
}

#[test]
fn a_spike_is_played_out_and_its_delay_brought_down() {
    for spike in [100.0, 300.0, 700.0] {
        let mut sent = steady(8_000, 20, 40_000);
        // Everything from then on waits until the spike is over, and comes at once.
        for s in &mut sent[250..250 + spike as usize / 20] {
            s.at_us = 5_000_000 + (spike * 1_000.0) as u64;
        }
        let mut c = Caller::new(8_000);
        c.play(&sent, 0, 39_900, 5_000);
        let s = c.buffer.stats();
        assert_eq!((s.lost, s.late, s.dropped), (0, 0, 0), "{spike}: {s:?}");
        assert_eq!(c.heard, all(c.heard.len() as u32), "{spike}");
        assert!(c.mean_delay(10_000, 12_000) < 170.0, "{spike}: {}", c.mean_delay(10_000, 12_000));
        assert!(c.mean_delay(35_000, 39_000) < 85.0, "{spike}: {}", c.mean_delay(35_000, 39_000));
        assert!(s.underruns <= 2, "{spike}: {s:?}");
    }
}

#[test]
fn a_pause_keeps_its_length_whether_the_clock_ran_on_or_not_and_is_no_loss() {
    for pause in [60_u64, 200, 700, 2_000, 60_000] {
        for ran_on in [true, false] {
            let mut sent = steady(8_000, 20, 4_000);
            for s in &mut sent[100..] {
                s.at_us += pause * 1_000;
                s.said_us += pause * 1_000;
                if ran_on {
                    s.timestamp = s.timestamp.wrapping_add(pause as u32 * 8);
                }
            }
            let mut c = Caller::new(8_000);
            c.play(&sent, 0, 3_900 + pause, 5_000);
            let what = format!("{pause} ms, clock ran on {ran_on}: {:?}", c.buffer);
            let s = c.buffer.stats();
            assert_eq!((s.lost, s.late, s.resynced, c.concealed_us), (0, 0, 0, 0), "{what}");
            assert_eq!(c.heard, all(c.heard.len() as u32), "{what}");
            // Where the clock stood still in a short pause it cannot be told from a late network.
            let most = if ran_on || pause > 400 { 66.0 } else { 130.0 + pause as f64 };
            assert!(c.most_delay(0, u64::MAX) <= most, "{what}: {}", c.most_delay(0, u64::MAX));
            assert!(c.dry_us <= 60_000 && s.underruns <= 1, "{what}");
        }
    }
}

#[test]
fn a_sender_that_is_silent_between_words_loses_nothing_and_keeps_its_rhythm() {
    // Spurts of 0.2 to 1.4 s; between them a packet of background noise each 400 ms (Opus' DTX).
    let mut dice = Dice(21);
    let (mut sent, mut at_ms) = (vec![], 0_u64);
    while at_ms < 120_000 {
        let spurt = 10 + dice.next() % 60;
        let steps = (0..spurt).map(|_| 20).chain((0..1 + dice.next() % 5).map(|_| 400));
        for step in steps {
            at_ms += step;
            let id = sent.len() as u32;
            let timestamp = (at_ms as u32).wrapping_mul(48);
            let said_us = at_ms * 1_000;
            let s = Sent {
                at_us: said_us,
                sequence: id as u16,
                timestamp,
                duration: 960,
                id,
                said_us,
                lost: false,
            };
            sent.push(s);
        }
    }
    through(&mut sent, true, |_| dice.exponential(4.0));
    let mut c = Caller::new(48_000);
    c.play(&sent, 0, at_ms + 200, 5_000);
    let s = c.buffer.stats();
    assert_eq!(c.heard, all(sent.len() as u32));
    assert_eq!((s.lost, s.late, s.resynced, c.concealed_us), (0, 0, 0, 0), "{:?}", c.buffer);
    assert!(s.underruns <= 2 && c.most_delay(0, at_ms) < 90.0, "{:?}", c.buffer);
}

#[test]
fn numbers_taken_by_keys_or_comfort_noise_are_not_missing() {
    let mut c = Caller::new(8_000);
    let sent = steady(8_000, 20, 4_000);
    for n in 0..199_u64 {
        let s = &sent[n as usize];
        if (50..61).contains(&n) {
            c.buffer.pass(s.sequence);
        } else {
            c.push(s);
        }
        c.tick(n * 20_000 + 5_000);
    }
    let s = c.buffer.stats();
    assert_eq!((s.lost, s.underruns, c.concealed_us, c.dry_us), (0, 0, 0, 0), "{:?}", c.buffer);
    assert!((c.silent_us - 220_000 - 60_000).abs() <= 20_000, "{}", c.silent_us);
}

#[test]
fn sound_that_a_key_has_overtaken_is_heard_where_it_belongs() {
    let mut c = Caller::new(8_000);
    let sent = steady(8_000, 20, 2_000);
    for n in 0..99_u64 {
        match n {
            // The two that hold no sound come before the sound that was sent before them.
            48 => [50, 51].into_iter().for_each(|k: usize| c.buffer.pass(sent[k].sequence)),
            50 => {
                c.push(&sent[48]);
                c.push(&sent[49]);
            }
            49 | 51 => {}
            _ => _ = c.push(&sent[n as usize]),
        }
        c.tick(n * 20_000 + 5_000);
    }
    let want: Vec<u32> = (0..c.heard.len() as u32 + 2).filter(|n| !(50..52).contains(n)).collect();
    assert_eq!(c.heard, want);
    assert_eq!((c.buffer.stats().lost, c.concealed_us), (0, 0), "{:?}", c.buffer);
    assert!(c.most_delay(0, 2_000) < 90.0);
}

#[test]
fn a_clock_that_jumps_is_followed() {
    for jump in [1_000_000_u32, 5_000, 0x8000_0000, 0_u32.wrapping_sub(1_000_000), 0_u32.wrapping_sub(2_000)]
    {
        let mut sent = steady(8_000, 20, 4_000);
        for s in &mut sent[100..] {
            s.timestamp = s.timestamp.wrapping_add(jump);
        }
        let mut c = Caller::new(8_000);
        c.play(&sent, 0, 3_900, 5_000);
        assert_eq!(c.heard, all(c.heard.len() as u32), "jump {}", jump.cast_signed());
        let s = c.buffer.stats();
        assert_eq!(
            (s.resynced, s.lost, c.dry_us, c.concealed_us),
            (1, 0, 0, 0),
            "jump {}",
            jump.cast_signed()
        );
        assert!(c.most_delay(0, 4_000) < 70.0);
    }
}

#[test]
fn a_clock_that_never_moves_is_heard_by_its_numbers() {
    let mut sent = steady(8_000, 20, 4_000);
    sent.iter_mut().for_each(|s| s.timestamp = 5);
    let mut c = Caller::new(8_000);
    c.play(&sent, 0, 3_900, 5_000);
    assert_eq!(c.heard, all(c.heard.len() as u32));
    assert_eq!((c.dry_us, c.concealed_us), (0, 0));
}

#[test]
fn a_sender_that_steps_back_in_its_numbers_is_heard_after_a_few() {
    let mut sent = steady(8_000, 20, 4_000);
    for s in &mut sent[100..] {
        s.sequence = s.sequence.wrapping_sub(60);
    }
    let mut c = Caller::new(8_000);
    c.play(&sent, 0, 4_200, 5_000);
    assert_eq!(c.buffer.stats().resynced, 1);
    assert!(c.heard.len() >= 185, "{}", c.heard.len());
}

#[test]
fn a_lone_packet_is_heard_and_nonsense_is_refused() {
    let mut c = Caller::new(8_000);
    c.play(&steady(8_000, 20, 20), 0, 400, 0);
    assert_eq!(c.heard, [0]);
    assert!(c.dry_us <= 60_000);
    let push = |b: &mut PlayoutBuffer, len: usize, duration| {
        let payload = &vec![1; len];
        let p = Packet { payload_type: 0, marker: false, sequence: 9, timestamp: 9, ssrc: 1, payload };
        b.push(Time::ZERO, &p, duration)
    };
    let mut b = PlayoutBuffer::new(8_000);
    for (len, duration) in [(0, 160), (160, 0), (160, 1_601), (MAX_PAYLOAD + 1, 160), (1, u32::MAX)] {
        assert_eq!(push(&mut b, len, duration), Pushed::Refused, "{len} bytes, {duration} ticks");
    }
    assert_eq!(push(&mut b, MAX_PAYLOAD, 1_600), Pushed::Queued);
    assert_eq!(b.stats().refused, 5);
    assert_eq!(b.pop(Time::from_millis(500)).into_payload_len(), Some(MAX_PAYLOAD));
}

impl Popped<'_> {
    fn into_payload_len(self) -> Option<usize> {
        if let Self::Packet { payload, .. } = self { Some(payload.len()) } else { None }
    }
}

#[test]
fn a_stalled_reader_that_catches_up_loses_nothing() {
    let mut c = Caller::new(8_000);
    let mut sent = steady(8_000, 20, 10_000).into_iter().peekable();
    for n in 0..499_u64 {
        // Between tick 50 and 70 nothing runs; then all 20 ticks run at once.
        let real = if (50..70).contains(&n) { 70 * 20_000 } else { n * 20_000 };
        while let Some(mut s) = sent.next_if(|s| s.at_us <= real) {
            s.at_us = s.at_us.max(real);
            c.push(&s);
        }
        c.tick(n * 20_000);
    }
    assert_eq!(c.heard, all(c.heard.len() as u32));
    assert_eq!((c.dry_us, c.concealed_us, c.buffer.stats().lost), (0, 0, 0), "{:?}", c.buffer);
}

#[test]
fn a_reader_that_is_gone_costs_the_oldest_and_a_bounded_memory() {
    let mut b = Caller::new(8_000);
    for s in steady(8_000, 10, 60_000) {
        b.push(&s);
        assert!(b.buffer.depth_ms() <= CAPACITY_MS);
    }
    assert!(b.buffer.depth_ms() >= 500, "{:?}", b.buffer);
    let bytes = b.buffer.memory_bytes();
    assert!(bytes < PLACES * (160 + 64) + 1_500, "{bytes}");
    b.tick(60_000_000);
    assert_eq!(b.heard[..2], [6_000 - 64, 6_000 - 63]);
}

impl PlayoutBuffer {
    fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.places.iter().map(|p| size_of::<Place>() + p.payload.capacity()).sum::<usize>()
            + self.out.capacity()
            + self.spare.iter().map(|v| size_of::<Vec<u8>>() + v.capacity()).sum::<usize>()
    }
}

#[test]
fn a_call_in_g711_takes_less_than_eight_kilobytes_and_allocates_only_at_first() {
    let mut dice = Dice(8);
    let mut sent = steady(8_000, 20, 60_000);
    through(&mut sent, true, |_| dice.exponential(10.0));
    let mut c = Caller::new(8_000);
    c.play(&sent, 0, 30_000, 5_000);
    let warm = c.buffer.memory_bytes();
    c.play(&sent, 30_000, 60_000, 5_000);
    assert!(warm < 8_192 && c.buffer.memory_bytes() <= warm + 320, "{warm} bytes, then more");
}

#[test]
fn a_reset_forgets_the_stream_but_not_the_network() {
    let mut dice = Dice(5);
    let mut sent = steady(8_000, 20, 10_000);
    through(&mut sent, true, |_| dice.exponential(18.0));
    let mut c = Caller::new(8_000);
    c.play(&sent, 0, 10_000, 5_000);
    let target = c.buffer.target_ms();
    c.buffer.reset();
    assert_eq!((c.buffer.depth_ms(), c.buffer.target_ms()), (0, target));
    assert!(target > 60);
    assert_eq!(c.buffer.pop(Time::from_millis(10_020)), Popped::Empty { dry: false });
    let other = Sent { sequence: 3, timestamp: 3, at_us: 10_020_000, said_us: 10_020_000, ..sent[0].clone() };
    assert_eq!(c.push(&other), Pushed::Queued);
}

proptest::proptest! {
    #[test]
    fn nothing_is_heard_twice_or_out_of_order_whatever_comes(
        events: Vec<(u8, i16, i32, u16, u16, bool)>, near: bool, rate in 1_u32..200_000,
    ) {
        let mut b = PlayoutBuffer::new(rate);
        let mut now = Time::ZERO;
        let (mut sequence, mut timestamp) = (u16::MAX - 10, 0_u32);
        let (mut id, mut last, mut heard) = (0_u32, None::<i64>, HashSet::new());
        let mut sequences = vec![];
        for (wait, step, jump, len, duration, pass) in events {
            now = now + std::time::Duration::from_millis(u64::from(wait));
            let step = if near { step % 9 } else { step };
            sequence = sequence.wrapping_add_signed(step);
            let moved = if near { i32::from(step) * 160 } else { jump };
            timestamp = timestamp.wrapping_add_signed(moved);
            let mut payload = vec![0; usize::from(len % 1_700).max(4)];
            payload[..4].copy_from_slice(&id.to_be_bytes());
            let p = Packet { payload_type: 0, marker: pass, sequence, timestamp, ssrc: 1, payload: &payload };
            if pass && len % 5 == 0 {
                b.pass(sequence);
            }
            if b.push(now, &p, u32::from(duration % 2_000)) == Pushed::Resynced {
                last = None;
            }
            sequences.push(sequence);
            id += 1;
            for _ in 0..3 {
                match b.pop(now) {
                    Popped::Packet { payload, duration, .. } => {
                        let id = u32::from_be_bytes(payload[..4].try_into().unwrap());
                        assert!(heard.insert(id), "packet {id} twice");
                        let sequence = sequences[id as usize];
                        let long = last.map_or(i64::from(sequence), |l| super::near(l, sequence));
                        assert!(last.is_none_or(|l| long > l), "{sequence} after {last:?}");
                        last = Some(long);
                        assert!(duration > 0 && duration < 10_000);
                    }
                    Popped::Lost { duration, .. } => assert!(duration > 0 && duration < 10_000),
                    Popped::Empty { .. } => {}
                }
            }
            assert!(b.depth_ms() <= CAPACITY_MS && b.target_ms() <= 201, "{b:?}");
            assert!(b.spare.len() <= PLACES + 1);
        }
    }
}
