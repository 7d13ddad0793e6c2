//! The signals by which whoever placed calls, or the system, wants them over.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C (SIGINT), the system's request to end (SIGTERM) and a closed terminal (SIGHUP), which mean
/// the same. Those that the process was started with ignored stay so: that is what `nohup` does.
pub(crate) struct Signals {
    caught: Vec<Signal>,
}

impl Signals {
    /// From here on they end nothing by themselves.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn catch() -> Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let caught = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
            .into_iter()
            .filter(|kind| !is_ignored(&status, *kind))
            .map(signal)
            .collect::<std::io::Result<_>>();
        Ok(Self { caught: caught.context("signals cannot be caught 无法接收信号")? })
    }

    /// The next of them.
    pub(crate) async fn next(&mut self) {
        std::future::poll_fn(|cx| {
            let any = self.caught.iter_mut().any(|s| s.poll_recv(cx).is_ready());
            if any { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
}

/// Whether a process with this `/proc/PID/status` ignores a signal (proc(5): bit n-1 of the mask).
fn is_ignored(status: &str, kind: SignalKind) -> bool {
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok()).unwrap_or(0);
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_of_the_three_is_caught_and_ends_nothing_by_itself() {
        let mut signals = Signals::catch().unwrap();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        for (name, kind) in [
            ("INT", SignalKind::interrupt()),
            ("TERM", SignalKind::terminate()),
            ("HUP", SignalKind::hangup()),
        ] {
            // Who runs the tests by `nohup` has one that stays ignored.
            if !is_ignored(&status, kind) {
                let pid = std::process::id().to_string();
                std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
                signals.next().await;
            }
        }
    }

    #[test]
    fn what_nohup_ignores_stays_ignored() {
        let status = "Name:\twaihu\nSigIgn:\t0000000000001001\nSigCgt:\t0000000180000000\n";
        assert!(is_ignored(status, SignalKind::hangup()));
        assert!(!is_ignored(status, SignalKind::interrupt()));
        assert!(!is_ignored("", SignalKind::hangup()));
    }
}
