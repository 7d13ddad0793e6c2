//! What every call of a process shares, and what one call is told.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use waihu_campaign::Pace;
use waihu_compliance::Gate;
use waihu_dialog::Script;
use waihu_media::Media;
use waihu_record::Recorder;
use waihu_sip::Uri;
use waihu_speech::Speech;
use waihu_srtp::Certificate;
use waihu_store::Store;
use waihu_trunk::{Credentials, SipSocket, TrunkConfig};
use waihu_types::{AttemptId, CampaignId, Case, CaseId, Intent, Lang, Outcome, VoiceStyle};

use crate::{filing::Reserve, words::RecordedPrompts};

/// The shared means of placing calls.
pub struct Plant {
    /// The trunk's SIP socket.
    pub sip: SipSocket,
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
    /// The store of attempts and outcomes.
    pub store: Store,
    /// Where recordings and transcripts are written.
    pub recordings: PathBuf,
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

/// One call to place.
#[derive(Clone)]
pub struct Order {
    /// The attempt's id, new for each.
    pub attempt: AttemptId,
    /// The campaign it belongs to.
    pub campaign: Option<CampaignId>,
    /// The case.
    pub case: Case,
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
    /// What to dial, when not the case's number on the trunk.
    pub target: Option<Uri>,
}

impl Order {
    /// A new attempt's id: ordered by time, unique without asking anyone (UUID version 7).
    pub fn new_attempt_id() -> AttemptId {
        // A UUID is 36 letters, digits and dashes: always an id.
        uuid::Uuid::now_v7().to_string().parse().unwrap_or_else(|_| unreachable!())
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
    /// The campaign is dialled at another pace from here on.
    Pace(Pace),
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
    /// It was not placed.
    NotPlaced(String),
    /// It took place, and its outcome could not be stored.
    NotFiled {
        /// Why, and where it is kept.
        why: String,
        /// The outcome, where it is kept nowhere. Holds personal data: for the terminal, never for a log.
        outcome: Option<Box<Outcome>>,
    },
}
