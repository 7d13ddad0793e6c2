//! Recordings on real disks: ordinary ones, full ones, slow ones, and none.

use std::{
    io::{BufRead, BufReader, Write},
    time::Duration,
};

use sha2::{Digest, Sha256};
use waihu_audio::frame::to_i16;

use super::*;
use crate::{Repaired, repair, wav};

const PATIENCE: Duration = Duration::from_secs(30);

/// What a media thread does for one call. Sample `n` of the left side is `n`, of the right `-n`.
struct Leg {
    tap: StereoTap,
    chunk: Option<Box<StereoChunk>>,
    owed: u64,
    at: usize,
}

fn value(n: usize) -> i16 {
    (n % 30_000) as i16
}

impl Leg {
    fn new(tap: StereoTap) -> Self {
        Self { tap, chunk: None, owed: 0, at: 0 }
    }

    fn take(&mut self) -> bool {
        if self.chunk.is_none() {
            self.chunk = self.tap.empty.try_recv().ok();
            if let Some(chunk) = &mut self.chunk {
                chunk.begin(self.tap.recording, std::mem::take(&mut self.owed));
            }
        }
        self.chunk.is_some()
    }

    fn send(&mut self) {
        if let Some(chunk) = self.chunk.take() {
            self.tap.full.try_send(chunk).unwrap();
        }
    }

    /// 20 ms.
    fn tick(&mut self) {
        let n = self.tap.rate_hz as usize / 50;
        let left: Vec<i16> = (self.at..self.at + n).map(value).collect();
        let right: Vec<i16> = left.iter().map(|s| -s).collect();
        self.at += n;
        if !self.take() {
            self.owed += n as u64;
            return;
        }
        let chunk = self.chunk.as_mut().unwrap();
        if self.tap.paused.load(Ordering::Relaxed) {
            chunk.push_paused(n);
        } else {
            chunk.push(&left, &right);
        }
        if chunk.is_full() {
            self.send();
        }
    }

    /// As [`tick`](Self::tick), as slowly as there are chunks: a call is slower still.
    fn tick_without_loss(&mut self) {
        while !self.take() {
            std::thread::yield_now();
        }
        self.tick();
    }

    fn close(mut self) {
        if self.take() {
            self.chunk.as_mut().unwrap().end();
            self.send();
        }
    }
}

fn started(recorder: &Recorder, path: &Path, rate_hz: u32) -> (Leg, RecordingInProgress) {
    let (tap, recording) = recorder.start(path, rate_hz);
    (Leg::new(tap), recording)
}

fn finished(r: RecordingInProgress) -> Recording {
    r.finish().recv_timeout(PATIENCE).unwrap()
}

/// Both sides of a file; the right is the left turned over.
fn left_of(path: &Path, rate_hz: u32) -> Vec<i16> {
    let pcm = wav::read(path).unwrap();
    assert_eq!((pcm.rate, pcm.channels.len()), (rate_hz, 2));
    let left = to_i16(&pcm.channels[0]);
    assert!(to_i16(&pcm.channels[1]).iter().eq(left.iter().map(|s| -s).collect::<Vec<_>>().iter()));
    left
}

fn assert_holds(path: &Path, rate_hz: u32, samples: usize) {
    let want: Vec<i16> = (0..samples).map(value).collect();
    assert!(left_of(path, rate_hz) == want, "{} of {samples} samples", path.display());
}

#[test]
fn recordings_of_many_calls_and_of_both_rates_are_whole_and_apart() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::spawn().unwrap();
    let rate = |n: usize| [8_000, 16_000][n % 2];
    let path = |n: usize| folder.path().join(format!("day/{n}.wav"));
    let mut calls: Vec<_> = (0..8).map(|n| started(&recorder, &path(n), rate(n))).collect();
    for tick in 0..68 {
        for (n, (leg, _)) in calls.iter_mut().enumerate() {
            if tick < 60 + n {
                leg.tick_without_loss();
            }
        }
    }
    for (n, (leg, call)) in calls.into_iter().enumerate() {
        leg.close();
        let r = finished(call);
        let samples = (60 + n) * rate(n) as usize / 50;
        assert_eq!((r.duration_ms, r.cut_short, r.holes_ms), ((60 + n as u64) * 20, None, 0));
        assert_holds(Path::new(&r.path), rate(n), samples);
        assert_eq!(r.sha256, hex::encode(Sha256::digest(std::fs::read(&r.path).unwrap())));
        let others = hound::WavReader::open(&r.path).unwrap();
        assert_eq!((others.duration(), others.spec().sample_rate), (samples as u32, rate(n)));
        assert!(matches!(repair(Path::new(&r.path)).unwrap(), Repaired::Whole { .. }));
    }
    assert!(folder.path().join("day").read_dir().unwrap().count() == 8);
}

