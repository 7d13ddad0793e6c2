//! A person's seat over a WebSocket (RFC 6455): one loop for agents' desks and for supervisors who sit in on a talk.
//!
//! Messages are JSON, one a frame. Whoever is signed out, says too much, or is silent for too long is let go.

use std::time::Duration;

use axum::{
    extract::ws::{
        CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection,
    },
    http::{HeaderMap, header},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use waihu_store::Person;

use crate::{
    Problem,
    extract::{Who, text},
    problem::Code,
    session::{SEEN_EVERY, SignedIn, is_alive},
    state::{Here, Shared, now},
};

/// The longest message [bytes]: a browser's description has some 2 KiB, notes have 4,000 characters.
const MOST_BYTES: usize = 64 << 10;
/// How often a page is asked whether it is there, and whether its session still is, which may end on another node, as may
/// its person be changed there.
const PING: Duration = Duration::from_secs(10);
/// A page that says or reads nothing for so long is gone, though its connection is not: a network that went away.
const SILENT: Duration = Duration::from_secs(25);
/// The close codes of our own (RFC 6455, 7.4.2); what is behind a seat has one more for its own end.
const SIGNED_OUT: u16 = 4_401;
const TOO_MANY: u16 = 4_429;

/// What is behind a seat: a desk at the switchboard, or a place in a talk.
pub(super) trait Behind: Send {
    /// What the page is told.
    type Told: Serialize + Send + Sync;
    /// What the page says.
    type Said: DeserializeOwned + Send;
    /// With this code the page is closed where what is behind it ends.
    const OVER: u16;

    /// What the page is told next; none where there is nothing more. Nothing is lost where it is not awaited to its end.
    fn hear(&mut self) -> impl Future<Output = Option<Self::Told>> + Send;

    /// Takes note of what the page is about to be told; whether that is the last.
    fn is_last(&mut self, told: &Self::Told) -> bool;

    /// Does what the page says, or hears why it cannot be read; what the page is told of it.
    fn said(
        &mut self,
        seat: &Seat,
        said: Result<Self::Said, String>,
    ) -> impl Future<Output = Option<Self::Told>> + Send;

    /// Whether the person is at work, so that their session does not run out for want of requests.
    fn is_at_work(&self) -> bool {
        false
    }

    /// Takes note of the person as they are known now.
    fn knows(&mut self, _: &Person) {}

    /// The session was ended: whoever has this page may be anybody.
    fn sign_out(&mut self);
}

/// A page of somebody who is signed in.
pub(super) struct Seat {
    pub(super) shared: Shared,
    pub(super) token: String,
    pub(super) signed_in: SignedIn,
}

/// How it stands with a seat's session.
enum Standing {
    /// It holds, and is of this person.
    Signed(Box<Person>),
    /// It could not be looked up.
    Unknown,
    /// It has run out: whoever has the page may sign in again, and goes on.
    RunOut,
    /// Somebody has ended it.
    Ended,
}

impl Seat {
    /// A seat for whoever asks. It needs a session, since it is a person's, and comes from our own pages alone.
    pub(super) fn of(
        shared: &Here,
        who: &Who,
        headers: &HeaderMap,
        upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    ) -> Result<(Self, WebSocketUpgrade), Problem> {
        let upgrade = upgrade.map_err(|_| {
            Problem::new(Code::Malformed, "a WebSocket of version 13 is expected 应使用 WebSocket 连接")
                .of("Upgrade")
        })?;
        let Some(signed_in) = who.session.clone() else {
            let what = "a seat is a person's: sign in with a login and a password 须以账号登录";
            return Err(Problem::new(Code::Conflict, what));
        };
        is_own_page(headers)?;
        let seat = Self { shared: shared.0.clone(), token: who.token.clone(), signed_in };
        Ok((seat, upgrade.max_message_size(MOST_BYTES).max_frame_size(MOST_BYTES)))
    }

    /// Serves the page until one of them goes.
    pub(super) async fn run<B: Behind>(self, mut socket: WebSocket, mut behind: B) {
        let mut ping = interval_at(Instant::now() + PING, PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sessions = self.shared.inner().sessions.subscribe();
        let mut heard_at = Instant::now();
        if let Some(relays) = &self.shared.inner().state.relays {
            let login = &self.signed_in.session.person.login;
            if !tells(&mut socket, &relays.of(login.as_str(), now())).await {
                return;
            }
        }
        // Looked up beside all else: a store that is away answers late, and a talk does not wait for it.
        let mut looking = None;
        let code = loop {
            tokio::select! {
                told = behind.hear() => {
                    let Some(told) = told else { break B::OVER };
                    let is_last = behind.is_last(&told);
                    if !tells(&mut socket, &told).await {
                        return;
                    }
                    if is_last {
                        break B::OVER;
                    }
                }
                said = socket.recv() => {
                    let Some(Ok(said)) = said else { return };
                    heard_at = Instant::now();
                    let read = match said {
                        Message::Text(said) => read(&said),
                        Message::Binary(_) => Err("text is expected 应为文本".to_owned()),
                        Message::Close(_) => return,
                        Message::Ping(_) | Message::Pong(_) => continue,
                    };
                    if self.shared.inner().rates.take(&self.token, std::time::Instant::now()).is_err() {
                        break TOO_MANY;
                    }
                    if let Some(told) = behind.said(&self, read).await
                        && !tells(&mut socket, &told).await
                    {
                        return;
                    }
                }
                _ = ping.tick() => {
                    if heard_at.elapsed() > SILENT || !sends(&mut socket, Message::Ping(Vec::new().into())).await {
                        return;
                    }
                    if looking.is_none() {
                        looking = Some(self.look(behind.is_at_work()));
                    }
                }
                // Sessions were ended here, or people changed: what an earlier look finds may be from before. The sender
                // is as old as we are.
                _ = sessions.changed() => looking = Some(self.look(behind.is_at_work())),
                standing = found(&mut looking) => {
                    looking = None;
                    match standing {
                        Standing::Signed(person) => behind.knows(&person),
                        Standing::Unknown => {}
                        Standing::RunOut => break SIGNED_OUT,
                        Standing::Ended => {
                            behind.sign_out();
                            break SIGNED_OUT;
                        }
                    }
                }
            }
        };
        let reason = Utf8Bytes::from_static("");
        sends(&mut socket, Message::Close(Some(CloseFrame { code, reason }))).await;
    }

    /// Looks how it stands with the session; of whoever is at work it is noted that they are.
    fn look(&self, is_at_work: bool) -> JoinHandle<Standing> {
        let (shared, digest) = (self.shared.clone(), self.signed_in.token.digest());
        tokio::spawn(async move {
            let now = now();
            match shared.store().session(&digest).await {
                Ok(Some(session)) if is_alive(&session, now) => {
                    if is_at_work && now >= session.seen_at.plus(SEEN_EVERY) {
                        // Where it cannot be written now, it is tried again in ten seconds.
                        let _ = shared.store().session_seen(&digest, now).await;
                    }
                    Standing::Signed(Box::new(session.person))
                }
                Ok(Some(_)) => Standing::RunOut,
                Ok(None) => Standing::Ended,
                // A store that is away for a minute ends no call.
                Err(_) => Standing::Unknown,
            }
        })
    }
}

/// What a look has found; it is not lost where it is not awaited to its end.
async fn found(looking: &mut Option<JoinHandle<Standing>>) -> Standing {
    match looking {
        Some(looking) => looking.await.unwrap_or(Standing::Unknown),
        None => std::future::pending().await,
    }
}

/// What does not fit is told by its shape alone: the message may hold what is personal.
fn read<T: DeserializeOwned>(said: &str) -> Result<T, String> {
    serde_json::from_str(said).map_err(|e| format!("it cannot be read, column {} 无法解析", e.column()))
}

/// False where the page is gone.
async fn tells(socket: &mut WebSocket, told: &impl Serialize) -> bool {
    match text(told) {
        Ok(text) => sends(socket, Message::Text(text.into())).await,
        Err(_) => false,
    }
}

/// False where the page is gone, or reads nothing: whoever waits for it hears of no session that was ended.
async fn sends(socket: &mut WebSocket, message: Message) -> bool {
    matches!(timeout(SILENT, socket.send(message)).await, Ok(Ok(())))
}

/// A page of another site may open a WebSocket and has the browser send our cookie; what it cannot do is claim to be
/// ours (RFC 6455, 10.2).
fn is_own_page(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let origin = text(header::ORIGIN);
    let from = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    if from.is_some_and(|from| !from.is_empty() && from.eq_ignore_ascii_case(text(header::HOST))) {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden, "only pages of this server have seats 来源不被允许").of("Origin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_have_seats() {
        let may = |origin: &str, host: &str| {
            let headers = [(header::ORIGIN, origin), (header::HOST, host)]
                .into_iter()
                .filter(|(_, v)| !v.is_empty())
                .map(|(name, v)| (name, v.parse().unwrap()))
                .collect();
            is_own_page(&headers).is_ok()
        };
        assert!(may("https://waihu.bank.example", "waihu.bank.example"));
        assert!(may("http://127.0.0.1:8420", "127.0.0.1:8420"));
        for (origin, host) in [
            ("", "a"),
            ("null", "a"),
            ("https://a.evil.example", "a"),
            ("https://a:1", "a:2"),
            ("https://", ""),
            ("file://a", "a"),
        ] {
            assert!(!may(origin, host), "{origin} at {host}");
        }
    }
}
