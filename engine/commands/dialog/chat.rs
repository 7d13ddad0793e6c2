//! `waihu dialog chat`: a conversation with a flow, typed.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::civil::Date;
use waihu_dialog::{Event, Script, Utterance};
use waihu_intent::Classifier;
use waihu_types::{Case, Lang};

use super::{
    session::{Session, Shown, labelled},
    source::Source,
};
use crate::{
    output::{note, out},
    project::Project,
};

const HELP: &str = "\
/silence            the callee says nothing                  没有声音
/noise              sounds, and no words in them             有声音但听不清
/over TEXT          TEXT is said over the bot's last line    在机器人最后一句说到一半时插话
/key 1              a key of the telephone                   按键
/hangup             the callee hangs up                      对方挂断
/agent joined       an agent takes the call; no_answer, failed 坐席接听、无人接听、失败
/event NAME         voicemail screening person announcement …  其他事件
/state              where the conversation stands            当前状态
/trace              shows, or no longer, why                 显示或隐藏原因
/names              shows, or no longer, the prompts' names  显示或隐藏话术名
/golden             the conversation as a golden one         输出为标准对话
/quit               leaves without an end                    退出";

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    /// The flow: a name of dialogs/, a stored version NAME@SHA, or a folder 话术
    flow: String,
    #[command(flatten)]
    about: About,
    /// Labels are typed instead of words, and no model is needed: affirm, promise_to_pay date=2026-12-01
    /// amount=500; words may follow after ": " 直接输入意图标签，不需要模型
    #[arg(long)]
    intents: bool,
    /// Print the conversation as a golden one at its end 结束时输出为标准对话
    #[arg(long)]
    golden: bool,
}

/// About whom, in which language, on which day, and what is shown.
#[derive(Debug, Args)]
pub(super) struct About {
    /// The case: a JSON object or a TOML table; that of the flow's golden conversations when left out 案件
    #[arg(long, value_name = "FILE")]
    case: Option<PathBuf>,
    /// The language; the case's own when left out 语言
    #[arg(long)]
    lang: Option<Lang>,
    /// The day it is at the callee's place; today when left out, or that of the golden conversations with
    /// their case 当天日期
    #[arg(long, value_name = "YYYY-MM-DD")]
    today: Option<Date>,
    /// Show why each thing was decided 显示每步原因
    #[arg(long)]
    trace: bool,
    /// Show the names of prompts 显示话术名
    #[arg(long)]
    names: bool,
}

impl About {
    /// Begins the conversation, and says about whom.
    pub(super) fn begin(&self, script: &Arc<Script>) -> Result<(Session, Date)> {
        let (case, lang, today) = self.case(script)?;
        out!(
            "{} {lang} · {today} · {} {}, {}, {} {}, {} {}",
            script.name(),
            case.name,
            case.title,
            case.creditor,
            case.product,
            case.due_date,
            case.due.amount(),
            case.due.currency()
        )?;
        let shown = Shown { trace: self.trace, names: self.names };
        Ok((Session::begin(script, lang, &case, today, shown), today))
    }

    /// The case, the language and the day.
    pub(super) fn case(&self, script: &Script) -> Result<(Case, Lang, Date)> {
        match &self.case {
            Some(path) => {
                let case = read_case(path)?;
                let lang = self.lang.unwrap_or(case.lang);
                let today = self.today.unwrap_or_else(|| jiff::ZonedDateTime::now().date());
                Ok((case, lang, today))
            }
            None => {
                let lang = self.lang.unwrap_or(Lang::Zh);
                let Some(example) = script.examples(lang).first() else {
                    bail!(
                        "the flow has no golden conversation in {lang} to take a case from: name one with --case 请用 --case 指定案件"
                    );
                };
                let (case, today) = example.case();
                Ok((case.clone(), lang, self.today.unwrap_or(today)))
            }
        }
    }
}

/// Who understands what is typed.
enum Mind {
    Labels,
    Models(Box<Classifier>),
}

