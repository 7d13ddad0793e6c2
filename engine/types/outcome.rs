use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    AttemptId, CampaignId, CaseId, FollowUp, Handover, HandoverResult, Intent, Lang, Money, PhoneNumber,
    WallTime,
};

/// The version of [`Outcome`]'s shape; raised when a field changes its meaning or goes.
pub const OUTCOME_VERSION: u16 = 1;

/// The record of one attempt, as it is stored and handed to the rest of the collection system. Who reads one passes
/// over what it does not know, here and in its parts: a newer program may have written it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// [`OUTCOME_VERSION`] when it was written.
    pub version: u16,
    /// The attempt; names the recording and the transcript too.
    pub attempt: AttemptId,
    /// The campaign that placed it; none for a call placed by hand.
    pub campaign: Option<CampaignId>,
    /// The case called about.
    pub case: CaseId,
    /// The number dialled.
    pub callee: PhoneNumber,
    /// When the INVITE was handed to the trunk.
    pub dialled_at: WallTime,
    /// When the callee's side answered.
    pub answered_at: Option<WallTime>,
    /// When the attempt was over.
    pub ended_at: WallTime,
    /// What answered, or spoke in place of an answer.
    pub answered_by: AnsweredBy,
    /// What the network announced, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<Announcement>,
    /// How soon and how surely `answered_by` was told by its sound and words; none where it was told by
    /// signalling alone, or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
    /// How the callee seemed to feel, where anything was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mood: Option<Mood>,
    /// Whether the person was who was asked for.
    pub identity: Identity,
    /// Whether any word of the debt was spoken.
    pub debt_disclosed: bool,
    /// How the attempt ended for the case, as the call itself went; see [`Outcome::effective_disposition`].
    pub disposition: Disposition,
    /// What was promised.
    pub promise: Option<Promise>,
    /// The call back that was agreed.
    pub callback: Option<Callback>,
    /// What is left to be done: messages, remarks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follow_ups: Vec<FollowUp>,
    /// Intents met, in the order of the utterances.
    pub intents: Vec<Intent>,
    /// The human part.
    pub handover: Option<Handover>,
    /// The script that ran.
    pub script: ScriptVersion,
    /// The models that ran, by job (`asr`, `tts`, `intent`, `vad`), as `name@version`.
    pub models: BTreeMap<String, String>,
    /// The recording.
    pub recording: Option<Recording>,
    /// The transcript.
    pub transcript: Option<Transcript>,
    /// How the call sounded, where it had sound.
    #[serde(default)]
    pub sound: Option<Sound>,
    /// How the signalling ended, where a final SIP answer or a BYE was seen.
    pub sip: Option<SipCause>,
    /// Who ended the call, where it was answered.
    pub ended_by: Option<EndedBy>,
    /// Whose doing a failed attempt was; none where the attempt reached a conversation.
    pub fault: Option<FaultOwner>,
    /// Whether, and from when, the case may be dialled again.
    pub redial: Redial,
}

impl Outcome {
    /// How the attempt ended for the case: as the agent who had it put it down, where one did; else as the call itself
    /// ended. What acts on an outcome goes by this.
    pub fn effective_disposition(&self) -> Disposition {
        let put_down = self.handover.as_ref().and_then(|handover| handover.disposition);
        put_down.unwrap_or(self.disposition)
    }

    /// Whether a person answered who was to have an agent, and waited longer than that for one, or had none.
    pub fn is_abandoned(&self, within: Duration) -> bool {
        let in_time = |handover: &Handover| {
            let waited = handover.waited_ms.unwrap_or(u64::MAX);
            handover.result == HandoverResult::Joined && u128::from(waited) <= within.as_millis()
        };
        self.answered_by == AnsweredBy::Human && self.handover.as_ref().is_some_and(|h| !in_time(h))
    }
}

/// What answered the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// Nothing did.
    Nobody,
    /// A person.
    Human,
    /// A voicemail box.
    Voicemail,
    /// The network, by an announcement: before an answer (early media) or after one.
    Announcement,
    /// An assistant that asks who calls and why, and may put the call through.
    Screening,
    /// A menu or a queue of a company.
    Ivr,
    /// A fax machine or a modem.
    Fax,
    /// Something did, and nothing was to be heard.
    Silence,
    /// Something did, and it could not be told what.
    Unknown,
}

