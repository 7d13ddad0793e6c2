//! Connectivity checks of ICE are answered to whoever knows our password, and to nobody else; rtc-stun, as the
//! far end, takes the answers.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use proptest::prelude::*;
use rtc_stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType};
use rtc_stun::crypto::default_provider;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::xoraddr::XorMappedAddress;
use waihu_srtp::stun::{Answer, MAX_ANSWER, Nomination, StunError, answer, called, check};

const UFRAG: &str = "evtj";
const PWD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

fn from() -> SocketAddr {
    "192.0.2.1:32853".parse().unwrap()
}

/// The request of RFC 5769, 2.1.
fn request_of_rfc_5769() -> Vec<u8> {
    hex::decode(concat!(
        "000100582112a442b7e7a701bc34d686fa87dfae",
        "802200105354554e207465737420636c69656e74",
        "002400046e0001ff",
        "80290008932ff9b151263b36",
        "000600096576746a3a68367659202020",
        "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2",
        "80280004e57a3bcf",
    ))
    .unwrap()
}

/// Anything as an attribute.
struct Raw(AttrType, Vec<u8>);

impl Setter for Raw {
    fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
        message.add(self.0, &self.1);
        Ok(())
    }
}

/// A check by rtc-stun.
fn request(username: &str, password: &str, more: Vec<Raw>) -> Message {
    let provider = default_provider().unwrap();
    let mut message = Message::new();
    let mut setters: Vec<Box<dyn Setter + '_>> = vec![
        Box::new(BINDING_REQUEST),
        Box::new(TransactionId([7; 12])),
        Box::new(TextAttribute::new(ATTR_USERNAME, username.to_owned())),
        Box::new(Raw(AttrType(0x0024), vec![1, 2, 3, 4])),
    ];
    more.into_iter().for_each(|raw| setters.push(Box::new(raw)));
    setters.push(Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
        password.to_owned(),
        provider.crypto(),
    )));
    setters.push(Box::new(FINGERPRINT));
    message.build(&setters).unwrap();
    message
}

fn answered(request: &[u8], from: SocketAddr) -> (Answer, Message) {
    let mut out = [0xee; MAX_ANSWER];
    let answer = answer(request, UFRAG, PWD, from, &mut out).unwrap();
    let mut message = Message::new();
    message.unmarshal_binary(&out[..answer.len]).unwrap();
    FINGERPRINT.check(&message).unwrap();
    MessageIntegrity::check(&mut message, PWD.as_bytes(), default_provider().unwrap().crypto()).unwrap();
    (answer, message)
}

fn refused(request: &[u8]) -> StunError {
    answer(request, UFRAG, PWD, from(), &mut [0; MAX_ANSWER]).unwrap_err()
}

/// RFC 5769, 2.1 and 2.2 (whose answer names its software beside).
#[test]
fn the_request_of_rfc_5769_gets_the_address_of_its_answer() {
    let (answer, message) = answered(&request_of_rfc_5769(), from());
    assert!(!answer.nominated);
    assert_eq!(message.typ, BINDING_SUCCESS);
    assert_eq!(message.transaction_id.0[..], request_of_rfc_5769()[8..20]);
    assert_eq!(hex::encode(message.get(AttrType(0x0020)).unwrap()), "0001a147e112a643");
}

#[test]
fn addresses_of_both_families_are_told_as_they_are() {
    for address in ["203.0.113.9:4000", "[2001:db8::17]:65535", "[::ffff:203.0.113.9]:4000"] {
        let address: SocketAddr = address.parse().unwrap();
        let (_, message) = answered(&request("evtj:far", PWD, vec![]).raw, address);
        let mut told = [XorMappedAddress::default()];
        message.parse(&mut told).unwrap();
        assert_eq!((told[0].ip, told[0].port), (address.ip().to_canonical(), address.port()));
    }
}

#[test]
fn a_nomination_is_reported() {
    let chosen = request("evtj:far", PWD, vec![Raw(ATTR_USE_CANDIDATE, vec![])]);
    assert!(answered(&chosen.raw, from()).0.nominated);
    assert!(!answered(&request("evtj:far", PWD, vec![]).raw, from()).0.nominated);
}

/// Behind the integrity anyone can write, and make the fingerprint right again.
#[test]
fn a_nomination_behind_the_integrity_counts_for_nothing() {
    let message = request("evtj:far", PWD, vec![]);
    let end = message.raw.len() - 8;
    let mut bytes = message.raw[..end].to_vec();
    bytes.extend([0, 0x25, 0, 0]);
    let len = (bytes.len() + 8 - 20) as u16;
    bytes[2..4].copy_from_slice(&len.to_be_bytes());
    let crc = rtc_stun::fingerprint::fingerprint_value(&bytes);
    bytes.extend([0x80, 0x28, 0, 4]);
    bytes.extend(crc.to_be_bytes());
    assert!(!answered(&bytes, from()).0.nominated);
}

