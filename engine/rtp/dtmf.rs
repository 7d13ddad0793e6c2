//! Keys as RTP events (RFC 4733), read and sent.
//!
//! Reading forgives what the network and other devices do: lost first, middle and end packets, no
//! marker bit, the end sent one to many times, order mixed up, a press longer than one event may
//! say (2.5.1.3), several events in one packet (2.5.1.5), and devices that move the timestamp on
//! during one press. One press is one [`DtmfPress`]. Which payload type they come under is the
//! caller's; their clock is that of the type's `rtpmap`: 8000 Hz, or 48000 beside Opus. Absent: the other events of the RFC (flash, modem tones), redundancy (RFC 2198),
//! and tones in the sound itself.

use std::time::Duration;

use waihu_types::Time;

use crate::clock::RATE_8K;

/// Bytes of one event.
pub const EVENT_LEN: usize = 4;

/// A press without an end packet is over when nothing came for this long: RFC 4733, 2.5.2.2 asks
/// for three packet times, and packet times up to 50 ms are met.
pub const END_AFTER: Duration = Duration::from_millis(150);

const KEYS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// One event payload (RFC 4733, 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtmfEvent {
    /// The event code; 0 to 15 are keys.
    pub code: u8,
    /// The key is up.
    pub end: bool,
    /// How loud, 0 loudest to 63 [-dBm0].
    pub volume: u8,
    /// How long so far [ticks].
    pub duration: u16,
}

impl DtmfEvent {
    /// Reads a payload; `None` when it is too short. Bytes behind the event are not looked at.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let [code, flags, high, low, ..] = *payload else { return None };
        Some(Self {
            code,
            end: flags & 0x80 != 0,
            volume: flags & 0x3F,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// The events of one packet with the timestamp of each: one follows upon the other without a gap,
    /// and all but the last are over (RFC 4733, 2.5.1.5). What stands behind an event that goes on, or
    /// says nothing, is a device's filling.
    pub fn parse_all(payload: &[u8], timestamp: u32) -> impl Iterator<Item = (u32, Self)> {
        let mut at = timestamp;
        let mut before = None::<Self>;
        payload.chunks_exact(EVENT_LEN).map_while(move |bytes| {
            let event = Self::parse(bytes)?;
            if let Some(before) = before {
                if !before.end || before.duration == 0 || event.duration == 0 {
                    return None;
                }
                at = at.wrapping_add(before.duration.into());
            }
            before = Some(event);
            Some((at, event))
        })
    }

    /// The payload as it is sent.
    pub fn to_bytes(self) -> [u8; EVENT_LEN] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, u8::from(self.end) << 7 | (self.volume & 0x3F), high, low]
    }
}

/// A key that was pressed and let go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DtmfPress {
    /// 0-9, `*`, `#`, A-D.
    pub digit: char,
    /// How long [ms]; at least, where its end was lost.
    pub duration_ms: u32,
}

impl std::fmt::Debug for DtmfPress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Digits can be a card or an identity number.
        write!(f, "DtmfPress({} ms)", self.duration_ms)
    }
}

/// A press that is going on.
#[derive(Clone, Copy, Debug)]
struct Press {
    code: u8,
    /// Timestamp of the current segment.
    timestamp: u32,
    /// Length of the segments before this one [ticks].
    before: u32,
    /// Length of the current segment [ticks].
    duration: u16,
    heard: Time,
}

impl Press {
    fn finish(self, rate: u32) -> Option<DtmfPress> {
        let digit = *KEYS.get(usize::from(self.code))?;
        let ticks = self.before.saturating_add(self.duration.into());
        let ms = u64::from(ticks) * 1_000 / u64::from(rate);
        Some(DtmfPress { digit, duration_ms: u32::try_from(ms).unwrap_or(u32::MAX) })
    }