pub(crate) fn run(project: &Project, args: &ChatArgs) -> Result<ExitCode> {
    let script = Source::named(project, &args.flow)?.script();
    let mind = if args.intents {
        Mind::Labels
    } else {
        note!("loading models 加载模型 …");
        Mind::Models(Box::new(Classifier::load(&project.encoder()?, &project.trained_head()?)?))
    };
    let (mut session, today) = args.about.begin(&script)?;
    let terminal = io::stdin().is_terminal();
    if terminal {
        note!("/help shows what else can be typed 输入 /help 查看命令");
    }
    converse(&mut session, &mind, today, &mut io::stdin().lock(), terminal)?;
    finish(&mut session, args.golden)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads until the conversation is over; an end of what is read hangs up.
fn converse(
    session: &mut Session,
    mind: &Mind,
    today: Date,
    from: &mut dyn BufRead,
    terminal: bool,
) -> Result<()> {
    show(session)?;
    let mut text = String::new();
    while !session.is_over() {
        if terminal {
            let _ = write!(io::stdout(), "> ").and_then(|()| io::stdout().flush());
        }
        text.clear();
        if from.read_line(&mut text).context("standard input: not UTF-8 text 不是 UTF-8 文本")? == 0 {
            out!("— the callee hangs up 对方挂断")?;
            session.event(Event::HangUp);
            break;
        }
        let typed = text.trim();
        if typed == "/quit" {
            return Ok(());
        }
        if let Some(command) = typed.strip_prefix('/') {
            obey(session, mind, today, command)?;
        } else if !typed.is_empty() {
            match understood(session, mind, today, typed) {
                Ok(utterance) => session.heard(utterance),
                Err(why) => out!("{why}")?,
            }
        }
        show(session)?;
    }
    show(session)
}

/// Prints what the session has to say.
pub(super) fn show(session: &mut Session) -> Result<()> {
    session.take().iter().try_for_each(|line| out!("{line}"))
}

/// Prints the outcome, as far as there is one.
pub(super) fn finish(session: &mut Session, golden: bool) -> Result<()> {
    show(session)?;
    if golden {
        session.golden().iter().try_for_each(|line| out!("{line}"))?;
    }
    match session.outcome() {
        Some(outcome) => out!("{}", serde_json::to_string_pretty(&outcome)?),
        None => Ok(()),
    }
}

fn obey(session: &mut Session, mind: &Mind, today: Date, command: &str) -> Result<()> {
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    let event = |word: &str| Event::WORDS.iter().find(|w| w.0 == word).map(|w| w.1);
    match name {
        "help" => out!("{HELP}")?,
        "trace" => {
            session.shown.trace ^= true;
            out!("trace 原因: {}", if session.shown.trace { "on 开" } else { "off 关" })?;
        }
        "names" => {
            session.shown.names ^= true;
            out!("names 话术名: {}", if session.shown.names { "on 开" } else { "off 关" })?;
        }
        "state" => session.state().iter().try_for_each(|line| out!("{line}"))?,
        "golden" => session.golden().iter().try_for_each(|line| out!("{line}"))?,
        "hangup" => session.event(Event::HangUp),
        "silence" | "noise" => session.event(event(name).unwrap_or(Event::Silence)),
        "agent" => match event(&format!("agent_{rest}")) {
            Some(event) => session.event(event),
            None => out!("/agent joined | no_answer | failed")?,
        },
        "event" => match event(rest) {
            Some(event) => session.event(event),
            None => {
                let all: Vec<&str> = Event::WORDS.iter().map(|w| w.0).collect();
                out!("no event {rest:?} 没有该事件; there are 现有: {}", all.join(" "))?;
            }
        },
        "key" => match rest.chars().next().filter(|c| c.is_ascii_digit() || matches!(c, '*' | '#')) {
            Some(key) => session.key(key),
            None => out!("/key 0-9, * or #")?,
        },
        "over" if !rest.is_empty() => match understood(session, mind, today, rest) {
            Ok(utterance) => session.heard_over(utterance),
            Err(why) => out!("{why}")?,
        },
        _ => out!("/{command}: /help shows what there is 输入 /help 查看命令")?,
    }
    Ok(())
}

fn understood(session: &Session, mind: &Mind, today: Date, text: &str) -> Result<Utterance, String> {
    match mind {
        Mind::Labels => labelled(text),
        Mind::Models(classifier) => by_models(session, classifier, today, text).map_err(|e| format!("{e:#}")),
    }
}

/// What the classifier and the rules for values make of words; told as it is understood.
pub(super) fn by_models(
    session: &Session,
    classifier: &Classifier,
    today: Date,
    text: &str,
) -> Result<Utterance> {
    let (lang, expected) = (session.lang(), session.expectation());
    let local = match expected.examples.is_empty() {
        true => None,
        false => Some(classifier.local(&expected.examples)?),
    };
    let decision = classifier.decide(lang, &[(text, 0.0)], &expected.intents, local.as_deref())?;
    let entities = waihu_nlu::extract(lang, text, today);
    let mut meant = format!("    → {} {:.2}", decision.intent, decision.confidence);
    for (intent, confidence) in &decision.also {
        meant += &format!(", {intent} {confidence:.2}");
    }
    let values = serde_json::to_string(&entities)?;
    if values != "{}" {
        meant += &format!(" {values}");
    }
    out!("{meant}")?;
    Ok(Utterance {
        text: text.to_owned(),
        intent: decision.intent,
        confidence: decision.confidence,
        entities,
        also: decision.also,
    })
}

/// A case from a JSON object or a TOML table.
pub(crate) fn read_case(path: &Path) -> Result<Case> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{shown}: cannot be read 无法读取"))?;
    let no_case = || format!("{shown}: is no case 不是案件");
    let case: Case = if path.extension().is_some_and(|e| e == "toml") {
        let table: toml::Table = toml::from_str(&text).with_context(no_case)?;
        serde_json::from_value(json(toml::Value::Table(table))).with_context(no_case)?
    } else {
        serde_json::from_str(&text).with_context(no_case)?
    };
    case.check().with_context(|| format!("{shown}"))?;
    Ok(case)
}

