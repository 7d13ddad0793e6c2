//! What every call of a process shares, and what one call is told.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use waihu_campaign::{Pace, Past, Settings, Strategy};
use waihu_compliance::{AnswersByDay, Gate, WorkingHours};
use waihu_dialog::Script;
use waihu_media::Media;
use waihu_record::Recorder;
use waihu_sip::Uri;
use waihu_speech::Speech;
use waihu_srtp::Certificate;
use waihu_store::{Passage, Refusal, Store};
use waihu_trunk::{Carrier, Credentials, SipSocket, TrunkConfig};
use waihu_types::{AttemptId, CampaignId, Case, CaseId, Intent, Lang, Outcome, PhoneNumber, VoiceStyle};
use waihu_vault::Vault;

use crate::{filing::Reserve, switchboard::Switchboard, words::RecordedPrompts};

/// The shared means of placing calls.
pub struct Plant {
    /// The trunk's SIP socket.
    pub sip: SipSocket,
    /// The carrier's machines, and our registration there, for as long as this lives.
    pub carrier: Carrier,
    /// The trunk's configuration.
    pub trunk: TrunkConfig,
    /// Its credentials, resolved from their references.
    pub credentials: Option<Credentials>,
    /// The media threads.
    pub media: Media,
    /// What is shown in the handshakes that agree on keys.
    pub certificate: Certificate,
    /// The speech workers.
    pub speech: Speech,
    /// The recorder.
    pub recorder: Recorder,
    /// What has to allow each call.
    pub gate: Gate,
    /// The agents of this process.
    pub switchboard: Switchboard,
    /// When agents are at work; none where that is not said.
    pub working_hours: Option<WorkingHours>,
    /// The store of attempts and outcomes.
    pub store: Arc<Store>,
    /// Where recordings and transcripts are written.
    pub recordings: PathBuf,
    /// What seals them once a call's outcome is filed.
    pub vault: Arc<Vault>,
    /// Room kept on the disk for outcomes.
    pub reserve: Reserve,
    /// The models in use by job, as `name@version`.
    pub models: BTreeMap<String, String>,
}

/// What whoever placed calls wants of them from here on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Go on.
    #[default]
    No,
    /// Dial no more; calls that are up come to their own end.
    DialNoMore,
    /// Hang up as well.
    HangUp,
}

/// What a campaign's calls go by.
pub struct Plan {
    /// What the campaign is to do.
    pub settings: Settings,
    /// What becomes of its cases.
    pub strategy: Strategy,
}

impl Plan {
    /// How long a callee's phone rings before the call is given up [s]: as long as the campaign says, and no longer
    /// than the trunk allows.
    fn ring_s(&self, trunk_s: u32) -> u32 {
        self.settings.pacing.ring_s.min(trunk_s)
    }
}

/// One call to place.
#[derive(Clone)]
pub struct Order {
    /// The attempt's id, new for each.
    pub attempt: AttemptId,
    /// The campaign it belongs to.
    pub campaign: Option<CampaignId>,
    /// The case.
    pub case: Case,
    /// Which of its revisions in the store that is; none of one that does not come from there.
    pub revision: Option<i64>,
    /// The script.
    pub script: Arc<Script>,
    /// The sound of what a person recorded for it.
    pub recorded: Arc<RecordedPrompts>,
    /// The variant that it is, where the campaign tries several.
    pub variant: Option<String>,
    /// Whether nobody has approved it: stands in the outcome.
    pub draft: bool,
    /// The language to speak.
    pub lang: Lang,
    /// Which of the case's numbers is dialled.
    pub number: PhoneNumber,
    /// What to dial, when not that number on the trunk.
    pub target: Option<Uri>,
    /// The number that the callee sees; none for the trunk's own.
    pub caller_id: Option<PhoneNumber>,
    /// What the campaign's calls go by; none for a call placed by hand.
    pub plan: Option<Arc<Plan>>,
    /// What was tried for the case in the campaign before.
    pub past: Vec<Past>,
    /// Its calls of before in whatever campaign, the latest first, as an agent sees them.
    pub history: Vec<Past>,
    /// What people answered of the campaign's calls, where this one is placed ahead of free agents; none where an agent is
    /// free for it or none is wanted, so that it cannot be abandoned.
    pub ahead: Option<AnswersByDay>,
}

