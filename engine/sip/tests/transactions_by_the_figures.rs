//! The four machines of RFC 3261 §17 by its figures 5 to 8 and RFC 6026, each line of a table an input at a
//! time and what must come out, over datagrams and over streams.
#![allow(clippy::unwrap_used, clippy::panic)]

mod agent;

use std::time::Duration;

use agent::{BODY, request, response};
use waihu_sip::{
    Message, Request, Response, Transport,
    transaction::{
        ClientOutput, ServerOutput,
        client::{self, Client},
        client_invite::{self, ClientInvite},
        server::{self, Server},
        server_invite::{self, ServerInvite},
    },
};
use waihu_types::Time;

const DIALOG: (&str, &str, &str) = ("<sip:a@x>;tag=f", "<sip:b@x>", "id@x");

fn req(method: &str) -> Request {
    let text = request(method, 1, "t", DIALOG, if method == "INVITE" { BODY } else { "" });
    let Message::Request(request) = Message::parse(text.as_bytes()).unwrap() else { panic!() };
    request
}

fn resp(method: &str, code: u16) -> Response {
    let asked = String::from_utf8(req(method).to_bytes().to_vec()).unwrap();
    let text = response(&asked, &format!("{code} X"), "");
    let Message::Response(response) = Message::parse(text.as_bytes()).unwrap() else { panic!() };
    response
}

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

/// What goes in: a response of this code, time, the request again, an ACK, or our own answer.
#[derive(Clone, Copy, Debug)]
enum In {
    Hear(u16),
    Wake,
    Again,
    Ack,
    Say(u16),
}
use In::{Ack, Again, Hear, Say, Wake};

fn client(out: ClientOutput) -> String {
    match out {
        ClientOutput::Transmit(bytes) => {
            String::from_utf8_lossy(&bytes).split(' ').next().unwrap().to_owned()
        }
        ClientOutput::Response(response) => response.code.to_string(),
        ClientOutput::TimedOut => "timed out".to_owned(),
        ClientOutput::Terminated => "over".to_owned(),
    }
}

fn server(out: ServerOutput) -> String {
    match out {
        ServerOutput::Transmit(bytes) => String::from_utf8_lossy(&bytes[8..11]).into_owned(),
        ServerOutput::AckTimedOut => "no ACK".to_owned(),
        ServerOutput::Terminated => "over".to_owned(),
    }
}

/// Steps: when [ms], what goes in, what comes out.
type Table<'a> = &'a [(u64, In, &'a [&'a str])];

fn invite_client(transport: Transport, table: Table<'_>) {
    let mut machine = ClientInvite::new(at(0), req("INVITE"), transport);
    assert_eq!(machine.poll_output().map(client).as_deref(), Some("INVITE"));
    for (ms, input, expected) in table {
        machine.handle_input(
            at(*ms),
            match input {
                Hear(code) => client_invite::Input::Response(resp("INVITE", *code)),
                _ => client_invite::Input::Timeout,
            },
        );
        let out: Vec<String> = std::iter::from_fn(|| machine.poll_output()).map(client).collect();
        assert_eq!(out, *expected, "{input:?} at {ms} ms over {transport}");
    }
}

fn other_client(transport: Transport, table: Table<'_>) {
    let mut machine = Client::new(at(0), &req("OPTIONS"), transport);
    assert_eq!(machine.poll_output().map(client).as_deref(), Some("OPTIONS"));
    for (ms, input, expected) in table {
        machine.handle_input(
            at(*ms),
            match input {
                Hear(code) => client::Input::Response(resp("OPTIONS", *code)),
                _ => client::Input::Timeout,
            },
        );
        let out: Vec<String> = std::iter::from_fn(|| machine.poll_output()).map(client).collect();
        assert_eq!(out, *expected, "{input:?} at {ms} ms over {transport}");
    }
}

fn invite_server(transport: Transport, table: Table<'_>) {
    let mut machine = ServerInvite::new(transport);
    for (ms, input, expected) in table {
        machine.handle_input(
            at(*ms),
            match input {
                Say(code) => server_invite::Input::Respond(req("INVITE").respond(*code, "X", Some("t"))),
                Again => server_invite::Input::Retransmission,
                Ack => server_invite::Input::Ack,
                _ => server_invite::Input::Timeout,
            },
        );
        let out: Vec<String> = std::iter::from_fn(|| machine.poll_output()).map(server).collect();
        assert_eq!(out, *expected, "{input:?} at {ms} ms over {transport}");
    }
}

fn other_server(transport: Transport, table: Table<'_>) {
    let mut machine = Server::new(transport);
    for (ms, input, expected) in table {
        machine.handle_input(
            at(*ms),
            match input {
                Say(code) => server::Input::Respond(req("OPTIONS").respond(*code, "X", Some("t"))),
                Again => server::Input::Retransmission,
                _ => server::Input::Timeout,
            },
        );
        let out: Vec<String> = std::iter::from_fn(|| machine.poll_output()).map(server).collect();
        assert_eq!(out, *expected, "{input:?} at {ms} ms over {transport}");
    }
}