impl AnsweredBy {
    /// The name as it is written in records.
    pub fn label(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Human => "human",
            Self::Voicemail => "voicemail",
            Self::Announcement => "announcement",
            Self::Screening => "screening",
            Self::Ivr => "ivr",
            Self::Fax => "fax",
            Self::Silence => "silence",
            Self::Unknown => "unknown",
        }
    }
}

/// What an announcement of the network says of the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Announcement {
    /// Nobody has it: not in service, disconnected, not recognized (空号).
    NotInService,
    /// Another one took its place (已改号).
    Changed,
    /// Its service is stopped for the time being, mostly for a bill (停机、暂停服务).
    Suspended,
    /// Switched off (关机).
    PoweredOff,
    /// Out of coverage, or cannot be connected now (无法接通、不在服务区).
    Unreachable,
    /// On another call (占线、正在通话中).
    Busy,
    /// Nobody takes it (无人接听).
    NoAnswer,
    /// Takes no calls, or none from us (呼入限制).
    Barred,
    /// The network is full or at fault (网络忙).
    Congestion,
    /// It could not be told what was announced.
    Other,
}

impl Announcement {
    /// Every kind, in the order of the list.
    pub const ALL: [Self; 10] = [
        Self::NotInService,
        Self::Changed,
        Self::Suspended,
        Self::PoweredOff,
        Self::Unreachable,
        Self::Busy,
        Self::NoAnswer,
        Self::Barred,
        Self::Congestion,
        Self::Other,
    ];

    /// The name as it is written in records.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotInService => "not_in_service",
            Self::Changed => "changed",
            Self::Suspended => "suspended",
            Self::PoweredOff => "powered_off",
            Self::Unreachable => "unreachable",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Barred => "barred",
            Self::Congestion => "congestion",
            Self::Other => "other",
        }
    }
}

/// How it was told who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// From the answer, or from the first sound where there was no answer, to the verdict [ms].
    pub after_ms: u32,
    /// How sure it is [percent].
    pub confidence: u8,
}

/// How the callee seemed to feel, by words and voice: for the choice of who calls next, and no judgement of
/// the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mood {
    /// From calm to furious [percent].
    pub agitation: u8,
    /// From none to danger to life [percent].
    pub distress: u8,
    /// From unwilling to willing to pay [percent]; 50 where nothing was said of it.
    pub willingness: u8,
}

/// Whether the person on the line was who was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Said to be the debtor.
    Confirmed,
    /// Said to be someone else.
    Denied,
    /// Neither.
    Unconfirmed,
}

/// How an attempt ended for the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Promised to pay, by a date.
    PromiseToPay,
    /// Says it has been paid.
    AlreadyPaid,
    /// Will not pay.
    RefusedToPay,
    /// Cannot pay, for a reason told.
    Hardship,
    /// Says the debt is wrong, or not theirs.
    Dispute,
    /// The debtor is not known at this number.
    WrongNumber,
    /// Someone else, who knows the debtor.
    ThirdParty,
    /// The debtor has died.
    Deceased,
    /// Asked not to be called again.
    StopCalling,
    /// Refers to a lawyer or a court.
    LegalRepresentation,
    /// Complains, or will report to an authority.
    Complaint,
    /// In danger or despair.
    Distress,
    /// A call back was agreed.
    CallbackAgreed,
    /// A human agent took the call.
    HandedOver,
    /// The matter was stated, and nothing came of it.
    NoCommitment,
    /// The callee's side answered and said nothing.
    Silence,
    /// The callee spoke, and was not understood.
    NotUnderstood,
    /// The callee hung up before anything was settled.
    HungUp,
    /// A voicemail box answered.
    Voicemail,
    /// A screening assistant answered, and nobody came after it.
    Screened,
    /// A company's menu or queue answered.
    Ivr,
    /// A fax machine or a modem answered.
    Fax,
    /// Busy (486, 600, or announced).
    Busy,
    /// Rang out, 408/480, or announced.
    NoAnswer,
    /// Announced as switched off, out of coverage or not to be connected now.
    Unreachable,
    /// Announced as suspended.
    Suspended,
    /// Announced as not in service, or as changed.
    NotInService,
    /// Declined (403, 603 and the like), or announced as taking no calls.
    Rejected,
    /// No such number (404, 410, 484, 604).
    InvalidNumber,
    /// The trunk did not answer or refused to carry the call.
    TrunkFailed,
    /// A fault of our own ended the attempt.
    EngineFailed,
    /// The engine stopped in mid-call; what happened is not known.
    Unknown,
}

