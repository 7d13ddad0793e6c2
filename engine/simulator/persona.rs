//! How one simulated callee behaves in a call: what the file says, and the pure machine that plays
//! it in virtual time.
//!
//! A persona understands nothing. It waits for the bot to have spoken, then does its next step; the
//! step after the last is its `otherwise`, again and again, until it has had enough turns. All that
//! it makes of what it hears is how long the bot spoke: a step may answer only a longer turn, and
//! take a shorter one for a bot that asks again. Deliberately absent: sound, sockets, clocks.

use std::{collections::VecDeque, time::Duration};

use waihu_types::{Lang, Time};

/// One simulated callee, as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persona {
    /// The user part of the request URI that reaches it.
    pub number: String,
    /// It answers only calls whose caller's display name begins so. Of those at one number, the
    /// longest that fits is called; one without is called when none fits.
    pub when_shown: Option<String>,
    /// What it shows, in a word or two; for people who read the file or the progress.
    pub name: String,
    /// The language it speaks.
    pub lang: Lang,
    /// The voice it speaks with; the language's own where none is named.
    pub voice: Option<String>,
    /// How loud it speaks [dBov of the RMS over a line].
    pub level_dbov: i8,
    /// How long it rings before it does anything [ms].
    pub rings_ms: u64,
    /// What the network then gives before an answer, in order: a 183 with a description comes first (RFC 3960).
    pub early: Vec<Act>,
    /// What it does then.
    pub pickup: Pickup,
    /// What it does in the conversation, in order.
    pub steps: Vec<Step>,
    /// When the steps have run out it begins with the first of them again, without end.
    pub again: bool,
    /// What it does when the steps have run out and the bot has spoken again; none to keep silent.
    pub otherwise: Option<Answer>,
    /// It hangs up when the bot has spoken so often.
    pub max_turns: u32,
    /// It hangs up when the bot has been silent for so long [ms].
    pub patience_ms: u64,
    /// It hangs up so long after it answered, whatever happens [ms].
    pub max_call_ms: u64,
}

impl Persona {
    /// Whether it may say what the bot said.
    pub(crate) fn parrots(&self) -> bool {
        self.steps.iter().map(|s| &s.answer).chain(&self.otherwise).any(|a| a.act == Act::Parrot)
    }

    /// Every line that it may say, in the order of its steps; a line may come more than once.
    pub fn says(&self) -> impl Iterator<Item = &str> {
        fn words(act: &Act) -> Option<&str> {
            if let Act::Say(text) = act { Some(text) } else { None }
        }
        let answers = self.steps.iter().map(|s| &s.answer).chain(&self.otherwise);
        let early = self.early.iter().filter_map(words);
        early.chain(answers.flat_map(|a| words(&a.act).into_iter().chain(a.to_shorter.as_deref())))
    }
}

/// What happens when it has rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pickup {
    /// It answers.
    Answer,
    /// It goes on ringing until the caller gives up, with all that comes early again and again.
    NoAnswer,
    /// It declines with a SIP status (486, 603, 404 …).
    Decline(u16),
}

/// One step of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it waits for.
    pub cue: Cue,
    /// It goes on without the cue after so long [ms]; none to wait for ever.
    pub or_after_ms: Option<u64>,
    /// What it does.
    pub answer: Answer,
}

/// What a persona does, and to how long a turn of the bot's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it does.
    pub act: Act,
    /// It answers turns of the bot's from this length on [ms]; 0 for any. To a shorter one it says
    /// `to_shorter`, and the step is still to come. It does so twice: a bot that is brief a third
    /// time has not asked again, but is brief.
    pub bot_spoke_ms: u64,
    /// What it says to a shorter turn; none to say or press again what it said or pressed last.
    pub to_shorter: Option<String>,
}

impl From<Act> for Answer {
    /// To a turn of any length.
    fn from(act: Act) -> Self {
        Self { act, bot_spoke_ms: 0, to_shorter: None }
    }
}

