//! When a report is due, what it says, and what the far end's reports mean (RFC 3550, 6.2 to 6.4).
//!
//! For two parties: their reports never come near the share of the bandwidth that RTCP may have, so
//! the least interval of 5 s rules alone, and the reconsideration of the timer (6.3.3), which tames
//! crowds that come and go, has nothing to do. The round trip is measured on the monotonic clock: a
//! wall clock that is set during the call must not make it negative. Absent: the timing out of a
//! silent far end (6.3.5); the media notices silence by the sound itself.

use std::time::Duration;

use waihu_types::Time;

use super::{Compound, Form, MAX_TEXT, ReportBlock, Rtcp, RtcpError, SenderInfo, Writer};
use crate::sequence::SourceState;

/// The least interval of reports (RFC 3550, 6.2); the first comes after half.
const INTERVAL_US: u64 = 5_000_000;
/// Intervals are drawn from half to one and a half, and divided by e - 3/2 (RFC 3550, 6.3.1) [1/1000].
const COMPENSATION: u64 = 1_218;
/// Sender reports of ours that an answer may refer to: the last one, and a few whose successors were
/// lost.
const REMEMBERED: usize = 4;
/// A round trip beyond this is nonsense: nobody holds such a call.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(30);

/// What the far end says of what it receives from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FarReport {
    /// When it came.
    pub at: Time,
    /// Lost since the report before [1/256].
    pub fraction_lost: u8,
    /// Lost in all [packets].
    pub cumulative_lost: i32,
    /// Interarrival jitter [ticks of our RTP clock].
    pub jitter: u32,
}

/// What a datagram brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// It says what arrives of ours; see [`RtcpSession::far_report`].
    pub reported: bool,
    /// The source that we hear says goodbye.
    pub goodbye: bool,
    /// Somebody reports under our own SSRC: a collision, or our own come back (RFC 3550, 8.2).
    pub collision: bool,
}

/// The last report of a sender that we hear.
#[derive(Clone, Copy, Debug)]
struct LastSr {
    ssrc: u32,
    ntp_middle: u32,
    at: Time,
}

/// The RTCP of one call leg.
pub struct RtcpSession {
    ssrc: u32,
    cname: Box<[u8]>,
    clock_rate_hz: u32,
    dice: u64,
    due: Option<Time>,
    /// Whether anything of us went out.
    shown: bool,
    packets: u32,
    octets: u32,
    /// Packets sent when the last report was made, and the one before it.
    packets_before: [u32; 2],
    /// The last packet: its timestamp, and when it went.
    last_sent: Option<(u32, Time)>,
    /// Our sender reports: the middle of their NTP time, and when they went.
    ours: [Option<(u32, Time)>; REMEMBERED],
    ours_next: usize,
    last_sr: Option<LastSr>,
    far_report: Option<FarReport>,
    round_trip: Option<Duration>,
}

impl std::fmt::Debug for RtcpSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RtcpSession")
            .field("due", &self.due)
            .field("far_report", &self.far_report)
            .field("round_trip", &self.round_trip)
            .finish_non_exhaustive()
    }
}

impl RtcpSession {
    /// A session that begins now. `cname` names us for this call (RFC 7022 wants it random; it is cut
    /// to 255 bytes); `dice` is a random number, of which the intervals are drawn.
    pub fn new(now: Time, ssrc: u32, cname: &[u8], clock_rate_hz: u32, dice: u64) -> Self {
        let mut session = Self {
            ssrc,
            cname: cname[..cname.len().min(MAX_TEXT)].into(),
            clock_rate_hz,
            // Zero would stay zero.
            dice: dice | 1,
            due: None,
            shown: false,
            packets: 0,
            octets: 0,
            packets_before: [0; 2],
            last_sent: None,
            ours: [None; REMEMBERED],
            ours_next: 0,
            last_sr: None,
            far_report: None,
            round_trip: None,
        };
        session.due = Some(now + session.interval(INTERVAL_US / 2));
        session
    }

    fn interval(&mut self, mean_us: u64) -> Duration {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        let share = 500 + (self.dice >> 32) % 1_001;
        Duration::from_micros(mean_us * share / COMPENSATION)
    }

    /// An RTP packet went out with `octets` of payload.
    pub fn sent(&mut self, now: Time, timestamp: u32, octets: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(octets as u32);
        self.last_sent = Some((timestamp, now));
        self.shown = true;
    }

    /// We send under another SSRC from now on (after a collision): what was counted is void.
    pub fn set_ssrc(&mut self, ssrc: u32) {
        self.ssrc = ssrc;
        (self.packets, self.octets, self.packets_before) = (0, 0, [0; 2]);
        (self.last_sent, self.far_report) = (None, None);
        self.ours = [None; REMEMBERED];
    }

    /// We send with another RTP clock from now on [Hz].
    pub fn set_clock_rate(&mut self, clock_rate_hz: u32) {
        self.clock_rate_hz = clock_rate_hz;
    }

