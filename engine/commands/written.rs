//! What is done at the command line, written down as what is asked over HTTP is: before it is done, and with how it
//! ended.

use anyhow::{Result, ensure};
use nix::unistd::{Uid, User};
use waihu_store::{Act, Store};

use super::dialog::now;

/// What stands for a token.
const HERE: &str = "command line";

/// Writes down what somebody is about to do; the row's number.
///
/// # Errors
/// When it cannot be written: then it must not be done.
pub(super) async fn write_down(store: &Store, by: &str, act: &str, request: &str) -> Result<i64> {
    let by = by.trim();
    ensure!(!by.is_empty(), "--by is empty: whoever looks later has to know 不能为空");
    Ok(store.write_down(Act { token: HERE, person: by, act, request }, now()).await?)
}

/// Writes down how it ended.
///
/// # Errors
/// When it cannot be written.
pub(super) async fn ended<T, E>(store: &Store, row: i64, done: &Result<T, E>) -> Result<()> {
    let status = if done.is_ok() { 200 } else { 409 };
    Ok(store.write_down_end(row, status, now()).await?)
}

/// Does something between the two, where no name is given by the account at the machine. An act names what was meant,
/// and no number, name or word of a debtor.
///
/// # Errors
/// As what is done, or when that cannot be written down.
pub(super) async fn written<T, E: Into<anyhow::Error>>(
    store: &Store,
    act: &str,
    doing: impl Future<Output = Result<T, E>>,
) -> Result<T> {
    written_by(store, &account(), act, doing).await
}

/// The same, where whoever does it has said so.
///
/// # Errors
/// As [`written`].
pub(super) async fn written_by<T, E: Into<anyhow::Error>>(
    store: &Store,
    by: &str,
    act: &str,
    doing: impl Future<Output = Result<T, E>>,
) -> Result<T> {
    let row = write_down(store, by, act, "").await?;
    let done = doing.await;
    ended(store, row, &done).await?;
    done.map_err(Into::into)
}

/// A look as it is written down: by which flags it was asked for, and with none of their values.
pub(super) fn look<'a>(command: &'a str, flags: impl IntoIterator<Item = (&'a str, bool)>) -> String {
    let given = flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag);
    std::iter::once(command).chain(given).collect::<Vec<_>>().join(" ")
}

/// The account that somebody signed in by at the machine, which stays theirs behind `sudo`; where the machine keeps
/// none, as in a container, the one that runs this.
fn account() -> String {
    let kept: Option<u32> =
        std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|uid| uid.trim().parse().ok());
    // The kernel's word for none.
    let uid = kept.filter(|uid| *uid != u32::MAX).map_or_else(Uid::current, Uid::from_raw);
    let user = User::from_uid(uid).ok().flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| user.name)
}
