//! A leg's sound by itself.

use std::net::Ipv4Addr;

use tokio::{net::UdpSocket, time::timeout};
use waihu_media::{Media, MediaConfig};
use waihu_sip::Uri;
use waihu_srtp::Certificate;
use waihu_trunk::{InviteRequest, SipSocket, TrunkConfig};
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

/// What the carrier hears first of a call with this sound, over the trunk's own socket.
async fn invited(trunk: &TrunkConfig, carrier: &UdpSocket, sound: &LegSound) -> (SocketAddr, String) {
    let to = carrier.local_addr().unwrap();
    let (sip, _calls) = SipSocket::open(trunk.socket("test")).await.unwrap();
    let _call = sip.invite(InviteRequest {
        target: Uri::sip("1001", to),
        next_hop: to.into(),
        backups: Vec::new(),
        redirects: Vec::new(),
        call_id: None,
        from: trunk.from.clone(),
        signed_as: None,
        credentials: None,
        offer: sound.offer(),
        headers: Vec::new(),
    });
    let mut bytes = [0; 4_096];
    let (length, from) =
        timeout(Duration::from_secs(10), carrier.recv_from(&mut bytes)).await.unwrap().unwrap();
    (from, String::from_utf8_lossy(&bytes[..length]).into_owned())
}

#[tokio::test]
async fn behind_a_translator_via_contact_and_descriptions_name_the_public_addresses() {
    let carrier = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let text = format!(
        "[trunk]\nproxy = \"{}\"\nfrom = \"sip:w@192.0.2.1\"\nbind = \"127.0.0.1:0\"\n\
         media_ports = \"shared\"\nmedia_public_address = \"203.0.113.6\"\n\
         [signalling]\npublic_address = \"203.0.113.5\"\n",
        carrier.local_addr().unwrap()
    );
    let trunk = TrunkConfig::parse(&text, "t.toml").unwrap();
    let config = MediaConfig::new(trunk.media_address, 46_274..=46_281, Duration::from_secs(9));
    let media = Media::spawn(config).unwrap();
    let certificate = Certificate::generate().unwrap();
    let means = Means { media: &media, trunk: &trunk, certificate: &certificate };
    let attempt = "a-1".parse().unwrap();
    let mut sound = LegSound::open(means, &attempt, Leg::Callee, Ends::default(), |_| ()).unwrap();
    let rtp = sound.opened.rtp;
    assert_eq!(rtp.ip(), Ipv4Addr::LOCALHOST, "what is bound is our own");

    let (from, invite) = invited(&trunk, &carrier, &sound).await;
    assert_eq!(from.ip(), Ipv4Addr::LOCALHOST);
    let line = |start: &str| invite.lines().find(|line| line.starts_with(start)).unwrap_or_default();
    let own = format!("203.0.113.5:{}", from.port());
    assert!(line("Via:").starts_with(&format!("Via: SIP/2.0/UDP {own};")), "{invite}");
    assert_eq!(line("Contact:"), format!("Contact: <sip:waihu@{own}>"));
    assert!(line("o=").ends_with(" IN IP4 203.0.113.6"), "{invite}");
    assert_eq!(line("c="), "c=IN IP4 203.0.113.6");
    assert!(line("m=").starts_with(&format!("m=audio {} ", rtp.port())), "{invite}");
    assert_eq!(line("a=rtcp:"), format!("a=rtcp:{}", rtp.port()), "at the same address");

    // And so do answers to what the far end offers anew.
    let theirs = answer(&sound);
    sound.described(means, Part::Answer, &theirs).unwrap();
    let again = sound.ours.answer_again(&theirs).unwrap().to_string();
    let named = again.lines().filter(|line| line.contains("203.0.113.6")).count();
    assert!(named == 2 && !again.contains("127.0.0.1"), "{again}");
}
