//! A leg whose keys a handshake is to bring: until they are there nothing goes out, and what is to be said
//! waits, so that its beginning is not lost; then all of it goes out locked.
#![allow(clippy::unwrap_used)]

use std::{net::UdpSocket, sync::Arc, time::Duration};

use crossbeam_channel::unbounded;
use waihu_audio::{energy::level_dbov, g711::Law};
use waihu_media::{Codec, Media, MediaConfig, MediaEvent, PlaybackId, Remote, Security, Taps};
use waihu_rtp::Packet;
use waihu_srtp::Unlock;
use waihu_types::{SrtpKey, SrtpSuite};

const PATIENCE: Duration = Duration::from_secs(30);

fn key(first: u8) -> SrtpKey {
    let keying: Vec<u8> = (first..first + 30).collect();
    SrtpKey::new(SrtpSuite::AesCm128HmacSha1_80, &keying).unwrap()
}

#[test]
fn nothing_is_sent_and_nothing_lost_before_the_keys_are_there() {
    let here = "127.0.0.1".parse().unwrap();
    let media = Media::spawn(MediaConfig::new(here, 45_100..=45_120, PATIENCE)).unwrap();
    let far = UdpSocket::bind("127.0.0.1:0").unwrap();
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    let (tell, events) = unbounded();
    let (clock, ticks) = unbounded();
    let taps = Taps { heard: None, stereo: None, events: Box::new(move |_, e| drop(tell.send(e))) };
    let leg = media.open(taps).unwrap();
    // A leg that is heard all the time tells how time goes on.
    let heard = Box::new(move |_: &waihu_media::Heard<'_>| clock.send(()).is_ok());
    let beside = media
        .open_beside(leg.slot, Taps { heard: Some(heard), stereo: None, events: Box::new(|_, _| ()) })
        .unwrap();
    media.start(beside.slot, Remote::plain(beside.rtp, Codec::Pcma, 8));

    let at = far.local_addr().unwrap();
    media.start(leg.slot, Remote { security: Security::Awaited, ..Remote::plain(at, Codec::Pcma, 8) });
    // Half a second of sound, then silence.
    let said: Arc<[i16]> = (0..4_000).map(|n| if n % 2 == 0 { 8_000 } else { -8_000 }).collect();
    media.play(leg.slot, PlaybackId(1), said);
    (0..50).for_each(|_| ticks.recv_timeout(PATIENCE).unwrap());
    far.set_nonblocking(true).unwrap();
    assert!(far.recv(&mut [0; 2_000]).is_err(), "a second has gone by, and nothing may have been sent");
    far.set_nonblocking(false).unwrap();
    assert!(events.try_iter().next().is_none(), "nor has the clip begun");

    media.keys(leg.slot, key(1), key(101));
    let mut unlock = Unlock::new(&key(1)).unwrap();
    let mut loud = 0;
    for n in 0..30 {
        let mut datagram = [0; 2_000];
        let len = far.recv(&mut datagram).unwrap();
        let len = unlock.rtp(&mut datagram[..len]).unwrap();
        let packet = Packet::parse(&datagram[..len]).unwrap();
        let mut frame = [0; 160];
        Law::A.decode_into(packet.payload, &mut frame);
        let sounds = level_dbov(&frame) > -30.0;
        assert!(n > 0 || sounds, "the clip begins with the first packet");
        loud += usize::from(sounds);
    }
    assert_eq!(loud, 25, "all of the clip was sent");
    assert!(events.iter().any(|e| matches!(e, MediaEvent::PlaybackDone { .. })));
}