    /// Whether an event with another timestamp is still this press: how much further on it begins, or
    /// nothing where its duration counts from the same beginning.
    fn goes_on_in(&self, event: DtmfEvent, timestamp: u32, rate: u32) -> Option<u32> {
        if event.code != self.code {
            return None;
        }
        let further = timestamp.wrapping_sub(self.timestamp);
        // RFC 4733, 2.5.1.3: a press longer than can be said goes on in a new segment, where the last
        // one ended; of that one the last half second may be lost.
        let full = u32::from(u16::MAX);
        let said = u32::from(self.duration);
        if said.saturating_add(rate / 2) >= full && (said..=full).contains(&further) {
            return Some(further);
        }
        // Not in the RFC: devices that move the timestamp with each packet of one press. Only a
        // duration that grows as the timestamp does tells them from a new press of the same key.
        let grown = u32::from(event.duration.saturating_sub(self.duration));
        (grown > 0 && further <= grown + rate / 50).then_some(0)
    }
}

/// Reads the keys of one call leg.
#[derive(Clone, Debug)]
pub struct DtmfReceiver {
    /// Ticks a second.
    rate: u32,
    press: Option<Press>,
    /// Timestamp of the last press that is over.
    over: Option<u32>,
}

impl Default for DtmfReceiver {
    fn default() -> Self {
        Self::new()
    }
}

impl DtmfReceiver {
    /// Nothing has been pressed; the events' clock is 8000 Hz.
    pub fn new() -> Self {
        Self::with_rate(RATE_8K)
    }

    /// Nothing has been pressed; the events' clock is that of their `rtpmap` [Hz].
    pub fn with_rate(clock_rate_hz: u32) -> Self {
        Self { rate: clock_rate_hz.max(1), press: None, over: None }
    }

    /// An event packet has come. Gives the press that it ends: its own, or the one before, whose
    /// end was lost.
    pub fn push(&mut self, now: Time, timestamp: u32, event: DtmfEvent) -> Option<DtmfPress> {
        if usize::from(event.code) >= KEYS.len() || self.is_past(timestamp) {
            return None;
        }
        let before = match &mut self.press {
            Some(p) if p.timestamp == timestamp => {
                p.duration = p.duration.max(event.duration);
                p.heard = now;
                None
            }
            Some(p) if timestamp.wrapping_sub(p.timestamp) > i32::MAX as u32 => return None,
            press => {
                if let Some(p) = press
                    && let Some(further) = p.goes_on_in(event, timestamp, self.rate)
                {
                    // A far end that never lets go can go on for longer than can be counted.
                    p.before = p.before.saturating_add(further);
                    (p.timestamp, p.duration, p.heard) = (timestamp, event.duration, now);
                    return if event.end { self.end() } else { None };
                }
                let before = self.end();
                self.press = Some(Press {
                    code: event.code,
                    timestamp,
                    before: 0,
                    duration: event.duration,
                    heard: now,
                });
                before
            }
        };
        if !event.end {
            return before;
        }
        let ended = self.end();
        // Both at once only when a press was one lone end packet: the older one goes first, and
        // the newer one is told by the next call of `poll`.
        match before {
            None => ended,
            Some(_) => {
                self.press = ended.and(Some(Press {
                    code: event.code,
                    timestamp,
                    before: 0,
                    duration: event.duration,
                    heard: Time::ZERO,
                }));
                self.over = None;
                before
            }
        }
    }

    /// Time passes. Gives the press whose end packets were all lost.
    pub fn poll(&mut self, now: Time) -> Option<DtmfPress> {
        let p = self.press?;
        if now.since(p.heard) < END_AFTER { None } else { self.end() }
    }

    /// The stream ends or begins anew: its timestamps mean nothing any more. Gives the press that
    /// was going on.
    pub fn reset(&mut self) -> Option<DtmfPress> {
        let ended = self.end();
        self.over = None;
        ended
    }

    fn end(&mut self) -> Option<DtmfPress> {
        let p = self.press.take()?;
        self.over = Some(p.timestamp);
        p.finish(self.rate)
    }

    /// Whether `timestamp` belongs to a press that is over: a copy of its end, or an update that
    /// comes late.
    fn is_past(&self, timestamp: u32) -> bool {
        self.over.is_some_and(|over| timestamp.wrapping_sub(over).cast_signed() <= 0)
    }
}

