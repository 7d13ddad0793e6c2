//! Our own trunk and media call the practice ground, over loopback.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests may fail them

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use waihu_audio::{Frame, energy::level_dbov, tone};
use waihu_media::{Media, MediaConfig, MediaEvent, Opened, PlaybackId, Remote, SlotId, Taps};
use waihu_simulator::{
    Clips, Pcm, Report, Served, SimulatorConfig, SimulatorError, lines, read_personas, serve,
};
use waihu_sip::{
    AudioStream, Codec, EndedBy, Event, FailureCause, Keys, NameAddr, Ours, Security, SessionDescription,
    SrtpKey, SrtpPolicy, SrtpSuite, StreamSecurity, Uri,
};
use waihu_srtp::{Certificate, Handshake, Role};
use waihu_trunk::{Call, InviteRequest, SipSocket};

const PERSONAS: &str = r#"
[[persona]]
number = "1001"
name = "talks"
lang = "zh"
rings_ms = 100
steps = [{ say = "我是。" }, { press = "1#" }, { hang_up = true }]

[[persona]]
number = "1002"
name = "greets"
lang = "en"
rings_ms = 0
steps = [{ after_ms = 100, say = "Hello?" }, { after_ms = 100, beep_ms = 400 }]

[[persona]]
number = "1003"
name = "is asked again"
lang = "en"
rings_ms = 0
steps = [{ say = "Yes." }, { bot_spoke_ms = 1500, press = "5" }]

[[persona]]
number = "1900"
name = "agent"
lang = "zh"
rings_ms = 0
steps = [{ or_after_ms = 100, say = "您好。" }]

[[persona]]
number = "1900"
when_shown = "en-no-agent"
name = "nobody at the desk"
lang = "en"
no_answer = true

[[persona]]
number = "1201"
name = "busy"
lang = "zh"
rings_ms = 50
decline = 486

[[persona]]
number = "1202"
name = "no answer"
lang = "zh"
no_answer = true
"#;

/// Nothing here takes half so long; a test that hangs must end.
const LIMIT: Duration = Duration::from_secs(20);

/// A second of sound, loud as speech is.
fn sound(hz: f32, ms: u32) -> Pcm {
    tone::sine(hz, ms, -20.0, 8_000).into()
}

fn media_config() -> MediaConfig {
    MediaConfig::new("127.0.0.1".parse().unwrap(), 41_000..=41_999, Duration::from_secs(5))
}

struct Ground {
    sip: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<Served, SimulatorError>>,
    reports: mpsc::UnboundedReceiver<Report>,
}

fn config(max_calls: usize) -> SimulatorConfig {
    let personas = read_personas(PERSONAS).unwrap();
    let mut clips = Clips::default();
    for line in lines(&personas) {
        clips.insert(line, sound(700.0, 800));
    }
    SimulatorConfig {
        codecs: Codec::ALL.to_vec(),
        srtp: SrtpPolicy::Optional,
        bind: "127.0.0.1:0".parse().unwrap(),
        media: media_config(),
        personas,
        clips,
        max_calls,
    }
}

async fn ground(max_calls: usize) -> Ground {
    open(config(max_calls)).await
}

async fn open(config: SimulatorConfig) -> Ground {
    let (told, mut reports) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel();
    let running =
        tokio::spawn(serve(
            config,
            move |report| drop(told.send(report)),
            async move { drop(stopped.await) },
        ));
    match reports.recv().await {
        Some(Report::Ready { sip }) => Ground { sip, stop, running, reports },
        other => panic!("{other:?}"),
    }
}

impl Ground {
    async fn told(&mut self) -> Report {
        next(self.reports.recv()).await.unwrap()
    }

    async fn close(self) -> Served {
        self.stop.send(()).unwrap();
        tokio::time::timeout(LIMIT, self.running).await.unwrap().unwrap().unwrap()
    }
}

/// The caller's side: one call.
struct Caller {
    media: Media,
    slot: SlotId,
    rtp: SocketAddr,
    sip: SipSocket,
    heard: crossbeam_channel::Receiver<Frame>,
    events: mpsc::UnboundedReceiver<MediaEvent>,
}

