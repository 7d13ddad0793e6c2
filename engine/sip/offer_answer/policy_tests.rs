//! SRTP between every two policies: what both come to, and that nobody ends up plain who must not.

use waihu_types::SrtpSuite;

use super::*;

const CODECS: [Codec; 1] = [Codec::Pcma];
const HASH: [[u8; 32]; 2] = [[0xa1; 32], [0xb2; 32]];

/// Where side 0 or 1 is.
fn at(side: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + side as u8], 4000))
}

/// A key that only this side has for this suite.
fn key(side: usize, suite: SrtpSuite) -> SrtpKey {
    let keying = vec![0x10 * (side as u8 + 1) + suite as u8; suite.key_len() + suite.salt_len()];
    SrtpKey::new(suite, &keying).unwrap()
}

fn keys(side: usize, suites: &[SrtpSuite]) -> Vec<SrtpKey> {
    suites.iter().map(|s| key(side, *s)).collect()
}

fn side<'a>(side: usize, security: Security<'a>) -> Ours<'a> {
    Ours { security, ..Ours::plain(at(side), &CODECS) }
}

/// Through the wire, as the other side reads it.
fn wire(sdp: &SessionDescription) -> SessionDescription {
    sdp.to_string().parse().unwrap()
}

/// What both sides come to, the offerer's first.
fn call(offerer: Ours<'_>, answerer: Ours<'_>) -> Result<[StreamSecurity; 2], MediaMismatch> {
    let offer = offerer.offer();
    let answer = answerer.answer(&wire(&offer))?;
    Ok([agree(&offer, &wire(&answer))?.srtp, agree(&answer, &wire(&offer))?.srtp])
}

const USUAL: [SrtpSuite; 2] = [SrtpSuite::AeadAes128Gcm, SrtpSuite::AesCm128HmacSha1_80];

#[test]
fn every_pair_of_policies_comes_to_the_same_on_both_sides() {
    use SrtpPolicy::{Mandatory, Off, Optional};
    let (ours, theirs) = (keys(0, &USUAL), keys(1, &USUAL));
    for dtls in [false, true] {
        for (offers, answers, outcome) in [
            (Off, Off, Ok(false)),
            (Off, Optional, Ok(false)),
            (Off, Mandatory, Err(MediaMismatch::NoKey)),
            (Optional, Off, Ok(false)),
            (Optional, Optional, Ok(true)),
            (Optional, Mandatory, Ok(true)),
            (Mandatory, Off, Err(MediaMismatch::SrtpOff)),
            (Mandatory, Optional, Ok(true)),
            (Mandatory, Mandatory, Ok(true)),
        ] {
            let of = |n: usize, keys, policy| {
                side(n, Security::new(policy, if dtls { Keys::Dtls(&HASH[n]) } else { Keys::Sdes(keys) }))
            };
            let found = call(of(0, &ours[..], offers), of(1, &theirs[..], answers));
            let expected = outcome.map(|secure| match (secure, dtls) {
                (false, _) => [StreamSecurity::None; 2],
                (true, false) => [
                    StreamSecurity::Sdes { ours: ours[0], theirs: theirs[0] },
                    StreamSecurity::Sdes { ours: theirs[0], theirs: ours[0] },
                ],
                (true, true) => [
                    StreamSecurity::Dtls { fingerprint: HASH[1], role: DtlsRole::Server },
                    StreamSecurity::Dtls { fingerprint: HASH[0], role: DtlsRole::Client },
                ],
            });
            assert_eq!(found, expected, "{offers:?} {answers:?} dtls={dtls}");
        }
    }
}

#[test]
fn what_srtp_is_offered_under_depends_on_how_badly_it_is_wanted() {
    let ours = keys(0, &USUAL);
    for (security, protocol, lines, fingerprints) in [
        (Security::Off, "RTP/AVP", 0, 0),
        (Security::Optional(Keys::Sdes(&ours)), "RTP/AVP", 2, 0),
        (Security::Mandatory(Keys::Sdes(&ours)), "RTP/SAVP", 2, 0),
        (Security::Optional(Keys::Dtls(&HASH[0])), "RTP/AVP", 0, 1),
        (Security::Mandatory(Keys::Dtls(&HASH[0])), "UDP/TLS/RTP/SAVP", 0, 1),
    ] {
        let offer = wire(&side(0, security).offer());
        let media = &offer.media[0];
        assert_eq!((offer.media.len(), media.protocol.as_str()), (1, protocol));
        assert_eq!((media.crypto.len(), media.dtls.fingerprints.len()), (lines, fingerprints));
        let tags: Vec<u32> = media.crypto.iter().map(crate::sdp::Crypto::tag).collect();
        assert_eq!(tags, [1, 2][..lines]);
        assert_eq!(media.dtls.setup, (fingerprints > 0).then_some(Setup::ActPass));
    }
}

