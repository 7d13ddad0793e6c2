//! The program as others run it: projects of their own, processes whose lines can be waited for.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Long enough for models to be loaded on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// The columns of the tables here.
pub const COLUMNS: &str = "id,phone,name,title,lang,creditor,product,amount,currency,due_date\n";

/// A row of such a table. One name and one sum for all: their prompts are spoken once.
pub fn row(id: &str, number: &str) -> String {
    format!("{id},{number},张伟,先生,zh,安信银行,信用卡,3250.00,CNY,2026-11-15\n")
}

pub fn waihu(project: &Path) -> Command {
    // The program to try, where it is not the one that was built with this test: a long run is not to meet
    // another build on its way.
    let program = std::env::var_os("WAIHU_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_waihu").into());
    let mut command = Command::new(program);
    command.arg("--project").arg(project).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// What a command prints; it has to go well.
pub fn run(project: &Path, args: &[&str]) -> String {
    let done = waihu(project).args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// A project of its own: scripts and models are those here, store and recordings are new; with these files.
pub fn lay_out(project: &Path, files: &[(&str, &str)]) {
    for shared in ["models", "dialogs", ".waihu/models", ".waihu/prompts"] {
        let (here, path) = (Path::new(ROOT).join(shared), project.join(shared));
        // Where nothing was ever spoken there is no folder of prompts yet.
        fs::create_dir_all(&here).unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(here, path).unwrap();
    }
    for (file, text) in files {
        let path = project.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Two people make a flow one that campaigns dial with.
pub fn approve(project: &Path, flow: &str) {
    let told = run(project, &["dialog", "submit", flow, "--by", "Li"]);
    run(project, &["dialog", "approve", told.split(':').next().unwrap(), "--by", "Wang"]);
}

/// A path in the project, as an argument.
pub fn at(project: &Path, file: &str) -> String {
    project.join(file).to_str().unwrap().to_owned()
}

/// A process whose lines can be waited for; killed when it is dropped.
pub struct Told {
    pub child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Told {
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        // All that it tells is read, so that its pipe never fills.
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line)));
        });
        let stdin = child.stdin.take();
        Self { child, stdin, lines }
    }

    pub fn wait_for(&self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("{words:?} was not told"));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// What it tells up to these words, or until so long is over.
    pub fn told_within(&self, words: &str, patience: Duration) -> Vec<String> {
        let until = Instant::now() + patience;
        let mut told = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            told.push(line);
            if told.last().is_some_and(|line| line.contains(words)) {
                break;
            }
        }
        told
    }

    /// What it has told since it was asked last.
    pub fn so_far(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// Asks it to end, and waits until it has.
    pub fn end(mut self) -> Vec<String> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(self.child.wait().unwrap().success());
        self.lines.iter().collect()
    }

    /// The last that it tells, once it has ended well by itself.
    pub fn last(mut self) -> String {
        assert!(self.child.wait().unwrap().success());
        self.lines.iter().last().unwrap()
    }

    /// Ends one that lives as long as its standard input; what it told.
    pub fn close(mut self) -> Vec<String> {
        drop(self.stdin.take());
        self.child.wait().unwrap();
        self.lines.iter().collect()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Callees of these personas, at a SIP address, once they can be called.
pub fn callees(project: &Path, sip: &str, rtp: (&str, &str), personas: &str) -> Told {
    let callees = Told::spawn(waihu(project).args([
        "simulate",
        "--while-stdin",
        "--bind",
        sip,
        "--rtp-ports",
        rtp.0,
        rtp.1,
        "--personas",
        &at(project, personas),
    ]));
    callees.wait_for("practice ground open");
    callees
}