impl Caller {
    async fn new() -> Self {
        let media = Media::spawn(media_config()).unwrap();
        let (to_heard, heard) = crossbeam_channel::bounded(10_000);
        let (to_events, events) = mpsc::unbounded_channel();
        let Opened { slot, rtp, .. } = media
            .open(Taps {
                heard: Some(Box::new(move |heard| to_heard.try_send(*heard.frame).is_ok())),
                stereo: None,
                events: Box::new(move |_, e| drop(to_events.send(e))),
            })
            .unwrap();
        let (sip, _incoming) = SipSocket::bind("127.0.0.1:0".parse().unwrap(), "test").await.unwrap();
        Self { media, slot, rtp, sip, heard, events }
    }

    fn dial(&self, ground: &Ground, number: &str) -> Call {
        self.dial_showing(ground, number, None)
    }

    /// Dials with a name for the callee's telephone to show.
    fn dial_showing(&self, ground: &Ground, number: &str, shown: Option<&str>) -> Call {
        self.dial_with(
            ground,
            number,
            shown,
            SessionDescription::offer(self.rtp, &[Codec::Pcma, Codec::Pcmu]),
        )
    }

    fn dial_with(
        &self,
        ground: &Ground,
        number: &str,
        shown: Option<&str>,
        offer: SessionDescription,
    ) -> Call {
        let target = Uri::sip(number, ground.sip);
        let from = NameAddr::new(shown, Uri::sip("caller", self.sip.local_addr()));
        self.sip.invite(InviteRequest {
            target,
            next_hop: ground.sip.into(),
            backups: Vec::new(),
            redirects: Vec::new(),
            signed_as: None,
            call_id: None,
            from,
            credentials: None,
            offer,
            headers: Vec::new(),
        })
    }

    /// Starts the media of an answered call.
    fn connect(&self, sdp: &SessionDescription) {
        let audio = sdp.audio().unwrap();
        assert_eq!(audio.codec, Codec::Pcma);
        self.media.start(
            self.slot,
            Remote {
                dtmf_payload_type: audio.telephone_event,
                ..Remote::plain(audio.remote, audio.codec, audio.payload_type)
            },
        );
    }

    /// Starts the media of an answered call as it was agreed, making the handshake where there is one.
    async fn connect_as(&mut self, stream: AudioStream, certificate: &Certificate) {
        let (security, shakes) = match stream.srtp {
            StreamSecurity::None => (waihu_media::Security::Plain, None),
            StreamSecurity::Sdes { ours, theirs } => (waihu_media::Security::Srtp { ours, theirs }, None),
            StreamSecurity::Dtls { fingerprint, .. } => (waihu_media::Security::Awaited, Some(fingerprint)),
        };
        let remote = Remote {
            dtmf_payload_type: stream.telephone_event,
            dtmf_clock_hz: stream.telephone_event_clock_hz,
            incoming_payload_type: stream.receives.codec,
            security,
            ..Remote::plain(stream.remote, stream.codec, stream.payload_type)
        };
        self.media.start(self.slot, remote);
        let Some(fingerprint) = shakes else { return };
        // Who answers an offer begins.
        let mut handshake = Handshake::new(certificate, Role::Passive, fingerprint, Instant::now()).unwrap();
        loop {
            while let Some(datagram) = handshake.poll_datagram() {
                self.media.send_handshake(self.slot, stream.remote, datagram);
            }
            if let Some(keys) = handshake.outcome() {
                let keys = keys.unwrap();
                return self.media.keys(self.slot, keys.ours, keys.theirs);
            }
            let wait = handshake.poll_timeout().unwrap();
            tokio::select! {
                event = self.events.recv() => if let Some(MediaEvent::Handshake { bytes, .. }) = event {
                    handshake.handle_datagram(Instant::now(), &bytes);
                },
                () = tokio::time::sleep_until(wait.into()) => handshake.handle_timeout(Instant::now()),
            }
        }
    }

    /// Waits until so many frames in a row are louder than speech's floor.
    async fn hears(&self, frames: usize) {
        let heard = self.heard.clone();
        let waited = tokio::task::spawn_blocking(move || {
            let mut run = 0;
            while run < frames {
                let frame = heard.recv_timeout(LIMIT).unwrap();
                run = if level_dbov(&frame) > -40.0 { run + 1 } else { 0 };
            }
        });
        waited.await.unwrap();
    }

    /// Waits until the far end has fallen silent.
    async fn hears_the_end(&self) {
        let heard = self.heard.clone();
        let waited =
            tokio::task::spawn_blocking(
                move || {
                    while level_dbov(&heard.recv_timeout(LIMIT).unwrap()) > -40.0 {}
                },
            );
        waited.await.unwrap();
    }

