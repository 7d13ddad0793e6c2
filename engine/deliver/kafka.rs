//! Kafka: an idempotent producer; the record's key is the case, so that a case's events stay in order.

use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord, Producer},
};
use waihu_store::Event;

use crate::{DeliverError, KafkaTarget, event, retry::Untaken, way::Report};

pub(crate) struct KafkaWay {
    target: KafkaTarget,
    producer: FutureProducer,
}

impl KafkaWay {
    pub(crate) fn new(target: &KafkaTarget) -> Result<Self, DeliverError> {
        let timeout_ms = target.timeout.as_millis().to_string();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &target.brokers)
            .set("client.id", "waihu")
            // All replicas have it, once and in order, as far as one producer goes; what a new process sends
            // again is known by its header `key`.
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", timeout_ms)
            .create()
            .map_err(|e: KafkaError| DeliverError::Http(e.to_string()))?;
        Ok(Self { target: target.clone(), producer })
    }

    pub(crate) async fn deliver(&mut self, events: &[&Event]) -> Report {
        let mut report = Report::default();
        let mut answers = Vec::with_capacity(events.len());
        for (n, event) in events.iter().enumerate() {
            let body = event::body(event);
            let of = event.case.as_ref().map_or(event.key.as_str(), |case| case.as_str());
            let headers = OwnedHeaders::new()
                .insert(Header { key: "key", value: Some(&event.key) })
                .insert(Header { key: "type", value: Some(&event.kind) });
            let record = FutureRecord::to(&self.target.topic).key(of).payload(&body).headers(headers);
            match self.producer.send_result(record) {
                Ok(answer) => answers.push((n, answer)),
                Err((e, _)) => {
                    report.untaken.push((n, untaken(&e)));
                    break;
                }
            }
        }
        for (n, answer) in answers {
            match answer.await {
                Ok(Ok(_)) => report.taken.push(n),
                Ok(Err((e, _))) => {
                    report.untaken.push((n, untaken(&e)));
                    break;
                }
                Err(_) => {
                    report.untaken.push((n, Untaken::later("the producer is gone 生产者已关闭")));
                    break;
                }
            }
        }
        if !report.untaken.is_empty() {
            // What waits in it would arrive after its own repeat.
            self.producer.purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
        }
        report
    }
}

fn untaken(e: &KafkaError) -> Untaken {
    match e.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => Untaken::Never { told: e.to_string() },
        _ => Untaken::later(e.to_string()),
    }
}