#[test]
fn sound_that_no_chunk_was_at_hand_for_is_silence_of_the_same_length() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::spawn().unwrap();
    let (mut leg, call) = started(&recorder, &folder.path().join("a.wav"), 8_000);
    for _ in 0..25 {
        leg.tick_without_loss();
    }
    // Somebody else has them all.
    let taken: Vec<_> =
        std::iter::repeat_with(|| leg.tap.empty.recv_timeout(PATIENCE).unwrap()).take(2).collect();
    let empty = std::mem::replace(&mut leg.tap.empty, crossbeam_channel::never());
    for _ in 0..40 {
        leg.tick();
    }
    leg.tap.empty = empty;
    let returned = bounded(9);
    let all = std::mem::replace(&mut leg.tap.empty, returned.1);
    taken.into_iter().for_each(|c| returned.0.send(c).unwrap());
    for _ in 0..10 {
        leg.tick();
    }
    leg.tap.empty = all;
    leg.close();
    let r = finished(call);
    assert_eq!((r.duration_ms, r.holes_ms, r.cut_short), (1_500, 800, None));
    let mut want: Vec<i16> = (0..75 * 160).map(value).collect();
    want[25 * 160..65 * 160].fill(0);
    assert!(left_of(Path::new(&r.path), 8_000) == want, "times stay true");
}

#[test]
fn silence_that_is_owed_at_the_end_and_no_sound_at_all_are_told_by_an_empty_last_chunk() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::spawn().unwrap();
    for (owed, ms) in [(0, 0), (16_000, 2_000)] {
        let (mut leg, call) = started(&recorder, &folder.path().join("a.wav"), 8_000);
        leg.owed = owed;
        leg.close();
        let r = finished(call);
        assert_eq!((r.duration_ms, r.holes_ms, r.cut_short), (ms, ms, None));
        let size = std::fs::metadata(&r.path).map(|m| m.len()).ok();
        assert_eq!(size, (owed > 0).then_some(44 + 4 * owed), "without sound there is no file");
    }
}

#[test]
fn while_it_is_paused_silence_of_the_right_length_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::spawn().unwrap();
    let (mut leg, call) = started(&recorder, &folder.path().join("a.wav"), 16_000);
    for tick in 0..120 {
        match tick {
            33 => call.pause(),
            77 => call.resume(),
            _ => {}
        }
        leg.tick_without_loss();
    }
    leg.close();
    let r = finished(call);
    let mut want: Vec<i16> = (0..120 * 320).map(value).collect();
    want[33 * 320..77 * 320].fill(0);
    assert!(left_of(Path::new(&r.path), 16_000) == want, "to the sample");
    assert_eq!((r.duration_ms, r.holes_ms, r.paused_ms), (2_400, 0, 880));
}

#[test]
fn a_recording_ends_whether_its_media_says_so_or_is_gone_or_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::spawn().unwrap();
    let mut calls: Vec<_> =
        (0..3).map(|n| started(&recorder, &folder.path().join(format!("{n}.wav")), 8_000)).collect();
    for (leg, _) in &mut calls {
        (0..30).for_each(|_| leg.tick_without_loss());
    }
    let mut calls = calls.into_iter();
    let (says_so, gone, stands_still) = (calls.next().unwrap(), calls.next().unwrap(), calls.next().unwrap());
    // Finished first, closed later: nothing on its way is lost.
    let receiver = says_so.1.finish();
    says_so.0.close();
    assert_eq!(receiver.recv_timeout(PATIENCE).unwrap().duration_ms, 600);
    drop(gone.0);
    assert_eq!(finished(gone.1).duration_ms, 500, "its chunk fell with it");
    assert_eq!(finished(stands_still.1).duration_ms, 500);
    // What comes too late harms nobody.
    let (mut other, call) = started(&recorder, &folder.path().join("b.wav"), 8_000);
    stands_still.0.close();
    (0..60).for_each(|_| other.tick_without_loss());
    other.close();
    assert_eq!(finished(call).duration_ms, 1_200);
    assert_eq!(wav::read(folder.path().join("2.wav")).unwrap().duration_ms(), 500);
}