    async fn key(&mut self) -> char {
        loop {
            if let MediaEvent::Dtmf { digit, .. } = next(self.events.recv()).await.unwrap() {
                return digit;
            }
        }
    }

    fn speak(&self, id: u64) {
        self.speak_for(id, 1_000);
    }

    fn speak_for(&self, id: u64, ms: u32) {
        self.media.play(self.slot, PlaybackId(id), sound(300.0, ms));
    }
}

async fn next<T>(f: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, f).await.unwrap()
}

/// The next event that is no provisional response.
async fn settled(call: &mut Call) -> Event {
    loop {
        match next(call.event()).await.unwrap() {
            Event::Provisional { .. } => {}
            other => return other,
        }
    }
}

/// It is taken in, and rings.
async fn ringing(call: &mut Call) {
    for expected in [100, 180] {
        assert!(
            matches!(next(call.event()).await, Some(Event::Provisional { code, .. }) if code == expected)
        );
    }
}

async fn answered(call: &mut Call) -> SessionDescription {
    match settled(call).await {
        Event::Answered { sdp } => sdp,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_waits_for_the_caller_then_speaks_presses_keys_and_hangs_up() {
    let ground = ground(4).await;
    let mut caller = Caller::new().await;
    let mut call = caller.dial(&ground, "1001");
    ringing(&mut call).await;
    let sdp = answered(&mut call).await;
    caller.connect(&sdp);
    caller.speak(1);
    caller.hears(20).await;
    // It must have finished before it can be answered again.
    caller.hears_the_end().await;
    caller.speak(2);
    assert_eq!((caller.key().await, caller.key().await), ('1', '#'));
    caller.speak(3);
    assert!(matches!(settled(&mut call).await, Event::Ended { by: EndedBy::Remote, .. }));
    let served = ground.close().await;
    assert_eq!((served.calls, served.answered), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn callees_tell_who_picked_up_and_who_was_spoken_to() {
    let mut ground = ground(4).await;
    let mut caller = Caller::new().await;
    let refused = settled(&mut caller.dial(&ground, "1201")).await;
    assert!(matches!(refused, Event::Failed { code: 486, .. }), "{refused:?}");
    let (busy, talks) = (|| "busy".to_owned(), || "talks".to_owned());
    assert_eq!(ground.told().await, Report::Called { persona: busy() });
    assert_eq!(ground.told().await, Report::Over { persona: busy(), bot_turns: 0 });
    let mut call = caller.dial(&ground, "1001");
    let sdp = answered(&mut call).await;
    assert_eq!(ground.told().await, Report::Called { persona: talks() });
    assert_eq!(ground.told().await, Report::PickedUp { persona: talks() });
    caller.connect(&sdp);
    caller.speak(1);
    assert_eq!(ground.told().await, Report::Greeted { persona: talks() });
    caller.hears(20).await;
    caller.hears_the_end().await;
    caller.speak(2);
    assert_eq!(caller.key().await, '1');
    assert!(matches!(ground.told().await, Report::Answered { .. }), "greeted once");
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_speaks_in_the_callers_codec_and_under_its_lock() {
    let ground = ground(4).await;
    let certificate = Certificate::generate().unwrap();
    let fingerprint = certificate.sha256_fingerprint();
    let key = SrtpKey::new(SrtpSuite::AeadAes128Gcm, &[7; 28]).unwrap();
    for (codec, security, became) in [
        (Codec::Pcmu, Security::Off, "none"),
        (Codec::G722, Security::Mandatory(Keys::Sdes(&[key])), "sdes"),
        (Codec::Pcma, Security::Optional(Keys::Sdes(&[key])), "sdes"),
        (Codec::Opus, Security::Mandatory(Keys::Dtls(&fingerprint)), "dtls"),
    ] {
        let mut caller = Caller::new().await;
        let codecs = [codec];
        let mut offer = Ours { security, ..Ours::plain(caller.rtp, &codecs) }.offer();
        let mut call = caller.dial_with(&ground, "1001", None, offer.clone());
        let stream = offer.settle(&answered(&mut call).await).unwrap();
        assert_eq!((stream.codec, stream.srtp.as_str()), (codec, became));
        caller.connect_as(stream, &certificate).await;
        caller.speak(1);
        caller.hears(20).await;
        caller.hears_the_end().await;
        caller.speak(2);
        assert_eq!((caller.key().await, caller.key().await), ('1', '#'));
    }
    assert_eq!(ground.close().await.answered, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_no_keys_is_refused_where_they_are_mandatory() {
    let mandatory = SimulatorConfig { srtp: SrtpPolicy::Mandatory, ..config(4) };
    let ground = open(mandatory).await;
    let caller = Caller::new().await;
    let refused = settled(&mut caller.dial(&ground, "1001")).await;
    assert!(matches!(refused, Event::Failed { code: 488, .. }), "{refused:?}");
    assert_eq!(ground.close().await.answered, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_is_asked_again_answers_again_before_it_goes_on() {
    let ground = ground(4).await;
    let mut caller = Caller::new().await;
    let mut call = caller.dial(&ground, "1003");
    let sdp = answered(&mut call).await;
    caller.connect(&sdp);
    for id in [1, 2] {
        caller.speak_for(id, 600);
        caller.hears(20).await;
        caller.hears_the_end().await;
    }
    caller.speak_for(3, 2_500);
    assert_eq!(caller.key().await, '5');
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sees_what_the_call_is_about_and_may_let_it_ring() {
    let ground = ground(4).await;
    let caller = Caller::new().await;
    let mut rings = caller.dial_showing(&ground, "1900", Some("en-no-agent"));
    ringing(&mut rings).await;
    let mut taken = caller.dial_showing(&ground, "1900", Some("zh-wants-human"));
    let sdp = answered(&mut taken).await;
    caller.connect(&sdp);
    caller.hears(20).await;
    rings.hangup(None);
    assert!(matches!(settled(&mut rings).await, Event::Failed { cause: FailureCause::Cancelled, .. }));
    assert_eq!(ground.close().await.answered, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_greets_is_heard_without_a_word_from_us() {
    let ground = ground(4).await;
    let caller = Caller::new().await;
    let mut call = caller.dial(&ground, "1002");
    let sdp = answered(&mut call).await;
    caller.connect(&sdp);
    // The greeting, then the beep.
    caller.hears(20).await;
    call.hangup(None);
    assert!(matches!(settled(&mut call).await, Event::Ended { by: EndedBy::Local, .. }));
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_line_an_unknown_number_and_a_full_house_refuse_with_their_codes() {
    let ground = ground(1).await;
    let caller = Caller::new().await;
    let mut codes = Vec::new();
    for number in ["1201", "9999"] {
        let mut call = caller.dial(&ground, number);
        match settled(&mut call).await {
            Event::Failed { code, cause: FailureCause::Rejected, .. } => codes.push(code),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(codes, [486, 404]);
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_allowed_are_refused_and_those_up_go_on() {
    let ground = ground(1).await;
    let caller = Caller::new().await;
    let mut up = caller.dial(&ground, "1202");
    ringing(&mut up).await;
    let mut second = caller.dial(&ground, "1002");
    let refused = settled(&mut second).await;
    assert!(matches!(refused, Event::Failed { code: 503, retry_after_s: Some(1..), .. }), "{refused:?}");
    let served = {
        up.hangup(None);
        assert!(matches!(settled(&mut up).await, Event::Failed { cause: FailureCause::Cancelled, .. }));
        ground.close().await
    };
    assert_eq!(served, Served { calls: 2, answered: 0, unknown_number: 0, too_many: 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_nobody_answers_rings_until_it_is_cancelled() {
    let ground = ground(4).await;
    let caller = Caller::new().await;
    let mut call = caller.dial(&ground, "1202");
    ringing(&mut call).await;
    call.hangup(None);
    assert!(matches!(
        settled(&mut call).await,
        Event::Failed { code: 487, cause: FailureCause::Cancelled, .. }
    ));
    assert_eq!(ground.close().await.answered, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_ground_hangs_up_what_is_up() {
    let ground = ground(4).await;
    let caller = Caller::new().await;
    let mut call = caller.dial(&ground, "1002");
    let sdp = answered(&mut call).await;
    caller.connect(&sdp);
    caller.hears(5).await;
    let (served, event) = tokio::join!(ground.close(), settled(&mut call));
    assert_eq!(served.answered, 1);
    assert!(matches!(event, Event::Ended { by: EndedBy::Remote, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_sound_is_an_error_before_any_call() {
    let config = SimulatorConfig { clips: Clips::default(), ..config(1) };
    let served = serve(config, |_| {}, std::future::pending()).await;
    assert!(matches!(served, Err(SimulatorError::NoClip { number }) if number == "1001"));
}
