//! What a leg offers: to a telephone what the trunk's file says, to a browser what every browser takes.
//!
//! Whatever is secret in it is new each time, from the system's random source.

use std::net::{IpAddr, SocketAddr};

use rand::{TryRng, rngs::SysRng};
use waihu_media::{IceCredentials, Media, Opened};
use waihu_sip::{ComfortNoise, IceLite, Keys, Ours, Rtcp, Security, SessionDescription};
use waihu_srtp::Certificate;
use waihu_trunk::{KeyExchange, MediaPorts, TrunkConfig};
use waihu_types::{Codec, SrtpKey, SrtpSuite, base64};

use crate::{error::DialError, plant::Plant};

/// Bytes of the canonical name that a leg's reports carry: enough that no two of them are alike, and new for
/// each call, so that it tells nobody which machine it is (RFC 7022, 4.2).
const CNAME_BYTES: usize = 12;
/// What every browser has (RFC 7874, 3). Opus loses least on a bad network, and is first.
const BROWSER_CODECS: [Codec; 3] = [Codec::Opus, Codec::Pcma, Codec::Pcmu];
/// Bytes of an `a=ice-ufrag`: no two slots have the same. As base64 they need no padding, which ICE has not.
const UFRAG_BYTES: usize = 6;
/// Bytes of an `a=ice-pwd`: RFC 8445, 5.3 wants 128 bits.
const PWD_BYTES: usize = 18;

/// What is at the other end of a leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FarEnd {
    /// A telephone, and whoever carries its calls: spoken with as the trunk's file says.
    #[default]
    Telephone,
    /// A browser: ICE, keys by DTLS, Opus.
    Browser,
}

/// What a leg's sound is made with.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    pub(crate) media: &'a Media,
    pub(crate) trunk: &'a TrunkConfig,
    pub(crate) certificate: &'a Certificate,
}

impl Plant {
    pub(crate) fn means(&self) -> Means<'_> {
        Means { media: &self.media, trunk: &self.trunk, certificate: &self.certificate }
    }
}

impl Means<'_> {
    /// What a slot offers to such a far end. For a browser, the slot expects its checks from here on.
    pub(super) fn offer(self, far_end: FarEnd, opened: &Opened) -> Result<SessionDescription, DialError> {
        let fingerprint = self.certificate.sha256_fingerprint();
        let cname = hex::encode(random::<CNAME_BYTES>()?);
        match far_end {
            FarEnd::Telephone => {
                let keys = match self.trunk.key_exchange {
                    KeyExchange::Sdes => new_keys(&self.trunk.srtp_suites)?,
                    KeyExchange::Dtls => Vec::new(),
                };
                Ok(for_telephone(self.trunk, opened, &keys, &fingerprint, &cname).offer())
            }
            FarEnd::Browser => {
                let ours = IceCredentials {
                    ufrag: base64::encode(&random::<UFRAG_BYTES>()?),
                    pwd: base64::encode(&random::<PWD_BYTES>()?),
                };
                let offer = for_browser(self.trunk, opened, &fingerprint, &cname, &ours);
                self.media.expect_checks(opened.slot, ours);
                Ok(offer)
            }
        }
    }
}

fn for_telephone<'a>(
    trunk: &'a TrunkConfig,
    opened: &Opened,
    keys: &'a [SrtpKey],
    fingerprint: &'a [u8; 32],
    cname: &'a str,
) -> Ours<'a> {
    let keys = match trunk.key_exchange {
        KeyExchange::Sdes => Keys::Sdes(keys),
        KeyExchange::Dtls => Keys::Dtls(fingerprint),
    };
    Ours {
        rtp: SocketAddr::new(trunk.media_public_address, opened.rtp.port()),
        rtcp: match trunk.media_ports {
            MediaPorts::PerCall => Rtcp::MuxOrAbove,
            MediaPorts::Shared => Rtcp::Mux,
        },
        codecs: &trunk.codecs,
        comfort_noise: trunk.comfort_noise,
        security: Security::new(trunk.srtp, keys),
        source: Some((opened.ssrc, cname)),
    }
}

fn for_browser(
    trunk: &TrunkConfig,
    opened: &Opened,
    fingerprint: &[u8; 32],
    cname: &str,
    ice: &IceCredentials,
) -> SessionDescription {
    let mut addresses: Vec<IpAddr> = trunk.browser_addresses.clone();
    addresses.push(opened.rtp.ip());
    let ours = Ours {
        rtp: opened.rtp,
        rtcp: Rtcp::Mux,
        codecs: &BROWSER_CODECS,
        comfort_noise: ComfortNoise::Absent,
        security: Security::Mandatory(Keys::Dtls(fingerprint)),
        source: Some((opened.ssrc, cname)),
    };
    ours.offer_to_browser(IceLite { ufrag: &ice.ufrag, pwd: &ice.pwd, addresses: &addresses })
}

fn random<const N: usize>() -> Result<[u8; N], DialError> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| DialError::Randomness)?;
    Ok(bytes)
}

/// A key for each suite, from the system's random source.
fn new_keys(suites: &[SrtpSuite]) -> Result<Vec<SrtpKey>, DialError> {
    let key = |suite: &SrtpSuite| {
        let mut keying = vec![0; suite.key_len() + suite.salt_len()];
        SysRng.try_fill_bytes(&mut keying).map_err(|_| DialError::Randomness)?;
        SrtpKey::new(*suite, &keying).ok_or(DialError::Randomness)
    };
    suites.iter().map(key).collect()
}

