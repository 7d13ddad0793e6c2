//! Calls that people look at: the form, and the second pair of eyes.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use waihu_quality::{Act, Form, Opinion, Person, Refused, Review, Stage, Step};
use waihu_store::{ReviewFilter, StoredReview, TurnTaken};
use waihu_types::{AttemptId, WallTime};

use super::quality::json;
use crate::{
    Problem,
    extract::{Answer, Asked, At, Body, Who},
    mask::Veil,
    openapi::Key,
    page::{Page, after, limit},
    problem::Code,
    state::{Here, Shared, now},
};

/// Which reviews are wanted; all where nothing is set.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// `open`, `done`, or whose turn it is: `first`, `second`, `third`.
    #[param(max_length = 16, example = "open")]
    stage: Option<String>,
    /// Of one plan.
    plan: Option<String>,
    /// Of one call.
    #[param(value_type = Option<Key>)]
    attempt: Option<AttemptId>,
    /// Where the page before ended: its `next`. Left out for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// How many rows, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// A call that is looked at.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewTold {
    /// Its id.
    #[schema(minimum = 1)]
    id: i64,
    /// The plan that drew it.
    plan: String,
    /// The day that was drawn.
    #[schema(value_type = String, format = Date)]
    day: String,
    /// The call.
    #[schema(value_type = Key)]
    attempt: String,
    /// Whether a second person has to confirm.
    four_eyes: bool,
    /// Whose turn it is: `first`, `second`, `third`; none where it is done.
    stage: Option<String>,
    /// What stands at its end [percent].
    score: Option<i64>,
    /// What stands at its end: `right` or `wrong`.
    opinion: Option<String>,
    /// When it was drawn.
    #[schema(value_type = String, format = DateTime)]
    drawn_at: WallTime,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    changed_at: WallTime,
}

impl From<StoredReview> for ReviewTold {
    fn from(row: StoredReview) -> Self {
        let time = WallTime::from_unix_millis;
        Self {
            id: row.id,
            plan: row.plan,
            day: row.day,
            attempt: row.attempt,
            four_eyes: row.four_eyes != 0,
            stage: row.stage,
            score: row.score,
            opinion: row.opinion,
            drawn_at: time(row.drawn_at),
            changed_at: time(row.changed_at),
        }
    }
}

/// Calls that are looked at, the newest first.
#[utoipa::path(get, path = "/v1/reviews", tag = "quality", params(Which),
    responses((status = 200, description = "A page of reviews", body = Page<ReviewTold>)))]
pub(crate) async fn list(shared: Here, _: Who, Asked(which): Asked<Which>) -> Answer<Page<ReviewTold>> {
    let stages = ["open", "done"].into_iter().chain(Stage::ALL.map(Stage::label));
    if which.stage.as_ref().is_some_and(|stage| !stages.clone().any(|known| known == stage)) {
        return Err(Problem::invalid("stage", "open, done, first, second or third is expected 状态有误"));
    }
    let (from, limit) = (after::<i64>(which.cursor.as_deref())?, limit(which.limit)?);
    let filter = ReviewFilter { stage: which.stage, plan: which.plan, attempt: which.attempt };
    let rows = shared.store().reviews(&filter, from, limit + 1).await?;
    Page::of(rows, limit, |row| row.id, |row| Ok(row.into())).map(Json)
}

/// A review with its form and what was done in it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewWhole {
    /// How it stands.
    #[serde(flatten)]
    review: ReviewTold,
    /// The form: `id`, `zh`, `en`, `pass`, and `question` with `id`, `zh`, `en`, `most`, `weight`, `critical` each.
    #[schema(value_type = Object)]
    form: Value,
    /// What was done, in its order: `stage`, `login`, `name`, `at`, `answers`, `score`, `opinion`, `note`.
    #[schema(value_type = Vec<Object>)]
    acts: Vec<Value>,
    /// Whether whoever asks may take the next turn.
    may: bool,
    /// Why not, in both languages.
    why_not: Option<String>,
    /// Whether what tells of persons is masked: who asks may not see it in clear, or has not said what for.
    masked: bool,
}

struct Found {
    row: StoredReview,
    form: Form,
    review: Review,
}

async fn find(shared: &Shared, id: i64) -> Result<Found, Problem> {
    let found = shared.store().review(id).await?;
    let (row, acts) = found.ok_or_else(|| Problem::not_found("review 评审"))?;
    let broken = |_| {
        tracing::error!(review = id, "a review cannot be read");
        Problem::new(Code::Internal, "the review cannot be read 评审无法读取")
    };
    let form: Form = serde_json::from_str(&row.form).map_err(broken)?;
    let mut acts =
        acts.iter().map(|act| serde_json::from_str(act)).collect::<Result<Vec<Act>, _>>().map_err(broken)?;
    acts.sort_by_key(|act| act.stage);
    let agents = serde_json::from_str(&row.agents).map_err(broken)?;
    let review = Review { four_eyes: row.four_eyes != 0, agents, acts };
    Ok(Found { row, form, review })
}

