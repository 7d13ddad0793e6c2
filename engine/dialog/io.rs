//! What goes into the interpreter and what comes out of it: closed, and with nothing of SIP,
//! sound or models in it.

use std::{fmt, sync::Arc, time::Duration};

use waihu_nlu::Entities;
use waihu_types::{Callback, Disposition, Handover, HandoverResult, Identity, Intent, Promise, Time};

use crate::script::RedialAdvice;

/// One speaking of one prompt; never used twice in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PromptId(pub u32);

impl fmt::Display for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the callee said in one breath, understood.
///
/// `Debug` hides the words: they are personal data.
#[derive(Clone, PartialEq)]
pub struct Utterance {
    /// The words, as they were recognized; only a name that the callee gives is looked for in them.
    pub text: String,
    /// What is meant.
    pub intent: Intent,
    /// How sure that is, from 0 to 1.
    pub confidence: f32,
    /// The values said beside it.
    pub entities: Entities,
}

impl fmt::Debug for Utterance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Utterance({} {:.2} {:?})", self.intent, self.confidence, self.entities)
    }
}

/// What happens to the interpreter.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The callee's side has answered, and can hear.
    Start,
    /// A prompt was spoken to its end.
    PromptDone {
        /// Which.
        id: PromptId,
    },
    /// A prompt was stopped because the callee spoke.
    PromptInterrupted {
        /// Which.
        id: PromptId,
        /// How much of it was heard [ms].
        played_ms: u64,
    },
    /// A prompt could not be spoken: there is no voice for it. Nothing of it was heard.
    PromptFailed {
        /// Which.
        id: PromptId,
    },
    /// The callee has begun to speak; [`Input::Heard`] or [`Input::Unintelligible`] follows.
    SpeechStarted,
    /// The callee has said something.
    Heard {
        /// What.
        utterance: Utterance,
        /// When the callee began to say it: words come late, and may be older than the line that
        /// is being spoken.
        began: Time,
    },
    /// The callee has pressed a key: `0` to `9`, `*`, `#`.
    Digit(char),
    /// The callee spoke, and no words were found in it.
    Unintelligible,
    /// The agent that was dialled has answered, and both are joined.
    AgentJoined {
        /// The agent's name in the configuration.
        agent: String,
    },
    /// No agent can take the call.
    AgentUnavailable {
        /// The agent's name in the configuration.
        agent: String,
        /// Why.
        result: HandoverResult,
    },
    /// A voicemail box, and no person, has answered.
    Voicemail,
    /// The callee's side is gone.
    CalleeHungUp,
    /// The time of [`crate::Interpreter::poll_timeout`] has come.
    Timeout,
}

/// Whether the callee may stop a prompt by speaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BargeIn {
    /// Speech stops it.
    Allowed,
    /// It is spoken to its end, whatever is said meanwhile.
    MustBeHeard,
}

/// Whether a prompt speaks of the debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Private {
    /// It does; it is only ever spoken to the person confirmed.
    Yes,
    /// Anyone may hear it.
    No,
}

/// What the interpreter wants done.
#[derive(Clone, PartialEq)]
pub enum Output {
    /// Speak. A prompt that is still being spoken gives way to it.
    Say {
        /// To be named when it is done or interrupted.
        id: PromptId,
        /// The prompt's name in the script.
        prompt: Arc<str>,
        /// The words to speak, final.
        text: String,
        /// Whether the callee may stop it.
        barge_in: BargeIn,
        /// Whether it speaks of the debt.
        private: Private,
    },
    /// Listen. The timeout is the interpreter's own (see `poll_timeout`); it is told for display.
    Listen {
        /// How long the callee may be silent.
        timeout: Duration,
        /// What the script expects to hear, as a hint for the classifier.
        expects: Vec<Intent>,
    },
    /// Dial an agent, and answer with `AgentJoined` or `AgentUnavailable`.
    DialAgent {
        /// What the callee said that made it so.
        reason: Intent,
    },
    /// The agent that is being dialled is no longer wanted.
    CancelAgent,
    /// The bot is done: callee and agent are left to each other.
    LeaveToAgent,
    /// Hang up.
    HangUp,
    /// The conversation is over. Comes once, and nothing after it.
    Ended(Conclusion),
    /// What was decided, and why; no personal data.
    Trace {
        /// The state it was decided in.
        state: Arc<str>,
        /// Why, for people.
        why: String,
    },
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Say { id, prompt, barge_in, private, .. } => {
                write!(f, "Say({} {prompt} {barge_in:?} private={private:?})", id.0)
            }
            Self::Listen { timeout, .. } => write!(f, "Listen({timeout:?})"),
            Self::DialAgent { reason } => write!(f, "DialAgent({reason})"),
            Self::CancelAgent => f.write_str("CancelAgent"),
            Self::LeaveToAgent => f.write_str("LeaveToAgent"),
            Self::HangUp => f.write_str("HangUp"),
            Self::Ended(c) => write!(f, "Ended({})", c.disposition.label()),
            Self::Trace { state, why } => write!(f, "Trace({state}: {why})"),
        }
    }
}

/// How a conversation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// For the case.
    pub disposition: Disposition,
    /// Whether the person was who was asked for.
    pub identity: Identity,
    /// Whether any word of the debt was spoken.
    pub debt_disclosed: bool,
    /// What was promised and read back.
    pub promise: Option<Promise>,
    /// The call back that was agreed.
    pub callback: Option<Callback>,
    /// Intents met, in the order of the utterances; what was not understood is left out.
    pub intents: Vec<Intent>,
    /// The human part; `joined_at` is for the caller to fill in, who has the wall clock.
    pub handover: Option<Handover>,
    /// What the script says about dialling again.
    pub redial: RedialAdvice,
    /// How often it was the callee's turn.
    pub turns: u32,
}
