//! The switchboard as a desk meets it.

use std::time::Duration;

use tokio::{sync::mpsc, time::sleep};
use waihu_agents::{
    Agent, AgentId, Input, Level, OfferEnd, Presence, Reach,
    desk::{CallState, Colleague, FromDesk, How, MOST_NOTES, Profile, Revocation, State, ToDesk},
};
use waihu_call::AgentWish;
use waihu_sip::SessionDescription;
use waihu_store::WrapUp;
use waihu_types::{Answers, AttemptId, Promise};

use super::{Board, CallNews, DeskNews, Inner, Switchboard, call::Turned, wanted};
use crate::{agent_side::AgentSide, legs::wall_now};

/// Messages that wait for a desk: who has not read so many reads nothing any more, and comes back to a whole state.
const UNREAD: usize = 256;

/// The longest description that is read [bytes]: a browser's for one sound has some 2 KiB.
const MOST_SDP: usize = 16 << 10;

/// How often a wrap-up waits for its call's outcome to be filed, and how long each time: a recording is sealed within
/// seconds. What was put down is kept by then in any case.
const TRIES: u32 = 60;
const TRY_EVERY: Duration = Duration::from_secs(2);
/// How long it may be on its way into the store that an agent had a call [s].
const ON_ITS_WAY: u32 = 4;

/// A desk that is connected.
pub(super) struct Desk {
    profile: Profile,
    connection: u64,
    tell: mpsc::Sender<ToDesk>,
}

/// A desk's connection: what it hears, and what it says.
pub struct DeskLink {
    /// What the desk is told; it ends where the desk is another connection's, or was not read.
    pub hear: mpsc::Receiver<ToDesk>,
    /// What the desk says.
    pub say: DeskVoice,
}

/// What a desk says. When it is dropped, the desk is gone.
pub struct DeskVoice {
    board: Switchboard,
    agent: AgentId,
    connection: u64,
}

impl Switchboard {
    /// Somebody sits down at their desk, or comes back to it.
    pub fn connect(&self, profile: Profile) -> DeskLink {
        let agent = AgentId::new(&profile.login);
        let (tell, hear) = mpsc::channel(UNREAD);
        let known = of_desk(&profile);
        let connection = {
            let mut board = self.board();
            board.connections += 1;
            let connection = board.connections;
            let before = board.desks.insert(agent.clone(), Desk { profile, connection, tell });
            if let Some(before) = before {
                let _ = before.tell.try_send(ToDesk::Superseded);
            }
            connection
        };
        self.input(Input::SignIn { agent: known });
        DeskLink { hear, say: DeskVoice { board: self.clone(), agent, connection } }
    }
}

