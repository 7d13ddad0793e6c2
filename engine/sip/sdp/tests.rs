use super::*;

const BROWSER: &str = "v=0\r\no=- 20518 7 IN IP4 203.0.113.1\r\ns= \r\nt=0 0\r\nc=IN IP4 203.0.113.1\r\n\
    a=sendonly\r\nm=audio 54400 RTP/SAVPF 0 96\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 opus/48000/2\r\n\
    a=fmtp:96 minptime=10\r\na=ptime:20\r\na=candidate:0 1 UDP 2113667327 203.0.113.1 54400 typ host\r\n\
    m=video 55400 RTP/SAVPF 97\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\n";

#[test]
fn levels_are_kept_apart() {
    let sdp: SessionDescription = BROWSER.parse().unwrap();
    assert_eq!(sdp.connection, Some("203.0.113.1".parse().unwrap()));
    assert_eq!(sdp.media[1].connection, Some("2001:db8::1".parse().unwrap()));
    assert_eq!(sdp.direction_of(&sdp.media[0]), Direction::SendOnly);
    assert_eq!(sdp.direction_of(&sdp.media[1]), Direction::Inactive);
    assert_eq!(sdp.media[0].ptime_ms, Some(20));
    assert_eq!(sdp.media[0].fmtps, [(96, "minptime=10".to_owned())]);
}

#[test]
fn what_is_printed_is_read_back_the_same() {
    let sdp: SessionDescription = BROWSER.parse().unwrap();
    assert_eq!(sdp.to_string().parse(), Ok(sdp));
}

#[test]
fn harmless_oddities_leave_the_audio_usable() {
    let plain = "v=0\r\no=- 1 2 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    let audio = plain.parse::<SessionDescription>().unwrap().audio().unwrap();
    for origin in ["My Gateway 1 2", "- -7 2", "- 1", "-", "", "- 1 18446744073709551616"] {
        let odd = plain.replace("- 1 2", origin);
        let read: SessionDescription = odd.parse().unwrap_or_else(|e| panic!("{origin}: {e}"));
        assert_eq!(read.audio(), Ok(audio), "{origin}");
    }
    for line in ["rtpmap:8 PCMA", "rtpmap:8", "rtpmap:", "fmtp:101", "fmtp", "ptime:twenty", "ptime", ""] {
        let odd = format!("{plain}a={line}\r\n");
        let read: SessionDescription = odd.parse().unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(read.audio(), Ok(audio), "{line}");
    }
    let mut gbk = plain.as_bytes().to_vec();
    gbk[plain.find("s=-").unwrap() + 2] = 0xd3;
    assert_eq!(SessionDescription::parse(&gbk).unwrap().audio(), Ok(audio));
    for origin in ["My Gateway 1 2", "- -7 2", ""] {
        let read: SessionDescription = plain.replace("- 1 2", origin).parse().unwrap();
        assert_eq!(read.to_string().parse(), Ok(read), "{origin}");
    }
}

#[test]
fn broken_descriptions_name_the_line() {
    for (text, error) in [
        ("", SdpError::NoOrigin),
        ("s=-\r\n", SdpError::Version),
        ("v=0\r\nrubbish\r\n", SdpError::Line(2)),
        ("v=0\r\no=- 1 1 IN IP4\r\n", SdpError::Value { line: 2, what: "the origin" }),
        (
            "v=0\r\no=- 1 1 IN IP4 h\r\nm=audio x RTP/AVP 0\r\n",
            SdpError::Value { line: 3, what: "the media line" },
        ),
        ("v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4\r\n", SdpError::Value { line: 3, what: "the connection" }),
    ] {
        assert_eq!(text.parse::<SessionDescription>(), Err(error), "{text:?}");
    }
    let many = format!("v=0\r\no=- 1 1 IN IP4 h\r\n{}", "m=audio 1 RTP/AVP 0\r\n".repeat(17));
    assert_eq!(many.parse::<SessionDescription>(), Err(SdpError::TooMany));
}

const FULL: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\na=group:BUNDLE a\r\n\
    a=ice-lite\r\na=ice-ufrag:uf\r\na=ice-pwd:secret\r\na=fingerprint:sha-256 00:FF\r\na=setup:passive\r\n\
    m=audio 4000 RTP/SAVPF 96 0\r\na=rtcp:4005 IN IP6 2001:db8::5\r\na=candidate:1 1 UDP 5 192.0.2.2 4000 typ host\r\n\
    a=mid:a\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=ptime:20\r\na=maxptime:60\r\na=sendonly\r\n\
    a=rtcp-mux\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20\r\n\
    a=crypto:2 F8_128_HMAC_SHA1_80 inline:x|2^20|1:4;inline:y|2^20|2:4 FEC_ORDER=FEC_SRTP\r\na=crypto:\r\n\
    a=ssrc:17 cname:one@x\r\na=ssrc:4294967295\r\n";

