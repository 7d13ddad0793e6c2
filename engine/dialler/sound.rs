//! A leg's sound: what was offered for it ([`offer`]), what came of that, and the keys that it is locked with.
//!
//! Keys in the descriptions (RFC 4568) are new for each INVITE, from the system's random source. Where a
//! handshake brings them (RFC 5763), it is made here with its flights and its time, and kept to the end of
//! the call: a far end that missed our last flight repeats its own. Until its keys are there the media thread
//! sends nothing, and what is to be said waits. A browser proves by connectivity checks where it is; the
//! media thread answers them, and takes a handshake from there alone.

mod offer;
#[cfg(test)]
mod real_browser;
#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use waihu_call::{DEAD_AFTER, Leg, Part};
use waihu_media::{HeardTap, MediaEvent, Opened, Remote, SlotId, Stats, StereoTap, Taps};
use waihu_sip::{AudioStream, DtlsRole, MediaMismatch, SessionDescription, StreamSecurity};
use waihu_srtp::{DtlsError, Handshake, Role, is_dtls};
use waihu_types::{AttemptId, Direction, FaultOwner, Outcome, Sound, SoundQuality, SrtpSuite, Time};

pub(crate) use self::offer::{FarEnd, Means};
use crate::{error::DialError, legs};

/// A page that was loaded anew answers our offer within this, or is lost: a handshake and a microphone take less.
const ANSWERED_WITHIN: Duration = Duration::from_secs(12);

/// Why a leg has no sound that may be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SoundFault {
    /// The descriptions do not fit each other.
    #[error(transparent)]
    Mismatch(#[from] MediaMismatch),
    /// No keys came of the handshake.
    #[error("no keys for SRTP: {0}")]
    Handshake(#[from] DtlsError),
    /// What was offered anew was not answered in time.
    #[error("no answer to what was offered anew")]
    Unanswered,
    /// The media thread could not code or lock it.
    #[error("the sound failed: {0}")]
    Media(String),
}

impl SoundFault {
    /// What the far end is told with the BYE (RFC 3326).
    pub(crate) fn as_reason(&self) -> String {
        let (code, text) = match self {
            Self::Mismatch(_) => (488, "Not Acceptable Here"),
            Self::Handshake(_) => (488, "No Keys For SRTP"),
            Self::Unanswered => (408, "Request Timeout"),
            Self::Media(_) => (500, "No Media"),
        };
        format!("SIP;cause={code};text=\"{text}\"")
    }

    /// Says in the outcome why the call came to nothing, and whose doing that was: a far end that agrees on
    /// locks and then gives no keys is not at fault with us.
    pub(crate) fn mark(&self, outcome: &mut Outcome) {
        if let Some(sip) = &mut outcome.sip {
            sip.reason = self.to_string();
        }
        if outcome.fault.is_some() && !matches!(self, Self::Media(_)) {
            outcome.fault = Some(FaultOwner::Trunk);
        }
    }
}

/// What a slot tells of itself.
pub(crate) enum News {
    /// In the call's words.
    Call(waihu_call::MediaEvent),
    /// The first packet left, at this time: the recording begins with it.
    FirstPacket(Time),
    /// Whether a browser is still there: it has proven nothing for half a minute, or does so again.
    Reach(Reach),
    /// A datagram of the handshake.
    Datagram(SocketAddr, Box<[u8]>),
    /// It is about to be closed by a fault of ours.
    Failed(String),
}

/// Whether a browser is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It has proven nothing for half a minute, and is sent nothing more.
    Lost,
    /// It is there again.
    Again,
}

/// Who is at the other end of a slot, and what hears it at ours.
#[derive(Default)]
pub(crate) struct Ends {
    pub(crate) far_end: FarEnd,
    pub(crate) beside: Option<SlotId>,
    pub(crate) heard: Option<HeardTap>,
    pub(crate) stereo: Option<StereoTap>,
}

