//! What passes between the call and its shell.

use std::{fmt, time::Duration};

use waihu_agents::{AgentId, OfferEnd, Reach};
use waihu_dialog::{Conclusion, Expectation, Utterance};
use waihu_sip::sdp::SessionDescription;
use waihu_types::{
    Announcement, AnsweredBy, EndedBy, HandoverResult, Intent, OfferResult, SipCause, Time, Told,
};

/// One of the call's two legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leg {
    /// To the person called.
    Callee,
    /// To the human agent.
    Agent,
    /// To an agent who is asked about the call.
    Consulted,
}

/// Names one prompt's playback within a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlaybackId(pub u64);

/// Everything that can happen to a call.
#[derive(Clone, Debug)]
pub enum Input {
    /// Place it.
    Dial,
    /// A leg's signalling.
    Sip {
        /// Which leg.
        leg: Leg,
        /// What it reported.
        event: waihu_sip::Event,
    },
    /// The callee's media.
    Media(MediaEvent),
    /// The callee's speech.
    Speech(SpeechEvent),
    /// What comes of seeking an agent.
    Agent(AgentEvent),
    /// What comes of seeking one who is to be asked about the call.
    Consulted(AgentEvent),
    /// What the agent who has the call wants with it.
    Wish(AgentWish),
    /// The operator wants it over.
    Stop,
    /// The time of `poll_timeout` has come.
    Timeout,
}

/// An agent at whose desk a call rings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Names the agent at the switchboard.
    pub id: AgentId,
    /// The name in outcomes.
    pub name: String,
    /// By what the agent is reached.
    pub reach: Reach,
}

/// What comes of seeking an agent. A telephone's leg and a desk's are told of by `Input::Sip`: a desk's description
/// comes as `Answered`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEvent {
    /// It rings at somebody's desk. A telephone is to be called.
    Offered(Agent),
    /// It rings there no longer, and was not taken.
    Revoked {
        /// Where.
        agent: AgentId,
        /// Why.
        why: OfferEnd,
    },
    /// The agent says yes.
    Taken(AgentId),
    /// Nobody who is there can take it.
    Missing,
    /// What the agent was to hear before the callee was played out, or cannot be spoken.
    Briefed,
    /// The agent's desk or sound is gone.
    Lost,
    /// The agent has hung up at their desk.
    HungUp,
    /// How it stands for the callee who waits; the answer to `Output::AskHowLong`.
    Waits(waihu_dialog::Wait),
    /// When agents are at work again by their hours; told whenever one is sought.
    Back(waihu_dialog::AgentsBack),
}

/// Whom an agent hands a call on to, or asks about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Onward {
    /// One agent.
    Agent(AgentId),
    /// Whoever can do this, in the words of scripts.
    Skills(Vec<String>),
}

/// What the agent who has a call wants with it. What does not fit is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentWish {
    /// Hand it on unseen: the bot says that it connects, and somebody else is sought.
    HandOn(Onward),
    /// Ask somebody first, with the callee on hold.
    Consult(Onward),
    /// Whoever was asked takes the call.
    HandOver,
    /// Back to the callee; whoever was asked, or is being sought, is not needed.
    Return,
    /// A supervisor has taken the agent's place, and is in the talk already.
    TakenOver(Agent),
}

/// What the media thread reports of the callee's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaEvent {
    /// The first frame of a prompt went out. Until this is told, nothing of it was heard.
    PlaybackStarted(PlaybackId),
    /// A prompt was played to its end.
    PlaybackDone(PlaybackId),
    /// A prompt was stopped.
    PlaybackStopped {
        /// Which.
        id: PlaybackId,
        /// How far it had come, from the beginning of the whole prompt [ms]: what `Output::Play` left
        /// out is in it. 0 where nothing of it was played, also of one that was to go on.
        played_ms: u64,
        /// The same in the prompt's text [bytes]: the end of the last word that was wholly heard, by the
        /// voice's marks. 0 where there are none.
        heard_bytes: usize,
    },
    /// A prompt could not be spoken; nothing of it was heard.
    PlaybackFailed(PlaybackId),
    /// A key was pressed (RFC 4733).
    Digit(char),
    /// Nothing has been received for the configured time; told again when that has doubled.
    NoAudio {
        /// For so long.
        lasting: Duration,
    },
    /// The slot is gone through a fault of ours: nothing is sent or received any more.
    Lost,
}

