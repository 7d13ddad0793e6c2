//! The set that the detector is judged by: scenes of calls that people and machines answer, made from spoken lines,
//! tones and noise, from a seed.
//!
//! `scenes judge LINES HEARD CLIPS` runs the detector over every scene and prints what it got wrong.
//! `scenes write LINES HEARD CLIPS DIR` writes the scenes as 8 kHz WAVs with a `manifest.tsv` (`file`, `lang`,
//! `label`, `announcement`, `answered_at_ms`; the last is empty where nobody answered).
//! `scenes cost` prints what a frame costs.
//!
//! LINES is a folder with `zh.tsv` and `en.tsv` (label, announcement, scene, text; `|MS|` is a pause in a
//! text), CLIPS one with each part of each line spoken at 8 kHz (`zh_007_0.wav`), HEARD a table of what the
//! recognizer heard in each part (name, text). Lines whose number is divisible by three
//! may be looked at to write rules; the others only judge.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic)] // a tool at the desk

use std::{collections::BTreeMap, env, fs, path::Path, time::Instant};

use waihu_answer::{Detector, Event, Gate, Replay, replay};
use waihu_audio::{Frame, g711::Law, gate::SpeechGate, tone};
use waihu_types::{Announcement, AnsweredBy, Lang};

const RATE: u32 = 8_000;
const SEED: u64 = 20_261_126;

/// Speech is told to have begun so long after its first sound [ms], its end so long after its last, and
/// the words so long after that: the shipped endpointer's figures, and a recognizer's.
const STARTS_AFTER_MS: u64 = 150;
const ENDS_AFTER_MS: u64 = 600;
const WORDS_AFTER_MS: u64 = 400;

struct Line {
    lang: Lang,
    number: usize,
    label: String,
    announcement: String,
    scene: String,
    /// The parts' clips with their words, and the pause before each [ms].
    parts: Vec<(Vec<i16>, String, u32)>,
}

struct Scene {
    name: String,
    lang: Lang,
    label: String,
    announcement: String,
    kind: String,
    dev: bool,
    samples: Vec<i16>,
    answered_at: Option<u64>,
    events: Vec<(u64, Event)>,
}

/// Numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn between(&mut self, from: u32, to: u32) -> u32 {
        from + (self.next() % u64::from(to - from + 1)) as u32
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["cost"] => cost(),
        ["judge", lines, heard, clips] => judge(&scenes(lines, heard, clips)),
        ["write", lines, heard, clips, dir] => write(&scenes(lines, heard, clips), Path::new(dir)),
        _ => println!("scenes judge LINES HEARD CLIPS | scenes write LINES HEARD CLIPS DIR | scenes cost"),
    }
}

fn scenes(lines: &str, heard: &str, clips: &str) -> Vec<Scene> {
    let heard: BTreeMap<String, String> = fs::read_to_string(heard)
        .unwrap()
        .lines()
        .filter_map(|l| l.split_once('\t'))
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .collect();
    let mut lines: Vec<Line> = Lang::ALL.iter().flat_map(|lang| read(*lang, lines, clips, &heard)).collect();
    let babble: Vec<i16> =
        lines.iter().flat_map(|l| l.parts.iter().flat_map(|p| p.0.iter().copied())).collect();
    let mut out: Vec<Scene> = lines.drain(..).map(|line| spoken(&line, &babble)).collect();
    for n in 0..4 {
        out.extend(unspoken(n));
    }
    out
}

