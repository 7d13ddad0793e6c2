//! A leg's sound by itself.

use std::net::Ipv4Addr;

use waihu_media::{Media, MediaConfig};
use waihu_srtp::Certificate;
use waihu_trunk::TrunkConfig;
use waihu_types::Codec;

use super::*;

/// Does something with a telephone's leg.
fn with_leg(act: impl FnOnce(&mut LegSound, Means<'_>)) {
    let least = "[trunk]\nproxy = \"192.0.2.1:5060\"\nfrom = \"sip:w@192.0.2.1\"\nbind = \"192.0.2.2:0\"\n";
    let trunk = TrunkConfig::parse(least, "t.toml").unwrap();
    let config = MediaConfig::new(Ipv4Addr::LOCALHOST.into(), 46_250..=46_270, Duration::from_secs(9));
    let media = Media::spawn(config).unwrap();
    let certificate = Certificate::generate().unwrap();
    let means = Means { media: &media, trunk: &trunk, certificate: &certificate };
    let attempt = "a-1".parse().unwrap();
    let mut sound = LegSound::open(means, &attempt, Leg::Agent, Ends::default(), |_| ()).unwrap();
    act(&mut sound, means);
}

/// What a telephone answers.
fn answer(sound: &LegSound) -> SessionDescription {
    let rtp = SocketAddr::from((Ipv4Addr::LOCALHOST, 46_272));
    SessionDescription::answer(&sound.offer(), rtp, &[Codec::Pcma]).unwrap()
}

#[test]
fn who_does_not_answer_what_was_offered_anew_is_lost() {
    with_leg(|sound, means| {
        assert_eq!(sound.poll_timeout(), None, "how long the first offer may take is the call's");
        sound.begin_anew(means).unwrap();
        assert!(sound.poll_timeout().is_some());
        sound.await_answer(Duration::ZERO);
        assert_eq!(sound.handle_timeout(means), Err(SoundFault::Unanswered));
        assert_eq!((sound.poll_timeout(), sound.handle_timeout(means)), (None, Ok(())), "told once");

        sound.begin_anew(means).unwrap();
        let answer = answer(sound);
        sound.described(means, Part::Answer, &answer).unwrap();
        assert_eq!((sound.poll_timeout(), sound.handle_timeout(means)), (None, Ok(())));
    });
}

#[test]
fn a_telephone_that_sends_nothing_for_long_is_gone_unless_it_holds_us() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    with_leg(|sound, means| {
        assert!(!sound.is_dead(DEAD_AFTER), "it has not answered");
        let mut theirs = answer(sound);
        for (direction, is_dead) in
            [(SendOnly, false), (Inactive, false), (RecvOnly, false), (SendRecv, true)]
        {
            theirs.media[0].direction = Some(direction);
            sound.described(means, Part::Answer, &theirs).unwrap();
            assert_eq!(sound.is_dead(DEAD_AFTER), is_dead, "{direction:?}");
        }
        assert!(!sound.is_dead(DEAD_AFTER / 2));
    });
}
