//! Descriptions as telephones write them. Those of baresip and pjsua2 came from these programs on this
//! machine (keys are of calls that never were), and so did Chromium's answer; its offer is written from what
//! is known of it.

use waihu_types::SrtpSuite;

use super::*;

/// baresip 1.0.0 with mediaenc=srtp: SRTP where the far end takes it.
const BARESIP: &str = "v=0
o=- 4272807838 362630432 IN IP4 192.0.2.2
s=-
c=IN IP4 192.0.2.2
t=0 0
a=tool:baresip 1.0.0
m=audio 21018 RTP/AVP 96 9 0 8 101
a=rtpmap:96 opus/48000/2
a=fmtp:96 stereo=1;sprop-stereo=1
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendrecv
a=label:1
a=rtcp-rsize
a=ssrc:888818455 cname:sip:bot@127.0.0.1
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:TGkm5DNTza6ygvlYnticPDVoJSfAG385u/DW26go
a=minptime:20
a=ptime:20
";

/// baresip 1.0.0 with mediaenc=dtls_srtp.
const BARESIP_DTLS: &str = "v=0
o=- 1365413924 1733756292 IN IP4 192.0.2.2
s=-
c=IN IP4 192.0.2.2
t=0 0
a=tool:baresip 1.0.0
a=setup:actpass
a=fingerprint:SHA-256 F4:E9:98:40:5E:B6:76:14:B0:19:8C:63:34:F6:FB:BA:F2:C3:F7:91:36:E0:69:B8:97:60:99:B0:77:DA:9E:89
m=audio 21046 UDP/TLS/RTP/SAVPF 96 9 0 8 101
a=rtpmap:96 opus/48000/2
a=fmtp:96 stereo=1;sprop-stereo=1
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendrecv
a=label:1
a=rtcp-rsize
a=ssrc:3455182628 cname:sip:bot@127.0.0.1
a=rtcp-mux
a=minptime:20
a=ptime:20
";

/// pjsua2 2.15.1 with srtpUse=PJMEDIA_SRTP_MANDATORY.
const PJSUA: &str = "v=0
o=- 4004640568 4004640568 IN IP4 127.0.0.1
s=pjmedia
b=AS:84
t=0 0
a=X-nat:0
m=audio 4000 RTP/SAVP 96 97 98 99 3 0 8 9 120 121 122
c=IN IP4 127.0.0.1
b=TIAS:64000
a=rtcp:4001 IN IP4 127.0.0.1
a=sendrecv
a=rtpmap:96 speex/16000
a=rtpmap:97 speex/8000
a=rtpmap:98 speex/32000
a=rtpmap:99 iLBC/8000
a=fmtp:99 mode=30
a=rtpmap:3 GSM/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:9 G722/8000
a=rtpmap:120 telephone-event/16000
a=fmtp:120 0-16
a=rtpmap:121 telephone-event/8000
a=fmtp:121 0-16
a=rtpmap:122 telephone-event/32000
a=fmtp:122 0-16
a=ssrc:2126256108 cname:00b94d8c31621bcb
a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:5hE2XpQ5XvVmgDWS96AJHmNNrIGBsycLo5S+zLMRHHfml6h7R8FxLXo4+55Vvg==
a=crypto:2 AES_256_CM_HMAC_SHA1_32 inline:9kGRCP4MwiPdf9IsbV5puV10PKn3+3QiyScjsxx12w7CViINV9lzciT2Sv/lYQ==
a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:ukCjs4dicm+VyD09V9xY1bZL9u+FvN4yUHRcvh2M
a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:s0XaR5BHVkCxJF0f6ocQHNhb/XDZ5sutQFLzsL2W
";

/// Chromium, from general knowledge: not captured.
const CHROMIUM: &str = "v=0
o=- 5243184276452196841 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 54609 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 203.0.113.7
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:2057286459 1 udp 2122260223 2e5c5d3c-6a1f-4b5e-9d4a-1f0c7d7e8a90.local 54609 typ host generation 0 network-id 1
a=candidate:842163049 1 udp 1685987071 203.0.113.7 54609 typ srflx raddr 0.0.0.0 rport 0 generation 0 network-cost 999
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlNc
a=ice-options:trickle
a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:stream track
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:3735928559 cname:bXTHLzrtCpWKEcOf
a=ssrc:3735928559 msid:stream track
";

