use super::*;

const BOTH: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

fn here() -> SocketAddr {
    "192.0.2.1:4000".parse().unwrap()
}

fn there() -> SocketAddr {
    "192.0.2.2:5000".parse().unwrap()
}

#[test]
fn an_offer_is_answered_with_its_first_codec_that_we_speak() {
    let offer = SessionDescription::offer(here(), &[Codec::Pcmu, Codec::Pcma]);
    let answer = SessionDescription::answer(&offer, there(), &BOTH).unwrap();
    let audio = answer.to_string().parse::<SessionDescription>().unwrap().audio().unwrap();
    assert_eq!((audio.remote, audio.codec, audio.payload_type), (there(), Codec::Pcmu, 0));
    assert_eq!((audio.telephone_event, audio.ptime_ms), (Some(101), 20));
    assert_eq!(answer.media[0].formats, ["0", "101"]);
}

#[test]
fn every_other_section_is_refused_in_its_place() {
    let mut offer = SessionDescription::offer(here(), &BOTH);
    let video = Media { kind: "video".to_owned(), formats: vec!["31".to_owned()], ..offer.media[0].clone() };
    offer.media.insert(0, video);
    let answer = SessionDescription::answer(&offer, there(), &BOTH).unwrap();
    let ports: Vec<_> = answer.media.iter().map(|m| (m.kind.as_str(), m.port)).collect();
    assert_eq!(ports, [("video", 0), ("audio", 5000)]);
}

#[test]
fn dynamic_payload_types_are_followed_by_name() {
    let text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 18 97 96\r\na=rtpmap:18 G729/8000\r\na=rtpmap:97 pcma/8000\r\na=rtpmap:96 telephone-event/8000\r\n";
    let offer: SessionDescription = text.parse().unwrap();
    let audio = offer.audio().unwrap();
    assert_eq!((audio.codec, audio.payload_type, audio.telephone_event), (Codec::Pcma, 97, Some(96)));
    let answer = SessionDescription::answer(&offer, there(), &BOTH).unwrap();
    assert_eq!(answer.media[0].formats, ["97", "96"]);
    assert_eq!(
        SessionDescription::answer(&offer, there(), &[Codec::Pcmu]),
        Err(MediaMismatch::NoCommonCodec)
    );
}

#[test]
fn hold_is_answered_turned_round_with_a_new_version() {
    let local = SessionDescription::offer(here(), &BOTH);
    for (theirs, ours) in [
        (Direction::SendOnly, Direction::RecvOnly),
        (Direction::RecvOnly, Direction::SendOnly),
        (Direction::Inactive, Direction::Inactive),
        (Direction::SendRecv, Direction::SendRecv),
    ] {
        let mut offer = SessionDescription::offer(there(), &[Codec::Pcma]);
        offer.media[0].direction = Some(theirs);
        let answer = local.answer_again(&offer).unwrap();
        assert_eq!(answer.media[0].direction, Some(ours));
        assert_eq!((answer.origin.version, answer.audio().unwrap().remote), (2, here()));
    }
    let mut old = SessionDescription::offer(there(), &BOTH);
    old.connection = Some("0.0.0.0".parse().unwrap());
    assert_eq!(old.audio().unwrap().direction, Direction::Inactive);
}

#[test]
fn a_description_without_usable_audio_says_why() {
    let mut offer = SessionDescription::offer(here(), &BOTH);
    offer.connection = None;
    assert_eq!(offer.audio(), Err(MediaMismatch::NoAddress));
    offer.media[0].protocol = "RTP/SAVPF".to_owned();
    assert_eq!(offer.audio(), Err(MediaMismatch::SrtpOff));
    offer.media[0].protocol = "udp".to_owned();
    assert_eq!(offer.audio(), Err(MediaMismatch::NoAudio));
}

const WIDE: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];

#[test]
fn an_offer_lists_our_codecs_in_our_order_with_the_standards_numbers() {
    let ours = Ours { comfort_noise: ComfortNoise::Offered, ..Ours::plain(here(), &WIDE) };
    let text = ours.offer().to_string();
    for line in [
        "m=audio 4000 RTP/AVP 96 9 8 0 13 101 102\r\n",
        "a=rtpmap:96 opus/48000/2\r\n",
        "a=fmtp:96 maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1\r\n",
        "a=rtpmap:9 G722/8000\r\n",
        "a=rtpmap:8 PCMA/8000\r\n",
        "a=rtpmap:13 CN/8000\r\n",
        "a=rtpmap:101 telephone-event/8000\r\n",
        "a=rtpmap:102 telephone-event/48000\r\n",
        "a=fmtp:102 0-15\r\n",
        "a=ptime:20\r\n",
    ] {
        assert!(text.contains(line), "{line} {text}");
    }
    let narrow = Ours::plain(here(), &BOTH).offer().to_string();
    assert!(narrow.contains("m=audio 4000 RTP/AVP 8 0 101\r\n"), "{narrow}");
}

#[test]
fn telephone_event_goes_by_the_codecs_clock_where_both_have_it() {
    for (codecs, events, number, clock) in [
        (&WIDE[..1], "97 98", 98, 48_000),
        (&WIDE[..1], "97", 97, 8_000),
        (&WIDE[1..], "97 98", 97, 8_000),
        (&WIDE[2..], "98 97", 97, 8_000),
    ] {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
            m=audio 5000 RTP/AVP 8 9 111 {events}\r\na=rtpmap:111 OPUS/48000/2\r\n\
            a=rtpmap:97 telephone-event/8000\r\na=rtpmap:98 telephone-event/48000\r\n"
        );
        let theirs: SessionDescription = text.parse().unwrap();
        let answer = Ours::plain(here(), codecs).answer(&theirs).unwrap();
        let stream = agree(&answer, &theirs).unwrap();
        assert_eq!((stream.telephone_event, stream.telephone_event_clock_hz), (Some(number), clock));
        assert_eq!(answer.media[0].formats.len(), 2, "one codec, one kind of event");
        // Where theirs is the answer, the same is found.
        let stream = agree(&Ours::plain(here(), codecs).offer(), &theirs).unwrap();
        assert_eq!((stream.telephone_event, stream.telephone_event_clock_hz), (Some(number), clock));
    }
    let none = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\nc=IN IP4 192.0.2.2\r\nm=audio 5000 RTP/AVP 0\r\n";
    let stream = none.parse::<SessionDescription>().unwrap().audio().unwrap();
    assert_eq!((stream.telephone_event, stream.receives.telephone_event), (None, None));
}

