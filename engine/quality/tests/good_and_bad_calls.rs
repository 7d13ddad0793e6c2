//! Calls of the practice ground, as they were filed, are right; and each thing that may go wrong in one is found where
//! it stands. The callees of `calls.jsonl` are simulated.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde::Deserialize;
use waihu_dialog::Lexicon;
use waihu_quality::{Call, Check, Decided, Judgement, Line, Rules, Speaker, Verdict, judge};
use waihu_types::{Case, Identity, Intent, Lang, Outcome, Redial, WallTime};

const CALLS: &str = include_str!("calls.jsonl");

#[derive(Clone, Deserialize)]
struct Filed {
    outcome: Outcome,
    case: Case,
    lines: Vec<Line>,
    profile: String,
}

impl Filed {
    /// The call of a case.
    fn of(case: &str) -> Self {
        let calls = CALLS.lines().map(|line| serde_json::from_str::<Self>(line).unwrap());
        calls.into_iter().find(|call| call.outcome.case.as_str() == case).unwrap()
    }

    /// The place of the first line with these words.
    fn place(&self, words: &str) -> usize {
        self.lines.iter().position(|line| line.text.contains(words)).unwrap()
    }

    /// The same with another text in place of the first that has these words.
    fn saying(mut self, words: &str, text: &str) -> Self {
        let place = self.place(words);
        self.lines[place].text = text.to_owned();
        self
    }

    /// The same without the lines that have these words.
    fn without(mut self, words: &str) -> Self {
        self.lines.retain(|line| !line.text.contains(words));
        self
    }

    /// The same with a line before the first that has these words, at its time.
    fn with(mut self, before: &str, speaker: Speaker, text: &str, intent: Option<Intent>) -> Self {
        let place = self.place(before);
        let at_ms = self.lines[place].at_ms;
        let confidence = intent.map(|_| 0.99);
        self.lines.insert(place, Line { at_ms, speaker, text: text.to_owned(), intent, confidence });
        self
    }

    fn judged(&self) -> Judgement {
        self.judged_by(Some(Decided::Allowed))
    }

    fn judged_by(&self, decided: Option<Decided>) -> Judgement {
        let lines = Some(self.lines.as_slice());
        let call =
            Call { outcome: &self.outcome, case: Some(&self.case), lines, decided, profile: &self.profile };
        judge(&call, &rules())
    }

    /// The verdict of a check, with the lines of its evidence.
    fn asked(&self, check: Check) -> (Verdict, Vec<u32>) {
        let judged = self.judged();
        let found = judged.checks.iter().find(|c| c.id == check.label()).unwrap();
        (found.verdict, found.evidence.iter().filter_map(|e| e.line).collect())
    }

    /// What fails, and nothing else.
    fn failing(&self) -> Vec<String> {
        self.judged().failures().map(|checked| checked.id.clone()).collect()
    }
}

