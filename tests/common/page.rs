//! The sound of a desk's page: checks of ICE, a handshake, SRTP with PCMA.
#![allow(dead_code)]

use std::{
    collections::VecDeque,
    net::{SocketAddr, UdpSocket},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use waihu_srtp::{Certificate, Handshake, Lock, Role, Unlock, is_dtls, is_rtp_or_rtcp};

/// What a page's sound has met.
#[derive(Default)]
pub struct Sound {
    /// Packets that were heard, and those of them that were not silence.
    pub heard: AtomicU64,
    pub loud: AtomicU64,
    /// The last second of it, as samples.
    last: Mutex<VecDeque<i16>>,
    pub fault: Mutex<Option<String>>,
    /// The pitch that the page sends [Hz]: a divisor of 8,000; 500 where it is 0.
    pub pitch: u16,
    /// Whether the page and its sound are there: a network that goes and comes back.
    pub is_cut: AtomicBool,
    /// Whether the page is closed for good.
    pub is_gone: AtomicBool,
}

impl Sound {
    /// One whose page sends this pitch.
    pub fn of(pitch: u16) -> Arc<Self> {
        Arc::new(Self { pitch, ..Self::default() })
    }

    /// How much of a pitch was heard in the last second, of full.
    pub fn hears(&self, pitch: u16) -> f32 {
        let last: Vec<i16> = self.last.lock().unwrap().iter().copied().collect();
        waihu_audio::tone::amplitude_at(&last, f32::from(pitch), 8_000)
    }

    fn keep(&self, coded: &[u8]) {
        let mut last = self.last.lock().unwrap();
        last.extend(coded.iter().map(|byte| waihu_audio::g711::Law::A.decode(*byte)));
        while last.len() > 8_000 {
            last.pop_front();
        }
    }
}

/// The value of a line of a description.
fn line<'a>(sdp: &'a str, begins: &str) -> &'a str {
    sdp.lines().find_map(|l| l.strip_prefix(begins)).unwrap_or_else(|| panic!("no {begins} in\n{sdp}")).trim()
}

/// A check of ICE (RFC 8445, 7.2.2) that nominates, as STUN has it (RFC 8489).
fn check(username: &str, pwd: &str, number: u64) -> Vec<u8> {
    let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0];
    message.extend(number.to_be_bytes());
    let mut attribute = |kind: u16, value: &[u8]| {
        message.extend(kind.to_be_bytes());
        message.extend((value.len() as u16).to_be_bytes());
        message.extend(value);
        message.resize(message.len().next_multiple_of(4), 0);
    };
    attribute(0x0006, username.as_bytes());
    attribute(0x0024, &1_u32.to_be_bytes());
    attribute(0x802A, &7_u64.to_be_bytes());
    attribute(0x0025, &[]);
    let sized = |message: &mut Vec<u8>, more: usize| {
        let len = (message.len() + more - 20) as u16;
        message[2..4].copy_from_slice(&len.to_be_bytes());
    };
    sized(&mut message, 24);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, pwd.as_bytes());
    let tag = ring::hmac::sign(&key, &message);
    message.extend([0, 8, 0, 20]);
    message.extend(tag.as_ref());
    sized(&mut message, 8);
    let crc = crc32fast::hash(&message) ^ 0x5354_554E;
    message.extend([0x80, 0x28, 0, 4]);
    message.extend(crc.to_be_bytes());
    message
}

/// Takes an offer, and speaks in a thread of its own until the test ends; the answer.
pub fn take(offer: &str, sound: Arc<Sound>) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = line(offer, "m=audio ").split(' ').next().unwrap().parse().unwrap();
    let there = SocketAddr::from(([127, 0, 0, 1], port));
    let certificate = Certificate::generate().unwrap();
    let ours = certificate.sha256_fingerprint().map(|byte| format!("{byte:02X}")).join(":");
    let theirs: Vec<u8> = line(offer, "a=fingerprint:sha-256 ")
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    let theirs: [u8; 32] = theirs.try_into().unwrap();
    let handshake = Handshake::new(&certificate, Role::Active, theirs, Instant::now()).unwrap();
    let username = format!("{}:page", line(offer, "a=ice-ufrag:"));
    let pwd = line(offer, "a=ice-pwd:").to_owned();
    let answer = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio {} UDP/TLS/RTP/SAVPF 8\r\nc=IN IP4 127.0.0.1\r\na=mid:0\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtcp-mux\r\na=setup:active\r\na=fingerprint:sha-256 {ours}\r\na=ice-ufrag:page\r\n\
         a=ice-pwd:0123456789012345678901\r\na=sendrecv\r\n",
        socket.local_addr().unwrap().port()
    );
    thread::spawn(move || {
        if let Err(fault) = speak(&socket, there, handshake, (&username, &pwd), &sound) {
            *sound.fault.lock().unwrap() = Some(fault);
        }
    });
    answer
}

