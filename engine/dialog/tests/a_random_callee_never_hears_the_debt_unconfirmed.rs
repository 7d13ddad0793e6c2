//! Random callees: whatever they say and do, and in whatever order things are reported.
#![allow(clippy::expect_used)] // helpers of tests may fail them

mod reminder;

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;
use waihu_dialog::{Conclusion, Input, Interpreter, Output, Private, PromptId, Utterance};
use waihu_nlu::Entities;
use waihu_types::{Case, Disposition, HandoverResult, Identity, Intent, Lang, Time};

/// A state's name in its part.
fn own_name(state: &str) -> &str {
    state.rsplit('.').next().unwrap_or(state)
}

/// What the words say of who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    Another,
    ThePerson,
}

impl Who {
    fn words(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Nobody, _) => "words",
            (Self::Another, Lang::Zh) => "我是李强",
            (Self::Another, Lang::En) => "This is Mike.",
            (Self::ThePerson, Lang::Zh) => "我就是",
            (Self::ThePerson, Lang::En) => "That's me.",
        }
    }
}

/// One thing that a callee, or the world, does.
#[derive(Clone, Debug)]
enum Act {
    /// The prompt, if any, goes on to its end.
    Listens,
    Says {
        intent: Intent,
        confidence: f32,
        entities: Entities,
        over: bool,
        who: Who,
        also: Vec<(Intent, f32)>,
    },
    /// Speech of which the words never come.
    BeginsToSpeak,
    Noise {
        over: bool,
    },
    Silent,
    /// A while passes, and the bot is told of it too early.
    Waits(u64),
    Key(char),
    Agent(Option<HandoverResult>),
    Voicemail,
    Beep,
    Screening,
    Person,
    NoPerson,
    StalePrompt(u32),
    /// The prompt has no voice.
    VoiceFails,
    HangsUp,
}

const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 24);
/// As in the script.
const MAX_DAYS: i32 = 31;

fn entities() -> impl Strategy<Value = Entities> {
    let day =
        prop::option::of((-3_i64..60).prop_map(move |d| TODAY.saturating_add(jiff::Span::new().days(d))));
    let time = prop::option::of((0_i8..24).prop_map(|h| jiff::civil::time(h, 30, 0, 0)));
    let amount = prop::option::of((0_i64..900_000).prop_map(|cents| rust_decimal::Decimal::new(cents, 2)));
    (day, time, amount).prop_map(|(date, time, amount)| Entities {
        date,
        time,
        amount,
        ..Entities::default()
    })
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![4 => Just(Who::Nobody), 1 => Just(Who::Another), 1 => Just(Who::ThePerson)]
}

fn act() -> impl Strategy<Value = Act> {
    let other = prop::collection::vec((0..Intent::ALL.len(), 0.2_f32..1.0), 1);
    let also = prop_oneof![6 => Just(Vec::new()), 1 => other];
    let says = (0..Intent::ALL.len(), 0.2_f32..1.0, entities(), any::<bool>(), who(), also);
    let says = says.prop_map(|(i, confidence, entities, over, who, also)| Act::Says {
        intent: Intent::ALL[i],
        confidence,
        entities,
        over,
        who,
        // What else was meant is something else.
        also: also.into_iter().filter(|a| a.0 != i).map(|(i, sure)| (Intent::ALL[i], sure)).collect(),
    });
    let likely =
        prop::sample::select(vec![Intent::Affirm, Intent::Affirm, Intent::PromiseToPay, Intent::Deny]);
    let likely = (likely, any::<bool>(), prop_oneof![Just(Entities::default()), entities()], who());
    let likely = likely.prop_map(|(intent, over, entities, who)| Act::Says {
        intent,
        confidence: 0.9,
        entities,
        over,
        who,
        also: Vec::new(),
    });
    let missing = prop::sample::select(vec![HandoverResult::NoAnswer, HandoverResult::Failed]);
    prop_oneof![
        40 => Just(Act::Listens),
        60 => says,
        60 => likely,
        4 => Just(Act::BeginsToSpeak),
        8 => any::<bool>().prop_map(|over| Act::Noise { over }),
        12 => Just(Act::Silent),
        4 => (1_u64..20_000).prop_map(Act::Waits),
        10 => prop::sample::select(vec!['0', '1', '1', '2', '5', '*', '#']).prop_map(Act::Key),
        4 => Just(Act::Agent(None)),
        4 => missing.prop_map(|r| Act::Agent(Some(r))),
        3 => Just(Act::Voicemail),
        1 => Just(Act::Beep),
        2 => Just(Act::Screening),
        1 => Just(Act::Person),
        1 => Just(Act::NoPerson),
        6 => (0_u32..40).prop_map(Act::StalePrompt),
        2 => Just(Act::VoiceFails),
        1 => Just(Act::HangsUp),
    ]
}