fn person(who: &Who) -> Person {
    let login = who.session.as_ref().map(|signed_in| signed_in.session.person.login.to_string());
    // A token is a person's: whoever has two tokens is one person all the same.
    Person { login: login.unwrap_or_else(|| who.person.clone()), name: who.person.clone() }
}

/// As others read it: notes may cite what was said in the call.
async fn whole(shared: &Shared, mut found: Found, who: &Who) -> Result<ReviewWhole, Problem> {
    let may = found.review.may(&person(who));
    // A row names a call by an id.
    let attempt = found.row.attempt.parse::<AttemptId>().map_err(|_| Problem::not_found("review 评审"))?;
    let veil = Veil::over_call(shared, who, &attempt).await?;
    if let Some(veil) = &veil {
        for act in &mut found.review.acts {
            act.note = veil.text(&act.note, veil.lang);
        }
    }
    Ok(ReviewWhole {
        form: json(&found.row.form),
        acts: found.review.acts.iter().filter_map(|act| serde_json::to_value(act).ok()).collect(),
        may: may.is_ok(),
        why_not: may.err().map(|why| why.to_string()),
        masked: veil.is_some(),
        review: found.row.into(),
    })
}

/// A review, with its form and what was done in it.
#[utoipa::path(get, path = "/v1/reviews/{review}", tag = "quality",
    params(("review" = i64, Path, description = "The review")),
    responses((status = 200, description = "The review", body = ReviewWhole)))]
pub(crate) async fn one(shared: Here, who: Who, At(id): At<i64>) -> Answer<ReviewWhole> {
    whole(&shared, find(&shared, id).await?, &who).await.map(Json)
}

/// The score of a question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scored {
    /// Which question.
    #[schema(max_length = 64)]
    question: String,
    /// From 0 to the question's `most`.
    #[schema(minimum = 0, maximum = 100)]
    score: u8,
}

/// A turn: the answers of who fills the form, or whether the second person confirms.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turn {
    /// An answer to each question: the first and the third person's.
    #[schema(nullable = false, max_items = 100)]
    answers: Option<Vec<Scored>>,
    /// Whether what the first person wrote is confirmed: the second's.
    #[schema(nullable = false)]
    confirms: Option<bool>,
    /// What is to be known of it; who disagrees says why.
    #[serde(default)]
    #[schema(max_length = 2000)]
    note: String,
}

/// Takes the next turn of a review.
#[utoipa::path(post, path = "/v1/reviews/{review}", tag = "quality",
    params(("review" = i64, Path, description = "The review")), request_body = Turn,
    responses((status = 200, description = "How it stands then", body = ReviewWhole)))]
pub(crate) async fn take(
    shared: Here,
    who: Who,
    At(id): At<i64>,
    Body(turn): Body<Turn>,
) -> Answer<ReviewWhole> {
    let step = match (turn.answers, turn.confirms) {
        (Some(answers), None) => {
            let answer = |it: Scored| waihu_quality::Answer { question: it.question, score: it.score };
            Step::Fill { answers: answers.into_iter().map(answer).collect(), note: turn.note }
        }
        (None, Some(confirms)) => Step::Look { confirms, note: turn.note },
        _ => {
            return Err(Problem::invalid(
                "answers",
                "answers or confirms, one of them, is expected 二者只能有一个",
            ));
        }
    };
    let Found { form, mut review, .. } = find(&shared, id).await?;
    let act = review.take(&form, &person(&who), step, now()).map_err(refused)?.clone();
    let (score, opinion) = match review.result() {
        Some((score, opinion)) => (score, Some(opinion)),
        None => (None, None),
    };
    let record = crate::extract::text(&act)?;
    let taken = TurnTaken {
        stage: act.stage.label(),
        person: &act.login,
        record: &record,
        next: review.stage().map(Stage::label),
        score,
        opinion: opinion.map(|opinion| if opinion == Opinion::Right { "right" } else { "wrong" }),
    };
    if !shared.store().take_turn(id, &taken, now()).await? {
        return Err(Problem::new(
            Code::Conflict,
            "somebody else was faster: look at it anew 已由他人处理，请刷新",
        ));
    }
    whole(&shared, find(&shared, id).await?, &who).await.map(Json)
}

fn refused(why: Refused) -> Problem {
    match why {
        Refused::Answers { .. } => Problem::invalid("answers", why.to_string()),
        Refused::Note => Problem::invalid("note", why.to_string()),
        Refused::Done | Refused::OwnCall | Refused::SamePerson | Refused::OtherStep { .. } => {
            Problem::new(Code::Conflict, why.to_string())
        }
    }
}
