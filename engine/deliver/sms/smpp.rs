//! A message centre that speaks SMPP 3.4 (SMS Forum, 1999): one bound line, made anew when it broke.

use std::{str::FromStr, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt};
use metrics::counter;
use rusmpp::{
    CommandStatus, Pdu,
    pdus::{BindTransceiver, DeliverSm, DeliverSmResp, SubmitSm},
    tlvs::{MessageSubmissionRequestTlvValue, TlvValue},
    types::{AnyOctetString, COctetString, OctetString},
    values::{
        DataCoding, EsmClass, InterfaceVersion, IntermediateNotification, MCDeliveryReceipt, MessagePayload,
        Npi, RegisteredDelivery, SmeOriginatedAcknowledgement, Ton,
    },
};
use rusmppc::{Client, ConnectionBuilder, Event, error::Error};
use waihu_store::{MessageState, NewMessage, Store, StoreError};
use waihu_types::PhoneNumber;

use crate::{
    LongText, SmppGateway,
    sms::{
        Given, LetIn,
        reply::asks_to_stop,
        text::{Alphabet, Coded, from_gbk, from_gsm, from_ucs2},
    },
};

/// How often a part of a message whose first part is out is offered to a centre that has too much to do.
const PART_TRIES: u32 = 8;
/// How long such a centre is left alone: with these tries about half a minute.
const PART_WAIT: Duration = Duration::from_millis(250);

/// How long, and how often, a receipt waits for its message to be written down as sent: a slow disk's commit.
const EARLY_WAIT: Duration = Duration::from_millis(250);
const EARLY_TRIES: u32 = 20;
/// Receipts that wait so: more are a centre's that sends us somebody else's.
const MOST_EARLY: usize = 1_000;

/// Why a number stands on the do-not-call list whose owner answered a text so, and who says so. Consent that is taken
/// back by text is taken back for automated calls too (47 CFR 64.1200(a)(10)): there is no list for texts alone.
const STOPPED: &str = "asked by text message for no more of them (47 CFR 64.1200(a)(10)) 短信回复退订";
const BY_TEXT: &str = "text message 短信回复";

/// Bits of the esm_class of a deliver_sm (SMPP 3.4, 5.2.12): a receipt or an acknowledgement of any kind, and a user
/// data header before the text.
const NO_MESSAGE: u8 = 0b0011_1100;
const HEADED: u8 = 0b0100_0000;

pub(crate) struct SmppLine {
    gateway: SmppGateway,
    store: Arc<Store>,
    client: Option<Client>,
    /// Tells the parts of one message from those of another.
    reference: u8,
}

impl SmppLine {
    pub(crate) fn new(gateway: &SmppGateway, store: Arc<Store>) -> Self {
        Self { gateway: gateway.clone(), store, client: None, reference: 0 }
    }

    pub(crate) async fn give(&mut self, message: &NewMessage) -> Given {
        self.reference = self.reference.wrapping_add(1);
        let submits = match submits(&self.gateway, message, self.reference) {
            Ok(submits) => submits,
            Err(told) => return Given::Refused(told.to_owned()),
        };
        let client = match self.bound().await {
            Ok(client) => client,
            Err(told) => return Given::NotTaken(told),
        };
        let mut id = None;
        let last = submits.len().saturating_sub(1);
        for (n, submit) in submits.into_iter().enumerate() {
            match self.submit(&client, submit, n > 0).await {
                Ok(given) if n == last => id = given,
                Ok(_) => {}
                // A callee who has a part of it is not sent the whole again.
                Err(Given::NotTaken(told) | Given::Refused(told)) if n > 0 => {
                    return Given::Refused(format!("part {} of {}: {told}", n + 1, last + 1));
                }
                Err(given) => return given,
            }
        }
        Given::Taken(id)
    }

    async fn submit(
        &mut self,
        client: &Client,
        submit: SubmitSm,
        insist: bool,
    ) -> Result<Option<String>, Given> {
        let mut tries = 0;
        loop {
            let told = match client.submit_sm(submit.clone()).await {
                Ok(answer) => {
                    let id = answer.message_id().as_str().to_owned();
                    return Ok((!id.is_empty()).then_some(id));
                }
                Err(Error::UnexpectedResponse { response }) => match response.status() {
                    // The centre has not taken it, and says that it may later.
                    status @ (CommandStatus::EsmeRthrottled
                    | CommandStatus::EsmeRmsgqful
                    | CommandStatus::EsmeRsyserr) => told(status),
                    status => return Err(Given::Refused(told(status))),
                },
                Err(Error::Encode(_)) => {
                    return Err(Given::Refused("it cannot be written as SMPP 无法编码".to_owned()));
                }
                Err(_) => {
                    // On the way, or there, or not.
                    self.drop_line().await;
                    return Err(Given::Unknown(
                        "the line broke before an answer came 回应前连接中断".to_owned(),
                    ));
                }
            };
            tries += 1;
            if !insist || tries >= PART_TRIES {
                return Err(Given::NotTaken(told));
            }
            tokio::time::sleep(PART_WAIT * (1 << tries.min(5))).await;
        }
    }

