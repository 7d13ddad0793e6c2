//! What recording many calls costs: one thread fills the chunks of all calls as a media thread does, in real
//! time, and the recorder writes them.
//!
//! `cargo run --release -p waihu-record --example load -- FOLDER [CALLS] [SECONDS] [RATE_HZ] [STALL_MS]`
//!
//! Prints the processor time of each thread over the steady part, in thousandths of one core and per 1,000
//! calls, the memory a call, and the silence owed. With `STALL_MS` the writer stands still for so long in the
//! middle: it is stopped by a file that it waits for (a pipe without a reader). A call needs a file open:
//! `ulimit -n` has to allow them. The files are left in a folder of each run's own: on ext4, thousands of
//! files removed in the last half minute make new ones slow, and so does writing over old ones.

use std::{
    error::Error,
    fs,
    path::PathBuf,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use waihu_audio::StereoChunk;
use waihu_record::{Recorder, RecordingInProgress, StereoTap};

/// A twentieth of the calls has its tick in each.
const PHASE: Duration = Duration::from_millis(1);

struct Leg {
    tap: StereoTap,
    chunk: Option<Box<StereoChunk>>,
    owed: u64,
    lost: u64,
}

impl Leg {
    fn take(&mut self) {
        if self.chunk.is_none() {
            self.chunk = self.tap.empty.try_recv().ok();
            if let Some(chunk) = &mut self.chunk {
                chunk.begin(self.tap.recording, std::mem::take(&mut self.owed));
            }
        }
    }

    fn send(&mut self) {
        let Some(chunk) = self.chunk.take() else { return };
        if let Err(e) = self.tap.full.try_send(chunk) {
            let chunk = e.into_inner();
            self.owed += chunk.owed() + chunk.pairs() as u64;
        }
    }

    fn tick(&mut self, left: &[i16], right: &[i16]) {
        self.take();
        match &mut self.chunk {
            None => {
                self.owed += left.len() as u64;
                self.lost += left.len() as u64;
            }
            Some(chunk) if self.tap.paused.load(Ordering::Relaxed) => chunk.push_paused(left.len()),
            Some(chunk) => chunk.push(left, right),
        }
        if self.chunk.as_ref().is_some_and(|c| c.is_full()) {
            self.send();
        }
    }

    fn close(mut self) -> u64 {
        self.take();
        if let Some(chunk) = &mut self.chunk {
            chunk.end();
        }
        self.send();
        self.lost
    }
}

/// Processor time by the name of the thread: user and system [ticks of 10 ms], all [ns].
type Times = Vec<(String, [u64; 3])>;

fn threads() -> Result<Times, Box<dyn Error>> {
    let mut all = Times::new();
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        let name = fs::read_to_string(task.join("comm"))?.trim().to_owned();
        let stat = fs::read_to_string(task.join("stat"))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ns = fs::read_to_string(task.join("schedstat"))?;
        let ns = ns.split(' ').next().unwrap_or_default().parse()?;
        let times = [fields[11].parse()?, fields[12].parse()?, ns];
        match all.iter_mut().find(|(n, _)| *n == name) {
            Some((_, sum)) => sum.iter_mut().zip(times).for_each(|(s, t)| *s += t),
            None => all.push((name, times)),
        }
    }
    Ok(all)
}

