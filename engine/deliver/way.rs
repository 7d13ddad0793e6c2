//! The ways on which events leave, behind one call.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use waihu_store::{Event, Store};
use waihu_types::WallTime;

use crate::{
    DeliverError, Destination, Reader, file::FileWay, nats::NatsWay, retry::Untaken, webhook::WebhookWay,
};

/// How long a batch may go on beginning new deliveries: its place is moved at least so often, and a lease
/// outlives this and one timeout.
pub(crate) const BATCH_TIME: Duration = Duration::from_secs(15);

/// What came of a batch.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Which were taken, by their places in the batch.
    pub(crate) taken: Vec<usize>,
    /// Which were not, and why.
    pub(crate) untaken: Vec<(usize, Untaken)>,
}

/// A way, with what it keeps open.
pub(crate) enum Way {
    Webhook(WebhookWay),
    Nats(NatsWay),
    #[cfg(feature = "kafka")]
    Kafka(crate::kafka::KafkaWay),
    File(FileWay),
    /// Into the store itself: text messages that are to follow calls.
    Messages(Arc<Store>),
}

impl Way {
    /// The way to a reader. Nothing is opened yet.
    pub(crate) fn to(reader: &Reader, store: &Arc<Store>) -> Result<Self, DeliverError> {
        match &reader.to {
            Destination::Webhook(target) => WebhookWay::new(target).map(Self::Webhook),
            Destination::Nats(target) => Ok(Self::Nats(NatsWay::new(target, &reader.name))),
            #[cfg(feature = "kafka")]
            Destination::Kafka(target) => crate::kafka::KafkaWay::new(target).map(Self::Kafka),
            #[cfg(not(feature = "kafka"))]
            Destination::Kafka(_) => Err(DeliverError::NotBuilt("kafka")),
            Destination::File(target) => Ok(Self::File(FileWay::new(target))),
            Destination::Messages => Ok(Self::Messages(Arc::clone(store))),
        }
    }

    /// Brings events there, in their order; of none of those that are not in the report is it known whether
    /// it came there.
    pub(crate) async fn deliver(&mut self, events: &[&Event], now: WallTime) -> Report {
        let until = Instant::now() + BATCH_TIME;
        match self {
            Self::Webhook(way) => way.deliver(events, now, until).await,
            Self::Nats(way) => way.deliver(events).await,
            #[cfg(feature = "kafka")]
            Self::Kafka(way) => way.deliver(events).await,
            Self::File(way) => way.deliver(events).await,
            Self::Messages(store) => write_down(store, events).await,
        }
    }
}

/// Writes the messages down that calls leave to be sent; all of a batch or none.
async fn write_down(store: &Store, events: &[&Event]) -> Report {
    let messages: Vec<_> = events.iter().flat_map(|event| crate::sms::messages(event)).collect();
    let written = if messages.is_empty() { Ok(()) } else { store.add_messages(&messages).await };
    match written {
        Ok(()) => Report { taken: (0..events.len()).collect(), untaken: Vec::new() },
        Err(e) => Report::none(Untaken::later(e.to_string())),
    }
}

impl Report {
    /// None was taken, for a reason that stands before the first.
    pub(crate) fn none(untaken: Untaken) -> Self {
        Self { taken: Vec::new(), untaken: vec![(0, untaken)] }
    }
}