/// What a step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cue {
    /// So long after the step before [ms].
    After(u64),
    /// The bot has spoken and fallen silent.
    BotDone,
    /// The bot has been speaking for so long [ms]; or has fallen silent before.
    BotSpeaking(u64),
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Says a line.
    Say(String),
    /// Gives a noise, for so long [ms].
    Make(Noise, u32),
    /// Presses keys.
    Press(String),
    /// Gives keys as tones in its sound.
    Tones(String),
    /// Says what the bot has said since it did so last.
    Parrot,
    /// Lets the bot's turn pass.
    Listen,
    /// Hangs up.
    HangUp,
}

/// What is no word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// A tone of 1000 Hz, as a voicemail box gives.
    Beep,
    /// What a caller hears while it rings.
    Ringback,
    /// Music, as on hold.
    Music,
    /// Somebody breathes into the telephone.
    Breath,
}

/// What happens to a persona.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The call has come in.
    Invited,
    /// The bot began to speak.
    BotStarted,
    /// The bot fell silent.
    BotStopped {
        /// How long it had spoken, its pauses with it [ms].
        spoke_ms: u64,
    },
    /// What it was last told to play or press is over.
    ActDone,
    /// The call is over, whoever ended it.
    Ended,
    /// The time of `poll_timeout` has come.
    Timeout,
}

/// What a persona does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// 180.
    Ring,
    /// 183, with a description: what is played from here on is early media.
    Progress,
    /// 200.
    Answer,
    /// A final refusal.
    Reject(u16),
    /// Give a sound; `Input::ActDone` is wanted after it.
    Play(Act),
    /// Press keys; `Input::ActDone` is wanted after it.
    Press(String),
    /// End the call.
    HangUp,
}

/// A phone that nobody answers rings for so long before the network gives up (RFC 3261 section 16.6,
/// timer C): no call is left behind by a caller who never cancels.
const UNANSWERED: Duration = Duration::from_secs(180);

/// How often a step is put off for turns that are too short for it.
const PUTS_OFF: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Ringing {
        until: Time,
    },
    /// Gives this of its early media; until then, and no longer.
    Early {
        act: usize,
        until: Time,
    },
    /// Waits for the cue of the next step.
    Waiting {
        since: Time,
    },
    /// Plays or presses.
    Acting,
    Over,
}

/// One call's persona.
#[derive(Debug)]
pub struct Machine {
    persona: Persona,
    state: State,
    next_step: usize,
    /// Since when the bot has been speaking.
    bot_since: Option<Time>,
    /// The length of a turn that the bot finished and no step has answered [ms].
    bot_done: Option<u64>,
    turns: u32,
    /// What it said or pressed last.
    last: Option<Act>,
    /// How often it has put its next step off for a turn that was too short.
    put_off: u32,
    /// When it has had enough of the call.
    end: Option<Time>,
    /// When either side was last heard.
    last_sound: Time,
    outputs: VecDeque<Output>,
}

impl Machine {
    /// A persona that has not been called yet.
    pub fn new(persona: Persona) -> Self {
        Self {
            persona,
            state: State::New,
            next_step: 0,
            bot_since: None,
            bot_done: None,
            turns: 0,
            last: None,
            put_off: 0,
            end: None,
            last_sound: Time::ZERO,
            outputs: VecDeque::new(),
        }
    }

    /// Whether the call is over for this persona.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// How often the bot has spoken.
    pub fn turns(&self) -> u32 {
        self.turns
    }

