//! A review: the form that a person fills about a call, and the second pair of eyes.
//!
//! ```text
//!  First --filled--> done                          where one pair of eyes is enough
//!  First --filled--> Second --confirmed--> done
//!                    Second --disagrees--> Third --filled--> done: what the third person says stands
//! ```
//! Nobody does two of these of one call, and no agent judges a call of their own.

use serde::{Deserialize, Serialize};
use waihu_types::WallTime;

/// The longest note [characters]: a page.
const MAX_NOTE: usize = 2_000;

/// A question of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Its id.
    pub id: String,
    /// In Mandarin.
    pub zh: String,
    /// In English.
    pub en: String,
    /// The highest score; 0 is the lowest.
    pub most: u8,
    /// What it weighs.
    #[serde(default = "one")]
    pub weight: u32,
    /// Whether a score of 0 fails the call, whatever the others are.
    #[serde(default)]
    pub critical: bool,
}

fn one() -> u32 {
    1
}

/// What a reviewer answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Its id.
    pub id: String,
    /// Its name in Mandarin.
    pub zh: String,
    /// Its name in English.
    pub en: String,
    /// The least share of all scores of a call that is right [percent].
    pub pass: u8,
    /// Its questions.
    #[serde(rename = "question")]
    pub questions: Vec<Question>,
}

/// What is wrong with a form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("[[form]] {form:?}: {expected}")]
pub struct FormFault {
    /// Which.
    pub form: String,
    /// What is expected.
    pub expected: &'static str,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Which question.
    pub question: String,
    /// The score.
    pub score: u8,
}

/// What a reviewer holds of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// It was right.
    Right,
    /// It was not.
    Wrong,
}

impl Form {
    pub(crate) fn check(&self) -> Result<(), FormFault> {
        let odd = |expected| Err(FormFault { form: self.id.clone(), expected });
        if self.id.is_empty() || self.questions.is_empty() {
            return odd("an id and a question at least are expected 缺少编号或问题");
        }
        if self.pass > 100 {
            return odd("pass: 0 to 100 is expected 应为 0 至 100");
        }
        for (n, question) in self.questions.iter().enumerate() {
            if question.id.is_empty() || self.questions[..n].iter().any(|other| other.id == question.id) {
                return odd("each question has an id of its own 问题编号重复");
            }
            if question.most == 0 || question.most > 100 || question.weight > 1_000 {
                return odd("most: 1 to 100, weight: 0 to 1000 are expected 分值或权重有误");
            }
        }
        Ok(())
    }

    /// What all answers come to: the share of all scores [percent], and whether the call was right.
    ///
    /// # Errors
    /// [`Refused::Answers`] where a question was not answered once, or out of its bounds.
    pub fn result(&self, answers: &[Answer]) -> Result<(u8, Opinion), Refused> {
        let (mut reached, mut most, mut critical) = (0_u64, 0_u64, false);
        for question in &self.questions {
            let mut own = answers.iter().filter(|answer| answer.question == question.id);
            let (Some(answer), None) = (own.next(), own.next()) else {
                return Err(Refused::Answers { question: question.id.clone(), most: question.most });
            };
            if answer.score > question.most {
                return Err(Refused::Answers { question: question.id.clone(), most: question.most });
            }
            // Scores of questions with more steps count no more than others.
            let weight = u64::from(question.weight) * 10_000;
            reached += weight * u64::from(answer.score) / u64::from(question.most);
            most += weight;
            critical |= question.critical && answer.score == 0;
        }
        if let Some(odd) = answers.iter().find(|a| self.questions.iter().all(|q| q.id != a.question)) {
            return Err(Refused::Answers { question: odd.question.clone(), most: 0 });
        }
        let share = u8::try_from((reached * 100 + most / 2).checked_div(most).unwrap_or(100)).unwrap_or(100);
        let right = share >= self.pass && !critical;
        Ok((share, if right { Opinion::Right } else { Opinion::Wrong }))
    }
}

/// Who reviews.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// By what they sign in, or their token's name.
    pub login: String,
    /// Their name for others.
    pub name: String,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(…)")
    }
}

impl Person {
    /// Whether a name is theirs, by whichever of the two it was written down.
    fn is(&self, name: &str) -> bool {
        let same = |own: &str| own.trim().to_lowercase() == name.trim().to_lowercase();
        same(&self.login) || same(&self.name)
    }
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The form is to be filled.
    First,
    /// Somebody else is to confirm, or to disagree.
    Second,
    /// Both disagree: a third person fills the form, and what they say stands.
    Third,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::First, Self::Second, Self::Third];

    /// The name as it is written in records.
    pub fn label(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Third => "third",
        }
    }
}

