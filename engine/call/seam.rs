//! What passes between the call and its shell.

use std::time::Duration;

use waihu_dialog::{Conclusion, Utterance};
use waihu_sip::sdp::SessionDescription;
use waihu_types::{AnsweredBy, EndedBy, HandoverResult, Intent, SipCause, Time};

/// One of the call's two SIP legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leg {
    /// To the person called.
    Callee,
    /// To the human agent.
    Agent,
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
    /// The operator wants it over.
    Stop,
    /// The time of `poll_timeout` has come.
    Timeout,
}

/// What the media thread reports of the callee's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaEvent {
    /// A prompt was played to its end.
    PlaybackDone(PlaybackId),
    /// A prompt was stopped.
    PlaybackStopped {
        /// Which.
        id: PlaybackId,
        /// How much of it was heard [ms].
        played_ms: u64,
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
/// `Heard` and `Unintelligible`.
#[derive(Clone, Debug, PartialEq)]
pub enum SpeechEvent {
    /// The callee began to speak.
    Started,
    /// The callee speaks on; told every tenth of a second of voice.
    GoesOn {
        /// How much of the utterance so far was voice, without its pauses.
        voiced: Duration,
    },
    /// What was said.
    Heard(Utterance),
    /// Sound without words, or the recognizer gave up.
    Unintelligible,
    /// A single tone, as a voicemail box gives before it records.
    Beep,
}

/// What the call wants done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send the callee's INVITE.
    InviteCallee,
    /// Send an agent's INVITE.
    InviteAgent {
        /// Which of the desks that the call was given.
        desk: usize,
    },
    /// End the leg: CANCEL before its answer, BYE after.
    Hangup(Leg),
    /// The leg was answered, or its description changed: send media there.
    Connect {
        /// Which leg.
        leg: Leg,
        /// The far side's description.
        remote: Box<SessionDescription>,
    },
    /// Speak to the callee after what is being spoken.
    Play {
        /// Names it in `MediaEvent`s.
        id: PlaybackId,
        /// The words.
        text: String,
    },
    /// Stop speaking within one frame, and drop what is queued.
    StopPlayback,
    /// The intents that the dialog expects from here on: a hint for the classifier.
    Expect(Vec<Intent>),
    /// Join the callee's and the agent's media.
    Bridge,
    /// A line for the transcript.
    Line(Line),
    /// The call is over. Nothing follows.
    Ended(Box<Ending>),
}

/// Who spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The person called.
    Callee,
    /// The bot.
    Bot,
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
    /// What answered.
    pub answered_by: AnsweredBy,
    /// How the signalling ended.
    pub sip: Option<SipCause>,
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
}