/// How one key is sent.
const PRESS_FRAMES: u16 = 8;
/// The end is sent this often (RFC 4733, 2.5.1.4).
const END_COPIES: u16 = 3;
/// Silence after a key, so that the same key twice is two.
const GAP_FRAMES: u16 = 4;
/// The volume sent [-dBm0].
const VOLUME: u8 = 10;

/// What the sender does with one 20 ms frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtmfSend {
    /// Sends this event instead of sound.
    Event {
        /// The payload.
        event: DtmfEvent,
        /// How long ago the press began [ticks]; its timestamp is now less this.
        since_start: u32,
        /// First packet of the press.
        marker: bool,
    },
    /// Sends sound as ever; the gap between two keys.
    Gap,
}

/// Sends keys, one packet each 20 ms: 160 ms a key, three ends, 80 ms between keys.
#[derive(Clone, Debug)]
pub struct DtmfSender {
    /// Ticks in 20 ms.
    ticks: u16,
    codes: std::collections::VecDeque<u8>,
    frame: u16,
}

/// Keys that may wait to be sent: longer than any menu, account or card number.
pub const MAX_WAITING: usize = 64;

impl Default for DtmfSender {
    fn default() -> Self {
        Self::new()
    }
}

impl DtmfSender {
    /// Nothing to send; the events' clock is 8000 Hz.
    pub fn new() -> Self {
        Self::with_rate(RATE_8K)
    }

    /// Nothing to send; the events' clock is that of their `rtpmap` [Hz], at most 192,000.
    pub fn with_rate(clock_rate_hz: u32) -> Self {
        // So a whole press can be said in the 16 bits of a duration.
        let ticks = (clock_rate_hz.min(192_000) / 50) as u16;
        Self { ticks, codes: std::collections::VecDeque::with_capacity(MAX_WAITING), frame: 0 }
    }

    /// Adds the keys of `digits`; other characters are passed over, and what is beyond
    /// [`MAX_WAITING`]. Gives how many were taken.
    pub fn queue(&mut self, digits: &str) -> usize {
        let room = MAX_WAITING.saturating_sub(self.codes.len());
        let before = self.codes.len();
        let code = |d: char| KEYS.iter().position(|k| *k == d.to_ascii_uppercase());
        self.codes.extend(digits.chars().filter_map(code).take(room).map(|c| c as u8));
        self.codes.len() - before
    }

    /// The key being sent, if any.
    pub fn digit(&self) -> Option<char> {
        self.codes.front().and_then(|c| KEYS.get(usize::from(*c))).copied()
    }