fn read(lang: Lang, lines: &str, clips: &str, heard: &BTreeMap<String, String>) -> Vec<Line> {
    let text = fs::read_to_string(Path::new(lines).join(format!("{lang}.tsv"))).unwrap();
    let mut out = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let [label, announcement, scene, text] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{lang}.tsv:{}", number + 1)
        };
        let mut parts = Vec::new();
        let mut pause = 0;
        let mut part = 0;
        for (n, piece) in text.split('|').enumerate() {
            if n % 2 == 1 {
                pause = piece.parse().unwrap();
                continue;
            }
            let name = format!("{lang}_{number:03}_{part}");
            let path = Path::new(clips).join(format!("{name}.wav"));
            if let (Ok(wav), Some(words)) = (fs::read(&path), heard.get(&name)) {
                parts.push((trimmed(samples(&wav)), words.clone(), pause));
            }
            part += 1;
        }
        if parts.len() == part {
            let [label, announcement, scene] = [label, announcement, scene].map(str::to_owned);
            out.push(Line { lang, number, label, announcement, scene, parts });
        }
    }
    out
}

/// The samples of a WAV of 16 bits, one channel, with the plain header of 44 bytes.
fn samples(wav: &[u8]) -> Vec<i16> {
    wav[44..].as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect()
}

/// Such a WAV at 8 kHz.
fn wav(samples: &[i16]) -> Vec<u8> {
    let bytes = samples.len() as u32 * 2;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + bytes).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    out.extend([RATE.to_le_bytes(), (2 * RATE).to_le_bytes()].concat());
    out.extend(b"\x02\0\x10\0data");
    out.extend(bytes.to_le_bytes());
    out.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
    out
}

/// Without the silence at both ends, at a telephone's level.
fn trimmed(clip: Vec<i16>) -> Vec<i16> {
    let loud = |x: &i16| x.unsigned_abs() > 250;
    let from = clip.iter().position(loud).unwrap_or(0);
    let to = clip.iter().rposition(loud).map_or(clip.len(), |at| at + 1);
    clip[from..to].to_vec()
}

/// A call under construction.
struct Stage {
    samples: Vec<i16>,
    events: Vec<(u64, Event)>,
    answered_at: Option<u64>,
}

impl Stage {
    fn now(&self) -> u64 {
        self.samples.len() as u64 / 8
    }

    fn wait(&mut self, ms: u32) {
        self.samples.extend(tone::silence(ms, RATE));
    }

    fn add(&mut self, samples: &[i16], gain: f32) {
        self.samples.extend(samples.iter().map(|s| (f32::from(*s) * gain) as i16));
    }

    fn answer(&mut self) {
        self.answered_at = Some(self.now());
        self.events.push((self.now(), Event::Answered));
    }

    fn say(&mut self, line: &Line, gain: f32) {
        for (clip, words, pause) in &line.parts {
            self.wait(*pause);
            self.voice(clip, line.lang, words, gain);
        }
    }

    fn voice(&mut self, clip: &[i16], lang: Lang, words: &str, gain: f32) {
        let began = self.now();
        self.add(clip, gain);
        let ended = self.now();
        self.events.push((began + STARTS_AFTER_MS, Event::SpeechStarted));
        self.events.push((ended + ENDS_AFTER_MS, Event::SpeechEnded { at_ms: ended }));
        let text = words.to_owned();
        self.events.push((ended + ENDS_AFTER_MS + WORDS_AFTER_MS, Event::Heard { lang, text }));
    }

    fn beep(&mut self, random: &mut Random) {
        let hz = [440.0, 620.0, 850.0, 1_000.0, 1_400.0][random.between(0, 4) as usize];
        let level = -10.0 - random.unit() * 10.0;
        self.wait(random.between(300, 1_300));
        self.samples.extend(tone::sine(hz, random.between(240, 700), level, RATE));
    }

    fn ringback(&mut self, lang: Lang, times: u32) {
        let cadence = if lang == Lang::Zh { tone::RINGBACK_CN } else { tone::RINGBACK_US };
        for _ in 0..times {
            self.samples.extend(cadence.period(-20.0));
        }
    }

