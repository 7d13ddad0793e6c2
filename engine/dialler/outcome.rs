//! The outcome of an attempt, put together from what each room knows of it.

use std::collections::BTreeMap;

use waihu_call::Ending;
use waihu_types::{
    AttemptId, CampaignId, Case, Disposition, FaultOwner, Handover, OUTCOME_VERSION, Outcome, Recording,
    ScriptVersion, Transcript, WallTime,
};

/// What is known of an attempt before it is dialled.
pub(crate) struct Attempt {
    pub attempt: AttemptId,
    pub campaign: Option<CampaignId>,
    pub case: Case,
    pub script: ScriptVersion,
    pub models: BTreeMap<String, String>,
    pub dialled_at: WallTime,
    /// Attempts at this case before this one.
    pub attempts_before: u32,
    /// The agent who may be asked; empty where there is none.
    pub agent: String,
}

/// How the attempt ended, in wall time and with its files.
pub(crate) struct Closing {
    pub answered_at: Option<WallTime>,
    pub joined_at: Option<WallTime>,
    pub ended_at: WallTime,
    pub recording: Option<Recording>,
    pub transcript: Option<Transcript>,
}

/// The outcome of an attempt whose call ran to its end.
pub(crate) fn outcome(of: &Attempt, ending: Ending, closing: Closing) -> Outcome {
    let conclusion = ending.conclusion;
    let (disposition, fault) = if ending.answered_at.is_some() {
        (conclusion.disposition, None)
    } else {
        let (disposition, fault) = match (&ending.sip, ending.rang_out) {
            (_, true) => (Disposition::NoAnswer, FaultOwner::Callee),
            (Some(sip), false) => waihu_campaign::sip_verdict(sip.code),
            (None, false) => waihu_campaign::NO_RESPONSE,
        };
        (disposition, Some(fault))
    };
    Outcome {
        version: OUTCOME_VERSION,
        attempt: of.attempt.clone(),
        campaign: of.campaign.clone(),
        case: of.case.id.clone(),
        callee: of.case.phone.clone(),
        dialled_at: of.dialled_at,
        answered_at: closing.answered_at,
        ended_at: closing.ended_at,
        answered_by: ending.answered_by,
        identity: conclusion.identity,
        debt_disclosed: conclusion.debt_disclosed,
        disposition,
        promise: conclusion.promise,
        callback: conclusion.callback,
        intents: conclusion.intents,
        handover: ending.handover.map(|(result, _)| Handover {
            agent: of.agent.clone(),
            result,
            joined_at: closing.joined_at,
        }),
        script: of.script.clone(),
        models: of.models.clone(),
        recording: closing.recording,
        transcript: closing.transcript,
        sip: ending.sip,
        ended_by: ending.ended_by,
        fault,
        redial: waihu_campaign::redial(disposition, closing.ended_at, of.attempts_before + 1),
    }
}
