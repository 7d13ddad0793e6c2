//! A flow that has been read and checked: states, rules, ladders, limits, prompts.
//!
//! Values only; [`crate::Interpreter`] runs them. Deliberately absent: reading ([`crate::parse`])
//! and checking ([`crate::check`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use waihu_types::{Disposition, Intent, Lang, ProductKind, Question, VoiceStyle};

use crate::{
    condition::{Condition, PromiseRules, Slot, Who},
    example::Example,
    guard::Guard,
    io::{BargeIn, LocalExamples, Pause},
    notices::{Notice, Profile},
    parse::short_path,
    problem::{Place, Problem, Problems},
    recorded::Recorded,
    template::Template,
};

/// An index into [`Script::states`].
pub(crate) type StateIx = usize;
/// An index into [`Prompts`].
pub(crate) type PromptIx = usize;

/// A flow, checked.
#[derive(Debug)]
pub struct Script {
    pub(crate) name: String,
    pub(crate) sha256: String,
    /// What it was read from, by name.
    pub(crate) files: Vec<(String, Arc<str>)>,
    pub(crate) start: StateIx,
    pub(crate) states: Vec<State>,
    /// Rules for every state that listens, after the state's own.
    pub(crate) always: Vec<Rule>,
    pub(crate) limits: Limits,
    pub(crate) confidence: Confidence,
    pub(crate) promise: PromiseRules,
    pub(crate) digits: BTreeMap<char, Intent>,
    pub(crate) voicemail: StateIx,
    pub(crate) voicemail_at: Place,
    pub(crate) screening: Option<Screening>,
    /// The template of the text that is left where nobody was reached.
    pub(crate) unreached: Option<Line>,
    pub(crate) notices: Notices,
    pub(crate) voices: Voices,
    pub(crate) recorded: Recorded,
    pub(crate) prompts: Prompts,
    /// By language and state: words that the recognizer is told to listen for there.
    pub(crate) hear: BTreeMap<Lang, BTreeMap<StateIx, Vec<String>>>,
    /// By language and state: what a callee may say there, for the classifier.
    pub(crate) local: BTreeMap<Lang, BTreeMap<StateIx, LocalExamples>>,
    pub(crate) examples: BTreeMap<Lang, Vec<Example>>,
}

/// The voice of each language that the script says something of.
pub(crate) type Voices = BTreeMap<Lang, ScriptVoice>;

/// How a script speaks a language.
#[derive(Debug, Default)]
pub(crate) struct ScriptVoice {
    pub(crate) style: VoiceStyle,
    /// Where its recorded prompts lie, from the flow's folder.
    pub(crate) recorded: Option<String>,
    /// Where its name stands, or else its table.
    pub(crate) at: Option<Place>,
}

/// Every prompt in every language.
#[derive(Debug, Default)]
pub(crate) struct Prompts {
    pub(crate) names: Vec<Arc<str>>,
    /// By language and prompt: one wording or more.
    pub(crate) wordings: BTreeMap<Lang, Vec<Vec<Template>>>,
    /// Wordings for one kind of product, instead.
    pub(crate) variants: BTreeMap<(Lang, ProductKind), BTreeMap<PromptIx, Vec<Template>>>,
}

#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) max_turns: u32,
    pub(crate) max_time: Duration,
    /// The end that closes a call which has reached a limit.
    pub(crate) to: StateIx,
    pub(crate) at: Place,
}

/// From which confidence on an utterance counts as understood.
#[derive(Debug)]
pub(crate) struct Confidence {
    pub(crate) accept: f32,
    /// For intents that the state expects.
    pub(crate) expected: f32,
    /// For a rule that confirms the person.
    pub(crate) confirm: f32,
    /// For intents that are heeded rather once too often.
    pub(crate) urgent: f32,
    pub(crate) urgent_intents: Vec<Intent>,
}

/// One prompt of a sequence.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) prompt: PromptIx,
    pub(crate) barge_in: BargeIn,
    pub(crate) at: Place,
}

/// What is said to an assistant that asks who is calling, before it puts anyone through.
#[derive(Debug)]
pub(crate) struct Screening {
    pub(crate) say: Vec<Line>,
    /// How long the person is waited for.
    pub(crate) wait: Duration,
    /// The end where nobody comes.
    pub(crate) to: StateIx,
    pub(crate) at: Place,
}

/// The rules that a flow is under, and the prompts by which it gives their notices.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    pub(crate) profiles: BTreeSet<Profile>,
    pub(crate) given_by: BTreeMap<PromptIx, BTreeSet<Notice>>,
    /// Where that is said.
    pub(crate) at: Option<Place>,
}

/// How a state listens.
#[derive(Debug)]
pub(crate) struct Listen {
    /// How long the callee may be silent.
    pub(crate) timeout: Duration,
    pub(crate) expects: Vec<Intent>,
    pub(crate) question: Question,
    pub(crate) pause: Option<Pause>,
}