use Transport::{Tcp, Udp};

#[test]
fn figure_5_the_invite_client() {
    // Calling: timer A doubles, timer B ends it.
    invite_client(
        Udp,
        &[
            (499, Wake, &[]),
            (500, Wake, &["INVITE"]),
            (1_500, Wake, &["INVITE"]),
            (31_999, Wake, &["INVITE"]),
            (32_000, Wake, &["timed out", "over"]),
            (32_000, Hear(200), &[]),
        ],
    );
    invite_client(Tcp, &[(31_999, Wake, &[]), (32_000, Wake, &["timed out", "over"])]);
    // Proceeding: no timer. Completed: ACK for each, told once, timer D.
    invite_client(
        Udp,
        &[
            (100, Hear(180), &["180"]),
            (90_000, Wake, &[]),
            (90_000, Hear(183), &["183"]),
            (90_000, Hear(486), &["ACK", "486"]),
            (90_100, Hear(486), &["ACK"]),
            (90_200, Hear(200), &[]),
            (121_999, Wake, &[]),
            (122_000, Wake, &["over"]),
            (122_000, Hear(486), &[]),
        ],
    );
    invite_client(Tcp, &[(1, Hear(603), &["ACK", "603"]), (1, Wake, &["over"])]);
    // Accepted (RFC 6026 §7.2): each 2xx goes up, a refusal does not, timer M.
    for transport in [Udp, Tcp] {
        invite_client(
            transport,
            &[
                (1, Hear(200), &["200"]),
                (2, Hear(200), &["200"]),
                (3, Hear(486), &[]),
                (32_000, Wake, &[]),
                (32_001, Wake, &["over"]),
            ],
        );
    }
}

#[test]
fn figure_6_the_other_client() {
    // Trying: timer E doubles to T2, timer F ends it.
    other_client(
        Udp,
        &[
            (500, Wake, &["OPTIONS"]),
            (1_500, Wake, &["OPTIONS"]),
            (3_500, Wake, &["OPTIONS"]),
            (7_500, Wake, &["OPTIONS"]),
            (11_499, Wake, &[]),
            (11_500, Wake, &["OPTIONS"]),
            (32_000, Wake, &["timed out", "over"]),
        ],
    );
    // Proceeding: timer E at T2. Completed: timer K.
    other_client(
        Udp,
        &[
            (100, Hear(100), &["100"]),
            (4_099, Wake, &[]),
            (4_100, Wake, &["OPTIONS"]),
            (5_000, Hear(200), &["200"]),
            (5_100, Hear(200), &[]),
            (9_999, Wake, &[]),
            (10_000, Wake, &["over"]),
        ],
    );
    other_client(
        Tcp,
        &[(100, Hear(100), &["100"]), (31_999, Wake, &[]), (32_000, Wake, &["timed out", "over"])],
    );
    other_client(Tcp, &[(100, Hear(404), &["404"]), (100, Wake, &["over"])]);
}

#[test]
fn figure_7_the_invite_server() {
    // Proceeding repeats its last word; Completed repeats by itself (timer G) until the ACK, then timer I.
    invite_server(
        Udp,
        &[
            (0, Again, &[]),
            (0, Say(100), &["100"]),
            (10, Again, &["100"]),
            (20, Say(180), &["180"]),
            (30, Again, &["180"]),
            (1_000, Say(486), &["486"]),
            (1_100, Again, &["486"]),
            (1_500, Wake, &["486"]),
            (2_500, Wake, &["486"]),
            (2_600, Ack, &[]),
            (2_700, Again, &[]),
            (7_599, Wake, &[]),
            (7_600, Wake, &["over"]),
        ],
    );
    // No ACK: timer H.
    invite_server(Udp, &[(0, Say(486), &["486"]), (32_000, Wake, &["no ACK", "over"]), (32_000, Again, &[])]);
    invite_server(Tcp, &[(0, Say(486), &["486"]), (31_999, Wake, &[]), (32_000, Wake, &["no ACK", "over"])]);
    invite_server(Tcp, &[(0, Say(486), &["486"]), (1, Ack, &[]), (1, Wake, &["over"])]);
    // Accepted (RFC 6026 §7.1): the INVITE again is absorbed, timer L.
    for transport in [Udp, Tcp] {
        invite_server(
            transport,
            &[(0, Say(200), &["200"]), (10, Again, &[]), (31_999, Wake, &[]), (32_000, Wake, &["over"])],
        );
    }
}

#[test]
fn figure_8_the_other_server() {
    other_server(
        Udp,
        &[
            (0, Again, &[]),
            (0, Say(100), &["100"]),
            (1, Again, &["100"]),
            (2, Say(200), &["200"]),
            (3, Say(500), &[]),
            (4, Again, &["200"]),
            (32_001, Wake, &[]),
            (32_002, Wake, &["over"]),
            (32_002, Again, &[]),
        ],
    );
    other_server(Tcp, &[(0, Say(200), &["200"]), (0, Wake, &["over"])]);
}
