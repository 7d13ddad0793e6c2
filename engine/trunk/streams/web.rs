//! SIP within WebSocket frames (RFC 7118 §5): one message each, over connections of either side.
//!
//! Absent: extensions of WebSocket.

use std::io;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        ClientRequestBuilder, Error, Message, Utf8Bytes,
        client::IntoClientRequest as _,
        http::Uri,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};
use waihu_sip::{Hop, Transport, message::MAX_BYTES};

use super::{Arrival, Beat, CONNECT_PATIENCE, STALL, Setup, Wire, unanswered};

/// What is read in one go [bytes], kept for each connection: a message without a description, or with one, fits.
const READ_BUFFER: usize = 8_192;
/// What may wait to be written [bytes]: a message of ours and answers to pings. Whoever pings without end and reads
/// nothing has no more kept for it.
const WRITE_BUFFER: usize = 2 * MAX_BYTES;

/// A connection whose handshake is over.
pub(super) type Socket = WebSocketStream<Box<dyn Wire>>;

/// A message has the size of a datagram at most, in however many frames it comes.
pub(super) fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(READ_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(MAX_BYTES))
        .max_frame_size(Some(MAX_BYTES))
}

/// Our side of the handshake (RFC 7118 §4).
pub(super) async fn dial(setup: &Setup, hop: Hop, stream: Box<dyn Wire>) -> io::Result<Socket> {
    let scheme = if hop.transport == Transport::Wss { "wss" } else { "ws" };
    let host = setup.names.get(&hop.address.ip()).map(|name| format!("{}:{}", *name, hop.address.port()));
    let host = host.unwrap_or_else(|| hop.address.to_string());
    let uri: Uri = format!("{scheme}://{host}{}", setup.ws_path)
        .parse()
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("sip");
    let request = request.into_client_request().map_err(io::Error::other)?;
    let shaking = tokio_tungstenite::client_async_with_config(request, stream, Some(limits()));
    Ok(timeout(CONNECT_PATIENCE, shaking).await?.map_err(io::Error::other)?.0)
}

/// Messages both ways, until the connection ends. Whoever says nothing is asked by WebSocket's own ping, which everybody
/// answers (RFC 6455 §5.5.2) and no page can send (RFC 7118 §6): so it goes out from either side.
pub(super) async fn carry(
    setup: &Setup,
    hop: Hop,
    mut socket: Socket,
    mut waiting: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    let Beat { every, patience } = setup.beat;
    let (mut due, mut pong_due) = (Instant::now() + every, None);
    loop {
        tokio::select! {
            message = socket.next() => {
                (due, pong_due) = (Instant::now() + every, None);
                match message {
                    None => return Ok(()),
                    Some(Ok(Message::Close(_))) => {
                        // The answer to it is written already, and has yet to go out.
                        let _ = timeout(STALL, socket.flush()).await;
                        return Ok(());
                    }
                    Some(Ok(Message::Text(text))) => take(setup, hop, &mut socket, text.into()).await?,
                    Some(Ok(Message::Binary(bytes))) => take(setup, hop, &mut socket, bytes).await?,
                    Some(Ok(_)) => {}
                    Some(Err(fault)) => {
                        if matches!(fault, Error::Capacity(_)) {
                            // The page's own log tells it then (RFC 6455 §7.4.1).
                            let told = CloseFrame { code: CloseCode::Size, reason: Utf8Bytes::default() };
                            let _ = timeout(STALL, socket.close(Some(told))).await;
                        }
                        return Err(io::Error::other(fault));
                    }
                }
            }
            bytes = waiting.recv() => {
                let Some(bytes) = bytes else { return Ok(()) };
                // Text where it can be: some know no other (RFC 7118 §5).
                let message = match std::str::from_utf8(&bytes) {
                    Ok(text) => Message::text(text),
                    Err(_) => Message::Binary(bytes),
                };
                send(&mut socket, message).await?;
            }
            () = tokio::time::sleep_until(due) => {
                send(&mut socket, Message::Ping(Bytes::new())).await?;
                due = Instant::now() + every;
                pong_due = pong_due.or(Some(Instant::now() + patience));
            }
            () = tokio::time::sleep_until(pong_due.unwrap_or(due)), if pong_due.is_some() => {
                return Err(unanswered());
            }
        }
    }
}

async fn send(socket: &mut Socket, message: Message) -> io::Result<()> {
    timeout(STALL, socket.send(message)).await?.map_err(io::Error::other)
}

/// Takes one message: SIP's, or a keep-alive as streams have them, which pages can send (RFC 5626 §3.5.1).
async fn take(setup: &Setup, hop: Hop, socket: &mut Socket, bytes: Bytes) -> io::Result<()> {
    match bytes.as_ref() {
        b"\r\n\r\n" => send(socket, Message::text("\r\n")).await,
        b"\r\n" | b"" => Ok(()),
        _ => setup.arrivals.send(Arrival::Message(hop, bytes)).await.map_err(io::Error::other),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;

    #[tokio::test]
    async fn who_pings_without_end_and_reads_nothing_has_little_kept_for_it() {
        const PINGS: usize = 4 * WRITE_BUFFER / 127;
        let (near, mut far) = tokio::io::duplex(64);
        let near: Box<dyn Wire> = Box::new(near);
        let mut socket = WebSocketStream::from_raw_socket(near, Role::Server, Some(limits())).await;
        // As long as it may be, and masked with nothing.
        let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0][..], &[b'x'; 125]].concat();
        let pings = async {
            for _ in 0..PINGS {
                far.write_all(&ping).await.unwrap();
            }
        };
        let heard = async {
            for _ in 0..PINGS {
                assert!(matches!(socket.next().await, Some(Ok(Message::Ping(_)))));
            }
        };
        tokio::join!(pings, heard);
        let flushed = async move {
            socket.flush().await.unwrap();
        };
        let mut kept = Vec::new();
        let (read, ()) = tokio::join!(far.read_to_end(&mut kept), flushed);
        assert!(read.unwrap() <= WRITE_BUFFER + 1_024, "{} bytes were kept", kept.len());
    }
}