/// What Chromium 156 answered to an offer of ours, before it had looked for candidates.
const CHROMIUM_ANSWER: &str = "v=0
o=- 1773830452798365288 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=msid-semantic: WMS 41ddf939-188b-453c-922d-29fc3a82176b
m=audio 9 UDP/TLS/RTP/SAVPF 96 8 0 101 102
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:8WAn
a=ice-pwd:3Du8/1yzIR0TtOlbnoh8nVRb
a=ice-options:trickle
a=fingerprint:sha-256 EA:CE:C0:02:85:A7:A6:B8:37:30:22:99:C3:8B:1C:E2:C1:F8:0F:93:90:72:97:26:65:60:1C:52:2B:3B:1C:67
a=setup:active
a=mid:0
a=sendrecv
a=msid:41ddf939-188b-453c-922d-29fc3a82176b 8843bf5c-7589-4851-990b-f4de741b123a
a=rtcp-mux
a=rtpmap:96 opus/48000/2
a=fmtp:96 minptime=10;useinbandfec=1
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=rtpmap:102 telephone-event/48000
a=ssrc:1967625797 cname:+x382/oU2+VzTb5C
";

const HASH: [u8; 32] = [7; 32];

fn read(text: &str) -> SessionDescription {
    text.replace('\n', "\r\n").parse().unwrap()
}

fn key(suite: SrtpSuite) -> SrtpKey {
    SrtpKey::new(suite, &vec![3; suite.key_len() + suite.salt_len()]).unwrap()
}

fn ours<'a>(codecs: &'a [Codec], security: Security<'a>) -> Ours<'a> {
    let rtp = SocketAddr::from(([192, 0, 2, 1], 16_384));
    Ours { security, rtcp: Rtcp::MuxOrAbove, ..Ours::plain(rtp, codecs) }
}

/// What comes of their offer and our answer to it, through the wire.
fn answered(text: &str, ours: Ours<'_>) -> Result<(SessionDescription, AudioStream), MediaMismatch> {
    let offer = read(text);
    let answer: SessionDescription = ours.answer(&offer)?.to_string().parse().unwrap();
    agree(&answer, &offer).map(|stream| (answer, stream))
}

#[test]
fn what_they_write_is_printed_and_read_back_the_same() {
    for text in [BARESIP, BARESIP_DTLS, PJSUA, CHROMIUM, CHROMIUM_ANSWER] {
        let sdp = read(text);
        assert_eq!(sdp.to_string().parse(), Ok(sdp), "{text}");
    }
}

#[test]
fn baresip_is_answered_with_its_opus_and_our_key() {
    let mine = [key(SrtpSuite::AesCm128HmacSha1_80)];
    let (answer, stream) =
        answered(BARESIP, ours(&Codec::ALL, Security::Optional(Keys::Sdes(&mine)))).unwrap();
    assert_eq!(answer.media[0].formats, ["96", "101"]);
    assert_eq!((stream.codec, stream.remote.to_string().as_str()), (Codec::Opus, "192.0.2.2:21018"));
    assert_eq!((stream.telephone_event, stream.telephone_event_clock_hz), (Some(101), 8_000));
    assert_eq!((stream.rtcp.port(), stream.rtcp_mux, stream.ssrc), (21_019, false, Some(888_818_455)));
    let StreamSecurity::Sdes { ours: sent, theirs } = stream.srtp else { panic!("{:?}", stream.srtp) };
    assert_eq!((sent, theirs.key()[..4].to_vec()), (mine[0], vec![0x4c, 0x69, 0x26, 0xe4]));
    let plain = answered(BARESIP, ours(&[Codec::G722], Security::Off)).unwrap().1;
    assert_eq!((plain.codec, plain.srtp), (Codec::G722, StreamSecurity::None));
}

#[test]
fn baresips_certificate_counts_though_it_stands_above_the_section() {
    let (answer, stream) =
        answered(BARESIP_DTLS, ours(&Codec::ALL, Security::Mandatory(Keys::Dtls(&HASH)))).unwrap();
    assert_eq!(answer.media[0].protocol, "UDP/TLS/RTP/SAVPF");
    assert_eq!((stream.rtcp_mux, stream.rtcp), (true, stream.remote));
    let StreamSecurity::Dtls { fingerprint, role } = stream.srtp else { panic!("{:?}", stream.srtp) };
    assert_eq!((fingerprint[0], fingerprint[31], role), (0xf4, 0x89, DtlsRole::Client));
    let refused = answered(BARESIP_DTLS, ours(&Codec::ALL, Security::Off)).map(|_| ());
    assert_eq!(refused, Err(MediaMismatch::SrtpOff));
}

#[test]
fn pjsua_is_answered_with_its_first_suite_that_we_have() {
    let mine = [key(SrtpSuite::AesCm128HmacSha1_32), key(SrtpSuite::AesCm128HmacSha1_80)];
    let (answer, stream) =
        answered(PJSUA, ours(&Codec::ALL, Security::Mandatory(Keys::Sdes(&mine)))).unwrap();
    assert_eq!((answer.media[0].crypto[0].tag(), answer.media[0].crypto[0].key()), (3, Ok(mine[1])));
    assert_eq!((stream.codec, stream.telephone_event), (Codec::Pcmu, Some(121)));
    assert_eq!(stream.rtcp, "127.0.0.1:4001".parse().unwrap());
}

