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
