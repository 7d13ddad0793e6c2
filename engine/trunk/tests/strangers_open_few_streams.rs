//! Streams of strangers: closed at once, or few where telephones may register; whoever is known always finds room.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use waihu_trunk::{Callers, Listen, SipSocket, SocketConfig, StreamConfig, Telephone};

const STRANGER: &str = "127.0.0.45:0";
const KNOWN: &str = "127.0.0.46:0";
const PATIENCE: Duration = Duration::from_secs(10);

async fn socket(telephones: &[Telephone]) -> SipSocket {
    for _ in 0..20 {
        let mut config = SocketConfig::new("127.0.0.1:0".parse().unwrap(), "test");
        config.callers = Callers::Of(vec!["127.0.0.46".parse().unwrap()]);
        config.streams = StreamConfig { listen: Listen::Streams, ..StreamConfig::default() };
        config.telephones = telephones.to_vec();
        // A free port for datagrams may be taken for streams.
        if let Ok((sip, _)) = SipSocket::open(config).await {
            return sip;
        }
    }
    panic!("no free port");
}

async fn connect(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(from.parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    // A reset closes as well.
    timeout(PATIENCE, stream.read_u8()).await.unwrap().is_err()
}

async fn is_answered(stream: &mut TcpStream) {
    stream.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0; 2];
    timeout(PATIENCE, stream.read_exact(&mut pong)).await.unwrap().unwrap();
    assert_eq!(&pong, b"\r\n");
}

#[tokio::test]
async fn where_no_telephones_are_a_strangers_stream_is_closed_at_once() {
    let sip = socket(&[]).await;
    assert!(is_closed(&mut connect(STRANGER, sip.local_addr()).await).await);
    is_answered(&mut connect(KNOWN, sip.local_addr()).await).await;
}

#[tokio::test]
async fn a_stranger_has_two_streams_for_each_telephone_and_another_only_once_one_has_ended() {
    let sip = socket(&[Telephone { user: "desk".to_owned(), password: "p".to_owned() }]).await;
    let at = sip.local_addr();
    let mut first = connect(STRANGER, at).await;
    let mut second = connect(STRANGER, at).await;
    is_answered(&mut first).await;
    is_answered(&mut second).await;
    assert!(is_closed(&mut connect(STRANGER, at).await).await);
    for _ in 0..3 {
        is_answered(&mut connect(KNOWN, at).await).await;
    }
    drop(first);
    // Its end takes a moment to be seen.
    let another = async {
        loop {
            let mut stream = connect(STRANGER, at).await;
            let mut pong = [0; 2];
            if stream.write_all(b"\r\n\r\n").await.is_ok() && stream.read_exact(&mut pong).await.is_ok() {
                return;
            }
        }
    };
    timeout(PATIENCE, another).await.unwrap();
    is_answered(&mut second).await;
}
