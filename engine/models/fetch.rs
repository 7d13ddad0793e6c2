//! Packages fetched by the registries' ordinary clients, one subprocess each.
//!
//! A package that has come whole and with the right hash is kept in the downloads folder and never
//! fetched again, so a broken-off pull goes on with the next package. `curl` also goes on in the middle
//! of a file (`-C -`). Proxies, mirrors and credentials are the clients' own settings.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    ClientProblem, ModelsError, hash,
    manifest::{Origin, Package},
};

/// How long one client may take. The largest package has 70 MB: at 100 kB/s that is 12 minutes.
const CLIENT_LIMIT: Duration = Duration::from_secs(30 * 60);

/// How often a running client is looked at, for its end and for the bytes so far.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The most of a client's messages that is read back.
const MESSAGES_MAX_BYTES: usize = 64 * 1024;

/// The programs that fetch. [`Clients::default`] finds them by name; a test or a locked-down machine
/// may name others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// Ways to call pip, tried in order until one answers `--version`.
    pub pip: Vec<Vec<OsString>>,
    /// npm.
    pub npm: OsString,
    /// curl.
    pub curl: OsString,
}

impl Default for Clients {
    fn default() -> Self {
        let words = |s: &str| s.split(' ').map(OsString::from).collect();
        Self {
            pip: vec![words("python3 -m pip"), words("pip3"), words("pip")],
            npm: "npm".into(),
            curl: "curl".into(),
        }
    }
}

/// Where a package lies once it is fetched: below `downloads`, or where a local one is anyway.
pub(crate) fn place_of(package: &Package, downloads: &Path) -> PathBuf {
    let plain = |s: &str| -> String {
        s.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect()
    };
    match &package.origin {
        Origin::Pypi { requirement, platform } => {
            let tag = platform.as_ref().map(|(python, p)| format!("-{python}-{p}")).unwrap_or_default();
            downloads.join(format!("{}{}.whl", plain(&requirement.replace("==", "-")), plain(&tag)))
        }
        Origin::Npm { spec } => downloads.join(format!("{}.tgz", plain(spec))),
        Origin::Url(url) => {
            // The hash keeps two files of one name apart; the name keeps the archive's kind.
            let name = url.split(['?', '#']).next().unwrap_or(url).rsplit('/').next().unwrap_or("");
            let id = package.sha256.as_deref().unwrap_or("").get(..12).unwrap_or("");
            downloads.join(format!("{id}-{}", plain(name)))
        }
        Origin::Local(path) => path.clone(),
    }
}

/// Makes sure that `package` lies whole at [`place_of`], fetching it if need be.
///
/// # Errors
/// [`ModelsError::Fetch`], [`ModelsError::WrongPackage`] or [`ModelsError::Io`].
pub(crate) fn ensure(
    package: &Package,
    downloads: &Path,
    clients: &Clients,
    progress: &mut dyn FnMut(u64),
) -> Result<PathBuf, ModelsError> {
    let place = place_of(package, downloads);
    let name = package.origin.to_string();
    if let Origin::Local(path) = &package.origin {
        if !path.is_file() {
            return Err(ModelsError::Fetch { package: name, problem: ClientProblem::NoFile });
        }
        check(package, &name, path)?;
        return Ok(place);
    }
    if place.is_file() {
        if check(package, &name, &place).is_ok() {
            return Ok(place);
        }
        fs::remove_file(&place).map_err(|e| at("remove the damaged package", &place, e))?;
    }
    let work = place.with_extension("fetching");
    // What a broken-off pip or npm left is of no use to them; a broken-off curl goes on with its own.
    if !matches!(package.origin, Origin::Url(_)) && work.exists() {
        fs::remove_dir_all(&work).map_err(|e| at("clear", &work, e))?;
    }
    fs::create_dir_all(&work).map_err(|e| at("create", &work, e))?;
    let (client, commands) = commands(&package.origin, &work, clients);
    run_first(client, commands, &work, progress)
        .map_err(|problem| ModelsError::Fetch { package: name.clone(), problem })?;
    let fetched = only_file(client, &work.join("out"))
        .map_err(|problem| ModelsError::Fetch { package: name.clone(), problem })?;
    if let Err(e) = check(package, &name, &fetched) {
        // A wrong file must not be taken up again by `curl -C -`.
        fs::remove_dir_all(&work).map_err(|e| at("clear", &work, e))?;
        return Err(e);
    }
    fs::rename(&fetched, &place).map_err(|e| at("move the package to", &place, e))?;
    fs::remove_dir_all(&work).map_err(|e| at("clear", &work, e))?;
    Ok(place)
}

fn check(package: &Package, name: &str, path: &Path) -> Result<(), ModelsError> {
    let Some(expected) = &package.sha256 else { return Ok(()) };
    let actual = hash::of_file(path, &mut |_| ()).map_err(|e| at("read", path, e))?;
    if &actual == expected {
        return Ok(());
    }
    Err(ModelsError::WrongPackage { package: name.to_owned(), expected: expected.clone(), actual })
}

/// What each client is called for messages, and on Debian.
#[derive(Clone, Copy)]
struct Client {
    name: &'static str,
    debian: &'static str,
}