/// What the speech workers report of the callee. Each `Started` is followed by exactly one of
/// `Heard`, `Rejoined` and `Unintelligible`.
///
/// **Callees who go on after a pause.** Where the next `Started` is told before the words of the last
/// utterance, before the first frame of their answer, or within [`crate::GOES_ON_WITHIN`] of it, the
/// answer is withheld or stopped, and what was decided on it is undone. `Output::Join` then says that
/// the next words belong to those before them. Speech workers that can understand both together tell
/// them as `Rejoined`; from those that tell `Heard`, the parts are joined here by their meanings. Of
/// the workers nothing else is needed.
#[derive(Clone, Debug, PartialEq)]
pub enum SpeechEvent {
    /// The callee began to speak.
    Started,
    /// The callee speaks on; told every tenth of a second of voice.
    GoesOn {
        /// How much of the utterance so far was voice, without its pauses.
        voiced: Duration,
    },
    /// What has been said so far, while it may still go on: from the spotter, or from a recognition
    /// that was begun at the first short pause. It changes what is spoken, and is no answer.
    Partial(Partial),
    /// What was said.
    Heard {
        /// The words, and what they mean.
        utterance: Utterance,
        /// How sure the words themselves are, from 0 to 1.
        clear: f32,
    },
    /// What was said, together with what came before it: after `Output::Join` only.
    Rejoined(Utterance),
    /// Sound without words, or the recognizer gave up.
    Unintelligible,
    /// A single tone, as a voicemail box gives before it records.
    Beep,
    /// Who answered: told after the answer, and anew where it turns out otherwise. It is told once it is as
    /// sure as it gets, for boxes are spoken to and faxes hung up on: of `waihu_answer`'s verdicts those that
    /// are settled, or 0.9 sure.
    AnsweredBy {
        /// Who.
        by: AnsweredBy,
        /// What the network announces, where it does.
        announcement: Option<Announcement>,
        /// How soon and how surely it was told.
        told: Told,
    },
    /// What the network announces before an answer; told anew where it is told more surely, or otherwise. It
    /// may be half an announcement: what is done on it waits until it is sure, or the call is refused.
    Announced {
        /// What.
        announcement: Announcement,
        /// How soon and how surely it was told, from the first sound on.
        told: Told,
    },
    /// How many utterances of early media are owed their words; told whenever that changes. Who refuses a
    /// call as its announcement ends is answered when the words of that are there.
    EarlyWords {
        /// So many.
        owed: usize,
    },
}

/// What a callee has said so far.
///
/// `Debug` hides the words: they are personal data.
#[derive(Clone, PartialEq)]
pub struct Partial {
    /// The words, as far as they were recognized.
    pub text: String,
    /// What is meant, as far as it can be told.
    pub intent: Intent,
    /// How sure that is, from 0 to 1.
    pub confidence: f32,
    /// How sure the words themselves are, from 0 to 1.
    pub clear: f32,
}

impl fmt::Debug for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partial({} {:.2})", self.intent, self.confidence)
    }
}

