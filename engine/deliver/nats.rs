//! NATS JetStream: each event with its key as `Nats-Msg-Id`, so that the stream itself drops a repeat.

use std::time::Duration;

use async_nats::{
    ConnectOptions,
    jetstream::{
        context::{Context, ContextBuilder, PublishErrorKind},
        message::PublishMessage,
        stream,
    },
};
use waihu_store::Event;

use crate::{NatsLogin, NatsTarget, event, retry::Untaken, way::Report, webhook::chain};

pub(crate) struct NatsWay {
    target: NatsTarget,
    name: String,
    stream: Option<Context>,
}

impl NatsWay {
    pub(crate) fn new(target: &NatsTarget, reader: &str) -> Self {
        Self { target: target.clone(), name: format!("waihu {reader}"), stream: None }
    }

    /// Publishes all, then awaits that the stream has each.
    pub(crate) async fn deliver(&mut self, events: &[&Event]) -> Report {
        // Once for all that the server does not say in time.
        let report = match tokio::time::timeout(self.target.timeout, self.publish(events)).await {
            Ok(report) => report,
            Err(_) => Report::none(Untaken::later("no answer in time 超时无回应")),
        };
        if !report.untaken.is_empty() {
            // With the connection goes what waits in it: the next try begins with nothing under way.
            self.stream = None;
        }
        report
    }

    async fn publish(&mut self, events: &[&Event]) -> Report {
        let stream = match &self.stream {
            Some(stream) => stream,
            None => match connect(&self.target, &self.name).await {
                Ok(stream) => self.stream.insert(stream),
                Err(told) => return Report::none(Untaken::later(told)),
            },
        };
        let mut report = Report::default();
        let mut answers = Vec::with_capacity(events.len());
        for (n, event) in events.iter().enumerate() {
            let message = PublishMessage::build()
                .payload(event::body(event).into())
                .message_id(&event.key)
                .expected_stream(&self.target.stream);
            let subject = format!("{}.{}", self.target.subject, event.kind);
            match stream.send_publish(subject, message).await {
                Ok(answer) => answers.push((n, answer)),
                Err(e) => {
                    report.untaken.push((n, untaken(e.kind(), &e)));
                    break;
                }
            }
        }
        for (n, answer) in answers {
            match answer.await {
                Ok(_) => report.taken.push(n),
                Err(e) => {
                    report.untaken.push((n, untaken(e.kind(), &e)));
                    break;
                }
            }
        }
        report
    }
}

fn untaken(kind: PublishErrorKind, e: &async_nats::jetstream::context::PublishError) -> Untaken {
    match kind {
        PublishErrorKind::MaxPayloadExceeded => Untaken::Never { told: chain(e) },
        _ => Untaken::later(chain(e)),
    }
}

/// A connection that is there, and a stream.
async fn connect(target: &NatsTarget, name: &str) -> Result<Context, String> {
    let told = |e: &dyn std::error::Error| chain(e);
    let options = match &target.login {
        NatsLogin::Open => ConnectOptions::new(),
        NatsLogin::User { name, password } => {
            let password = password.read().map_err(|e| e.to_string())?;
            ConnectOptions::new().user_and_password(name.clone(), password.0)
        }
        NatsLogin::Credentials(secret) => {
            let credentials = secret.read().map_err(|e| e.to_string())?;
            ConnectOptions::with_credentials(&credentials.0)
                .map_err(|_| "the credentials cannot be read 凭据格式有误".to_owned())?
        }
    };
    let servers: Vec<&str> = target.url.split(',').map(str::trim).collect();
    let options = target.ca.iter().fold(options, |options, ca| options.add_root_certificates(ca.clone()));
    let client = options
        .name(name)
        .require_tls(target.tls)
        .connection_timeout(target.timeout.min(Duration::from_secs(5)))
        // Who is away is tried again by the reader, which waits as long as it should.
        .max_reconnects(1)
        .connect(servers)
        .await
        .map_err(|e| told(&e))?;
    let context = ContextBuilder::new().timeout(target.timeout).ack_timeout(target.timeout).build(client);
    // One that is there is left as it is: how long it keeps what is its owner's.
    context
        .get_or_create_stream(stream::Config {
            name: target.stream.clone(),
            subjects: vec![format!("{}.>", target.subject)],
            duplicate_window: target.duplicate_window,
            ..stream::Config::default()
        })
        .await
        .map_err(|e| told(&e))?;
    Ok(context)
}
