//! The jitter buffer in virtual time: a sender, a network and ticks, all data.

use super::*;

/// Sound whose every sample says where it belongs.
fn sound(start: usize, len: usize) -> Vec<i16> {
    (start..start + len).map(|n| (n % 30_000) as i16 + 1).collect()
}

/// Plays packets `(arrival [ms], timestamp, samples)` against ticks every 20 ms up to `until` [ms].
fn play(buffer: &mut JitterBuffer, packets: &[(u64, u32, Vec<i16>)], until: u64) -> Vec<Popped> {
    let mut waiting: Vec<_> = packets.iter().collect();
    waiting.sort_by_key(|p| p.0);
    let mut waiting = waiting.into_iter().peekable();
    (0..until / 20)
        .map(|n| {
            let now = Time::from_millis(n * 20);
            while let Some((at, ts, s)) = waiting.next_if(|p| p.0 <= n * 20) {
                buffer.push(Time::from_millis(*at), *ts, s);
            }
            buffer.pop(now)
        })
        .collect()
}

/// A steady sender: packets of `ptime` [ms] for `ms`, timestamps from `base`.
fn steady(ptime: u64, ms: u64, base: u32) -> Vec<(u64, u32, Vec<i16>)> {
    let len = ptime as usize * 8;
    (0..ms / ptime)
        .map(|n| (n * ptime, base.wrapping_add((n as u32) * len as u32), sound(n as usize * len, len)))
        .collect()
}

fn heard(popped: &[Popped]) -> Vec<i16> {
    popped.iter().filter_map(|p| if let Popped::Frame(f) = p { Some(*f) } else { None }).flatten().collect()
}

/// That `heard` is the sender's sound from `start` on; names the first place where it is not.
fn assert_sound(heard: &[i16], start: usize, len: usize, what: &str) {
    let want = sound(start, len);
    let wrong = heard.iter().zip(&want).position(|(a, b)| a != b);
    assert!(
        heard.len() == len && wrong.is_none(),
        "{what}: {} of {len} samples, wrong at {wrong:?}",
        heard.len()
    );
}

#[test]
fn every_packet_time_comes_out_whole_and_in_order() {
    for ptime in [10, 20, 30, 40, 60] {
        let mut b = JitterBuffer::new();
        let out = play(&mut b, &steady(ptime, 1_200, u32::MAX - 1_000), 1_400);
        assert_sound(&heard(&out), 0, 9_600, &format!("packets of {ptime} ms"));
        let lead = out.iter().take_while(|p| **p == Popped::Empty).count();
        assert!(lead <= 3, "{lead} ticks of delay with packets of {ptime} ms");
        assert_eq!(b.stats(), JitterStats { underruns: 1, ..JitterStats::default() }, "{ptime} ms");
    }
}

#[test]
fn mixed_order_and_copies_are_put_right_and_counted() {
    let mut packets = steady(20, 1_000, 5);
    for pair in packets.chunks_mut(10) {
        (pair[4].0, pair[5].0) = (pair[5].0, pair[4].0); // one overtakes the other
        pair[6].0 = pair[7].0; // two at once
    }
    let copies: Vec<_> = packets.iter().step_by(10).cloned().collect();
    packets.extend(copies);
    let mut b = JitterBuffer::new();
    assert_sound(&heard(&play(&mut b, &packets, 1_200)), 0, 8_000, "mixed order");
    assert_eq!((b.stats().reordered, b.stats().duplicate, b.stats().late), (5, 5, 0));
}

#[test]
fn a_lost_packet_is_a_hole_of_its_own_length() {
    let mut packets = steady(20, 400, 0);
    packets.remove(10);
    let mut b = JitterBuffer::new();
    let out = play(&mut b, &packets, 500);
    assert_eq!(out.iter().filter(|p| **p == Popped::Lost).count(), 1);
    assert_eq!(heard(&out).len(), 19 * 160);
    let mut packets = steady(30, 600, 0);
    packets.remove(5);
    let mut b = JitterBuffer::new();
    let out = heard(&play(&mut b, &packets, 700));
    assert_eq!(out.iter().filter(|s| **s == 0).count() % 160, 240 % 160, "half a frame is silent");
}

#[test]
fn lateness_makes_the_buffer_deeper_and_calm_makes_it_shallow_again() {
    let mut packets = steady(20, 60_000, 0);
    // For two seconds, every tenth packet and its followers come 90 ms late.
    for n in (50..150).step_by(10) {
        for p in &mut packets[n..n + 4] {
            p.0 = p.0.max(n as u64 * 20 + 90);
        }
    }
    let mut b = JitterBuffer::new();
    let out = play(&mut b, &packets[..200], 4_000);
    assert_sound(&heard(&out)[..24_000], 0, 24_000, "late sound is not thrown away");
    assert!(
        b.target_ms() > 40 && b.depth_ms() >= 80 && b.stats().underruns == 1,
        "the first spike was enough: {b:?}"
    );
    let (underruns, deep) = (b.stats().underruns, b.target_ms());
    for n in 200..3_000_u64 {
        b.push(Time::from_millis(n * 20), n as u32 * 160, &sound(n as usize * 160, 160));
        assert_ne!(b.pop(Time::from_millis(n * 20)), Popped::Empty);
    }
    assert_eq!(b.stats().underruns, underruns);
    assert!(b.target_ms() < deep && b.depth_ms() <= 60, "{b:?}");
}