/// What is wanted beside the talk; it stands in the outcome for whoever carries it out.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// A text message: its template, which is a prompt that is never spoken.
    Sms(Line),
    /// A remark for whoever reads the case next.
    Note(Arc<str>),
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: Arc<str>,
    pub(crate) at: Place,
    pub(crate) say: Vec<Line>,
    /// The short form of the question, for asking again.
    pub(crate) again: Option<Line>,
    pub(crate) private: bool,
    /// Wanted as soon as it is come to.
    pub(crate) acts: Vec<Act>,
    /// An aside: from here the call can go back to where it was when it came here.
    pub(crate) aside: bool,
    /// The disposition that stands when the call is cut off from here on.
    pub(crate) reached: Option<Disposition>,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Ask {
        listen: Listen,
        rules: Vec<Rule>,
        silence: Ladder,
        no_match: Ladder,
    },
    Pass {
        next: StateIx,
    },
    /// Back to the question that an aside led away from.
    Back,
    Transfer {
        timeout: Duration,
        failed: StateIx,
        /// What the agent should be able to do.
        skills: Arc<[String]>,
        /// What a callee hears now and then who waits.
        waiting: Option<Line>,
        /// What both hear once the agent is there.
        joined: Option<Line>,
        rules: Vec<Rule>,
    },
    End(End),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) disposition: Disposition,
    pub(crate) callback: Option<CallbackBy>,
    pub(crate) redial: RedialAdvice,
    /// Whether what was reached before outweighs this end's own disposition.
    pub(crate) keep_reached: bool,
    /// The disposition instead, where the debt has been spoken of.
    pub(crate) after_disclosure: Option<Disposition>,
}

impl End {
    /// An end with no more than its disposition.
    pub(crate) fn of(disposition: Disposition) -> Self {
        Self {
            disposition,
            callback: None,
            redial: RedialAdvice::ByRule,
            keep_reached: false,
            after_disclosure: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallbackBy {
    Bot,
    Agent,
}

/// What an end says about dialling again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RedialAdvice {
    /// The campaign's rules decide.
    ByRule,
    /// Never again about this case, whatever the rules allow.
    Never,
}

/// What is said, rung by rung, when nothing was heard or understood.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    pub(crate) rungs: Vec<Line>,
    pub(crate) to: StateIx,
}

#[derive(Debug)]
pub(crate) struct Rule {
    /// Counts over the whole script; the key of its limit.
    pub(crate) id: usize,
    pub(crate) at: Place,
    pub(crate) intents: Vec<Intent>,
    pub(crate) when: Vec<Condition>,
    pub(crate) guard: Option<Guard>,
    pub(crate) take: Vec<Slot>,
    pub(crate) identity: Option<Who>,
    pub(crate) say: Vec<Line>,
    pub(crate) acts: Vec<Act>,
    pub(crate) private: bool,
    pub(crate) then: Then,
    /// How often it may apply in one call; after that it is passed over.
    pub(crate) limit: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Go(StateIx),
    /// Ask the state's question again, in its short form.
    Ask,
    /// Listen on, for this long where it is given.
    Listen(Option<Duration>),
    /// Say the state's prompts again.
    Replay,
}

impl State {
    /// Whether to come here is to have promised.
    pub(crate) fn seals_a_promise(&self) -> bool {
        let ends = matches!(&self.kind, Kind::End(end) if end.disposition == Disposition::PromiseToPay);
        ends || self.reached == Some(Disposition::PromiseToPay)
    }
}

impl Act {
    /// The text that it sends, if any.
    pub(crate) fn text(&self) -> Option<&Line> {
        match self {
            Self::Sms(line) => Some(line),
            Self::Note(_) => None,
        }
    }
}

impl Rule {
    /// Everything that reaches the callee by it: what is spoken, and what is sent.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Line> {
        self.say.iter().chain(self.acts.iter().filter_map(Act::text))
    }

    /// Whether nothing can get past it for its intents.
    pub(crate) fn is_final(&self) -> bool {
        self.when.is_empty() && self.guard.is_none() && self.limit.is_none()
    }
}

impl Kind {
    /// Whether an aside can lead away from it, and back.
    pub(crate) fn can_be_left(&self) -> bool {
        matches!(self, Self::Ask { .. } | Self::Pass { .. })
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        match self {
            Self::Ask { rules, .. } | Self::Transfer { rules, .. } => rules,
            Self::Pass { .. } | Self::Back | Self::End(_) => &[],
        }
    }
}

