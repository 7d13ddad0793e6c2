//! RTCP between two slots: what each comes to know of the other.

use super::*;
use crate::{
    remote::Security,
    wire::{Clocks, Single},
};
use waihu_types::{SrtpKey, SrtpSuite};

/// Twenty seconds of two slots; each tenth packet of the first is lost, and the way takes so long.
fn after_twenty_seconds(security: [Security; 2], way: Duration) -> [Recorded; 2] {
    let mut rigs = [(SSRC, security[0]), (SSRC + 1, security[1])].map(|(ssrc, security)| {
        let change = |r: Remote| Remote { rtcp: Some(r.address), security, ..r };
        Rig::unbegun(Codec::Pcma, ssrc, None, change).begun()
    });
    let mut count = 0;
    for n in 0..1_000 {
        for (from, to) in [(0, 1), (1, 0)] {
            rigs[from].tick();
            if n == 990 && from == 0 {
                let (slot, voice) = (&mut rigs[0].slot, &rigs[0].voice);
                slot.say_goodbye(BEGIN + TICK * 991, voice);
            }
            let at = rigs[from].now + way;
            for bytes in std::mem::take(&mut rigs[from].sent) {
                count += usize::from(from == 0);
                if from == 1 || count % 10 != 5 || waihu_rtp::rtcp::is_rtcp(&bytes) {
                    rigs[to].comes(at, bytes);
                }
            }
        }
    }
    rigs.map(Rig::end)
}

#[test]
fn both_know_the_round_trip_what_the_other_lost_and_that_it_has_left() {
    let suite = SrtpSuite::AesCm128HmacSha1_80;
    let key = |n| SrtpKey::new(suite, &[n; 30]).unwrap();
    let locked = [(1, 2), (2, 1)].map(|(a, b)| Security::Srtp { ours: key(a), theirs: key(b) });
    for security in [[Security::Plain; 2], locked] {
        let [a, b] = after_twenty_seconds(security, Duration::from_millis(45));
        let [qa, qb] = [&a, &b].map(|r| r.stats.quality.unwrap());
        for q in [qa, qb] {
            let round_trip = q.round_trip_ms.unwrap();
            assert!((80.0..=130.0).contains(&round_trip), "{round_trip} ms there and back");
        }
        let [lost, none] = [qa, qb].map(|q| q.far_loss.unwrap());
        assert!((0.07..=0.13).contains(&lost) && none == 0.0, "{lost} and {none}");
        let left = |r: &Recorded| r.events.iter().filter(|e| **e == MediaEvent::Bye).count();
        assert_eq!((left(&a), left(&b)), (0, 1));
        assert_eq!((a.stats.discarded, b.stats.discarded), (0, 0));
    }
}

#[test]
fn reports_have_a_port_of_their_own_where_the_description_says_so() {
    let local = || {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let at = socket.local_addr().unwrap();
        (socket, at)
    };
    // RFC 3605: any port at all.
    let ((above, above_at), (ours, ours_at)) = (local(), local());
    let mut rig =
        Rig::unbegun(Codec::Pcma, SSRC, Some(ours), |r| Remote { rtcp: Some(above_at), ..r }).begun();
    let mut far = FarEnd::new(Codec::Pcma);
    far.says_all(&mut rig, BEGIN, &[0; 160 * 500], 20);
    rig.run(10_000);
    assert!(rig.sent.iter().all(|p| !waihu_rtp::rtcp::is_rtcp(p)), "none among the sound");
    let mut bytes = [0; 600];
    let len = above.recv(&mut bytes).unwrap();
    assert!(waihu_rtp::rtcp::is_rtcp(&bytes[..len]));
    // The far end's goodbye, and what is none.
    let mut bye = vec![0x80, 201, 0, 1];
    bye.extend(9_u32.to_be_bytes());
    bye.extend([0x81, 203, 0, 1]);
    bye.extend(9_u32.to_be_bytes());
    for bytes in [&bye[..], b"nothing"] {
        above.send_to(bytes, ours_at).unwrap();
    }
    rig.slot.receive(Clocks::at(rig.now), &mut Single::new(), &mut 0, true, true);
    let recorded = rig.end();
    assert_eq!(recorded.events.iter().filter(|e| **e == MediaEvent::Bye).count(), 1);
    assert_eq!(recorded.stats.discarded, 1);
}
