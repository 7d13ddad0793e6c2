//! The files of `dialogs/reminder`, and a case for each language.
#![allow(dead_code, clippy::panic, clippy::unwrap_used)]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use std::time::Duration;

use waihu_dialog::{Conclusion, Input, Interpreter, Output, Problem, PromptId, Script, Utterance};
use waihu_nlu::Entities;
use waihu_types::{Case, Intent, Lang, Time};

/// The flow, then the parts that it uses, as they lie in `dialogs/`.
pub static FILES: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let of_flow = ["script", "prompts.zh", "prompts.en", "examples.zh", "examples.en"];
    let mut files: Vec<_> = of_flow.map(|name| read(&format!("dialogs/reminder/{name}.toml"))).into();
    let uses = files[0].1.lines().filter_map(|l| l.strip_prefix("[use.")?.strip_suffix(']'));
    for part in uses {
        files.extend(
            ["part", "prompts.zh", "prompts.en"]
                .map(|name| read(&format!("dialogs/parts/{part}/{name}.toml"))),
        );
    }
    files
});

/// A file by its path in the project; it is kept for as long as the tests run.
fn read(path: &str) -> (&'static str, &'static str) {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(project.join(path)).unwrap();
    (path.to_owned().leak(), text.leak())
}

/// Read and checked once: a check walks every path.
static SCRIPT: LazyLock<Arc<Script>> = LazyLock::new(|| match Script::load("reminder", &FILES) {
    Ok(script) => Arc::new(script),
    Err(problems) => panic!("{}", lines(&problems)),
});

pub fn script() -> Arc<Script> {
    SCRIPT.clone()
}

pub fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

pub fn case(lang: Lang) -> Case {
    let json = match lang {
        Lang::Zh => {
            r#"{"id":"C1","phone":"1001","name":"张伟","title":"先生","lang":"zh","creditor":"安信银行",
            "product":"信用卡","amount":"3250.00","currency":"CNY","due_date":"2026-11-15"}"#
        }
        Lang::En => {
            r#"{"id":"C2","phone":"1002","name":"Daniel Reed","title":"Mr","lang":"en","creditor":"Harbor Bank",
            "product":"personal loan","amount":"1840.50","currency":"USD","due_date":"2026-11-15"}"#
        }
    };
    serde_json::from_str(json).unwrap()
}

/// One call in virtual time, step by step.
pub struct Talk {
    pub bot: Interpreter,
    pub now: Time,
    /// The prompt being spoken.
    pub saying: Option<PromptId>,
    /// The names of the prompts spoken so far.
    pub said: Vec<String>,
    /// How often a prompt was gone on with.
    pub resumed: u32,
    pub ended: Option<Conclusion>,
    /// Since when the callee speaks whose words are still to come.
    began: Option<Time>,
}

impl Talk {
    /// A call that has just been answered.
    pub fn answered(lang: Lang) -> Self {
        Self::with(script(), lang)
    }

    /// The same with another script.
    pub fn with(script: Arc<Script>, lang: Lang) -> Self {
        let bot = Interpreter::new(script, lang, &case(lang), jiff::civil::date(2026, 11, 24));
        let mut talk = Self {
            bot,
            now: Time::ZERO,
            saying: None,
            said: Vec::new(),
            resumed: 0,
            ended: None,
            began: None,
        };
        talk.input(Input::Start);
        talk
    }

    pub fn input(&mut self, input: Input) {
        if input == Input::SpeechStarted {
            self.began.get_or_insert(self.now);
        } else if input == Input::Unintelligible {
            self.began = None;
        }
        self.bot.handle_input(self.now, input);
        while let Some(output) = self.bot.poll_output() {
            assert!(self.ended.is_none(), "{output:?} after the end");
            match output {
                Output::Say { id, prompt, .. } => {
                    self.saying = Some(id);
                    self.said.push(prompt.to_string());
                }
                Output::Resume { id, .. } => {
                    self.saying = Some(id);
                    self.resumed += 1;
                }
                Output::Ended(c) => self.ended = Some(c),
                _ => {}
            }
        }
    }

    pub fn pass(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
    }

    /// The prompt being spoken comes to its end.
    pub fn done(&mut self) {
        let id = self.saying.take().unwrap();
        self.input(Input::PromptDone { id });
    }

    /// All prompts come to their end, each after `ms`.
    pub fn all_done(&mut self, ms: u64) {
        while self.saying.is_some() {
            self.pass(ms);
            self.done();
        }
    }

    /// Words reach the bot; they began when speech was first reported since the last ones.
    pub fn heard(&mut self, intent: Intent) {
        let began = self.began.take().unwrap_or(self.now);
        self.heard_since(began, intent, Entities::default());
    }

    pub fn heard_since(&mut self, began: Time, intent: Intent, entities: Entities) {
        let utterance =
            Utterance { text: "words".to_owned(), intent, confidence: 0.9, entities, also: Vec::new() };
        self.input(Input::Heard { utterance, began });
    }

    /// The callee speaks for a second.
    pub fn says(&mut self, intent: Intent) {
        self.pass(700);
        self.input(Input::SpeechStarted);
        self.pass(1_000);
        self.heard(intent);
    }

    /// The time that the bot waits for comes.
    pub fn time_is_up(&mut self) {
        let at = self.bot.poll_timeout().unwrap();
        self.now = self.now.max(at);
        self.input(Input::Timeout);
    }

    pub fn last(&self) -> &str {
        self.said.last().map_or("", String::as_str)
    }
}
