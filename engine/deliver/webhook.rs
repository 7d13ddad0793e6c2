//! Webhooks: a signed POST for each event.

use std::{error::Error, time::Duration};

use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy,
};
use tokio::time::Instant;
use waihu_store::Event;
use waihu_types::WallTime;

use crate::{
    DeliverError, Secret, SigningKey, WebhookTarget, event, retry::Untaken, sign::signature, way::Report,
};

/// How much of an answer is read [bytes]: it says nothing that matters here, and only a connection whose
/// answer was read to its end can be used again.
const ANSWER_BYTES: usize = 16 * 1024;
/// How long a connection may take to be there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) struct WebhookWay {
    target: WebhookTarget,
    client: Client,
}

impl WebhookWay {
    pub(crate) fn new(target: &WebhookTarget) -> Result<Self, DeliverError> {
        // Another of this process may have chosen it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("waihu/", env!("CARGO_PKG_VERSION")))
            // Whoever redirects a POST of personal data elsewhere is told to name the address.
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(target.timeout)
            .build()
            .map_err(|e| DeliverError::Http(chain(&e)))?;
        Ok(Self { target: target.clone(), client })
    }

    pub(crate) async fn deliver(&self, events: &[&Event], now: WallTime, until: Instant) -> Report {
        // Read each time: a secret is changed without a restart.
        let keys = match self.keys() {
            Ok(keys) => keys,
            Err(e) => return Report::none(Untaken::later(e.to_string())),
        };
        let lanes = lanes(events, self.target.parallel);
        let walks = lanes.into_iter().map(|lane| self.walk(lane, events, &keys, now, until));
        let mut report = Report::default();
        for walked in futures_util::future::join_all(walks).await {
            report.taken.extend(walked.taken);
            report.untaken.extend(walked.untaken);
        }
        report
    }

    /// One after the other, up to the first that is not taken: those behind it may be of the same case.
    async fn walk(
        &self,
        lane: Vec<usize>,
        events: &[&Event],
        keys: &[SigningKey],
        now: WallTime,
        until: Instant,
    ) -> Report {
        let mut report = Report::default();
        let begun = Instant::now();
        for n in lane {
            if Instant::now() >= until {
                break;
            }
            let Some(event) = events.get(n) else { break };
            match self.post(event, keys, now.plus(begun.elapsed())).await {
                Ok(()) => report.taken.push(n),
                Err(untaken) => {
                    report.untaken.push((n, untaken));
                    break;
                }
            }
        }
        report
    }

    async fn post(&self, event: &Event, keys: &[SigningKey], now: WallTime) -> Result<(), Untaken> {
        let body = event::body(event);
        let at_s = now.unix_millis().div_euclid(1_000);
        let mut request = self
            .client
            .post(&self.target.url)
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", &event.key)
            .header("webhook-id", &event.key)
            .header("webhook-timestamp", at_s);
        if !keys.is_empty() {
            let signed =
                signature(keys, &event.key, at_s, &body).map_err(|e| Untaken::later(e.to_string()))?;
            request = request.header("webhook-signature", signed);
        }
        let answer = request.body(body).send().await.map_err(|e| Untaken::later(chain(&e.without_url())))?;
        judge(answer).await
    }

    fn keys(&self) -> Result<Vec<SigningKey>, DeliverError> {
        let read = |secret: &Secret| SigningKey::parse(&secret.read()?.0);
        [&self.target.secret, &self.target.old_secret].into_iter().flatten().map(read).collect()
    }
}

async fn judge(answer: Response) -> Result<(), Untaken> {
    let status = answer.status();
    let told = format!("answered 回应 {}", status.as_u16());
    if status.is_success() {
        drain(answer).await;
        return Ok(());
    }
    match status {
        // The event itself is refused: it is no better tomorrow.
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            Err(Untaken::Never { told })
        }
        _ if status.is_redirection() => Err(Untaken::later(format!(
            "{told}: redirects are not followed, write the address itself 不跟随重定向，请写最终网址"
        ))),
        _ => {
            let asked = answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse().ok());
            Err(Untaken::Later { told, asked: asked.map(Duration::from_secs) })
        }
    }
}

/// Reads an answer to its end, so that the connection can be used again, or leaves it where it goes on.
async fn drain(mut answer: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read > ANSWER_BYTES {
            return;
        }
    }
}

/// Which events go one after the other: those of a case always do.
fn lanes(events: &[&Event], parallel: u32) -> Vec<Vec<usize>> {
    let parallel = usize::try_from(parallel).unwrap_or(1).max(1);
    let mut lanes = vec![Vec::new(); parallel];
    for (n, event) in events.iter().enumerate() {
        // FNV-1a (Fowler, Noll, Vo): the same case, the same lane.
        let of = event.case.as_ref().map_or(event.key.as_bytes(), |case| case.as_str().as_bytes());
        let hash = of
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
        let lane = usize::try_from(hash % parallel as u64).unwrap_or(0);
        if let Some(lane) = lanes.get_mut(lane) {
            lane.push(n);
        }
    }
    lanes.retain(|lane| !lane.is_empty());
    lanes
}

/// An error with its causes, of which the first alone says little.
pub(crate) fn chain(e: &dyn Error) -> String {
    let mut text = e.to_string();
    let mut cause = e.source();
    while let Some(e) = cause {
        text = format!("{text}: {e}");
        cause = e.source();
    }
    text
}
