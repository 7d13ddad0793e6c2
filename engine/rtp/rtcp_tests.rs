//! RTCP beside `rtc-rtcp`, and two sessions that talk to each other in virtual time.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use rtc_rtcp::{
    goodbye::Goodbye as TheirGoodbye,
    packet::Packet as TheirPacket,
    receiver_report::ReceiverReport,
    reception_report::ReceptionReport,
    sender_report::SenderReport,
    source_description::{SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem},
};
use waihu_types::Time;

use super::*;
use crate::SourceState;

fn block() -> impl Strategy<Value = ReportBlock> {
    (any::<[u32; 5]>(), any::<u8>(), -(1 << 23)..1 << 23).prop_map(|(w, fraction_lost, cumulative_lost)| {
        ReportBlock {
            ssrc: w[0],
            fraction_lost,
            cumulative_lost,
            extended_highest: w[1],
            jitter: w[2],
            last_sr: w[3],
            delay_since_last_sr: w[4],
        }
    })
}

fn sender() -> impl Strategy<Value = SenderInfo> {
    (any::<u64>(), any::<[u32; 3]>()).prop_map(|(ntp, w)| SenderInfo {
        ntp,
        rtp_timestamp: w[0],
        packets: w[1],
        octets: w[2],
    })
}

fn theirs(b: &ReportBlock) -> ReceptionReport {
    ReceptionReport {
        ssrc: b.ssrc,
        fraction_lost: b.fraction_lost,
        // They keep the 24 bits without a sign.
        total_lost: b.cumulative_lost.cast_unsigned() & 0xFF_FFFF,
        last_sequence_number: b.extended_highest,
        jitter: b.jitter,
        last_sender_report: b.last_sr,
        delay: b.delay_since_last_sr,
    }
}

fn their_packets(
    ssrc: u32,
    s: Option<&SenderInfo>,
    blocks: &[ReportBlock],
    cname: &[u8],
    reason: Option<&[u8]>,
) -> Vec<Box<dyn TheirPacket>> {
    let reports = blocks.iter().map(theirs).collect();
    let report: Box<dyn TheirPacket> = match s {
        Some(s) => Box::new(SenderReport {
            ssrc,
            ntp_time: s.ntp,
            rtp_time: s.rtp_timestamp,
            packet_count: s.packets,
            octet_count: s.octets,
            reports,
            profile_extensions: Bytes::new(),
        }),
        None => Box::new(ReceiverReport { ssrc, reports, profile_extensions: Bytes::new() }),
    };
    let item = SourceDescriptionItem { sdes_type: SdesType::SdesCname, text: Bytes::copy_from_slice(cname) };
    let chunk = SourceDescriptionChunk { source: ssrc, items: vec![item] };
    let mut packets = vec![report, Box::new(SourceDescription { chunks: vec![chunk] })];
    if let Some(reason) = reason {
        let reason = Bytes::copy_from_slice(reason);
        packets.push(Box::new(TheirGoodbye { sources: vec![ssrc], reason }));
    }
    packets
}