/// What the call wants done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send the callee's INVITE.
    InviteCallee,
    /// Ask the switchboard for an agent.
    Seek {
        /// What the callee said that made it so.
        reason: Intent,
        /// What the agent should be able to do, in the words of scripts.
        skills: Vec<String>,
        /// Nobody else than this one.
        only: Option<AgentId>,
    },
    /// Ask the switchboard for somebody to be asked about the call; the callee is on hold from here on.
    SeekConsulted(Onward),
    /// Nobody is asked any more: the agent is back with the callee.
    ConsultOver(ConsultEnd),
    /// Make the leg of the one who is asked.
    InviteConsulted {
        /// Whose.
        agent: AgentId,
    },
    /// Tell the switchboard that the telephone of the one who is asked has answered.
    AcceptConsulted {
        /// Whose.
        agent: AgentId,
    },
    /// Tell the switchboard that it has refused.
    DeclineConsulted {
        /// Whose.
        agent: AgentId,
    },
    /// Tell the one who is asked, on their leg alone, who it is about.
    BriefConsulted,
    /// The agent and the one who is asked hear each other; the callee is on hold.
    JoinConsulted,
    /// Whoever was asked has the call, in the agent's place; the callee hears them.
    HandOver,
    /// Tell the switchboard that no agent is needed any more.
    Unwanted,
    /// Make the agent's leg: send the telephone's INVITE, or the desk our offer; or ask the callee's side to call the
    /// telephone in our place.
    InviteAgent {
        /// Whose.
        agent: AgentId,
    },
    /// Tell the switchboard that a telephone has answered.
    AcceptAgent {
        /// Whose.
        agent: AgentId,
    },
    /// Tell the switchboard that a telephone has refused.
    DeclineAgent {
        /// Whose.
        agent: AgentId,
    },
    /// Tell the agent, on their leg alone, who it is and why; `AgentEvent::Briefed` says when that is done.
    Brief,
    /// End the leg: CANCEL before its answer, BYE after. Nothing of an agent's leg is told after that.
    Hangup(Leg),
    /// The far side's description has come: media flows there and from there.
    Connect {
        /// Which leg.
        leg: Leg,
        /// What it is to ours.
        part: Part,
        /// The far side's description.
        remote: Box<SessionDescription>,
    },
    /// Speak to the callee after what is being spoken.
    Play {
        /// Names it in `MediaEvent`s.
        id: PlaybackId,
        /// The words, of the whole prompt.
        text: String,
        /// From where on [ms from its beginning]: 0, or where a prompt goes on that was stopped. The
        /// shell begins at the last mark of the voice at or before it, so that no word is cut in two.
        from_ms: u64,
    },
    /// Stop speaking within one frame, and drop what is queued.
    StopPlayback,
    /// What is known of the callee's next words from here on: for the classifier, the end of the turn
    /// and the recognizer.
    Expect(Expectation),
    /// The utterance told last was not over: the next one goes on with it. See [`SpeechEvent`].
    Join,
    /// Have these words spoken, which both are to hear once they are joined; without them where they come too late.
    Introduce(String),
    /// Ask the switchboard how it stands for the callee who waits.
    AskHowLong,
    /// Music for the callee, until `StopMusic`.
    PlayMusic,
    /// No more music, within one frame.
    StopMusic,
    /// Join the callee's and the agent's media.
    Bridge,
    /// Part them again: the agent is lost, and the bot goes on with the callee.
    Unbridge,
    /// A line for the transcript.
    Line(Line),
    /// The call is over. Nothing follows.
    Ended(Box<Ending>),
}

/// Why nobody is asked about a call any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsultEnd {
    /// The agent went back to the callee, or the call is over.
    Wanted,
    /// Nobody who is there took it.
    Nobody,
    /// Whoever was asked is gone.
    Gone,
}

/// What a far side's description is to ours (RFC 3264).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The answer to our offer, in a provisional response (RFC 3261 section 13.2.1): early media comes with
    /// it. Another may follow, from another telephone that rings, and the final one in any case. Where it
    /// cannot be used the call rings on unheard.
    EarlyAnswer,
    /// The answer to our offer.
    Answer,
    /// A later offer of its own, which the endpoint has answered.
    Offer,
}

/// Who spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The person called.
    Callee,
    /// The bot.
    Bot,
    /// The agent.
    Agent,
    /// Nobody: the engine notes something.
    System,
}

/// A line of the transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When.
    pub at: Time,
    /// Who.
    pub speaker: Speaker,
    /// The words, or the note.
    pub text: String,
    /// What the callee's words were taken to mean.
    pub understood: Option<Utterance>,
}

/// How the call ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// What the dialog made of it. Of a call that was never answered it says nothing true but
    /// the intents met (none) and that no debt was disclosed.
    pub conclusion: Conclusion,
    /// When the callee's side answered.
    pub answered_at: Option<Time>,
    /// What answered, or spoke in place of an answer.
    pub answered_by: AnsweredBy,
    /// What the network announced, before the answer or after it.
    pub announcement: Option<Announcement>,
    /// How `answered_by` was told, where the sound told it.
    pub told: Option<Told>,
    /// How the signalling ended.
    pub sip: Option<SipCause>,
    /// The network's own causes, where it was refused (RFC 3326).
    pub because: Vec<waihu_sip::identity::Cause>,
    /// Who ended it, where it was answered.
    pub ended_by: Option<EndedBy>,
    /// Whether we gave up ringing.
    pub rang_out: bool,
    /// The agent's part, where one was asked.
    pub handover: Option<HandoverEnd>,
    /// A fault of ours ended it.
    pub engine_failed: bool,
}

/// How the handover went, with the agent who was asked last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverEnd {
    /// The agent's name in the configuration.
    pub agent: String,
    /// How it went.
    pub result: HandoverResult,
    /// When both were joined.
    pub joined_at: Option<Time>,
    /// How long the callee waited for an agent, to the first who joined or to the end.
    pub waited: Duration,
    /// How long agents talked with the callee.
    pub talked: Duration,
    /// At whose desks it rang, in order.
    pub offers: Vec<Offered>,
}

/// A desk or a telephone at which a call rang.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The agent's name.
    pub agent: String,
    /// Since when it rang.
    pub at: Time,
    /// How that ended.
    pub end: OfferResult,
}