#[cfg(test)]
mod tests {
    use waihu_media::{MediaConfig, Taps};

    use super::*;

    fn trunk(more: &str) -> TrunkConfig {
        let least =
            "[trunk]\nproxy = \"192.0.2.1:5060\"\nfrom = \"sip:w@192.0.2.1\"\nbind = \"192.0.2.2:0\"\n";
        TrunkConfig::parse(&format!("{least}{more}"), "t.toml").unwrap()
    }

    fn slot() -> (Media, Opened) {
        let here = [127, 0, 0, 1].into();
        let media =
            Media::spawn(MediaConfig::new(here, 46_200..=46_240, std::time::Duration::from_secs(9))).unwrap();
        let opened = media.open(Taps { heard: None, stereo: None, events: Box::new(|_, _| ()) }).unwrap();
        (media, opened)
    }

    fn offered(trunk: &TrunkConfig) -> String {
        let (_media, opened) = slot();
        let keys = new_keys(&trunk.srtp_suites).unwrap();
        for_telephone(trunk, &opened, &keys, &[0xAB; 32], "00ff").offer().to_string()
    }

    #[test]
    fn an_offer_says_what_the_trunk_does() {
        let plain = offered(&trunk(""));
        assert!(plain.contains("RTP/AVP 8 0 101") && plain.contains("a=rtcp-mux"), "{plain}");
        assert!(!plain.contains("a=crypto") && !plain.contains("a=fingerprint"), "{plain}");
        assert!(plain.contains("cname:00ff"), "{plain}");

        let sdes =
            offered(&trunk("codecs = [\"opus\", \"G722\"]\nsrtp = \"mandatory\"\ncomfort_noise = true"));
        assert!(sdes.contains("RTP/SAVP 96 9 13 101 102"), "{sdes}");
        let suites: Vec<&str> =
            sdes.lines().filter_map(|l| l.strip_prefix("a=crypto:")?.split(' ').nth(1)).collect();
        assert_eq!(suites, ["AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80"]);

        let optional = offered(&trunk("srtp = \"optional\""));
        assert!(optional.contains("RTP/AVP ") && optional.contains("a=crypto:3"), "{optional}");

        let dtls = offered(&trunk("srtp = \"mandatory\"\ndtls = true\nmedia_ports = \"shared\""));
        assert!(dtls.contains("UDP/TLS/RTP/SAVP") && dtls.contains("a=setup:actpass"), "{dtls}");
        assert!(dtls.contains("a=fingerprint:sha-256 AB:AB") && !dtls.contains("a=crypto"), "{dtls}");
        assert!(dtls.contains("a=rtcp:"), "{dtls}");
    }

    #[test]
    fn no_key_is_used_twice() {
        let suites = trunk("srtp = \"optional\"").srtp_suites;
        let (a, b) = (new_keys(&suites).unwrap(), new_keys(&suites).unwrap());
        assert_eq!(a.len(), suites.len());
        assert!(a.iter().zip(&b).all(|(a, b)| a.suite() == b.suite() && a != b));
        assert!(a.iter().all(|k| k.key().iter().any(|byte| *byte != 0)));
    }
    /// Whatever of the trunk's: a browser takes no other.
    #[test]
    fn a_browser_is_offered_what_browsers_take() {
        let trunk = trunk("codecs = [\"PCMU\"]\nbrowser_addresses = [\"203.0.113.9\", \"2001:db8::9\"]");
        let (media, opened) = slot();
        let certificate = Certificate::generate().unwrap();
        let means = Means { media: &media, trunk: &trunk, certificate: &certificate };
        let offer = means.offer(FarEnd::Browser, &opened).unwrap();
        let text = offer.to_string();
        let port = opened.rtp.port();
        for line in [
            "a=group:BUNDLE 0",
            "a=ice-lite",
            &format!("m=audio {port} UDP/TLS/RTP/SAVPF 96 8 0 101 102"),
            "a=rtpmap:96 opus/48000/2",
            "a=mid:0",
            "a=rtcp-mux",
            "a=setup:actpass",
            "a=end-of-candidates",
            "a=sendrecv",
            &format!("a=candidate:1 1 UDP 2130706431 203.0.113.9 {port} typ host"),
            &format!("a=candidate:2 1 UDP 2130706175 2001:db8::9 {port} typ host"),
            &format!("a=candidate:3 1 UDP 2130705919 127.0.0.1 {port} typ host"),
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
        assert!(text.contains("useinbandfec=1") && text.contains("a=fingerprint:sha-256 "), "{text}");
        assert!(!text.contains("a=crypto"), "{text}");

        let ice = |offer: &SessionDescription| offer.media[0].ice.clone();
        let (first, again) = (ice(&offer), ice(&means.offer(FarEnd::Browser, &opened).unwrap()));
        assert!(first.ufrag != again.ufrag && first.pwd != again.pwd, "new each time");
        let is_ice = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b));
        let (ufrag, pwd) = (first.ufrag.unwrap(), first.pwd.unwrap());
        assert!(is_ice(&ufrag) && is_ice(&pwd) && ufrag.len() >= 4 && pwd.len() >= 22, "{ufrag}");
        assert!(!format!("{offer:?}").contains(&pwd));
    }
}
