//! Words of calls, for who searches them: taken from a transcript once its outcome is filed.
//!
//! A call's end waits for none of it, and none of it is lost: what was not taken in, by a fault or an older program,
//! is at the next start.

use std::{io, path::Path, sync::Arc};

use waihu_record::{Speaker, TranscriptLine};
use waihu_store::{Said, Store, StoreError};
use waihu_types::AttemptId;
use waihu_vault::{Vault, VaultError};

/// Transcripts that are looked for at once.
const AT_ONCE: u32 = 200;

/// The longest transcript that is read [bytes]: a day of talk.
const MAX_TRANSCRIPT: u64 = 16 << 20;

/// The lines of a transcript.
///
/// # Errors
/// When its file cannot be read, or no key that is here opens it.
pub fn lines(vault: &Vault, path: &Path) -> io::Result<Vec<TranscriptLine>> {
    let opened = vault.open(path).map_err(|e| match e {
        VaultError::Missing { .. } => io::Error::from(io::ErrorKind::NotFound),
        e => io::Error::other(e),
    });
    let text = opened?.text(MAX_TRANSCRIPT)?;
    // What a fault left of a last line is none.
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Those that somebody said.
fn said(vault: &Vault, path: &Path) -> io::Result<Vec<(u64, &'static str, String)>> {
    let said = |line: TranscriptLine| {
        let speaker = match line.speaker {
            Speaker::Callee => "callee",
            Speaker::Bot => "bot",
            Speaker::Agent => "agent",
            Speaker::System => return None,
        };
        Some((line.at_ms, speaker, line.text))
    };
    Ok(lines(vault, path)?.into_iter().filter_map(said).collect())
}

/// Takes the words of a transcript in; whether its file is there, and may be opened here.
async fn take_in(
    store: &Store,
    vault: &Arc<Vault>,
    recordings: &Path,
    attempt: &AttemptId,
    path: &str,
) -> Result<bool, StoreError> {
    // Wherever the folder was when it was written.
    let Some(path) = Path::new(path).file_name().map(|name| recordings.join(name)) else { return Ok(false) };
    // The disk is waited for elsewhere: other calls go on.
    let vault = Arc::clone(vault);
    let Ok(Ok(lines)) = tokio::task::spawn_blocking(move || said(&vault, &path)).await else {
        return Ok(false);
    };
    let lines: Vec<Said<'_>> =
        lines.iter().map(|(at_ms, speaker, text)| Said { at_ms: *at_ms, speaker, text }).collect();
    store.keep_words(attempt, &lines).await.map(|()| true)
}

/// Takes the words of a call in that was filed just now. A fault is told in the log: the next start makes it good.
pub(crate) async fn keep_words(
    store: &Store,
    vault: &Arc<Vault>,
    recordings: &Path,
    attempt: &AttemptId,
    path: &str,
) {
    if let Err(e) = take_in(store, vault, recordings, attempt, path).await {
        tracing::warn!(%attempt, error = %e, "the words of a call cannot be searched yet");
    }
}

/// Takes in what is there of transcripts whose words were not taken in; how many. Those whose files lie on another
/// node's disk are left to it, and those that no key here opens to who has it.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn catch_up(store: &Store, vault: &Arc<Vault>, recordings: &Path) -> Result<u64, StoreError> {
    let (mut after, mut taken) = (String::new(), 0);
    loop {
        let rows = store.without_words(&after, AT_ONCE).await?;
        let Some((last, _)) = rows.last() else { return Ok(taken) };
        after = last.to_string();
        for (attempt, path) in rows {
            taken += u64::from(take_in(store, vault, recordings, &attempt, &path).await?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_nobodys_word() {
        let (folder, vault) = (tempfile::tempdir().unwrap(), Vault::none());
        let path = folder.path().join("a.jsonl");
        let lines = [
            r#"{"at_ms":0,"speaker":"system","text":"answered"}"#,
            r#"{"at_ms":10,"speaker":"bot","text":"您好"}"#,
            r#"{"at_ms":20,"speaker":"callee","text":"喂","intent":"affirm","confidence":0.5}"#,
            r#"{"at_ms":30,"speak"#,
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        assert_eq!(
            said(&vault, &path).unwrap(),
            [(10, "bot", "您好".to_owned()), (20, "callee", "喂".to_owned())]
        );
        assert!(said(&vault, &folder.path().join("none")).is_err());
    }
}
