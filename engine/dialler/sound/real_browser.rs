//! Chromium on a leg of ours: it takes the offer, and speaks with a telephone that its leg is joined with.
//! What either hears is compared with what the other says.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use waihu_call::{Leg, Part};
use waihu_media::{Clip, Codec, Media, MediaConfig, Opened, PlaybackId, Ports, Remote, Repeat, Taps};
use waihu_sip::SessionDescription;
use waihu_srtp::Certificate;
use waihu_trunk::TrunkConfig;
use waihu_types::{AttemptId, Sound};

use super::{Ends, FarEnd, LegSound, Means, News};

/// Nothing here takes so long, on a machine that is busy with other things neither.
const PATIENCE: Duration = Duration::from_secs(60);
/// What one side says, over and over [samples at 8 kHz].
const SAID: usize = 4 * 8_000;
/// How much is compared at a time: a few words.
const WINDOW: usize = 3_200;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Four seconds of recorded speech in a language.
fn speech(lang: &str) -> Vec<i16> {
    let clips = repository().join("engine/spotter/tests/clips");
    let mut said = Vec::new();
    for what in ["greeting", "wrong_number", "deny", "affirm"] {
        let bytes = fs::read(clips.join(format!("{lang}-{what}.wav"))).unwrap();
        said.extend(bytes[44..].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])));
        said.extend([0; 1_600]);
    }
    said.iter().copied().cycle().take(SAID).collect()
}

fn write_wav(path: &Path, samples: &[i16]) {
    let len = samples.len() as u32 * 2;
    let mut bytes = [b"RIFF", &(36 + len).to_le_bytes()[..], b"WAVEfmt ", &16_u32.to_le_bytes()].concat();
    bytes.extend([1, 0, 1, 0]);
    bytes.extend([8_000_u32, 16_000].map(u32::to_le_bytes).concat());
    bytes.extend([2, 0, 16, 0]);
    bytes.extend([b"data", &len.to_le_bytes()[..]].concat());
    bytes.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

/// Of the windows of what was heard that are loud, the share that sounds like some part of what was said
/// over and over: codecs, filters and a browser's stretching let such parts correlate by 0.7 and more, and
/// other speech by less than 0.4.
fn likeness(heard: &[i16], said: &[i16]) -> f32 {
    let said: Vec<f32> = said.iter().cycle().take(said.len() + WINDOW).map(|s| f32::from(*s)).collect();
    let (mut alike, mut loud) = (0, 0);
    for window in heard.chunks_exact(WINDOW) {
        let window: Vec<f32> = window.iter().map(|s| f32::from(*s)).collect();
        let energy = dot(&window, &window);
        if energy < WINDOW as f32 * 100.0 * 100.0 {
            continue;
        }
        loud += 1;
        let best = said
            .windows(WINDOW)
            .map(|part| dot(part, &window) / (dot(part, part) * energy).sqrt().max(1.0))
            .fold(0.0, f32::max);
        alike += usize::from(best > 0.6);
    }
    if loud < 3 { 0.0 } else { alike as f32 / loud as f32 }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for n in 0..8 {
            sums[n] += a[n] * b[n];
        }
    }
    sums.iter().sum()
}

#[test]
fn likeness_tells_one_voice_from_another_and_from_silence() {
    let (zh, en) = (speech("zh"), speech("en"));
    let later: Vec<i16> = zh.iter().cycle().skip(12_345).take(SAID).map(|s| s / 2).collect();
    assert!(likeness(&later, &zh) > 0.99);
    assert!(likeness(&en, &zh) < 0.2, "{}", likeness(&en, &zh));
    assert!(likeness(&[0; SAID], &zh) < 0.01);
}

/// A way between the browser and us that can be cut.
struct Way {
    front: SocketAddr,
    is_cut: Arc<AtomicBool>,
    /// From where the browser's datagrams come.
    browser: Arc<Mutex<Option<SocketAddr>>>,
}

impl Way {
    fn to(slot: SocketAddr) -> Self {
        let [front, behind] = [(); 2].map(|()| Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()));
        let address = front.local_addr().unwrap();
        let (is_cut, browser) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Option<SocketAddr>>>::default());
        let (cut, at) = (Arc::clone(&is_cut), Arc::clone(&browser));
        let (from, on) = (Arc::clone(&front), Arc::clone(&behind));
        // Both end with the test's process.
        thread::spawn(move || {
            let mut bytes = [0; 2_048];
            while let Ok((len, from)) = from.recv_from(&mut bytes) {
                *at.lock().unwrap() = Some(from);
                if !cut.load(Relaxed) {
                    let _ = on.send_to(&bytes[..len], slot);
                }
            }
        });
        let (cut, to) = (Arc::clone(&is_cut), Arc::clone(&browser));
        thread::spawn(move || {
            let mut bytes = [0; 2_048];
            while let Ok(len) = behind.recv(&mut bytes) {
                let to = *to.lock().unwrap();
                if let Some(to) = to.filter(|_| !cut.load(Relaxed)) {
                    let _ = front.send_to(&bytes[..len], to);
                }
            }
        });
        Self { front: address, is_cut, browser }
    }
}

