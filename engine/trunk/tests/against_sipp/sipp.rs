//! One SIPp process: started, known to listen, waited for, and never left behind.

use std::{
    collections::HashSet,
    fs,
    net::{IpAddr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// The longest that a scenario may take [s]: timer B and timer F are 32 s each.
const PATIENCE_S: u64 = 90;

/// Free ports may be taken between our asking and SIPp's binding; then another is tried.
const PORT_ATTEMPTS: usize = 5;

/// A running SIPp.
pub struct Sipp {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    files: TempDir,
}

impl Sipp {
    /// Starts the scenario `name` for so many calls. `words` go in for the placeholders of the same
    /// name; `contact` is SIPp's own address unless it is among them. It listens at this address of the machine, and
    /// where it calls it is told whom.
    pub async fn start(
        name: &str,
        calls: usize,
        words: &[(&str, &str)],
        (ip, remote): (IpAddr, Option<SocketAddr>),
    ) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sipp").join(format!("{name}.xml"));
        let mut scenario = fs::read_to_string(path).unwrap();
        for (placeholder, word) in words {
            scenario = scenario.replace(&format!("[{placeholder}]"), &literal(word));
        }
        let mut arguments = vec!["-m".to_owned(), calls.to_string()];
        arguments.extend(remote.map(|r| r.to_string()));

        for _ in 0..PORT_ATTEMPTS {
            let probe = UdpSocket::bind((ip, 0)).unwrap();
            let address = probe.local_addr().unwrap();
            drop(probe);
            let files = TempDir::new().unwrap();
            let scenario = scenario.replace("[contact]", &literal(&address.to_string()));
            fs::write(files.path().join("scenario.xml"), scenario).unwrap();
            let mut child = spawn(&arguments, address, files.path());
            if is_listening(&mut child, address.port()).await {
                return Self { child, address, files };
            }
            if !format!("{}{}", read(files.path(), "errors"), read(files.path(), "stderr")).contains("bind") {
                panic!("{name}: SIPp did not start: {}", complaints(files.path()));
            }
        }
        panic!("{name}: no free port for SIPp in {PORT_ATTEMPTS} attempts");
    }

    /// Waits until SIPp ends and has found every call as its scenario says.
    pub async fn ends_content(mut self) {
        let status = timeout(Duration::from_secs(PATIENCE_S), self.child.wait())
            .await
            .unwrap_or_else(|_| panic!("SIPp does not end: {}", complaints(self.files.path())))
            .unwrap();
        assert!(status.success(), "SIPp saw another course ({status}): {}", complaints(self.files.path()));
    }
}

/// SIPp takes what stands in brackets for a word of its own, an address of IPv6 too.
fn literal(word: &str) -> String {
    word.replace('[', "\\x5b")
}

fn spawn(arguments: &[String], at: SocketAddr, files: &Path) -> Child {
    let output = |file: &str| Stdio::from(fs::File::create(files.join(file)).unwrap());
    Command::new("sipp")
        .args(["-sf", "scenario.xml"])
        .args(["-i", &at.ip().to_string(), "-p", &at.port().to_string()])
        .args(["-nostdin", "-default_behaviors", "none"])
        .args(["-trace_err", "-error_file", "errors"])
        .args(["-timeout", &format!("{PATIENCE_S}s"), "-timeout_error"])
        .args(arguments)
        .current_dir(files)
        .stdin(Stdio::null())
        .stdout(output("stdout"))
        .stderr(output("stderr"))
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|e| panic!("sipp cannot be started ({e}): run `.ci/setup --with-peers`"))
}

/// Waits until the child holds the port; false where it ends first.
async fn is_listening(child: &mut Child, port: u16) -> bool {
    loop {
        if child.id().is_some_and(|pid| sockets_of(pid).iter().any(|s| sockets_at(port).contains(s))) {
            return true;
        }
        // The kernel tells nobody that a port is bound, so it is asked again and again.
        if timeout(Duration::from_millis(5), child.wait()).await.is_ok() {
            return false;
        }
    }
}

/// The inodes of a process's sockets.
fn sockets_of(pid: u32) -> HashSet<String> {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { return HashSet::new() };
    open.filter_map(|e| fs::read_link(e.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect()
}

/// The inodes of the UDP sockets that are bound to a port.
fn sockets_at(port: u16) -> HashSet<String> {
    let read = |table: &str| fs::read_to_string(table).unwrap();
    let suffix = format!(":{port:04X}");
    ["/proc/net/udp", "/proc/net/udp6"]
        .map(read)
        .iter()
        .flat_map(|table| table.lines().skip(1))
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| columns[1].ends_with(&suffix))
        .map(|columns| columns[9].to_owned())
        .collect()
}

fn read(files: &Path, name: &str) -> String {
    fs::read(files.join(name)).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
}

fn complaints(files: &Path) -> String {
    let of = |name| read(files, name).chars().take(2_000).collect::<String>();
    format!("{}\n{}", of("errors"), of("stderr"))
}
