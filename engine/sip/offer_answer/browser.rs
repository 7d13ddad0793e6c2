//! An offer to a browser (RFC 8829), by an agent that does of ICE what RFC 8445, 2.5 calls lite: it names
//! where it is, answers checks and makes none.
//!
//! A browser takes keys by DTLS alone, wants RTCP on RTP's port, and says nothing of its own address that
//! could be relied on: its host candidates are names that end in .local. None of them is looked up; where
//! it is is proven by its checks.

use std::net::IpAddr;

use super::Ours;
use crate::sdp::{Candidate, Ice, Media, Profile, SessionDescription};

/// The one section's name (RFC 5888), and the group that says that all goes by one port (RFC 9143).
const MID: &str = "0";
const GROUP: &str = "BUNDLE 0";
/// The stream and the track that a page finds our sound under (RFC 8830).
const MSID: &str = "waihu sound";
/// Of a host candidate (RFC 8445, 5.1.2.1): its kind, and the only component.
const HOST: u32 = 126 << 24;
const RTP_COMPONENT: u32 = 1;

/// What an agent that is lite says of itself.
#[derive(Clone, Copy)]
pub struct IceLite<'a> {
    /// Our `a=ice-ufrag`: 4 characters at least (RFC 8839, 5.4).
    pub ufrag: &'a str,
    /// Our `a=ice-pwd`: 22 at least.
    pub pwd: &'a str,
    /// Addresses at which our RTP port is reached, the preferred first.
    pub addresses: &'a [IpAddr],
}

impl Ours<'_> {
    /// The offer to a browser. `self.security` has a certificate's fingerprint in it.
    pub fn offer_to_browser(&self, ice: IceLite<'_>) -> SessionDescription {
        let mut offer = self.offer();
        offer.ice_lite = true;
        offer.groups.push(GROUP.to_owned());
        for media in &mut offer.media {
            media.protocol = Profile::DtlsSavpf.name().to_owned();
            media.mid = Some(MID.to_owned());
            media.msid = Some(MSID.to_owned());
            media.rtcp_mux = true;
            media.ice = Ice {
                ufrag: Some(ice.ufrag.to_owned()),
                pwd: Some(ice.pwd.to_owned()),
                candidates: candidates(ice.addresses, self.rtp.port()),
                are_all: true,
            };
        }
        offer
    }
}

/// In an answer to a later offer of a browser, what proves where we are is what it was (RFC 8839, 4.4.1.1.1).
pub(super) fn go_on(answer: &mut SessionDescription, (ours, mine): (&SessionDescription, &Media)) {
    answer.ice_lite = ours.ice_lite;
    answer.groups.clone_from(&ours.groups);
    for media in answer.media.iter_mut().filter(|media| media.is_usable_audio()) {
        media.msid.clone_from(&mine.msid);
        media.ice = mine.ice.clone();
    }
}

fn candidates(addresses: &[IpAddr], port: u16) -> Vec<Candidate> {
    let candidate = |(n, address): (u32, &IpAddr)| Candidate {
        foundation: (n + 1).to_string(),
        component: RTP_COMPONENT as u16,
        transport: "UDP".to_owned(),
        priority: HOST | (0xffff - n) << 8 | (256 - RTP_COMPONENT),
        address: address.to_string(),
        port,
        kind: "host".to_owned(),
        rest: String::new(),
    };
    // More than any machine has; each is checked by the browser.
    (0..32).zip(addresses).map(candidate).collect()
}