impl Order {
    /// A new attempt's id: ordered by time, unique without asking anyone (UUID version 7).
    pub fn new_attempt_id() -> AttemptId {
        // A UUID is 36 letters, digits and dashes: always an id.
        uuid::Uuid::now_v7().to_string().parse().unwrap_or_else(|_| unreachable!())
    }

    /// How long the callee's phone may ring [s], on a trunk that allows so much; by hand as long as that.
    pub(crate) fn ring_s(&self, trunk_s: u32) -> u32 {
        self.plan.as_ref().map_or(trunk_s, |plan| plan.ring_s(trunk_s))
    }

    /// The gate that it has to pass.
    pub(crate) fn passage(&self, gate: &Gate) -> Passage {
        let passage = Passage::of(gate.clone(), &self.case, &self.number).as_of(self.revision);
        match &self.ahead {
            Some(answers) => passage.ahead_of_agents(Arc::clone(answers)),
            None => passage,
        }
    }

    /// The models of this call, with the voice where script or case chose one.
    pub(crate) fn models(&self, shared: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut models = shared.clone();
        let voice = self.case.voice_style(self.lang, &self.script.voice_style(self.lang));
        if voice != VoiceStyle::default() {
            let name = voice.voice.as_deref().unwrap_or("default");
            let told = format!("{name}, speed {}, pitch {}", voice.speed, voice.pitch);
            models.insert("voice".to_owned(), told);
        }
        models
    }
}

/// What an observer is told, as it happens.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Something happened to one case.
    Case {
        /// The case.
        case: CaseId,
        /// What happened.
        kind: ProgressKind,
    },
    /// The campaigns are dialled at another pace from here on.
    Pace(Pace),
    /// The carrier takes no call, and why; none where it does again.
    Trunk(Option<String>),
    /// A campaign cannot be dialled.
    Campaign {
        /// The campaign.
        campaign: CampaignId,
        /// Why.
        why: String,
    },
}

/// What may happen to a case.
#[derive(Clone, Debug)]
pub enum ProgressKind {
    /// Prompts are being synthesized.
    Preparing {
        /// Ready.
        done: usize,
        /// In all.
        total: usize,
    },
    /// The INVITE left.
    Dialling,
    /// The callee's side answered.
    Answered,
    /// A line of the transcript. Holds personal data: for the terminal of who placed the call,
    /// never for a log.
    Line {
        /// Since the beginning of the recording [ms].
        at_ms: u64,
        /// Who spoke.
        speaker: waihu_call::Speaker,
        /// The words.
        text: String,
        /// What they were taken to mean.
        intent: Option<Intent>,
    },
    /// It is over, and the outcome is stored.
    Done(Box<Outcome>),
    /// It may not be called now, or not any more.
    NotCalled(Refusal),
    /// It could not be placed.
    NotPlaced(String),
    /// It was not placed, since no further call is, or none can be for a moment.
    Stopped,
    /// It took place, and its outcome could not be stored.
    NotFiled {
        /// Why, and where it is kept.
        why: String,
        /// The outcome, where it is kept nowhere. Holds personal data: for the terminal, never for a log.
        outcome: Option<Box<Outcome>>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_rings_as_long_as_campaign_and_trunk_allow() {
        let plan = |pacing: &str| {
            let text = format!("trunk = \"main\"\nscript = \"reminder\"\n[pacing]\n{pacing}");
            Plan { settings: Settings::parse(&text).unwrap(), strategy: Strategy::default() }
        };
        assert_eq!(plan("ring_s = 20").ring_s(30), 20, "the campaign's");
        assert_eq!(plan("ring_s = 45").ring_s(30), 30, "the trunk's");
        assert_eq!(plan("ring_s = 45").ring_s(8), 8, "of a laboratory");
        assert_eq!(plan("").ring_s(60), 30, "where nothing is written");
    }
}
