//! A callee's sound: what is answered to a caller's offer, and the keys that it is locked with.
//!
//! Written apart from the engine's own: what both have wrong in the same way, no practice call would show.
//! Absent: keys in an offer of ours, since whoever leaves the offer to us wants something simple.

use std::{net::SocketAddr, time::Instant};

use rand::{TryRng, rngs::SysRng};
use waihu_media::{Media, Opened, Remote};
use waihu_sip::{
    AudioStream, ComfortNoise, DtlsRole, Keys, MediaMismatch, Ours, Rtcp, Security, SessionDescription,
    SrtpKey, SrtpPolicy, SrtpSuite, StreamSecurity, agree,
};
use waihu_srtp::{Certificate, Handshake, Role, is_dtls};

use crate::call::Stage;

/// One call's sound.
pub(crate) struct Sound {
    opened: Opened,
    ours: SessionDescription,
    /// Whether both sides have spoken once.
    is_settled: bool,
    shaking: Option<(Handshake, SocketAddr)>,
}

impl Sound {
    /// Answers an offer, or makes one; else the status that says why not.
    pub(crate) fn answering(
        stage: &Stage,
        opened: Opened,
        offer: Option<&SessionDescription>,
    ) -> Result<Self, (u16, &'static str)> {
        let keys = new_keys().ok_or((500, "No Keys"))?;
        let fingerprint = stage.certificate.sha256_fingerprint();
        let wants_dtls = offer.is_some_and(|o| {
            !o.dtls.fingerprints.is_empty() || o.media.iter().any(|m| !m.dtls.fingerprints.is_empty())
        });
        let keys = if wants_dtls { Keys::Dtls(&fingerprint) } else { Keys::Sdes(&keys) };
        let policy =
            if offer.is_none() && stage.srtp == SrtpPolicy::Optional { SrtpPolicy::Off } else { stage.srtp };
        let ours = Ours {
            rtp: opened.rtp,
            rtcp: Rtcp::MuxOrAbove,
            codecs: &stage.codecs,
            comfort_noise: ComfortNoise::Absent,
            security: Security::new(policy, keys),
            source: Some((opened.ssrc, "callee")),
        };
        let ours = match offer {
            Some(offer) => ours.answer(offer).map_err(|_| (488, "Not Acceptable Here"))?,
            None => ours.offer(),
        };
        Ok(Self { opened, ours, is_settled: false, shaking: None })
    }

    /// What goes into the 200.
    pub(crate) fn description(&self) -> SessionDescription {
        self.ours.clone()
    }

    /// Ours was the answer to this offer.
    pub(crate) fn agreed(&mut self, media: &Media, certificate: &Certificate, offer: &SessionDescription) {
        let stream = agree(&self.ours, offer);
        self.flow(media, certificate, stream);
    }

    /// The answer to our offer has come, or a later offer.
    pub(crate) fn described(
        &mut self,
        media: &Media,
        certificate: &Certificate,
        theirs: &SessionDescription,
    ) {
        let stream = if self.is_settled { self.ours.settle_again(theirs) } else { self.ours.settle(theirs) };
        self.flow(media, certificate, stream);
    }

    /// Sends to where the caller listens, as it likes it.
    fn flow(&mut self, media: &Media, certificate: &Certificate, stream: Result<AudioStream, MediaMismatch>) {
        let stream = match stream {
            Ok(stream) => stream,
            Err(why) => return tracing::warn!(%why, "a caller cannot be spoken with"),
        };
        self.is_settled = true;
        let security = match stream.srtp {
            StreamSecurity::None => waihu_media::Security::Plain,
            StreamSecurity::Sdes { ours, theirs } => waihu_media::Security::Srtp { ours, theirs },
            StreamSecurity::Dtls { .. } => waihu_media::Security::Awaited,
        };
        let remote = Remote {
            rtcp: Some(stream.rtcp),
            ssrc: stream.ssrc,
            incoming_payload_type: stream.receives.codec,
            dtmf_payload_type: stream.telephone_event,
            dtmf_clock_hz: stream.telephone_event_clock_hz,
            direction: stream.direction,
            security,
            ..Remote::plain(stream.remote, stream.codec, stream.payload_type)
        };
        media.start(self.opened.slot, remote);
        if let (StreamSecurity::Dtls { fingerprint, role }, None) = (stream.srtp, &self.shaking) {
            let role = if role == DtlsRole::Client { Role::Active } else { Role::Passive };
            let handshake = Handshake::new(certificate, role, fingerprint, Instant::now());
            self.shaking = handshake.ok().map(|h| (h, stream.remote));
        }
        self.go_on(media);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.shaking.as_ref()?.0.poll_timeout()
    }

    pub(crate) fn handle_timeout(&mut self, media: &Media) {
        self.shaking.iter_mut().for_each(|(handshake, _)| handshake.handle_timeout(Instant::now()));
        self.go_on(media);
    }

    pub(crate) fn datagram(&mut self, media: &Media, from: SocketAddr, bytes: &[u8]) {
        if let (Some((handshake, to)), true) = (&mut self.shaking, bytes.first().is_some_and(|b| is_dtls(*b)))
        {
            *to = from;
            handshake.handle_datagram(Instant::now(), bytes);
        }
        self.go_on(media);
    }

    fn go_on(&mut self, media: &Media) {
        let Some((handshake, to)) = &mut self.shaking else { return };
        while let Some(datagram) = handshake.poll_datagram() {
            media.send_handshake(self.opened.slot, *to, datagram);
        }
        match handshake.outcome() {
            None => {}
            Some(Ok(keys)) => media.keys(self.opened.slot, keys.ours, keys.theirs),
            // The caller hears nothing, and hangs up.
            Some(Err(why)) => tracing::warn!(%why, "no keys came of the handshake"),
        }
    }
}

/// A key for each suite; none where the system gives no random numbers.
fn new_keys() -> Option<Vec<SrtpKey>> {
    let key = |suite: SrtpSuite| {
        let mut keying = vec![0; suite.key_len() + suite.salt_len()];
        SysRng.try_fill_bytes(&mut keying).ok()?;
        SrtpKey::new(suite, &keying)
    };
    SrtpSuite::ALL.into_iter().map(key).collect()
}
