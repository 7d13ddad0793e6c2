//! Wild bytes for the RTCP reader, and a session that is handed them. How to run it: `rtp.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waihu_rtp::{
    RtcpSession, SourceState,
    rtcp::{Compound, Form, MAX_REPORT, Rtcp},
};
use waihu_types::Time;

fuzz_target!(|bytes: &[u8]| {
    let mut source = SourceState::new();
    let mut session = RtcpSession::new(Time::ZERO, 1, b"name", 8_000, 77);
    let mut now = Time::ZERO;
    let mut buffer = [0; MAX_REPORT];
    // Datagrams of the script: a byte of what else happens, a byte of length, the bytes.
    let mut rest = bytes;
    while let [what, len, behind @ ..] = rest {
        let (datagram, behind) = behind.split_at(usize::from(*len).min(behind.len()));
        rest = behind;
        now = now + std::time::Duration::from_millis(u64::from(what >> 2) * 100);
        let form = if what & 1 == 0 { Form::Compound } else { Form::ReducedSize };
        if what & 2 != 0 {
            session.sent(now, u32::from(*len), datagram.len());
            source.arrived(u32::from(*len), datagram.len() as u16);
        }
        if let Ok(compound) = Compound::parse(datagram, form) {
            assert!(compound.packets().count() <= datagram.len() / 4);
            for packet in compound.packets() {
                match packet {
                    Rtcp::SenderReport { blocks, .. } | Rtcp::ReceiverReport { blocks, .. } => {
                        assert!(blocks.count() < 32);
                    }
                    Rtcp::SourceDescription(chunks) => assert!(chunks.count() < 32),
                    Rtcp::Goodbye(goodbye) => assert!(goodbye.sources().count() < 32),
                    Rtcp::Other { .. } => {}
                }
            }
        }
        let _ = session.handle(now, datagram, form, source.ssrc());
        if let Some(n) = session.poll_report(now, u64::from(*what) << 40, &mut source, &mut buffer) {
            assert!(Compound::parse(&buffer[..n], Form::Compound).is_ok());
        }
        assert!(session.poll_timeout().is_some_and(|due| due >= now));
    }
    if let Some(n) = session.goodbye(now, 0, &mut source, "over", &mut buffer) {
        assert!(Compound::parse(&buffer[..n], Form::Compound).is_ok());
    }
    assert_eq!(session.poll_timeout(), None);
});
