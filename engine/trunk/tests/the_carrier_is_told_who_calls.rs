//! What an INVITE says of the caller, as it goes over the wire: numbers are signed in E.164 whatever form of them the
//! carrier wants, and Date tells the signature's time; the carrier is told the caller, shown or withheld.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{net::UdpSocket, path::Path, time::Duration};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        UnparsedPublicKey,
    },
};
use serde_json::Value;
use waihu_sip::{Codec, SessionDescription};
use waihu_trunk::{InviteRequest, SipSocket, SocketConfig, TrunkConfig};
use waihu_types::{PhoneNumber, WallTime};

/// As in mainland China: what is dialled and shown has no country, and a 0 in front.
const NUMBERS: &str = "[numbers]\ncountry = \"86\"\n\
    [[numbers.callee]]\nprefix = \"+86\"\nstrip = 3\nprepend = \"0\"\n\
    [[numbers.caller]]\nprefix = \"+86\"\nstrip = 3\nprepend = \"0\"\n";

/// A key in its file, and the half of it that everybody knows.
fn key(at: &Path) -> Vec<u8> {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pem = BASE64_STANDARD.encode(made.as_ref());
    std::fs::write(at, format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n")).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
    pair.public_key().as_ref().to_vec()
}

/// The INVITE of a call from one number to another as the dialler places it, by a trunk of these lines of `[trunk]` and
/// these tables; to a carrier of its own, since it says it again to whoever does not answer.
async fn invite(lines: &str, tables: &str, caller_id: Option<&str>, callee: &str) -> String {
    let carrier = UdpSocket::bind("127.0.0.1:0").unwrap();
    carrier.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let text = format!(
        "[trunk]\nproxy = \"{}\"\nfrom = \"sip:4008001234@carrier.example\"\ndisplay_name = \"Bank\"\n\
         bind = \"127.0.0.1:0\"\n{lines}\n{tables}",
        carrier.local_addr().unwrap()
    );
    let trunk = TrunkConfig::parse(&text, "t.toml").unwrap();
    let config = SocketConfig { signer: trunk.signer().unwrap(), ..trunk.socket("test") };
    let (sip, _calls) = SipSocket::open(config).await.unwrap();
    let caller_id: Option<PhoneNumber> = caller_id.map(|id| id.parse().unwrap());
    let callee: PhoneNumber = callee.parse().unwrap();
    let mut request = InviteRequest {
        target: trunk.proxy.uri(&trunk.numbers.callee(&callee)),
        next_hop: trunk.proxy_hop().unwrap(),
        backups: Vec::new(),
        redirects: Vec::new(),
        call_id: None,
        from: trunk.from.clone(),
        signed_as: None,
        credentials: None,
        offer: SessionDescription::offer("127.0.0.1:4000".parse().unwrap(), &[Codec::Pcma]),
        headers: Vec::new(),
    };
    trunk.introduce(&mut request, caller_id.as_ref(), Some(&callee));
    let _call = sip.invite(request);
    let mut buffer = [0; 8_192];
    let (n, _) = carrier.recv_from(&mut buffer).unwrap();
    String::from_utf8(buffer[..n].to_vec()).unwrap()
}

fn fields<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines().filter_map(|l| l.strip_prefix(name)?.strip_prefix(": ")).collect()
}

/// The value of a header that stands once.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let all = fields(text, name);
    assert_eq!(all.len(), 1, "{name} in {text}");
    all[0]
}

/// What the signature says, which has to be in its full form, and good.
fn claims(invite: &str, public: &[u8]) -> Value {
    let (token, rest) = field(invite, "Identity").split_once(';').unwrap();
    assert_eq!(rest, "info=<https://cert.example/a.pem>;alg=ES256;ppt=shaken");
    let parts: Vec<&str> = token.split('.').collect();
    assert!(parts.len() == 3 && parts.iter().all(|part| !part.is_empty()), "the full form has three parts");
    let read = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let header: Value = serde_json::from_slice(&read(parts[0])).unwrap();
    assert_eq!(
        header,
        serde_json::json!({"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": "https://cert.example/a.pem"})
    );
    let signed = format!("{}.{}", parts[0], parts[1]);
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public)
        .verify(signed.as_bytes(), &read(parts[2]))
        .unwrap();
    serde_json::from_slice(&read(parts[1])).unwrap()
}

