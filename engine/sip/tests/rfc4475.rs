//! The 49 torture messages of RFC 4475, byte for byte: what is valid is read, what is not is
//! refused. Faults that only a transaction, a registrar or an application can judge (an old
//! branch, an unknown extension, a foreign body) are valid to a parser.
#![allow(clippy::unwrap_used)]

mod torture;

use waihu_sip::Message;

/// RFC 4475 §3.1.1 (valid), and those of §3.2 to §3.4 whose fault lies above the parser.
const VALID: &[&str] = &[
    "wsinv",
    "intmeth",
    "esc01",
    "escnull",
    "esc02",
    "lwsdisp",
    "longreq",
    "dblreq",
    "semiuri",
    "transports",
    "mpart01",
    "unreason",
    "noreason",
    "badbranch",
    "unkscm",
    "novelsc",
    "unksm2",
    "bext01",
    "invut",
    "regaut01",
    "bcast",
    "zeromf",
    "cparam01",
    "cparam02",
    "regescrt",
    "sdp01",
    "inv2543",
];

/// RFC 4475 §3.1.2 (invalid), and the missing or repeated fields of §3.3.
const INVALID: &[&str] = &[
    "badinv01",
    "clerr",
    "ncl",
    "scalar02",
    "scalarlg",
    "quotbal",
    "ltgtruri",
    "lwsruri",
    "lwsstart",
    "trws",
    "escruri",
    "baddate",
    "regbadct",
    "badaspec",
    "baddn",
    "badvers",
    "mismatch01",
    "mismatch02",
    "bigcode",
    "insuf",
    "multi01",
    "mcl01",
];

fn message(name: &str) -> Vec<u8> {
    torture::message(name).unwrap()
}

#[test]
fn valid_messages_are_read_and_invalid_ones_refused() {
    assert_eq!(VALID.len() + INVALID.len(), 49);
    if torture::folder().is_none() {
        return;
    }
    for name in VALID {
        let read = Message::parse(&message(name));
        assert!(read.is_ok(), "{name} was refused: {:?}", read.err());
    }
    for name in INVALID {
        assert!(Message::parse(&message(name)).is_err(), "{name} was read");
    }
}

#[test]
fn what_was_read_prints_to_what_reads_the_same() {
    if torture::folder().is_none() {
        return;
    }
    for name in VALID {
        let read = Message::parse(&message(name)).unwrap();
        let again = Message::parse(&read.to_bytes()).unwrap_or_else(|e| panic!("{name} printed: {e}"));
        assert_eq!(read, again, "{name}");
    }
}

#[test]
fn the_other_parser_at_hand_refuses_valid_messages() {
    if torture::folder().is_none() {
        return;
    }
    // The measured reason for a parser and a data model of our own.
    let reads = |name: &&&str| rsip::SipMessage::try_from(message(name).as_slice()).is_ok();
    let theirs = VALID.iter().filter(reads).count();
    let wrongly = INVALID.iter().filter(reads).count();
    println!(
        "rsip reads {theirs} of {} valid messages, and {wrongly} of {} invalid ones",
        VALID.len(),
        INVALID.len()
    );
    assert!(theirs < VALID.len());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
        let _ = Message::parse(&bytes);
    }

    #[test]
    fn no_damage_makes_the_parser_panic(
        which in 0..VALID.len(),
        damage in proptest::collection::vec((0..4000usize, proptest::prelude::any::<u8>()), 1..12),
    ) {
        let Some(mut bytes) = torture::message(VALID[which]) else { return Ok(()) };
        for (at, byte) in damage {
            let length = bytes.len();
            bytes[at % length] = byte;
        }
        let _ = Message::parse(&bytes);
    }
}