impl Disposition {
    /// Every kind, in the order of the list.
    pub const ALL: [Self; 32] = [
        Self::PromiseToPay,
        Self::AlreadyPaid,
        Self::RefusedToPay,
        Self::Hardship,
        Self::Dispute,
        Self::WrongNumber,
        Self::ThirdParty,
        Self::Deceased,
        Self::StopCalling,
        Self::LegalRepresentation,
        Self::Complaint,
        Self::Distress,
        Self::CallbackAgreed,
        Self::HandedOver,
        Self::NoCommitment,
        Self::Silence,
        Self::NotUnderstood,
        Self::HungUp,
        Self::Voicemail,
        Self::Screened,
        Self::Ivr,
        Self::Fax,
        Self::Busy,
        Self::NoAnswer,
        Self::Unreachable,
        Self::Suspended,
        Self::NotInService,
        Self::Rejected,
        Self::InvalidNumber,
        Self::TrunkFailed,
        Self::EngineFailed,
        Self::Unknown,
    ];

    /// The name as it is written in records.
    pub fn label(self) -> &'static str {
        match self {
            Self::PromiseToPay => "promise_to_pay",
            Self::AlreadyPaid => "already_paid",
            Self::RefusedToPay => "refused_to_pay",
            Self::Hardship => "hardship",
            Self::Dispute => "dispute",
            Self::WrongNumber => "wrong_number",
            Self::ThirdParty => "third_party",
            Self::Deceased => "deceased",
            Self::StopCalling => "stop_calling",
            Self::LegalRepresentation => "legal_representation",
            Self::Complaint => "complaint",
            Self::Distress => "distress",
            Self::CallbackAgreed => "callback_agreed",
            Self::HandedOver => "handed_over",
            Self::NoCommitment => "no_commitment",
            Self::Silence => "silence",
            Self::NotUnderstood => "not_understood",
            Self::HungUp => "hung_up",
            Self::Voicemail => "voicemail",
            Self::Screened => "screened",
            Self::Ivr => "ivr",
            Self::Fax => "fax",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Unreachable => "unreachable",
            Self::Suspended => "suspended",
            Self::NotInService => "not_in_service",
            Self::Rejected => "rejected",
            Self::InvalidNumber => "invalid_number",
            Self::TrunkFailed => "trunk_failed",
            Self::EngineFailed => "engine_failed",
            Self::Unknown => "unknown",
        }
    }

    /// The same for readers of Mandarin.
    pub fn label_zh(self) -> &'static str {
        match self {
            Self::PromiseToPay => "承诺还款",
            Self::AlreadyPaid => "称已还款",
            Self::RefusedToPay => "拒绝还款",
            Self::Hardship => "还款困难",
            Self::Dispute => "有异议",
            Self::WrongNumber => "号码有误",
            Self::ThirdParty => "他人接听",
            Self::Deceased => "已故",
            Self::StopCalling => "要求停止致电",
            Self::LegalRepresentation => "委托律师",
            Self::Complaint => "投诉",
            Self::Distress => "情绪危急",
            Self::CallbackAgreed => "约定回电",
            Self::HandedOver => "转人工",
            Self::NoCommitment => "未作承诺",
            Self::Silence => "无人说话",
            Self::NotUnderstood => "未能听懂",
            Self::HungUp => "中途挂断",
            Self::Voicemail => "语音信箱",
            Self::Screened => "来电助理代接",
            Self::Ivr => "语音菜单",
            Self::Fax => "传真",
            Self::Busy => "占线",
            Self::NoAnswer => "无人接听",
            Self::Unreachable => "无法接通",
            Self::Suspended => "停机",
            Self::NotInService => "提示空号",
            Self::Rejected => "拒接",
            Self::InvalidNumber => "空号",
            Self::TrunkFailed => "线路故障",
            Self::EngineFailed => "系统故障",
            Self::Unknown => "不明",
        }
    }
}

/// A promise to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The day at the callee's place; of several payments, that of the first.
    pub date: jiff::civil::Date,
    /// All that was promised: the whole due unless another sum was named.
    #[serde(flatten)]
    pub sum: Money,
    /// The payments in their order, where there is more than one. Together they are the sum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PromisedPart>,
    /// What is waived if the promise is kept, where anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money>,
    /// How it will be paid, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<PaymentChannel>,
}

