//! How long each question is waited for.

use waihu_types::Question;

/// Longer than this nobody is kept waiting, whatever a policy says [ms]: a line that is silent for two seconds
/// makes people ask whether anybody is there.
const MOST_MS: u32 = 2_000;

/// How a turn ends. The defaults of each question are [`Policy::of`]; a script's state may change any of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// Silence below which no turn ends, however sure everything is [ms].
    pub least_ms: u32,
    /// Silence that ends a turn when nothing else does [ms]; at most 2,000.
    pub most_ms: u32,
    /// Silence after which the model and the recognizer are asked [ms]: shorter ones lie between syllables.
    pub look_after_ms: u32,
    /// The silence that is waited for, where the words do not close the answer and the model is sure [ms].
    pub unclear_ms: u32,
    /// The model's probability from which on it is taken to be sure that the turn is over.
    pub sure: f32,
    /// The model's probability up to which it is taken to be sure that it is not.
    pub doubtful: f32,
    /// The doubt, 0 to 1, where the model has said nothing: missing, late or overloaded.
    pub unheard: f32,
    /// The doubt is multiplied by this where the words close the answer: 0 trusts the words alone, 1 gives them
    /// nothing.
    pub finished: f32,
    /// How many digits are asked for; with them the answer is complete.
    pub digits: Option<u8>,
    /// A turn of this length ends [ms]: music and announcements never pause, and the recognizer hears 30 s at
    /// once.
    pub longest_ms: u32,
}

impl Policy {
    /// What a question is waited for where the script says nothing; how the numbers came about is in
    /// `FIGURES.md`.
    pub fn of(question: Question) -> Self {
        let open = Self {
            least_ms: 450,
            most_ms: 1_500,
            look_after_ms: 200,
            // The words are there after half a second: a model that is sure does not end a turn before them.
            unclear_ms: 820,
            sure: 0.97,
            doubtful: 0.3,
            unheard: 0.5,
            finished: 0.6,
            digits: None,
            longest_ms: 25_000,
        };
        match question {
            // A yes that was recognized is one whatever its tone.
            Question::YesNo => Self {
                least_ms: 260,
                most_ms: 900,
                unclear_ms: 650,
                sure: 0.95,
                doubtful: 0.2,
                finished: 0.3,
                ..open
            },
            // People rest for 400 to 800 ms between groups; only the last digit that was asked for is an end.
            Question::Digits => Self { least_ms: 350, unclear_ms: 1_200, ..open },
            Question::When | Question::HowMuch | Question::Open => open,
        }
    }

    /// The same within its limits, so that no script can make a machine that hangs or never waits.
    pub(crate) fn within_limits(self) -> Self {
        let share = |x: f32| if x.is_finite() { x.clamp(0.0, 1.0) } else { 1.0 };
        let most_ms = self.most_ms.min(MOST_MS);
        let least_ms = self.least_ms.min(most_ms);
        let (sure, doubtful) = (share(self.sure), share(self.doubtful));
        Self {
            least_ms,
            most_ms,
            look_after_ms: self.look_after_ms.min(most_ms),
            unclear_ms: self.unclear_ms.clamp(least_ms, most_ms),
            sure,
            doubtful: doubtful.min(sure),
            unheard: share(self.unheard),
            finished: share(self.finished),
            ..self
        }
    }
}
