//! Random callees: whatever they say and do, and in whatever order things are reported.
#![allow(clippy::expect_used)] // helpers of tests may fail them

mod reminder;

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;
use waihu_dialog::{Conclusion, Input, Interpreter, Output, Private, PromptId, Utterance};
use waihu_nlu::Entities;
use waihu_types::{Case, Disposition, HandoverResult, Identity, Intent, Lang, Time};

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
    },
    Noise {
        over: bool,
    },
    Silent,
    Key(char),
    Agent(Option<HandoverResult>),
    Voicemail,
    StalePrompt(u32),
}

fn entities() -> impl Strategy<Value = Entities> {
    let today = jiff::civil::date(2026, 11, 24);
    let day =
        prop::option::of((-3_i64..60).prop_map(move |d| today.saturating_add(jiff::Span::new().days(d))));
    let time = prop::option::of((0_i8..24).prop_map(|h| jiff::civil::time(h, 30, 0, 0)));
    let amount = prop::option::of((0_i64..900_000).prop_map(|cents| rust_decimal::Decimal::new(cents, 2)));
    (day, time, amount).prop_map(|(date, time, amount)| Entities {
        date,
        time,
        amount,
        ..Entities::default()
    })
}

fn act() -> impl Strategy<Value = Act> {
    let says = (0..Intent::ALL.len(), 0.2_f32..1.0, entities(), any::<bool>());
    let says = says.prop_map(|(i, confidence, entities, over)| Act::Says {
        intent: Intent::ALL[i],
        confidence,
        entities,
        over,
    });
    let yes = (any::<bool>(), entities()).prop_map(|(over, entities)| Act::Says {
        intent: Intent::Affirm,
        confidence: 0.9,
        entities,
        over,
    });
    prop_oneof![
        6 => Just(Act::Listens),
        8 => says,
        4 => yes,
        1 => any::<bool>().prop_map(|over| Act::Noise { over }),
        2 => Just(Act::Silent),
        1 => prop::char::range('0', '9').prop_map(Act::Key),
        1 => Just(Act::Agent(None)),
        1 => Just(Act::Agent(Some(HandoverResult::NoAnswer))),
        1 => Just(Act::Voicemail),
        1 => (0_u32..40).prop_map(Act::StalePrompt),
    ]
}

/// A call in virtual time, watched for what must never be.
struct Call {
    bot: Interpreter,
    case: Case,
    now: Time,
    saying: Option<PromptId>,
    affirmed: bool,
    prepared: BTreeSet<String>,
    ended: Option<Conclusion>,
}

impl Call {
    fn new(lang: Lang) -> Self {
        let case = reminder::case(lang);
        let bot = Interpreter::new(reminder::script(), lang, &case, jiff::civil::date(2026, 11, 24));
        let prepared = bot.prompts_to_prepare().into_iter().collect();
        Self { bot, case, now: Time::ZERO, saying: None, affirmed: false, prepared, ended: None }
    }

    fn input(&mut self, input: Input) {
        self.bot.handle_input(self.now, input);
        while let Some(output) = self.bot.poll_output() {
            assert!(self.ended.is_none(), "{output:?} after the end");
            match output {
                Output::Say { id, prompt, text, private, .. } => {
                    self.saying = Some(id);
                    let amount = self.case.due.amount().to_string();
                    let grouped = amount.replacen('1', "1,", 1);
                    let of_debt =
                        [self.case.product.as_str(), &amount, &grouped].iter().any(|w| text.contains(w));
                    assert!(!of_debt || private == Private::Yes, "{text}");
                    assert!(private == Private::No || self.affirmed, "{text}");
                    assert!(!text.contains(['{', '}']) && !text.contains("  "), "{text}");
                    let from_the_callee =
                        ["read_back", "will_call_when", "agent_will_call_when", "neutral_when"];
                    assert!(self.prepared.contains(&text) != from_the_callee.contains(&&*prompt), "{prompt}");
                }
                Output::Ended(c) => self.ended = Some(c),
                _ => {}
            }
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Listens => {
                if let Some(id) = self.saying.take() {
                    self.now = self.now + Duration::from_secs(3);
                    self.input(Input::PromptDone { id });
                }
            }
            Act::Says { intent, confidence, entities, over } => {
                self.speak(over);
                self.affirmed |= intent == Intent::Affirm;
                let text = "words".to_owned();
                self.input(Input::Heard(Utterance { text, intent, confidence, entities }));
            }
            Act::Noise { over } => {
                self.speak(over);
                self.input(Input::Unintelligible);
            }
            Act::Silent => self.wait(),
            Act::Key(key) => {
                self.affirmed |= key == '1';
                self.input(Input::Digit(key));
            }
            Act::Agent(None) => self.input(Input::AgentJoined { agent: "a".to_owned() }),
            Act::Agent(Some(result)) => self.input(Input::AgentUnavailable { agent: "a".to_owned(), result }),
            Act::Voicemail => self.input(Input::Voicemail),
            Act::StalePrompt(n) => self.input(Input::PromptDone { id: PromptId(n) }),
        }
    }

    fn speak(&mut self, over: bool) {
        self.now = self.now + Duration::from_secs(1);
        self.input(Input::SpeechStarted);
        if let (true, Some(id)) = (over, self.saying) {
            self.input(Input::PromptInterrupted { id, played_ms: 400 });
        }
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
    for act in acts {
        if call.ended.is_none() {
            call.act(act);
        }
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
    call.input(Input::CalleeHungUp);
    assert!(!ended.debt_disclosed || call.affirmed);
    if ended.identity == Identity::Confirmed {
        assert!(call.affirmed);
    }
    assert!(ended.disposition != Disposition::PromiseToPay || ended.promise.is_some());
    assert!(call.now.as_millis() < 330_000, "{} ms", call.now.as_millis());
    ended
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
    for _ in 0..600 {
        met.insert(run(Lang::Zh, acts.new_tree(&mut runner).unwrap().current()).disposition);
    }
    assert!(met.len() >= 14, "{met:?}");
    assert!(met.contains(&Disposition::PromiseToPay) && met.contains(&Disposition::HandedOver), "{met:?}");
}