/// The command lines for `origin`, best first. Each writes one file into `work/out`.
fn commands(origin: &Origin, work: &Path, clients: &Clients) -> (Client, Vec<Vec<OsString>>) {
    let out = work.join("out");
    let mut args: Vec<OsString> = Vec::new();
    match origin {
        Origin::Pypi { requirement, platform } => {
            args.extend(
                ["download", "--quiet", "--no-deps", "--no-input", "--disable-pip-version-check"]
                    .map(OsString::from),
            );
            // Never a source package: it would run its set-up code here.
            args.push("--only-binary=:all:".into());
            if let Some((python, platform)) = platform {
                // The machine's own Python may be another; the wheel is only unpacked, never imported.
                args.extend(["--implementation", "cp", "--python-version"].map(OsString::from));
                args.push(python.into());
                args.extend(["--platform".into(), platform.into()]);
            }
            args.extend(["--dest".into(), out.into_os_string(), requirement.into()]);
            let commands = clients.pip.iter().map(|pip| pip.iter().chain(&args).cloned().collect()).collect();
            (Client { name: "pip", debian: "python3-pip" }, commands)
        }
        Origin::Npm { spec } => {
            args.extend([clients.npm.clone(), "pack".into(), "--silent".into(), "--ignore-scripts".into()]);
            args.extend(["--pack-destination".into(), out.into_os_string(), spec.into()]);
            (Client { name: "npm", debian: "npm" }, vec![args])
        }
        Origin::Url(url) => {
            args.push(clients.curl.clone());
            args.extend(
                ["--silent", "--show-error", "--fail", "--location", "--retry", "3", "-C", "-"]
                    .map(OsString::from),
            );
            args.extend(["--output".into(), out.join("file").into_os_string(), "--".into(), url.into()]);
            (Client { name: "curl", debian: "curl" }, vec![args])
        }
        Origin::Local(_) => (Client { name: "cp", debian: "coreutils" }, Vec::new()),
    }
}

/// Runs the first of `commands` whose program is there.
fn run_first(
    client: Client,
    commands: Vec<Vec<OsString>>,
    work: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ClientProblem> {
    let started = |source| ClientProblem::NotStarted { client: client.name, source };
    for words in commands {
        let Some((program, args)) = words.split_first() else { continue };
        // `python3 -m pip` starts without pip too, and fails: ask for the version first.
        if client.name == "pip" && !answers(program, args) {
            continue;
        }
        let messages = work.join("messages");
        let log = fs::File::create(&messages).map_err(started)?;
        let out_log = log.try_clone().map_err(started)?;
        let out = work.join("out");
        fs::create_dir_all(&out).map_err(started)?;
        let child = Command::new(program)
            .args(args)
            // pip unpacks into its temporary folder first: here the bytes can be counted, and the
            // remains of a broken-off run are cleared with the rest.
            .env("TMPDIR", &out_tmp(work).map_err(started)?)
            .stdin(Stdio::null())
            .stdout(out_log)
            .stderr(log)
            .spawn();
        return match child {
            Ok(child) => wait(client, child, work, progress),
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => Err(ClientProblem::NotStarted { client: client.name, source }),
        };
    }
    Err(ClientProblem::NotInstalled { client: client.name, debian: client.debian })
}

fn out_tmp(work: &Path) -> io::Result<PathBuf> {
    // Absolute, for a client that changes its folder.
    let tmp = std::path::absolute(work.join("tmp"))?;
    fs::create_dir_all(&tmp)?;
    Ok(tmp)
}

fn answers(program: &OsString, args: &[OsString]) -> bool {
    let prefix = args.iter().take_while(|a| a.as_os_str() != "download");
    Command::new(program)
        .args(prefix)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

fn wait(
    client: Client,
    mut child: Child,
    work: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ClientProblem> {
    let begun = Instant::now();
    let failed = |source| ClientProblem::NotStarted { client: client.name, source };
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            if status.success() {
                return Ok(());
            }
            return Err(ClientProblem::Failed {
                client: client.name,
                last_lines: last_lines(&work.join("messages")),
            });
        }
        if begun.elapsed() > CLIENT_LIMIT {
            // It may have ended in this very moment; either way it is gone afterwards.
            let _ = child.kill();
            let _ = child.wait();
            return Err(ClientProblem::TimedOut {
                client: client.name,
                minutes: CLIENT_LIMIT.as_secs() / 60,
            });
        }
        progress(bytes_below(work, 4));
        thread::sleep(LOOK_EVERY);
    }
}

/// The end of what the client wrote: its reason is there.
fn last_lines(messages: &Path) -> Vec<String> {
    let bytes = fs::read(messages).unwrap_or_default();
    let tail = &bytes[bytes.len().saturating_sub(MESSAGES_MAX_BYTES)..];
    let text = String::from_utf8_lossy(tail);
    let mut lines: Vec<String> =
        text.lines().rev().map(str::trim).filter(|l| !l.is_empty()).take(3).map(str::to_owned).collect();
    lines.reverse();
    if lines.is_empty() {
        lines.push("it said nothing".to_owned());
    }
    lines
}

fn bytes_below(folder: &Path, depth: u8) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(m) if m.is_dir() && depth > 0 => bytes_below(&entry.path(), depth - 1),
            Ok(m) if m.is_file() => m.len(),
            _ => 0,
        })
        .sum()
}

fn only_file(client: Client, out: &Path) -> Result<PathBuf, ClientProblem> {
    let files: Vec<PathBuf> = fs::read_dir(out)
        .map(|entries| entries.flatten().map(|e| e.path()).filter(|p| p.is_file()).collect())
        .unwrap_or_default();
    match files.as_slice() {
        [one] => Ok(one.clone()),
        several => Err(ClientProblem::Files { client: client.name, count: several.len() }),
    }
}

fn at(what: &'static str, path: &Path, source: io::Error) -> ModelsError {
    ModelsError::Io { what, path: path.to_owned(), source }
}
