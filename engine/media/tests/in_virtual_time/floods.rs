//! More datagrams than sound, at one call's port.

use super::{thread::Thread, *};

/// Whether the system keeps a tick of the flood for one socket: where others have used up its memory for
/// UDP, it keeps a handful, and what is lost then never came to us.
fn holds_a_tick() -> bool {
    let [near, far] = [(); 2].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let at = near.local_addr().unwrap();
    near.set_nonblocking(true).unwrap();
    (0..220).for_each(|_| assert!(far.send_to(&[0; 300], at).is_ok()));
    (0..220).all(|_| near.recv(&mut [0; 512]).is_ok())
}

#[test]
fn a_flood_of_ten_thousand_a_second_at_one_port_costs_neither_that_call_nor_another() {
    if !holds_a_tick() {
        println!("the system has no memory for a flood: not tried");
        return;
    }
    let mut thread = Thread::new(false);
    let [[victim, a], [other, b]] = [(); 2].map(|()| thread.pair(Codec::Pcma));
    thread.run(200);
    for far in [a, b] {
        thread.hums(far, 1_000.0, 3_000, -12.0);
    }
    let at = thread.address(victim);
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut forger = FarEnd { ssrc: SSRC, ..FarEnd::new(Codec::Pcma) };
    let mut sent = 0;
    thread.run_with(3_000, |_| {
        for n in 0..10 {
            let bytes = if n % 2 == 0 { vec![0xFF; 300] } else { forger.says(&[20_000; 160]) };
            sent += u64::from(stranger.send_to(&bytes, at).is_ok());
        }
    });
    thread.run(200);
    let ended = thread.end();
    assert_eq!(sent, 30_000);
    let stats = ended[victim].stats.as_ref().unwrap();
    assert_eq!((stats.discarded, stats.lost), (30_000, 0), "{stats:?}");
    for leg in [victim, other] {
        for ms in [500, 1_500, 2_500] {
            let [heard] = ended[leg].hears(ms, [1_000.0]);
            assert!(heard > 0.34, "leg {leg} at {ms} ms: {heard}");
        }
        let loud = ended[leg].heard.chunks(160).filter(|f| level_dbov(f) > -45.0).count();
        assert!(loud.abs_diff(150) <= 2, "leg {leg}: {loud} frames of 150");
    }
}