/// A call in virtual time, watched for what must never be.
struct Call {
    bot: Interpreter,
    case: Case,
    now: Time,
    saying: Option<PromptId>,
    /// When the name was last asked for.
    asked_at: Option<Time>,
    /// Said yes to the question for the name, after it began, and nothing else since took it back.
    confirmed: bool,
    stop_asked: bool,
    prepared: BTreeSet<String>,
    ended: Option<Conclusion>,
    ended_at: Time,
}

impl Call {
    fn new(lang: Lang) -> Self {
        let case = reminder::case(lang);
        let bot = Interpreter::new(reminder::script(), lang, &case, TODAY);
        let prepared = bot.prompts_to_prepare().into_iter().collect();
        let (saying, asked_at, ended) = (None, None, None);
        let (confirmed, stop_asked) = (false, false);
        Self {
            bot,
            case,
            now: Time::ZERO,
            saying,
            asked_at,
            confirmed,
            stop_asked,
            prepared,
            ended,
            ended_at: Time::ZERO,
        }
    }

    fn input(&mut self, input: Input) {
        self.bot.handle_input(self.now, input);
        while let Some(output) = self.bot.poll_output() {
            assert!(self.ended.is_none(), "{output:?} after the end");
            match output {
                Output::Say { id, prompt, text, private, .. } => self.say(id, &prompt, &text, private),
                Output::Resume { id, .. } => self.saying = Some(id),
                Output::Ended(c) => (self.ended, self.ended_at) = (Some(c), self.now),
                _ => {}
            }
        }
        if ["who_else", "end_wrong_number", "end_third_party", "end_third_party_when", "end_voicemail"]
            .contains(&own_name(self.bot.state_name()))
        {
            self.confirmed = false;
        }
    }

    fn say(&mut self, id: PromptId, prompt: &str, text: &str, private: Private) {
        self.saying = Some(id);
        if ["greeting", "ask_name", "ask_self"].contains(&prompt) {
            self.asked_at = Some(self.now);
        }
        let amount = self.case.due.amount().to_string();
        let grouped = amount.replacen('1', "1,", 1);
        let telling = [self.case.product.as_str(), &amount, &grouped, "还款", "欠", "debt", " pay", "owe"];
        let tells = telling.iter().any(|w| text.to_lowercase().contains(w));
        assert!(!tells || private == Private::Yes, "{text}");
        assert!(private == Private::No || self.confirmed, "{text}");
        assert!(!text.contains(['{', '}']) && !text.contains("  "), "{text}");
        let from_the_callee = ["read_back", "will_call_when", "agent_will_call_when", "neutral_when"];
        assert!(self.prepared.contains(text) != from_the_callee.contains(&prompt), "{prompt}");
    }