/// One leg's sound.
pub(crate) struct LegSound {
    opened: Opened,
    far_end: FarEnd,
    attempt: AttemptId,
    networks: Arc<[(IpAddr, u8)]>,
    /// What the far end is offered.
    offer: SessionDescription,
    /// Our description, as the last exchange left it.
    ours: SessionDescription,
    agreed: Option<AudioStream>,
    suite: Option<SrtpSuite>,
    shaking: Option<Shaking>,
    /// The far end is to answer anew by then.
    answer_by: Option<Instant>,
    /// The log has been told how the sound flows.
    is_told: bool,
    closed: oneshot::Receiver<Stats>,
}

/// A handshake, and with whom.
struct Shaking {
    handshake: Handshake,
    fingerprint: [u8; 32],
    role: DtlsRole,
    /// Where the next flight goes.
    to: SocketAddr,
    /// It was heard from where the far end says it is: nobody else is answered then.
    is_found: bool,
}

impl LegSound {
    /// Opens a slot, and makes the offer of it.
    ///
    /// # Errors
    /// When there is no port, or no randomness for keys.
    pub(crate) fn open(
        means: Means<'_>,
        attempt: &AttemptId,
        leg: Leg,
        ends: Ends,
        tell: impl Fn(News) + Send + 'static,
    ) -> Result<Self, DialError> {
        let (tell_closed, closed) = oneshot::channel();
        let mut tell_closed = Some(tell_closed);
        let taps = Taps {
            heard: ends.heard,
            stereo: ends.stereo,
            // In a media thread: it only hands on.
            events: Box::new(move |at, event| {
                let word = legs::media_word(leg, &event).map(News::Call);
                let news = match event {
                    MediaEvent::FirstPacketSent => Some(News::FirstPacket(at)),
                    MediaEvent::Handshake { from, bytes } => Some(News::Datagram(from, bytes)),
                    MediaEvent::ConsentLost => Some(News::Reach(Reach::Lost)),
                    MediaEvent::ConsentRenewed => Some(News::Reach(Reach::Again)),
                    MediaEvent::Failed(why) => Some(News::Failed(why)),
                    MediaEvent::Closed(stats) => {
                        // The call may be over: then nobody need know.
                        if let Some(tell) = tell_closed.take() {
                            let _ = tell.send(stats);
                        }
                        None
                    }
                    _ => None,
                };
                news.into_iter().chain(word).for_each(&tell);
            }),
        };
        let opened = match ends.beside {
            Some(other) => means.media.open_beside(other, taps)?,
            None => means.media.open(taps)?,
        };
        let networks = match ends.far_end {
            FarEnd::Telephone => means.trunk.media_networks.iter().map(|n| (n.first(), n.prefix())).collect(),
            FarEnd::Browser => Arc::default(),
        };
        let offer = match means.offer(ends.far_end, &opened) {
            Ok(offer) => offer,
            Err(e) => {
                means.media.close(opened.slot);
                return Err(e);
            }
        };
        Ok(Self {
            opened,
            far_end: ends.far_end,
            attempt: attempt.clone(),
            networks,
            ours: offer.clone(),
            offer,
            agreed: None,
            suite: None,
            shaking: None,
            answer_by: None,
            is_told: false,
            closed,
        })
    }

    /// Begins anew for another far end of the same kind, or for the same that has lost what it knew, as a page
    /// that was loaded anew: with other keys and credentials. Who answered before is sent nothing more until
    /// the next answer, whose far end goes on where it stood: what the slot is joined with, and what is
    /// played on it, stays. A page takes such an offer with a new connection: the old one would keep its keys.
    /// Nothing else tells of one that never answers, for no check of it has come yet.
    ///
    /// # Errors
    /// When there is no randomness for keys.
    pub(crate) fn begin_anew(&mut self, means: Means<'_>) -> Result<(), DialError> {
        self.offer = means.offer(self.far_end, &self.opened)?;
        self.ours = self.offer.clone();
        (self.agreed, self.suite, self.shaking, self.is_told) = (None, None, None, false);
        self.await_answer(ANSWERED_WITHIN);
        Ok(())
    }

    /// Whoever does not answer anew within this is lost.
    pub(crate) fn await_answer(&mut self, within: Duration) {
        self.answer_by = Some(Instant::now() + within);
    }

