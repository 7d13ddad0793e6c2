//! What a leg's counts come to at its end.

use waihu_rtp::{
    SourceState,
    quality::{self, Heard},
};

use crate::{receiver::Receiver, report::Reports};

/// A slot's counts [packets, where nothing else is said].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Sent.
    pub sent: u64,
    /// Not sent because the system refused.
    pub send_errors: u64,
    /// Received and believed.
    pub received: u64,
    /// Missing from the row of sequence numbers.
    pub lost: u64,
    /// Came after their time.
    pub late: u64,
    /// Came twice.
    pub duplicate: u64,
    /// Overtaken by newer ones, but in time.
    pub reordered: u64,
    /// Garbage, of an unknown payload type, or from someone who is not the far end.
    pub discarded: u64,
    /// Times that the playout buffer ran dry.
    pub underruns: u64,
    /// Frames that the tap of what is heard had no room for.
    pub unheard: u64,
    /// Frames that are silence in the recording, because it had no room or their ticks were not run.
    pub unrecorded: u64,
    /// Ticks that were not run, because the machine stood still for too long.
    pub skipped_ticks: u64,
    /// How good what was heard is; none where nothing was.
    pub quality: Option<Quality>,
}

/// How a leg sounded to us, and to the far end as far as it tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// The share of sound that was lost or late and had to be made up, from 0 to 1.
    pub loss: f32,
    /// Interarrival jitter at the end (RFC 3550, A.8) [ms].
    pub jitter_ms: f32,
    /// How long a packet waited for its tick at the end [ms].
    pub buffer_ms: f32,
    /// Round trip by RTCP [ms]; none where the far end sent none.
    pub round_trip_ms: Option<f32>,
    /// The share of ours that the far end says it lost, from 0 to 1.
    pub far_loss: Option<f32>,
    /// The transmission rating R of ITU-T G.107, 0 to 100.
    pub r_factor: f32,
    /// The mean opinion score that R stands for, 1 to 4.5.
    pub mos: f32,
}

impl Stats {
    /// Adds what a receiver has counted whose time is over: there is one for each codec of a leg.
    pub(crate) fn add_receiver(&mut self, receiver: &Receiver) {
        let playout = receiver.stats();
        self.late += playout.late;
        self.duplicate += playout.duplicate;
        self.reordered += playout.reordered;
        self.underruns += playout.underruns;
        self.discarded += receiver.made().undecodable;
    }

    /// Fills in what a stream has come to, its last receiver among it: how good is told of that one.
    pub(crate) fn of_stream(&mut self, source: &SourceState, receiver: &Receiver, reports: &Reports) {
        self.received = source.received();
        self.lost = source.expected().saturating_sub(self.received.saturating_sub(self.duplicate));
        let made = receiver.made();
        if made.heard == 0 {
            return;
        }
        let all = (made.heard + made.concealed) as f32;
        let loss = made.concealed as f32 / all;
        // Sound in frames, holes by their number: the mean length of a hole against what it would be
        // were each frame lost by itself (G.107: BurstR).
        let frame = receiver.codec().frame_samples() as f32;
        let mean_hole = if made.holes == 0 { 1.0 } else { made.concealed as f32 / frame / made.holes as f32 };
        let burst_ratio = (mean_hole * (1.0 - loss)).max(1.0);
        let round_trip_ms = reports.round_trip_ms();
        let buffer_ms = receiver.delay_ms() as f32;
        // 20 ms to gather a packet; half the round trip on the way, where it is known.
        let one_way_ms = 20.0 + buffer_ms + round_trip_ms.unwrap_or(0.0) / 2.0;
        let r_factor = quality::r_factor(&Heard { codec: receiver.codec(), loss, burst_ratio, one_way_ms });
        self.quality = Some(Quality {
            loss,
            jitter_ms: source.jitter() as f32 * 1_000.0 / receiver.codec().clock_rate_hz() as f32,
            buffer_ms,
            round_trip_ms,
            far_loss: reports.far_loss(),
            r_factor,
            mos: quality::mos(r_factor),
        });
    }
}
