//! RTCP of one leg: when something is told, and what the far end tells.

use std::time::{SystemTime, UNIX_EPOCH};

use waihu_rtp::{
    SourceState,
    rtcp::{Form, RtcpSession},
};
use waihu_types::Time;

/// Seconds from 1900, where NTP's time begins, to 1970.
const NTP_TO_UNIX_S: u64 = 2_208_988_800;

pub(crate) struct Reports {
    session: RtcpSession,
}

impl Reports {
    pub(crate) fn new(now: Time, ssrc: u32, clock_rate_hz: u32) -> Self {
        // RFC 7022: a name of this call alone, that tells nothing of us.
        let cname = format!("{:016x}", rand::random::<u64>());
        Self { session: RtcpSession::new(now, ssrc, cname.as_bytes(), clock_rate_hz, rand::random()) }
    }

    pub(crate) fn set_clock_rate(&mut self, clock_rate_hz: u32) {
        self.session.set_clock_rate(clock_rate_hz);
    }

    pub(crate) fn sent(&mut self, now: Time, timestamp: u32, octets: usize) {
        self.session.sent(now, timestamp, octets);
    }

    /// RTCP has come; whether the source that we hear says goodbye. `None` where it is no RTCP: advice
    /// that is not whole is no advice.
    pub(crate) fn received(&mut self, arrived: Time, bytes: &[u8], source: Option<u32>) -> Option<bool> {
        self.session.handle(arrived, bytes, Form::Compound, source).ok().map(|r| r.goodbye)
    }

    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.session.poll_timeout().is_some_and(|at| at <= now)
    }

    pub(crate) fn write(&mut self, now: Time, source: &mut SourceState, buffer: &mut [u8]) -> Option<usize> {
        self.session.poll_report(now, ntp_now(), source, buffer)
    }

    pub(crate) fn goodbye(
        &mut self,
        now: Time,
        source: &mut SourceState,
        buffer: &mut [u8],
    ) -> Option<usize> {
        self.session.goodbye(now, ntp_now(), source, "", buffer)
    }

    pub(crate) fn round_trip_ms(&self) -> Option<f32> {
        self.session.round_trip().map(|d| d.as_secs_f32() * 1_000.0)
    }

    /// The share of ours that the far end lost of late.
    pub(crate) fn far_loss(&self) -> Option<f32> {
        self.session.far_report().map(|r| f32::from(r.fraction_lost) / 256.0)
    }
}

/// The wall clock as NTP has it (RFC 3550, 4): seconds since 1900, and 2⁻³² of them.
fn ntp_now() -> u64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    ((unix.as_secs() + NTP_TO_UNIX_S) << 32) | fraction
}