proptest! {
    #[test]
    fn what_is_written_rtc_rtcp_reads_and_what_it_writes_is_read(
        ssrc: u32, s in proptest::option::of(sender()), blocks in proptest::collection::vec(block(), 0..32),
        cname in proptest::collection::vec(1_u8..128, 0..=255),
        reason in proptest::option::of(proptest::collection::vec(1_u8..128, 1..=255)),
    ) {
        let mut buffer = vec![0xEE; 2_000];
        let mut w = Writer::new(&mut buffer);
        w.report(ssrc, s.as_ref(), &blocks).unwrap().cname(ssrc, &cname).unwrap();
        if let Some(reason) = &reason {
            w.goodbye(ssrc, reason).unwrap();
        }
        let len = w.len();
        let want = their_packets(ssrc, s.as_ref(), &blocks, &cname, reason.as_deref());
        let read = rtc_rtcp::packet::unmarshal(&mut &buffer[..len]).unwrap();
        assert!(read.len() == want.len() && read.iter().zip(&want).all(|(a, b)| a.equal(&**b)), "{read:?}");

        let bytes = rtc_rtcp::packet::marshal(&want).unwrap();
        let mut packets = Compound::parse(&bytes, Form::Compound).unwrap().packets();
        match (packets.next().unwrap(), &s) {
            (Rtcp::SenderReport { ssrc: from, sender, blocks: b }, Some(s)) => {
                assert_eq!((from, sender), (ssrc, *s));
                assert_eq!(b.collect::<Vec<_>>(), blocks);
            }
            (Rtcp::ReceiverReport { ssrc: from, blocks: b }, None) => {
                assert_eq!(from, ssrc);
                assert_eq!(b.collect::<Vec<_>>(), blocks);
            }
            (other, _) => panic!("{other:?}"),
        }
        let Some(Rtcp::SourceDescription(mut chunks)) = packets.next() else { panic!("no description") };
        assert_eq!(chunks.next(), Some(Chunk { ssrc, cname: Some(&cname) }));
        assert!(chunks.next().is_none());
        match (packets.next(), &reason) {
            (Some(Rtcp::Goodbye(g)), Some(reason)) => {
                assert_eq!(g.sources().collect::<Vec<_>>(), [ssrc]);
                assert_eq!(g.reason(), Some(&reason[..]));
            }
            (None, None) => {}
            (other, _) => panic!("{other:?}"),
        }
        assert!(packets.next().is_none());
    }

    #[test]
    fn no_bytes_make_the_reader_or_the_session_fall(mut bytes: Vec<u8>, tame: bool, at: u64) {
        if tame {
            // Headers that fit, so that the bodies are read.
            for (n, word) in bytes.chunks_exact_mut(4).enumerate().filter(|(n, _)| n % 5 == 0) {
                word[0] = 0x80 | word[0] & 0x1F;
                word[1] = 200 + (n as u8 / 5).wrapping_add(word[1]) % 5;
                word[2..].copy_from_slice(&[0, 4]);
            }
            bytes.truncate(bytes.len() / 20 * 20);
        }
        for form in [Form::Compound, Form::ReducedSize] {
            if let Ok(compound) = Compound::parse(&bytes, form) {
                assert!(format!("{compound:?}").len() < 100);
                for packet in compound.packets() {
                    match packet {
                        Rtcp::SenderReport { blocks, .. } | Rtcp::ReceiverReport { blocks, .. } => {
                            assert!(blocks.count() < 32);
                        }
                        Rtcp::SourceDescription(chunks) => assert!(chunks.count() < 32),
                        Rtcp::Goodbye(g) => assert!(g.sources().count() < 32),
                        Rtcp::Other { .. } => {}
                    }
                }
            }
            let mut session = RtcpSession::new(Time::ZERO, 1, b"a", 8_000, at);
            let _ = session.handle(Time::from_micros(at), &bytes, form, Some(1));
        }
    }
}

#[test]
fn a_datagram_is_checked_as_the_rfc_says() {
    let parse = |bytes: &[u8]| Compound::parse(bytes, Form::Compound).map(|c| c.packets().count());
    let report = [0x80, 201, 0, 1, 0, 0, 0, 7];
    assert_eq!(parse(&report), Ok(1));
    assert_eq!(parse(&[]), Err(RtcpError::Short(0)));
    assert_eq!(parse(&report[..7]), Err(RtcpError::Short(7)));
    assert_eq!(parse(&[&report[..], &[0x80, 203]].concat()), Err(RtcpError::Short(2)));
    assert_eq!(parse(&[0x40, 201, 0, 0]), Err(RtcpError::Version(1)));
    assert_eq!(parse(&[&report[..], &[0x00, 203, 0, 0]].concat()), Err(RtcpError::Version(0)));
    // Padding: in the last packet only, and within it.
    let padded = [0xA0, 201, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4];
    assert_eq!(parse(&padded), Ok(1));
    assert_eq!(parse(&[&padded[..], &report[..]].concat()), Err(RtcpError::Padding));
    for wrong in [0, 9, 12, 255] {
        let mut padded = padded;
        padded[11] = wrong;
        assert_eq!(parse(&padded), Err(RtcpError::Padding), "{wrong}");
    }
    // A goodbye alone is of reduced size.
    let bye = [0x81, 203, 0, 1, 0, 0, 0, 7];
    assert_eq!(parse(&bye), Err(RtcpError::FirstType(203)));
    assert_eq!(Compound::parse(&bye, Form::ReducedSize).unwrap().packets().count(), 1);
    assert_eq!(Compound::parse(&[0x80, 8, 0, 0], Form::ReducedSize), Err(RtcpError::FirstType(8)));
    assert!(is_rtcp(&bye) && !is_rtcp(&[0x80, 8]) && !is_rtcp(&[0x80]));
}

