//! Kafka: brokers of librdkafka's own that speak the protocol on real sockets, fall and come back; and a consumer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "deliver/common/mod.rs"]
mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use common::{at, changes, courier, reader, store};
use rdkafka::{
    ClientConfig, Message,
    consumer::{BaseConsumer, Consumer},
    message::Headers,
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::RDKafkaRespErr,
};
use waihu_deliver::{Courier, Destination, KafkaTarget, Reader, Step, standing};

const TOPIC: &str = "waihu";
const PARTITIONS: i32 = 4;

fn kafka(brokers: String, timeout: Duration) -> Reader {
    reader("lake", Destination::Kafka(KafkaTarget { brokers, topic: TOPIC.into(), timeout }))
}

fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic(TOPIC, PARTITIONS, 3).unwrap();
    cluster
}

/// Everything in the topic, by partition in its order: record's key, header `key`, body.
fn kept(brokers: &str) -> Vec<(String, String, serde_json::Value)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "table")
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let mut all = rdkafka::TopicPartitionList::new();
    (0..PARTITIONS).for_each(|p| drop(all.add_partition_offset(TOPIC, p, rdkafka::Offset::Beginning)));
    consumer.assign(&all).unwrap();
    let (mut found, mut ended) = (Vec::new(), BTreeSet::new());
    while ended.len() < PARTITIONS as usize {
        match consumer.poll(Duration::from_secs(30)).expect("the brokers answer") {
            Ok(message) => {
                let headers = message.headers().unwrap();
                let header =
                    headers.iter().find(|h| h.key == "key").and_then(|h| h.value).unwrap().to_owned();
                found.push((
                    String::from_utf8(message.key().unwrap().to_owned()).unwrap(),
                    String::from_utf8(header).unwrap(),
                    serde_json::from_slice(message.payload().unwrap()).unwrap(),
                ));
            }
            Err(rdkafka::error::KafkaError::PartitionEOF(p)) => drop(ended.insert(p)),
            Err(e) => panic!("{e}"),
        }
    }
    found
}

/// Each event is there, and the first telling of each of a case's is in the order in which they happened.
fn all_in_order(kept: &[(String, String, serde_json::Value)], all: i64) {
    let mut told = BTreeSet::new();
    let mut of_case: BTreeMap<&str, i64> = BTreeMap::new();
    for (of, key, body) in kept {
        assert_eq!(body["key"], key.as_str());
        let seq = body["seq"].as_i64().unwrap();
        if told.insert(seq) {
            let before = of_case.insert(of, seq).unwrap_or(0);
            assert!(before < seq, "{of}: {before} before {seq}");
        }
    }
    assert_eq!(told, (1..=all).collect(), "none lost");
}

#[tokio::test]
async fn a_cases_events_stay_in_order_over_brokers_that_fall() {
    let (_dir, store) = store().await;
    for round in 0..5 {
        changes(&store, 60, &format!("房贷{round}")).await;
    }
    let all = store.last_event().await.unwrap();
    let cluster = cluster();
    let brokers = cluster.bootstrap_servers();
    let mut courier = courier(&store, &kafka(brokers.clone(), Duration::from_secs(3)));
    let (mut now, mut steps, mut waited) = (at(1), 0, 0);
    loop {
        steps += 1;
        // Each broker falls under a batch in its turn, and is up again for the next one.
        let down = (steps % 3 == 2).then_some(1 + steps / 3 % 3);
        down.iter().for_each(|broker| cluster.broker_down(*broker).unwrap());
        let step = courier.step(now).await.unwrap();
        down.iter().for_each(|broker| cluster.broker_up(*broker).unwrap());
        match step {
            Step::Again => {}
            Step::At(at) => (now, waited) = (at, waited + 1),
            Step::Idle => break,
        }
    }
    assert!(waited > 1, "brokers fell under batches: {waited} of {steps} steps");
    assert_eq!(standing(&store, "lake").await.unwrap().lag, 0);
    all_in_order(&kept(&brokers), all);
}

#[tokio::test]
async fn a_restarted_node_tells_again_under_the_same_keys() {
    let (_dir, store) = store().await;
    changes(&store, 20, "房贷").await;
    let all = store.last_event().await.unwrap();
    let cluster = cluster();
    let brokers = cluster.bootstrap_servers();
    let reader = || kafka(brokers.clone(), Duration::from_secs(5));
    let mut first = courier(&store, &reader());
    common::drain(&mut first, at(1)).await;
    store.put_reader_before("lake", 1).await.unwrap();
    first.release().await.unwrap();
    let mut again = Courier::new(Arc::clone(&store), reader(), "another node", 3).unwrap();
    common::drain(&mut again, at(2)).await;
    let kept = kept(&brokers);
    all_in_order(&kept, all);
    let keys: BTreeMap<&str, usize> = kept.iter().fold(BTreeMap::new(), |mut keys, (_, key, _)| {
        *keys.entry(key.as_str()).or_default() += 1;
        keys
    });
    assert!(keys.values().all(|n| *n == 2), "each twice, under one key");
}

#[tokio::test]
async fn what_the_brokers_refuse_for_now_is_told_later_and_brokers_that_are_away_are_waited_for() {
    let (_dir, store) = store().await;
    changes(&store, 3, "房贷").await;
    let cluster = cluster();
    let brokers = cluster.bootstrap_servers();
    cluster.topic_error(TOPIC, RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).unwrap();
    let mut courier = courier(&store, &kafka(brokers.clone(), Duration::from_secs(2)));
    let Step::At(now) = courier.step(at(1)).await.unwrap() else { panic!("it was let in") };
    assert!(standing(&store, "lake").await.unwrap().lag > 0, "nothing is set aside");
    cluster.topic_error(TOPIC, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    common::drain(&mut courier, now).await;
    all_in_order(&kept(&brokers), store.last_event().await.unwrap());
    let away = reader(
        "away",
        Destination::Kafka(KafkaTarget {
            brokers: "127.0.0.1:9".into(),
            topic: TOPIC.into(),
            timeout: Duration::from_secs(1),
        }),
    );
    let mut away = common::courier(&store, &away);
    assert!(matches!(away.step(at(1)).await.unwrap(), Step::At(_)));
}