#[test]
fn each_chunk_is_in_the_file_and_each_full_second_in_its_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let mut file = crate::recording_file::RecordingFile::create(&path, 8_000).unwrap();
    let side: Vec<i16> = (0..30_000).map(value).collect();
    for n in 0..7 {
        let samples: Vec<i16> = side[n * 4_000..][..4_000].iter().flat_map(|s| [*s, -s]).collect();
        file.add(0, &samples, &mut Vec::new()).unwrap();
        assert_eq!(file.duration_ms(), (n as u64 + 1) * 500);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 44 + 16_000 * (n as u64 + 1));
        if n > 0 {
            assert_holds(&path, 8_000, n.div_ceil(2) * 8_000);
        }
    }
}

/// Where the process that is to be killed records to.
const VICTIM: &str = "WAIHU_RECORD_VICTIM";

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn records_until_killed() {
    let Some(path) = std::env::var_os(VICTIM) else { return };
    let recorder = Recorder::spawn().unwrap();
    let (mut leg, _call) = started(&recorder, Path::new(&path), 8_000);
    loop {
        (0..25).for_each(|_| leg.tick_without_loss());
        while std::fs::metadata(&path).map_or(0, |m| m.len()) < 44 + 4 * leg.at as u64 {
            std::thread::yield_now();
        }
        println!("written {}", leg.at);
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn a_killed_process_leaves_all_that_had_come_to_its_file() {
    let folder = tempfile::tempdir().unwrap();
    for (n, after) in [1, 2, 7, 12].into_iter().enumerate() {
        let path = folder.path().join(format!("{n}.wav"));
        let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "recorder::tests::records_until_killed", "--ignored", "--nocapture"])
            .env(VICTIM, &path)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
        let told = lines.filter_map(|l| l.split_once("written ")?.1.parse::<usize>().ok());
        let written = told.take(after).last().unwrap();
        // SIGKILL: nothing of the process runs any more.
        victim.kill().unwrap();
        victim.wait().unwrap();
        assert_eq!(written, after * 4_000);
        let repaired = repair(&path).unwrap();
        assert!(matches!(repaired, Repaired::Whole { .. } | Repaired::Mended { .. }), "{repaired:?}");
        let samples = left_of(&path, 8_000).len();
        assert!(samples >= written, "{samples} of {written}");
        assert_holds(&path, 8_000, samples);
    }
}