    fn melody(&mut self, ms: u32, level: f32, random: &mut Random) {
        let mut left = ms;
        while left > 0 {
            let note = random.between(150, 450).min(left);
            let hz = [262.0, 294.0, 330.0, 392.0, 440.0, 523.0, 587.0, 659.0][random.between(0, 7) as usize];
            let root = tone::sine(hz, note, level, RATE);
            let octave = tone::sine(2.0 * hz, note, level - 6.0, RATE);
            let fifth = tone::sine(1.5 * hz, note, level - 9.0, RATE);
            self.samples.extend(
                root.iter()
                    .zip(&octave)
                    .zip(&fifth)
                    .map(|((a, b), c)| a.saturating_add(*b).saturating_add(*c)),
            );
            left -= note;
        }
    }

    fn finish(mut self, to_ms: u64, random: &mut Random) -> Self {
        let from = self.answered_at.unwrap_or(0);
        let ms = (from + to_ms).saturating_sub(self.now());
        self.wait(ms as u32);
        self.wait((160 - self.samples.len() % 160) as u32 % 160 / 8);
        self.samples.resize(self.samples.len().div_ceil(160) * 160, 0);
        // A line is never quite still.
        for s in &mut self.samples {
            *s = s.saturating_add((random.unit() * 16.0 - 8.0) as i16);
        }
        self
    }
}

fn spoken(line: &Line, babble: &[i16]) -> Scene {
    let mut random = Random(SEED ^ (line.number as u64 * 2 + u64::from(line.lang == Lang::En)));
    let mut stage = Stage { samples: Vec::new(), events: Vec::new(), answered_at: None };
    let gain = if line.scene == "quiet" { 0.1 } else { 0.5 + random.unit() };
    match line.scene.as_str() {
        "ring" => stage.ringback(line.lang, 1),
        "colour" | "colourbeep" => {
            stage.melody(2_500, -22.0, &mut random);
            let at = random.between(0, (babble.len() - 40_000) as u32) as usize;
            let song = &babble[at..at + 24_000];
            stage.voice(song, line.lang, "", 0.6);
        }
        _ => {}
    }
    let early = line.scene.starts_with("early");
    if early {
        stage.wait(random.between(100, 600));
        match line.scene.as_str() {
            "earlysit" => stage.samples.extend(tone::special_information(-16.0, RATE)),
            "earlyring" => stage.ringback(line.lang, 1),
            _ => {}
        }
        stage.say(line, gain);
        stage.wait(800);
        stage.say(line, gain);
    } else {
        stage.answer();
        let late = matches!(line.scene.as_str(), "late" | "latebeep");
        stage.wait(if late { 2_000 } else { random.between(200, 900) });
        if line.scene == "sit" {
            stage.samples.extend(tone::special_information(-16.0, RATE));
        }
        stage.say(line, gain);
        match line.scene.as_str() {
            "beep" | "latebeep" | "colourbeep" => stage.beep(&mut random),
            "ivrmusic" => {
                stage.wait(400);
                stage.melody(5_000, -24.0, &mut random);
            }
            "answered" => {
                stage.wait(900);
                stage.say(line, gain);
            }
            _ => {}
        }
    }
    let to = if early { 2_000 + stage.now() } else { 11_000 };
    let mut stage = stage.finish(to, &mut random);
    let behind = match line.scene.as_str() {
        "noise" => Some((street(stage.samples.len(), &mut random), 12.0)),
        "tv" => Some((talk(stage.samples.len(), babble, &mut random), 10.0)),
        "music" => {
            let mut music = Stage { samples: Vec::new(), events: Vec::new(), answered_at: None };
            music.melody(stage.now() as u32 + 20, -22.0, &mut random);
            Some((music.samples, 14.0))
        }
        _ => None,
    };
    if let Some((noise, snr_db)) = behind {
        let voice: Vec<i16> = line.parts.iter().flat_map(|p| p.0.iter().copied()).collect();
        mix(&mut stage.samples, &noise, rms(&voice) * gain / rms(&noise) / 10_f32.powf(snr_db / 20.0));
    }
    scene(line, stage)
}