#[test]
fn chromium_is_understood_as_far_as_it_can_be_without_candidates() {
    let sdp = read(CHROMIUM);
    let media = &sdp.media[0];
    assert_eq!((media.ice.ufrag.as_deref(), media.ice.candidates.len()), (Some("4ZcD"), 2));
    assert_eq!((media.ice.candidates[1].kind.as_str(), media.ice.candidates[1].port), ("srflx", 54_609));
    assert_eq!((media.mid.as_deref(), &sdp.groups[..]), (Some("0"), &["BUNDLE 0".to_owned()][..]));
    assert!(!format!("{sdp:?}").contains("2/1muCWoOi3uLifh0NuRHlNc"));
    let (answer, stream) =
        answered(CHROMIUM, ours(&Codec::ALL, Security::Optional(Keys::Dtls(&HASH)))).unwrap();
    assert_eq!(answer.media[0].mid.as_deref(), Some("0"));
    assert_eq!((stream.codec, stream.payload_type), (Codec::Opus, 111));
    assert_eq!((stream.telephone_event, stream.telephone_event_clock_hz), (Some(110), 48_000));
    assert_eq!((stream.ssrc, stream.rtcp_mux), (Some(0xdead_beef), true));
}

#[test]
fn chromiums_answer_is_agreed_with_though_it_says_nothing_of_where_it_is() {
    let addresses = ["192.0.2.1".parse().unwrap()];
    let ice = IceLite { ufrag: "ours", pwd: "of 22 characters or so", addresses: &addresses };
    let codecs = [Codec::Opus, Codec::Pcma, Codec::Pcmu];
    let security = Security::Mandatory(Keys::Dtls(&HASH));
    let mine = Ours { rtcp: Rtcp::Mux, ..ours(&codecs, security) };
    let offer = mine.offer_to_browser(ice);
    assert_eq!(offer.to_string().parse(), Ok(offer.clone()), "read back as it was printed");
    let settled = |answer: &str| offer.clone().settle(&read(answer));
    let stream = settled(CHROMIUM_ANSWER).unwrap();
    assert!(stream.ice && stream.rtcp_mux && stream.rtcp == stream.remote);
    assert_eq!((stream.codec, stream.payload_type, stream.direction), (Codec::Opus, 96, Direction::SendRecv));
    assert_eq!((stream.telephone_event, stream.telephone_event_clock_hz), (Some(102), 48_000));
    assert!(matches!(stream.srtp, StreamSecurity::Dtls { fingerprint: [0xEA, ..], role: DtlsRole::Server }));
    // A name in the place of an address, and candidates that are names: none is looked up.
    let named = CHROMIUM_ANSWER.replace("c=IN IP4 0.0.0.0\n", "c=IN IP4 2e5c5d3c.local\n")
        + "a=candidate:1 1 udp 2122260223 2e5c5d3c.local 54609 typ host generation 0\n";
    assert!(settled(&named).is_ok_and(|named| named.ice && named.direction == Direction::SendRecv));
    let held = settled(&CHROMIUM_ANSWER.replace("a=sendrecv", "a=inactive")).unwrap();
    assert_eq!(held.direction, Direction::Inactive, "but who holds says so");
    let without = |line: &str, instead: &str| settled(&CHROMIUM_ANSWER.replace(line, instead));
    assert_eq!(without("a=ice-ufrag:8WAn\n", ""), Err(MediaMismatch::NoIce));
    assert_eq!(without("a=fingerprint", "a=x"), Err(MediaMismatch::NoKey));
}

/// What they answered on this machine to an offer of PCMA with this key, tag 1, or without any: the lines
/// that matter, and the key's first bytes.
#[test]
fn answers_of_both_come_to_what_they_meant() {
    let mine = [key(SrtpSuite::AesCm128HmacSha1_80)];
    let crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:svWqFrBMyFrztcV6rJMBU2zeuaeuKT8C4Xwz8UYt\n";
    let sdes = Keys::Sdes(&mine);
    for (security, protocol, line, secure) in [
        // baresip without a module for SRTP, pjsua2 with srtpUse=0.
        (Security::Optional(sdes), "RTP/AVP", "", false),
        // baresip with mediaenc=srtp, pjsua2 with srtpUse=1.
        (Security::Optional(sdes), "RTP/AVP", crypto, true),
        (Security::Mandatory(sdes), "RTP/SAVP", crypto, true),
        // baresip with mediaenc=srtp puts its key into an answer to plain RTP too.
        (Security::Off, "RTP/AVP", crypto, false),
        (Security::Optional(Keys::Dtls(&HASH)), "RTP/AVP", crypto, false),
    ] {
        let answer = format!(
            "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 21072 {protocol} 8 101\n\
            a=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\n{line}"
        );
        let offer = ours(&[Codec::Pcma], security).offer();
        let stream = agree(&offer, &read(&answer)).unwrap();
        assert_eq!(matches!(stream.srtp, StreamSecurity::Sdes { .. }), secure, "{security:?} {line}");
    }
}