    pub(crate) fn slot(&self) -> SlotId {
        self.opened.slot
    }

    /// Early media could not be heard: the answer is settled as if there had been none.
    pub(crate) fn give_up_early(&mut self) {
        (self.agreed, self.shaking) = (None, None);
    }

    /// What an INVITE offers, or a desk is sent.
    pub(crate) fn offer(&self) -> SessionDescription {
        self.offer.clone()
    }

    /// The slot's counts, once it is closed.
    pub(crate) fn closed(&mut self) -> &mut oneshot::Receiver<Stats> {
        &mut self.closed
    }

    /// The far end's description has come. Each answer is one to what we offered, as if none had come before:
    /// the one with the 200 may repeat that of a provisional response, or be another telephone's. The endpoint
    /// answers later offers in the same way as here.
    ///
    /// # Errors
    /// When nothing may be sent; the slot is left as it was.
    pub(crate) fn described(
        &mut self,
        means: Means<'_>,
        part: Part,
        theirs: &SessionDescription,
    ) -> Result<(), SoundFault> {
        let stream = match part {
            Part::EarlyAnswer | Part::Answer => {
                let mut ours = self.offer.clone();
                let stream = ours.settle(theirs)?;
                self.ours = ours;
                stream
            }
            Part::Offer => self.ours.settle_again(theirs)?,
        };
        (self.agreed, self.answer_by) = (Some(stream), None);
        let security = match stream.srtp {
            StreamSecurity::None => {
                self.suite = None;
                waihu_media::Security::Plain
            }
            StreamSecurity::Sdes { ours, theirs } => {
                self.suite = Some(ours.suite());
                waihu_media::Security::Srtp { ours, theirs }
            }
            StreamSecurity::Dtls { .. } => waihu_media::Security::Awaited,
        };
        means.media.start(self.opened.slot, self.remote(&stream, security, means.trunk.inband_dtmf));
        match stream.srtp {
            StreamSecurity::Dtls { fingerprint, role } => self.shake(means, &stream, fingerprint, role),
            StreamSecurity::None | StreamSecurity::Sdes { .. } => {
                // One that was under way is no longer wanted.
                self.shaking = None;
                self.tell_log();
                Ok(())
            }
        }
    }

    fn remote(&self, stream: &AudioStream, security: waihu_media::Security, inband_dtmf: bool) -> Remote {
        Remote {
            rtcp: Some(stream.rtcp),
            ssrc: stream.ssrc,
            incoming_payload_type: stream.receives.codec,
            dtmf_payload_type: stream.telephone_event,
            dtmf_clock_hz: stream.telephone_event_clock_hz,
            direction: stream.direction,
            security,
            networks: Arc::clone(&self.networks),
            inband_keys: inband_dtmf && stream.telephone_event.is_none(),
            ..Remote::plain(stream.remote, stream.codec, stream.payload_type)
        }
    }

    /// Begins the handshake, or goes on with the one that there is: a later offer of the same far end begins
    /// none (RFC 8842, 5.5).
    fn shake(
        &mut self,
        means: Means<'_>,
        stream: &AudioStream,
        fingerprint: [u8; 32],
        role: DtlsRole,
    ) -> Result<(), SoundFault> {
        let same = |s: &Shaking| (s.fingerprint, s.role) == (fingerprint, role);
        if !self.shaking.as_ref().is_some_and(same) {
            let part = if role == DtlsRole::Client { Role::Active } else { Role::Passive };
            let handshake = Handshake::new(means.certificate, part, fingerprint, Instant::now())?;
            let to = stream.remote;
            self.shaking = Some(Shaking { handshake, fingerprint, role, to, is_found: false });
        }
        self.go_on(means)
    }