impl Script {
    /// Reads and checks a flow from its files: `script.toml`, and for every language
    /// `prompts.<lang>.toml` and `examples.<lang>.toml` (these may be missing). Only the last
    /// part of a path counts; the path as given is named in problems.
    ///
    /// # Errors
    /// Everything that is wrong, by file and line. The check is static: unknown words, missing
    /// and unused prompts, states that cannot be reached or from which no end can be, loops
    /// without a limit, values spoken before they are known, and any path on which the debt could
    /// be spoken of before the person is confirmed.
    pub fn load(name: &str, files: &[(&str, &str)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let script = crate::parse::script(name, files, &mut problems);
        if let Some(script) = &script
            && problems.0.is_empty()
        {
            crate::check::check(script, &mut problems);
        }
        problems.0.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        problems.0.dedup();
        match script {
            Some(script) if problems.0.is_empty() => Ok(script),
            _ => Err(problems.0),
        }
    }

    /// The flow's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 over the flow's files, in hex: over each one's name and text, in the names' order; and, where
    /// a person recorded prompts, over those.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The texts that the flow consists of, its parts' among them, by name (`script.toml`,
    /// `parts/identity/part.toml`): [`Script::load`] makes the same of them again.
    pub fn files(&self) -> &[(String, Arc<str>)] {
        &self.files
    }

    /// How the flow speaks a language, where a case has no voice of its own.
    pub fn voice_style(&self, lang: Lang) -> VoiceStyle {
        self.voices.get(&lang).map(|v| v.style.clone()).unwrap_or_default()
    }

    /// A fault in how the flow speaks a language, told where the file names the voice: which voices there
    /// are only the synthesizers know.
    pub fn voice_problem(&self, lang: Lang, message: String) -> Problem {
        let at = self.voices.get(&lang).and_then(|v| v.at.as_ref());
        Problem {
            file: at.map_or_else(|| "script.toml".to_owned(), |at| at.file.to_string()),
            line: at.map_or(1, |at| at.line),
            message,
            help: String::new(),
        }
    }

    /// The golden conversations of a language.
    pub fn examples(&self, lang: Lang) -> &[Example] {
        self.examples.get(&lang).map_or(&[], Vec::as_slice)
    }

    /// The profiles of rules that the flow is written for.
    pub fn profiles(&self) -> impl Iterator<Item = Profile> {
        self.notices.profiles.iter().copied()
    }

    /// What agents should be able to do to whom the flow hands over, whatever for; each once.
    pub fn transfer_skills(&self) -> Vec<String> {
        let skills = self.states.iter().filter_map(|state| match &state.kind {
            Kind::Transfer { skills, .. } => Some(skills.iter().cloned()),
            _ => None,
        });
        skills.flatten().collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// How many states there are.
    pub fn state_count(&self) -> usize {
        self.states.len()
    }

    pub(crate) fn state(&self, ix: StateIx) -> &State {
        &self.states[ix]
    }

    pub(crate) fn local_examples(&self, lang: Lang, state: StateIx) -> LocalExamples {
        let of_state = self.local.get(&lang).and_then(|states| states.get(&state));
        of_state.cloned().unwrap_or_default()
    }

    /// Why a rule applies and what it does, for whoever reads the transcript: where it stands, under
    /// which conditions, and where it leads.
    pub(crate) fn why(&self, rule: &Rule) -> String {
        let mut why = format!("{} line {}", short_path(&rule.at.file), rule.at.line);
        let conditions: Vec<&str> = rule.when.iter().map(|c| c.word()).collect();
        if !conditions.is_empty() {
            why += &format!(", when {}", conditions.join(" and "));
        }
        if let Some(guard) = &rule.guard {
            why += &format!(", if {}", guard.text);
        }
        if let Then::Go(to) = rule.then {
            why += &format!(" → {}", self.state(to).name);
        }
        why
    }

    pub(crate) fn prompt_name(&self, ix: PromptIx) -> &Arc<str> {
        &self.prompts.names[ix]
    }

    /// How a prompt is worded for a kind of product.
    pub(crate) fn wordings(&self, lang: Lang, kind: ProductKind, ix: PromptIx) -> &[Template] {
        let own = self.prompts.variants.get(&(lang, kind)).and_then(|all| all.get(&ix));
        let any = || self.prompts.wordings.get(&lang).and_then(|all| all.get(ix));
        own.or_else(any).map_or(&[], Vec::as_slice)
    }

    /// The wordings that a prompt has for one kind of product and no other, or for all that have none.
    pub(crate) fn own_wordings(&self, lang: Lang, kind: Option<ProductKind>, ix: PromptIx) -> &[Template] {
        let found = match kind {
            Some(kind) => self.prompts.variants.get(&(lang, kind)).and_then(|all| all.get(&ix)),
            None => self.prompts.wordings.get(&lang).and_then(|all| all.get(ix)),
        };
        found.map_or(&[], Vec::as_slice)
    }

    /// All wordings of a prompt in a language, for whatever product.
    pub(crate) fn all_wordings(&self, lang: Lang, ix: PromptIx) -> impl Iterator<Item = &Template> {
        let any = self.prompts.wordings.get(&lang).and_then(|all| all.get(ix));
        let own = self.prompts.variants.iter().filter(move |((l, _), _)| *l == lang);
        any.into_iter().chain(own.filter_map(move |(_, all)| all.get(&ix))).flatten()
    }
}