/// Chromium with our page in it.
struct Browser {
    child: Child,
    act: Sender<String>,
    told: Receiver<(String, Vec<u8>)>,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// With that for its microphone.
    fn start(says: &[i16]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let microphone = folder.path().join("microphone.wav");
        write_wav(&microphone, says);
        let ((act, acts), (tell, told)) = (channel(), channel());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let page = format!("http://{}/", listener.local_addr().unwrap());
        let acts = Arc::new(Mutex::new(acts));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (acts, tell) = (Arc::clone(&acts), tell.clone());
                thread::spawn(move || serve(stream, &acts, &tell));
            }
        });
        let child = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .args(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"])
            .args(["--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection"])
            .arg(format!("--use-file-for-fake-audio-capture={}", microphone.display()))
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .arg(page)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium is missing: .ci/setup --with-peers");
        Self { child, act, told, _folder: folder }
    }

    fn act(&self, act: &str, with: &str) {
        let act = serde_json::json!({ "act": act, "with": with });
        self.act.send(act.to_string()).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection of the page's.
fn serve(stream: TcpStream, acts: &Mutex<Receiver<String>>, tell: &Sender<(String, Vec<u8>)>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let (mut line, mut len) = (String::new(), 0);
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            if header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                len = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; len];
        reader.read_exact(&mut body).unwrap();
        let (status, kind, text) = match path.as_str() {
            "/" => {
                let page = fs::read_to_string(repository().join("tests/peers/browser.html")).unwrap();
                (200, "text/html; charset=utf-8", page)
            }
            "/next" => match acts.lock().unwrap().recv_timeout(Duration::from_secs(1)) {
                Ok(act) => (200, "application/json", act),
                Err(_) => (204, "text/plain", String::new()),
            },
            told => {
                if let Some(what) = told.strip_prefix("/told/") {
                    let _ = tell.send((what.to_owned(), body));
                }
                (204, "text/plain", String::new())
            }
        };
        let head =
            format!("HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", text.len());
        if stream.write_all([head, text].concat().as_bytes()).is_err() {
            return;
        }
    }
}

/// coturn on loopback, reached by TCP alone, as from a network that lets no UDP through.
struct Relay(Child);

impl Relay {
    const PORT: u16 = 46_379;
    const RELAYS: std::ops::RangeInclusive<u16> = 46_380..=46_395;
    /// Its secret, and what `waihu` tells a page of it until the year 2036 (`api::relay` has the rule).
    const SECRET: &str = "a secret of the north";
    const SERVERS: &str = r#"[{"urls": ["turn:127.0.0.1:46379?transport=tcp"], "username": "2082758400:li",
        "credential": "0rUFZgVwUh6ZLOJSoOONpvVWKpc="}]"#;

    fn start() -> Self {
        let [port, first, last] =
            [Self::PORT, *Self::RELAYS.start(), *Self::RELAYS.end()].map(|p| p.to_string());
        let child = Command::new("turnserver")
            .args([
                "-n",
                "--no-cli",
                "--no-tls",
                "--no-dtls",
                "--no-udp",
                "--no-stdout-log",
                "--log-file=/dev/null",
            ])
            .args([
                "--listening-ip=127.0.0.1",
                "--relay-ip=127.0.0.1",
                "--allow-loopback-peers",
                "--pidfile=/dev/null",
            ])
            .args(["-p", &port, "--min-port", &first, "--max-port", &last])
            .args(["--realm=waihu.example", "--use-auth-secret", "--static-auth-secret", Self::SECRET])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("turnserver is missing: .ci/setup --with-peers");
        let relay = Self(child);
        let since = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, Self::PORT)).is_err() {
            assert!(since.elapsed() < PATIENCE, "the relay does not listen");
            thread::sleep(Duration::from_millis(50));
        }
        relay
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A telephone that says something over and over, and what it hears of late.
struct Telephone {
    /// Our leg of it.
    leg: Opened,
    heard: Arc<Mutex<Vec<i16>>>,
}

