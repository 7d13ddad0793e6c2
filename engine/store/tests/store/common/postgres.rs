//! A PostgreSQL server of the tests' own: one a test binary, in a folder of its own, reached by a socket there.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{Connection, Executor};

/// Keeps the server: it is stopped and its folder removed when the tests' process is gone, however it went, since
/// the pipe that the keeper reads from is closed then. A server runs as nobody's superuser: PostgreSQL refuses
/// to run as root.
const KEEPER: &str = r#"
bin=$1 folder=$2 run=
if [ "$(id -u)" = 0 ]; then
  run="setpriv --reuid=postgres --regid=postgres --clear-groups --"
  chown postgres: "$folder" || exit
fi
$run "$bin/initdb" -D "$folder/data" -U waihu -A trust -E UTF8 --no-sync >"$folder/log" 2>&1 &&
  start() { $run "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c max_connections=200 \
    >>"$folder/log" 2>&1 & pid=$!; } && start || { cat "$folder/log" >&2; exit 1; }
for _ in $(seq 600); do
  "$bin/pg_isready" -q -h "$folder" && break
  kill -0 $pid 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
  sleep 0.1
done
echo ready
while read -r word; do
  [ "$word" = kill ] && { kill -9 $pid; wait $pid; }
  # What served the dead one's connections ends a moment later than it did; until then none starts.
  [ "$word" = start ] && for _ in $(seq 100); do
    start
    while kill -0 $pid && ! "$bin/pg_isready" -q -h "$folder"; do sleep 0.1; done
    kill -0 $pid && break
    sleep 0.1
  done
  echo done
done 2>/dev/null
kill -QUIT $pid 2>/dev/null
wait $pid
rm -rf "$folder"
"#;

/// A server that runs.
pub struct Server {
    folder: PathBuf,
    keeper: std::sync::Mutex<(ChildStdin, BufReader<std::process::ChildStdout>)>,
    _keeper: Child,
    databases: AtomicU32,
}

/// The one that the tests of a binary share.
pub fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("waihu-pg-").tempdir().unwrap().keep();
        let mut keeper = Command::new("bash")
            .args(["-c", KEEPER, "keeper"])
            .args([&programs(), &folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pipes = (keeper.stdin.take().unwrap(), BufReader::new(keeper.stdout.take().unwrap()));
        let server = Self { folder, keeper: pipes.into(), _keeper: keeper, databases: AtomicU32::new(0) };
        server.wait_for("ready\n");
        server
    }

    fn wait_for(&self, word: &str) {
        let mut line = String::new();
        self.keeper.lock().unwrap().1.read_line(&mut line).unwrap();
        assert_eq!(line, word, "PostgreSQL did not start: what it said is above");
    }

    fn tell(&self, word: &str) {
        use std::io::Write;
        self.keeper.lock().unwrap().0.write_all(format!("{word}\n").as_bytes()).unwrap();
        self.wait_for("done\n");
    }

    /// Kills the server where it stands (SIGKILL).
    pub fn kill(&self) {
        self.tell("kill");
    }

    /// Starts it again; it may take a while until it answers.
    pub fn restart(&self) {
        self.tell("start");
    }

    /// The address of a database.
    pub fn address(&self, database: &str) -> String {
        format!("postgres:///{database}?user=waihu&host={}", self.folder.display())
    }

    /// Makes a database; its address.
    pub async fn database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut admin = sqlx::PgConnection::connect(&self.address("postgres")).await.unwrap();
        admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        self.address(&name)
    }
}

/// Where PostgreSQL's programs are.
fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|bin| has_programs(bin))
        .collect();
    found.extend(
        std::env::var_os("PATH").iter().flat_map(std::env::split_paths).filter(|bin| has_programs(bin)),
    );
    found.into_iter().next().unwrap_or_else(|| {
        panic!(
            "these tests need PostgreSQL: `.ci/setup --with-peers` installs Debian's package postgresql-15"
        )
    })
}

fn has_programs(bin: &Path) -> bool {
    ["initdb", "postgres", "pg_isready"].iter().all(|name| bin.join(name).is_file())
}
