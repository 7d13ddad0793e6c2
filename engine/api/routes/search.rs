//! Calls that are looked for, by how they ended and by what was said.
//!
//! What is sought stands in a body: words of a call are personal, and a path is what others log. Who sees nothing in clear
//! finds in a call what its transcript shows them, and nothing by what that hides: a number would else be told by
//! trying its digits one after the other.

use std::collections::BTreeMap;

use axum::Json;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use utoipa::ToSchema;
use waihu_redact::Known;
use waihu_store::{Beyond, Conversation, Hit, Sought};
use waihu_types::{CampaignId, CaseId, Disposition, WallTime};

use super::calls::fell;
use crate::{
    Problem,
    extract::{Answer, Body, Who},
    openapi::{CaseKey, Key},
    page::{MOST_ROWS, Page, after, cursor, limit},
    state::{Here, Shared},
};

/// The longest words [characters]: a long sentence.
const MAX_WORDS: usize = 100;

/// So many utterances are looked at for a page of who sees nothing in clear, then it ends: two of the longest pages, whose
/// calls are read for it.
const MOST_LOOKED_AT: usize = 400;

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
    /// Whether what tells of persons is masked: who asks may not see it in clear, or has not said what for.
    masked: bool,
}

impl Call {
    fn of(hit: Hit, who: &Who) -> Self {
        let time = WallTime::from_unix_millis;
        let said = hit.at_ms.zip(hit.speaker).zip(hit.text);
        let masked = !who.sees_clear();
        Self {
            attempt: hit.attempt,
            campaign: hit.campaign,
            case: hit.case_id,
            disposition: hit.disposition,
            answered_by: hit.answered_by,
            dialled_at: time(hit.dialled_at),
            answered_at: hit.answered_at.map(time),
            ended_at: time(hit.ended_at),
            said: said.map(|((at_ms, speaker), text)| SaidThere { at_ms, speaker, text, masked }),
        }
    }
}

/// Finds calls, the newest first: by how they ended, and by what was said in them. Of words that were said several
/// times in a call each place is told. Masked, an utterance is as the transcript shows it, with neither
/// numbers nor names, and none is found by words that stand in what is hidden: all that is sought has to stand in the
/// rest. Where hundreds are hidden that way a page may be short, or empty, and have a `next` all the same.
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
    if sought.words.is_some() && !who.sees_clear() {
        return found_in_sight(&shared, &who, &sought, (from, limit)).await.map(Json);
    }
    let rows = shared.store().search(&sought, from.as_ref(), limit + 1).await?;
    Page::of(rows, limit, Hit::place, |hit| Ok(Call::of(hit, &who))).map(Json)
}

/// A page for who sees nothing in clear. It is looked on until it is full of what they see: where it ends tells nothing of
/// a call that they do not find then, nor does whether it has a next one.
async fn found_in_sight(
    shared: &Shared,
    who: &Who,
    sought: &Sought,
    (mut from, limit): (Option<Beyond>, u32),
) -> Result<Page<Call>, Problem> {
    let (mut seen, mut looked_at, mut at_once) = (Vec::new(), 0, limit + 1);
    let goes_on = loop {
        let hits = shared.store().search(sought, from.as_ref(), at_once).await?;
        let was_last = u32::try_from(hits.len()).is_ok_and(|found| found < at_once);
        looked_at += hits.len();
        // The place alone: it names no call.
        from = hits.last().map(|hit| Beyond(hit.place().0, String::new()));
        let calls = shared.store().conversations(&hits).await?;
        let own = sought.clone();
        let shown = spawn_blocking(move || in_sight(hits, &calls, &own)).await.map_err(|_| fell())?;
        seen.extend(shown);
        let is_full = u32::try_from(seen.len()).is_ok_and(|seen| seen > limit);
        if is_full || was_last {
            break None;
        }
        if looked_at >= MOST_LOOKED_AT {
            break from;
        }
        at_once = MOST_ROWS;
    };
    let mut page: Page<Call> = Page::of(seen, limit, Hit::place, |hit| Ok(Call::of(hit, who)))?;
    if let Some(place) = goes_on {
        page.next = Some(cursor(&place)?);
    }
    Ok(page)
}

/// What of some hits who sees nothing in clear finds, with their texts as the calls' transcripts show them.
fn in_sight(hits: Vec<Hit>, calls: &BTreeMap<String, Conversation>, sought: &Sought) -> Vec<Hit> {
    let shown = |mut hit: Hit| {
        let call = calls.get(&hit.attempt)?;
        let at = call.line_of(&hit)?;
        let lines: Vec<(u64, &str, &str)> =
            call.lines.iter().map(|line| (line.at_ms, line.speaker.as_str(), line.text.as_str())).collect();
        let (.., text) = lines.get(at)?;
        let known = call.case.as_ref().map(Known::of).unwrap_or_default();
        let spans = waihu_redact::find_in_line(&lines, at, call.lang, &known);
        if !spans.is_empty() && !sought.stands_in(&waihu_redact::without(text, &spans)) {
            return None;
        }
        hit.text = Some(waihu_redact::hide(text, &spans, call.lang));
        Some(hit)
    };
    hits.into_iter().filter_map(shown).collect()
}
