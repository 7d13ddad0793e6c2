//! What the program tells of itself: log lines on standard error, and traces of calls where they are wanted.

use std::{io::IsTerminal, path::Path};

use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};
use waihu_api::Traces;

use crate::{configuration::Configuration, project::Project};

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line, for what collects them.
    Json,
}

impl LogFormat {
    /// What `WAIHU_LOG_FORMAT` says; text where it says nothing that is known.
    pub fn of(word: Option<&str>) -> Self {
        if word == Some("json") { Self::Json } else { Self::Text }
    }
}

/// What is told is told; the last traces leave when it is dropped.
#[derive(Debug)]
pub struct Logs {
    _traces: Option<Traces>,
}

/// Whose finer lines show what passes through them: text messages, and what desks and supervisors are told.
const INDISCREET: [&str; 3] = [waihu_deliver::INDISCREET, "tungstenite", "tokio_tungstenite"];

type Told = Box<dyn Layer<Registry> + Send + Sync>;

/// Begins to tell. What keeps traces from being sent is told as well, and nothing else hangs on them.
pub fn begin(filter: EnvFilter, format: LogFormat, root: &Path) -> Logs {
    // Whatever is asked for: nobody's number or text.
    let discreet = filter_fn(|told| {
        *told.level() <= Level::WARN || !INDISCREET.iter().any(|room| told.target().starts_with(room))
    });
    let filter = filter.and(discreet);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Told = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed(),
    };
    // What is wrong with the configuration is told by the command that needs it.
    let configuration = Configuration::of(&Project::at(root)).ok();
    let wanted = configuration.and_then(|c| Some((c.traces?, c.node)));
    let made = wanted.map(|(endpoint, node)| waihu_api::traces::<Registry>(&endpoint, &node));
    let (layer, traces, fault) = match made {
        Some(Ok((layer, traces))) => (Some(layer), Some(traces), None),
        Some(Err(e)) => (None, None, Some(e)),
        None => (None, None, None),
    };
    let layers: Vec<Told> = std::iter::once(lines).chain(layer.map(Layer::boxed)).collect();
    tracing_subscriber::registry().with(layers).init();
    if let Some(e) = fault {
        tracing::warn!(error = %e, "no traces are sent");
    }
    Logs { _traces: traces }
}