#[test]
fn each_side_sends_under_the_numbers_that_the_other_gave() {
    let offer = Ours { comfort_noise: ComfortNoise::Offered, ..Ours::plain(here(), &WIDE) }.offer();
    let text = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
        m=audio 5000 RTP/AVP 120 121\r\na=rtpmap:120 opus/48000/2\r\na=rtpmap:121 telephone-event/48000\r\n";
    let stream = agree(&offer, &text.parse().unwrap()).unwrap();
    assert_eq!((stream.codec, stream.payload_type, stream.telephone_event), (Codec::Opus, 120, Some(121)));
    let receives = PayloadTypes { codec: 96, telephone_event: Some(102), comfort_noise: None };
    assert_eq!(stream.receives, receives);
}

#[test]
fn comfort_noise_is_agreed_on_by_both_and_not_beside_opus() {
    let quiet = |codecs| Ours { comfort_noise: ComfortNoise::Offered, ..Ours::plain(here(), codecs) };
    for (codecs, noise) in [(&WIDE[..], None), (&WIDE[1..], Some(13)), (&WIDE[2..], Some(13))] {
        let offer = quiet(codecs).offer();
        let answer = quiet(&WIDE).answer(&offer).unwrap();
        assert_eq!(agree(&offer, &answer).unwrap().comfort_noise, noise);
        assert_eq!(agree(&answer, &offer).unwrap().receives.comfort_noise, noise);
        let without = Ours::plain(there(), &WIDE).answer(&offer).unwrap();
        assert_eq!(agree(&offer, &without).unwrap().comfort_noise, None);
    }
}

#[test]
fn rtcp_goes_where_both_sides_have_it() {
    let odd = SocketAddr::from(([192, 0, 2, 77], 4999));
    let of = |rtp, rtcp| Ours { rtcp, ..Ours::plain(rtp, &BOTH) };
    for (ours, theirs, muxed, where_to) in [
        (Rtcp::Above, Rtcp::Above, false, "192.0.2.2:5001"),
        (Rtcp::Above, Rtcp::MuxOrAbove, false, "192.0.2.2:5001"),
        (Rtcp::MuxOrAbove, Rtcp::Above, false, "192.0.2.2:5001"),
        (Rtcp::MuxOrAbove, Rtcp::MuxOrAbove, true, "192.0.2.2:5000"),
        (Rtcp::Mux, Rtcp::MuxOrAbove, true, "192.0.2.2:5000"),
        (Rtcp::Above, Rtcp::Mux, false, "192.0.2.2:5000"),
        (Rtcp::Mux, Rtcp::At(odd), false, "192.0.2.77:4999"),
        (Rtcp::Above, Rtcp::At("192.0.2.2:6000".parse().unwrap()), false, "192.0.2.2:6000"),
    ] {
        let offer: SessionDescription = of(here(), ours).offer().to_string().parse().unwrap();
        let answer = of(there(), theirs).answer(&offer).unwrap();
        let stream = agree(&offer, &answer.to_string().parse().unwrap()).unwrap();
        assert_eq!((stream.rtcp_mux, stream.rtcp), (muxed, where_to.parse().unwrap()), "{ours:?} {theirs:?}");
        let reversed: SessionDescription = of(there(), theirs).offer().to_string().parse().unwrap();
        let answer = of(here(), ours).answer(&reversed).unwrap();
        let stream = agree(&answer, &reversed).unwrap();
        assert_eq!((stream.rtcp_mux, stream.rtcp), (muxed, where_to.parse().unwrap()), "{ours:?} {theirs:?}");
        assert_eq!(answer.answer_again(&reversed).unwrap().media, answer.media, "{ours:?} {theirs:?}");
    }
}

#[test]
fn the_packet_time_is_one_that_the_far_end_takes() {
    for (lines, ms) in [
        ("", 20),
        ("a=ptime:30\r\n", 30),
        ("a=ptime:0\r\n", 20),
        ("a=ptime:60\r\na=maxptime:40\r\n", 40),
        ("a=maxptime:150\r\n", 20),
        ("a=maxptime:10\r\n", 10),
    ] {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\nc=IN IP4 192.0.2.2\r\nm=audio 5000 RTP/AVP 0\r\n{lines}"
        );
        assert_eq!(text.parse::<SessionDescription>().unwrap().audio().unwrap().ptime_ms, ms, "{lines}");
    }
}

#[test]
fn sessions_on_one_port_are_told_apart_by_their_source() {
    let of = |ssrc| Ours { source: Some((ssrc, "c@x")), ..Ours::plain(here(), &BOTH) }.offer();
    assert_ne!(of(1).origin.session_id, of(2).origin.session_id);
    assert_eq!(of(u32::MAX).to_string().parse::<SessionDescription>().unwrap(), of(u32::MAX));
    let stream = agree(&Ours::plain(there(), &BOTH).answer(&of(7)).unwrap(), &of(7)).unwrap();
    assert_eq!(stream.ssrc, Some(7));
}
