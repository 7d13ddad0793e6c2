//! An agent calls somebody in and leaves them to each other; speaks by a telephone that registers here, ours and
//! baresip; a callee is referred to a PBX. By real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/desk.rs"]
mod desk;
#[path = "common/floor.rs"]
mod floor;
#[path = "common/page.rs"]
mod page;
#[path = "common/words.rs"]
mod words;

use std::{
    fs,
    net::UdpSocket,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use common::{PATIENCE, run, waihu};
use desk::add_person;
use floor::{Agent, Floor, Place, offers};
use page::who_was_heard;
use serde_json::json;
use tokio::time::sleep;
use waihu_record::wav;
use words::{WORDS_RIGHT, words_right, written_down};

const LI: u16 = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_called_in_stays_with_the_callee_when_the_agent_leaves() {
    const API: &str = "127.0.0.1:8504";
    let place = Place::of("127.0.0.1:5104", API, (26_300, 36_300));
    let mut floor = Floor::open(place, 2, "", &[], "");
    floor.is_open();
    let mut li = Agent::comes(API, "li", LI).await;
    let talk = floor.call("张伟");
    let attempt = li.takes().await;
    // The second callee of the ground: nobody's case, and called as the callee wishes it.
    li.desk.say(json!({"type": "call_in", "attempt": attempt, "number": "1301"})).await;
    let there = loop {
        let state = li.desk.wait_for("state").await;
        if state["call"]["called_in"]["there"] == true {
            break state;
        }
    };
    assert_eq!(there["call"]["called_in"]["number"], "…01");
    sleep(Duration::from_secs(2)).await;
    li.says("leave", &attempt).await;
    li.is_free_after_the_end().await;
    // Both talk on without an agent, until they are gone.
    sleep(Duration::from_secs(3)).await;
    floor.callees_hang_up();
    let outcome = floor.filed(&talk, |_| true).await;
    assert_eq!(offers(&outcome), [("李明", "joined")]);
    let others = outcome["handover"]["others"].as_array().unwrap();
    assert_eq!((others.len(), &others[0]["part"]), (1, &json!("called_in")), "{outcome}");
    assert!(others[0]["name"].as_str().is_some_and(|name| name.ends_with("01") && name.len() < 8));
    floor.end();
}

/// A telephone at Li's desk: it registers by a SHA-256 digest (RFC 8760), picks up, and speaks a pitch until its call
/// is over.
struct Telephone {
    sip: Pbx,
    rtp: UdpSocket,
}

impl Telephone {
    /// Registers; the registrar has to take it.
    fn at(registrar: &str) -> Self {
        let own = Self {
            sip: Pbx(UdpSocket::bind("127.0.0.1:0").unwrap()),
            rtp: UdpSocket::bind("127.0.0.1:0").unwrap(),
        };
        own.sip.0.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let (at, uri) = (own.sip.0.local_addr().unwrap(), format!("sip:{registrar}"));
        let register = |number: u32, more: &str| {
            let request = format!(
                "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKr{number}\r\nMax-Forwards: 70\r\n\
                 From: <sip:desk1@{registrar}>;tag=desk\r\nTo: <sip:desk1@{registrar}>\r\nCall-ID: desk1\r\n\
                 CSeq: {number} REGISTER\r\nContact: <sip:desk1@{at}>\r\nExpires: 600\r\n{more}\
                 Content-Length: 0\r\n\r\n"
            );
            own.sip.0.send_to(request.as_bytes(), registrar).unwrap();
            let mut bytes = [0; 8_192];
            let len = own.sip.0.recv(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..len]).into_owned()
        };
        let asked = register(1, "");
        let challenge =
            asked.lines().find(|l| l.contains("SHA-256")).expect("it is asked for a SHA-256 digest");
        let part =
            |name: &str| challenge.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
        let (realm, nonce) = (part("realm"), part("nonce"));
        let hash = |text: String| {
            let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
            digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let (ours, theirs) = (hash(format!("desk1:{realm}:desk-one")), hash(format!("REGISTER:{uri}")));
        let response = hash(format!("{ours}:{nonce}:00000001:cafe:auth:{theirs}"));
        let authorization = format!(
            "Authorization: Digest username=\"desk1\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"cafe\", response=\"{response}\"\r\n"
        );
        let taken = register(2, &authorization);
        assert!(taken.starts_with("SIP/2.0 200"), "{taken}");
        own
    }

    /// Serves one call to its end.
    fn serve(self) {
        let (mut bytes, mut speaks) = ([0; 65_536], None);
        loop {
            let (len, from) = self.sip.0.recv_from(&mut bytes).expect("nobody hung up");
            let request = String::from_utf8_lossy(&bytes[..len]).into_owned();
            let answer =
                |sdp: &str| self.sip.0.send_to(self.sip.answer(&request, "200 OK", sdp).as_bytes(), from);
            match request.split(' ').next().unwrap() {
                "INVITE" => {
                    let port = line(&request, "m=audio ").split(' ').next().unwrap().to_owned();
                    let ours = self.rtp.local_addr().unwrap().port();
                    answer(&format!(
                        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                         m=audio {ours} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
                    ))
                    .unwrap();
                    let rtp = self.rtp.try_clone().unwrap();
                    speaks.get_or_insert_with(|| {
                        thread::spawn(move || speaks_to(&rtp, &format!("127.0.0.1:{port}")))
                    });
                }
                "BYE" | "CANCEL" => {
                    answer("").unwrap();
                    return;
                }
                _ => {}
            }
        }
    }
}

/// Sends a square wave of Li's pitch for a while, as PCMA.
fn speaks_to(rtp: &UdpSocket, there: &str) {
    let period = 8_000 / usize::from(LI);
    for n in 0..1_000_usize {
        let mut packet = vec![0x80, 8];
        packet.extend((n as u16).to_be_bytes());
        packet.extend((n as u32 * 160).to_be_bytes());
        packet.extend([0, 0, 0, 7]);
        packet.extend((0..160).map(|s| if (n * 160 + s) % period < period / 2 { 0xA5 } else { 0x25 }));
        let _ = rtp.send_to(&packet, there);
        thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_takes_calls_on_the_page_and_speaks_by_a_telephone_that_registers_here() {
    const API: &str = "127.0.0.1:8506";
    const BIND: &str = "127.0.0.1:5107";
    let place = Place { bind: BIND, ..Place::of("127.0.0.1:5108", API, (26_500, 36_500)) };
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("desk1.password");
    fs::write(&password, "desk-one").unwrap();
    let phone = format!("\n[[phone]]\nuser = \"desk1\"\nlogin = \"li\"\npassword_file = {password:?}\n");
    let mut floor = Floor::open(place, 1, "", &[], &phone);
    floor.is_open();
    let telephone = Telephone::at(BIND);
    let telephone = thread::spawn(move || telephone.serve());
    let mut li = Agent::comes(API, "li", LI).await;
    let talk = floor.call("张伟");
    let offer = li.rings().await;
    let attempt = offer["attempt"].clone();
    li.says("answer", &attempt).await;
    li.desk.wait_for("joined").await;
    // A page that is loaded anew changes nothing of a telephone's sound.
    let state = li.comes_back(API).await;
    assert_eq!((&state["telephone"], &state["call"]["joined"]), (&json!(true), &json!(true)), "{state}");
    li.says("renew", &attempt).await;
    sleep(Duration::from_secs(3)).await;
    li.hangs_up(&attempt).await;
    telephone.join().unwrap();
    let outcome = floor.filed(&talk, |_| true).await;
    assert_eq!(offers(&outcome), [("李明", "joined")]);
    let heard = who_was_heard(Path::new(outcome["recording"]["path"].as_str().unwrap()), &[LI]);
    assert!(heard.iter().filter(|w| w[0]).count() > 4, "the callee heard Li's telephone: {heard:?}");
    floor.end();
}

/// What an agent at baresip says again and again, and what the callee does.
const AGENT_SAYS: &str = "Good morning. Please bring the green letter to our office on Monday at nine.";
const CALLEE_SAYS: &str = "My brother keeps two black dogs in the garden behind the old railway station.";

/// Lines of a talk in which each has said that a few times over, however it was cut.
const LINES: usize = 30;

/// The callee: a hello, and then their words until the call is over.
const SPEAKS: &str = r#"
[[persona]]
number = "1390"
name = "speaks to the agent"
lang = "en"
rings_ms = 300
steps = [{ after_ms = 300, say = "Hello." }, { after_ms = 8000, say = "CALLEE_SAYS" }]
again = true
max_turns = 999
patience_ms = 300000
max_call_ms = 600000
"#;

/// A telephone that we did not write, at an agent's desk: it registers, picks up by itself and plays a file.
struct Baresip(Child, PathBuf);

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Baresip {
    /// Registers; the registrar has to take it.
    async fn at(registrar: &str, folder: &Path, plays: &Path) -> Self {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        fs::create_dir(folder).unwrap();
        let config = format!(
            "sip_listen 127.0.0.1:{port}\nrtp_ports 33400-33450\n\
             audio_source aufile,{}\naudio_player aufile,/dev/null\naudio_alert aufile,/dev/null\nsnd_path {}\n\
             ausrc_srate 16000\nauplay_srate 16000\nausrc_channels 1\nauplay_channels 1\n\
             module_path /usr/lib/baresip/modules\nmodule sndfile.so\nmodule g711.so\nmodule aufile.so\n\
             module_app account.so\nmodule_app menu.so\n",
            plays.display(),
            folder.display(),
        );
        let account = format!(
            "<sip:desk1@{registrar}>;auth_user=desk1;auth_pass=desk-one;regint=600;answermode=auto\n"
        );
        for (file, text) in [("config", config.as_str()), ("accounts", &account), ("contacts", "")] {
            fs::write(folder.join(file), text).unwrap();
        }
        let log = folder.join("log");
        let child = Command::new("baresip")
            .args(["-4", "-f", folder.to_str().unwrap()])
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .expect("baresip is missing: run `.ci/setup --with-peers`");
        let own = Self(child, folder.to_owned());
        let by = Instant::now() + PATIENCE;
        while !fs::read_to_string(&log).unwrap().contains("200 OK") {
            assert!(Instant::now() < by, "baresip did not register: {}", fs::read_to_string(&log).unwrap());
            sleep(Duration::from_millis(100)).await;
        }
        own
    }

    /// The file of what it heard.
    fn heard(&self) -> PathBuf {
        let files = fs::read_dir(&self.1).unwrap().map(|file| file.unwrap().path());
        let mut decoded = files.filter(|path| path.to_string_lossy().contains("-dec"));
        decoded.next().expect("it heard nothing")
    }
}

/// The agent's words every twelve seconds, as baresip plays them, with a rest after the greeting.
fn said_again_and_again(floor: &Floor) -> PathBuf {
    const RATE: usize = 16_000;
    let (line, path) = (floor.path().join("line.wav"), floor.path().join("agent.wav"));
    let to = line.to_str().unwrap();
    let mut words: Vec<f32> = Vec::new();
    for sentence in AGENT_SAYS.split_inclusive(". ") {
        run(floor.path(), &["say", "--lang", "en", "--rate", "16000", "--out", to, sentence.trim()]);
        words.extend(wav::read(&line).unwrap().mono());
        words.extend([0.0; 7 * RATE / 10]);
    }
    let mut samples = vec![0_i16; 180 * RATE];
    for silent in samples.chunks_mut(12 * RATE) {
        silent
            .iter_mut()
            .skip(4 * RATE)
            .zip(&words)
            .for_each(|(to, sample)| *to = (sample * 32_767.0) as i16);
    }
    wav::write_mono(&path, 16_000, &samples).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_at_baresip_takes_a_warm_transfer_and_each_hears_the_other() {
    const API: &str = "127.0.0.1:8507";
    const BIND: &str = "127.0.0.1:5109";
    let place = Place { bind: BIND, ..Place::of("127.0.0.1:5110", API, (26_600, 36_600)) };
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("desk1.password");
    fs::write(&password, "desk-one").unwrap();
    let phone = format!(
        "\n[[phone]]\nuser = \"desk1\"\nlogin = \"amy\"\ndigest = \"md5\"\npassword_file = {password:?}\n"
    );
    let mut floor = Floor::open(place, 0, &SPEAKS.replace("CALLEE_SAYS", CALLEE_SAYS), &[], &phone);
    // Her name is spoken in English.
    add_person(floor.path(), "amy", "Amy", &["--role", "agent", "--skill", "hardship=4"]);
    let plays = said_again_and_again(&floor);
    floor.is_open();
    let baresip = Baresip::at(BIND, &floor.path().join("baresip"), &plays).await;
    let mut amy = Agent::comes(API, "amy", LI).await;
    floor.begin("talk", "e-1,1390,Daniel Reed,Mr,en,Bank,card,90.00,USD,2026-11-15\n");
    let attempt = amy.rings().await["attempt"].clone();
    amy.says("answer", &attempt).await;
    amy.desk.wait_for("joined").await;
    // Each has said it twice, once at least from its beginning, and all of it is written down as they speak.
    let mut told = [("callee", CALLEE_SAYS, Vec::<String>::new()), ("agent", AGENT_SAYS, Vec::new())];
    let is_whole = |told: &[(&str, &str, Vec<String>)]| {
        let twice = |lines: &[String]| lines.iter().filter(|l| l.split_whitespace().count() > 3).count() >= 2;
        told.iter().all(|(_, said, lines)| twice(lines) && words_right(said, &lines.join(" ")) >= WORDS_RIGHT)
    };
    for _ in 0..LINES {
        if is_whole(&told) {
            break;
        }
        let line = amy.desk.wait_for("line").await["line"].clone();
        for (_, _, lines) in told.iter_mut().filter(|(speaker, ..)| line["speaker"] == *speaker) {
            lines.push(line["text"].as_str().unwrap().to_owned());
        }
    }
    assert!(is_whole(&told), "{told:?}");
    amy.hangs_up(&attempt).await;
    let outcome = floor.filed("talk", |_| true).await;
    assert_eq!(offers(&outcome), [("Amy", "joined")]);
    let recording = PathBuf::from(outcome["recording"]["path"].as_str().unwrap());
    for (file, side, said) in [
        (recording.clone(), "right", AGENT_SAYS),
        (recording, "left", CALLEE_SAYS),
        (baresip.heard(), "both", CALLEE_SAYS),
    ] {
        let text = written_down(waihu(floor.path()), &[file], side).remove(0);
        let right = words_right(said, &text);
        assert!(right >= WORDS_RIGHT, "{side}: {right} of {said:?} in {text:?}");
    }
    floor.end();
}

/// A telephone behind a PBX: it picks up, and calls whom it is asked to call.
struct Pbx(UdpSocket);

impl Pbx {
    /// Serves one call to its end; whom it was referred to.
    fn serve(self) -> String {
        self.0.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let (mut bytes, mut to, mut invited) = ([0; 65_536], String::new(), String::new());
        loop {
            let (len, from) = self.0.recv_from(&mut bytes).expect("nobody hung up");
            let request = String::from_utf8_lossy(&bytes[..len]).into_owned();
            let answer = |code: &str, sdp: &str| {
                let answer = self.answer(&request, code, sdp);
                self.0.send_to(answer.as_bytes(), from).unwrap();
            };
            match request.split(' ').next().unwrap() {
                "INVITE" => {
                    invited = request.clone();
                    answer(
                        "200 OK",
                        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                         m=audio 36490 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",
                    );
                }
                "REFER" => {
                    to = line(&request, "Refer-To: ");
                    answer("202 Accepted", "");
                    for (n, code) in ["100 Trying", "200 OK"].iter().enumerate() {
                        let is_last = n == 1;
                        self.0.send_to(self.notify(&invited, n + 1, code, is_last).as_bytes(), from).unwrap();
                    }
                }
                "BYE" => {
                    answer("200 OK", "");
                    return to;
                }
                _ => {}
            }
        }
    }

    fn answer(&self, request: &str, code: &str, sdp: &str) -> String {
        let mut lines = format!("SIP/2.0 {code}\r\n");
        for kept in request.lines() {
            if ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| kept.starts_with(name)) {
                lines += &format!("{kept}\r\n");
            } else if kept.starts_with("To:") {
                let tag = if kept.contains(";tag=") { "" } else { ";tag=far" };
                lines += &format!("{kept}{tag}\r\n");
            }
        }
        let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let (at, len) = (self.0.local_addr().unwrap(), sdp.len());
        format!("{lines}Contact: <sip:far@{at}>\r\n{kind}Content-Length: {len}\r\n\r\n{sdp}")
    }

    /// How far the call that it was asked for has come (RFC 3515, 2.4.4).
    fn notify(&self, invited: &str, number: usize, code: &str, is_last: bool) -> String {
        let state = if is_last { "terminated;reason=noresource" } else { "active;expires=60" };
        let contact = line(invited, "Contact: ");
        let target = contact.trim_start_matches('<').split('>').next().unwrap().to_owned();
        let (at, body) = (self.0.local_addr().unwrap(), format!("SIP/2.0 {code}\r\n"));
        format!(
            "NOTIFY {target} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKn{number}\r\nMax-Forwards: 70\r\n\
             From: {};tag=far\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {number} NOTIFY\r\nContact: <sip:far@{at}>\r\n\
             Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag;version=2.0\r\n\
             Content-Length: {}\r\n\r\n{body}",
            line(invited, "To: "),
            line(invited, "From: "),
            line(invited, "Call-ID: "),
            body.len()
        )
    }
}

/// The value of a header field.
fn line(message: &str, begins: &str) -> String {
    let found = message.lines().find_map(|l| l.strip_prefix(begins));
    found.unwrap_or_else(|| panic!("no {begins} in\n{message}")).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callee_behind_a_pbx_is_referred_to_the_agents_telephone() {
    let place = Place::of("127.0.0.1:5105", "127.0.0.1:8505", (26_400, 36_400));
    let pbx = Pbx(UdpSocket::bind(place.sip).unwrap());
    let agent = "\n[[agent]]\nname = \"前台\"\naddress = \"sip:9000@127.0.0.1:5106\"\nskills = [\"hardship\"]\n\
                 handover = \"refer\"\n";
    let mut floor = Floor::open(place, 0, "", &[], agent);
    let serving = thread::spawn(move || pbx.serve());
    floor.serve();
    let talk = floor.call("张伟");
    let outcome = floor.filed(&talk, |_| true).await;
    assert!(serving.join().unwrap().contains("sip:9000@127.0.0.1:5106"));
    assert_eq!(offers(&outcome), [("前台", "joined")]);
    let handover = &outcome["handover"];
    assert_eq!((&handover["result"], &outcome["ended_by"]), (&json!("joined"), &json!("us")), "{outcome}");
    assert_eq!(outcome["disposition"], "handed_over");
    floor.end();
}