fn rules() -> Rules {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dialogs");
    let lexicon = |lang: Lang| {
        let path = format!("{root}/lexicon.{lang}.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        (lang, Lexicon::parse(&path, &text, lang).unwrap())
    };
    Rules::shipped(Lang::ALL.into_iter().map(lexicon).collect::<BTreeMap<_, _>>()).unwrap()
}

#[test]
fn calls_as_they_were_filed_are_right() {
    for line in CALLS.lines() {
        let call: Filed = serde_json::from_str(line).unwrap();
        let judged = call.judged();
        let failing: Vec<_> = judged.failures().collect();
        assert!(judged.passed && judged.score == Some(100), "{}: {failing:#?}", call.outcome.case);
    }
}

#[test]
fn a_debt_that_is_told_before_a_yes_is_found() {
    let call = Filed::of("zh-promises");
    assert_eq!(call.asked(Check::Identity).0, Verdict::Pass);
    let early = call
        .clone()
        .saying("请问是张伟先生吗", "您好，我是安信银行的智能语音助手，本次通话会录音。您的信用卡逾期了。");
    assert_eq!(early.asked(Check::Identity), (Verdict::Fail, vec![4]));
    let judged = early.judged();
    assert!(judged.is_critical() && !judged.passed);
    let evidence = &judged.failures().next().unwrap().evidence[0];
    assert_eq!((evidence.line, evidence.at_ms), (Some(4), Some(0)));
    assert!(evidence.en.contains("逾期") && !format!("{judged:?}").contains("张伟"));
    // The sum tells as much as a word, and a yes that nobody said confirms nothing.
    let sum = call.clone().saying("谢谢您，张先生", "关于3250.00元");
    assert_eq!(sum.asked(Check::Identity).0, Verdict::Pass, "after the yes it may be told");
    let unconfirmed = call.without("对").without("affirm");
    assert_eq!(unconfirmed.asked(Check::Identity).0, Verdict::Fail);
    // A lender whose name has such a word in it tells nothing by its name.
    let mut named = Filed::of("en-spouse");
    named.case.creditor = "Harbor Credit Card".to_owned();
    let named = named.saying(
        "automated assistant",
        "Hello, this is an automated assistant calling for Harbor Credit Card, on a recorded line.",
    );
    assert_eq!(named.asked(Check::Identity).0, Verdict::DoesNotApply);
}

#[test]
fn what_a_prompt_was_cut_short_of_was_told_to_nobody() {
    let early = Filed::of("zh-promises")
        .saying("请问是张伟先生吗", "您好，我是安信银行的智能语音助手，本次通话会录音。您的信用卡逾期了。");
    let cut = early.with(
        "affirm (1.00)",
        Speaker::System,
        "prompt 0 was cut short after 5000 ms, heard: 您好，我是安信银行的智能语音助手，本次通话会录音。",
        None,
    );
    assert_eq!(cut.asked(Check::Identity).0, Verdict::Pass);
    let unheard = Filed::of("zh-promises").with(
        "affirm (1.00)",
        Speaker::System,
        "prompt 0 was cut short after 900 ms, heard: 您好，我是",
        None,
    );
    assert_eq!(unheard.asked(Check::Disclosures).0, Verdict::Fail);
}

#[test]
fn somebody_else_hears_nothing_of_it() {
    for case in ["en-spouse", "zh-wrong-person", "zh-voicemail", "zh-screened"] {
        assert_eq!(Filed::of(case).asked(Check::ThirdParty).0, Verdict::Pass, "{case}");
    }
    let spouse =
        Filed::of("en-spouse").saying("Could you ask", "Please tell him that his payment is overdue.");
    let line = u32::try_from(spouse.place("overdue") + 1).unwrap();
    assert_eq!(spouse.asked(Check::ThirdParty), (Verdict::Fail, vec![line]));
    let tape =
        Filed::of("zh-voicemail").saying("方便时与我们联系", "周敏女士，您的信用卡已逾期，请尽快还款。");
    assert_eq!(tape.asked(Check::ThirdParty).0, Verdict::Fail);
    assert_eq!(Filed::of("zh-promises").asked(Check::ThirdParty).0, Verdict::DoesNotApply);
}

#[test]
fn what_has_to_be_said_is_said_before_the_matter() {
    let silent = Filed::of("zh-promises")
        .saying("本次通话会录音", "您好，我是安信银行的智能语音助手。请问是张伟先生吗？");
    let judged = silent.judged();
    let failure = judged.failures().next().unwrap();
    assert_eq!(failure.id, "disclosures");
    assert!(failure.evidence[0].en.contains("recorded") && failure.evidence.len() == 1);
    // The mini-Miranda is asked for where the profile is of the United States.
    let mut american = Filed::of("en-promises");
    american.profile = "us-ma".to_owned();
    assert_eq!(american.asked(Check::Disclosures).0, Verdict::Pass);
    let short = american.without("attempt to collect a debt");
    assert_eq!(short.failing(), ["disclosures"]);
    let mut elsewhere = short;
    elsewhere.profile = "cn".to_owned();
    assert_eq!(elsewhere.asked(Check::Disclosures).0, Verdict::Pass);
}

#[test]
fn what_is_never_said_is_found_in_the_bots_lines_and_in_the_agents() {
    let bot =
        Filed::of("zh-promises").saying("请问您大概哪天可以还款", "再不还就起诉您，请问您哪天可以还款？");
    assert_eq!(bot.failing(), ["bot_words"]);
    let agent = Filed::of("zh-wants-human").saying("人工客服", "你等着，我们会通知您的家人。");
    assert_eq!(agent.failing(), ["agent_words"]);
    assert_eq!(Filed::of("zh-promises").asked(Check::AgentWords).0, Verdict::DoesNotApply);
}

#[test]
fn a_call_that_somebody_let_pass_is_told() {
    let call = Filed::of("zh-promises");
    let hours = |decided| {
        let judged = call.judged_by(decided);
        judged.checks.iter().find(|c| c.id == "hours").unwrap().verdict
    };
    assert_eq!(hours(Some(Decided::Allowed)), Verdict::Pass);
    assert_eq!(hours(Some(Decided::Despite)), Verdict::Fail);
    assert_eq!(hours(None), Verdict::DoesNotApply);
}

#[test]
fn a_wish_ends_the_matter_and_bars_the_case() {
    let stop = Filed::of("zh-stop-calling");
    assert_eq!(stop.asked(Check::Wishes).0, Verdict::Pass);
    let on = stop.clone().saying("我们不会再拨打这个电话了", "那您的贷款什么时候还款？");
    assert_eq!(on.failing(), ["wishes"]);
    let mut again = stop;
    let not_before = WallTime::from_unix_millis(0);
    again.outcome.redial = Redial::Allowed { rule: "tomorrow".into(), not_before };
    assert_eq!(again.failing(), ["wishes"]);
    // What was hardly understood is no wish.
    again
        .lines
        .iter_mut()
        .filter(|l| l.intent == Some(Intent::StopCalling))
        .for_each(|l| l.confidence = Some(0.3));
    assert_eq!(again.asked(Check::Wishes).0, Verdict::DoesNotApply);
}

#[test]
fn distress_is_answered_by_a_person_or_an_end() {
    let call = Filed::of("zh-hardship");
    let last = call.lines.iter().rev().find(|line| line.speaker == Speaker::Callee).unwrap().text.clone();
    let mut distressed = call;
    let place = distressed.place(&last);
    distressed.lines[place].intent = Some(Intent::Distress);
    distressed.lines[place].confidence = Some(0.99);
    assert_eq!(distressed.asked(Check::Distress).0, Verdict::Fail);
    distressed.outcome.disposition = waihu_types::Disposition::Distress;
    assert_eq!(distressed.asked(Check::Distress).0, Verdict::Pass);
}

#[test]
fn a_promise_is_read_back_and_agreed_to() {
    for case in ["zh-promises", "en-promises", "zh-haggles", "zh-screened", "zh-talks-over"] {
        assert_eq!(Filed::of(case).asked(Check::ReadBack).0, Verdict::Pass, "{case}");
    }
    let call = Filed::of("zh-promises");
    assert_eq!(call.clone().saying("跟您确认一下", "好的，那就这样。").failing(), ["read_back"]);
    assert_eq!(
        call.clone().saying("跟您确认一下", "您会在11月30日还款3250.00元，对吗？").failing(),
        ["read_back"]
    );
    let mut silent = call;
    let place = silent.place("对没问题");
    silent.lines.remove(place);
    assert_eq!(silent.failing(), ["read_back"]);
}

#[test]
fn who_cuts_in_is_heeded() {
    let call = Filed::of("zh-talks-over");
    assert_eq!(call.asked(Check::BargeIn).0, Verdict::Pass);
    // The same without the stop: the bot says its line to the end.
    let mut deaf = call.without("prompt 3 was cut short");
    let bot = deaf.place("有一笔2100.00元");
    deaf.lines[bot + 2..].iter_mut().for_each(|line| line.at_ms += 12_000);
    deaf.lines[bot].text += "请您尽快处理，以免影响您以后的使用。如果您有任何困难，也可以现在告诉我。";
    assert_eq!(deaf.failing(), ["barge_in"]);
}

#[test]
fn who_waits_long_for_a_reply_is_seen() {
    let mut call = Filed::of("zh-promises");
    let place = call.place("跟您确认一下");
    call.lines[place..].iter_mut().for_each(|line| line.at_ms += 9_000);
    assert_eq!(call.failing(), ["silence"]);
    assert!(call.judged().facts.longest_wait_ms > 9_000);
}

#[test]
fn a_callee_who_hardly_speaks_is_seen() {
    let mut call = Filed::of("zh-promises");
    let place = call.place("请问您大概哪天可以还款");
    call.lines[place].text = "我们再跟您说明一下。".repeat(60);
    call.lines[place + 1..].iter_mut().for_each(|line| line.at_ms += 120_000);
    assert_eq!(call.failing(), ["talk_ratio"]);
}

#[test]
fn an_agent_who_talks_over_the_callee_is_seen() {
    let mut call = Filed::of("zh-wants-human");
    let place = call.place("agent hung up");
    let line = |at_ms, speaker, text: &str| Line {
        at_ms,
        speaker,
        text: text.into(),
        intent: None,
        confidence: None,
    };
    for n in 0..3 {
        let at_ms = 56_000 + n * 10_000;
        call.lines.insert(
            place,
            line(at_ms, Speaker::Callee, "我这个月的工资还没有发下来，家里老人又住院了，实在是周转不开"),
        );
        call.lines.insert(place, line(at_ms + 2_000, Speaker::Agent, "先听我说"));
    }
    assert_eq!(call.failing(), ["agent_manners"]);
}

#[test]
fn an_agent_asks_who_it_is_before_the_debt_is_told() {
    let mut call = Filed::of("zh-wants-human");
    call.outcome.identity = Identity::Unconfirmed;
    call.lines.retain(|line| !(line.speaker == Speaker::Bot && line.text.contains("款")));
    let told = call.clone().saying("人工客服", "您的信用卡逾期了。");
    assert_eq!(told.asked(Check::Identity).0, Verdict::Fail);
    let place = call.place("agent hung up");
    let line = |speaker, text: &str| Line {
        at_ms: 50_000,
        speaker,
        text: text.into(),
        intent: None,
        confidence: None,
    };
    call.lines.insert(place, line(Speaker::Agent, "那您的信用卡逾期了。"));
    call.lines.insert(place, line(Speaker::Callee, "对，是我本人"));
    assert_eq!(call.asked(Check::Identity).0, Verdict::Pass);
}

#[test]
fn a_call_without_its_words_is_judged_by_its_decision_alone() {
    let call = Filed::of("zh-promises");
    let of = Call {
        outcome: &call.outcome,
        case: None,
        lines: None,
        decided: Some(Decided::Allowed),
        profile: "cn",
    };
    let judged = judge(&of, &rules());
    assert!(judged.checks.iter().all(|c| (c.verdict != Verdict::DoesNotApply) == (c.id == "hours")));
    assert_eq!(judged.score, Some(100));
    let nothing = judge(&Call { decided: None, ..of }, &rules());
    assert_eq!((nothing.score, nothing.passed), (None, true));
}
