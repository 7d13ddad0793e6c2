//! Calls that are looked for, by how they ended and by what was said.
//!
//! What is sought stands in a body: words of a call are personal, and a path is what others log.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waihu_redact::Known;
use waihu_store::{Beyond, Hit, Sought};
use waihu_types::{CampaignId, CaseId, Disposition, Lang, WallTime};

use crate::{
    Problem,
    extract::{Answer, Body, Who},
    openapi::{CaseKey, Key},
    page::{Page, after, limit},
    state::Here,
};

/// The longest words [characters]: a long sentence.
const MAX_WORDS: usize = 100;

/// Which calls are sought; all where nothing is set.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Seek {
    /// In which these words were said: phrases, with spaces between them.
    #[schema(nullable = false, max_length = 100, example = "周五还")]
    words: Option<String>,
    /// By `callee`, `bot` or `agent`.
    #[schema(nullable = false, example = "callee")]
    speaker: Option<Speaker>,
    /// Of one campaign.
    #[schema(nullable = false, value_type = Option<Key>)]
    campaign: Option<CampaignId>,
    /// Of one case.
    #[schema(nullable = false, value_type = Option<CaseKey>)]
    case: Option<CaseId>,
    /// That ended so.
    #[schema(nullable = false, value_type = Option<String>, example = "promise_to_pay")]
    disposition: Option<Disposition>,
    /// That ended at this moment or later.
    #[schema(nullable = false, value_type = Option<String>, format = DateTime)]
    since: Option<WallTime>,
    /// That ended before this moment.
    #[schema(nullable = false, value_type = Option<String>, format = DateTime)]
    until: Option<WallTime>,
    /// Where the page before ended: its `next`.
    #[schema(nullable = false, max_length = 512)]
    cursor: Option<String>,
    /// How many, at most; 50 where left out.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Who speaks in a call.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Speaker {
    /// The person called.
    Callee,
    /// The machine.
    Bot,
    /// The person who took over.
    Agent,
}

impl Speaker {
    fn label(self) -> &'static str {
        match self {
            Self::Callee => "callee",
            Self::Bot => "bot",
            Self::Agent => "agent",
        }
    }
}

/// A call that was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Call {
    /// The attempt.
    #[schema(value_type = Key)]
    attempt: String,
    /// The campaign; none for a call placed by hand.
    #[schema(value_type = Option<Key>)]
    campaign: Option<String>,
    /// The case.
    #[schema(value_type = CaseKey)]
    case: String,
    /// How it ended.
    disposition: String,
    /// What answered.
    answered_by: String,
    /// When it was dialled.
    #[schema(value_type = String, format = DateTime)]
    dialled_at: WallTime,
    /// When it was answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    answered_at: Option<WallTime>,
    /// When it was over.
    #[schema(value_type = String, format = DateTime)]
    ended_at: WallTime,
    /// Where the words stand; none where none were sought.
    said: Option<SaidThere>,
}

/// Where words stand in a call.
#[derive(Serialize, ToSchema)]
pub(crate) struct SaidThere {
    /// When they were said, from the beginning of the recording [ms].
    at_ms: i64,
    /// Who said them.
    speaker: String,
    /// The utterance.
    text: String,
}

impl From<Hit> for Call {
    fn from(hit: Hit) -> Self {
        let time = WallTime::from_unix_millis;
        let said = hit.at_ms.zip(hit.speaker).zip(hit.text);
        Self {
            attempt: hit.attempt,
            campaign: hit.campaign,
            case: hit.case_id,
            disposition: hit.disposition,
            answered_by: hit.answered_by,
            dialled_at: time(hit.dialled_at),
            answered_at: hit.answered_at.map(time),
            ended_at: time(hit.ended_at),
            said: said.map(|((at_ms, speaker), text)| SaidThere { at_ms, speaker, text }),
        }
    }
}

/// Finds calls, the newest first: by how they ended, and by what was said in them. Of words that were said several
/// times in a call each place is told.
#[utoipa::path(post, path = "/v1/search", tag = "calls", request_body = Seek,
    responses((status = 200, description = "A page of calls", body = Page<Call>)))]
pub(crate) async fn search(shared: Here, who: Who, Body(seek): Body<Seek>) -> Answer<Page<Call>> {
    let words = seek.words.as_deref().map(str::trim).filter(|words| !words.is_empty());
    if words.is_some_and(|words| words.chars().count() > MAX_WORDS) {
        return Err(Problem::invalid("words", "100 characters at most 不得超过 100 字"));
    }
    let (from, limit) = (after::<Beyond>(seek.cursor.as_deref())?, limit(seek.limit)?);
    let sought = Sought {
        words: words.map(str::to_owned),
        speaker: seek.speaker.map(|speaker| speaker.label().to_owned()),
        campaign: seek.campaign,
        case: seek.case,
        disposition: seek.disposition,
        since: seek.since,
        until: seek.until,
    };
    let rows = shared.store().search(&sought, from.as_ref(), limit + 1).await?;
    let sees = who.sees_numbers();
    Page::of(rows, limit, Hit::place, |mut hit| {
        hit.text = hit.text.map(|text| if sees { text } else { hidden(&text) });
        Ok(hit.into())
    })
    .map(Json)
}

/// An utterance without the numbers that were said in it.
fn hidden(text: &str) -> String {
    let lang = if text.is_ascii() { Lang::En } else { Lang::Zh };
    waihu_redact::hide(text, &waihu_redact::find(text, lang, &Known::default()), lang)
}