/// A value of TOML as JSON has it: days are text there.
fn json(value: toml::Value) -> serde_json::Value {
    match value {
        toml::Value::Datetime(at) => at.to_string().into(),
        toml::Value::Table(table) => table.into_iter().map(|(k, v)| (k, json(v))).collect(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(n) => n.into(),
        toml::Value::Float(x) => x.into(),
        toml::Value::Boolean(yes) => yes.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk(lang: &str, typed: &str) -> (Vec<String>, serde_json::Value) {
        let project = Project::at(Path::new("."));
        let script = Source::named(&project, "reminder").unwrap().script();
        let lang = lang.parse().unwrap();
        let (case, today) = script.examples(lang)[0].case();
        let mut session = Session::begin(&script, lang, case, today, Shown { trace: false, names: true });
        let mut lines = session.take();
        for text in typed.split(';').map(str::trim) {
            match text.strip_prefix('/') {
                Some(command) => obey(&mut session, &Mind::Labels, today, command).unwrap(),
                None => session.heard(understood(&session, &Mind::Labels, today, text).unwrap()),
            }
            lines.extend(session.take());
        }
        (lines, session.outcome().unwrap_or_default())
    }

    #[test]
    fn a_typed_promise_ends_as_the_record_has_it() {
        let (lines, outcome) = talk("en", "affirm; promise_to_pay date=2026-11-27 amount=500; affirm");
        assert_eq!(outcome["disposition"], "promise_to_pay");
        assert_eq!(outcome["promise"]["date"], "2026-11-27");
        assert_eq!(outcome["promise"]["amount"], "500.00");
        assert!(lines.iter().any(|l| l.contains("[private") && l.contains("$500.00")), "{lines:#?}");
        assert!(lines[0].contains("must be heard"), "{lines:#?}");
    }

    #[test]
    fn silence_keys_and_an_end_of_the_input_end_a_conversation_too() {
        assert_eq!(talk("zh", "/silence; /silence; /silence").1["disposition"], "silence");
        assert_eq!(talk("zh", "/hangup").1["disposition"], "hung_up");
        let (lines, _) = talk("zh", "/key 1");
        assert!(lines.iter().any(|l| l.contains("仅限本人")), "a key confirms as a yes does: {lines:#?}");
    }

    #[test]
    fn what_is_said_over_a_line_stops_it_or_waits() {
        let (lines, _) = talk("en", "affirm; /over promise_to_pay date=2026-11-27");
        assert!(lines.iter().any(|l| l.contains("which is stopped")), "{lines:#?}");
        let (lines, _) = talk("en", "/over affirm");
        assert!(lines.iter().any(|l| l.contains("which goes on")), "the greeting must be heard: {lines:#?}");
    }

    #[test]
    fn labels_are_read_with_their_values_and_words() {
        let u =
            labelled("request_callback date=2026-12-01 time=15:00 also=goodbye: call me at three").unwrap();
        assert_eq!((u.intent.label(), u.text.as_str()), ("request_callback", "call me at three"));
        assert_eq!(u.entities.time.map(|t| t.hour()), Some(15));
        assert_eq!(u.also.len(), 1);
        assert!(labelled("affirmm").is_err() && labelled("affirm date=soon").is_err());
    }

    #[test]
    fn a_case_is_read_from_toml_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.toml");
        std::fs::write(
            &path,
            "id = \"C1\"\nphone = \"1001\"\nname = \"张伟\"\nlang = \"zh\"\ncreditor = \"安信银行\"\nproduct = \"信用卡\"\n\
             amount = \"3250.00\"\ncurrency = \"CNY\"\ndue_date = 2026-11-15\n",
        )
        .unwrap();
        assert_eq!(read_case(&path).unwrap().due_date.to_string(), "2026-11-15");
    }
}