    /// A datagram has come. `source`: the SSRC that is heard, as [`SourceState::ssrc`] says.
    ///
    /// # Errors
    /// It is not RTCP; nothing of it was used.
    pub fn handle(
        &mut self,
        now: Time,
        bytes: &[u8],
        form: Form,
        source: Option<u32>,
    ) -> Result<Received, RtcpError> {
        let mut received = Received::default();
        for packet in Compound::parse(bytes, form)?.packets() {
            match packet {
                Rtcp::SenderReport { ssrc, sender, blocks } => {
                    received.collision |= ssrc == self.ssrc;
                    if ssrc != self.ssrc {
                        self.last_sr = Some(LastSr { ssrc, ntp_middle: (sender.ntp >> 16) as u32, at: now });
                        received.reported |= self.told(now, blocks);
                    }
                }
                Rtcp::ReceiverReport { ssrc, blocks } => {
                    received.collision |= ssrc == self.ssrc;
                    if ssrc != self.ssrc {
                        received.reported |= self.told(now, blocks);
                    }
                }
                Rtcp::Goodbye(goodbye) => {
                    received.goodbye |= goodbye.sources().any(|s| source.is_none_or(|heard| heard == s));
                }
                Rtcp::SourceDescription(_) | Rtcp::Other { .. } => {}
            }
        }
        Ok(received)
    }

    /// What the far end says of us; whether it says anything.
    fn told(&mut self, now: Time, mut blocks: impl Iterator<Item = ReportBlock>) -> bool {
        let Some(block) = blocks.find(|b| b.ssrc == self.ssrc) else { return false };
        self.far_report = Some(FarReport {
            at: now,
            fraction_lost: block.fraction_lost,
            cumulative_lost: block.cumulative_lost,
            jitter: block.jitter,
        });
        let ours = self.ours.iter().flatten().find(|o| block.last_sr != 0 && o.0 == block.last_sr);
        if let Some((_, sent)) = ours {
            let held = Duration::from_micros(u64::from(block.delay_since_last_sr) * 1_000_000 / 65_536);
            let away = now.since(*sent);
            // Both clocks are counted in steps: a round trip of nothing may come out as just less.
            self.round_trip =
                Some(away.saturating_sub(held)).filter(|r| *r <= MAX_ROUND_TRIP).or(self.round_trip);
        }
        true
    }

    /// When [`Self::poll_report`] is to be called; none after the goodbye.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    /// Writes the report that is due: its length in `buffer`, which has [`super::MAX_REPORT`] bytes.
    /// `ntp`: the wall clock now [1/2^32 s since 1900]. None where nothing is due.
    pub fn poll_report(
        &mut self,
        now: Time,
        ntp: u64,
        source: &mut SourceState,
        buffer: &mut [u8],
    ) -> Option<usize> {
        self.due.filter(|due| *due <= now)?;
        self.due = Some(now + self.interval(INTERVAL_US));
        self.write(now, ntp, source, buffer).map(|w| w.len())
    }

    /// Writes the last report with a goodbye; nothing is due any more. Who has sent neither sound nor
    /// report says none (RFC 3550, 6.3.7): `None`.
    pub fn goodbye(
        &mut self,
        now: Time,
        ntp: u64,
        source: &mut SourceState,
        reason: &str,
        buffer: &mut [u8],
    ) -> Option<usize> {
        self.due.take()?;
        if !self.shown {
            return None;
        }
        let ssrc = self.ssrc;
        let mut writer = self.write(now, ntp, source, buffer)?;
        writer.goodbye(ssrc, reason.as_bytes())?;
        Some(writer.len())
    }

    fn write<'a>(
        &mut self,
        now: Time,
        ntp: u64,
        source: &mut SourceState,
        buffer: &'a mut [u8],
    ) -> Option<Writer<'a>> {
        let block = source.report().map(|r| {
            let last = self.last_sr.filter(|l| l.ssrc == r.ssrc);
            let since = last.map_or(Duration::ZERO, |l| now.since(l.at));
            let since = since.as_micros().saturating_mul(65_536) / 1_000_000;
            ReportBlock {
                ssrc: r.ssrc,
                fraction_lost: r.fraction_lost,
                cumulative_lost: r.cumulative_lost,
                extended_highest: r.extended_highest,
                jitter: r.jitter,
                last_sr: last.map_or(0, |l| l.ntp_middle),
                delay_since_last_sr: u32::try_from(since).unwrap_or(u32::MAX),
            }
        });
        // A sender is who sent since the report before the last (RFC 3550, 6.4).
        let sends = self.packets != self.packets_before[1];
        self.packets_before = [self.packets, self.packets_before[0]];
        let sender = self.last_sent.filter(|_| sends).map(|(timestamp, at)| SenderInfo {
            ntp,
            rtp_timestamp: timestamp.wrapping_add(self.ticks(now.since(at))),
            packets: self.packets,
            octets: self.octets,
        });
        if sender.is_some() {
            self.ours[self.ours_next] = Some(((ntp >> 16) as u32, now));
            self.ours_next = (self.ours_next + 1) % REMEMBERED;
        }
        self.shown = true;
        let mut writer = Writer::new(buffer);
        writer.report(self.ssrc, sender.as_ref(), block.as_slice())?.cname(self.ssrc, &self.cname)?;
        Some(writer)
    }

    fn ticks(&self, time: Duration) -> u32 {
        (time.as_micros().saturating_mul(self.clock_rate_hz.into()) / 1_000_000) as u32
    }

    /// The far end's last report about us.
    pub fn far_report(&self) -> Option<FarReport> {
        self.far_report
    }

    /// How long a packet takes there and back, by the last answer to a report of ours.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }
}
