//! Calls to telephones that we did not write, baresip and PJSIP's, in each codec, in the clear and with SRTP,
//! its keys from the descriptions and from a handshake. What they say is recorded so that it can be written
//! down again, and what they hear are our words. A far end that gives no keys where they are mandatory is told
//! nothing at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../engine/trunk/tests/certificates/mod.rs"]
mod certificates;
#[path = "common/words.rs"]
mod words;

use std::{
    fs,
    io::{BufRead, BufReader},
    net::UdpSocket,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;
use waihu_record::wav;
use words::{WORDS_RIGHT, words_right, words_right_at_once, written_down};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What the telephones say, and how long after the answer [s].
const SAID: &str = "Good morning. I will pay the whole amount next Friday at the bank on River Street.";
const SAID_AT_S: usize = 3;
/// What is played in all [s]: more than a call lasts.
const LENGTH_S: usize = 30;
/// What the bot says.
const GREETING: &str = "Hello, this is the library. Please tell me when you will come and visit us.";

/// One model's load and four calls at a time are enough for two cores: the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Two people make a flow one that campaigns dial with.
fn approve(waihu: impl Fn() -> Command, flow: &str) {
    let run = |args: &[&str]| {
        let done = waihu().arg("dialog").args(args).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let told = run(&["submit", flow, "--by", "Li"]);
    run(&["approve", told.split(':').next().unwrap(), "--by", "Wang"]);
}

/// A project of its own: models are those here; one flow, which listens once and says goodbye.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        let own = Self(tempfile::tempdir().unwrap());
        for shared in ["models", ".waihu/models", ".waihu/prompts"] {
            let path = own.at(shared);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(Path::new(ROOT).join(shared), path).unwrap();
        }
        fs::create_dir_all(own.at("dialogs/sound")).unwrap();
        for lexicon in ["dialogs/lexicon.zh.toml", "dialogs/lexicon.en.toml"] {
            symlink(Path::new(ROOT).join(lexicon), own.at(lexicon)).unwrap();
        }
        fs::create_dir(own.at("sip-config")).unwrap();
        let script = "start = \"hear\"\n\
            [limits]\nmax_seconds = 25\nto = \"over\"\n\
            [voicemail]\nto = \"over\"\n\
            [silence]\nsay = []\nto = \"over\"\n\
            [no_match]\nsay = []\nto = \"over\"\n\
            [states.hear]\nsay = [\"greeting\"]\nbarge_in = false\nlisten.timeout_s = 10\n\
            [[states.hear.on]]\nintent = \"affirm\"\nto = \"over\"\n\
            [states.over]\nsay = [\"bye\"]\nend = \"no_commitment\"\n";
        fs::write(own.at("dialogs/sound/script.toml"), script).unwrap();
        let prompts = format!("greeting = {GREETING:?}\nbye = \"Goodbye.\"\n");
        for lang in ["en", "zh"] {
            fs::write(own.at(&format!("dialogs/sound/prompts.{lang}.toml")), &prompts).unwrap();
        }
        approve(|| own.waihu(), "sound");
        certificates::make(own.0.path());
        own
    }

    fn certificate(&self, file: &str) -> String {
        fs::read_to_string(self.at(file)).unwrap()
    }

    /// Of a trunk's file: TLS to a far end whose certificate the project's own authority has given.
    fn over_tls(&self) -> String {
        let authority = self.at("ca.pem");
        format!("\n[signalling]\ntransport = \"tls\"\ntls_name = \"localhost\"\ntls_ca = {authority:?}\n")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn waihu(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waihu"));
        command.arg("--project").arg(self.0.path());
        command
    }

    /// Speech in silence, as a telephone plays it.
    fn spoken(&self) -> PathBuf {
        let line = self.at("line.wav");
        let mut say = self.waihu();
        say.args(["say", "--lang", "en", "--rate", "16000", "--out"]).arg(&line).arg(SAID);
        assert!(say.status().unwrap().success(), "waihu say: are the models there (waihu models pull)?");
        let mut samples = vec![0i16; LENGTH_S * 16_000];
        let said = wav::read(&line).unwrap().mono();
        samples[SAID_AT_S * 16_000..].iter_mut().zip(said).for_each(|(s, v)| *s = (v * 32_767.0) as i16);
        let path = self.at("callee.wav");
        wav::write_mono(&path, 16_000, &samples).unwrap();
        path
    }

    /// Calls numbers by a trunk, all at once; their outcomes in the order of the numbers.
    fn call(&self, trunk: &str, port: u16, more: &str, numbers: &[&str]) -> Vec<Value> {
        let config = format!(
            "[trunk]\nproxy = \"127.0.0.1:{port}\"\nfrom = \"sip:4008001234@127.0.0.1\"\ncompliance = \"laboratory\"\n\
             bind = \"127.0.0.1:0\"\nrtp_ports = [23000, 23098]\nmax_calls = 4\n{more}\n"
        );
        fs::write(self.at(&format!("sip-config/{trunk}.toml")), config).unwrap();
        let header = "id,phone,name,title,lang,creditor,product,amount,currency,due_date,time_zone\n";
        let case = |n: &&str| {
            format!("{trunk}-{n},{n},Daniel Reed,Mr,en,Bank,card,90.00,USD,2026-11-15,America/New_York\n")
        };
        let table: String = std::iter::once(header.to_owned()).chain(numbers.iter().map(case)).collect();
        let cases = self.at(&format!("{trunk}.csv"));
        fs::write(&cases, table).unwrap();
        let mut run = self.waihu();
        run.args(["campaign", "run", "--script", "sound", "--trunk", trunk, "--id", trunk, "--cases"]);
        let ran = run.arg(&cases).output().unwrap();
        let told = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{told}");
        let listed = self.waihu().args(["outcomes", "--json", "--campaign", trunk]).output().unwrap();
        let text = String::from_utf8(listed.stdout).unwrap();
        let all: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let of = |n: &&str| {
            let case = format!("{trunk}-{n}");
            all.iter().find(|o| o["case"] == *case).unwrap_or_else(|| panic!("{case}: {text} {told}")).clone()
        };
        numbers.iter().map(of).collect()
    }

    /// What is said in files, on one side of a recording, or in all of a file.
    fn written_down(&self, files: &[PathBuf], side: &str) -> Vec<String> {
        written_down(self.waihu(), files, side)
    }
}

#[test]
fn words_are_counted_in_their_order() {
    assert_eq!(words_right("I will pay, Friday.", "i will pay friday"), 1.0);
    assert_eq!(words_right("I will pay Friday", "Friday pay"), 0.25);
    assert_eq!(words_right("I will pay Friday", ""), 0.0);
    assert_eq!(words_right("我知道了。", "我不知道"), 0.75);
    let scattered = "我去过那里的人都知道了";
    assert_eq!((words_right("我知道了", scattered), words_right_at_once("我知道了", scattered)), (1.0, 0.75));
    assert_eq!(words_right_at_once("我知道了", ""), 0.0);
}

struct Phone(Child);

impl Drop for Phone {
    fn drop(&mut self) {
        // Who ends with its input has files to close; for a while.
        let ends = self.0.stdin.take().is_some();
        for _ in 0..if ends { 100 } else { 0 } {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The codecs by their names in an outcome and in baresip's accounts.
const CODECS: [(&str, &str); 4] =
    [("PCMA", "PCMA/8000/1"), ("PCMU", "PCMU/8000/1"), ("G722", "G722/16000/1"), ("opus", "opus/48000/2")];

/// baresip with an account for each codec, 1 to 4, behind the number of a way to lock: 10 in the clear, 20
/// with keys in the descriptions, 30 with those of a handshake. It takes TLS at the port above.
fn baresip(project: &Project, source: &Path) -> (Phone, u16) {
    let port = free_port();
    let folder = project.at("baresip");
    fs::create_dir(&folder).unwrap();
    let certificate = project.certificate("own.pem") + &project.certificate("own.key");
    fs::write(folder.join("both.pem"), certificate).unwrap();
    let config = format!(
        "sip_listen 127.0.0.1:{port}\ncall_max_calls 16\nrtp_ports 33200-33300\nsip_certificate {}\n\
         audio_source aufile,{}\naudio_player aufile,/dev/null\naudio_alert aufile,/dev/null\nsnd_path {}\n\
         ausrc_srate 16000\nauplay_srate 16000\nausrc_channels 1\nauplay_channels 1\n\
         module_path /usr/lib/baresip/modules\nmodule sndfile.so\nmodule g711.so\nmodule g722.so\nmodule opus.so\n\
         module aufile.so\nmodule srtp.so\nmodule dtls_srtp.so\nmodule_app account.so\nmodule_app menu.so\n",
        folder.join("both.pem").display(),
        source.display(),
        folder.display(),
    );
    let accounts: String = [("10", ""), ("20", ";mediaenc=srtp-mand"), ("30", ";mediaenc=dtls_srtp")]
        .iter()
        .flat_map(|(lock, how)| {
            (1..).zip(CODECS).map(move |(n, (_, codec))| {
                let own = format!("<sip:{lock}0{n}@127.0.0.1:{port}>;regint=0;answermode=auto");
                format!("{own};audio_codecs={codec}{how}\n")
            })
        })
        .collect();
    fs::write(folder.join("config"), config).unwrap();
    fs::write(folder.join("accounts"), accounts).unwrap();
    fs::write(folder.join("contacts"), "").unwrap();
    let child = Command::new("baresip")
        .args(["-4", "-f", folder.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(fs::File::create(folder.join("log")).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .expect("baresip is missing: run `.ci/setup --with-peers`");
    let own = Phone(child);
    let until = Instant::now() + Duration::from_secs(20);
    // Its port is taken once it listens.
    while UdpSocket::bind(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < until, "baresip did not open its port");
        std::thread::sleep(Duration::from_millis(50));
    }
    (own, port)
}

fn recording(outcome: &Value) -> PathBuf {
    PathBuf::from(outcome["recording"]["path"].as_str().unwrap_or_else(|| panic!("{outcome}")))
}

#[test]
fn baresip_is_understood_in_each_codec_and_under_each_lock() {
    let _turn = turn();
    let project = Project::new();
    let source = project.spoken();
    let (_phone, port) = baresip(&project, &source);
    let codecs = "codecs = [\"PCMA\", \"PCMU\", \"G722\", \"opus\"]\n";
    let mut recordings = Vec::new();
    for (lock, security, suite) in [
        // What is offered beside the clear is not missed by who knows nothing of it.
        ("10", "srtp = \"optional\"", Value::Null),
        ("20", "srtp = \"mandatory\"", "AEAD_AES_256_GCM".into()),
        ("30", "srtp = \"mandatory\"\ndtls = true", "AES_CM_128_HMAC_SHA1_80".into()),
    ] {
        let numbers: Vec<String> = (1..=CODECS.len()).map(|n| format!("{lock}0{n}")).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let outcomes =
            project.call(&format!("baresip-{lock}"), port, &format!("{codecs}{security}"), &numbers);
        for (outcome, (codec, _)) in outcomes.iter().zip(CODECS) {
            let sound = &outcome["sound"];
            assert_eq!((&sound["codec"], &sound["srtp"]), (&codec.into(), &suite), "{outcome}");
            assert!(
                sound["received"].as_u64() > Some(100) && sound["sent"].as_u64() > Some(100),
                "{outcome}"
            );
            assert_eq!((&outcome["disposition"], &outcome["fault"]), (&"no_commitment".into(), &Value::Null));
            recordings.push(recording(outcome));
        }
    }
    let written = project.written_down(&recordings, "left");
    for (n, text) in written.iter().enumerate() {
        let right = words_right(SAID, text);
        assert!(right >= WORDS_RIGHT, "{} of call {n}: {right} of the words: {text}", CODECS[n % 4].0);
    }
}

/// PJSIP's telephone, as PyPI has it.
fn pjsua2(project: &Project, source: &Path, tls: &[&str]) -> (Phone, u16) {
    let port = free_port();
    let packages = Path::new(ROOT).join(".tools/pjsua2");
    assert!(packages.exists(), "pjsua2 is missing: run `.ci/setup --with-peers`");
    let mut child = Command::new("python3")
        .arg(Path::new(ROOT).join("tests/peers/pjsua2_callee.py"))
        .arg(port.to_string())
        .arg(source)
        .arg(project.0.path())
        .args(tls.iter().map(|file| project.at(file)))
        .env("PYTHONPATH", packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let ready = lines.any(|l| l == "ready");
    std::thread::spawn(move || lines.for_each(drop));
    let own = Phone(child);
    assert!(ready, "PJSIP's telephone did not begin");
    (own, port)
}

#[test]
fn pjsips_telephone_and_we_understand_each_other_under_srtp() {
    let _turn = turn();
    let project = Project::new();
    let source = project.spoken();
    let (phone, port) = pjsua2(&project, &source, &[]);
    let mut recordings = Vec::new();
    for codec in ["PCMU", "G722"] {
        let more = format!("codecs = [{codec:?}]\nsrtp = \"mandatory\"");
        let outcomes = project.call(&format!("pjsip-{codec}"), port, &more, &["2000"]);
        let sound = &outcomes[0]["sound"];
        assert_eq!((&sound["codec"], &sound["srtp"]), (&codec.into(), &"AES_CM_128_HMAC_SHA1_80".into()));
        recordings.push(recording(&outcomes[0]));
    }
    drop(phone);
    for text in project.written_down(&recordings, "left") {
        assert!(words_right(SAID, &text) >= WORDS_RIGHT, "what it said: {text}");
    }
    let heard = ["PCMU.wav", "G722.wav"].map(|name| project.at(name));
    for text in project.written_down(&heard, "both") {
        assert!(words_right(GREETING, &text) >= WORDS_RIGHT, "what it heard: {text}");
    }
}

#[test]
fn over_tls_nobody_but_both_ends_has_the_keys_and_they_understand_each_other() {
    let _turn = turn();
    let project = Project::new();
    let (source, tls) = (project.spoken(), project.over_tls());
    let (baresip, below) = baresip(&project, &source);
    let (pjsip, port) = pjsua2(&project, &source, &["own.pem", "own.key"]);
    let suite = "AES_CM_128_HMAC_SHA1_80";
    let mut recordings = Vec::new();
    for (trunk, port, number) in [("tls-baresip", below + 1, "2003"), ("tls-pjsip", port, "2000")] {
        let more = format!("codecs = [\"G722\"]\nsrtp = \"mandatory\"\nsrtp_suites = [{suite:?}]{tls}");
        let outcome = &project.call(trunk, port, &more, &[number])[0];
        let sound = &outcome["sound"];
        assert_eq!((&sound["codec"], &sound["srtp"]), (&"G722".into(), &suite.into()), "{outcome}");
        assert_eq!((&outcome["disposition"], &outcome["fault"]), (&"no_commitment".into(), &Value::Null));
        recordings.push(recording(outcome));
    }
    drop((baresip, pjsip));
    for text in project.written_down(&recordings, "left") {
        assert!(words_right(SAID, &text) >= WORDS_RIGHT, "what they said: {text}");
    }
    // What baresip heard is in the one file of what it decoded.
    let files = fs::read_dir(project.at("baresip")).unwrap().map(|file| file.unwrap().path());
    let decoded = files.filter(|path| path.to_string_lossy().contains("-dec"));
    let heard: Vec<PathBuf> = decoded.chain([project.at("G722.wav")]).collect();
    assert_eq!(heard.len(), 2, "{heard:?}");
    for text in project.written_down(&heard, "both") {
        assert!(words_right(GREETING, &text) >= WORDS_RIGHT, "what they heard: {text}");
    }
}

/// A far end that picks up with a description of our choosing, and listens to what is sent to it.
struct Listener {
    sip: UdpSocket,
    rtp: UdpSocket,
    /// Of the audio section: profile, and attribute lines.
    section: (&'static str, &'static str),
}

impl Listener {
    fn new(profile: &'static str, attributes: &'static str) -> Self {
        let open = || UdpSocket::bind("127.0.0.1:0").unwrap();
        Self { sip: open(), rtp: open(), section: (profile, attributes) }
    }

    /// Picks up, and waits for the hang-up: its Reason, and the first byte of each datagram of sound.
    fn listen(self) -> (String, Vec<u8>) {
        self.sip.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut buffer = [0; 65_536];
        loop {
            let (len, from) = self.sip.recv_from(&mut buffer).expect("nobody hung up");
            let request = String::from_utf8_lossy(&buffer[..len]).into_owned();
            let answer = |sdp: &str| {
                let kept = ["Via:", "From:", "Call-ID:", "CSeq:"];
                let mut lines = String::from("SIP/2.0 200 OK\r\n");
                for line in request.lines() {
                    if kept.iter().any(|name| line.starts_with(name)) {
                        lines += &format!("{line}\r\n");
                    } else if line.starts_with("To:") {
                        let tag = if line.contains(";tag=") { "" } else { ";tag=far" };
                        lines += &format!("{line}{tag}\r\n");
                    }
                }
                let contact = format!("<sip:far@{}>", self.sip.local_addr().unwrap());
                let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
                let len = sdp.len();
                format!("{lines}Contact: {contact}\r\n{kind}Content-Length: {len}\r\n\r\n{sdp}")
            };
            if request.starts_with("INVITE") {
                let (profile, attributes) = self.section;
                let port = self.rtp.local_addr().unwrap().port();
                let sdp = format!(
                    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                     m=audio {port} {profile} 8\r\na=rtpmap:8 PCMA/8000\r\n{attributes}"
                );
                self.sip.send_to(answer(&sdp).as_bytes(), from).unwrap();
            } else if request.starts_with("BYE") {
                self.sip.send_to(answer("").as_bytes(), from).unwrap();
                let reason = request.lines().find_map(|l| l.strip_prefix("Reason: ")).unwrap_or_default();
                self.rtp.set_nonblocking(true).unwrap();
                let bytes = std::iter::from_fn(|| {
                    let mut datagram = [0; 2_048];
                    self.rtp.recv(&mut datagram).ok().map(|_| datagram[0])
                });
                return (reason.to_owned(), bytes.collect());
            }
        }
    }
}

#[test]
fn nothing_is_said_to_who_gives_no_keys_where_they_are_mandatory() {
    let _turn = turn();
    let project = Project::new();
    let fingerprint = "a=setup:passive\r\na=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:\
        FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n";
    let optional = "srtp = \"optional\"\ndtls = true";
    for (trunk, more, profile, attributes, code, why) in [
        ("plain", "srtp = \"mandatory\"", "RTP/AVP", "", 488, "SRTP is mandatory"),
        ("keyless", "srtp = \"mandatory\"", "RTP/SAVP", "", 488, "gives no key"),
        ("mute", "srtp = \"mandatory\"\ndtls = true", "UDP/TLS/RTP/SAVP", fingerprint, 200, "took too long"),
        // Who takes an offer to lock has to.
        ("mute-optional", optional, "RTP/AVP", fingerprint, 200, "took too long"),
    ] {
        let far = Listener::new(profile, attributes);
        let port = far.sip.local_addr().unwrap().port();
        let heard = std::thread::spawn(move || far.listen());
        let outcome = &project.call(trunk, port, more, &["2000"])[0];
        let (reason, datagrams) = heard.join().unwrap();
        assert!(reason.contains("cause=488"), "{trunk}: {reason}");
        // Of RTP and RTCP the first byte is 128 to 191, of DTLS 20 to 63 (RFC 7983).
        assert!(datagrams.iter().all(|byte| (20..=63).contains(byte)), "{trunk}: {datagrams:?}");
        assert_eq!(datagrams.is_empty(), attributes.is_empty(), "{trunk}");
        assert_eq!((&outcome["sound"], &outcome["recording"]), (&Value::Null, &Value::Null), "{outcome}");
        assert_eq!(outcome["disposition"], "engine_failed", "{outcome}");
        assert_eq!(outcome["fault"], "trunk", "{outcome}");
        assert_eq!(outcome["sip"]["code"], code, "{outcome}");
        assert!(outcome["sip"]["reason"].as_str().is_some_and(|r| r.contains(why)), "{outcome}");
        assert_eq!(outcome["redial"]["verdict"], "no", "{outcome}");
    }
}
