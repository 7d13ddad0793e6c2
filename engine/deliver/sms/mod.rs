//! Text messages that calls leave to be sent: within their own windows and counts, and never twice.
//!
//! A message is written down as leaving before the gateway hears of it. What the gateway surely did not take is
//! tried again; where that is not known it is told to people, and not sent again. Numbers and texts are in no
//! log line. Deliberately absent: what a rule says (`compliance`), and what a template says (`dialog`).

mod config;
mod http;
mod reply;
mod smpp;
mod text;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use metrics::counter;
use tokio::sync::watch;
use waihu_compliance::{Gate, Profile};
use waihu_store::{
    CaseState, Event, Message, MessageBegun, MessageState, NewMessage, Passage, Settled, Store, StoreError,
};
use waihu_types::{Consent, Flag, FollowUp, Outcome, SplitMix64, WallTime};

pub use config::{HttpGateway, LongText, SmppGateway, Sms, SmsGateway};

use crate::{DeliverError, Step, retry, run::wall_now};

/// When a message that was begun is given up for lost: longer than any gateway is waited for.
const ABANDONED: Duration = Duration::from_secs(600);
/// How often a message is tried that surely did not leave; by then some forty minutes have passed, and what is
/// wrong needs a person.
const MOST_TRIES: u32 = 15;
/// How often the store is asked for what is due: windows are hours, a second more is nothing.
const LOOK: Duration = Duration::from_secs(1);

/// What came of giving a message to a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// It has it, under this id where it said one.
    Taken(Option<String>),
    /// It surely has not; it may be given again.
    NotTaken(String),
    /// It will not have it.
    Refused(String),
    /// It may have it, or not.
    Unknown(String),
}

/// How far a gateway lets us in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetIn {
    /// It takes connections; nothing was asked of it.
    Connected,
    /// It bound us, and was left again.
    Bound,
    /// Its account is bound already, and has room for no further line.
    Taken,
}

impl Sms {
    /// Tries the gateway, without a message: the secret, the connection, and where it speaks SMPP the account. What a
    /// message centre sends in that moment is not answered, and comes again to who is bound next.
    ///
    /// # Errors
    /// [`DeliverError::TextGateway`], which says what it does not come to.
    pub async fn reach(&self) -> Result<LetIn, DeliverError> {
        let tried = match &self.gateway {
            SmsGateway::Http(gateway) => http::reach(gateway).await,
            SmsGateway::Smpp(gateway) => smpp::reach(gateway).await,
        };
        tried.map_err(DeliverError::TextGateway)
    }
}

enum Line {
    Http(http::HttpLine),
    Smpp(Box<smpp::SmppLine>),
}

/// Sends the messages that are due.
pub struct Texts {
    store: Arc<Store>,
    sms: Sms,
    gate: Option<Gate>,
    line: Line,
    dice: SplitMix64,
    /// How often a line to the message centre was tried in vain, and when it is tried again.
    deaf: Option<(u32, Instant)>,
}

/// The follow-ups of an outcome's event that are text messages.
pub(crate) fn messages(event: &Event) -> Vec<NewMessage> {
    let outcome = event.body.get("outcome").cloned().map(serde_json::from_value::<Outcome>);
    let Some(Ok(outcome)) = outcome else { return Vec::new() };
    let message = |(n, follow_up): (usize, &FollowUp)| match follow_up {
        FollowUp::Sms { template, text } => Some(NewMessage {
            message: NewMessage::id(&outcome.attempt, n),
            attempt: outcome.attempt.clone(),
            case: outcome.case.clone(),
            callee: outcome.callee.clone(),
            template: template.clone(),
            text: text.clone(),
            made_at: outcome.ended_at,
        }),
        FollowUp::Note { .. } => None,
    };
    outcome.follow_ups.iter().enumerate().filter_map(message).collect()
}

impl Texts {
    /// A sender under a profile's rules for messages. Nothing is opened yet.
    ///
    /// # Errors
    /// When there can be no line to the gateway.
    pub fn new(store: Arc<Store>, sms: Sms, profile: &Profile, seed: u64) -> Result<Self, DeliverError> {
        let line = match &sms.gateway {
            SmsGateway::Http(gateway) => Line::Http(http::HttpLine::new(gateway)?),
            SmsGateway::Smpp(gateway) => {
                Line::Smpp(Box::new(smpp::SmppLine::new(gateway, Arc::clone(&store))))
            }
        };
        let gate = profile.sms().cloned().map(Gate::new);
        Ok(Self { store, sms, gate, line, dice: SplitMix64::new(seed), deaf: None })
    }

