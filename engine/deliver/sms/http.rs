//! A gateway that takes JSON over HTTP.

use reqwest::{Client, StatusCode, Url, redirect::Policy};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use waihu_store::NewMessage;

use crate::{
    DeliverError, HttpGateway,
    sms::{Given, LetIn},
    tls::enciphered,
    webhook::chain,
};

/// How much of an answer is read [bytes]: an id and a word or two.
const ANSWER_BYTES: usize = 64 * 1024;
/// The longest id that is believed.
const ID_CHARS: usize = 200;

pub(crate) struct HttpLine {
    gateway: HttpGateway,
    client: Client,
}

impl HttpLine {
    pub(crate) fn new(gateway: &HttpGateway) -> Result<Self, DeliverError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("waihu/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .no_proxy()
            // A request that is sent again by itself on another connection could be a second message.
            .retry(reqwest::retry::never())
            .timeout(gateway.timeout)
            .build()
            .map_err(|e| DeliverError::Http(chain(&e)))?;
        Ok(Self { gateway: gateway.clone(), client })
    }

    pub(crate) async fn give(&mut self, message: &NewMessage) -> Given {
        let mut body = self.gateway.body.clone();
        fill(&mut body, message);
        let mut request =
            self.client.post(&self.gateway.url).header("idempotency-key", &message.message).json(&body);
        if let Some(token) = &self.gateway.token {
            request = match token.read() {
                Ok(token) => request.bearer_auth(token.0),
                Err(e) => return Given::NotTaken(e.to_string()),
            };
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            // Without a connection nothing left.
            Err(e) if e.is_connect() => return Given::NotTaken(chain(&e.without_url())),
            Err(e) => return Given::Unknown(chain(&e.without_url())),
        };
        let status = answer.status();
        let told = format!("answered 回应 {}", status.as_u16());
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Given::NotTaken(told),
            // It may have broken after it had sent.
            _ if status.is_server_error() => Given::Unknown(told),
            _ if !status.is_success() => Given::Refused(told),
            _ => match &self.gateway.id {
                None => Given::Taken(None),
                Some(path) => match id(answer, path).await {
                    Some(id) => Given::Taken(Some(id)),
                    None => Given::Unknown(format!("{told} without an id in {path} 回应中没有编号")),
                },
            },
        }
    }
}

/// Whether the gateway is there: a connection, enciphered where that is wanted, over which nothing is said.
pub(crate) async fn reach(gateway: &HttpGateway) -> Result<LetIn, String> {
    if let Some(token) = &gateway.token {
        token.read().map_err(|e| e.to_string())?;
    }
    let url = Url::parse(&gateway.url).map_err(|e| e.to_string())?;
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err("url: it names no host 网址有误".to_owned());
    };
    // An IPv6 address stands in brackets.
    let host = host.trim_matches(['[', ']']);
    let connecting = async {
        let tcp = TcpStream::connect((host, port)).await.map_err(|e| e.to_string())?;
        if url.scheme() == "https" {
            enciphered(host, None, tcp).await?;
        }
        Ok(LetIn::Connected)
    };
    let connected = timeout(gateway.timeout, connecting).await;
    connected.unwrap_or_else(|_| Err("no connection in time 连接超时".to_owned()))
}

/// Fills the places in; a text stays a text whatever it holds.
fn fill(body: &mut Value, message: &NewMessage) {
    match body {
        Value::String(text) => {
            // In one pass: what a text says is no place again.
            let mut filled = String::with_capacity(text.len());
            let mut rest = text.as_str();
            while let Some(at) = rest.find('{') {
                filled.push_str(&rest[..at]);
                rest = &rest[at..];
                let places = [
                    ("{number}", message.callee.as_str()),
                    ("{text}", message.text.as_str()),
                    ("{message}", message.message.as_str()),
                ];
                match places.into_iter().find(|(place, _)| rest.starts_with(place)) {
                    Some((place, value)) => {
                        filled.push_str(value);
                        rest = &rest[place.len()..];
                    }
                    None => {
                        filled.push('{');
                        rest = &rest[1..];
                    }
                }
            }
            filled.push_str(rest);
            *text = filled;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, message)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill(field, message)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The gateway's id in its answer.
async fn id(mut answer: reqwest::Response, path: &str) -> Option<String> {
    let mut read = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        read.extend_from_slice(&chunk);
        if read.len() > ANSWER_BYTES {
            return None;
        }
    }
    let value: Value = serde_json::from_slice(&read).ok()?;
    let found = path.split('.').try_fold(&value, |value, key| match key.parse::<usize>() {
        Ok(n) => value.get(n),
        Err(_) => value.get(key),
    })?;
    let id = match found {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return None,
    };
    (!id.is_empty() && id.len() <= ID_CHARS).then_some(id)
}