/// What somebody does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Fills the form: the first and the third.
    Fill {
        /// The answers.
        answers: Vec<Answer>,
        /// What they note.
        note: String,
    },
    /// Confirms what the first wrote, or disagrees: the second.
    Look {
        /// Whether it is confirmed.
        confirms: bool,
        /// What they note; not empty where they disagree.
        note: String,
    },
}

/// What somebody did.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// As which.
    pub stage: Stage,
    /// By what they sign in, or their token's name.
    pub login: String,
    /// Their name.
    pub name: String,
    /// When.
    pub at: WallTime,
    /// Their answers; none of the second.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
    /// What those come to [percent].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// What they hold: of the second, whether the first's is theirs.
    pub opinion: Opinion,
    /// What they note.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Act({}, {:?})", self.stage.label(), self.opinion)
    }
}

/// Why somebody may not, or not so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is done.
    #[error("the review is done 评审已完成")]
    Done,
    /// They had the call.
    #[error("this call was yours: somebody else judges it 不得评审本人的通话")]
    OwnCall,
    /// They looked at it before.
    #[error("you looked at it before: another person is to 须由另一人复核")]
    SamePerson,
    /// This turn is for the other thing.
    #[error("{expected}")]
    OtherStep {
        /// What is expected.
        expected: &'static str,
    },
    /// A question was not answered once within its bounds.
    #[error(
        "question {question:?}: one answer from 0 to {most} is expected; no other question is there 评分有误"
    )]
    Answers {
        /// Which.
        question: String,
        /// Its highest score.
        most: u8,
    },
    /// A note is too long, or missing where one is needed.
    #[error("note: who disagrees says why, in 2000 characters at most 不同意须说明理由，且不超过 2000 字")]
    Note,
}

/// One review of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Whether a second person has to confirm.
    pub four_eyes: bool,
    /// Who had the call, by all names that are written down.
    pub agents: Vec<String>,
    /// What was done, in its order.
    pub acts: Vec<Act>,
}

impl Review {
    /// Whose turn it is; none where it is done.
    pub fn stage(&self) -> Option<Stage> {
        match (self.acts.len(), self.four_eyes, self.acts.get(1).map(|act| act.opinion)) {
            (0, ..) => Some(Stage::First),
            (1, true, _) => Some(Stage::Second),
            (2, true, Some(second)) if Some(second) != self.acts.first().map(|act| act.opinion) => {
                Some(Stage::Third)
            }
            _ => None,
        }
    }

    /// What stands at its end, with the score; none where it is not done.
    pub fn result(&self) -> Option<(Option<u8>, Opinion)> {
        if self.stage().is_some() {
            return None;
        }
        // A third person's word stands; else the first's, which nobody contradicts.
        let act = self.acts.get(2).or(self.acts.first())?;
        Some((act.score, act.opinion))
    }

    /// Whether somebody may do what is to be done next.
    ///
    /// # Errors
    /// Why not.
    pub fn may(&self, person: &Person) -> Result<Stage, Refused> {
        let stage = self.stage().ok_or(Refused::Done)?;
        if self.agents.iter().any(|agent| person.is(agent)) {
            return Err(Refused::OwnCall);
        }
        if self.acts.iter().any(|act| person.is(&act.login) || person.is(&act.name)) {
            return Err(Refused::SamePerson);
        }
        Ok(stage)
    }

