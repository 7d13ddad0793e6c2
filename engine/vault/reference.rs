//! Where a key stands: never in `waihu.toml` itself.

use std::{
    fmt, fs,
    io::Read,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::VaultError;

/// The most that is read of a key [bytes]: some hundred of them, with what is written beside.
const MOST: u64 = 64 << 10;
/// How long a command may take: a key service across the world answers within seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Where a key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// In a file that waihu alone may read.
    File(PathBuf),
    /// In an environment variable.
    Env(String),
    /// On the standard output of a command, as a key service's client prints it: the program and its arguments.
    Command(Vec<String>),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "variable {name}"),
            // Its arguments may hold more than a name.
            Self::Command(words) => write!(f, "command {}", words.first().map_or("", String::as_str)),
        }
    }
}

impl Reference {
    /// Fetches what stands there. `environment` tells a variable by its name.
    ///
    /// # Errors
    /// When it is not there, or the command fails or takes longer than 30 s.
    pub fn read(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, VaultError> {
        let failed = |told: String| VaultError::Fetch { place: self.to_string(), told };
        match self {
            Self::File(path) => {
                let file = fs::File::open(path).map_err(|e| failed(e.to_string()))?;
                let mut text = String::new();
                file.take(MOST).read_to_string(&mut text).map_err(|e| failed(e.to_string()))?;
                Ok(text)
            }
            Self::Env(name) => environment(name).ok_or_else(|| failed("the variable is not set".to_owned())),
            Self::Command(words) => run(words).map_err(failed),
        }
    }
}

/// What a command prints. What it says on standard error goes where ours goes: a person has to see why it fails.
fn run(words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("no command is named")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let out = child.stdout.take().ok_or("it has no output")?;
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        out.take(MOST).read_to_string(&mut text).map(|_| text)
    });
    let begun = Instant::now();
    let ended = loop {
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(ended) => break ended,
            None if begun.elapsed() >= PATIENCE => {
                // Whether it falls or has just ended: it is not waited for any longer.
                let _ = child.kill();
                let _ = child.wait();
                return Err("it took longer than 30 s".to_owned());
            }
            None => std::thread::sleep(LOOK_EVERY),
        }
    };
    if !ended.success() {
        return Err(format!("it ended with {ended}"));
    }
    match reading.join() {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(e)) => Err(e.to_string()),
        Err(_) => Err("what it printed could not be read".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Reference {
        Reference::Command(words.iter().map(|&word| word.to_owned()).collect())
    }

    #[test]
    fn a_key_is_read_where_it_is_said_to_stand_and_a_failure_names_the_place() {
        let none = |_: &str| None;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let in_file = Reference::File(path.clone());
        assert!(in_file.read(&none).unwrap_err().to_string().contains("key"));
        fs::write(&path, "K").unwrap();
        assert_eq!(in_file.read(&none).unwrap(), "K");
        let in_env = Reference::Env("WAIHU_KEY".into());
        assert!(in_env.read(&none).unwrap_err().to_string().contains("WAIHU_KEY"));
        assert_eq!(in_env.read(&|name| Some(name.to_lowercase())).unwrap(), "waihu_key");
        assert_eq!(command(&["printf", "K"]).read(&none).unwrap(), "K");
        let told = command(&["sh", "-c", "exit 3", "secret"]).read(&none).unwrap_err().to_string();
        assert!(told.contains("command sh") && !told.contains("secret"), "{told}");
        assert!(command(&["/nowhere/kms"]).read(&none).is_err());
        assert!(command(&[]).read(&none).is_err());
    }
}