#[test]
fn a_fast_sender_never_fills_the_buffer() {
    // 0.5 % fast: 25 times the worst crystal, so that minutes show it.
    let packets: Vec<_> =
        (0..9_000_u64).map(|n| (n * 19_900 / 1_000, n as u32 * 160, sound(n as usize * 160, 160))).collect();
    let mut b = JitterBuffer::new();
    let out = play(&mut b, &packets, 179_000);
    assert!(b.stats().squeezed >= 35, "{b:?}");
    assert!(b.depth_ms() <= 120, "{b:?}");
    assert_eq!((b.stats().resynced, b.stats().late), (0, 0));
    assert!(heard(&out).len() > 8_900 * 160);
}

#[test]
fn a_slow_sender_costs_short_gaps_and_no_sound() {
    let packets: Vec<_> =
        (0..3_000_u64).map(|n| (n * 20_100 / 1_000, n as u32 * 160, sound(n as usize * 160, 160))).collect();
    let mut b = JitterBuffer::new();
    let out = heard(&play(&mut b, &packets, 61_000));
    assert_eq!(out.len() / 160, 3_000 - b.stats().squeezed as usize);
    assert_eq!(b.stats().late, 0);
}

#[test]
fn a_pause_keeps_its_length_whether_the_clock_ran_on_or_not() {
    for ran_on in [true, false] {
        let mut packets = steady(20, 200, 0);
        for (n, mut p) in steady(20, 200, 0).into_iter().enumerate() {
            p.0 += 2_000;
            p.1 = (10 + n as u32) * 160 + if ran_on { 14_400 } else { 0 };
            packets.push(p);
        }
        let mut b = JitterBuffer::new();
        let out = play(&mut b, &packets, 3_000);
        assert_eq!(heard(&out).len(), 20 * 160);
        let second = out.iter().rposition(|p| matches!(p, Popped::Frame(_))).unwrap() - 9;
        assert!((100..=102).contains(&second), "spurt heard at tick {second}");
        assert_eq!((b.stats().late, b.stats().resynced, b.target_ms()), (0, 0, 40));
    }
}

#[test]
fn a_clock_that_jumps_is_followed() {
    for jump in [1_000_000_u32, 5_000, 0_u32.wrapping_sub(1_000_000), 0_u32.wrapping_sub(2_000)] {
        let mut packets = steady(20, 400, 0);
        for p in &mut packets[10..] {
            p.1 = p.1.wrapping_add(jump);
        }
        packets.extend(steady(20, 400, 3_200_u32.wrapping_add(jump)).into_iter().map(|mut p| {
            p.0 += 400;
            p.1 = p.1.wrapping_add(0);
            p
        }));
        let mut b = JitterBuffer::new();
        let out = play(&mut b, &packets, 1_000);
        let after = heard(&out[25..]).len();
        assert!(after >= 14 * 160, "jump {}: {after} samples, {b:?}", jump.cast_signed());
    }
}

#[test]
fn a_lone_packet_is_heard_and_nonsense_is_refused() {
    let mut b = JitterBuffer::new();
    assert_eq!(b.push(Time::ZERO, 0, &[]), Pushed::Refused);
    assert_eq!(b.push(Time::ZERO, 0, &[1; MAX_PACKET + 1]), Pushed::Refused);
    let out = play(&mut b, &[(0, 7, sound(0, 160))], 200);
    assert_sound(&heard(&out), 0, 160, "one packet");
}

#[test]
fn a_stalled_reader_that_catches_up_loses_nothing() {
    let mut b = JitterBuffer::new();
    let packets = steady(20, 4_000, 0);
    let mut out = Vec::new();
    let mut sent = packets.iter();
    for n in 0..202_u64 {
        // Between tick 50 and 70 nothing runs; then all 20 ticks run at once.
        let real = if (50..70).contains(&n) { 70 * 20 } else { n * 20 };
        while let Some((at, ts, s)) = sent.as_slice().first().filter(|p| p.0 <= real) {
            b.push(Time::from_millis((*at).max(real)), *ts, s);
            sent.next();
        }
        out.push(b.pop(Time::from_millis(n * 20)));
    }
    assert_sound(&heard(&out), 0, 32_000, "after a stall");
    assert_eq!(b.stats().squeezed, 0);
}

proptest::proptest! {
    #[test]
    fn no_stream_makes_it_fall(packets: Vec<(u8, u32, u8)>, near: bool) {
        let mut b = JitterBuffer::new();
        let mut now = Time::ZERO;
        for (wait, ts, len) in packets {
            let ts = if near { ts % 8_000 } else { ts };
            b.push(now, ts, &vec![1; usize::from(len)]);
            now = now + Duration::from_millis(u64::from(wait));
            b.pop(now);
            assert!(b.end - b.play <= CAPACITY as i64 && b.depth_ms() <= 512);
        }
    }
}
