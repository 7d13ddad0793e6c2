//! Counts what the media thread asks of the allocator, from within that thread.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    net::Ipv4Addr,
    time::Duration,
};

use crossbeam_channel::{Receiver, bounded};
use waihu_audio::{StereoFrame, tone};
use waihu_media::{Codec, Direction, Media, MediaConfig, PlaybackId, Remote, Taps};

thread_local! {
    // Without a destructor and set at compile time, so that it needs no allocation itself.
    static ALLOCATED: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is handed to the system's allocator as it came; the count touches no memory
// but a plain cell of the thread.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`; `at` is the system allocator's.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn remote(address: std::net::SocketAddr) -> Remote {
    Remote {
        address,
        codec: Codec::Pcmu,
        payload_type: 0,
        dtmf_payload_type: Some(101),
        direction: Direction::SendRecv,
    }
}

#[test]
fn playing_hearing_and_recording_cost_no_allocation() {
    let media = Media::spawn(MediaConfig {
        address: Ipv4Addr::LOCALHOST.into(),
        ports: 22_900..=22_903,
        no_audio_after: Duration::from_secs(60),
    })
    .unwrap();
    let (count, counts) = bounded(1_000);
    let leg = |tap: Option<crossbeam_channel::Sender<u64>>| {
        let (stereo, recorded): (_, Receiver<StereoFrame>) = bounded(1_000);
        let heard = tap.map(|t| -> waihu_media::HeardTap {
            Box::new(move |_, _| t.try_send(ALLOCATED.with(Cell::get)).is_ok())
        });
        let (slot, address) =
            media.open(Taps { heard, stereo: Some(stereo), events: Box::new(|_, _| ()) }).unwrap();
        (slot, address, recorded)
    };
    let (a, b) = (leg(Some(count)), leg(None));
    media.start(a.0, remote(b.1));
    media.start(b.0, remote(a.1));
    let clip: std::sync::Arc<[i16]> = tone::sine(440.0, 10_000, -12.0, 8_000).into();
    media.play(a.0, PlaybackId(1), clip.clone());
    media.play(b.0, PlaybackId(2), clip);
    // The first ticks begin streams: random numbers, threads that are woken.
    let counts: Vec<u64> = (0..150).map(|_| counts.recv_timeout(Duration::from_secs(30)).unwrap()).collect();
    assert!(counts[0] > 0, "the count works");
    assert_eq!(counts[50], counts[149], "in 100 ticks of two slots");
    assert!(a.2.len() >= 100 && b.2.len() >= 100, "both were recorded");
}
