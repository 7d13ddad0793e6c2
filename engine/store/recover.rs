//! What a dead process left behind.

use waihu_types::{
    AnsweredBy, AttemptId, Disposition, FaultOwner, Identity, OUTCOME_VERSION, Outcome, WallTime,
};

use crate::{Attempt, Store, StoreError, outcomes::Filed};

impl Store {
    /// Closes the attempts that dead processes left open, as `unknown` and our fault, and returns
    /// their ids. Attempts of processes that live are left alone. To be called before a campaign
    /// is run.
    ///
    /// A case that had been answered is never dialled again for it: something may have been said
    /// or promised. One that had not may be, from `now` on.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was closed before that stays closed.
    pub async fn recover(&self, now: WallTime) -> Result<Vec<AttemptId>, StoreError> {
        let mut closed = Vec::new();
        for (owner, attempts) in self.open_attempts().await? {
            if self.is_alive(&owner)? {
                continue;
            }
            for attempt in &attempts {
                let begun = &attempt.begun;
                let so_far = self.attempts_so_far(begun.campaign.as_ref(), &begun.case).await?;
                if self.file(&interrupted(attempt, now, so_far), Filed::Recovered).await? {
                    closed.push(begun.attempt.clone());
                }
            }
            self.forget(&owner);
        }
        closed.sort();
        Ok(closed)
    }
}

/// The outcome of an attempt whose process died.
fn interrupted(attempt: &Attempt, now: WallTime, attempts_so_far: u32) -> Outcome {
    let begun = attempt.begun.clone();
    let answered = attempt.answered_at.is_some();
    Outcome {
        version: OUTCOME_VERSION,
        attempt: begun.attempt,
        campaign: begun.campaign,
        case: begun.case,
        callee: begun.callee,
        dialled_at: begun.dialled_at,
        answered_at: attempt.answered_at,
        ended_at: now,
        answered_by: if answered { AnsweredBy::Unknown } else { AnsweredBy::Nobody },
        identity: Identity::Unconfirmed,
        // Not known. For who counts disclosures, the careful answer is that there was one.
        debt_disclosed: answered,
        disposition: Disposition::Unknown,
        promise: None,
        callback: None,
        intents: Vec::new(),
        handover: None,
        script: begun.script,
        models: begun.models,
        recording: None,
        transcript: None,
        sip: None,
        ended_by: None,
        fault: Some(FaultOwner::Us),
        redial: waihu_campaign::redial_after_interruption(attempt.answered_at, now, attempts_so_far),
    }
}