    /// Sends what is due and allowed, a second's worth of it at most.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn step(&mut self, now: WallTime) -> Result<Step, StoreError> {
        let lost = WallTime::from_unix_millis(
            now.unix_millis() - i64::try_from(ABANDONED.as_millis()).unwrap_or(i64::MAX),
        );
        for message in self.store.abandon_messages(lost, now).await? {
            tracing::error!(
                message,
                "it may have been sent or not, and is not sent again 是否发出未知，不再重发"
            );
        }
        let due = self.store.due_messages(now, self.sms.per_second).await?;
        if due.is_empty() {
            return Ok(Step::Idle);
        }
        // A slow gateway takes its time, and the hours in which a message may be sent end meanwhile.
        let begun = Instant::now();
        for message in due {
            self.send(&message, now.plus(Duration::from_secs(begun.elapsed().as_secs()))).await?;
        }
        Ok(Step::At(now.plus(Duration::from_secs(1))))
    }

    async fn send(&mut self, message: &Message, now: WallTime) -> Result<(), StoreError> {
        let new = &message.new;
        let passage = match self.forbidden(message, now).await? {
            Ok(passage) => passage,
            Err(why) => return self.store.put_off_message(&new.message, None, &why, now).await,
        };
        match self.store.begin_message(new, &passage, now).await? {
            MessageBegun::Gone => return Ok(()),
            MessageBegun::Denied(denied) => {
                let why = format!("{}: {} {}", denied.rule, denied.zh, denied.en);
                let next = denied.next.filter(|next| !self.too_late(message, *next));
                return self.store.put_off_message(&new.message, next, &why, now).await;
            }
            MessageBegun::Begun => {}
        }
        let given = match &mut self.line {
            Line::Http(line) => line.give(new).await,
            Line::Smpp(line) => line.give(new).await,
        };
        let settled = self.settled(message, given, now);
        counter!("waihu_messages_total", "state" => settled.state.label()).increment(1);
        if settled.state == MessageState::Unknown {
            tracing::error!(
                message = new.message,
                why = settled.why,
                "it may have been sent or not, and is not sent again 是否发出未知，不再重发"
            );
        }
        self.store.settle_message(&new.message, &settled, now).await
    }

    /// The way past all that forbids a message for good, or what does.
    async fn forbidden(
        &self,
        message: &Message,
        now: WallTime,
    ) -> Result<Result<Passage, String>, StoreError> {
        let new = &message.new;
        if self.too_late(message, now) || message.tries > MOST_TRIES {
            return Ok(Err("it waited too long 等待过久".to_owned()));
        }
        let Some(gate) = &self.gate else {
            return Ok(Err("the profile allows no text messages 规则未允许发短信".to_owned()));
        };
        if let Some(bar) = self.store.barred(&new.callee).await? {
            return Ok(Err(bar.to_string()));
        }
        let Some(stored) = self.store.case(&new.case).await? else {
            return Ok(Err("its case is not in the store 案件不在库中".to_owned()));
        };
        if stored.state != CaseState::Open {
            return Ok(Err(format!("its case is {} 案件已结束", stored.state.label())));
        }
        let dossier = &stored.case.dossier;
        if let Some(flag) = Flag::ALL.iter().find(|flag| dossier.has(**flag)) {
            return Ok(Err(format!("its case is marked {} 案件已标记", flag.label())));
        }
        let mut lines = stored.case.lines();
        let line = lines.find(|line| line.phone.subscriber() == new.callee.subscriber());
        if line.as_ref().is_some_and(|line| line.consent == Some(Consent::Revoked)) {
            return Ok(Err("consent for its number was taken back 已撤回同意".to_owned()));
        }
        let zone = line.map_or(stored.case.time_zone.as_str(), |line| line.time_zone);
        Ok(Ok(Passage::new(gate.clone(), zone)))
    }

    /// Whether what was to follow the call makes no sense any more.
    fn too_late(&self, message: &Message, at: WallTime) -> bool {
        message.new.made_at.plus(self.sms.too_old) < at
    }

    fn settled(&mut self, message: &Message, given: Given, now: WallTime) -> Settled {
        let settled = |state, why: String| Settled { state, why, gateway_id: None, due_at: None };
        match given {
            Given::Taken(gateway_id) => Settled { gateway_id, ..settled(MessageState::Sent, String::new()) },
            Given::NotTaken(why) => {
                let wait = retry::wait(message.tries.saturating_add(1), self.dice.next_u64());
                Settled { due_at: Some(now.plus(wait)), ..settled(MessageState::Waiting, why) }
            }
            Given::Refused(why) => settled(MessageState::Failed, why),
            Given::Unknown(why) => settled(MessageState::Unknown, why),
        }
    }

    /// Keeps a line to a message centre up, also while nothing is to be sent: receipts, and what callees answer, come
    /// over it.
    async fn hear(&mut self) {
        let Line::Smpp(line) = &mut self.line else { return };
        if self.deaf.is_some_and(|(_, again)| Instant::now() < again) {
            return;
        }
        match line.bound().await {
            Ok(_) => {
                if self.deaf.take().is_some() {
                    tracing::info!("the message centre is there again 短信中心已恢复");
                }
            }
            Err(why) => {
                let tries = self.deaf.map_or(1, |(tries, _)| tries.saturating_add(1));
                if tries == 1 {
                    tracing::warn!(
                        why,
                        "no message centre: replies are not heard 短信中心未连接，收不到回复"
                    );
                }
                self.deaf = Some((tries, Instant::now() + retry::wait(tries, self.dice.next_u64())));
            }
        }
    }

    /// Sends, and hears, until `stop` is true, or its sender gone.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            tokio::select! {
                () = self.hear() => {}
                changed = stop.changed() => if changed.is_err() { break } else { continue },
            }
            if let Err(e) = self.step(wall_now()).await {
                tracing::error!(error = %e, "text messages: store 短信：数据库");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
    }
}