    /// What an independent observer makes of an utterance that began at `began`.
    fn observe(&mut self, intent: Intent, confidence: f32, began: Time, who: Who) {
        let asked = self.asked_at.is_some_and(|at| began > at)
            && ["greet", "ask_self"].contains(&own_name(self.bot.state_name()));
        self.confirmed |= intent == Intent::Affirm && confidence >= 0.45 && asked && who != Who::Another;
        self.stop_asked |= intent == Intent::StopCalling && confidence >= 0.30;
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Listens => {
                if self.saying.is_some() {
                    self.pass(3_000);
                }
                if let Some(id) = self.saying.take() {
                    self.input(Input::PromptDone { id });
                }
            }
            Act::Says { intent, confidence, entities, over, who, also } => {
                let began = self.speak(over);
                if self.ended.is_none() {
                    self.observe(intent, confidence, began, who);
                    self.stop_asked |= also.iter().any(|a| a.0 == Intent::StopCalling && a.1 >= 0.30);
                }
                let text = who.words(self.case.lang).to_owned();
                let utterance = Utterance { text, intent, confidence, entities, also };
                self.input(Input::Heard { utterance, began });
            }
            Act::BeginsToSpeak => drop(self.speak(false)),
            Act::Noise { over } => {
                self.speak(over);
                self.input(Input::Unintelligible);
            }
            Act::Silent => self.wait(),
            Act::Waits(ms) => {
                let next = self.now + Duration::from_millis(ms);
                self.now = self.bot.poll_timeout().map_or(next, |at| next.min(at));
                self.input(Input::Timeout);
            }
            Act::Key(key) => {
                if key == '1' {
                    self.observe(Intent::Affirm, 1.0, self.now + Duration::from_millis(1), Who::Nobody);
                }
                self.input(Input::Digit(key));
            }
            Act::Agent(None) => self.input(Input::AgentJoined { agent: "a".to_owned() }),
            Act::Agent(Some(result)) => self.input(Input::AgentUnavailable { agent: "a".to_owned(), result }),
            Act::Voicemail => self.input(Input::Voicemail),
            Act::Beep => self.input(Input::Beep),
            Act::Screening => self.input(Input::Screening),
            Act::Person => self.input(Input::Person),
            Act::NoPerson => self.input(Input::NoPerson { disposition: Disposition::Fax }),
            Act::StalePrompt(n) => self.input(Input::PromptDone { id: PromptId(n) }),
            Act::VoiceFails => {
                if let Some(id) = self.saying.take() {
                    self.input(Input::PromptFailed { id });
                }
            }
            Act::HangsUp => self.input(Input::CalleeHungUp),
        }
    }

    fn speak(&mut self, over: bool) -> Time {
        self.pass(1_000);
        let began = self.now;
        self.input(Input::SpeechStarted);
        if let (true, Some(id)) = (over, self.saying) {
            self.pass(500);
            self.input(Input::PromptInterrupted { id, played_ms: 400 });
        }
        began
    }

    /// Time passes, and what falls due meanwhile is told.
    fn pass(&mut self, ms: u64) {
        let then = self.now + Duration::from_millis(ms);
        while let Some(at) = self.bot.poll_timeout().filter(|at| *at <= then) {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
        }
        self.now = self.now.max(then);
    }

    fn wait(&mut self) {
        if let Some(at) = self.bot.poll_timeout() {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
        }
    }
}

fn run(lang: Lang, acts: Vec<Act>) -> Conclusion {
    let mut call = Call::new(lang);
    call.input(Input::Timeout);
    call.input(Input::Start);
    let mut acts = acts.into_iter();
    for act in acts.by_ref() {
        call.act(act);
        if call.ended.is_some() {
            break;
        }
        assert!(call.bot.poll_timeout().is_some(), "a call that goes on waits for something");
    }
    // The callee is silent now, and prompts are spoken: the bot must come to an end by itself.
    for _ in 0..100 {
        if call.ended.is_none() {
            call.act(Act::Listens);
            call.act(Act::Silent);
        }
    }
    let ended = call.ended.clone().expect("the conversation ends by itself");
    assert_eq!(call.bot.poll_timeout(), None);
    // Five minutes, a line to its end, and the closing words. What is urgent and comes at the last
    // moment has its own time: words for one, an agent's telephone for the other.
    let extra = |intent, seconds| if ended.intents.contains(&intent) { seconds } else { 0 };
    let most_s = 340 + extra(Intent::StopCalling, 20) + extra(Intent::Distress, 110);
    assert!(call.ended_at.as_millis() <= most_s * 1_000, "{} ms", call.ended_at.as_millis());
    // Nothing comes out any more, whatever goes in.
    acts.take(20).for_each(|act| call.act(act));
    check(&call, &ended);
    ended
}