fn resident_kib() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or_default().parse()?)
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(args.first().ok_or("which folder?")?)
        .join(format!("waihu-record-load-{}", std::process::id()));
    let number = |n: usize, default| args.get(n).map_or(Ok(default), |a| a.parse());
    let (calls, seconds, rate_hz) = (number(1, 3_000)?, number(2, 20)?, number(3, 8_000)?);
    let stall_ms = number(4, 0)?;
    fs::create_dir_all(&folder)?;

    let recorder = Recorder::spawn()?;
    let before_kib = resident_kib()?;
    let begun = Instant::now();
    let (mut legs, recordings): (Vec<Leg>, Vec<RecordingInProgress>) = (0..calls)
        .map(|n| {
            let (tap, recording) = recorder.start(folder.join(format!("{n}.wav")), rate_hz as u32);
            (Leg { tap, chunk: None, owed: 0, lost: 0 }, recording)
        })
        .unzip();
    println!("{calls} recordings started in {:.0?}", begun.elapsed());

    let pairs = rate_hz / 50;
    // Noise: zeros would be too kind to a file system that compresses.
    let mut x = 1_u32;
    let noise: Vec<i16> = std::iter::repeat_with(|| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 16) as i16
    })
    .take(2 * pairs + 1_000)
    .collect();
    let begun = Instant::now();
    let (mut first, mut late, mut peak_kib) = (None, 0, 0);
    let steps = seconds * 1_000;
    for step in 0..steps {
        let at = begun + PHASE * step as u32;
        let now = Instant::now();
        if now < at {
            std::thread::sleep(at - now);
        } else {
            late += usize::from(now > at + PHASE * 10);
        }
        // The calls of a phase fill their chunks at different times, as calls begun at different times do.
        let mut n = step % 20;
        while n < calls {
            let leg = &mut legs[n];
            if step >= n / 20 % 25 * 20 {
                let from = n % 1_000;
                leg.tick(&noise[from..from + pairs], &noise[from + pairs..from + 2 * pairs]);
            }
            n += 20;
        }
        if step == steps / 4 {
            first = Some((threads()?, Instant::now()));
        }
        if stall_ms > 0 && step == steps / 2 {
            stall(&recorder, &folder, stall_ms as u64)?;
        }
        if step % 100 == 0 {
            peak_kib = peak_kib.max(resident_kib()?);
        }
    }
    let (first, since) = first.ok_or("too short")?;
    let wall = since.elapsed().as_secs_f64();
    for (name, now) in threads()? {
        let was = first.iter().find(|(n, _)| *n == name).map_or([0; 3], |(_, t)| *t);
        let [user, system, ns] = [0, 1, 2].map(|i| (now[i] - was[i]) as f64);
        let of_core = ns / 1e9 / wall;
        println!(
            "{name:16} {:6.1} % of a core (user {:.1}, system {:.1}); {:5.2} % per 1,000 calls",
            of_core * 100.0,
            user / wall,
            system / wall,
            of_core * 100.0 * 1_000.0 / calls as f64
        );
    }
    let owned = (peak_kib - before_kib) as f64 / calls as f64;
    println!("{owned:.1} KiB a call at most; {late} of {steps} steps late by 10 ms or more");
    let ending = Instant::now();
    let lost: u64 = legs.into_iter().map(Leg::close).sum();
    let results: Vec<_> = recordings.into_iter().map(RecordingInProgress::finish).collect();
    let (mut holes_ms, mut cut) = (0, 0);
    for result in results {
        let r = result.recv()?;
        holes_ms += r.holes_ms;
        cut += usize::from(r.cut_short.is_some());
    }
    let lost_ms = lost * 1_000 / rate_hz as u64;
    println!(
        "owed {lost_ms} ms, written as silence {holes_ms} ms; {cut} cut short; all sealed in {:.1?}",
        ending.elapsed()
    );
    Ok(())
}

/// Opening a pipe for writing waits for a reader, which comes after the stall.
fn stall(recorder: &Recorder, folder: &std::path::Path, ms: u64) -> Result<(), Box<dyn Error>> {
    let pipe = folder.join("pipe");
    std::process::Command::new("mkfifo").arg(&pipe).status()?;
    // With the first sound it is opened.
    let mut leg = Leg { tap: recorder.start(&pipe, 8_000).0, chunk: None, owed: 1, lost: 0 };
    leg.tick(&[0; 160], &[0; 160]);
    leg.close();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(ms));
        let reader = fs::File::open(&pipe);
        std::thread::sleep(Duration::from_secs(1));
        drop(reader);
        let _ = fs::remove_file(pipe);
    });
    Ok(())
}