impl Promise {
    /// A promise of one payment.
    pub fn of(date: jiff::civil::Date, sum: Money) -> Self {
        Self { date, sum, parts: Vec::new(), discount: None, channel: None }
    }
}

/// One payment of several that were promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromisedPart {
    /// The day, at the callee's place.
    pub date: jiff::civil::Date,
    /// The sum.
    #[serde(flatten)]
    pub sum: Money,
}

/// How somebody pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentChannel {
    /// In the lender's app, or on its site.
    App,
    /// By a transfer from another account.
    BankTransfer,
    /// By direct debit: the account only has to hold it.
    Autodebit,
    /// At a counter, in person.
    Counter,
    /// In another way that was named: a wallet, a card over the telephone.
    Other,
}

impl PaymentChannel {
    /// Every channel.
    pub const ALL: [Self; 5] = [Self::App, Self::BankTransfer, Self::Autodebit, Self::Counter, Self::Other];

    /// The name as it is written in records.
    pub fn label(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::BankTransfer => "bank_transfer",
            Self::Autodebit => "autodebit",
            Self::Counter => "counter",
            Self::Other => "other",
        }
    }
}

/// A call back that was agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// The day at the callee's place, where one was named.
    pub date: Option<jiff::civil::Date>,
    /// The time of day at the callee's place, where one was named.
    pub time: Option<jiff::civil::Time>,
    /// Whether a human agent is to call.
    pub by_agent: bool,
}

/// Which script ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptVersion {
    /// The flow's name.
    pub name: String,
    /// The language spoken.
    pub lang: Lang,
    /// SHA-256 over the flow's files, in hex.
    pub sha256: String,
    /// The variant that the case fell to, where the campaign tries several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Whether it was dialled without anybody's approval.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
}

/// Where the recording lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Path of the WAV.
    pub path: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// Length [ms].
    pub duration_ms: u64,
    /// Why the end is missing, where it is.
    pub cut_short: Option<String>,
    /// How much in it is silence because the machine was too slow to record it [ms].
    #[serde(default)]
    pub holes_ms: u64,
    /// How much in it is silence because the recording was paused \[ms\]. Not written where it was not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub paused_ms: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// How a call sounded: what was agreed, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sound {
    /// The codec, by its encoding name (`PCMA`).
    pub codec: String,
    /// The SRTP suite (`AES_CM_128_HMAC_SHA1_80`); none where the sound went in the clear.
    pub srtp: Option<String>,
    /// Sent to the callee's side [packets].
    pub sent: u64,
    /// Received and believed [packets].
    pub received: u64,
    /// Missing from what was received [packets].
    pub lost: u64,
    /// How good what was heard is; none where nothing was heard.
    pub quality: Option<SoundQuality>,
}

/// What the engine measured of what it heard, and what the far end reported by RTCP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundQuality {
    /// Sound that was lost or late and had to be made up [thousandths of all].
    pub concealed_permille: u16,
    /// Interarrival jitter at the end (RFC 3550) [ms].
    pub jitter_ms: u16,
    /// Round trip [ms]; none where the far end sent no RTCP.
    pub round_trip_ms: Option<u16>,
    /// Ours that the far end says it lost [thousandths]; none where it did not say.
    pub far_loss_permille: Option<u16>,
    /// The mean opinion score by ITU-T G.107 [hundredths: 441 is 4.41].
    pub mos_hundredths: u16,
}

/// Where the transcript lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// Path of the JSON lines.
    pub path: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

/// How the signalling ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipCause {
    /// The final SIP status code; 200 for a call that was answered.
    pub code: u16,
    /// The reason phrase, or the text of a Reason header (RFC 3326).
    pub reason: String,
}

/// Who ended an answered call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The callee's side sent BYE.
    Callee,
    /// We did.
    Us,
    /// The media or the signalling was lost.
    Network,
}

/// Whose doing a failed attempt was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultOwner {
    /// Busy, no answer, declined, hung up.
    Callee,
    /// The carrier, or the way to it.
    Trunk,
    /// This engine.
    Us,
    /// Not known.
    Unknown,
}

