//! One port for all slots of a thread.

use super::{thread::Thread, *};

#[test]
fn streams_of_one_address_are_told_apart_by_their_sources_and_strangers_are_counted() {
    // Four slots behind one port: all far ends have the same address.
    let mut thread = Thread::new(true);
    let [[a, far_a], [b, far_b]] = [Codec::Pcma, Codec::Opus].map(|codec| thread.pair(codec));
    thread.hums(far_a, 500.0, 3_000, -12.0);
    thread.hums(far_b, 900.0, 3_000, -12.0);
    let (at, stranger) = (thread.address(a), UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let mut forger = FarEnd { ssrc: SSRC + 1, ..FarEnd::new(Codec::Pcma) };
    thread.run_with(3_000, |n| {
        if n % 10 == 0 {
            let bytes = forger.says(&[20_000; 160]);
            assert!(stranger.send_to(&bytes, at).is_ok());
        }
    });
    assert_eq!(thread.load().strangers, 300);
    let ended = thread.end();
    let tones = [500.0, 900.0];
    let ([own, other], [other_b, own_b]) = (ended[a].hears(1_000, tones), ended[b].hears(1_000, tones));
    assert!(own > 0.3 && own_b > 0.3 && other < 0.01 && other_b < 0.01, "{own} {other}, {other_b} {own_b}");
    for e in &ended {
        assert_eq!(e.stats.as_ref().unwrap().discarded, 0, "{:?}", e.stats);
    }
}

#[test]
fn reports_from_a_port_beside_the_shared_one_find_their_slot() {
    let mut thread = Thread::new(true);
    let local = || {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        (socket.local_addr().unwrap(), socket)
    };
    let ((rtp, sound), (rtcp, reports)) = (local(), local());
    let leg = thread.open(Codec::Pcma);
    thread.start(leg, Remote { rtcp: Some(rtcp), ..Remote::plain(rtp, Codec::Pcma, 8) });
    let at = thread.address(leg);
    let mut far = FarEnd::new(Codec::Pcma);
    assert!(sound.send_to(&far.says(&[0; 160]), at).is_ok());
    thread.run(20);
    let mut bye = vec![0x80, 201, 0, 1];
    bye.extend(9_u32.to_be_bytes());
    bye.extend([0x81, 203, 0, 1]);
    bye.extend(9_u32.to_be_bytes());
    assert!(reports.send_to(&bye, at).is_ok());
    thread.run(20);
    assert_eq!(thread.load().strangers, 0);
    assert!(thread.end()[leg].bye);
}