impl Telephone {
    fn call(media: &Media, leg: Opened, says: Vec<i16>) -> Self {
        let heard = Arc::<Mutex<Vec<i16>>>::default();
        let hears = Arc::clone(&heard);
        let tap: waihu_media::HeardTap = Box::new(move |h| {
            hears.lock().unwrap().extend(h.frame.iter());
            true
        });
        let taps = Taps { heard: Some(tap), stereo: None, events: Box::new(|_, _| ()) };
        let far = media.open(taps).unwrap();
        for (one, other) in [(&leg, &far), (&far, &leg)] {
            media.start(
                one.slot,
                Remote { ssrc: Some(other.ssrc), ..Remote::plain(other.rtp, Codec::Pcma, 8) },
            );
        }
        let clip = Clip::new(says.into(), &[Codec::Pcma]);
        media.play_clip(far.slot, PlaybackId(1), clip.into(), Repeat::Forever);
        Self { leg, heard }
    }
}

/// The browser's leg, and what drives it.
struct Desk<'a> {
    means: Means<'a>,
    sound: LegSound,
    news: Receiver<News>,
    browser: Browser,
    way: Way,
    states: Vec<String>,
}

impl Desk<'_> {
    /// Does what comes from the slot and from the page until the page has told `what`.
    fn wait_for(&mut self, what: &str) -> Vec<u8> {
        let since = Instant::now();
        loop {
            assert!(since.elapsed() < PATIENCE, "the page did not tell {what:?}; ICE: {:?}", self.states);
            self.step();
            for (told, body) in self.browser.told.try_iter().collect::<Vec<_>>() {
                match told.as_str() {
                    "state" => self.states.push(String::from_utf8(body).unwrap()),
                    "fault" => panic!("{}", String::from_utf8_lossy(&body)),
                    told if told == what => return body,
                    _ => {}
                }
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let since = Instant::now();
        while since.elapsed() < time {
            self.step();
        }
    }

    fn step(&mut self) {
        match self.news.recv_timeout(Duration::from_millis(10)) {
            Ok(News::Datagram(from, bytes)) => self.sound.datagram(self.means, from, &bytes).unwrap(),
            Ok(News::Failed(why)) => panic!("{why}"),
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout)
                if self.sound.poll_timeout().is_some_and(|at| at <= Instant::now()) =>
            {
                self.sound.handle_timeout(self.means).unwrap();
            }
            Err(_) => {}
        }
    }

    /// The page takes our offer, by a way that leads to our slot, and hears.
    fn connect(&mut self) {
        let mut offer = self.sound.offer();
        let ours = self.sound.opened.rtp.port();
        for candidate in &mut offer.media[0].ice.candidates {
            assert_eq!(candidate.port, ours);
            candidate.port = self.way.front.port();
        }
        self.browser.act("offer", &offer.to_string());
        let answer = self.wait_for("answer");
        let answer = SessionDescription::parse(&answer).unwrap();
        self.sound.described(self.means, Part::Answer, &answer).unwrap();
        self.browser.act("listen", "");
        self.wait_for("listening");
    }

    /// What the browser has heard since this was asked last.
    fn heard(&mut self) -> Vec<i16> {
        self.browser.act("heard", "");
        let bytes = self.wait_for("heard");
        bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
    }
}

/// How often both are listened to before a page asks for its sound anew.
const TRIES: usize = 6;

/// What both say and hear.
struct Talk {
    browser_says: Vec<i16>,
    telephone_says: Vec<i16>,
}

impl Talk {
    /// Runs until each sounds to the other as it is.
    fn is_heard_both_ways(&self, desk: &mut Desk<'_>, telephone: &Telephone, when: &str) {
        let since = Instant::now();
        while !self.is_heard(desk, telephone, when) {
            assert!(since.elapsed() < PATIENCE, "{when}: nothing is heard; ICE: {:?}", desk.states);
        }
    }

    /// Whether each sounds to the other as it is.
    fn is_heard(&self, desk: &mut Desk<'_>, telephone: &Telephone, when: &str) -> bool {
        desk.heard();
        telephone.heard.lock().unwrap().clear();
        desk.run(Duration::from_millis(2_500));
        let at_browser = likeness(&desk.heard(), &self.telephone_says);
        let at_telephone =
            likeness(&std::mem::take(&mut *telephone.heard.lock().unwrap()), &self.browser_says);
        println!("{when}: {at_browser:.2} at the browser, {at_telephone:.2} at the telephone");
        at_browser > 0.7 && at_telephone > 0.7
    }
}

