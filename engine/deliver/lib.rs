//! Events of the store, brought to others: webhooks, NATS JetStream, Kafka, files; text messages.
//!
//! A [`Courier`] takes the events after its reader's place, delivers them, and moves the place: at least
//! once, in order, each with a key by which a receiver knows a repeat. One reader's receiver, whatever it
//! does, delays no other's. Deliberately absent: what an event means, SQL (`store`), and whether a message
//! may be sent (`compliance`).

mod config;
mod courier;
mod error;
mod event;
mod file;
#[cfg(feature = "kafka")]
mod kafka;
mod mail;
mod nats;
mod replay;
mod report;
mod retry;
mod run;
mod secret;
mod sign;
mod sms;
mod tls;
mod way;
mod webhook;

/// What the SMPP library's log targets begin with: below warnings they hold whatever goes over the line, numbers,
/// texts and passwords too. No log may let them through.
pub const INDISCREET: &str = "rusmpp";

pub use config::{
    Deliveries, Destination, EventKind, FileTarget, KafkaTarget, NatsLogin, NatsTarget, Reader, WebhookTarget,
};
pub use courier::{Courier, Step};
pub use error::DeliverError;
pub use event::body;
pub use mail::MailServer;
pub use replay::{Again, Resent, Standing, replay, standing};
pub use report::{Checked, Ended, Every, Period, Report, ReportPlan, Row, send_reports};
pub use run::{run, wall_now};
pub use secret::Secret;
pub use sign::{SigningKey, signature};
pub use sms::{HttpGateway, LetIn, LongText, SmppGateway, Sms, SmsGateway, Texts};
