//! Counts what the media thread asks of the allocator, from within that thread.
#![allow(clippy::unwrap_used)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::bounded;
use waihu_audio::{StereoChunk, tone};
use waihu_media::{
    Codec, IceCredentials, Media, MediaConfig, Opened, PlaybackId, Ports, Remote, Security, StereoTap, Taps,
};
use waihu_srtp::stun::{self, Nomination};
use waihu_types::{SrtpKey, SrtpSuite};

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

fn remote(codec: Codec, far: &Opened) -> Remote {
    let number = codec.static_payload_type().unwrap_or(96);
    Remote { ssrc: Some(far.ssrc), rtcp: Some(far.rtcp), ..Remote::plain(far.rtp, codec, number) }
}

#[test]
fn playing_hearing_recording_and_answering_checks_cost_no_allocation() {
    let suite = SrtpSuite::AesCm128HmacSha1_80;
    let key = |n: u8| SrtpKey::new(suite, &[n; 30]).unwrap();
    let locked = [(key(1), key(2)), (key(2), key(1))].map(|(ours, theirs)| Security::Srtp { ours, theirs });
    let cases = Codec::ALL.map(|codec| (codec, Ports::PerCall, [Security::Plain; 2]));
    let more = [(Codec::Pcma, Ports::Shared, [Security::Plain; 2]), (Codec::Pcma, Ports::PerCall, locked)];
    for (n, (codec, ports, security)) in cases.into_iter().chain(more).enumerate() {
        let first = 22_900 + 10 * n as u16;
        let mut config =
            MediaConfig::new(Ipv4Addr::LOCALHOST.into(), first..=first + 9, Duration::from_secs(60));
        (config.port_mode, config.codecs) = (ports, vec![codec]);
        costs_no_allocation(&Media::spawn(config).unwrap(), codec, security);
    }
}

/// Sends checks to a slot until it is told that it is over; how many were answered.
fn checks_all_the_time(to: SocketAddr, ours: &IceCredentials) -> (Arc<AtomicBool>, JoinHandle<usize>) {
    let mut check = [0; 160];
    let username = format!("{}:far", ours.ufrag);
    let len = stun::check([7; 12], &username, &ours.pwd, Nomination::Nominated, &mut check).unwrap();
    let over = Arc::<AtomicBool>::default();
    let told = Arc::clone(&over);
    let sending = std::thread::spawn(move || {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let mut answers = 0;
        while !told.load(Relaxed) {
            socket.send_to(&check[..len], to).unwrap();
            let mut bytes = [0; 512];
            while let Ok(len) = socket.recv(&mut bytes) {
                answers += usize::from(bytes[..len].starts_with(&[1, 1]));
                if bytes[0] == 1 {
                    break;
                }
            }
        }
        answers
    });
    (over, sending)
}

fn costs_no_allocation(media: &Media, codec: Codec, security: [Security; 2]) {
    let (count, counts) = bounded(1_000);
    let rate_hz = codec.sample_rate_hz();
    let ((full, filled), (give, empty)) = (bounded(100), bounded(100));
    (0..60).for_each(|_| give.send(Box::new(StereoChunk::new(rate_hz))).unwrap());
    let leg = |tap: Option<crossbeam_channel::Sender<u64>>| {
        let heard = tap.map(|t| -> waihu_media::HeardTap {
            Box::new(move |_| t.try_send(ALLOCATED.with(Cell::get)).is_ok())
        });
        let (full, empty) = (full.clone(), empty.clone());
        let stereo = Some(StereoTap { recording: 1, rate_hz, full, empty, paused: Arc::default() });
        media.open(Taps { heard, stereo, events: Box::new(|_, _| ()) }).unwrap()
    };
    let (a, b) = (leg(Some(count)), leg(None));
    media.start(a.slot, Remote { security: security[0], ..remote(codec, &b) });
    media.start(b.slot, Remote { security: security[1], ..remote(codec, &a) });
    // And one whose far end proves where it is all the time.
    let browser = leg(None);
    let ours = IceCredentials { ufrag: "evtj".to_owned(), pwd: "VOkJxbRl1RmTxUk/WvJxBt".to_owned() };
    media.expect_checks(browser.slot, ours.clone());
    media.start(browser.slot, Remote::plain((Ipv4Addr::UNSPECIFIED, 9).into(), codec, 96));
    let (over, answers) = checks_all_the_time(browser.rtp, &ours);
    let clip: Arc<[i16]> = tone::sine(440.0, 10_000, -12.0, 8_000).into();
    media.play(a.slot, PlaybackId(1), clip.clone());
    media.play(b.slot, PlaybackId(2), clip);
    // The first ticks begin streams: random numbers, threads that are woken, packets' places.
    let counts: Vec<u64> = (0..250).map(|_| counts.recv_timeout(Duration::from_secs(30)).unwrap()).collect();
    over.store(true, Relaxed);
    assert!(counts[0] > 0, "the count works");
    assert_eq!(counts[150], counts[249], "in 100 ticks of three slots, {codec:?}, {:?}", security[0]);
    assert!(answers.join().unwrap() > 100, "checks were answered meanwhile");
    assert!(filled.len() >= 16, "both were recorded: {} chunks", filled.len());
}