fn scene(line: &Line, mut stage: Stage) -> Scene {
    stage.events.sort_by_key(|(at, _)| *at);
    Scene {
        name: format!("{}_{:03}_{}", line.lang, line.number, line.scene),
        lang: line.lang,
        label: line.label.clone(),
        announcement: line.announcement.clone(),
        kind: line.scene.clone(),
        dev: line.number.is_multiple_of(3),
        samples: through_the_line(&stage.samples),
        answered_at: stage.answered_at,
        events: stage.events,
    }
}

fn through_the_line(samples: &[i16]) -> Vec<i16> {
    samples.iter().map(|s| Law::A.decode(Law::A.encode(*s))).collect()
}

fn rms(samples: &[i16]) -> f32 {
    let sum: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    (sum / samples.len().max(1) as f64).sqrt().max(1.0) as f32
}

fn mix(onto: &mut [i16], noise: &[i16], gain: f32) {
    for (s, n) in onto.iter_mut().zip(noise) {
        *s = s.saturating_add((f32::from(*n) * gain) as i16);
    }
}

fn street(len: usize, random: &mut Random) -> Vec<i16> {
    let mut low = 0.0_f32;
    (0..len)
        .map(|_| {
            low = 0.8 * low + (random.unit() * 2.0 - 1.0) * 3_000.0;
            low as i16
        })
        .collect()
}

fn talk(len: usize, babble: &[i16], random: &mut Random) -> Vec<i16> {
    let mut out = vec![0_i16; len];
    for _ in 0..3 {
        let at = random.next() as usize % babble.len();
        for (n, s) in out.iter_mut().enumerate() {
            *s = s.saturating_add(babble[(at + n) % babble.len()] / 3);
        }
    }
    out
}

/// Scenes without a word: tones, noise, silence.
fn unspoken(n: u64) -> Vec<Scene> {
    let lang = if n.is_multiple_of(2) { Lang::Zh } else { Lang::En };
    let kinds: [(&str, &str, &str); 14] = [
        ("fax", "", "ced"),
        ("fax", "", "cng"),
        ("fax", "", "modem"),
        ("silence", "", "still"),
        ("silence", "", "hiss"),
        ("nobody", "", "rings"),
        ("announcement", "busy", "busy_cn"),
        ("announcement", "busy", "busy_us"),
        ("announcement", "congestion", "congestion_cn"),
        ("announcement", "congestion", "reorder_us"),
        ("announcement", "not_in_service", "vacant"),
        ("announcement", "congestion", "no_circuit"),
        ("announcement", "busy", "busy_after"),
        ("voicemail", "", "beep_only"),
    ];
    let mut out = Vec::new();
    for (at, (label, announcement, kind)) in kinds.into_iter().enumerate() {
        let mut random = Random(SEED ^ (1_000 + n * 100 + at as u64));
        let mut stage = Stage { samples: Vec::new(), events: Vec::new(), answered_at: None };
        let level = -12.0 - 4.0 * n as f32;
        let before = matches!(
            kind,
            "rings" | "busy_cn" | "busy_us" | "congestion_cn" | "reorder_us" | "vacant" | "no_circuit"
        );
        if !before {
            stage.answer();
        }
        stage.wait(random.between(200, 900));
        let repeat = |stage: &mut Stage, cadence: tone::Cadence| {
            for _ in 0..5 {
                stage.samples.extend(cadence.period(level));
            }
        };
        let reorder = tone::Cadence { frequencies: (480.0, 620.0), on_ms: 250, off_ms: 250 };
        let code = |stage: &mut Stage, tones: [(f32, u32); 3]| {
            for (hz, ms) in tones {
                stage.samples.extend(tone::sine(hz, ms, level, RATE));
            }
            stage.wait(1_500);
        };
        match kind {
            "ced" => stage.samples.extend(tone::sine(2_100.0, 3_000, level, RATE)),
            "modem" => stage.samples.extend(tone::sine(2_225.0, 2_500, level, RATE)),
            "cng" => {
                for _ in 0..3 {
                    stage.samples.extend(tone::sine(1_100.0, 500, level, RATE));
                    stage.wait(3_000);
                }
            }
            "hiss" => {
                let noise = street(80_000, &mut random);
                stage.add(&noise, 0.02 + 0.02 * n as f32);
            }
            "rings" => stage.ringback(lang, 3),
            "busy_cn" | "busy_after" => repeat(&mut stage, tone::BUSY_CN),
            "busy_us" => repeat(&mut stage, tone::BUSY_US),
            "congestion_cn" => repeat(&mut stage, tone::CONGESTION_CN),
            "reorder_us" => repeat(&mut stage, reorder),
            "vacant" => code(&mut stage, [(985.2, 380), (1_370.6, 274), (1_776.7, 380)]),
            "no_circuit" => code(&mut stage, [(913.8, 380), (1_370.6, 380), (1_776.7, 380)]),
            "beep_only" => stage.beep(&mut random),
            _ => {}
        }
        let to = if before { stage.now() + 500 } else { 11_000 };
        let mut stage = stage.finish(to, &mut random);
        stage.events.sort_by_key(|(at, _)| *at);
        out.push(Scene {
            name: format!("{lang}_tone{n}_{kind}"),
            lang,
            label: label.to_owned(),
            announcement: announcement.to_owned(),
            kind: kind.to_owned(),
            dev: false,
            samples: through_the_line(&stage.samples),
            answered_at: stage.answered_at,
            events: stage.events,
        });
    }
    out
}