/// A small disk, or none where this is not run by root.
fn with_small_disk(test: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mount = |args: &[&str]| std::process::Command::new(args[0]).args(&args[1..]).arg(&small).status();
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs"]).is_ok_and(|s| s.success()) {
        println!("not run: mounting a small disk needs root");
        return;
    }
    let tested = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&small)));
    assert!(mount(&["umount"]).unwrap().success());
    if let Err(panic) = tested {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn a_disk_that_fills_ends_that_recording_and_no_other() {
    with_small_disk(|small| {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::spawn().unwrap();
        let (mut doomed, full) = started(&recorder, &small.join("a.wav"), 8_000);
        let (mut whole, other) = started(&recorder, &folder.path().join("b.wav"), 8_000);
        for _ in 0..400 {
            doomed.tick_without_loss();
            whole.tick_without_loss();
        }
        // Room that comes back later does not tempt it to go on in the middle.
        let (stopped_at, before) = (small.join("a.wav"), std::fs::read(small.join("a.wav")).unwrap());
        std::process::Command::new("mount").args(["-o", "remount,size=2m"]).arg(small).status().unwrap();
        for _ in 0..100 {
            doomed.tick_without_loss();
        }
        doomed.close();
        whole.close();
        let (full, other) = (finished(full), finished(other));
        assert_eq!(std::fs::read(&stopped_at).unwrap(), before);
        // 100 kB are three seconds and a bit.
        assert!((2_500..3_300).contains(&full.duration_ms), "{full:?}");
        assert!(full.cut_short.is_some_and(|c| c.contains("s: the disk is full")));
        let samples = left_of(&stopped_at, 8_000).len();
        assert_eq!(samples as u64 / 8, full.duration_ms, "part of a chunk, in whole pairs");
        assert!(!samples.is_multiple_of(4_000), "{samples}");
        assert_holds(&stopped_at, 8_000, samples);
        assert_eq!((other.duration_ms, other.cut_short), (8_000, None));
        assert_holds(Path::new(&other.path), 8_000, 64_000);
    });
}

#[test]
fn a_disk_that_is_read_only_is_told_at_the_end() {
    with_small_disk(|small| {
        std::process::Command::new("mount").args(["-o", "remount,ro"]).arg(small).status().unwrap();
        let recorder = Recorder::spawn().unwrap();
        let (mut leg, call) = started(&recorder, &small.join("a.wav"), 8_000);
        (0..100).for_each(|_| leg.tick_without_loss());
        leg.close();
        let r = finished(call);
        assert!(r.cut_short.clone().is_some_and(|c| c.ends_with("the disk is read-only")), "{r:?}");
        std::process::Command::new("mount").args(["-o", "remount,rw"]).arg(small).status().unwrap();
    });
}

#[test]
fn a_place_that_cannot_be_written_is_told_at_the_end() {
    let recorder = Recorder::spawn().unwrap();
    for (path, why) in [("/dev/full", "the disk is full"), ("/proc/none/a.wav", "could not be created")] {
        let (mut leg, call) = started(&recorder, Path::new(path), 8_000);
        (0..400).for_each(|_| leg.tick_without_loss());
        leg.close();
        let r = finished(call);
        assert_eq!((r.duration_ms, r.sha256.as_str()), (0, ""));
        assert!(r.cut_short.clone().is_some_and(|c| c.contains(why)), "{:?}", r.cut_short);
    }
}

#[test]
fn a_file_that_is_taken_away_or_taken_already_is_told_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let recorder = Recorder::spawn().unwrap();
    let (mut leg, call) = started(&recorder, &path, 8_000);
    (0..100).for_each(|_| leg.tick_without_loss());
    // The same file for another call: the first keeps it.
    let (mut second, refused) = started(&recorder, &path, 8_000);
    second.tick_without_loss();
    second.close();
    let r = finished(refused);
    assert!(r.cut_short.clone().is_some_and(|c| c.contains("being recorded there")), "{r:?}");
    assert!(repair(&path).unwrap() == Repaired::InUse);
    std::fs::remove_file(&path).unwrap();
    (0..100).for_each(|_| leg.tick_without_loss());
    leg.close();
    let r = finished(call);
    assert_eq!((r.duration_ms, r.sha256.as_str()), (4_000, ""));
    assert!(r.cut_short.clone().is_some_and(|c| c.ends_with("no longer there")), "{r:?}");
}

#[test]
fn silence_without_end_ends_the_recording_and_not_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::spawn().unwrap();
    for owed in [u64::MAX, u64::MAX / 4, 1 << 30] {
        let (mut leg, call) = started(&recorder, &folder.path().join("a.wav"), 8_000);
        (0..25).for_each(|_| leg.tick_without_loss());
        leg.owed = owed;
        leg.tick_without_loss();
        leg.close();
        let r = finished(call);
        assert!(r.cut_short.clone().is_some_and(|c| c.contains("as long as a WAV can be")), "{r:?}");
        assert_holds(Path::new(&r.path), 8_000, 4_000);
    }
}

#[test]
fn what_nobody_finished_is_finished_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let recorder = Recorder::spawn().unwrap();
    let (mut leg, call) = started(&recorder, &path, 8_000);
    (0..30).for_each(|_| leg.tick_without_loss());
    drop(call);
    drop(recorder);
    let empty = leg.tap.empty.clone();
    leg.close();
    // The threads let go of the pool only when the file is whole.
    while empty.recv_timeout(PATIENCE).is_ok() {}
    assert_holds(&path, 8_000, 30 * 160);
}
