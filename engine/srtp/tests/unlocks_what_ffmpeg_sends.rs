//! ffmpeg, whose SRTP is its own, sends locked sound and reports over UDP; all of it is unlocked. Wants the
//! program `ffmpeg`.
#![allow(clippy::unwrap_used)]

use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::Duration;

use waihu_srtp::Unlock;
use waihu_types::{SrtpKey, SrtpSuite};

/// How long a datagram is waited for before the test is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Key and salt, and the same in base 64.
const KEYING: &[u8; 30] = b"sixteen of key, fourteen salt.";
const KEYING_BASE64: &str = "c2l4dGVlbiBvZiBrZXksIGZvdXJ0ZWVuIHNhbHQu";

/// Sockets on a port and the one above.
fn pair_of_sockets() -> (UdpSocket, UdpSocket, u16) {
    for _ in 0..100 {
        let rtp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = rtp.local_addr().unwrap().port();
        if let Some(Ok(rtcp)) = port.checked_add(1).map(|next| UdpSocket::bind(("127.0.0.1", next))) {
            rtp.set_read_timeout(Some(PATIENCE)).unwrap();
            rtcp.set_read_timeout(Some(PATIENCE)).unwrap();
            return (rtp, rtcp, port);
        }
    }
    unreachable!("of a hundred free ports none has a free one above");
}

#[test]
fn sound_and_reports_of_ffmpeg_are_unlocked() {
    // By the name of RFC 4568 ffmpeg cuts the tag of RTCP to 32 bits too, which the RFC does not (6.2); by
    // that of RFC 5764 it does not either.
    for (suite, name) in [
        (SrtpSuite::AesCm128HmacSha1_80, "AES_CM_128_HMAC_SHA1_80"),
        (SrtpSuite::AesCm128HmacSha1_32, "SRTP_AES128_CM_HMAC_SHA1_32"),
    ] {
        let (rtp, rtcp, port) = pair_of_sockets();
        // A second of a tone: 50 packets of 20 ms.
        let mut ffmpeg = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", "sine=frequency=400:sample_rate=8000"])
            .args(["-t", "1", "-c:a", "pcm_alaw", "-f", "rtp", "-srtp_out_suite", name])
            .args(["-srtp_out_params", KEYING_BASE64])
            .arg(format!("srtp://127.0.0.1:{port}?pkt_size=186"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut unlock = Unlock::new(&SrtpKey::new(suite, KEYING).unwrap()).unwrap();
        let mut buffer = [0; 2_048];
        let (mut octets, mut sequence) = (0, None::<u16>);
        while octets < 8_000 {
            let len = rtp.recv(&mut buffer).unwrap();
            let len = unlock.rtp(&mut buffer[..len]).unwrap();
            assert_eq!(buffer[1] & 0x7f, 8);
            let now = u16::from_be_bytes([buffer[2], buffer[3]]);
            assert!(sequence.is_none_or(|before| before.wrapping_add(1) == now));
            sequence = Some(now);
            // A tone in A-law, whose even bits are turned: silence would be 0x55 and 0xd5 alone.
            let loud = buffer[12..len].iter().filter(|octet| (**octet ^ 0x55) & 0x7f >= 0x40).count();
            assert!(loud * 2 > len - 12, "{loud} of {}", len - 12);
            octets += len - 12;
        }
        let len = rtcp.recv(&mut buffer).unwrap();
        let len = unlock.rtcp(&mut buffer[..len]).unwrap();
        assert_eq!((buffer[1], len >= 28), (200, true), "a sender report");
        assert!(ffmpeg.wait().unwrap().success());
    }
}