#[test]
fn packets_that_hold_less_than_they_say_or_are_unknown_are_passed_over() {
    let mut bytes = vec![0x85, 201, 0, 1, 0, 0, 0, 7]; // five blocks, none there
    bytes.extend([0x80, 204, 0, 2, 0, 0, 0, 7, b'n', b'a', b'm', b'e']); // APP
    bytes.extend([0x80, 207, 0, 1, 0, 0, 0, 7]); // XR
    bytes.extend([0x83, 203, 0, 1, 0, 0, 0, 7]); // three sources, one there
    bytes.extend([0x82, 202, 0, 3, 0, 0, 0, 7, 2, 1, b'x', 1, 1, b'y', 0, 0]); // one chunk of two
    bytes.extend([0x81, 203, 0, 2, 0, 0, 0, 7, 9, b'n', b'o', b't']); // reason cut short
    let kinds: Vec<_> = Compound::parse(&bytes, Form::Compound)
        .unwrap()
        .packets()
        .map(|p| match p {
            Rtcp::Other { packet_type } => u32::from(packet_type),
            Rtcp::SourceDescription(chunks) => {
                let all: Vec<_> = chunks.collect();
                assert_eq!(all, [Chunk { ssrc: 7, cname: Some(b"y") }]);
                0
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, [201, 204, 207, 203, 0, 203]);
}

const NTP_AT_ZERO: u64 = 3_900_000_000 << 32;

/// The wall clock at a moment of the tests.
fn ntp(at: Time) -> u64 {
    NTP_AT_ZERO + ((u128::from(at.as_micros()) << 32) / 1_000_000) as u64
}

/// One end of a call: sends sound each 20 ms, and reports.
struct End {
    session: RtcpSession,
    source: SourceState,
    sends: bool,
    ssrc: u32,
    reports: Vec<(Time, Vec<u8>)>,
}

impl End {
    fn new(ssrc: u32, sends: bool, dice: u64) -> Self {
        let session = RtcpSession::new(Time::ZERO, ssrc, b"x7f3", 8_000, dice);
        Self { session, source: SourceState::new(), sends, ssrc, reports: vec![] }
    }

    fn due(&mut self, now: Time) -> Option<Vec<u8>> {
        let mut buffer = [0; MAX_REPORT];
        let n = self.session.poll_report(now, ntp(now), &mut self.source, &mut buffer)?;
        self.reports.push((now, buffer[..n].to_vec()));
        Some(buffer[..n].to_vec())
    }
}

/// A call in steps of 10 ms: sound and reports take `one_way`, every `lost`th packet to b is lost.
fn call(a: &mut End, b: &mut End, one_way: Duration, lost: u64, seconds: u64) {
    let mut under_way: Vec<(Time, bool, Vec<u8>)> = vec![];
    for n in 0..seconds * 100 {
        let now = Time::from_millis(n * 10);
        for (end, to_b) in [(&mut *a, true), (&mut *b, false)] {
            if end.sends && n % 2 == 0 {
                let timestamp = n as u32 * 80;
                end.session.sent(now, timestamp, 160);
                if !to_b || lost == 0 || (n / 2) % lost != lost - 1 {
                    let packet = crate::Packet {
                        payload_type: 8,
                        marker: false,
                        sequence: (n / 2) as u16,
                        timestamp,
                        ssrc: end.ssrc,
                        payload: &[1; 160],
                    };
                    let mut bytes = vec![0; 172];
                    crate::write_packet(&packet, &mut bytes).unwrap();
                    under_way.push((now + one_way, to_b, bytes));
                }
            }
            if let Some(report) = end.due(now) {
                under_way.push((now + one_way, to_b, report));
            }
        }
        under_way.retain(|(at, to_b, bytes)| {
            if *at > now {
                return true;
            }
            let end = if *to_b { &mut *b } else { &mut *a };
            if is_rtcp(bytes) {
                end.session.handle(now, bytes, Form::Compound, end.source.ssrc()).unwrap();
            } else {
                let p = crate::Packet::parse(bytes).unwrap();
                end.source.arrived(p.ssrc, p.sequence);
                end.source.timed(now, p.timestamp, 8_000);
            }
            false
        });
    }
}

#[test]
fn two_ends_learn_loss_and_round_trip_from_each_other() {
    for one_way_ms in [0, 10, 150, 900] {
        let (mut a, mut b) = (End::new(1, true, 3), End::new(2, true, 4));
        call(&mut a, &mut b, Duration::from_millis(one_way_ms), 10, 40);
        let far = a.session.far_report().unwrap();
        assert!((24..=28).contains(&far.fraction_lost), "a tenth: {far:?}");
        assert!((150..=200).contains(&far.cumulative_lost) && far.jitter == 0, "{far:?}");
        assert_eq!(b.session.far_report().map(|f| f.fraction_lost), Some(0));
        for end in [&a, &b] {
            let round_trip = end.session.round_trip().unwrap();
            let off = round_trip.abs_diff(Duration::from_millis(2 * one_way_ms));
            assert!(off < Duration::from_millis(1), "{round_trip:?} of {one_way_ms}");
        }
    }
}

#[test]
fn reports_come_in_the_rfcs_time_and_the_first_after_half() {
    let mut firsts = vec![];
    for dice in 1..200_u64 {
        let (mut a, mut b) = (End::new(1, true, dice << 32), End::new(2, false, dice << 40));
        call(&mut a, &mut b, Duration::ZERO, 0, 30);
        let times: Vec<_> = a.reports.iter().map(|r| r.0.as_millis()).collect();
        firsts.push(times[0]);
        assert!((1_026..=3_090).contains(&times[0]), "{times:?}");
        for pair in times.windows(2) {
            assert!((2_052..=6_170).contains(&(pair[1] - pair[0])), "{times:?}");
        }
    }
    firsts.sort_unstable();
    firsts.dedup();
    assert!(firsts.len() > 50, "they are spread: {firsts:?}");
}

#[test]
fn who_sends_reports_as_a_sender_and_the_clocks_agree() {
    let (mut a, mut b) = (End::new(1, true, 7), End::new(2, false, 8));
    call(&mut a, &mut b, Duration::from_millis(30), 0, 60);
    for (at, bytes) in &a.reports {
        let Some(Rtcp::SenderReport { ssrc, sender, blocks }) =
            Compound::parse(bytes, Form::Compound).unwrap().packets().next()
        else {
            panic!("no sender report");
        };
        assert_eq!((ssrc, sender.ntp, blocks.count()), (1, ntp(*at), 0));
        assert_eq!(u64::from(sender.rtp_timestamp), at.as_millis() * 8, "extrapolated to the moment");
        assert_eq!(u64::from(sender.packets), at.as_millis() / 20 + 1);
        assert_eq!(sender.octets, sender.packets * 160);
    }
    for (_, bytes) in &b.reports {
        let first = Compound::parse(bytes, Form::Compound).unwrap().packets().next();
        assert!(matches!(first, Some(Rtcp::ReceiverReport { ssrc: 2, .. })));
    }
    assert!(a.session.round_trip().is_some() && b.session.round_trip().is_none());
    // Two reports after the last packet it is a sender no more.
    a.sends = false;
    let mut senders = vec![];
    for s in 60..90 {
        if let Some(bytes) = a.due(Time::from_millis(s * 1_000)) {
            let first = Compound::parse(&bytes, Form::Compound).unwrap().packets().next();
            senders.push(matches!(first, Some(Rtcp::SenderReport { .. })));
        }
    }
    assert_eq!(senders[..4], [true, true, false, false]);
}

#[test]
fn a_goodbye_ends_it_and_is_only_that_of_the_source_heard() {
    let (mut a, mut b) = (End::new(1, true, 7), End::new(2, true, 8));
    call(&mut a, &mut b, Duration::from_millis(30), 0, 10);
    let now = Time::from_millis(10_000);
    let mut buffer = [0; MAX_REPORT];
    let n = a.session.goodbye(now, ntp(now), &mut a.source, "over", &mut buffer).unwrap();
    assert_eq!((a.session.poll_timeout(), a.due(now + Duration::from_secs(60))), (None, None));
    assert_eq!(a.session.goodbye(now, ntp(now), &mut a.source, "", &mut buffer), None);
    assert!(rtc_rtcp::packet::unmarshal(&mut &buffer[..n]).is_ok());
    let mut said = |source| b.session.handle(now, &buffer[..n], Form::Compound, source).unwrap();
    assert!(said(Some(1)).goodbye && said(None).goodbye && !said(Some(9)).goodbye);
    let mut silent = End::new(3, false, 1);
    assert_eq!(silent.session.goodbye(now, 0, &mut silent.source, "", &mut buffer), None, "never shown");
}

#[test]
fn reports_under_our_own_number_are_told_and_teach_nothing() {
    let mut a = End::new(1, true, 7);
    let mut buffer = [0; MAX_REPORT];
    let mut w = Writer::new(&mut buffer);
    let block = ReportBlock { ssrc: 1, fraction_lost: 99, ..ReportBlock::default() };
    let n = w.report(1, Some(&SenderInfo::default()), &[block]).unwrap().len();
    let got = a.session.handle(Time::ZERO, &buffer[..n], Form::Compound, None).unwrap();
    assert_eq!(got, Received { collision: true, ..Received::default() });
    assert_eq!(a.session.far_report(), None);
    a.session.set_ssrc(5);
    let got = a.session.handle(Time::ZERO, &buffer[..n], Form::Compound, None).unwrap();
    assert_eq!(got, Received::default(), "the other has that number now, and says nothing of us");
}

#[test]
fn a_lying_delay_makes_no_negative_and_no_endless_round_trip() {
    let mut a = End::new(1, true, 7);
    let (mut sent, mut now) = (None, Time::ZERO);
    while sent.is_none() {
        now = now + Duration::from_millis(20);
        a.session.sent(now, 0, 160);
        sent = a.due(now);
    }
    let answer = |last_sr, delay_since_last_sr| {
        let mut buffer = [0; MAX_REPORT];
        let block = ReportBlock { ssrc: 1, last_sr, delay_since_last_sr, ..ReportBlock::default() };
        let n = Writer::new(&mut buffer).report(2, None, &[block]).unwrap().len();
        buffer[..n].to_vec()
    };
    let middle = (ntp(now) >> 16) as u32;
    let later = now + Duration::from_millis(500);
    let mut hear = |at, bytes: Vec<u8>| {
        a.session.handle(at, &bytes, Form::Compound, None).unwrap();
        a.session.round_trip()
    };
    assert_eq!(hear(later, answer(middle + 1, 0)), None, "no report of ours");
    assert_eq!(hear(later, answer(0, 0)), None, "it has heard none");
    assert_eq!(hear(now + Duration::from_secs(3_000), answer(middle, 0)), None);
    assert_eq!(hear(later, answer(middle, 32_768 / 2)), Some(Duration::from_millis(250)));
    assert_eq!(hear(later, answer(middle, u32::MAX)), Some(Duration::ZERO));
}

#[test]
fn what_does_not_fit_is_not_written() {
    let mut small = [0; 40];
    let mut w = Writer::new(&mut small);
    assert!(w.is_empty() && w.report(1, None, &[ReportBlock::default()]).is_some());
    assert_eq!(w.len(), 32);
    assert!(w.cname(1, b"longer").is_none() && w.report(1, None, &[ReportBlock::default(); 32]).is_none());
    assert_eq!(w.len(), 32);
    let mut buffer = [0; MAX_REPORT];
    let long = [b'n'; 300];
    let mut w = Writer::new(&mut buffer);
    let full = w.report(1, Some(&SenderInfo::default()), &[ReportBlock::default()]).unwrap();
    assert!(full.cname(1, &long).unwrap().goodbye(1, &long).is_some(), "the longest report fits");
}