    /// Takes one input at a time that does not run backwards.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        if self.is_over() {
            return;
        }
        match input {
            Input::Invited => self.invited(now),
            Input::Ended => {
                self.outputs.clear();
                self.state = State::Over;
            }
            Input::BotStarted => {
                self.bot_since = Some(now);
                self.bot_done = None;
                self.last_sound = now;
            }
            Input::BotStopped { spoke_ms } => {
                self.last_sound = now;
                if self.bot_since.take().is_some() {
                    self.turns += 1;
                    self.bot_done = Some(spoke_ms);
                }
            }
            Input::ActDone => {
                if let State::Early { act, until } = self.state {
                    self.early(now, act + 1, until);
                }
                if self.state == State::Acting {
                    self.last_sound = now;
                    // A turn that ended under our own words was not an answer to them.
                    self.bot_done = None;
                    self.state = State::Waiting { since: now };
                }
            }
            Input::Timeout => {}
        }
        self.advance(now);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `Input::Timeout` is wanted; none where only another input can move it.
    pub fn poll_timeout(&self) -> Option<Time> {
        match self.state {
            State::New | State::Over => None,
            State::Ringing { until } | State::Early { until, .. } => Some(until),
            State::Acting => self.end,
            State::Waiting { since } => {
                [self.due(since), self.patience(), self.end].into_iter().flatten().min()
            }
        }
    }

    fn invited(&mut self, now: Time) {
        if self.state != State::New {
            return;
        }
        self.outputs.push_back(Output::Ring);
        let for_ever = self.persona.pickup == Pickup::NoAnswer && self.persona.early.is_empty();
        let rings = if for_ever { UNANSWERED } else { Duration::from_millis(self.persona.rings_ms) };
        self.state = State::Ringing { until: now + rings };
    }

    /// Gives this of its early media, or does what comes after it.
    fn early(&mut self, now: Time, act: usize, until: Time) {
        let all = self.persona.early.len();
        let act = if self.persona.pickup == Pickup::NoAnswer { act % all.max(1) } else { act };
        match self.persona.early.get(act) {
            Some(sound) => {
                self.outputs.push_back(Output::Play(sound.clone()));
                self.state = State::Early { act, until };
            }
            None => self.pick_up(now),
        }
    }

    fn pick_up(&mut self, now: Time) {
        match self.persona.pickup {
            Pickup::Decline(code) => self.end_with(Output::Reject(code)),
            Pickup::NoAnswer => self.end_with(Output::Reject(480)),
            Pickup::Answer => {
                self.outputs.push_back(Output::Answer);
                self.last_sound = now;
                self.end = Some(now + Duration::from_millis(self.persona.max_call_ms));
                self.state = State::Waiting { since: now };
            }
        }
    }

    /// Does whatever is due; each round either moves on or stops.
    fn advance(&mut self, now: Time) {
        loop {
            match self.state {
                State::Ringing { until } if now >= until && self.persona.early.is_empty() => {
                    self.pick_up(now);
                }
                State::Ringing { until } if now >= until => {
                    self.outputs.push_back(Output::Progress);
                    self.early(now, 0, now + UNANSWERED);
                }
                State::Early { until, .. } if now >= until => self.end_with(Output::Reject(480)),
                State::Waiting { .. } | State::Acting if self.end.is_some_and(|end| now >= end) => {
                    self.end_with(Output::HangUp);
                }
                State::Waiting { since } if self.due(since).is_some_and(|due| now >= due) => self.act(now),
                State::Waiting { .. } if self.patience().is_some_and(|end| now >= end) => {
                    self.end_with(Output::HangUp);
                }
                _ => return,
            }
            if self.turns >= self.persona.max_turns && matches!(self.state, State::Waiting { .. }) {
                self.end_with(Output::HangUp);
            }
        }
    }

    /// When the next step is due, as far as can be told now.
    fn due(&self, since: Time) -> Option<Time> {
        let ms = |t: Time, ms: u64| t + Duration::from_millis(ms);
        let done = self.bot_done.map(|_| since);
        let Some(step) = self.persona.steps.get(self.next_step) else {
            // With nothing to say, the turn limit alone decides.
            let enough = self.turns >= self.persona.max_turns;
            return if enough || self.persona.otherwise.is_some() { done } else { None };
        };
        let cue = match step.cue {
            Cue::After(wait) => Some(ms(since, wait)),
            Cue::BotDone => done,
            Cue::BotSpeaking(wait) => done.or_else(|| self.bot_since.map(|t| ms(t, wait))),
        };
        // Whoever has begun to listen does not talk over the bot only because time is up.
        let anyway = match (step.or_after_ms, self.bot_since) {
            (Some(wait), None) => Some(ms(since, wait)),
            _ => None,
        };
        [cue, anyway].into_iter().flatten().min()
    }

    /// When it gives the bot up; never while the bot speaks.
    fn patience(&self) -> Option<Time> {
        match self.bot_since {
            Some(_) => None,
            None => Some(self.last_sound + Duration::from_millis(self.persona.patience_ms)),
        }
    }

    fn act(&mut self, now: Time) {
        let spoke_ms = self.bot_done.take();
        if self.turns >= self.persona.max_turns {
            self.end_with(Output::HangUp);
            return;
        }
        let step = self.persona.steps.get(self.next_step);
        let asked_again =
            |a: &Answer| self.put_off < PUTS_OFF && spoke_ms.is_some_and(|ms| ms < a.bot_spoke_ms);
        let act = match step.map(|s| &s.answer).or(self.persona.otherwise.as_ref()) {
            None => Act::Listen,
            // With nothing to repeat it goes on listening.
            Some(answer) if asked_again(answer) => {
                self.put_off += 1;
                answer.to_shorter.clone().map(Act::Say).or_else(|| self.last.clone()).unwrap_or(Act::Listen)
            }
            Some(answer) => {
                self.put_off = 0;
                self.next_step += usize::from(step.is_some());
                if self.persona.again && self.next_step == self.persona.steps.len() {
                    self.next_step = 0;
                }
                answer.act.clone()
            }
        };
        if matches!(act, Act::Say(_) | Act::Press(_)) {
            self.last = Some(act.clone());
        }
        self.state = State::Acting;
        match act {
            Act::Say(_) | Act::Make(..) | Act::Tones(_) | Act::Parrot => {
                self.outputs.push_back(Output::Play(act));
            }
            Act::Press(keys) => self.outputs.push_back(Output::Press(keys)),
            Act::HangUp => self.end_with(Output::HangUp),
            Act::Listen => self.state = State::Waiting { since: now },
        }
    }

    fn end_with(&mut self, last: Output) {
        self.outputs.push_back(last);
        self.state = State::Over;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOPPED: Input = Input::BotStopped { spoke_ms: 4_000 };

    fn say(text: &str) -> Act {
        Act::Say(text.into())
    }

    fn step(cue: Cue, act: Act) -> Step {
        Step { cue, or_after_ms: None, answer: act.into() }
    }

    fn persona(steps: Vec<Step>, otherwise: Option<Act>) -> Persona {
        Persona {
            number: "1001".into(),
            when_shown: None,
            name: "test".into(),
            lang: Lang::Zh,
            voice: None,
            level_dbov: -26,
            rings_ms: 1_000,
            early: Vec::new(),
            pickup: Pickup::Answer,
            steps,
            again: false,
            otherwise: otherwise.map(Answer::from),
            max_turns: 10,
            patience_ms: 30_000,
            max_call_ms: 300_000,
        }
    }

    struct Stage {
        machine: Machine,
        now: Time,
    }

    impl Stage {
        fn call(p: Persona) -> Self {
            let mut stage = Self { machine: Machine::new(p), now: Time::ZERO };
            assert_eq!(stage.does(Input::Invited), [Output::Ring]);
            stage
        }

        fn picked_up(p: Persona) -> Self {
            let mut stage = Self::call(p);
            assert_eq!(stage.wait(1_000), [(1_000, Output::Answer)]);
            stage
        }

        fn outputs(&mut self) -> Vec<Output> {
            std::iter::from_fn(|| self.machine.poll_output()).collect()
        }

        fn does(&mut self, input: Input) -> Vec<Output> {
            self.machine.handle_input(self.now, input);
            self.outputs()
        }

        /// Lets time pass, with the timeouts that are asked for; outputs with their time [ms].
        fn wait(&mut self, ms: u64) -> Vec<(u64, Output)> {
            let end = self.now + Duration::from_millis(ms);
            let mut all = Vec::new();
            while let Some(t) = self.machine.poll_timeout().filter(|t| *t <= end) {
                self.now = t.max(self.now);
                let at = self.now.as_millis();
                all.extend(self.does(Input::Timeout).into_iter().map(|o| (at, o)));
            }
            self.now = end;
            all
        }

        /// The bot speaks for `ms`; what the persona does meanwhile and after.
        fn bot_speaks(&mut self, ms: u64) -> Vec<Output> {
            let mut all = self.does(Input::BotStarted);
            all.extend(self.wait(ms).into_iter().map(|(_, o)| o));
            all.extend(self.does(Input::BotStopped { spoke_ms: ms }));
            all
        }
    }

    #[test]
    fn it_rings_answers_and_speaks_only_when_the_bot_has_finished() {
        let mut stage =
            Stage::picked_up(persona(vec![step(Cue::BotDone, say("对，我是。"))], Some(say("好的。"))));
        assert_eq!(stage.wait(2_000), []);
        assert_eq!(stage.does(Input::BotStarted), []);
        assert_eq!(stage.wait(4_000), []);
        assert_eq!(stage.does(STOPPED), [Output::Play(say("对，我是。"))]);
        assert_eq!(stage.wait(1_500), []);
        assert_eq!(stage.does(Input::ActDone), []);
        assert_eq!(stage.bot_speaks(3_000), [Output::Play(say("好的。"))]);
    }

    #[test]
    fn its_last_line_is_repeated_until_it_has_had_enough_turns() {
        let mut p = persona(vec![], Some(say("好的。")));
        p.max_turns = 3;
        let mut stage = Stage::picked_up(p);
        for _ in 0..2 {
            assert_eq!(stage.bot_speaks(1_000), [Output::Play(say("好的。"))]);
            stage.does(Input::ActDone);
        }
        assert_eq!(stage.bot_speaks(1_000), [Output::HangUp]);
        assert!(stage.machine.is_over());
        assert_eq!(stage.bot_speaks(1_000), []);
        assert_eq!(stage.machine.poll_timeout(), None);
    }

    #[test]
    fn it_greets_after_pickup_without_waiting() {
        let mut stage = Stage::picked_up(persona(
            vec![step(Cue::After(400), say("喂？")), step(Cue::BotDone, say("我是。"))],
            None,
        ));
        assert_eq!(stage.wait(400), [(1_400, Output::Play(say("喂？")))]);
        // The bot begins under the greeting and ends after it: that is the turn to answer.
        assert_eq!(stage.does(Input::BotStarted), []);
        assert_eq!(stage.does(Input::ActDone), []);
        assert_eq!(stage.wait(2_000), []);
        assert_eq!(stage.does(STOPPED), [Output::Play(say("我是。"))]);
    }

    #[test]
    fn a_turn_that_ended_under_its_own_words_is_not_answered() {
        let mut stage =
            Stage::picked_up(persona(vec![step(Cue::After(100), say("喂？"))], Some(say("嗯。"))));
        stage.wait(100);
        assert_eq!(stage.bot_speaks(500), []);
        assert_eq!(stage.does(Input::ActDone), []);
        assert_eq!(stage.wait(5_000), []);
        assert_eq!(stage.bot_speaks(500), [Output::Play(say("嗯。"))]);
    }

    #[test]
    fn it_talks_over_the_bot_when_told_to() {
        let mut stage =
            Stage::picked_up(persona(vec![step(Cue::BotSpeaking(1_500), say("我明天就还。"))], None));
        assert_eq!(stage.does(Input::BotStarted), []);
        assert_eq!(stage.wait(3_000), [(2_500, Output::Play(say("我明天就还。")))]);
        // A bot that was shorter than that is answered in the ordinary way.
        let mut stage = Stage::picked_up(persona(vec![step(Cue::BotSpeaking(1_500), say("好。"))], None));
        assert_eq!(stage.bot_speaks(900), [Output::Play(say("好。"))]);
    }

    #[test]
    fn an_agent_greets_even_where_nobody_speaks_and_then_hangs_up() {
        let greet =
            Step { cue: Cue::BotDone, or_after_ms: Some(1_500), answer: say("您好，请讲。").into() };
        let end = Step { cue: Cue::BotDone, or_after_ms: Some(6_000), answer: Act::HangUp.into() };
        let mut stage = Stage::picked_up(persona(vec![greet, end], None));
        assert_eq!(stage.wait(1_500), [(2_500, Output::Play(say("您好，请讲。")))]);
        stage.does(Input::ActDone);
        assert_eq!(stage.wait(60_000), [(8_500, Output::HangUp)]);
    }

    #[test]
    fn keys_are_pressed_and_turns_let_pass() {
        let steps = vec![
            step(Cue::BotDone, Act::Press("1".into())),
            step(Cue::BotDone, Act::Listen),
            step(Cue::BotDone, Act::HangUp),
        ];
        let mut stage = Stage::picked_up(persona(steps, None));
        assert_eq!(stage.bot_speaks(1_000), [Output::Press("1".into())]);
        stage.does(Input::ActDone);
        assert_eq!(stage.bot_speaks(1_000), []);
        assert_eq!(stage.bot_speaks(1_000), [Output::HangUp]);
    }

    #[test]
    fn a_silent_callee_stays_while_the_bot_speaks_and_gives_up_after() {
        let mut stage = Stage::picked_up(persona(vec![], None));
        assert_eq!(stage.wait(29_000), []);
        assert_eq!(stage.bot_speaks(60_000), []);
        assert_eq!(stage.wait(40_000), [(120_000, Output::HangUp)]);
    }

    #[test]
    fn who_declines_or_does_not_answer_never_answers() {
        for code in [486, 603, 404] {
            let mut stage = Stage::call(Persona { pickup: Pickup::Decline(code), ..persona(vec![], None) });
            assert_eq!(stage.wait(60_000), [(1_000, Output::Reject(code))]);
        }
        let mut stage = Stage::call(Persona { pickup: Pickup::NoAnswer, ..persona(vec![], None) });
        assert_eq!(stage.wait(120_000), []);
        assert_eq!(stage.does(Input::Ended), []);
        assert!(stage.machine.is_over());
    }

    #[test]
    fn what_comes_early_comes_before_the_answer_and_before_a_refusal() {
        let early = vec![Act::Make(Noise::Ringback, 4_000), say("您拨打的号码是空号。")];
        for (pickup, last) in [(Pickup::Answer, Output::Answer), (Pickup::Decline(404), Output::Reject(404))]
        {
            let mut stage = Stage::call(Persona { pickup, early: early.clone(), ..persona(vec![], None) });
            assert_eq!(
                stage.wait(1_000),
                [(1_000, Output::Progress), (1_000, Output::Play(early[0].clone()))]
            );
            assert_eq!(stage.does(Input::ActDone), [Output::Play(early[1].clone())]);
            assert_eq!(stage.does(Input::ActDone), [last]);
        }
    }

    #[test]
    fn who_rings_on_gives_its_early_media_again_until_the_caller_has_had_enough() {
        let p =
            Persona { pickup: Pickup::NoAnswer, early: vec![say("已关机。")], ..persona(vec![], None) };
        let mut stage = Stage::call(p);
        stage.wait(1_000);
        for _ in 0..3 {
            assert_eq!(stage.does(Input::ActDone), [Output::Play(say("已关机。"))]);
        }
        assert_eq!(stage.wait(600_000), [(181_000, Output::Reject(480))]);
    }

    #[test]
    fn who_never_stops_begins_again_until_the_call_is_over() {
        let mut p = persona(vec![step(Cue::After(0), say("我跟你说。"))], None);
        (p.again, p.max_call_ms) = (true, 60_000);
        let mut stage = Stage::call(p);
        assert_eq!(stage.wait(1_000).last(), Some(&(1_000, Output::Play(say("我跟你说。")))));
        for _ in 0..10 {
            assert_eq!(stage.does(Input::ActDone), [Output::Play(say("我跟你说。"))]);
        }
        assert_eq!(stage.wait(600_000), [(61_000, Output::HangUp)]);
    }

    #[test]
    fn a_caller_who_never_gives_up_is_told_at_last_that_nobody_is_there() {
        let mut stage = Stage::call(Persona { pickup: Pickup::NoAnswer, ..persona(vec![], None) });
        assert_eq!(stage.wait(600_000), [(180_000, Output::Reject(480))]);
    }

    #[test]
    fn a_bot_that_asks_again_hears_the_last_line_again_and_the_step_is_still_to_come() {
        let matter = Answer { bot_spoke_ms: 6_000, ..say("我明天还。").into() };
        let read_back =
            Answer { bot_spoke_ms: 4_500, to_shorter: Some("明天。".into()), ..say("对。").into() };
        let mut p = persona(
            vec![
                step(Cue::BotDone, say("我是。")),
                Step { cue: Cue::BotDone, or_after_ms: None, answer: matter },
            ],
            None,
        );
        p.otherwise = Some(read_back);
        p.max_turns = 20;
        assert_eq!(p.says().collect::<Vec<_>>(), ["我是。", "我明天还。", "对。", "明天。"]);
        let mut stage = Stage::picked_up(p);
        for (spoke_ms, line) in [
            (7_000, "我是。"),
            (3_000, "我是。"),
            (5_999, "我是。"),
            (12_000, "我明天还。"),
            (2_000, "明天。"),
            (6_000, "对。"),
            (2_000, "明天。"),
            (2_000, "明天。"),
            (2_000, "对。"),
            (2_000, "明天。"),
        ] {
            assert_eq!(stage.bot_speaks(spoke_ms), [Output::Play(say(line))], "{spoke_ms}");
            stage.does(Input::ActDone);
        }
    }

    #[test]
    fn who_has_said_nothing_yet_has_nothing_to_repeat() {
        let mut p = persona(vec![], None);
        p.otherwise = Some(Answer { bot_spoke_ms: 6_000, ..say("我明天还。").into() });
        let mut stage = Stage::picked_up(p);
        assert_eq!(stage.bot_speaks(2_000), []);
        assert_eq!(stage.bot_speaks(8_000), [Output::Play(say("我明天还。"))]);
    }

    #[test]
    fn no_call_is_longer_than_its_limit_whoever_speaks() {
        let limit = |p| Persona { max_call_ms: 60_000, ..p };
        let mut stage = Stage::picked_up(limit(persona(vec![], None)));
        stage.does(Input::BotStarted);
        assert_eq!(stage.wait(600_000), [(61_000, Output::HangUp)]);
        // The end of its own line is never reported.
        let mut stage = Stage::picked_up(limit(persona(vec![step(Cue::After(500), say("喂？"))], None)));
        assert_eq!(stage.wait(600_000), [(1_500, Output::Play(say("喂？"))), (61_000, Output::HangUp)]);
    }

    #[test]
    fn nothing_comes_out_after_the_end() {
        let mut stage = Stage::picked_up(persona(vec![step(Cue::BotDone, say("喂"))], Some(say("喂"))));
        stage.does(Input::Ended);
        for input in [Input::Invited, Input::BotStarted, STOPPED, Input::ActDone, Input::Timeout] {
            assert_eq!(stage.does(input), []);
        }
        assert_eq!(stage.wait(600_000), []);
    }
}