    async fn drop_line(&mut self) {
        if let Some(client) = self.client.take() {
            // It is broken already, or will be.
            let _ = client.close().await;
        }
    }

    /// The line, bound.
    pub(crate) async fn bound(&mut self) -> Result<Client, String> {
        if let Some(client) = self.client.as_ref().filter(|client| client.is_active()) {
            return Ok(client.clone());
        }
        self.drop_line().await;
        let (client, events) = connect(&self.gateway).await?;
        tokio::spawn(listen(events, client.clone(), Arc::clone(&self.store)));
        match bind(&client, &self.gateway).await {
            Ok(()) => {
                self.client = Some(client.clone());
                Ok(client)
            }
            Err(unbound) => {
                let _ = client.close().await;
                Err(unbound.told)
            }
        }
    }
}

/// Why a centre does not bind us.
struct Unbound {
    status: Option<CommandStatus>,
    told: String,
}

impl From<String> for Unbound {
    fn from(told: String) -> Self {
        Self { status: None, told }
    }
}

/// Whether the centre binds us; it is left again at once.
pub(crate) async fn reach(gateway: &SmppGateway) -> Result<LetIn, String> {
    let (client, _events) = connect(gateway).await?;
    let bound = bind(&client, gateway).await;
    if bound.is_ok() {
        // How it says goodbye is of no matter.
        let _ = client.unbind().await;
    }
    let _ = client.close().await;
    match bound {
        Ok(()) => Ok(LetIn::Bound),
        Err(Unbound { status: Some(CommandStatus::EsmeRalybnd), .. }) => Ok(LetIn::Taken),
        Err(unbound) => Err(unbound.told),
    }
}

/// A line to the centre, not bound yet, and what comes over it.
async fn connect(
    gateway: &SmppGateway,
) -> Result<(Client, impl Stream<Item = Event> + Unpin + 'static), String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = ConnectionBuilder::new()
        .response_timeout(gateway.timeout)
        .enquire_link_interval(gateway.enquire_link)
        .enquire_link_response_timeout(gateway.timeout)
        // A centre of version 3.4 says so.
        .disable_interface_version_check();
    let connecting = tokio::time::timeout(gateway.timeout, builder.connect(gateway.url.clone()));
    connecting.await.map_err(|_| "no connection in time 连接超时".to_owned())?.map_err(|e| match e {
        Error::Connect(e) | Error::Io(e) => e.to_string(),
        // Others may quote what was sent.
        _ => "no connection 无法连接".to_owned(),
    })
}

async fn bind(client: &Client, gateway: &SmppGateway) -> Result<(), Unbound> {
    let password = match &gateway.password {
        Some(secret) => secret.read().map_err(|e| e.to_string())?.0,
        None => String::new(),
    };
    let wrong = |key: &'static str| move |_| format!("{key}: too long, or no ASCII 过长或含非 ASCII 字符");
    let bind = BindTransceiver::builder()
        .interface_version(InterfaceVersion::Smpp3_4)
        .system_id(COctetString::from_str(&gateway.system_id).map_err(wrong("system_id"))?)
        .password(COctetString::from_str(&password).map_err(wrong("password"))?)
        .system_type(COctetString::from_str(&gateway.system_type).map_err(wrong("system_type"))?)
        .build();
    match client.bind_transceiver(bind).await {
        Ok(_) => Ok(()),
        Err(Error::UnexpectedResponse { response }) => {
            let status = response.status();
            Err(Unbound { status: Some(status), told: format!("not bound: {}", told(status)) })
        }
        Err(_) => Err(Unbound { status: None, told: "not bound 绑定失败".to_owned() }),
    }
}

/// The SMPP name of a status.
fn told(status: CommandStatus) -> String {
    format!("{status:?}")
}

