//! Other readings of an utterance, where the recognizer was not sure.
//!
//! whisper.cpp gives the one best line. What it heard stays in its state, though, so that another line costs
//! no more than its tokens: at the places where a token's probability was lowest, the next likely one is
//! taken instead and the line read to its end from there. A line that was sure all along costs nothing.
//! Deliberately absent: a beam, which pays for its width in sure lines too (`FIGURES.md`).

use whisper_rs::{WhisperContext, WhisperState};

use crate::{AsrError, guard::plain};

/// One reading of an utterance.
#[derive(Clone, PartialEq)]
pub struct Hypothesis {
    /// The words with their punctuation.
    pub text: String,
    /// Mean log-probability of the tokens, the end of the text among them: near 0 is sure, below -1 a guess.
    pub avg_logprob: f32,
}

impl std::fmt::Debug for Hypothesis {
    // The words are personal data: a log line shows how many there were.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hypothesis")
            .field("characters", &self.text.chars().count())
            .field("avg_logprob", &self.avg_logprob)
            .finish()
    }
}

/// A token with its log-probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Token {
    pub id: i32,
    pub logprob: f32,
}

/// A line as tokens, its end (the end-of-text token) included unless the token limit came first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub tokens: Vec<Token>,
}

impl Line {
    /// Mean over all tokens; 0 without any.
    pub fn avg_logprob(&self) -> f32 {
        let sum: f32 = self.tokens.iter().map(|t| t.logprob).sum();
        if self.tokens.is_empty() { 0.0 } else { sum / self.tokens.len() as f32 }
    }

    pub fn text(&self, context: &WhisperContext) -> Result<String, AsrError> {
        let mut bytes = Vec::new();
        for token in self.tokens.iter().filter(|t| t.id < context.token_eot()) {
            bytes.extend_from_slice(context.token_to_bytes(token.id)?);
        }
        // A token can end in the middle of a character; at the token limit the rest of it never comes.
        Ok(String::from_utf8_lossy(&bytes).replace('\u{fffd}', "").trim().to_owned())
    }
}

/// A token less likely than this is worth a second look. Above it the alternative has less than half of its
/// weight and hardly ever is the right one.
const SURE: f32 = 0.65;

/// An alternative less likely than this is not read to its end.
const WORTH_READING: f32 = 0.03;

/// A token that may come next.
struct Choice {
    id: i32,
    logprob: f32,
}

/// Reads other lines than `best` from what `state` has just heard.
pub(crate) struct Reader<'a> {
    pub state: &'a mut WhisperState,
    pub context: &'a WhisperContext,
    /// Tokens before the line's first: prompt and task.
    pub before: usize,
    /// The last of them.
    pub last_before: i32,
    pub threads: usize,
    /// Tokens of a line at most.
    pub most: usize,
}

impl Reader<'_> {
    /// Up to `count` other lines, in no order.
    pub fn others(&mut self, best: &Line, count: usize) -> Result<Vec<Line>, AsrError> {
        // To go on where the text should end gives nothing but repetitions.
        let may_branch = |t: &Token| t.logprob < SURE.ln() && t.id != self.context.token_eot();
        let mut unsure: Vec<usize> =
            (0..best.tokens.len()).filter(|i| may_branch(&best.tokens[*i])).collect();
        unsure.sort_by(|a, b| best.tokens[*a].logprob.total_cmp(&best.tokens[*b].logprob));
        unsure.truncate(count);
        // From the end to the front: a reading overwrites the state from its place on.
        unsure.sort_unstable_by(|a, b| b.cmp(a));
        let mut lines = Vec::new();
        for place in unsure {
            lines.extend(self.branch(best, place)?);
        }
        Ok(lines)
    }

    /// The line that takes the next likely token at `place`.
    fn branch(&mut self, best: &Line, place: usize) -> Result<Option<Line>, AsrError> {
        let previous = place.checked_sub(1).map_or(self.last_before, |i| best.tokens[i].id);
        let taken = best.tokens[place].id;
        let Some(mut choice) = self.choose(previous, place, Some(taken))? else { return Ok(None) };
        if choice.logprob < WORTH_READING.ln() {
            return Ok(None);
        }
        let mut line = Line { tokens: best.tokens[..place].to_vec() };
        loop {
            line.tokens.push(Token { id: choice.id, logprob: choice.logprob });
            if choice.id == self.context.token_eot() || line.tokens.len() >= self.most {
                return Ok(Some(line));
            }
            match self.choose(choice.id, line.tokens.len(), None)? {
                Some(next) => choice = next,
                None => return Ok(Some(line)),
            }
        }
    }

    /// The likeliest token after `previous` at `place` that is not `instead_of`, nor the same word in other
    /// letters, nor punctuation in a word's place.
    fn choose(
        &mut self,
        previous: i32,
        place: usize,
        instead_of: Option<i32>,
    ) -> Result<Option<Choice>, AsrError> {
        self.state.decode(&[previous], self.before + place - 1, self.threads)?;
        let eot = self.context.token_eot();
        let Ok(vocabulary) = usize::try_from(eot + 1) else { return Ok(None) };
        // Text and the end of it; what lies above is for other tasks.
        let Some(logits) = self.state.get_logits()?.get(..vocabulary) else { return Ok(None) };
        let most = logits.iter().copied().fold(f32::MIN, f32::max);
        let sum: f32 = logits.iter().map(|l| (l - most).exp()).sum();
        let logprob = |id: usize| logits[id] - most - sum.ln();
        let Some(taken) = instead_of else {
            let id = (0..vocabulary).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
            return Ok(id.map(|id| Choice { id: id as i32, logprob: logprob(id) }));
        };
        let mut likely: Vec<usize> = (0..vocabulary).filter(|id| logprob(*id) > WORTH_READING.ln()).collect();
        likely.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
        let word = |id: i32| -> Result<Option<String>, AsrError> {
            // Half a character has no letters yet, but is none the less part of a word.
            let bytes = if id == eot { b"" } else { self.context.token_to_bytes(id)? };
            Ok(std::str::from_utf8(bytes).ok().map(plain))
        };
        let taken_word = word(taken)?;
        for id in likely {
            let id32 = id as i32;
            let other = word(id32)?;
            if id32 != taken && other != taken_word && (id32 == eot || other.as_deref() != Some("")) {
                return Ok(Some(Choice { id: id32, logprob: logprob(id) }));
            }
        }
        Ok(None)
    }
}