impl DeskVoice {
    /// Does what the desk says.
    pub fn say(&self, said: FromDesk) {
        let agent = self.agent.clone();
        if self.board.board().desks.get(&agent).is_none_or(|desk| desk.connection != self.connection) {
            return;
        }
        match said {
            FromDesk::Presence { wish } => self.board.input(Input::Wants { agent, wish: wish.into() }),
            FromDesk::Answer { attempt } => self.board.input(Input::Accept { agent, call: attempt }),
            FromDesk::Decline { attempt } => self.board.input(Input::Decline { agent, call: attempt }),
            FromDesk::Sdp { attempt, sdp } => self.described(&attempt, &sdp),
            FromDesk::Renew { attempt } => self.to_call(&attempt, DeskNews::Renew(self.connection)),
            FromDesk::Hold { attempt, on } => self.turned(&attempt, on.into(), Kind::Hold),
            FromDesk::Mute { attempt, on } => self.turned(&attempt, on.into(), Kind::Mute),
            FromDesk::HangUp { attempt } => self.to_call(&attempt, DeskNews::HangUp),
            FromDesk::WrapUp { attempt, disposition, notes, promise } => {
                let notes = notes.trim().to_owned();
                if notes.chars().count() > MOST_NOTES {
                    return self.refuse("notes: 4,000 characters at most 备注最多 4000 字");
                }
                if let Some(why) = promise.as_ref().and_then(|promise| self.beyond(&attempt, promise)) {
                    // Who has to put it right may need longer for that.
                    self.board.input(Input::WrapUpLonger { agent });
                    return self.refuse(&format!("promise: {why}"));
                }
                self.wrap_up(WrapUp { attempt, agent: agent.to_string(), disposition, notes, promise });
            }
            FromDesk::Transfer { attempt, to, how } => {
                let to = AgentSide::onward(to);
                let wish = match how {
                    How::AskFirst => AgentWish::Consult(to),
                    How::AtOnce => AgentWish::HandOn(to),
                };
                self.to_call(&attempt, DeskNews::Wish(wish));
            }
            FromDesk::HandOver { attempt } => {
                self.to_call(&attempt, DeskNews::Wish(AgentWish::HandOver));
            }
            FromDesk::Return { attempt } => self.to_call(&attempt, DeskNews::Wish(AgentWish::Return)),
            FromDesk::CallIn { attempt, number } => self.to_call(&attempt, DeskNews::CallIn(number)),
            FromDesk::LetGo { attempt } => self.to_call(&attempt, DeskNews::LetGo),
            FromDesk::Leave { attempt } => self.to_call(&attempt, DeskNews::Leave),
            FromDesk::Colleagues => self.tell_colleagues(),
            FromDesk::Done => self.board.input(Input::WrapUpDone { agent }),
            FromDesk::Longer => self.board.input(Input::WrapUpLonger { agent }),
        }
    }

    /// Who sits there has another name, other skills or other languages: the next offer goes by them, and what rings or is
    /// talked about goes on. How they take calls stays as it was when they sat down.
    pub fn know(&self, profile: Profile) {
        let mut board = self.board.board();
        let ours = |desk: &&mut Desk| desk.connection == self.connection;
        let Some(desk) = board.desks.get_mut(&self.agent).filter(ours) else { return };
        desk.profile = Profile { answers: desk.profile.answers, ..profile };
        let agent = of_desk(&desk.profile);
        self.board.0.input(&mut board, Input::SignIn { agent });
        self.board.0.wake.notify_one();
    }

    /// The session behind the desk was ended by somebody.
    pub fn sign_out(&self) {
        self.gone(Input::SignedOut { agent: self.agent.clone() });
    }

    /// Nobody is at the desk any more, unless another page is. In one step: one may come meanwhile.
    fn gone(&self, how: Input) {
        let mut board = self.board.board();
        if board.desks.get(&self.agent).is_none_or(|desk| desk.connection == self.connection) {
            board.desks.remove(&self.agent);
            self.board.0.input(&mut board, how);
            self.board.0.wake.notify_one();
        }
    }

    /// Who else is there.
    fn tell_colleagues(&self) {
        let mut board = self.board.board();
        let others = board.machine.standings().filter(|s| s.agent != self.agent);
        let items = others.map(|s| Colleague {
            skills: board.machine.skills(&s.agent).map(|(skill, level)| (skill.to_owned(), level)).collect(),
            login: s.agent.to_string(),
            name: s.name,
            presence: s.presence.label(),
        });
        let items = items.collect();
        board.tell_desk(&self.agent, ToDesk::Colleagues { items });
    }

    /// A message was not heeded.
    pub fn refuse(&self, why: &str) {
        self.board.board().tell_desk(&self.agent, ToDesk::Refused { why: why.to_owned() });
    }

    fn described(&self, attempt: &AttemptId, sdp: &str) {
        match Some(sdp)
            .filter(|sdp| sdp.len() <= MOST_SDP)
            .map(|sdp| SessionDescription::parse(sdp.as_bytes()))
        {
            Some(Ok(answer)) => self.to_call(attempt, DeskNews::Answer(Box::new(answer))),
            _ => self.refuse("sdp: it cannot be read as RFC 8866 has it 无法解析 SDP"),
        }
    }