/// The message as the PDUs that carry it; only the last asks for a receipt.
fn submits(
    gateway: &SmppGateway,
    message: &NewMessage,
    reference: u8,
) -> Result<Vec<SubmitSm>, &'static str> {
    let coded = Coded::new(&message.text);
    let number = message.callee.as_str();
    let (ton, number) = match number.strip_prefix('+') {
        Some(number) => (Ton::International, number),
        None => (Ton::Unknown, number),
    };
    let source = &gateway.source;
    let source_ton =
        if source.bytes().all(|b| b.is_ascii_digit()) { Ton::Unknown } else { Ton::Alphanumeric };
    let address = |text: &str| COctetString::from_str(text).map_err(|_| "the number is too long 号码过长");
    let base = SubmitSm::builder()
        .source_addr_ton(source_ton)
        .source_addr_npi(if source_ton == Ton::Alphanumeric { Npi::Unknown } else { Npi::Isdn })
        .source_addr(address(source)?)
        .dest_addr_ton(ton)
        .dest_addr_npi(Npi::Isdn)
        .destination_addr(address(number)?)
        .data_coding(match coded.alphabet {
            Alphabet::Gsm => DataCoding::McSpecific,
            Alphabet::Ucs2 => DataCoding::Ucs2,
        });
    let receipt = RegisteredDelivery::new(
        MCDeliveryReceipt::McDeliveryReceiptRequestedWhereFinalDeliveryOutcomeIsSuccessOrFailure,
        SmeOriginatedAcknowledgement::default(),
        IntermediateNotification::default(),
        0,
    );
    let parts = coded.parts(reference).ok_or("the text is too long 短信过长")?;
    if gateway.long == LongText::Payload && parts.len() > 1 {
        let payload = MessagePayload::new(AnyOctetString::from_vec(coded.whole()));
        let whole = base
            .registered_delivery(receipt)
            .push_tlv(MessageSubmissionRequestTlvValue::MessagePayload(payload))
            .build();
        return Ok(vec![whole]);
    }
    let last = parts.len() - 1;
    let part = |(n, octets): (usize, Vec<u8>)| {
        let short = OctetString::from_vec(octets).map_err(|_| "the text is too long 短信过长")?;
        let mut submit = base.clone().short_message(short);
        if last > 0 {
            submit = submit.esm_class(EsmClass::default().with_udhi_indicator());
        }
        if n == last {
            submit = submit.registered_delivery(receipt);
        }
        Ok(submit.build())
    };
    parts.into_iter().enumerate().map(part).collect()
}

/// A receipt that names no message that is known yet.
struct Early {
    sequence: u32,
    receipt: Receipt,
    tries: u32,
}

/// Takes receipts, and whatever else the centre sends, until the line ends.
async fn listen(mut events: impl Stream<Item = Event> + Unpin, client: Client, store: Arc<Store>) {
    let mut early: Vec<Early> = Vec::new();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            () = tokio::time::sleep(EARLY_WAIT), if !early.is_empty() => {
                let waiting = std::mem::take(&mut early);
                for one in waiting {
                    early.extend(take(one, &client, &store).await);
                }
                continue;
            }
        };
        match event {
            None => return,
            Some(Event::Error(_)) => {}
            Some(Event::Incoming(command)) => {
                let sequence = command.sequence_number();
                match command.pdu() {
                    Some(Pdu::DeliverSm(deliver)) => match receipt(deliver) {
                        Some(receipt) if early.len() < MOST_EARLY => {
                            early.extend(take(Early { sequence, receipt, tries: 0 }, &client, &store).await);
                        }
                        // Unanswered, it comes again.
                        Some(_) => {}
                        None => match hear(deliver, &store).await {
                            Ok(()) => {
                                let _ = client.deliver_sm_resp(sequence, DeliverSmResp::default()).await;
                            }
                            // Unanswered, it comes again.
                            Err(e) => tracing::warn!(error = %e, "reply not written 短信回复未写入"),
                        },
                    },
                    Some(Pdu::Unbind) => {
                        let _ = client.unbind_resp(sequence).await;
                        let _ = client.close().await;
                    }
                    Some(_) | None => {}
                }
            }
        }
    }
}

/// Writes a receipt down and answers it; gives it back where its message is not known yet.
async fn take(mut early: Early, client: &Client, store: &Store) -> Option<Early> {
    let Receipt { id, state, why } = &early.receipt;
    match store.receive_receipt(id, *state, why, crate::wall_now()).await {
        Ok(Some(_)) => {}
        // A centre may send it before the id that it names is written here; or it is for somebody else.
        Ok(None) if early.tries < EARLY_TRIES => {
            early.tries += 1;
            return Some(early);
        }
        Ok(None) => {}
        Err(e) => {
            // Unanswered, it comes again.
            tracing::warn!(error = %e, "receipt not written 回执未写入");
            return None;
        }
    }
    let _ = client.deliver_sm_resp(early.sequence, DeliverSmResp::default()).await;
    None
}

