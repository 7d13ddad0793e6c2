//! One run, seen from inside: the media threads' process, or the one that drives rtpengine.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::Pid,
};
use waihu_audio::tone;
use waihu_load::{Credentials, FarEnd, NearEnds, Report};
use waihu_media::{
    Clip, IceCredentials, Load, Media, MediaConfig, MediaEvent, Opened, PlaybackId, Ports, Remote, Repeat,
    Security, SlotId, Stats, StereoTap, Taps,
};
use waihu_record::{Recorder, RecordingInProgress};
use waihu_types::{Codec, SrtpKey, SrtpSuite};

use super::{
    PortMode, RunArgs, rtpengine,
    run::{Beside, ENGINE_CORE, Measured, WARM_UP_S},
};
use crate::output::out;

/// Ports for the calls: a pair each, below those that the system gives to the far ends.
pub(super) const RTP_PORTS: std::ops::RangeInclusive<u16> = 10_000..=32_767;
/// How often memory is looked at in a run.
const MEMORY_STEPS: u64 = 20;
/// How long a call's end may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(args: &RunArgs) -> Result<ExitCode> {
    // Before any thread is made: all of them are to share one core.
    let mut set = CpuSet::new();
    set.set(ENGINE_CORE)?;
    sched_setaffinity(Pid::from_raw(0), &set).context("this process cannot be kept to one core")?;
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let needed = if args.joined { 5 } else { 3 } * args.calls as u64 + 100;
    ensure!(
        most >= needed || args.ports == PortMode::Shared,
        "{} calls need {needed} open files, and the limit is {most}: raise it (ulimit -n) 打开文件数上限不足",
        args.calls
    );
    let measured = if args.rtpengine { rtpengine::measure(args)? } else { measure(args)? };
    out!("{}", serde_json::to_string(&measured)?)?;
    Ok(ExitCode::SUCCESS)
}

/// A call of the run.
struct Leg {
    opened: Opened,
    telephone: Option<SlotId>,
    closed: crossbeam_channel::Receiver<Stats>,
    recording: Option<RecordingInProgress>,
}

/// What calls are made with.
struct Bench<'a> {
    args: &'a RunArgs,
    media: Media,
    recorder: Recorder,
    folder: Option<Folder>,
    clip: Arc<Clip>,
    speech_frames: Arc<AtomicU64>,
    opened: usize,
}