#[test]
fn keys_of_two_kinds_find_no_way_together() {
    let sdes = keys(0, &USUAL);
    let dtls = Keys::Dtls(&HASH[1]);
    let both = |a, b| call(side(0, a), side(1, b));
    let (must, may) = (Security::Mandatory(Keys::Sdes(&sdes)), Security::Optional(Keys::Sdes(&sdes)));
    assert_eq!(both(must, Security::Mandatory(dtls)), Err(MediaMismatch::NoKey));
    assert_eq!(both(must, Security::Optional(dtls)), Err(MediaMismatch::NoKey));
    assert_eq!(both(may, Security::Mandatory(dtls)), Err(MediaMismatch::NoKey));
    assert_eq!(both(may, Security::Optional(dtls)), Ok([StreamSecurity::None; 2]));
}

#[test]
fn the_answer_takes_the_first_suite_of_the_offer_that_it_has_under_its_tag() {
    use SrtpSuite::{AeadAes256Gcm, AesCm128HmacSha1_32, AesCm128HmacSha1_80};
    let ours = keys(0, &[AeadAes256Gcm, AesCm128HmacSha1_32, AesCm128HmacSha1_80]);
    let theirs = keys(1, &[AesCm128HmacSha1_80, AesCm128HmacSha1_32]);
    let offer = side(0, Security::Mandatory(Keys::Sdes(&ours))).offer();
    let answer = side(1, Security::Optional(Keys::Sdes(&theirs))).answer(&wire(&offer)).unwrap();
    let line = &answer.media[0].crypto[..];
    assert_eq!((line.len(), line[0].tag(), line[0].key()), (1, 2, Ok(theirs[1])));
    let none = keys(1, &[SrtpSuite::AeadAes128Gcm]);
    let refused = side(1, Security::Optional(Keys::Sdes(&none))).answer(&wire(&offer));
    assert_eq!(refused, Err(MediaMismatch::UnusableKey(CryptoFault::Suite)));
}

/// Their answer to an offer of ours, line by line.
fn answered(protocol: &str, lines: &str) -> SessionDescription {
    format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
        m=audio 4000 {protocol} 8\r\n{lines}"
    )
    .parse()
    .unwrap()
}

#[test]
fn an_answer_without_a_usable_key_is_never_taken_for_plain_rtp() {
    let ours = keys(0, &USUAL);
    let line = |tag: u32, suite: usize| {
        format!("a=crypto:{}\r\n", crate::sdp::Crypto::new(tag, key(1, USUAL[suite])))
    };
    let weak = line(1, 0).replace("\r\n", " UNENCRYPTED_SRTP\r\n");
    let secure = Ok(StreamSecurity::Sdes { ours: ours[1], theirs: key(1, USUAL[1]) });
    let plain = Ok(StreamSecurity::None);
    for (protocol, lines, optional, mandatory) in [
        ("RTP/AVP", line(2, 1), secure, secure),
        ("RTP/SAVP", line(2, 1), secure, secure),
        ("RTP/AVP", String::new(), plain, Err(MediaMismatch::NoKey)),
        ("RTP/SAVP", String::new(), Err(MediaMismatch::NoKey), Err(MediaMismatch::NoKey)),
        // The tag of the other line; a tag that we did not give; both lines at once.
        ("RTP/AVP", line(1, 1), Err(MediaMismatch::KeyMismatch), Err(MediaMismatch::KeyMismatch)),
        ("RTP/SAVP", line(3, 1), Err(MediaMismatch::KeyMismatch), Err(MediaMismatch::KeyMismatch)),
        (
            "RTP/SAVP",
            line(1, 0) + &line(2, 1),
            Err(MediaMismatch::KeyMismatch),
            Err(MediaMismatch::KeyMismatch),
        ),
        (
            "RTP/SAVP",
            weak.clone(),
            Err(MediaMismatch::UnusableKey(CryptoFault::SessionParameter)),
            Err(MediaMismatch::UnusableKey(CryptoFault::SessionParameter)),
        ),
        (
            "RTP/AVP",
            weak,
            Err(MediaMismatch::UnusableKey(CryptoFault::SessionParameter)),
            Err(MediaMismatch::UnusableKey(CryptoFault::SessionParameter)),
        ),
    ] {
        let answer = answered(protocol, &lines);
        let became = |security| agree(&side(0, security).offer(), &answer).map(|s| s.srtp);
        assert_eq!(became(Security::Optional(Keys::Sdes(&ours))), optional, "{protocol} {lines}");
        assert_eq!(became(Security::Mandatory(Keys::Sdes(&ours))), mandatory, "{protocol} {lines}");
    }
    // A key that nobody asked for is nothing to whoever offered none.
    let offer = side(0, Security::Off).offer();
    assert_eq!(agree(&offer, &answered("RTP/AVP", &line(1, 0))).map(|s| s.srtp), plain);
    assert_eq!(agree(&offer, &answered("RTP/SAVP", &line(1, 0))), Err(MediaMismatch::SrtpOff));
}