#[test]
fn strangers_get_no_answer() {
    assert_eq!(refused(&request("evtj:far", "another password", vec![]).raw), StunError::WrongCredentials);
    for username in ["evtk:far", "evtjx:far", "evtj", "far:evtj", ""] {
        assert_eq!(refused(&request(username, PWD, vec![]).raw), StunError::WrongCredentials, "{username}");
    }
}

#[test]
fn a_check_without_its_credentials_gets_no_answer() {
    let whole = request_of_rfc_5769();
    // Without the fingerprint; without the integrity as well.
    for end in [whole.len() - 8, whole.len() - 32] {
        let mut short = whole[..end].to_vec();
        short[2..4].copy_from_slice(&(end as u16 - 20).to_be_bytes());
        assert_eq!(refused(&short), StunError::NoCredentials);
    }
    let mut indication = whole;
    indication[1] = 0x11;
    assert_eq!(refused(&indication), StunError::NotARequest);
}

#[test]
fn what_must_be_known_and_is_not_is_refused_by_name() {
    let more = || vec![Raw(AttrType(0x7001), vec![1, 2, 3]), Raw(ATTR_USE_CANDIDATE, vec![])];
    let (answer, message) = answered(&request("evtj:far", PWD, more()).raw, from());
    assert!(!answer.nominated);
    assert_eq!(message.typ.value(), 0x0111);
    assert_eq!(message.get(AttrType(0x0009)).unwrap(), [0, 0, 4, 20]);
    assert_eq!(message.get(AttrType(0x000a)).unwrap(), [0x70, 0x01]);
    let many = (0..40).map(|n| Raw(AttrType(0x7000 + n), vec![])).collect();
    assert!(answered(&request("evtj:far", PWD, many).raw, from()).0.len == MAX_ANSWER);
    let optional = vec![Raw(AttrType(0xc057), vec![0, 0, 0, 10])];
    assert_eq!(answered(&request("evtj:far", PWD, optional).raw, from()).1.typ, BINDING_SUCCESS);
}

#[test]
fn every_changed_bit_and_every_shortened_request_is_refused() {
    let whole = request_of_rfc_5769();
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        refused(&changed);
    }
    (0..whole.len()).for_each(|len| {
        refused(&whole[..len]);
    });
    let small = answer(&whole, UFRAG, PWD, from(), &mut [0; MAX_ANSWER - 1]);
    assert_eq!(small, Err(StunError::NoRoom));
}

/// rtc-stun takes ours for what it is, and we answer it.
#[test]
fn a_check_of_ours_is_one() {
    for (nomination, nominates) in [(Nomination::Tried, false), (Nomination::Nominated, true)] {
        let mut out = [0xee; 128];
        let len = check([7; 12], "evtj:h6vY", PWD, nomination, &mut out).unwrap();
        let mut message = Message::new();
        message.unmarshal_binary(&out[..len]).unwrap();
        assert_eq!((message.typ, message.transaction_id.0), (BINDING_REQUEST, [7; 12]));
        assert_eq!(message.get(ATTR_USERNAME).unwrap(), b"evtj:h6vY");
        assert_eq!(message.get(ATTR_USE_CANDIDATE).is_ok(), nominates);
        FINGERPRINT.check(&message).unwrap();
        MessageIntegrity::check(&mut message, PWD.as_bytes(), default_provider().unwrap().crypto()).unwrap();
        assert_eq!(answered(&out[..len], from()).0.nominated, nominates);
        assert_eq!(called(&out[..len]), Some(&b"evtj"[..]));
    }
    assert_eq!(check([7; 12], "evtj:h6vY", PWD, Nomination::Tried, &mut [0; 40]), Err(StunError::NoRoom));
}

#[test]
fn whom_a_check_calls_is_told_before_it_is_known_to_be_true() {
    let forged = request("evtj:far", "another's", vec![]).raw;
    assert_eq!((called(&forged), refused(&forged)), (Some(&b"evtj"[..]), StunError::WrongCredentials));
    assert_eq!(called(&request_of_rfc_5769()), Some(&b"evtj"[..]));
    for n in 0..forged.len() {
        assert_eq!(called(&forged[..n]), None);
    }
    assert_eq!(called(b"\0\x01"), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200), header in any::<bool>(),
    ) {
        if header && bytes.len() >= 20 {
            bytes.truncate(bytes.len() / 4 * 4);
            let len = bytes.len() as u16 - 20;
            bytes[..2].copy_from_slice(&[0, 1]);
            bytes[2..4].copy_from_slice(&len.to_be_bytes());
            bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        }
        refused(&bytes);
    }

    /// Whole attributes of every kind and length, with the fingerprint right.
    #[test]
    fn no_attributes_make_it_panic(
        attributes in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..40)), 0..30),
    ) {
        let mut message = Message::new();
        let mut setters: Vec<Box<dyn Setter>> = vec![Box::new(BINDING_REQUEST)];
        attributes.into_iter().for_each(|(kind, value)| {
            setters.push(Box::new(Raw(AttrType(if kind % 3 == 0 { kind } else { kind % 48 }), value)));
        });
        setters.push(Box::new(FINGERPRINT));
        message.build(&setters).unwrap();
        refused(&message.raw);
    }
}
