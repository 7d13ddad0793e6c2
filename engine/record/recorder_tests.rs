//! Recordings on real disks: ordinary ones, full ones, and none.

use super::*;
use crate::wav;
use waihu_audio::frame::to_i16;

const PATIENCE: Duration = Duration::from_secs(30);

/// Frame `n`: the left side counts up, the right side counts down.
fn frame(n: usize) -> StereoFrame {
    let left = std::array::from_fn(|i| ((n * 160 + i) % 30_000) as i16);
    StereoFrame { left, right: left.map(|s| -s) }
}

fn send(sender: &Sender<StereoFrame>, frames: std::ops::Range<usize>) {
    for n in frames {
        // As slowly as the queue is emptied: a call is slower still.
        sender.send_timeout(frame(n), PATIENCE).unwrap();
    }
}

fn finished(r: RecordingInProgress) -> Recording {
    r.finish().recv_timeout(PATIENCE).unwrap()
}

fn assert_holds(path: &Path, samples: usize) {
    let pcm = wav::read(path).unwrap();
    assert_eq!((pcm.rate, pcm.channels.len()), (8_000, 2));
    let want: Vec<i16> = (0..samples).map(|n| (n % 30_000) as i16).collect();
    assert!(to_i16(&pcm.channels[0]) == want, "left of {}", path.display());
    assert!(to_i16(&pcm.channels[1]).iter().eq(want.iter().map(|s| -s).collect::<Vec<_>>().iter()));
}

#[test]
fn recordings_of_many_calls_are_whole_and_apart() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::spawn().unwrap();
    let calls: Vec<_> = (0..8).map(|n| recorder.start(folder.path().join(format!("day/{n}.wav")))).collect();
    for (n, (sender, _)) in calls.iter().enumerate() {
        send(sender, 0..60 + n);
    }
    for (n, (_, call)) in calls.into_iter().enumerate() {
        let r = finished(call);
        assert_eq!((r.duration_ms, r.cut_short), ((60 + n as u64) * 20, None));
        assert_holds(Path::new(&r.path), (60 + n) * 160);
        assert_eq!(r.sha256, hex::encode(Sha256::digest(std::fs::read(&r.path).unwrap())));
        assert_eq!(
            hound::WavReader::open(&r.path).unwrap().duration(),
            (60 + n as u32) * 160,
            "for other readers too"
        );
    }
}

#[test]
fn each_full_second_is_in_the_file_and_the_header_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let mut file = RecordingFile::create(&path).unwrap();
    for n in 0..149 {
        file.add(&frame(n)).unwrap();
        assert_eq!(file.duration_ms(), (n as u64 + 1) / 50 * 1_000);
        if n >= 49 {
            assert_holds(&path, (n + 1) / 50 * 8_000);
        }
    }
}

/// Where the process that is to be killed records to.
const VICTIM: &str = "WAIHU_RECORD_VICTIM";

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn records_until_killed() {
    let Some(path) = std::env::var_os(VICTIM) else { return };
    let (sender, _call) = Recorder::spawn().unwrap().start(path);
    send(&sender, 0..usize::MAX);
}

#[test]
fn a_killed_process_leaves_whole_seconds_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "recorder::tests::records_until_killed", "--ignored"])
        .env(VICTIM, &path)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while std::fs::metadata(&path).map_or(0, |m| m.len()) < 4 * 32_000 {
        assert!(victim.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(ROUND / 10);
    }
    // SIGKILL: nothing of the process runs any more.
    victim.kill().unwrap();
    victim.wait().unwrap();
    let samples = wav::read(&path).unwrap().channels[0].len();
    assert!(samples >= 3 * 8_000 && samples.is_multiple_of(8_000), "{samples}");
    assert_holds(&path, samples);
}

#[test]
fn a_disk_that_fills_ends_that_recording_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mount = |args: &[&str]| std::process::Command::new(args[0]).args(&args[1..]).arg(&small).status();
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs"]).is_ok_and(|s| s.success()) {
        println!("not run: mounting a small disk needs root");
        return;
    }
    let recorder = Recorder::spawn().unwrap();
    let (doomed, full) = recorder.start(small.join("a.wav"));
    let (sender, other) = recorder.start(folder.path().join("b.wav"));
    for n in 0..8 {
        send(&doomed, n * 50..(n + 1) * 50);
        send(&sender, n * 50..(n + 1) * 50);
    }
    let (full, other) = (finished(full), finished(other));
    let samples = wav::read(&full.path).map(|p| p.channels[0].len());
    if let Ok(samples) = samples {
        assert_holds(Path::new(&full.path), samples);
    }
    let status = mount(&["umount"]);
    assert!(status.unwrap().success());
    // 100 kB are three seconds and a bit.
    assert!((2_500..3_300).contains(&full.duration_ms), "{full:?}");
    assert_eq!(samples.unwrap() as u64 / 8, full.duration_ms);
    assert!(full.cut_short.is_some_and(|c| c.contains("s: the disk is full")));
    assert_eq!((other.duration_ms, other.cut_short), (8_000, None));
    assert_holds(Path::new(&other.path), 64_000);
}

#[test]
fn a_place_that_cannot_be_written_is_told_at_the_end() {
    let recorder = Recorder::spawn().unwrap();
    for (path, why) in [("/dev/full", "the disk is full"), ("/proc/none/a.wav", "could not be created")] {
        let (sender, call) = recorder.start(path);
        send(&sender, 0..400);
        let r = finished(call);
        assert_eq!((r.duration_ms, r.sha256.as_str()), (0, ""));
        assert!(r.cut_short.clone().is_some_and(|c| c.contains(why)), "{:?}", r.cut_short);
    }
}

#[test]
fn what_nobody_finished_is_finished_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let recorder = Recorder::spawn().unwrap();
    let (sender, call) = recorder.start(&path);
    send(&sender, 0..30);
    drop(call);
    drop(recorder);
    // The thread lets go of the queue only when the file is whole.
    while sender.send_timeout(frame(0), PATIENCE).is_ok() {}
    assert!(wav::read(&path).unwrap().channels[0].len() >= 30 * 160);
}
