//! What goes into the interpreter and what comes out of it: closed, and with nothing of SIP,
//! sound or models in it.

use std::{fmt, sync::Arc, time::Duration};

use jiff::civil::DateTime;
use waihu_nlu::Entities;
use waihu_types::{
    Callback, Disposition, FollowUp, Handover, HandoverResult, Identity, Intent, Promise, Question, Time,
};

use crate::script::RedialAdvice;

/// When agents are at work again, by the callee's clock; none while they are.
pub type AgentsBack = Option<DateTime>;

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
    /// What else is meant, the surest first, each with how sure that is. It counts where the script
    /// has no answer to [`Self::intent`], and where it is urgent.
    pub also: Vec<(Intent, f32)>,
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
    /// The agent that was dialled has answered, and both are joined; maybe when nobody waited any more.
    AgentJoined {
        /// The agent's name in the configuration.
        agent: String,
    },
    /// The agent who was joined, or about to be, is gone, and the callee is still there. The callee's words to the
    /// agent were not told here.
    AgentLost,
    /// No agent can take the call.
    AgentUnavailable {
        /// The agent's name in the configuration.
        agent: String,
        /// Why.
        result: HandoverResult,
    },
    /// The callee, who still speaks, only murmurs: an interrupted prompt goes on at once.
    BackChannel,
    /// A voicemail box, and no person, has answered: what is left there waits for [`Self::Beep`].
    Voicemail,
    /// The box records from here on.
    Beep,
    /// An assistant asks who is calling, and may put a person through.
    Screening,
    /// After [`Self::Screening`]: the person is on the line.
    Person,
    /// Something answered with which there is nothing to speak: an announcement, a fax.
    NoPerson {
        /// What the call is filed as.
        disposition: Disposition,
    },
    /// The callee's side is gone.
    CalleeHungUp,
    /// The time of [`crate::Interpreter::poll_timeout`] has come.
    Timeout,
}

/// Whether the callee may stop a prompt by speaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BargeIn {
    /// Speech stops it: words that are meant to, or voice on end of which no words are known yet.
    Allowed {
        /// So much voice; none: the call's own measure.
        after: Option<Duration>,
    },
    /// Only words that are meant to stop it do, and voice alone never.
    ByWords,
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

/// The silence that ends a turn, where a script sets it for a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pause {
    /// Where the turn sounds and reads as finished.
    pub least: Duration,
    /// Where it does not.
    pub most: Duration,
}

/// What is known beforehand of the callee's next words.
///
/// `Debug` hides the words: the name and what is owed are among them.
#[derive(Clone, Default, PartialEq)]
pub struct Expectation {
    /// What the script expects to hear, as a hint for the classifier.
    pub intents: Vec<Intent>,
    /// What kind of answer is asked for.
    pub question: Question,
    /// The silence that ends the turn; none: the measure for the question.
    pub pause: Option<Pause>,
    /// Words that may well be said, for the recognizer: those of the case, and the state's own.
    pub words: Vec<String>,
    /// What may be said in this state and what is meant by it, for the classifier.
    pub examples: LocalExamples,
}

/// Lines of a script that sharpen the classifier in one state, shared by all calls.
pub type LocalExamples = Arc<[(Intent, String)]>;

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { intents, question, pause, words, examples } = self;
        let (words, examples) = (words.len(), examples.len());
        write!(f, "Expectation({intents:?} {question:?} {pause:?} {words} words, {examples} examples)")
    }
}

/// How far an answer had come when it was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing of it was spoken.
    Unspoken,
    /// Some of it may have been.
    Begun,
}

/// What a half-heard utterance would do to the line that is being spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Nothing: whoever says it listens.
    BackChannel,
    /// It would stop the line, and be answered.
    CutsIn,
    /// Nothing is being spoken that it could stop, or it cannot be told yet.
    Unclear,
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
    /// Go on with the prompt that was interrupted, from where it broke off.
    Resume {
        /// The prompt's own id, as it was said; to be named again when it is done or interrupted.
        id: PromptId,
        /// Whether the callee may stop it now.
        barge_in: BargeIn,
    },
    /// Listen. The timeout is the interpreter's own (see `poll_timeout`); it is told for display.
    Listen {
        /// How long the callee may be silent.
        timeout: Duration,
        /// What is known of the answer beforehand.
        expectation: Expectation,
    },
    /// Dial an agent, and answer with `AgentJoined` or `AgentUnavailable`.
    DialAgent {
        /// What the callee said that made it so.
        reason: Intent,
        /// What the agent should be able to do, as far as there is one who is.
        skills: Arc<[String]>,
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
            Self::Resume { id, barge_in } => write!(f, "Resume({} {barge_in:?})", id.0),
            Self::Listen { timeout, .. } => write!(f, "Listen({timeout:?})"),
            Self::DialAgent { reason, skills } => write!(f, "DialAgent({reason} {skills:?})"),
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
    /// What is to be done beside the call: messages, remarks.
    pub follow_ups: Vec<FollowUp>,
    /// Intents met, in the order of the utterances; what was not understood is left out.
    pub intents: Vec<Intent>,
    /// The human part; `joined_at` is for the caller to fill in, who has the wall clock.
    pub handover: Option<Handover>,
    /// What the script says about dialling again.
    pub redial: RedialAdvice,
    /// How often it was the callee's turn.
    pub turns: u32,
}
