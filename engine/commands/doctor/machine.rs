//! The machine: cores, memory, files, clock, disk.

use std::{
    fs,
    io::Write,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{Resource, getrlimit},
    statvfs::statvfs,
};

use super::Finding;
use crate::project::{Project, cores};

/// The least cores: one hears while the other speaks.
const LEAST_CORES: usize = 2;
/// The least memory that is free \[MiB\]: the models take some 1,500.
const LEAST_MEMORY_MIB: u64 = 2_000;
/// The least open files: a hundred calls and waihu's own.
const LEAST_FILES: u64 = 1_024;
/// The least free disk \[MiB\]: ten hours of calls are about a gibibyte.
const LEAST_DISK_MIB: u64 = 1_024;
/// Writes that are measured, and how long the middle one may take: an answer is on the disk before the first word,
/// which waits for it 250 ms.
const WRITES: usize = 15;
const SLOW_WRITE: Duration = Duration::from_millis(50);
const TOO_SLOW_WRITE: Duration = Duration::from_millis(250);

pub(super) fn all(project: &Project) -> Vec<Finding> {
    let mut found = vec![processor(), memory(), files(), clock()];
    found.extend(disk(&project.made()));
    found
}

fn processor() -> Finding {
    let (what, n) = ("cores 处理器核数", cores());
    if n >= LEAST_CORES {
        return Finding::well(what, n.to_string());
    }
    Finding::mind(
        what,
        n.to_string(),
        "calls wait for each other's words on one core: give it two or more\n单核机器上通话会相互等待，建议至少两核",
    )
}

fn memory() -> Finding {
    let what = "memory 可用内存";
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text
        .lines()
        .find_map(|l| l.strip_prefix("MemAvailable:")?.split_whitespace().next()?.parse::<u64>().ok());
    match kib.map(|kib| kib / 1_024) {
        Some(mib) if mib >= LEAST_MEMORY_MIB => Finding::well(what, format!("{mib} MiB")),
        Some(mib) => Finding::bad(
            what,
            format!("{mib} MiB"),
            format!(
                "the models take about 1500 MiB: free some, {LEAST_MEMORY_MIB} MiB at least\n模型约需 1500 MiB，请至少留出 {LEAST_MEMORY_MIB} MiB"
            ),
        ),
        None => Finding::mind(what, "not told by this system 无法得知", "look at it by hand\n请自行查看"),
    }
}

fn files() -> Finding {
    let what = "open files 打开文件数上限";
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((_, hard)) if hard >= LEAST_FILES => Finding::well(what, hard.to_string()),
        Ok((_, hard)) => Finding::bad(
            what,
            hard.to_string(),
            "a call takes up to 6: raise it (LimitNOFILE= in the unit, or `ulimit -n`)\n每通电话最多占用 6 个：请在服务单元中设置 LimitNOFILE= 或用 ulimit -n 调高",
        ),
        Err(e) => Finding::mind(what, e.to_string(), "see `ulimit -n`\n请查看 ulimit -n"),
    }
}

/// Whether somebody keeps the clock right: calling hours are judged by it.
fn clock() -> Finding {
    let what = "clock 时钟";
    let synchronized = said("timedatectl", &["show", "--property=NTPSynchronized", "--value"]);
    let offset =
        said("chronyc", &["-c", "tracking"]).and_then(|line| line.split(',').nth(4)?.parse::<f64>().ok());
    match (offset, synchronized.as_deref().map(str::trim)) {
        (Some(s), _) if s.abs() < 1.0 => {
            Finding::well(what, format!("{:.3} s from NTP 与 NTP 相差", s.abs()))
        }
        (Some(s), _) => Finding::bad(
            what,
            format!("{s:.1} s from NTP 与 NTP 相差"),
            "set it right: calling hours are judged by it (`chronyc makestep`)\n请校准时钟，呼叫时段以此为准",
        ),
        (None, Some("yes")) => Finding::well(what, "kept by NTP 已与 NTP 同步"),
        (None, Some("no")) => Finding::bad(
            what,
            "nobody keeps it 未同步",
            "turn NTP on: `timedatectl set-ntp true`, or install chrony; calling hours are judged by it\n请启用 NTP（timedatectl set-ntp true 或安装 chrony），呼叫时段以此为准",
        ),
        _ => Finding::mind(
            what,
            "neither timedatectl nor chrony tells whether it is right 无法得知是否准确",
            "see that its host keeps it by NTP: calling hours are judged by it\n请确认宿主机已与 NTP 同步，呼叫时段以此为准",
        ),
    }
}

/// What a program says; none where it is not there or fails.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let done = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(done.stdout).ok()?;
    (done.status.success() && !text.trim().is_empty()).then_some(text)
}

fn disk(folder: &Path) -> Vec<Finding> {
    let (room, speed) = ("disk room 磁盘空间", "disk writes 磁盘写入");
    let look = "see that the folder is there and can be written\n请确认目录存在且可写";
    if let Err(e) = fs::create_dir_all(folder) {
        return vec![Finding::bad(room, format!("{}: {e}", folder.display()), look)];
    }
    let free = statvfs(folder).map(|d| d.blocks_available().saturating_mul(d.fragment_size()) >> 20);
    let room = match free {
        Ok(mib) if mib >= LEAST_DISK_MIB => Finding::well(room, format!("{mib} MiB free 可用")),
        Ok(mib) => Finding::bad(
            room,
            format!("{mib} MiB free 可用"),
            "ten hours of recordings are about a gibibyte: free some\n十小时录音约占 1 GiB，请清理磁盘",
        ),
        Err(e) => Finding::bad(room, e.to_string(), look),
    };
    let speed = match written(folder) {
        Ok(took) => {
            let (middle, longest) = (took[took.len() / 2], took[took.len() - 1]);
            let told = format!(
                "{:.1} ms until a write is safe, {:.1} at worst (of {WRITES}) 落盘耗时中位数与最大值",
                middle.as_secs_f64() * 1e3,
                longest.as_secs_f64() * 1e3
            );
            let todo = "each answer waits for it: use a faster disk, an SSD\n每次接通都要等待落盘，请使用更快的磁盘（SSD）";
            match middle {
                m if m >= TOO_SLOW_WRITE => Finding::bad(speed, told, todo),
                m if m >= SLOW_WRITE => Finding::mind(speed, told, todo),
                _ => Finding::well(speed, told),
            }
        }
        Err(e) => Finding::bad(speed, format!("{}: {e}", folder.display()), look),
    };
    vec![room, speed]
}

/// How long each of some small writes took until it was safe, the shortest first.
fn written(folder: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file = tempfile_in(folder)?;
    let mut took = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let begun = Instant::now();
        file.1.write_all(&[0; 4_096])?;
        file.1.sync_data()?;
        took.push(begun.elapsed());
    }
    fs::remove_file(&file.0)?;
    took.sort();
    Ok(took)
}

fn tempfile_in(folder: &Path) -> std::io::Result<(std::path::PathBuf, fs::File)> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let file = fs::File::create_new(&path)?;
    Ok((path, file))
}