/// Whether the case may be dialled again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Redial {
    /// Not for this reason, in the words of the rule.
    No {
        /// The rule's name.
        rule: String,
    },
    /// From this time on.
    Allowed {
        /// The rule's name.
        rule: String,
        /// The earliest time.
        not_before: WallTime,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_what_serde_writes() {
        use Disposition as D;
        assert_eq!(D::ALL.map(|d| d as usize), std::array::from_fn(|n| n), "each once");
        let written = |json: serde_json::Result<String>| json.unwrap();
        for d in D::ALL {
            assert_eq!(written(serde_json::to_string(&d)), format!("{:?}", d.label()));
        }
        for a in Announcement::ALL {
            assert_eq!(written(serde_json::to_string(&a)), format!("{:?}", a.label()));
        }
        for by in [AnsweredBy::Nobody, AnsweredBy::Announcement, AnsweredBy::Ivr, AnsweredBy::Silence] {
            assert_eq!(written(serde_json::to_string(&by)), format!("{:?}", by.label()));
        }
    }

    #[test]
    fn what_a_newer_program_tells_beside_the_rest_is_passed_over() {
        let mut record = serde_json::json!({
            "version": 1, "attempt": "a1", "campaign": null, "case": "C-1", "callee": "13800138001",
            "dialled_at": "2026-11-26T04:01:00.000Z", "answered_at": null, "ended_at": "2026-11-26T04:02:00.500Z",
            "answered_by": "nobody", "identity": "unconfirmed", "debt_disclosed": false, "disposition": "busy",
            "promise": {"date": "2026-11-27", "amount": "3250.00", "currency": "CNY"},
            "callback": {"date": null, "time": null, "by_agent": false}, "intents": [],
            "handover": {"agent": "Li", "result": "joined", "joined_at": null},
            "script": {"name": "reminder", "lang": "zh", "sha256": "ab"}, "models": {},
            "recording": {"path": "a.wav", "sha256": "ab", "duration_ms": 20, "cut_short": null, "holes_ms": 0},
            "transcript": {"path": "a.jsonl", "sha256": "ab"}, "sip": {"code": 200, "reason": "OK"},
            "ended_by": null, "fault": null,
            "redial": {"verdict": "allowed", "rule": "busy_10_min", "not_before": "2026-11-26T04:12:00.000Z"},
        });
        let of_before: Outcome = serde_json::from_value(record.clone()).unwrap();
        record["later"] = 1.into();
        for part in ["promise", "callback", "handover", "script", "recording", "transcript", "sip", "redial"]
        {
            record[part]["later"] = 1.into();
        }
        assert_eq!(serde_json::from_value::<Outcome>(record).unwrap(), of_before);
    }

    #[test]
    fn a_promise_is_flat_and_tells_of_parts_only_where_there_are_any() {
        let money = |text| Money::parse(text, crate::Currency::CNY).unwrap();
        let day = jiff::civil::date(2026, 11, 27);
        let p = Promise::of(day, money("3250"));
        let json = r#"{"date":"2026-11-27","amount":"3250.00","currency":"CNY"}"#;
        assert_eq!(serde_json::to_string(&p).unwrap(), json);
        assert_eq!(serde_json::from_str::<Promise>(json).unwrap(), p, "as records of before have it");
        let part = |date, text| PromisedPart { date, sum: money(text) };
        let p = Promise {
            parts: vec![part(day, "2000"), part(jiff::civil::date(2026, 12, 28), "925")],
            discount: Some(money("325")),
            channel: Some(PaymentChannel::BankTransfer),
            ..Promise::of(day, money("2925"))
        };
        let json = serde_json::to_string(&p).unwrap();
        assert!(json.contains(r#""channel":"bank_transfer""#), "{json}");
        assert_eq!(serde_json::from_str::<Promise>(&json).unwrap(), p);
        for c in PaymentChannel::ALL {
            assert_eq!(serde_json::to_string(&c).unwrap(), format!("{:?}", c.label()));
        }
    }

    #[test]
    fn a_recording_tells_of_its_pauses_only_where_there_were_any() {
        let never = r#"{"path":"a.wav","sha256":"ab","duration_ms":20,"cut_short":null,"holes_ms":0}"#;
        let read: Recording = serde_json::from_str(never).unwrap();
        assert_eq!((read.paused_ms, serde_json::to_string(&read).unwrap().as_str()), (0, never));
        let paused = Recording { paused_ms: 4_000, ..read };
        let json = serde_json::to_string(&paused).unwrap();
        assert!(json.ends_with(r#""holes_ms":0,"paused_ms":4000}"#), "{json}");
        assert_eq!(serde_json::from_str::<Recording>(&json).unwrap(), paused);
    }
}