#[test]
fn every_line_that_is_kept_is_printed_as_it_was() {
    let sdp: SessionDescription = FULL.parse().unwrap();
    assert_eq!(sdp.to_string(), FULL);
    let media = &sdp.media[0];
    let address = Some("2001:db8::5".parse().unwrap());
    assert_eq!(media.rtcp, Some(RtcpPlace { port: 4005, address }));
    assert_eq!(media.rtpmaps[0].channels, 2);
    assert_eq!(media.sources.iter().map(|s| s.ssrc).collect::<Vec<_>>(), [17, u32::MAX]);
    assert!(media.crypto[0].key().is_ok());
    assert_eq!(media.crypto[1].key(), Err(CryptoFault::Suite));
    assert_eq!(media.crypto[2].key(), Err(CryptoFault::Syntax));
    assert_eq!((sdp.dtls.setup, sdp.ice.ufrag.as_deref()), (Some(Setup::Passive), Some("uf")));
    let shown = format!("{sdp:?}");
    assert!(!shown.contains("d0RmdmcmVCsp") && !shown.contains("secret"), "{shown}");
}

#[test]
fn broken_lines_of_the_newer_kinds_are_read_over() {
    let plain =
        "v=0\r\no=- 1 2 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
    let sdp: SessionDescription = plain.parse().unwrap();
    for line in [
        "rtcp:",
        "rtcp:x",
        "rtcp:0",
        "rtcp:70000",
        "ssrc:",
        "ssrc:x cname:y",
        "ssrc:4294967296 cname:y",
        "fingerprint:",
        "fingerprint:sha-256 zz",
        "setup:",
        "setup:both",
        "candidate:",
        "candidate:1 1 UDP",
        "candidate:1 1 UDP 5 h 70000 typ host",
        "mid:",
        "ice-ufrag:",
        "maxptime:",
        "maxptime:-1",
        "rtpmap:128 X/8000",
    ] {
        let odd = format!("{plain}a={line}\r\n");
        assert_eq!(odd.parse(), Ok(sdp.clone()), "{line}");
    }
    let named: SessionDescription = format!("{plain}a=rtcp:53020 IN IP4 host.example\r\n").parse().unwrap();
    assert_eq!(named.media[0].rtcp, Some(RtcpPlace { port: 53_020, address: None }));
}

#[test]
fn lines_without_end_are_read_over_beyond_what_any_call_needs() {
    let plain = "v=0\r\no=- 1 2 IN IP4 192.0.2.2\r\nm=audio 4000 RTP/SAVP 8\r\n";
    let line = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\na=ssrc:1 cname:x\r\na=fingerprint:sha-256 00\r\n\
        a=candidate:1 1 UDP 5 h 1 typ host\r\n";
    let many: SessionDescription = format!("{plain}{}", line.repeat(1_000)).parse().unwrap();
    let media = &many.media[0];
    assert_eq!((media.crypto.len(), media.sources.len()), (MAX_LINES, 1));
    assert_eq!((media.dtls.fingerprints.len(), media.ice.candidates.len()), (MAX_LINES, MAX_LINES));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        let _ = SessionDescription::parse(&bytes);
        let lines = [b"v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 1 RTP/AVP 0\r\na=".to_vec(), bytes].concat();
        let _ = SessionDescription::parse(&lines);
    }

    #[test]
    fn a_damaged_description_is_refused_or_printed_as_it_was_read(
        damage in proptest::collection::vec((0..1200usize, proptest::prelude::any::<u8>()), 1..12),
    ) {
        let mut bytes = FULL.as_bytes().to_vec();
        for (at, byte) in damage {
            if let Some(b) = bytes.get_mut(at) {
                *b = byte;
            }
        }
        if let Ok(read) = SessionDescription::parse(&bytes) {
            let printed = read.to_string();
            let again = printed.parse::<SessionDescription>().map(|sdp| sdp.to_string());
            proptest::prop_assert_eq!(again, Ok(printed));
            // Nor does whatever answers it, or agrees with it.
            let rtp = std::net::SocketAddr::from(([192, 0, 2, 1], 4000));
            let ours = crate::offer_answer::Ours::plain(rtp, &waihu_types::Codec::ALL);
            if let Ok(answer) = ours.answer(&read) {
                proptest::prop_assert_eq!(answer.media.len(), read.media.len());
                let _ = crate::offer_answer::agree(&answer, &read);
                let _ = answer.answer_again(&read);
            }
        }
    }
}