#[test]
fn an_offer_that_cannot_be_done_as_it_asks_is_refused_unless_it_does_not_insist() {
    let mine = keys(1, &USUAL);
    let weak = format!("a=crypto:{} KDR=24\r\n", crate::sdp::Crypto::new(1, key(0, USUAL[0])));
    let of = |security, protocol| side(1, security).answer(&answered(protocol, &weak)).map(|a| a.media);
    let fault = MediaMismatch::UnusableKey(CryptoFault::SessionParameter);
    let optional = Security::Optional(Keys::Sdes(&mine));
    assert_eq!(of(optional, "RTP/SAVP"), Err(fault));
    assert_eq!(of(Security::Mandatory(Keys::Sdes(&mine)), "RTP/AVP"), Err(fault));
    let plain = of(optional, "RTP/AVP").unwrap();
    assert_eq!((plain[0].protocol.as_str(), plain[0].crypto.len()), ("RTP/AVP", 0));
}

#[test]
fn of_two_sections_the_enciphered_one_is_taken_where_it_can_be() {
    let (ours, theirs) = (keys(0, &USUAL), keys(1, &USUAL));
    let mut offer = side(0, Security::Off).offer();
    offer.media.push(side(0, Security::Mandatory(Keys::Sdes(&ours))).offer().media.remove(0));
    for (security, ports) in [
        (Security::Off, [4000, 0]),
        (Security::Optional(Keys::Sdes(&theirs)), [0, 4000]),
        (Security::Mandatory(Keys::Sdes(&theirs)), [0, 4000]),
    ] {
        let answer = side(1, security).answer(&wire(&offer)).unwrap();
        assert_eq!(answer.media.iter().map(|m| m.port).collect::<Vec<_>>(), ports, "{security:?}");
        let stream = agree(&answer, &wire(&offer)).unwrap();
        assert_eq!(stream.srtp == StreamSecurity::None, ports[0] != 0);
    }
}