/// A call in which they have heard each other, and what more becomes of it; how the browser's leg sounded.
fn call(ports: Ports, first_port: u16, more: impl FnOnce(&mut Desk<'_>, &Telephone, &Talk)) -> Sound {
    call_by(None, ports, first_port, more)
}

/// The same, by these relays alone.
fn call_by(
    relays: Option<&str>,
    ports: Ports,
    first_port: u16,
    more: impl FnOnce(&mut Desk<'_>, &Telephone, &Talk),
) -> Sound {
    let here = Ipv4Addr::LOCALHOST.into();
    let config = MediaConfig::new(here, first_port..=first_port + 19, PATIENCE);
    let media = Media::spawn(MediaConfig { port_mode: ports, ..config }).unwrap();
    let trunk = "[trunk]\nproxy = \"127.0.0.1:5060\"\nfrom = \"sip:w@127.0.0.1\"\nbind = \"127.0.0.1:0\"\n";
    let trunk = TrunkConfig::parse(trunk, "t.toml").unwrap();
    let certificate = Certificate::generate().unwrap();
    let means = Means { media: &media, trunk: &trunk, certificate: &certificate };
    let talk = Talk { browser_says: speech("zh"), telephone_says: speech("en") };

    let callee = media.open(Taps { heard: None, stereo: None, events: Box::new(|_, _| ()) }).unwrap();
    let telephone = Telephone::call(&media, callee, talk.telephone_says.clone());
    let (tell, news) = channel();
    let tell = Mutex::new(tell);
    let ends = Ends { far_end: FarEnd::Browser, beside: Some(telephone.leg.slot), ..Ends::default() };
    let attempt: AttemptId = "a1".parse().unwrap();
    let tell = move |news| drop(tell.lock().unwrap().send(news));
    let sound = LegSound::open(means, &attempt, Leg::Agent, ends, tell).unwrap();
    media.join(&[telephone.leg.slot, sound.slot()]);
    let way = Way::to(sound.opened.rtp);
    let browser = Browser::start(&talk.browser_says);
    let mut desk = Desk { means, sound, news, browser, way, states: Vec::new() };
    desk.wait_for("loaded");
    if let Some(relays) = relays {
        desk.browser.act("relays", relays);
        desk.wait_for("relays");
    }
    desk.connect();
    talk.is_heard_both_ways(&mut desk, &telephone, "at first");
    more(&mut desk, &telephone, &talk);
    media.close(desk.sound.slot());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let stats = runtime.block_on(desk.sound.closed()).unwrap();
    let sound = desk.sound.outcome(&stats).unwrap();
    assert!(sound.codec == "opus" && sound.srtp.is_some(), "{sound:?}");
    sound
}

#[test]
fn chromium_and_a_telephone_hear_each_other_again_after_ten_seconds_without_a_network() {
    let sound = call(Ports::PerCall, 46_300, |desk, telephone, talk| {
        desk.way.is_cut.store(true, Relaxed);
        desk.run(Duration::from_secs(1));
        desk.heard();
        telephone.heard.lock().unwrap().clear();
        desk.run(Duration::from_secs(9));
        let at_telephone =
            likeness(&std::mem::take(&mut *telephone.heard.lock().unwrap()), &talk.browser_says);
        let at_browser = likeness(&desk.heard(), &talk.telephone_says);
        assert!(at_telephone == 0.0 && at_browser == 0.0, "cut: {at_telephone}, {at_browser}");
        desk.way.is_cut.store(false, Relaxed);
        // A browser that was held up gives its way up after a while: its page then asks for the sound anew, as a
        // desk's does.
        if !(0..TRIES).any(|_| talk.is_heard(desk, telephone, "afterwards")) {
            desk.sound.begin_anew(desk.means).unwrap();
            desk.connect();
            talk.is_heard_both_ways(desk, telephone, "anew");
        }
        // Reports come each five seconds or so.
        desk.run(Duration::from_secs(3));
    });
    let round_trip = sound.quality.and_then(|quality| quality.round_trip_ms);
    assert!(round_trip.is_some(), "reports went both ways");
}

/// On a port that all legs share, where a check alone tells whose it is.
#[test]
fn chromium_and_a_telephone_hear_each_other_again_when_the_page_was_loaded_anew() {
    call(Ports::Shared, 46_320, |desk, telephone, talk| {
        desk.browser.act("reload", "");
        desk.wait_for("loaded");
        desk.sound.begin_anew(desk.means).unwrap();
        desk.connect();
        talk.is_heard_both_ways(desk, telephone, "loaded anew");
    });
}

/// A network that lets TCP to a relay through, and nothing else.
#[test]
fn chromium_behind_a_relay_and_a_telephone_hear_each_other() {
    let _relay = Relay::start();
    call_by(Some(Relay::SERVERS), Ports::PerCall, 46_340, |desk, _, _| {
        let from = desk.way.browser.lock().unwrap().unwrap();
        assert!(Relay::RELAYS.contains(&from.port()), "it comes from the relay, and from {from}");
    });
}