    /// A datagram of the handshake has come.
    ///
    /// # Errors
    /// When it ends without keys.
    pub(crate) fn datagram(
        &mut self,
        means: Means<'_>,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Result<(), SoundFault> {
        let (Some(shaking), Some(stream)) = (&mut self.shaking, &self.agreed) else { return Ok(()) };
        // Behind address translation it comes from another place than was said; whoever comes from there
        // still has to show the certificate.
        let is_from_there = stream.ice || from.ip() == stream.remote.ip();
        if !bytes.first().is_some_and(|first| is_dtls(*first)) || shaking.is_found && !is_from_there {
            return Ok(());
        }
        shaking.is_found |= is_from_there;
        shaking.to = from;
        shaking.handshake.handle_datagram(Instant::now(), bytes);
        self.go_on(means)
    }

    /// When [`Self::handle_timeout`] is wanted.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let shaking = self.shaking.as_ref().and_then(|shaking| shaking.handshake.poll_timeout());
        shaking.into_iter().chain(self.answer_by).min()
    }

    /// The time of the handshake's next step, or the last for an answer, may have come.
    ///
    /// # Errors
    /// When it ends without keys, or there was no answer.
    pub(crate) fn handle_timeout(&mut self, means: Means<'_>) -> Result<(), SoundFault> {
        let now = Instant::now();
        if self.answer_by.take_if(|by| *by <= now).is_some() {
            return Err(SoundFault::Unanswered);
        }
        let Some(shaking) = &mut self.shaking else { return Ok(()) };
        shaking.handshake.handle_timeout(now);
        self.go_on(means)
    }

    /// Sends what the handshake has to send, and takes what has come of it.
    fn go_on(&mut self, means: Means<'_>) -> Result<(), SoundFault> {
        let Some(shaking) = &mut self.shaking else { return Ok(()) };
        while let Some(datagram) = shaking.handshake.poll_datagram() {
            means.media.send_handshake(self.opened.slot, shaking.to, datagram);
        }
        match shaking.handshake.outcome() {
            None => Ok(()),
            Some(Ok(keys)) => {
                means.media.keys(self.opened.slot, keys.ours, keys.theirs);
                self.suite = Some(keys.ours.suite());
                self.tell_log();
                Ok(())
            }
            Some(Err(why)) => Err(why.into()),
        }
    }

    /// Whether a far end that has sent nothing for so long is gone: a telephone that holds nobody. Of a browser its
    /// checks tell.
    pub(crate) fn is_dead(&self, silent: Duration) -> bool {
        let talks = self.agreed.is_some_and(|stream| stream.direction == Direction::SendRecv);
        self.far_end == FarEnd::Telephone && talks && silent >= DEAD_AFTER
    }

    /// Says in the log whether the far end is still there.
    pub(crate) fn note(&self, reach: Reach) {
        tracing::info!(attempt = %self.attempt, ?reach, "a browser's checks");
    }

    /// How the sound flows, once a call.
    fn tell_log(&mut self) {
        let Some(stream) = self.agreed.filter(|_| !std::mem::replace(&mut self.is_told, true)) else {
            return;
        };
        tracing::info!(
            attempt = %self.attempt,
            codec = stream.codec.name(),
            srtp = self.suite.map_or("none", SrtpSuite::name),
            keys = stream.srtp.as_str(),
            "the sound is agreed on"
        );
    }

    /// How it sounded; none where nothing could be heard or said: no answer, or no keys.
    pub(crate) fn outcome(&self, stats: &Stats) -> Option<Sound> {
        let stream = self.agreed?;
        if matches!(stream.srtp, StreamSecurity::Dtls { .. }) && self.suite.is_none() {
            return None;
        }
        let permille = |share: f32| (share * 1_000.0).round() as u16;
        Some(Sound {
            codec: stream.codec.name().to_owned(),
            srtp: self.suite.map(|suite| suite.name().to_owned()),
            sent: stats.sent,
            received: stats.received,
            lost: stats.lost,
            quality: stats.quality.map(|q| SoundQuality {
                concealed_permille: permille(q.loss),
                jitter_ms: q.jitter_ms.round() as u16,
                round_trip_ms: q.round_trip_ms.map(|ms| ms.round() as u16),
                far_loss_permille: q.far_loss.map(permille),
                mos_hundredths: (q.mos * 100.0).round() as u16,
            }),
        })
    }
}
