//! The server's side of WebSocket's handshake (RFC 6455 §4.2) for SIP (RFC 7118 §4): who may open a connection is settled
//! by HTTP before anything of SIP is read.
//!
//! Any path is taken: there is nothing else here. Absent: pages, cookies, other subprotocols.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error,
        error::ProtocolError,
        handshake::{
            machine::TryParse as _,
            server::{Request, create_response, write_response},
        },
        http::{HeaderMap, HeaderValue, Response, StatusCode},
        protocol::Role,
    },
};

use super::{
    Wire,
    web::{Socket, limits},
};

/// The longest head of a request [bytes]: browsers send along what cookies the host has.
const MAX_HEAD: usize = 16_384;

/// Why no connection is opened, by the label that is counted and told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The page is of a site that is not named.
    Origin,
    /// It is no handshake, or none for SIP.
    Upgrade,
}

impl Refused {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Upgrade => "upgrade",
        }
    }
}

/// What HTTP says of a request that opens nothing.
#[derive(Clone, Copy)]
struct Refusal {
    status: StatusCode,
    why: Refused,
}

impl Refusal {
    fn of(status: StatusCode) -> Self {
        Self { status, why: Refused::Upgrade }
    }

    fn of_fault(fault: &Error) -> Self {
        Self::of(match fault {
            Error::Protocol(ProtocolError::WrongHttpMethod) => StatusCode::METHOD_NOT_ALLOWED,
            Error::Protocol(ProtocolError::WrongHttpVersion) => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Error::Protocol(
                ProtocolError::MissingConnectionUpgradeHeader
                | ProtocolError::MissingUpgradeWebSocketHeader
                | ProtocolError::MissingSecWebSocketVersionHeader,
            ) => StatusCode::UPGRADE_REQUIRED,
            _ => StatusCode::BAD_REQUEST,
        })
    }

    fn response(self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert("content-length", HeaderValue::from_static("0"));
        let mut connection = "close";
        match self.status {
            StatusCode::UPGRADE_REQUIRED => {
                // RFC 9110 §15.5.22, RFC 6455 §4.4.
                connection = "upgrade, close";
                headers.insert("upgrade", HeaderValue::from_static("websocket"));
                headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert("allow", HeaderValue::from_static("GET"));
            }
            _ => {}
        }
        headers.insert("connection", HeaderValue::from_static(connection));
        response
    }
}

/// Answers the handshake. An error without a word is a far end that is gone.
pub(super) async fn accept(mut stream: Box<dyn Wire>, origins: &[String]) -> Result<Socket, Option<Refused>> {
    let asked = match head(&mut stream).await {
        Ok((request, behind)) => judge(&request, origins).map(|response| (response, behind)),
        Err(Some(refusal)) => Err(refusal),
        Err(None) => return Err(None),
    };
    match asked {
        Ok((response, behind)) => {
            say(&mut stream, &response).await.ok_or(None::<Refused>)?;
            Ok(WebSocketStream::from_partially_read(stream, behind, Role::Server, Some(limits())).await)
        }
        Err(refusal) => {
            say(&mut stream, &refusal.response()).await.ok_or(None::<Refused>)?;
            let _ = stream.shutdown().await;
            Err(Some(refusal.why))
        }
    }
}

/// Reads the head of a request, and with it what came behind.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Result<(Request, Vec<u8>), Option<Refusal>> {
    let mut read: Vec<u8> = Vec::with_capacity(1_024);
    loop {
        let searched = read.len().saturating_sub(3);
        if stream.read_buf(&mut read).await.map_err(|_| None::<Refusal>)? == 0 {
            return Err(None);
        }
        let is_whole = read.get(searched..).is_some_and(|new| new.windows(4).any(|end| end == b"\r\n\r\n"));
        if is_whole {
            return match Request::try_parse(&read) {
                Ok(Some((length, request))) => Ok((request, read.split_off(length))),
                Ok(None) => Err(Some(Refusal::of(StatusCode::BAD_REQUEST))),
                Err(fault) => Err(Some(Refusal::of_fault(&fault))),
            };
        }
        if read.len() > MAX_HEAD {
            return Err(Some(Refusal::of(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)));
        }
    }
}

/// Whether the request opens a connection for SIP, from a page of a site that is named. What is no page names no site
/// (RFC 6455 §10.2): it proves itself by its password, as every telephone.
fn judge(request: &Request, origins: &[String]) -> Result<Response<()>, Refusal> {
    let mut response = create_response(request).map_err(|fault| Refusal::of_fault(&fault))?;
    let headers = request.headers();
    let is_named = |origin: &HeaderValue| {
        origins.iter().any(|named| named.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
    };
    if !headers.get_all("origin").iter().all(is_named) {
        return Err(Refusal { status: StatusCode::FORBIDDEN, why: Refused::Origin });
    }
    if !headers.contains_key("host") || !asks_for_sip(headers) {
        return Err(Refusal::of(StatusCode::BAD_REQUEST));
    }
    response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("sip"));
    Ok(response)
}

fn asks_for_sip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all("sec-websocket-protocol").iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|list| list.split(',')).any(|name| name.trim() == "sip")
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), response: &Response<()>) -> Option<()> {
    let mut bytes = Vec::new();
    write_response(&mut bytes, response).ok()?;
    stream.write_all(&bytes).await.ok()?;
    stream.flush().await.ok()
}
