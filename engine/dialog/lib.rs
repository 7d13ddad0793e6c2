//! Dialog scripts: data that is checked before any call, and the machine that runs them.
//!
//! A flow is a folder of TOML: states and rules (`script.toml`), prompts per language, golden
//! conversations. [`Script::load`] reads and checks it; [`Interpreter`] holds one conversation.
//! It meets intents and entities, never SIP, sound or models, and time is an argument.

mod address;
mod bounds;
mod check;
mod condition;
mod coverage;
mod debt_words;
mod describe;
mod diff;
mod example;
mod fit;
mod graph;
mod guard;
mod interpreter;
mod io;
mod memory;
mod naming;
mod negotiating;
mod notices;
mod parse;
mod passing;
mod problem;
mod reader;
mod recorded;
mod script;
mod template;
mod unreached;

pub use address::address;
pub use bounds::Bounds;
pub use condition::{Condition, PromiseRules, Slot};
pub use coverage::{Coverage, Failure, Trial, Tried};
pub use debt_words::first_in as debt_word;
pub use diff::{Change, Difference, Mark, Piece};
pub use example::{Event, Example};
pub use fit::Unfit;
pub use graph::escape;
pub use guard::guard_names;
pub use interpreter::{Interpreter, SoFar, Wait};
pub use io::{
    AgentsBack, Answer, BargeIn, Conclusion, Expectation, Input, LocalExamples, Output, Pause, Private,
    PromptId, Utterance, Weight,
};
pub use notices::{Notice, Profile};
pub use parse::Lexicon;
pub use problem::Problem;
pub use recorded::{Chosen, Delivery, Part, RecordedFile, RecordedLines};
pub use script::{RedialAdvice, Script};
pub use template::{MONTHS, Placeholder, Template, TemplateError, clock, day, day_of_week, money, when};