/// Takes what somebody texted us: who asks for no more is on the do-not-call list, on the disk, when this returns.
async fn hear(deliver: &DeliverSm, store: &Store) -> Result<(), StoreError> {
    if u8::from(deliver.esm_class) & NO_MESSAGE != 0 {
        return Ok(());
    }
    let kind = match (asks_to_stop(&words(deliver)), sender(deliver)) {
        (false, _) => "other",
        (true, None) => {
            tracing::warn!(
                "a text that asks for no more came from no telephone number 要求退订的短信没有有效号码"
            );
            "stop_unknown"
        }
        (true, Some(number)) => {
            store.forbid_once(&number, STOPPED, BY_TEXT, crate::wall_now()).await?;
            if store.was_texted(&number).await? { "stop" } else { "stop_stranger" }
        }
    };
    counter!("waihu_texts_heard_total", "kind" => kind).increment(1);
    Ok(())
}

/// From whom it is; none where that is a name.
fn sender(deliver: &DeliverSm) -> Option<PhoneNumber> {
    let told = deliver.source_addr.as_str();
    let is_bare = deliver.source_addr_ton == Ton::International && !told.starts_with('+');
    format!("{}{told}", if is_bare { "+" } else { "" }).parse().ok()
}

/// What it says.
fn words(deliver: &DeliverSm) -> String {
    let payload = deliver.tlvs().iter().find_map(|tlv| match tlv.value() {
        Some(TlvValue::MessagePayload(payload)) => Some(&payload.value[..]),
        _ => None,
    });
    let octets: &[u8] = payload.unwrap_or_else(|| deliver.short_message().as_ref());
    let octets = match octets {
        // 3GPP TS 23.040, 9.2.3.24: its first octet tells how long the header is.
        [header, rest @ ..] if u8::from(deliver.esm_class) & HEADED != 0 => {
            rest.get(usize::from(*header)..).unwrap_or_default()
        }
        octets => octets,
    };
    // SMPP 3.4, 5.2.19, and the groups of 3GPP TS 23.038, section 4, that tell of a class.
    match deliver.data_coding {
        DataCoding::Ucs2 | DataCoding::Other(0x18..=0x1B) => from_ucs2(octets),
        DataCoding::McSpecific | DataCoding::Other(0x10..=0x13 | 0xF0..=0xF3) => from_gsm(octets),
        // Reserved there; GBK by centres in mainland China, as their own protocols (CMPP, SGIP, SMGP) have it.
        DataCoding::Other(0x0F) => from_gbk(octets),
        // Latin 1, or ASCII, or something that holds none of the words that are looked for.
        _ => octets.iter().map(|octet| char::from(*octet)).collect(),
    }
}

/// Where a message stands, by the centre.
struct Receipt {
    id: String,
    state: MessageState,
    why: String,
}

/// What a receipt says. None where it is none, or says nothing final.
fn receipt(deliver: &DeliverSm) -> Option<Receipt> {
    let text = String::from_utf8_lossy(deliver.short_message().as_ref()).into_owned();
    let field = |name: &str| {
        let at = text.find(&format!("{name}:"))? + name.len() + 1;
        text[at..].split_whitespace().next().map(ToOwned::to_owned)
    };
    let mut id = field("id");
    for tlv in deliver.tlvs() {
        if let Some(TlvValue::ReceiptedMessageId(told)) = tlv.value() {
            id = Some(told.as_str().to_owned());
        }
    }
    // SMPP 3.4, appendix B.
    let stat = field("stat")?;
    let state = match stat.as_str() {
        "DELIVRD" => MessageState::Delivered,
        "EXPIRED" | "DELETED" | "UNDELIV" | "REJECTD" => MessageState::Failed,
        _ => return None,
    };
    let why = match (state, field("err")) {
        (MessageState::Failed, Some(err)) => format!("{stat} {err}"),
        (MessageState::Failed, None) => stat,
        _ => String::new(),
    };
    // A table holds no more of what a centre says than this.
    let id = id?.chars().take(65).collect();
    Some(Receipt { id, state, why: why.chars().take(40).collect() })
}
