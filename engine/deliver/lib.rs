//! Events of the store, brought to others: webhooks, NATS JetStream, Kafka, SMS gateways.
//!
//! Deliberately absent: what an event means, and SQL (`store`).