    /// Tells a call that this agent has.
    fn to_call(&self, attempt: &AttemptId, news: DeskNews) {
        let board = self.board.board();
        if board.has(&self.agent, attempt) {
            board.tell_call(attempt, CallNews::Desk(self.agent.clone(), news));
        }
    }

    fn turned(&self, attempt: &AttemptId, on: Turned, kind: Kind) {
        let mut board = self.board.board();
        if !board.has(&self.agent, attempt) {
            return;
        }
        if kind == Kind::Mute && board.by_telephone.contains(&self.agent) {
            let why = "mute: your sound is a telephone's, mute it there 请在话机上静音".to_owned();
            return board.tell_desk(&self.agent, ToDesk::Refused { why });
        }
        if let Some(held) = board.calls.get_mut(attempt).filter(|held| held.is_joined) {
            match kind {
                Kind::Hold => {
                    held.hold = on;
                    held.tell(CallNews::Desk(self.agent.clone(), DeskNews::Hold(on)));
                }
                // The page sends silence itself: here it is known for one that is loaded anew.
                Kind::Mute => held.mute = on,
            }
            self.board.0.tell_state(&mut board, &self.agent);
        }
    }

    /// Why a promise may not be kept, where it is beyond what may be agreed about the debt.
    fn beyond(&self, attempt: &AttemptId, promise: &Promise) -> Option<String> {
        let board = self.board.board();
        let judged = board.terms_of(attempt).and_then(|terms| {
            let today = wall_now().date_in(terms.time_zone()).ok()?;
            Some(terms.check(promise, today))
        });
        match judged {
            Some(judged) => judged.err().map(|beyond| beyond.to_string()),
            None => Some(
                "what may be agreed is not known any more, write it in the notes 授权信息已失效，请写入备注"
                    .to_owned(),
            ),
        }
    }

    /// Keeps what an agent put down, and adds it to the outcome once that is filed.
    fn wrap_up(&self, wrap_up: WrapUp) {
        let (board, agent) = (self.board.clone(), self.agent.clone());
        tokio::spawn(async move {
            let attempt = wrap_up.attempt.clone();
            let mut kept = board.0.store.wrap_up(&wrap_up, wall_now()).await;
            // That the call was theirs may still be on its way into a store that was away.
            for _ in 0..ON_ITS_WAY {
                if !matches!(kept, Ok(false)) {
                    break;
                }
                sleep(Duration::from_secs(1)).await;
                kept = board.0.store.wrap_up(&wrap_up, wall_now()).await;
            }
            let told = match kept {
                Ok(true) => ToDesk::Wrapped { attempt: attempt.clone() },
                Ok(false) => ToDesk::Refused {
                    why: "wrap_up: that call was not yours 该通话不属于您".to_owned(),
                },
                Err(error) => {
                    tracing::error!(%attempt, %error, "a wrap-up could not be kept");
                    ToDesk::Refused {
                        why: "wrap_up: it could not be kept, try again 保存失败".to_owned()
                    }
                }
            };
            let kept = matches!(told, ToDesk::Wrapped { .. });
            board.board().tell_desk(&agent, told);
            if kept {
                amend(&board, &attempt).await;
            }
        });
    }
}

/// Whoever sits at a desk, as an agent.
fn of_desk(profile: &Profile) -> Agent {
    let skills = profile.skills.iter();
    Agent {
        id: AgentId::new(&profile.login),
        name: profile.name.clone(),
        skills: skills.filter_map(|(s, l)| Some((s.clone(), Level::new(*l)?))).collect(),
        langs: profile.langs.clone(),
        reach: Reach::Desk,
        answers: profile.answers,
        ring: None,
    }
}