    /// What to send in the next 20 ms; `None` when no key is left.
    pub fn next_frame(&mut self) -> Option<DtmfSend> {
        let code = *self.codes.front()?;
        let n = self.frame;
        self.frame += 1;
        let end = n + 1 >= PRESS_FRAMES;
        if n >= PRESS_FRAMES + END_COPIES - 1 {
            if n + 1 >= PRESS_FRAMES + END_COPIES - 1 + GAP_FRAMES {
                self.codes.pop_front();
                self.frame = 0;
            }
            return Some(DtmfSend::Gap);
        }
        let duration = (n + 1).min(PRESS_FRAMES) * self.ticks;
        let event = DtmfEvent { code, end, volume: VOLUME, duration };
        Some(DtmfSend::Event { event, since_start: u32::from(n) * u32::from(self.ticks), marker: n == 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of a press of `code`: (timestamp, duration, end).
    fn press(code: u8, ts: u32, frames: u16, ends: usize) -> Vec<(u32, DtmfEvent)> {
        let event = |n: u16, end| (ts, DtmfEvent { code, end, volume: 10, duration: n * 160 });
        let mut out: Vec<_> = (1..frames).map(|n| event(n, false)).collect();
        out.extend(vec![event(frames, true); ends]);
        out
    }

    /// The keys and lengths heard when a packet comes each 20 ms, and then nothing for a second.
    fn heard(packets: &[(u32, DtmfEvent)]) -> Vec<(char, u32)> {
        let mut r = DtmfReceiver::new();
        let mut out = Vec::new();
        for (n, (ts, event)) in packets.iter().enumerate() {
            let now = Time::from_millis(20 * n as u64);
            out.extend(r.poll(now));
            out.extend(r.push(now, *ts, *event));
        }
        for ms in 0..50 {
            out.extend(r.poll(Time::from_millis(20 * (packets.len() as u64 + ms))));
        }
        out.iter().map(|p| (p.digit, p.duration_ms)).collect()
    }

    #[test]
    fn one_press_is_one_digit_however_often_its_end_comes() {
        for ends in [1, 3, 8] {
            assert_eq!(heard(&press(5, 1_000, 5, ends)), [('5', 100)]);
        }
        assert_eq!(heard(&press(11, 0, 5, 3)), [('#', 100)]);
        assert_eq!(heard(&press(16, 0, 5, 3)), [], "a hook flash is no key");
    }

    #[test]
    fn a_press_whose_packets_are_lost_is_still_one_digit() {
        let all = press(7, 500, 6, 3);
        for lost in 0..all.len() {
            let mut some = all.clone();
            some.remove(lost);
            assert_eq!(heard(&some), [('7', 120)], "without packet {lost}");
        }
        assert_eq!(heard(&all[..5]), [('7', 100)], "without any end");
        assert_eq!(heard(&all[7..]), [('7', 120)], "only the last end");
    }

    #[test]
    fn the_same_key_twice_is_two_also_when_the_first_end_is_lost() {
        let mut packets = press(1, 1_000, 5, 3);
        packets.extend(press(1, 3_000, 5, 3));
        assert_eq!(heard(&packets), [('1', 100), ('1', 100)]);
        let mut packets = press(1, 1_000, 5, 0);
        packets.extend(press(1, 3_000, 5, 3));
        assert_eq!(heard(&packets), [('1', 80), ('1', 100)]);
    }

    #[test]
    fn a_lone_end_packet_after_a_lost_end_loses_neither_press() {
        let mut packets = press(1, 1_000, 3, 0);
        packets.extend(press(2, 2_000, 1, 3));
        packets.extend(press(3, 4_000, 3, 3));
        assert_eq!(heard(&packets), [('1', 40), ('2', 20), ('3', 60)]);
    }

    #[test]
    fn packets_out_of_order_do_not_make_a_second_press() {
        let mut packets = press(9, 1_000, 6, 3);
        packets.swap(4, 5); // the end before the last update
        packets.extend(press(9, 1_000, 3, 0)); // stray copies
        assert_eq!(heard(&packets), [('9', 120)]);
    }

    #[test]
    fn a_press_longer_than_an_event_can_say_is_one_digit() {
        let mut packets = vec![];
        let event = |duration, end| DtmfEvent { code: 3, end, volume: 0, duration };
        for n in 1..=409_u16 {
            packets.push((1_000, event(n * 160, false)));
        }
        packets.push((1_000, event(65_535, false)));
        for n in 1..=10 {
            packets.push((66_535, event(n * 160, n == 10)));
        }
        assert_eq!(heard(&packets), [('3', (65_535 + 1_600) / 8)]);
    }

    #[test]
    fn a_long_press_is_one_digit_also_when_packets_around_the_seam_are_lost() {
        for rate in [8_000_u32, 48_000] {
            let frame = (rate / 50) as usize;
            let all: Vec<_> = (1..=200_000 / frame)
                .map(|n| {
                    let ticks = n * frame;
                    // A segment holds whole frames only.
                    let segment = 65_535 / frame * frame;
                    let (whole, rest) = ((ticks - 1) / segment * segment, (ticks - 1) % segment + 1);
                    let event = DtmfEvent { code: 3, end: false, volume: 0, duration: rest as u16 };
                    (1_000 + whole as u32, event)
                })
                .collect();
            let seam = 65_535 / frame;
            for lost in [seam - 1..seam, seam - 5..seam, seam..seam + 4, seam - 3..seam + 3] {
                let mut r = DtmfReceiver::with_rate(rate);
                let mut out = vec![];
                for (n, (ts, e)) in all.iter().enumerate().filter(|(n, _)| !lost.contains(n)) {
                    out.extend(r.push(Time::from_millis(20 * n as u64), *ts, *e));
                }
                out.extend(r.reset());
                let ms = (200_000 / frame * 20) as u32;
                assert_eq!(out, [DtmfPress { digit: '3', duration_ms: ms }], "{rate} Hz without {lost:?}");
            }
        }
    }

    #[test]
    fn a_new_press_of_the_same_key_whose_beginning_is_lost_is_a_second_one() {
        let mut packets = press(1, 1_000, 4, 0);
        packets.extend(press(1, 1_000 + 900, 8, 3).into_iter().skip(4));
        assert_eq!(heard(&packets), [('1', 60), ('1', 160)]);
    }

    #[test]
    fn a_beginning_sent_again_and_ends_of_other_lengths_are_one_press() {
        let mut packets = press(2, 1_000, 5, 1);
        packets.splice(0..0, [packets[0], packets[0]]);
        for duration in [820, 640, 1_600] {
            packets.push((1_000, DtmfEvent { code: 2, end: true, volume: 0, duration }));
        }
        assert_eq!(heard(&packets), [('2', 100)]);
        // A single packet that is beginning and end, and one that says no length at all.
        for duration in [0, 800] {
            let lone = (7, DtmfEvent { code: 12, end: true, volume: 0, duration });
            assert_eq!(heard(&[lone, lone, lone]), [('A', u32::from(duration) / 8)]);
        }
    }

    #[test]
    fn several_events_in_one_packet_are_several_keys() {
        let event = |code, end, duration| DtmfEvent { code, end, volume: 10, duration }.to_bytes();
        let packet = [event(1, true, 400), event(1, true, 480), event(2, false, 160)].concat();
        let read = |payload: &[u8]| DtmfEvent::parse_all(payload, u32::MAX - 99).collect::<Vec<_>>();
        let events = read(&packet);
        assert_eq!(events.iter().map(|e| e.0).collect::<Vec<_>>(), [u32::MAX - 99, 300, 780]);
        let mut r = DtmfReceiver::new();
        let mut out: Vec<_> = events.iter().filter_map(|(ts, e)| r.push(Time::ZERO, *ts, *e)).collect();
        // The packet is sent again with the last event longer, and the ends of all.
        let again = [event(1, true, 400), event(1, true, 480), event(2, true, 800)].concat();
        for _ in 0..3 {
            out.extend(read(&again).iter().filter_map(|(ts, e)| r.push(Time::ZERO, *ts, *e)));
        }
        out.extend(r.poll(Time::from_millis(1_000)));
        let keys: Vec<_> = out.iter().map(|p| (p.digit, p.duration_ms)).collect();
        assert_eq!(keys, [('1', 50), ('1', 60), ('2', 100)]);
        // Filling behind an event, and what is no whole event.
        for filling in [&[0_u8; 4][..], &[0; 12], &[1, 2, 3]] {
            assert_eq!(read(&[&event(5, true, 800), filling].concat()).len(), 1);
            assert_eq!(read(&[&event(5, false, 800), filling].concat()).len(), 1);
        }
        assert_eq!(read(&[5, 0, 1]), []);
    }

    #[test]
    fn keys_beside_opus_have_its_clock() {
        let mut sender = DtmfSender::with_rate(48_000);
        sender.queue("42");
        let (mut r, mut out, mut now) = (DtmfReceiver::with_rate(48_000), vec![], 3_u32);
        let mut marks = 0;
        for n in 0..40 {
            let at = Time::from_millis(n * 20);
            if let Some(DtmfSend::Event { event, since_start, marker }) = sender.next_frame() {
                marks += u32::from(marker);
                assert!(event.duration % 960 == 0 && since_start % 960 == 0);
                out.extend(r.push(at, now.wrapping_sub(since_start), event));
            }
            out.extend(r.poll(at));
            now += 960;
        }
        let keys: Vec<_> = out.iter().map(|p| (p.digit, p.duration_ms)).collect();
        assert_eq!((keys, marks), (vec![('4', 160), ('2', 160)], 2));
    }

    #[test]
    fn half_of_all_packets_lost_loses_only_keys_of_which_nothing_came() {
        let mut dice = 9_u64;
        let mut kept = |_: &(u32, DtmfEvent)| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice >> 63 == 0
        };
        let mut sent = vec![];
        for n in 0..500_u32 {
            sent.extend(press((n % 16) as u8, n * 4_000, 8, 3));
        }
        let came: Vec<_> = sent.iter().copied().filter(&mut kept).collect();
        let keys: std::collections::BTreeSet<u32> = came.iter().map(|p| p.0).collect();
        let heard: Vec<char> = heard(&came).iter().map(|k| k.0).collect();
        let want: Vec<char> = keys.iter().map(|ts| KEYS[(ts / 4_000 % 16) as usize]).collect();
        assert_eq!(heard, want);
    }

    proptest::proptest! {
        #[test]
        fn no_packets_make_it_fall_or_make_more_keys_than_events(
            packets: Vec<(u16, u32, Vec<u8>)>, rate: u32,
        ) {
            let mut r = DtmfReceiver::with_rate(rate);
            let (mut now, mut events, mut keys) = (Time::ZERO, 0, 0);
            for (wait, ts, payload) in packets {
                now = now + Duration::from_millis(wait.into());
                keys += usize::from(r.poll(now).is_some());
                for (ts, event) in DtmfEvent::parse_all(&payload, ts) {
                    events += 1;
                    keys += usize::from(r.push(now, ts, event).is_some());
                }
            }
            keys += usize::from(r.reset().is_some());
            assert!(keys <= events);
        }
    }

    #[test]
    fn a_press_without_end_is_counted_as_far_as_numbers_go() {
        let mut r = DtmfReceiver::new();
        let event = DtmfEvent { code: 3, end: false, volume: 0, duration: u16::MAX };
        for n in 0..70_000_u32 {
            let timestamp = n.wrapping_mul(u16::MAX.into());
            assert_eq!(r.push(Time::ZERO, timestamp, event), None);
        }
        assert_eq!(r.reset().map(|p| (p.digit, p.duration_ms)), Some(('3', u32::MAX / 8)));
    }

    #[test]
    fn a_device_that_moves_the_timestamp_during_a_press_is_heard_once() {
        let mut packets = press(4, 1_000, 8, 3);
        for (n, p) in packets.iter_mut().take(8).enumerate() {
            p.0 += 160 * n as u32;
        }
        packets[8].0 = packets[7].0;
        packets[9].0 = packets[7].0;
        assert_eq!(heard(&packets), [('4', 160)]);
    }

    #[test]
    fn a_new_stream_with_smaller_timestamps_is_heard_after_a_reset() {
        let mut r = DtmfReceiver::new();
        let e = DtmfEvent { code: 1, end: true, volume: 0, duration: 800 };
        assert!(r.push(Time::ZERO, 90_000, e).is_some());
        assert!(r.push(Time::ZERO, 100, e).is_none());
        r.reset();
        assert!(r.push(Time::ZERO, 100, e).is_some());
    }

    #[test]
    fn what_is_sent_is_heard() {
        let mut sender = DtmfSender::new();
        assert_eq!(sender.queue("1 1*#d!"), 5);
        let mut packets = vec![];
        let mut now = 4_000_000_000_u32;
        while let Some(send) = sender.next_frame() {
            if let DtmfSend::Event { event, since_start, marker } = send {
                assert_eq!(marker, since_start == 0);
                assert_eq!(DtmfEvent::parse(&event.to_bytes()), Some(event));
                packets.push((now.wrapping_sub(since_start), event));
            }
            now = now.wrapping_add(160);
        }
        let want = ['1', '1', '*', '#', 'D'].map(|d| (d, 160));
        assert_eq!(heard(&packets), want);
        assert_eq!(DtmfEvent::parse(&[1, 2, 3]), None);
    }

    #[test]
    fn the_queue_of_keys_is_bounded() {
        let mut sender = DtmfSender::new();
        assert_eq!(sender.queue(&"7".repeat(1_000)), MAX_WAITING);
        assert_eq!(sender.queue("7"), 0);
    }
}