fn run(scene: &Scene) -> Replay {
    let mut gate = SpeechGate::new(RATE);
    let frames = scene.samples.as_chunks::<160>().0.iter().map(|frame: &Frame| {
        let open = gate.push(frame, None).speech;
        (*frame, if open { Gate::Open } else { Gate::Closed })
    });
    replay(frames, &scene.events)
}

fn is_machine(by: AnsweredBy) -> bool {
    use AnsweredBy as By;
    matches!(by, By::Voicemail | By::Announcement | By::Screening | By::Ivr | By::Fax)
}

fn judge(scenes: &[Scene]) {
    for (title, dev) in [("looked at to write rules", true), ("judged only", false)] {
        println!("\n== {title}");
        let mut confusion: BTreeMap<(String, String), u32> = BTreeMap::new();
        let (mut right, mut all, mut kinds_right, mut kinds) = (0, 0, 0, 0);
        let (mut humans, mut for_a_moment, mut at_last) = (0, 0, 0);
        let (mut beeps, mut beeps_told, mut false_beeps) = (0, 0, 0);
        let mut after: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut moments = Vec::new();
        for scene in scenes.iter().filter(|s| s.dev == dev) {
            let found = run(scene);
            let by = found.last().map_or("none".to_owned(), |v| v.by.label().to_owned());
            let kind = found.last().and_then(|v| v.announcement).map_or("", Announcement::label);
            all += 1;
            right += u32::from(by == scene.label);
            *confusion.entry((scene.label.clone(), by.clone())).or_default() += 1;
            let words = scene.events.iter().filter_map(|(_, e)| match e {
                Event::Heard { text, .. } => Some(text.as_str()),
                _ => None,
            });
            let words: Vec<&str> = words.collect();
            if by != scene.label {
                println!("{}: {} heard as {by} {kind}: {words:?}", scene.name, scene.label);
            } else {
                after.entry(by.clone()).or_default().extend(found.decided_after_ms());
                let end = scene.events.iter().find_map(|(_, e)| match e {
                    Event::SpeechEnded { at_ms } => Some(at_ms.saturating_sub(scene.answered_at?)),
                    _ => None,
                });
                if let (Some(end), Some(at), "human") = (end, found.decided_after_ms(), by.as_str()) {
                    let pause =
                        after.entry("a human, from the end of the first words".to_owned()).or_default();
                    pause.push(at.saturating_sub(end as u32));
                    if end <= 2_000 {
                        after.entry("a human of a short hello".to_owned()).or_default().push(at);
                    }
                }
            }
            if !scene.announcement.is_empty() && by == scene.label {
                kinds += 1;
                kinds_right += u32::from(kind == scene.announcement);
                if kind != scene.announcement {
                    println!("{}: {} heard as {kind}: {words:?}", scene.name, scene.announcement);
                }
            }
            if scene.label == "human" {
                humans += 1;
                at_last += u32::from(found.last().is_some_and(|v| is_machine(v.by)));
                if found.verdicts.iter().any(|(_, v)| is_machine(v.by)) {
                    for_a_moment += 1;
                    println!("{}: a machine for a moment", scene.name);
                }
            }
            if scene.label == "voicemail" && found.verdicts.iter().any(|(_, v)| v.by == AnsweredBy::Human) {
                let until =
                    found.verdicts.iter().rfind(|(_, v)| v.by == AnsweredBy::Human).map(|(_, v)| v.after_ms);
                let sure = found.verdicts.iter().filter(|(_, v)| v.by == AnsweredBy::Human);
                let sure = sure.map(|(_, v)| v.confidence).fold(0.0, f32::max);
                moments.push((scene.name.clone(), until, sure));
            }
            let has_beep = scene.kind.contains("beep");
            beeps += u32::from(has_beep);
            beeps_told += u32::from(has_beep && found.beeps.len() == 1);
            if has_beep && found.beeps.is_empty() {
                println!("{}: no beep", scene.name);
            }
            if !has_beep && !found.beeps.is_empty() || found.beeps.len() > 1 {
                false_beeps += 1;
                println!("{}: {} beeps", scene.name, found.beeps.len());
            }
        }
        println!(
            "right {right} of {all} ({:.1} %); announcements' kinds {kinds_right} of {kinds}",
            100.0 * f64::from(right) / f64::from(all)
        );
        println!("humans {humans}: machines at last {at_last}, for a moment {for_a_moment}");
        println!("beeps {beeps_told} of {beeps} told once; false {false_beeps}");
        println!("boxes taken for a human at first: {moments:?}");
        for ((label, by), count) in &confusion {
            println!("  {label:>13} -> {by:<13} {count}");
        }
        for (by, times) in &mut after {
            times.sort_unstable();
            let at = |q: usize| times.get((times.len() * q / 100).min(times.len().saturating_sub(1)));
            println!(
                "  {by:>13} decided after p50 {:?} p90 {:?} ms, {} of them",
                at(50),
                at(90),
                times.len()
            );
        }
    }
}

