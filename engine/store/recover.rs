//! What a dead process left behind.

use std::path::{Path, PathBuf};

use waihu_types::{
    AnsweredBy, AttemptId, Disposition, FaultOwner, Identity, OUTCOME_VERSION, Outcome, Recording,
    Transcript, WallTime,
};

use crate::{
    Attempt, Store, StoreError,
    outcomes::{Filed, Filter, same_call},
};

/// Where an attempt's outcome waits for the store, beside its recording.
pub fn spool_file(recordings: &Path, attempt: &AttemptId) -> PathBuf {
    recordings.join(format!("{attempt}.outcome.json"))
}

/// The same while it is written: who dies then leaves it, mostly half of it.
pub fn spool_part(recordings: &Path, attempt: &AttemptId) -> PathBuf {
    recordings.join(format!("{attempt}.outcome.json.part"))
}

/// What a dead process left of an attempt beside the store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remains {
    /// The outcome, where it was known already.
    pub outcome: Option<Outcome>,
    /// The recording.
    pub recording: Option<Recording>,
    /// The transcript.
    pub transcript: Option<Transcript>,
}

impl Store {
    /// Closes the attempts that dead processes left open, and returns their ids: with the outcome that
    /// `remains` finds of them, or else as `unknown` and our fault; either with the files that it
    /// finds. Attempts of processes that live are left alone. What dead ones had taken from a queue and not
    /// dialled is ready again. To be called before a call is placed, and now and then.
    ///
    /// A case that had been answered is never dialled again for it: something may have been said
    /// or promised. One that had not may be, once its telephone can ring no longer.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was closed before that stays closed.
    pub async fn recover(
        &self,
        now: WallTime,
        remains: impl Fn(&AttemptId) -> Remains,
    ) -> Result<Vec<AttemptId>, StoreError> {
        let mut closed = Vec::new();
        for (owner, attempts) in self.open_attempts().await? {
            if self.is_alive(&owner, now).await? {
                continue;
            }
            for attempt in &attempts {
                let remains = remains(&attempt.begun.attempt);
                if self.file_remains(attempt, remains, now, Disposition::Unknown).await? {
                    closed.push(attempt.begun.attempt.clone());
                }
            }
            self.forget(&owner, now).await?;
        }
        for node in self.lessees().await? {
            if !self.is_alive(&node, now).await? {
                self.release(&node).await?;
                self.forget(&node, now).await?;
            }
        }
        closed.sort();
        Ok(closed)
    }

    /// Closes what this process has open and does not carry on, as [`Store::recover`] does what a dead one had: an
    /// attempt that was committed while the answer to it was lost with the server, or one whose outcome could be
    /// filed nowhere. `mine` is what it carries on.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn close_forgotten(
        &self,
        now: WallTime,
        mine: &[AttemptId],
        remains: impl Fn(&AttemptId) -> Remains,
    ) -> Result<Vec<AttemptId>, StoreError> {
        let own = self.open_attempts().await?.remove(&self.owner_id()?).unwrap_or_default();
        let mut closed = Vec::new();
        for attempt in own.iter().filter(|attempt| !mine.contains(&attempt.begun.attempt)) {
            let remains = remains(&attempt.begun.attempt);
            if self.file_remains(attempt, remains, now, Disposition::Unknown).await? {
                closed.push(attempt.begun.attempt.clone());
            }
        }
        Ok(closed)
    }

    /// Closes an attempt of this process whose call fell, as [`Store::recover`] does those of a dead one, but
    /// as `engine_failed`; its outcome, or none where it had not begun.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn close_fallen(
        &self,
        attempt: &AttemptId,
        now: WallTime,
        remains: Remains,
    ) -> Result<Option<Outcome>, StoreError> {
        let open = self.open_attempts().await?;
        if let Some(fallen) = open.values().flatten().find(|a| a.begun.attempt == *attempt) {
            self.file_remains(fallen, remains, now, Disposition::EngineFailed).await?;
        }
        let filter = Filter { attempt: Some(attempt.clone()), ..Filter::default() };
        Ok(self.outcomes(&filter).await?.pop())
    }

    /// Files what is known of an attempt that nobody carries on; false where it was closed already.
    async fn file_remains(
        &self,
        attempt: &Attempt,
        mut remains: Remains,
        now: WallTime,
        disposition: Disposition,
    ) -> Result<bool, StoreError> {
        let begun = &attempt.begun;
        match remains.outcome.take() {
            Some(mut outcome) if same_call(attempt, &outcome).is_ok() => {
                outcome.recording = outcome.recording.or(remains.recording);
                outcome.transcript = outcome.transcript.or(remains.transcript);
                self.file(&outcome, Filed::Lived).await
            }
            _ => {
                let so_far = self.attempts_so_far(begun.campaign.as_ref(), &begun.case).await?;
                let outcome = Outcome { disposition, ..interrupted(attempt, remains, now, so_far) };
                self.file(&outcome, Filed::Recovered).await
            }
        }
    }
}

/// The outcome of an attempt that nobody carries on.
fn interrupted(attempt: &Attempt, remains: Remains, now: WallTime, attempts_so_far: u32) -> Outcome {
    let begun = attempt.begun.clone();
    // A full disk may have kept the mark of the answer; sound is recorded only after it.
    let answered = attempt.answered_at.is_some() || remains.recording.is_some();
    let redial = waihu_campaign::redial_after_interruption(answered, begun.dialled_at, now, attempts_so_far);
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
        announcement: None,
        told: None,
        mood: None,
        identity: Identity::Unconfirmed,
        // Not known. For who counts disclosures, the careful answer is that there was one.
        debt_disclosed: answered,
        disposition: Disposition::Unknown,
        promise: None,
        callback: None,
        follow_ups: Vec::new(),
        intents: Vec::new(),
        handover: None,
        script: begun.script,
        models: begun.models,
        recording: remains.recording,
        transcript: remains.transcript,
        sound: None,
        sip: None,
        ended_by: None,
        fault: Some(FaultOwner::Us),
        redial,
    }
}