/// The record fits together, and says what was observed.
fn check(call: &Call, c: &Conclusion) {
    use Disposition as D;
    // One who is confirmed and then denied has heard it; the record says both.
    if c.identity == Identity::Confirmed {
        assert!(call.confirmed);
    }
    assert!(c.disposition != D::PromiseToPay || c.promise.is_some());
    if c.promise.is_some() {
        // What is urgent may still be said over the thanks: then both stand.
        assert!([D::PromiseToPay, D::StopCalling, D::Distress, D::HandedOver].contains(&c.disposition));
    }
    if let Some(promise) = &c.promise {
        let days = (promise.date - TODAY).get_days();
        assert!((0..=MAX_DAYS).contains(&days), "{days} days ahead");
        assert!(!promise.sum.amount().is_zero() && promise.sum.amount() <= call.case.due.amount());
        assert!(c.identity == Identity::Confirmed && c.debt_disclosed);
    }
    if let Some(date) = c.callback.as_ref().and_then(|b| b.date) {
        assert!(date >= TODAY);
    }
    assert!(c.disposition != D::CallbackAgreed || c.callback.is_some());
    let joined = c.handover.as_ref().is_some_and(|h| h.result == HandoverResult::Joined);
    assert_eq!(c.disposition == D::HandedOver, joined);
    if matches!(c.disposition, D::WrongNumber | D::ThirdParty) {
        assert_eq!(c.identity, Identity::Denied);
    }
    let of_the_debt = [D::PromiseToPay, D::AlreadyPaid, D::RefusedToPay, D::Hardship, D::Dispute];
    // The person may speak of it first, and hang up before a word about it was spoken.
    let told = c.debt_disclosed || c.identity == Identity::Confirmed;
    assert!(!of_the_debt.contains(&c.disposition) || told, "{}", c.disposition.label());
    if call.stop_asked {
        // Danger to life goes before it; a box that answers has asked for nothing.
        let heeded = [D::StopCalling, D::Distress, D::HandedOver, D::Voicemail];
        assert!(heeded.contains(&c.disposition), "asked to stop, and: {}", c.disposition.label());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_debt_is_for_the_person_only_and_every_call_ends(
        zh in any::<bool>(),
        acts in prop::collection::vec(act(), 0..60),
    ) {
        run(if zh { Lang::Zh } else { Lang::En }, acts);
    }

    #[test]
    fn a_callee_who_talks_for_ever_is_brought_to_an_end(
        zh in any::<bool>(),
        acts in prop::collection::vec(act(), 300..301),
    ) {
        let c = run(if zh { Lang::Zh } else { Lang::En }, acts);
        // The limit of the script, and one that is urgent.
        prop_assert!(c.turns <= 33, "{} turns", c.turns);
    }
}

#[test]
fn random_callees_come_to_many_outcomes() {
    // The strategy above is worth something only if it comes far into the script.
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let acts = prop::collection::vec(act(), 0..60);
    let mut met = BTreeSet::new();
    for _ in 0..6_000 {
        met.insert(run(Lang::Zh, acts.new_tree(&mut runner).unwrap().current()).disposition);
    }
    assert!(met.len() >= 14, "{met:?}");
    assert!(met.contains(&Disposition::PromiseToPay) && met.contains(&Disposition::HandedOver), "{met:?}");
}