fn measure(args: &RunArgs) -> Result<Measured> {
    let (mut beside, far) = Beside::start(args)?;
    let mut bench = Bench::new(args)?;
    let before_kib = resident_kib("/proc/self/status")?;
    let keys: Vec<Option<SrtpKey>> = (0..args.calls).map(|_| args.srtp.and_then(fresh_key)).collect();
    let mut legs = Vec::with_capacity(args.calls);
    for (far_end, ours) in far.far_ends.iter().zip(&keys) {
        legs.push(bench.begin(far_end, *ours)?);
    }
    beside.begin(&NearEnds {
        near_ends: legs.iter().filter_map(|l| v4(l.opened.rtp)).collect(),
        keys: keys.iter().flatten().map(waihu_load::key_text).collect(),
        checks: if args.ice { legs.iter().map(|l| credentials(&l.opened)).collect() } else { Vec::new() },
    })?;
    std::thread::sleep(Duration::from_secs(WARM_UP_S));
    let (from, began) = (Look::at(&bench.media)?, Instant::now());
    let mut ends = Ends::default();
    let mut memory_kib = Vec::new();
    for second in 0..args.seconds {
        if (second * MEMORY_STEPS).is_multiple_of(args.seconds.max(MEMORY_STEPS))
            || args.seconds < MEMORY_STEPS
        {
            memory_kib.push(resident_kib("/proc/self/status")?);
        }
        if let Some(after) = args.turnover {
            // Each second its share of the calls, so that all have had their turn after so long.
            let share = |s: u64| (args.calls as u64 * s / after) as usize;
            for n in share(second)..share(second + 1) {
                let n = n % args.calls;
                let next = bench.begin(&far.far_ends[n], keys[n])?;
                ends.add(bench.end(std::mem::replace(&mut legs[n], next))?);
            }
        }
        let due = began + Duration::from_secs(second + 1);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    let (to, took) = (Look::at(&bench.media)?, began.elapsed());
    let kib = resident_kib("/proc/self/status")?.saturating_sub(before_kib);
    let report = beside.finish()?;
    legs.iter().for_each(|leg| bench.close(leg));
    for leg in legs {
        ends.add(bench.end(leg)?);
    }
    Ok(Measured {
        memory_kib,
        carried: bench.opened,
        left_at_end: bench.media.load().slots,
        ..figures(args, &from, &to, took, kib, &report, &ends)
    })
}

impl<'a> Bench<'a> {
    fn new(args: &'a RunArgs) -> Result<Self> {
        let mut config = MediaConfig::new(Ipv4Addr::LOCALHOST.into(), RTP_PORTS, PATIENCE);
        config.cores = vec![ENGINE_CORE];
        config.codecs = vec![args.codec];
        config.port_mode = match args.ports {
            PortMode::PerCall => Ports::PerCall,
            PortMode::Shared => Ports::Shared,
        };
        Ok(Self {
            args,
            media: Media::spawn(config)?,
            recorder: Recorder::spawn()?,
            folder: args.record.as_deref().map(Folder::within).transpose()?,
            clip: Arc::new(prompt(args)),
            speech_frames: Arc::default(),
            opened: 0,
        })
    }

    /// A call to a far end, which says the prompt over and over.
    fn begin(&mut self, far_end: &FarEnd, ours: Option<SrtpKey>) -> Result<Leg> {
        let rate_hz = self.args.codec.sample_rate_hz();
        let path = self.folder.as_ref().map(|f| f.path.join(format!("{}.wav", self.opened)));
        let (tap, recording) = path.map(|path| self.recorder.start(path, rate_hz)).unzip();
        let stereo = tap.map(|t| {
            let waihu_record::StereoTap { recording, rate_hz, full, empty, paused } = t;
            StereoTap { recording, rate_hz, full, empty, paused }
        });
        let (tell, closed) = crossbeam_channel::bounded(1);
        let heard = Arc::clone(&self.speech_frames);
        let taps = Taps {
            heard: Some(Box::new(move |frame| {
                heard.fetch_add(u64::from(frame.speech), Relaxed);
                true
            })),
            stereo,
            events: Box::new(move |_, event| {
                if let MediaEvent::Closed(stats) = event {
                    let _ = tell.try_send(stats);
                }
            }),
        };
        let opened = self.media.open(taps)?;
        self.opened += 1;
        if self.args.ice {
            let Credentials { ufrag, pwd } = credentials(&opened);
            self.media.expect_checks(opened.slot, IceCredentials { ufrag, pwd });
        }
        self.media.start(opened.slot, remote(self.args, far_end, ours)?);
        let telephone = match self.args.joined {
            true => Some(self.telephone(opened.slot)?),
            false => {
                self.media.play_clip(opened.slot, PlaybackId(1), Arc::clone(&self.clip), Repeat::Forever);
                None
            }
        };
        Ok(Leg { opened, telephone, closed, recording })
    }

    /// A telephone that the call is joined with: it sends back what it hears.
    fn telephone(&self, call: SlotId) -> Result<SlotId> {
        let taps = Taps { heard: None, stereo: None, events: Box::new(|_, _| ()) };
        let opened = self.media.open_beside(call, taps)?;
        let itself = Remote { ssrc: Some(opened.ssrc), ..Remote::plain(opened.rtp, Codec::Pcma, 8) };
        self.media.start(opened.slot, itself);
        self.media.join(&[call, opened.slot]);
        Ok(opened.slot)
    }

    fn close(&self, leg: &Leg) {
        leg.telephone.iter().for_each(|telephone| self.media.close(*telephone));
        self.media.close(leg.opened.slot);
    }

    /// Ends a call, and throws its recording away.
    fn end(&self, leg: Leg) -> Result<Stats> {
        self.close(&leg);
        let stats = leg.closed.recv_timeout(PATIENCE).context("a call did not end")?;
        if let Some(recording) = leg.recording {
            let recording = recording.finish().recv_timeout(PATIENCE).context("a recording did not end")?;
            if let Some(why) = recording.cut_short {
                anyhow::bail!("a recording was cut short: {why}");
            }
            fs::remove_file(&recording.path)?;
        }
        Ok(stats)
    }
}

fn remote(args: &RunArgs, far: &FarEnd, ours: Option<SrtpKey>) -> Result<Remote> {
    let address = SocketAddr::V4(far.address);
    // The far ends' own number for Opus.
    let number = args.codec.static_payload_type().unwrap_or(111);
    let security = match (args.srtp, ours, &far.key) {
        (None, ..) => Security::Plain,
        (Some(suite), Some(ours), Some(theirs)) => {
            let theirs = waihu_load::key_of(theirs, suite).context("a far end's key is not of its suite")?;
            Security::Srtp { ours, theirs }
        }
        _ => anyhow::bail!("a far end has no key"),
    };
    Ok(Remote { ssrc: Some(far.ssrc), security, ..Remote::plain(address, args.codec, number) })
}

/// What a browser would have to know: told to nobody but our own far ends.
fn credentials(opened: &Opened) -> Credentials {
    Credentials { ufrag: format!("{:08x}", opened.ssrc), pwd: "twenty-two characters or more".to_owned() }
}

/// What every call says: two seconds of a voice-like hum and half a second of nothing, over and over.
fn prompt(args: &RunArgs) -> Clip {
    let mut samples = tone::dual((180.0, 720.0), 2_000, -24.0, 8_000);
    samples.extend(tone::silence(500, 8_000));
    Clip::new(samples.into(), &[args.codec])
}

fn fresh_key(suite: SrtpSuite) -> Option<SrtpKey> {
    let bytes: [u8; 44] = std::array::from_fn(|_| rand::random());
    SrtpKey::new(suite, &bytes[..suite.key_len() + suite.salt_len()])
}

fn v4(address: SocketAddr) -> Option<SocketAddrV4> {
    match address {
        SocketAddr::V4(v4) => Some(v4),
        SocketAddr::V6(_) => None,
    }
}

/// What calls came to at their ends.
#[derive(Default)]
struct Ends {
    lost: u64,
    unrecorded: u64,
    mos: f64,
    judged: u64,
}

impl Ends {
    fn add(&mut self, stats: Stats) {
        self.lost += stats.lost;
        self.unrecorded += stats.unrecorded;
        if let Some(quality) = stats.quality {
            self.mos += f64::from(quality.mos);
            self.judged += 1;
        }
    }
}

/// The process at one moment.
struct Look {
    load: Load,
    cpu: Duration,
}

impl Look {
    fn at(media: &Media) -> Result<Self> {
        Ok(Self { load: media.load(), cpu: cpu_time("/proc/self/stat")? })
    }
}

fn figures(
    args: &RunArgs,
    from: &Look,
    to: &Look,
    took: Duration,
    kib: u64,
    report: &Report,
    ends: &Ends,
) -> Measured {
    let late = |share| to.load.lateness_quantile(&from.load, share).as_secs_f64() * 1_000.0;
    Measured {
        core_percent: (to.cpu - from.cpu).as_secs_f64() / took.as_secs_f64() * 100.0,
        lost_in: Some(ends.lost),
        late_ms_p50: late(0.5),
        late_ms_p99: late(0.99),
        late_ms_max: late(1.0),
        kib_per_call: kib as f64 / args.calls as f64,
        unrecorded_s: args.record.is_some().then_some(ends.unrecorded as f64 / 50.0),
        mos: (ends.judged > 0).then(|| ends.mos / ends.judged as f64),
        ..seen_by_far_ends(args, took, report)
    }
}

/// The figures that only the far ends give.
pub(super) fn seen_by_far_ends(args: &RunArgs, took: Duration, report: &Report) -> Measured {
    Measured {
        by: args.carrier().to_owned(),
        calls: args.calls,
        seconds: took.as_secs_f64(),
        ports: format!("{:?}", args.ports),
        codec: args.codec.name().to_owned(),
        srtp: args.srtp.map(|s| s.name().to_owned()),
        recorded: args.record.is_some(),
        core_percent: 0.0,
        lost_in: None,
        lost_out: report.lost,
        lost_by_far_ends: report.queue_drops,
        late_ms_p50: report.late_ms.p50,
        late_ms_p99: report.late_ms.p99,
        late_ms_max: report.late_ms.max,
        jitter_ms_p50: report.jitter_ms.p50,
        kib_per_call: 0.0,
        unrecorded_s: None,
        mos: None,
        memory_kib: Vec::new(),
        carried: args.calls,
        left_at_end: 0,
        far_ends_late_ms_p99: report.own_late_ms.p99,
    }
}

/// User and system time of a process, from its `stat`.
pub(super) fn cpu_time(stat: &str) -> Result<Duration> {
    let text = fs::read_to_string(stat)?;
    // Fields 14 and 15, counted behind the name, which may hold anything (proc(5)).
    let fields: Vec<&str> = text.rsplit_once(')').map_or("", |t| t.1).split_whitespace().collect();
    let ticks: u64 = fields.iter().skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
    // A tick is 10 ms on every Linux (USER_HZ).
    Ok(Duration::from_millis(ticks * 10))
}

/// What a process has in memory now, from its `status` [KiB].
pub(super) fn resident_kib(status: &str) -> Result<u64> {
    let status = fs::read_to_string(status)?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}

/// A folder that is removed at the end.
struct Folder {
    path: std::path::PathBuf,
}

impl Folder {
    fn within(parent: &Path) -> Result<Self> {
        let path = parent.join(format!("waihu-bench-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        Ok(Self { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