/// The time that Date tells [s of UTC].
fn date_s(invite: &str) -> i64 {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = field(invite, "Date").split(' ').collect();
    let [_, day, month, year, time, "GMT"] = words[..] else { panic!("{words:?}") };
    let month = 1 + MONTHS.iter().position(|m| *m == month).unwrap();
    let at: WallTime = format!("{year}-{month:02}-{day}T{time}Z").parse().unwrap();
    at.unix_millis() / 1_000
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_signed_with_their_country_whatever_the_carrier_wants_to_see() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stir.key");
    let public = key(&path);
    let signs = format!("[signalling]\nstir_key = {path:?}\nstir_x5u = \"https://cert.example/a.pem\"\n");
    let tables = format!("{signs}{NUMBERS}");
    for (caller_id, shown, orig) in [
        // `from` goes as it is written, and is signed as it is meant.
        (None, "4008001234", "864008001234"),
        (Some("+862162345678"), "02162345678", "862162345678"),
        (Some("021-6234 5678"), "02162345678", "862162345678"),
    ] {
        let told = invite("", &tables, caller_id, "13800001234").await;
        assert!(told.starts_with("INVITE sip:013800001234@127.0.0.1:"), "{told}");
        let from = field(&told, "From");
        assert!(from.starts_with(&format!("\"Bank\" <sip:{shown}@carrier.example>;tag=")), "{from}");
        let said = claims(&told, &public);
        assert_eq!(said["orig"], serde_json::json!({"tn": orig}));
        assert_eq!(said["dest"], serde_json::json!({"tn": ["8613800001234"]}));
        assert_eq!(said["iat"].as_i64(), Some(date_s(&told)));
    }
    // Whose country nobody knows is not signed: it would be somebody else's number.
    let unknown = invite("", &signs, None, "13800001234").await;
    assert!(fields(&unknown, "Identity").is_empty() && fields(&unknown, "Date").is_empty(), "{unknown}");
    let known = invite("", &signs, Some("+864008001234"), "+8613800001234").await;
    assert_eq!(claims(&known, &public)["orig"]["tn"], "864008001234");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_carrier_is_told_the_caller_whom_callees_may_see_or_not() {
    for (line, shown, asserted, privacy) in [
        ("", "\"Bank\" <sip:02162345678@carrier.example>", None, None),
        (
            "asserted_identity = \"shown\"",
            "\"Bank\" <sip:02162345678@carrier.example>",
            Some("<sip:02162345678@carrier.example>"),
            None,
        ),
        (
            "asserted_identity = \"withheld\"",
            "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
            Some("<sip:02162345678@carrier.example>"),
            Some("id"),
        ),
    ] {
        let told = invite(line, NUMBERS, Some("+862162345678"), "13800001234").await;
        assert!(field(&told, "From").starts_with(&format!("{shown};tag=")), "{told}");
        assert_eq!(fields(&told, "P-Asserted-Identity"), Vec::from_iter(asserted), "{told}");
        assert_eq!(fields(&told, "Privacy"), Vec::from_iter(privacy), "{told}");
        // A trunk takes no calls in.
        assert_eq!(field(&told, "Supported"), "100rel, timer");
        let named = told.matches("02162345678").count();
        assert_eq!(named, usize::from(asserted.is_some()) + usize::from(privacy.is_none()), "{told}");
    }
    // `from` goes as it is written.
    let told = invite("asserted_identity = \"withheld\"", NUMBERS, None, "13800001234").await;
    assert_eq!(field(&told, "P-Asserted-Identity"), "<sip:4008001234@carrier.example>");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_is_withheld_is_signed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stir.key");
    let public = key(&path);
    let signs = format!("[signalling]\nstir_key = {path:?}\nstir_x5u = \"https://cert.example/a.pem\"\n");
    let tables = format!("{signs}{NUMBERS}");
    let told = invite("asserted_identity = \"withheld\"", &tables, None, "13800001234").await;
    assert_eq!(claims(&told, &public)["orig"]["tn"], "864008001234");
    assert!(field(&told, "From").contains("anonymous.invalid"), "{told}");
}
