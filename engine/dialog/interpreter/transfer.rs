//! What is known of an agent who is wanted, and what is said around them. When it is said is the call's.

use std::{sync::Arc, time::Duration};

use waihu_types::{Intent, Lang};

use super::{Interpreter, Phase};
use crate::{
    io::AgentsBack,
    script::{Kind, Line, PromptIx},
    template::{Placeholder, Template},
};

/// How it stands for a callee who waits for an agent, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// The place among those who wait, from 1.
    pub place: Option<u32>,
    /// How long it still takes, as it seems.
    pub expected: Option<Duration>,
}

impl Interpreter {
    /// What an agent is wanted for, and what they should be able to do: from the first word of a transfer on, so that
    /// they are sought while it is spoken.
    pub fn agent_wanted(&self) -> Option<(Intent, Arc<[String]>)> {
        match (&self.phase, &self.script.state(self.state).kind) {
            (Phase::Saying { .. } | Phase::Calling { .. }, Kind::Transfer { skills, .. }) => {
                Some((self.reason(), Arc::clone(skills)))
            }
            _ => None,
        }
    }

    /// Takes in when agents are at work again.
    pub fn agents_back(&mut self, at: AgentsBack) {
        self.memory.agents_back = at;
    }

    /// A prompt's wording whose turn it is: while agents are not at work, of those that say when they are again, where
    /// there are any.
    pub(super) fn wording(&self, prompt: PromptIx, turn: u8) -> Option<&Template> {
        let wordings = self.script.wordings(self.lang, self.memory.kind(), prompt);
        let is_after_hours =
            self.memory.agents_back.is_some() && wordings.iter().any(Template::is_after_hours);
        let fit = || wordings.iter().filter(move |w| w.is_after_hours() == is_after_hours);
        fit().nth(usize::from(turn) % fit().count().max(1))
    }

    /// What a callee hears who waits for an agent; none where the script has no words for it.
    pub fn words_of_the_wait(&mut self, wait: Wait) -> Option<String> {
        let Kind::Transfer { waiting, .. } = &self.script.state(self.state).kind else { return None };
        let (line, lang) = (waiting.clone()?, self.lang);
        self.words(&line, |p| match p {
            Placeholder::QueuePlace => wait.place.map(|place| place.to_string()),
            Placeholder::QueueWait => wait.expected.map(|expected| lasting(expected, lang)),
            _ => None,
        })
    }

    /// What both hear once an agent is there; none where the script has no words for it.
    pub fn introduction(&mut self, agent: &str) -> Option<String> {
        let Kind::Transfer { joined, .. } = &self.script.state(self.state).kind else { return None };
        let line = joined.clone()?;
        self.words(&line, |p| (p == Placeholder::Agent).then(|| agent.to_owned()))
    }

    /// What made the callee be handed over: despair or a complaint wherever in the call it was told, else what was said
    /// last and is no mere answer. Who was not understood up to there has said nothing that could be told.
    pub(super) fn reason(&self) -> Intent {
        use Intent as I;
        let grave = [I::Distress, I::Complaint].into_iter().find(|grave| self.intents.contains(grave));
        let since = self.unclear_after.unwrap_or(0);
        let last = self.intents.iter().skip(since).rev().copied().find(|intent| !answers_only(*intent));
        let unclear = self.unclear_after.map(|_| I::OutOfScope);
        let any = grave.or(last).or(unclear).or(self.intents.last().copied());
        any.unwrap_or(I::RequestHuman)
    }

    /// The first wording of which all is known, beginning with the one whose turn it is.
    fn words(&mut self, line: &Line, known: impl Fn(Placeholder) -> Option<String>) -> Option<String> {
        let script = self.script.clone();
        let wordings = script.wordings(self.lang, self.memory.kind(), line.prompt);
        let turn = usize::from(self.spoken[line.prompt]);
        self.spoken[line.prompt] = self.spoken[line.prompt].saturating_add(1);
        (0..wordings.len()).find_map(|n| {
            let wording = wordings.get((turn + n) % wordings.len())?;
            wording.fill(|p| known(p).or_else(|| self.memory.value(p)))
        })
    }
}

/// Whether whoever says it only answers, or nothing can be told of it.
fn answers_only(intent: Intent) -> bool {
    use Intent as I;
    matches!(
        intent,
        I::Affirm | I::Deny | I::Acknowledge | I::Greeting | I::Goodbye | I::Wait | I::OutOfScope
    )
}

/// A time to wait in whole minutes, as people say it.
fn lasting(expected: Duration, lang: Lang) -> String {
    let minutes = expected.as_secs().div_ceil(60);
    match (lang, minutes) {
        (Lang::Zh, 0 | 1) => "不到一分钟".to_owned(),
        (Lang::Zh, minutes) => format!("{minutes}分钟"),
        (Lang::En, 0 | 1) => "less than a minute".to_owned(),
        (Lang::En, minutes) => format!("{minutes} minutes"),
    }
}