    /// Does what is to be done next; what was done.
    ///
    /// # Errors
    /// Why it cannot be done: nothing changed then.
    pub fn take(&mut self, form: &Form, person: &Person, step: Step, at: WallTime) -> Result<&Act, Refused> {
        let stage = self.may(person)?;
        let (answers, score, opinion, note) = match (stage, step) {
            (Stage::First | Stage::Third, Step::Fill { answers, note }) => {
                let (score, opinion) = form.result(&answers)?;
                (answers, Some(score), opinion, note)
            }
            (Stage::Second, Step::Look { confirms, note }) => {
                if !confirms && note.trim().is_empty() {
                    return Err(Refused::Note);
                }
                let first = self.acts.first().map_or(Opinion::Right, |act| act.opinion);
                let other = if first == Opinion::Right { Opinion::Wrong } else { Opinion::Right };
                (Vec::new(), None, if confirms { first } else { other }, note)
            }
            (Stage::Second, _) => {
                return Err(Refused::OtherStep {
                    expected: "the form is filled: confirm it, or disagree 请确认或提出异议",
                });
            }
            _ => {
                return Err(Refused::OtherStep {
                    expected: "the form is to be filled first 请先填写评审表"
                });
            }
        };
        if note.chars().count() > MAX_NOTE {
            return Err(Refused::Note);
        }
        let (login, name) = (person.login.clone(), person.name.clone());
        let note = note.trim().to_owned();
        self.acts.push(Act { stage, login, name, at, answers, score, opinion, note });
        self.acts.last().ok_or(Refused::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        let question = |id: &str, most, critical| Question {
            id: id.into(),
            zh: String::new(),
            en: String::new(),
            most,
            weight: 1,
            critical,
        };
        Form {
            id: "f".into(),
            zh: String::new(),
            en: String::new(),
            pass: 60,
            questions: vec![question("tone", 5, false), question("law", 1, true)],
        }
    }

    fn person(name: &str) -> Person {
        Person { login: name.to_lowercase(), name: name.to_owned() }
    }

    fn fill(tone: u8, law: u8) -> Step {
        let answer = |question: &str, score| Answer { question: question.into(), score };
        Step::Fill { answers: vec![answer("tone", tone), answer("law", law)], note: String::new() }
    }

    fn look(confirms: bool) -> Step {
        Step::Look { confirms, note: if confirms { String::new() } else { "the tone was fine".into() } }
    }

    fn review(four_eyes: bool) -> Review {
        Review { four_eyes, agents: vec!["Wang".into()], acts: Vec::new() }
    }

    fn at() -> WallTime {
        WallTime::from_unix_millis(1)
    }

    #[test]
    fn one_pair_of_eyes_is_enough_where_the_plan_says_so() {
        let mut r = review(false);
        assert_eq!((r.stage(), r.result()), (Some(Stage::First), None));
        r.take(&form(), &person("Li"), fill(5, 1), at()).unwrap();
        assert_eq!((r.stage(), r.result()), (None, Some((Some(100), Opinion::Right))));
        assert_eq!(r.take(&form(), &person("Zhao"), fill(5, 1), at()), Err(Refused::Done));
    }

    #[test]
    fn a_second_person_confirms_or_a_third_decides() {
        let mut r = review(true);
        r.take(&form(), &person("Li"), fill(1, 1), at()).unwrap();
        assert_eq!(r.result(), None);
        let mut confirmed = r.clone();
        confirmed.take(&form(), &person("Zhao"), look(true), at()).unwrap();
        assert_eq!(confirmed.result(), Some((Some(60), Opinion::Right)));
        r.take(&form(), &person("Zhao"), look(false), at()).unwrap();
        assert_eq!((r.stage(), r.result()), (Some(Stage::Third), None));
        r.take(&form(), &person("Sun"), fill(5, 0), at()).unwrap();
        assert_eq!(r.result(), Some((Some(50), Opinion::Wrong)), "the critical question fails it");
    }

    #[test]
    fn nobody_looks_twice_and_no_agent_at_their_own() {
        let mut r = review(true);
        let own = Person { login: "w7".into(), name: " wang ".into() };
        assert_eq!(r.take(&form(), &own, fill(5, 1), at()), Err(Refused::OwnCall));
        assert_eq!(r.take(&form(), &person("Wang"), fill(5, 1), at()), Err(Refused::OwnCall));
        r.take(&form(), &person("Li"), fill(5, 1), at()).unwrap();
        for who in [person("Li"), Person { login: "other".into(), name: "LI".into() }] {
            assert_eq!(r.take(&form(), &who, look(true), at()), Err(Refused::SamePerson));
        }
        r.take(&form(), &person("Zhao"), look(false), at()).unwrap();
        assert_eq!(r.take(&form(), &person("Zhao"), fill(5, 1), at()), Err(Refused::SamePerson));
        assert_eq!(r.acts.len(), 2);
    }

    #[test]
    fn a_step_that_is_not_this_turns_changes_nothing() {
        let mut r = review(true);
        assert!(matches!(r.take(&form(), &person("Li"), look(true), at()), Err(Refused::OtherStep { .. })));
        for odd in [
            vec![],
            vec![("tone", 6), ("law", 1)],
            vec![("tone", 1), ("law", 1), ("law", 1)],
            vec![("tone", 1), ("law", 1), ("x", 0)],
        ] {
            let answers =
                odd.iter().map(|(q, score)| Answer { question: (*q).into(), score: *score }).collect();
            let step = Step::Fill { answers, note: String::new() };
            assert!(
                matches!(r.take(&form(), &person("Li"), step, at()), Err(Refused::Answers { .. })),
                "{odd:?}"
            );
        }
        assert!(r.acts.is_empty());
        r.take(&form(), &person("Li"), fill(5, 1), at()).unwrap();
        assert!(matches!(r.take(&form(), &person("Zhao"), fill(5, 1), at()), Err(Refused::OtherStep { .. })));
        let silent = Step::Look { confirms: false, note: " ".into() };
        assert_eq!(r.take(&form(), &person("Zhao"), silent, at()), Err(Refused::Note));
    }
}