#[test]
fn a_later_offer_finds_the_same_keys_and_cannot_leave_srtp_where_it_is_mandatory() {
    let (ours, theirs, fresh) = (keys(0, &USUAL), keys(1, &USUAL), keys(1, &USUAL[1..]));
    let theirs_again = Security::Mandatory(Keys::Sdes(&theirs));
    for (policy, plain) in
        [(SrtpPolicy::Mandatory, Err(MediaMismatch::NoKey)), (SrtpPolicy::Optional, Ok(StreamSecurity::None))]
    {
        let mut local = side(0, Security::new(policy, Keys::Sdes(&ours))).offer();
        let answer = side(1, Security::Optional(Keys::Sdes(&theirs))).answer(&local).unwrap();
        let first = local.settle(&answer).unwrap().srtp;
        assert_eq!(first, StreamSecurity::Sdes { ours: ours[0], theirs: theirs[0] });

        let mut hold = side(1, theirs_again).offer();
        hold.media[0].direction = Some(Direction::SendOnly);
        let answer = local.answer_again(&hold).unwrap();
        assert_eq!(answer.media[0].direction, Some(Direction::RecvOnly));
        assert_eq!(answer.media[0].crypto[0].key(), Ok(ours[0]));
        assert_eq!((local.settle_again(&hold).unwrap().srtp, local.origin.version), (first, 2));

        // They change suite and key; ours is the one that we offered for it.
        let rekey = side(1, Security::Mandatory(Keys::Sdes(&fresh))).offer();
        let again = local.settle_again(&rekey).unwrap().srtp;
        assert_eq!(again, StreamSecurity::Sdes { ours: ours[1], theirs: fresh[0] });

        let before = local.clone();
        let became = local.settle_again(&side(1, Security::Off).offer()).map(|s| s.srtp);
        assert_eq!(became, plain, "{policy:?}");
        assert_eq!(local == before, plain.is_err(), "a refusal changes nothing");
    }
    // Whoever answered enciphered stays so too.
    let offer = side(1, theirs_again).offer();
    let local = side(0, Security::Mandatory(Keys::Sdes(&ours))).answer(&offer).unwrap();
    assert_eq!(local.answer_again(&side(1, Security::Off).offer()), Err(MediaMismatch::NoKey));
    assert_eq!(local.answer_again(&offer).unwrap().media[0].crypto, local.media[0].crypto);
}

#[test]
fn whoever_began_a_dtls_handshake_began_it_for_the_whole_session() {
    let theirs = side(1, Security::Mandatory(Keys::Dtls(&HASH[1])));
    for (setup, role) in [
        (Some(Setup::Active), DtlsRole::Server),
        (Some(Setup::Passive), DtlsRole::Client),
        (None, DtlsRole::Client),
    ] {
        let mut local = side(0, Security::Mandatory(Keys::Dtls(&HASH[0]))).offer();
        let mut answer = theirs.answer(&local).unwrap();
        answer.media[0].dtls.setup = setup;
        let agreed = Ok(StreamSecurity::Dtls { fingerprint: HASH[1], role });
        assert_eq!(local.settle(&answer).map(|s| s.srtp), agreed);
        assert_eq!(local.settle_again(&theirs.offer()).map(|s| s.srtp), agreed);
        let again = local.offer_again();
        assert_eq!(again.media[0].dtls.setup, Some(Setup::ActPass));
        assert_eq!(again.media[0].dtls.fingerprints, local.media[0].dtls.fingerprints);
    }
}

#[test]
fn a_handshake_that_nobody_or_both_would_begin_is_no_agreement() {
    let local = side(0, Security::Optional(Keys::Dtls(&HASH[0]))).offer();
    let answer = side(1, Security::Optional(Keys::Dtls(&HASH[1]))).answer(&local).unwrap();
    for (setup, outcome) in
        [(Setup::ActPass, MediaMismatch::DtlsRole), (Setup::HoldConn, MediaMismatch::DtlsRole)]
    {
        let mut odd = answer.clone();
        odd.media[0].dtls.setup = Some(setup);
        assert_eq!(agree(&local, &odd), Err(outcome), "{setup:?}");
    }
    let mut odd = answer;
    odd.media[0].dtls.fingerprints[0].hash = "sha-1".to_owned();
    assert_eq!(agree(&local, &odd), Err(MediaMismatch::NoFingerprint));
    odd.media[0].dtls = Dtls::default();
    assert_eq!(agree(&local, &odd).map(|s| s.srtp), Ok(StreamSecurity::None));
}

#[test]
fn no_key_is_shown() {
    let ours = keys(0, &USUAL);
    let security = Security::Mandatory(Keys::Sdes(&ours));
    let offer = side(0, security).offer();
    let stream = agree(&offer, &side(1, security).answer(&offer).unwrap()).unwrap();
    let shown = format!("{offer:?} {stream:?} {security:?}");
    for line in &offer.media[0].crypto {
        let wire = line.to_string();
        let secret = wire.split("inline:").nth(1).unwrap();
        assert!(wire.contains(secret) && !shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("SrtpKey(AEAD_AES_128_GCM)") && !shown.contains("16, 16"), "{shown}");
}
