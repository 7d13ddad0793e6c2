//! Calls are judged once their outcome is filed, and again with each revision.
//!
//! Who judges follows the events, beside the calls: a call's end waits for none of it, an agent's wrap-up needs no
//! second way, and what was missed is judged at the next start. Calls whose files lie on another node's disk are left
//! to it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use waihu_quality::{Call, Decided, Judgement, Line, Rules, Speaker, judge};
use waihu_record::TranscriptLine;
use waihu_store::{Filter, NewJudgement, Store, StoreError, Verdict};
use waihu_types::{AnsweredBy, AttemptId, HandoverResult, Outcome};
use waihu_vault::Vault;

use crate::{legs::wall_now, searched::lines};

/// Outcomes that are looked for at once.
const AT_ONCE: u32 = 200;

/// What judging needs.
#[derive(Clone, Copy, Debug)]
pub struct Judging<'a> {
    /// Where outcomes and judgements are.
    pub store: &'a Store,
    /// Where transcripts lie.
    pub recordings: &'a Path,
    /// What opens them.
    pub vault: &'a Arc<Vault>,
    /// What calls are held against.
    pub rules: &'a Rules,
}

impl Judging<'_> {
    /// Judges a call and keeps the judgement; none where its transcript is not on this disk, or it has no outcome.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn one(&self, attempt: &AttemptId) -> Result<Option<Judgement>, StoreError> {
        // Read before the outcome: what is filed meanwhile is a later revision, and is judged again.
        let Some(revision) = self.store.outcome_revision(attempt).await? else { return Ok(None) };
        let filter = Filter { attempt: Some(attempt.clone()), ..Filter::default() };
        let Some(outcome) = self.store.outcomes(&filter).await?.pop() else { return Ok(None) };
        let said = match &outcome.transcript {
            None => None,
            Some(transcript) => match self.transcript(&transcript.path).await {
                Some(lines) => Some(lines),
                None => return Ok(None),
            },
        };
        let case = self.store.case(&outcome.case).await?.map(|stored| stored.case);
        let decision = self.store.decision_of(attempt).await?;
        let decided = decision.as_ref().map(|(_, verdict)| match verdict {
            Verdict::Despite => Decided::Despite,
            Verdict::Allowed | Verdict::Denied => Decided::Allowed,
        });
        let profile = decision.map(|(profile, _)| profile).unwrap_or_default();
        let call = Call {
            outcome: &outcome,
            case: case.as_ref(),
            lines: said.as_deref(),
            decided,
            profile: &profile,
        };
        let judgement = judge(&call, self.rules);
        let kept = keep(self.store, &outcome, revision, &judgement).await?;
        Ok(kept.then_some(judgement))
    }

    /// Judges every outcome that was not judged yet, or in an earlier revision; how many.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn rest(&self) -> Result<u64, StoreError> {
        let (mut after, mut judged) = (String::new(), 0);
        loop {
            let attempts = self.store.unjudged(&after, AT_ONCE).await?;
            let Some(last) = attempts.last() else { return Ok(judged) };
            after = last.to_string();
            for attempt in attempts {
                judged += u64::from(self.one(&attempt).await?.is_some());
            }
        }
    }

    /// Judges what was filed after a place in the events; the place that was reached.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn follow(&self, mut seq: i64) -> Result<i64, StoreError> {
        loop {
            let events = self.store.events(seq, AT_ONCE).await?;
            let Some(last) = events.last() else { return Ok(seq) };
            seq = last.seq;
            for attempt in events.iter().filter(|e| e.kind == "outcome").filter_map(|e| e.attempt.as_ref()) {
                self.one(attempt).await?;
            }
        }
    }

    async fn transcript(&self, path: &str) -> Option<Vec<Line>> {
        // Wherever the folder was when it was written.
        let path: PathBuf = self.recordings.join(Path::new(path).file_name()?);
        let vault = Arc::clone(self.vault);
        // The disk is waited for elsewhere: calls go on.
        let lines = tokio::task::spawn_blocking(move || lines(&vault, &path)).await.ok()?.ok()?;
        Some(lines.into_iter().map(line).collect())
    }
}

fn line(line: TranscriptLine) -> Line {
    Line {
        at_ms: line.at_ms,
        speaker: match line.speaker {
            waihu_record::Speaker::Callee => Speaker::Callee,
            waihu_record::Speaker::Bot => Speaker::Bot,
            waihu_record::Speaker::Agent => Speaker::Agent,
            waihu_record::Speaker::System => Speaker::System,
        },
        text: line.text,
        intent: line.intent,
        confidence: line.confidence,
    }
}

async fn keep(
    store: &Store,
    outcome: &Outcome,
    revision: i64,
    judged: &Judgement,
) -> Result<bool, StoreError> {
    let checks: Vec<(&str, &str)> =
        judged.checks.iter().map(|check| (check.id.as_str(), check.verdict.label())).collect();
    for (check, verdict) in checks.iter().filter(|(_, verdict)| *verdict != "does_not_apply") {
        let labels = [("check", (*check).to_owned()), ("verdict", (*verdict).to_owned())];
        metrics::counter!("waihu_quality_checks_total", &labels).increment(1);
    }
    let agent = outcome.handover.as_ref().filter(|h| h.result == HandoverResult::Joined);
    let record = serde_json::to_string(judged)
        .map_err(|source| StoreError::Record { of: outcome.attempt.to_string(), source })?;
    let new = NewJudgement {
        attempt: &outcome.attempt,
        revision,
        agent: agent.map(|h| h.agent.as_str()),
        distress: outcome.mood.map_or(0, |mood| mood.distress),
        person: outcome.answered_by == AnsweredBy::Human,
        score: judged.score,
        passed: judged.passed,
        critical: judged.is_critical(),
        checks: &checks,
        record: &record,
    };
    store.keep_judgement(&new, wall_now()).await
}
