//! Keys as RTP events (RFC 4733), read and sent.
//!
//! Reading forgives what the network and other devices do: lost first, middle and end packets, no
//! marker bit, the end sent one to many times, order mixed up, a press longer than one event may
//! say (2.5.1.3), and devices that move the timestamp on during one press. One press is one
//! [`DtmfPress`]. Absent: the other events of the RFC (flash, modem tones), redundancy (RFC 2198),
//! and tones in the sound itself.

use std::time::Duration;

use waihu_types::Time;

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
    /// How long so far [samples].
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
    /// Length of the segments before this one [samples].
    before: u32,
    /// Length of the current segment [samples].
    duration: u16,
    heard: Time,
}

impl Press {
    fn finish(self) -> Option<DtmfPress> {
        let digit = *KEYS.get(usize::from(self.code))?;
        // 8 samples are a millisecond: telephone-event is offered at 8000 Hz only.
        Some(DtmfPress { digit, duration_ms: self.before.saturating_add(self.duration.into()) / 8 })
    }

    /// Whether an event with another timestamp is still this press.
    fn goes_on_in(&self, event: DtmfEvent, timestamp: u32) -> bool {
        // RFC 4733, 2.5.1.3: a long press goes on in a new segment, where the last one ended.
        let segment = timestamp == self.timestamp.wrapping_add(u32::from(self.duration))
            && self.duration >= u16::MAX - 4_000;
        // Not in the RFC: devices that move the timestamp with each packet of one press. Only a
        // duration that goes on growing tells them from a new press of the same key.
        event.code == self.code && (segment || event.duration > self.duration)
    }
}

/// Reads the keys of one call leg.
#[derive(Clone, Debug, Default)]
pub struct DtmfReceiver {
    press: Option<Press>,
    /// Timestamp of the last press that is over.
    over: Option<u32>,
}

impl DtmfReceiver {
    /// Nothing has been pressed.
    pub fn new() -> Self {
        Self::default()
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
            Some(p) if p.goes_on_in(event, timestamp) => {
                if event.duration <= p.duration {
                    // A far end that never lets go can go on for longer than can be counted.
                    p.before = p.before.saturating_add(p.duration.into());
                }
                (p.timestamp, p.duration, p.heard) = (timestamp, event.duration, now);
                None
            }
            _ => {
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
        p.finish()
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
        /// How long ago the press began [samples]; its timestamp is now less this.
        since_start: u32,
        /// First packet of the press.
        marker: bool,
    },
    /// Sends sound as ever; the gap between two keys.
    Gap,
}

/// Sends keys, one packet each 20 ms: 160 ms a key, three ends, 80 ms between keys.
#[derive(Clone, Debug, Default)]
pub struct DtmfSender {
    codes: std::collections::VecDeque<u8>,
    frame: u16,
}

/// Keys that may wait to be sent: longer than any menu, account or card number.
pub const MAX_WAITING: usize = 64;

impl DtmfSender {
    /// Nothing to send.
    pub fn new() -> Self {
        Self::default()
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
        let event = DtmfEvent { code, end, volume: VOLUME, duration: (n + 1).min(PRESS_FRAMES) * 160 };
        Some(DtmfSend::Event { event, since_start: u32::from(n) * 160, marker: n == 0 })
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