/// Files what an agent put down with the call's outcome; one that is not there yet takes it in when it is filed.
async fn amend(board: &Switchboard, attempt: &AttemptId) {
    for _ in 0..TRIES {
        match board.0.store.amend_outcome(attempt).await {
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%attempt, %error, "a wrap-up is not in its outcome yet");
            }
        }
        sleep(TRY_EVERY).await;
    }
    tracing::error!(%attempt, "a wrap-up is kept beside its outcome alone");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hold,
    Mute,
}

impl Drop for DeskVoice {
    fn drop(&mut self) {
        self.gone(Input::DeskGone { agent: self.agent.clone() });
    }
}

impl Board {
    pub(super) fn tell_desk(&mut self, agent: &AgentId, told: ToDesk) {
        // Who reads nothing is let go; the connection's end says that the desk is gone.
        if self.desks.get(agent).is_some_and(|desk| desk.tell.try_send(told).is_err()) {
            self.desks.remove(agent);
        }
    }

    /// Whether an agent's desk answers by itself.
    pub(super) fn answers_at_once(&self, agent: &AgentId) -> bool {
        self.desks.get(agent).is_some_and(|desk| desk.profile.answers == Answers::AtOnce)
    }

    /// The connection of an agent's desk.
    pub(super) fn connection_of(&self, agent: &AgentId) -> Option<u64> {
        self.desks.get(agent).map(|desk| desk.connection)
    }

    /// The desk of whoever has a call, or is offered it.
    pub(super) fn desk_of(&self, call: &AttemptId) -> Option<AgentId> {
        let at = |s: &waihu_agents::Standing| {
            s.reach == Reach::Desk && s.call.as_ref() == Some(call) && s.presence != Presence::WrappingUp
        };
        self.machine.standings().find(at).map(|s| s.agent)
    }

    /// Whoever has a call, by desk or by telephone.
    pub(super) fn agent_of(&self, call: &AttemptId) -> Option<AgentId> {
        let at =
            |s: &waihu_agents::Standing| s.presence == Presence::Talking && s.call.as_ref() == Some(call);
        self.machine.standings().find(at).map(|s| s.agent)
    }

    /// Whether an agent talks with the callee of a call, or is about to.
    fn has(&self, agent: &AgentId, call: &AttemptId) -> bool {
        let at = |s: waihu_agents::Standing| s.presence == Presence::Talking && s.call.as_ref() == Some(call);
        self.machine.standing(agent).is_some_and(at)
    }
}

impl Inner {
    /// Tells a desk how all stands.
    pub(super) fn tell_state(&self, board: &mut Board, agent: &AgentId) {
        let (Some(desk), Some(standing)) = (board.desks.get(agent), board.machine.standing(agent)) else {
            return;
        };
        let call = standing.call.as_ref().and_then(|attempt| {
            let held = board.calls.get(attempt)?;
            Some(Box::new(CallState {
                attempt: attempt.clone(),
                card: held.card.clone(),
                lines: held.lines.clone(),
                joined: held.is_joined,
                held: held.hold == Turned::On,
                muted: held.mute == Turned::On,
                asked: held.asked.clone(),
                called_in: held.called_in.clone(),
            }))
        });
        let state = State {
            agent: desk.profile.clone(),
            presence: standing.presence.label(),
            wish: wanted(standing.wish),
            note: standing.note.map(|note| match note {
                waihu_agents::AwayNote::RangOut => "rang_out",
            }),
            since: self.wall(standing.since),
            until: standing.until.map(|at| self.wall(at)),
            call,
            telephone: board.by_telephone.contains(agent),
            now: wall_now(),
        };
        board.tell_desk(agent, ToDesk::State(Box::new(state)));
    }
}

/// What a desk is told of an offer's end; nothing where there is no desk to tell.
pub(super) fn revocation(why: OfferEnd) -> Option<Revocation> {
    match why {
        OfferEnd::Declined => Some(Revocation::Declined),
        OfferEnd::RangOut => Some(Revocation::RangOut),
        OfferEnd::Unwanted => Some(Revocation::Unwanted),
        OfferEnd::DeskGone => None,
    }
}
