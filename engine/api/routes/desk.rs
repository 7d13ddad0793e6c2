//! The desk of an agent: a WebSocket (RFC 6455) over which calls are offered, taken, and wrapped up.
//!
//! Messages are JSON, one a frame: `waihu_agents::desk` has their shapes, README.md their order.

use std::time::Duration;

use axum::{
    extract::ws::{
        CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection,
    },
    http::{HeaderMap, header},
    response::Response,
};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use waihu_agents::desk::{FromDesk, Profile, ToDesk};

use crate::{
    Problem,
    extract::{Who, text},
    floor::Connected,
    problem::Code,
    session::{SEEN_EVERY, SignedIn, is_alive},
    state::{Here, Shared, now},
};

/// The longest message [bytes]: a browser's description has some 2 KiB, notes have 4,000 characters.
const MOST_BYTES: usize = 64 << 10;
/// How often a page is asked whether it is there, and whether its session still is.
const PING: Duration = Duration::from_secs(10);
/// A page that says nothing for so long is gone, though its connection is not: a network that went away.
const SILENT: Duration = Duration::from_secs(25);
/// The close codes of our own (RFC 6455, 7.4.2).
const SIGNED_OUT: u16 = 4_401;
const SUPERSEDED: u16 = 4_409;
const TOO_MANY: u16 = 4_429;

/// Connects an agent's page. Needs a session, since a desk is a person's, and comes from our own pages alone.
///
/// Messages to the desk: `state` (all there is to show; at first and at each change), `offer` with its `card`, `line`,
/// `sdp`, `joined`, `revoked`, `ended`, `yours`, `colleagues`, `wrapped`, `superseded`, `refused`. From it: `presence`,
/// `answer`, `decline`, `sdp`, `renew`, `hold`, `mute`, `hang_up`, `transfer`, `hand_over`, `return`, `call_in`,
/// `let_go`, `leave`, `colleagues`, `wrap_up`, `done`, `longer`. README.md explains them.
#[utoipa::path(get, path = "/v1/desk", tag = "people",
    responses((status = 101, description = "Messages follow, as JSON"),
        (status = 409, description = "A token asks, which sits at no desk", body = crate::problem::Details)))]
pub(crate) async fn desk(
    shared: Here,
    who: Who,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| {
        Problem::new(Code::Malformed, "a WebSocket of version 13 is expected 应使用 WebSocket 连接")
            .of("Upgrade")
    })?;
    let Some(signed_in) = who.session.clone() else {
        let what = "a desk is a person's: sign in with a login and a password 坐席须以账号登录";
        return Err(Problem::new(Code::Conflict, what));
    };
    is_own_page(&headers)?;
    let Some(connect) = &shared.inner().state.desks else {
        return Err(Problem::new(Code::Unavailable, "no calls are placed here 本节点不外呼").after(30));
    };
    let person = &signed_in.session.person;
    let connected = connect(Profile {
        login: person.login.to_string(),
        name: person.name.clone(),
        skills: person.skills.clone(),
        langs: person.langs.clone(),
        answers: person.answers,
    });
    let (shared, token) = (shared.0.clone(), who.token.clone());
    Ok(upgrade.max_message_size(MOST_BYTES).max_frame_size(MOST_BYTES).on_upgrade(move |socket| {
        Desk { shared, token, signed_in, connected, is_at_work: false }.run(socket)
    }))
}

/// A page of another site may open a WebSocket and has the browser send our cookie; what it cannot do is claim to be
/// ours (RFC 6455, 10.2).
pub(super) fn is_own_page(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let origin = text(header::ORIGIN);
    let from = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    if from.is_some_and(|from| !from.is_empty() && from.eq_ignore_ascii_case(text(header::HOST))) {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden, "only pages of this server have desks 来源不被允许").of("Origin"))
}

struct Desk {
    shared: Shared,
    token: String,
    signed_in: SignedIn,
    connected: Connected,
    /// Whether the agent is there for calls: that counts as being there.
    is_at_work: bool,
}

impl Desk {
    async fn run(mut self, mut socket: WebSocket) {
        let mut ping = interval_at(Instant::now() + PING, PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        let code = loop {
            tokio::select! {
                told = self.connected.hear.recv() => match told {
                    Some(told) => {
                        if !self.tell(&mut socket, &told).await {
                            return;
                        }
                        if matches!(told, ToDesk::Superseded) {
                            break SUPERSEDED;
                        }
                    }
                    None => break SUPERSEDED,
                },
                said = socket.recv() => match said {
                    Some(Ok(said)) => {
                        heard_at = Instant::now();
                        if matches!(said, Message::Close(_)) {
                            return;
                        }
                        if !self.heard(said) {
                            break TOO_MANY;
                        }
                    }
                    Some(Err(_)) | None => return,
                },
                _ = ping.tick() => {
                    if heard_at.elapsed() > SILENT || socket.send(Message::Ping(Vec::new().into())).await.is_err() {
                        return;
                    }
                    if !self.is_signed_in().await {
                        break SIGNED_OUT;
                    }
                }
            }
        };
        let reason = Utf8Bytes::from_static("");
        let _ = socket.send(Message::Close(Some(CloseFrame { code, reason }))).await;
    }

    /// False where the page is gone.
    async fn tell(&mut self, socket: &mut WebSocket, told: &ToDesk) -> bool {
        if let ToDesk::State(state) = told {
            self.is_at_work = state.presence != "away";
        }
        match text(told) {
            Ok(text) => socket.send(Message::Text(text.into())).await.is_ok(),
            Err(_) => false,
        }
    }

    /// False where too much comes.
    fn heard(&self, said: Message) -> bool {
        let said = match said {
            Message::Text(said) => said,
            Message::Binary(_) => {
                (self.connected.say)(Err("text is expected 应为文本".to_owned()));
                return true;
            }
            _ => return true,
        };
        if self.shared.inner().rates.take(&self.token, std::time::Instant::now()).is_err() {
            return false;
        }
        // What does not fit is told by its shape alone: the message may hold what is personal.
        let read = serde_json::from_str::<FromDesk>(&said);
        (self.connected.say)(read.map_err(|e| format!("it cannot be read, column {} 无法解析", e.column())));
        true
    }

    /// Whether the session still is; a desk that takes calls uses it.
    async fn is_signed_in(&mut self) -> bool {
        let digest = self.signed_in.token.digest();
        let now = now();
        match self.shared.store().session(&digest).await {
            Ok(Some(session)) if is_alive(&session, now) => {
                if self.is_at_work && now >= session.seen_at.plus(SEEN_EVERY) {
                    // Where it cannot be written now, it is tried again in ten seconds.
                    let _ = self.shared.store().session_seen(&digest, now).await;
                }
                true
            }
            Ok(_) => false,
            // A store that is away for a minute ends no call.
            Err(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_have_desks() {
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