fn write(scenes: &[Scene], dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    let mut manifest = String::new();
    for scene in scenes {
        fs::write(dir.join(format!("{}.wav", scene.name)), wav(&scene.samples)).unwrap();
        let answered = scene.answered_at.map(|at| at.to_string()).unwrap_or_default();
        manifest.push_str(&format!(
            "{}.wav\t{}\t{}\t{}\t{answered}\n",
            scene.name, scene.lang, scene.label, scene.announcement
        ));
    }
    fs::write(dir.join("manifest.tsv"), manifest).unwrap();
    println!("{} scenes", scenes.len());
}

/// What a frame costs, of silence, voice-like noise, and tones.
fn cost() {
    let mut random = Random(SEED);
    let noise = street(160_000, &mut random);
    let one = tone::sine(1_000.0, 20_000, -12.0, RATE);
    let two = tone::dual((480.0, 620.0), 20_000, -12.0, RATE);
    for (name, samples) in
        [("silence", vec![0; 160_000]), ("noise", noise), ("a tone", one), ("two tones", two)]
    {
        let frames: Vec<Frame> = samples.as_chunks().0.to_vec();
        let mut best = f64::MAX;
        for _ in 0..7 {
            let mut detector = Detector::new();
            detector.answered(0);
            let begun = Instant::now();
            for (n, frame) in frames.iter().enumerate() {
                detector.push(n as u64 * 20, frame, Gate::Open);
            }
            best = best.min(begun.elapsed().as_secs_f64() / frames.len() as f64);
            std::hint::black_box(&detector);
        }
        println!("{name}: {:.0} ns a frame", best * 1e9);
    }
}