/// Checks, shakes hands, sends a tone and counts what comes.
fn speak(
    socket: &UdpSocket,
    there: SocketAddr,
    mut handshake: Handshake,
    (username, pwd): (&str, &str),
    sound: &Sound,
) -> Result<(), String> {
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let (mut locks, mut number, mut checked, mut sent) =
        (None::<(Lock, Unlock)>, 0_u64, None, None::<Instant>);
    let (mut buffer, mut spoken) = ([0; 2_048], 0_u64);
    loop {
        let now = Instant::now();
        if sound.is_gone.load(Relaxed) {
            return Ok(());
        }
        if sound.is_cut.load(Relaxed) {
            thread::sleep(Duration::from_millis(20));
            sent = None;
            continue;
        }
        if checked.is_none_or(|at: Instant| now - at > Duration::from_millis(500)) {
            checked = Some(now);
            number += 1;
            let _ = socket.send_to(&check(username, pwd, number), there);
        }
        if let Ok((len, _)) = socket.recv_from(&mut buffer) {
            let packet = &mut buffer[..len];
            match (&mut locks, packet[0]) {
                (_, first) if is_dtls(first) => handshake.handle_datagram(now, packet),
                (Some((_, unlock)), first) if is_rtp_or_rtcp(first) && packet[1] & 0x7F == 8 => {
                    if let Ok(len) = unlock.rtp(packet) {
                        sound.heard.fetch_add(1, Relaxed);
                        sound.keep(&packet[12..len]);
                        // A-law's silence is 0xD5 and 0x55; sound has many values.
                        let loud =
                            packet[12..len].iter().filter(|b| !matches!(**b ^ 0x55, 0..8 | 0x80..0x88));
                        sound.loud.fetch_add(u64::from(loud.count() > 40), Relaxed);
                    }
                }
                _ => {}
            }
        }
        handshake.handle_timeout(now);
        while let Some(datagram) = handshake.poll_datagram() {
            let _ = socket.send_to(&datagram, there);
        }
        if let Some(keys) = handshake.outcome() {
            let keys = keys.map_err(|e| e.to_string())?;
            let fault = |e: waihu_srtp::SrtpError| e.to_string();
            let both = (Lock::new(&keys.ours).map_err(fault)?, Unlock::new(&keys.theirs).map_err(fault)?);
            locks.get_or_insert(both);
        }
        if let Some((lock, _)) = &mut locks
            && sent.is_none_or(|at| now - at >= Duration::from_millis(20))
        {
            sent = Some(sent.map_or(now, |at| at + Duration::from_millis(20)));
            spoken += 1;
            let n = spoken;
            let mut packet = vec![0x80, 8];
            packet.extend((n as u16).to_be_bytes());
            packet.extend((n as u32 * 160).to_be_bytes());
            packet.extend([0, 0, 0, 9]);
            // A square wave, loud enough to be found in the recording.
            let period = 8_000 / usize::from(if sound.pitch == 0 { 500 } else { sound.pitch });
            let at = |s: usize| (n as usize * 160 + s) % period;
            packet.extend((0..160).map(|s| if at(s) < period / 2 { 0xA5 } else { 0x25 }));
            let len = packet.len();
            packet.resize(len + 64, 0);
            if let Ok(len) = lock.rtp(&mut packet, len) {
                let _ = socket.send_to(&packet[..len], there);
            }
        }
    }
}

/// Of a square wave as loud as a page's this much is its pitch, of full; of what is not there far less.
pub const THERE: f32 = 0.02;

/// Which of these pitches the callee heard in each half second of a recording.
pub fn who_was_heard(recording: &Path, pitches: &[u16]) -> Vec<Vec<bool>> {
    let bytes = std::fs::read(recording).unwrap();
    let samples: Vec<i16> = bytes[44..].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
    let right: Vec<i16> = samples.chunks_exact(2).map(|both| both[1]).collect();
    let who = |window: &[i16]| {
        let hears =
            |pitch: &u16| waihu_audio::tone::amplitude_at(window, f32::from(*pitch), 8_000) > THERE * 2.0;
        pitches.iter().map(hears).collect()
    };
    right.chunks_exact(4_000).map(who).collect()
}
