//! DTLS-SRTP (RFC 5763, RFC 5764): a handshake that agrees on both directions' keys, as a machine that reads
//! no clock and owns no socket. DTLS itself is rtc-dtls.
//!
//! The far end's certificate is compared with the fingerprint of the signalling twice: in the handshake, so
//! that the far end is told, and before keys are given out. Absent: DTLS 1.3, renegotiation, data over the
//! association, any hash but SHA-256 for the fingerprint.
//!
//! A machine outlives its outcome while the call lasts: when its last flight was lost, the far end repeats
//! its own, and is answered.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, HandshakeConfig};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;
use thiserror::Error as ThisError;
use waihu_types::{SrtpKey, SrtpSuite};

use crate::Certificate;
use crate::certificate::sha256;

/// Until a flight is sent again: more than nearly all round trips of telephony, and little beside the
/// second or two that a callee takes to speak.
const FLIGHT_INTERVAL: Duration = Duration::from_millis(500);
/// Until a handshake is given up: who has answered a call does not wait longer in silence.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Datagrams taken in before the handshake ends. It needs eight; each may be repeated some ten times and
/// be in pieces. What goes beyond is sent to fill our memory.
const MAX_DATAGRAMS: u32 = 400;
/// What rtc-dtls wants for telling its associations apart: there is one in each machine.
const OUR_SIDE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));
const FAR_END: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 2));
/// Type, version, epoch, number, length [bytes] (RFC 6347, 4.1).
const RECORD_HEADER: usize = 13;
/// RFC 5764, 4.2.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// The profiles of RFC 5764, 4.1.2 and RFC 7714, 14.2, the preferred first: AES-128 in GCM costs least and
/// no attack on it is nearer than on AES-256.
const PROFILES: [(SrtpProtectionProfile, SrtpSuite); 4] = [
    (SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm, SrtpSuite::AeadAes128Gcm),
    (SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm, SrtpSuite::AeadAes256Gcm),
    (SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80, SrtpSuite::AesCm128HmacSha1_80),
    (SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_32, SrtpSuite::AesCm128HmacSha1_32),
];

/// Who begins, as `a=setup` says it (RFC 4145, 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// We send the first flight; DTLS calls that the client.
    Active,
    /// We wait for it.
    Passive,
}

/// Why there are no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub enum DtlsError {
    /// No certificate can be made, or none can be used.
    #[error("no usable certificate of our own")]
    Certificate,
    /// The far end shows another certificate than the signalling said, or none.
    #[error("the far end's certificate is not the one of the signalling")]
    Fingerprint,
    /// Nothing, or not enough, was heard in time.
    #[error("the handshake took too long")]
    TimedOut,
    /// The far end has broken it off with an alert.
    #[error("the far end broke off the handshake")]
    Refused,
    /// There is no SRTP profile that both sides have.
    #[error("no SRTP profile in common")]
    NoProfile,
    /// What was heard is no handshake that can be ended: no cipher in common, a wrong signature, a message
    /// out of place.
    #[error("the handshake broke")]
    Broken,
    /// More datagrams than a handshake takes.
    #[error("too many datagrams for a handshake")]
    Flooded,
}

/// Both directions' keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtlsKeys {
    /// What we lock with.
    pub ours: SrtpKey,
    /// What the far end locks with.
    pub theirs: SrtpKey,
}

/// How far it has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Underway,
    Done,
    Failed,
}

/// One handshake.
pub struct Handshake {
    endpoint: Endpoint,
    config: Arc<HandshakeConfig>,
    role: Role,
    their_sha256: [u8; 32],
    /// Set by the check within the handshake.
    wrong_certificate: Arc<AtomicBool>,
    stage: Stage,
    outcome: Option<Result<DtlsKeys, DtlsError>>,
    heard: u32,
    deadline: Instant,
    flight: Flight,
}

/// The datagrams that left together last. rtc-dtls drops its timer when part of a flight or an old one
/// arrives, and sends nothing again until it has heard a whole one; if that is lost, only this goes on
/// (five of a thousand handshakes, with a tenth of the datagrams lost and a tenth doubled).
#[derive(Default)]
struct Flight {
    datagrams: Vec<Vec<u8>>,
    unsent: usize,
    again_at: Option<Instant>,
    /// Of the next record in the clear. What is sent again is a new record, else the far end takes it for
    /// a replay (RFC 6347, 4.1.2.6); no key covers these numbers before the first change of ciphers.
    next_record: u64,
}

impl Handshake {
    /// A handshake that begins now. `their_sha256` is the fingerprint that the signalling gives for the far
    /// end's certificate.
    ///
    /// # Errors
    /// [`DtlsError::Certificate`], where ours cannot be used.
    pub fn new(
        certificate: &Certificate,
        role: Role,
        their_sha256: [u8; 32],
        now: Instant,
    ) -> Result<Self, DtlsError> {
        let wrong_certificate = Arc::new(AtomicBool::new(false));
        let config = Arc::new(configuration(certificate, role, their_sha256, &wrong_certificate)?);
        let mut handshake = Self {
            endpoint: endpoint(role, &config),
            config,
            role,
            their_sha256,
            wrong_certificate,
            stage: Stage::Underway,
            outcome: None,
            heard: 0,
            deadline: now + HANDSHAKE_LIMIT,
            flight: Flight::default(),
        };
        handshake.begin(now)?;
        Ok(handshake)
    }

    /// Takes a datagram that came from the far end ([`crate::is_dtls`]). What is no record of DTLS is passed
    /// over.
    pub fn handle_datagram(&mut self, now: Instant, bytes: &[u8]) {
        if self.stage == Stage::Failed || !is_plausible(bytes) {
            return;
        }
        if self.stage == Stage::Underway {
            self.heard += 1;
            if self.heard > MAX_DATAGRAMS {
                return self.fail(DtlsError::Flooded);
            }
        }
        let result = self.endpoint.read(now, FAR_END, None, BytesMut::from(bytes));
        self.collect(now);
        if self.stage == Stage::Done {
            // Whoever closes the association or breaks it now does not take the keys back.
            return;
        }
        match result {
            Ok(events) => {
                if events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete)) {
                    self.finish();
                } else if events.iter().any(|event| matches!(event, EndpointEvent::PeerClosed)) {
                    self.fail(DtlsError::Refused);
                }
            }
            Err(error) => self.fail(self.reason(&error)),
        }
    }

    /// Takes note of the time. Too early, or after the end, it does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.stage != Stage::Underway {
            return;
        }
        if now >= self.deadline {
            return self.fail(DtlsError::TimedOut);
        }
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.endpoint.poll_timeout(&FAR_END)) {
            let result = self.endpoint.handle_timeout(FAR_END, now);
            self.collect(now);
            match result {
                Ok(()) => {}
                // It has no more tries, but nobody was there to hear them.
                Err(_) if self.heard == 0 => {
                    self.endpoint = endpoint(self.role, &self.config);
                    if let Err(error) = self.begin(now) {
                        self.fail(error);
                    }
                }
                Err(_) => self.fail(DtlsError::TimedOut),
            }
        } else if self.endpoint.poll_timeout(&FAR_END).is_none() && due(self.flight.again_at) {
            self.flight.unsent = 0;
            self.flight.again_at = Some(now + FLIGHT_INTERVAL);
        }
    }

    /// The next datagram for the far end.
    pub fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        let mut datagram = self.flight.datagrams.get(self.flight.unsent).cloned()?;
        self.flight.unsent += 1;
        self.flight.next_record = renumber(&mut datagram, self.flight.next_record);
        Some(datagram)
    }

    /// When [`Self::handle_timeout`] is wanted; none once there is an outcome.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.stage != Stage::Underway {
            return None;
        }
        let again_at = self.endpoint.poll_timeout(&FAR_END).or(self.flight.again_at);
        Some(again_at.map_or(self.deadline, |at| at.min(self.deadline)))
    }

    /// How it ended, told once.
    pub fn outcome(&mut self) -> Option<Result<DtlsKeys, DtlsError>> {
        self.outcome.take()
    }

    fn begin(&mut self, now: Instant) -> Result<(), DtlsError> {
        if self.role == Role::Active {
            let connected = self.endpoint.connect(now, FAR_END, Arc::clone(&self.config), None);
            connected.map_err(|_| DtlsError::Certificate)?;
            self.collect(now);
        }
        Ok(())
    }

    /// Takes over what rtc-dtls wants to send.
    fn collect(&mut self, now: Instant) {
        let mut fresh = Vec::new();
        while let Some(transmit) = self.endpoint.poll_transmit() {
            fresh.push(transmit.message.to_vec());
        }
        if !fresh.is_empty() {
            // What is not yet fetched of the last flight goes first.
            self.flight.datagrams.drain(..self.flight.unsent);
            self.flight.unsent = 0;
            self.flight.datagrams.append(&mut fresh);
            self.flight.again_at = Some(now + FLIGHT_INTERVAL);
        }
    }

    fn finish(&mut self) {
        match self.keys() {
            Ok(keys) => {
                self.stage = Stage::Done;
                self.outcome = Some(Ok(keys));
            }
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: DtlsError) {
        self.stage = Stage::Failed;
        self.outcome = Some(Err(error));
    }

    /// RFC 5764, 4.2: client's key, server's key, client's salt, server's salt.
    fn keys(&self) -> Result<DtlsKeys, DtlsError> {
        let state = self.endpoint.get_connection_state(FAR_END).ok_or(DtlsError::Broken)?;
        if state.peer_certificates.first().map(|der| sha256(der)) != Some(self.their_sha256) {
            return Err(DtlsError::Fingerprint);
        }
        let agreed = state.srtp_protection_profile();
        let (_, suite) =
            PROFILES.into_iter().find(|(profile, _)| *profile == agreed).ok_or(DtlsError::NoProfile)?;
        let (key_len, salt_len) = (suite.key_len(), suite.salt_len());
        let material = state
            .export_keying_material(EXPORTER_LABEL, &[], 2 * (key_len + salt_len))
            .map_err(|_| DtlsError::Broken)?;
        let (keys, salts) = material.as_ref().split_at_checked(2 * key_len).ok_or(DtlsError::Broken)?;
        let side = |n: usize| {
            let keying =
                [&keys[n * key_len..(n + 1) * key_len], &salts[n * salt_len..(n + 1) * salt_len]].concat();
            SrtpKey::new(suite, &keying).ok_or(DtlsError::Broken)
        };
        let (client, server) = (side(0)?, side(1)?);
        Ok(match self.role {
            Role::Active => DtlsKeys { ours: client, theirs: server },
            Role::Passive => DtlsKeys { ours: server, theirs: client },
        })
    }

    fn reason(&self, error: &Error) -> DtlsError {
        if self.wrong_certificate.load(Ordering::Relaxed) {
            return DtlsError::Fingerprint;
        }
        match error {
            Error::ErrAlertFatalOrClose => DtlsError::Refused,
            Error::ErrClientCertificateRequired => DtlsError::Fingerprint,
            Error::ErrServerNoMatchingSrtpProfile
            | Error::ErrClientNoMatchingSrtpProfile
            | Error::ErrRequestedButNoSrtpExtension => DtlsError::NoProfile,
            _ => DtlsError::Broken,
        }
    }
}

fn endpoint(role: Role, config: &Arc<HandshakeConfig>) -> Endpoint {
    let server = (role == Role::Passive).then(|| Arc::clone(config));
    Endpoint::new(OUR_SIDE, TransportProtocol::UDP, server)
}

fn configuration(
    certificate: &Certificate,
    role: Role,
    their_sha256: [u8; 32],
    wrong_certificate: &Arc<AtomicBool>,
) -> Result<HandshakeConfig, DtlsError> {
    let wrong = Arc::clone(wrong_certificate);
    ConfigBuilder::default()
        .with_crypto_provider(Arc::clone(&certificate.provider))
        .with_certificates(vec![certificate.with_key.clone()])
        .with_srtp_protection_profiles(PROFILES.map(|(profile, _)| profile).to_vec())
        .with_flight_interval(FLIGHT_INTERVAL)
        // Nobody vouches for these certificates but the signalling: what is asked is the next line.
        .with_insecure_skip_verify(true)
        .with_verify_peer_certificate(Some(Arc::new(move |chain, _| {
            if chain.first().map(|der| sha256(der)) == Some(their_sha256) {
                return Ok(());
            }
            wrong.store(true, Ordering::Relaxed);
            Err(Error::ErrInvalidCertificate)
        })))
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        .build(role == Role::Active, Some(FAR_END))
        .map_err(|_| DtlsError::Certificate)
}

/// Gives the records in the clear numbers from `next` on; gives the one after the last.
fn renumber(mut bytes: &mut [u8], mut next: u64) -> u64 {
    while let Some((header, rest)) = bytes.split_at_mut_checked(RECORD_HEADER) {
        if header[3..5] == [0, 0] {
            header[5..11].copy_from_slice(&next.to_be_bytes()[2..]);
            next += 1;
        }
        let len = usize::from(u16::from_be_bytes([header[11], header[12]]));
        bytes = rest.get_mut(len..).unwrap_or_default();
    }
    next
}

/// Whether those are whole records of DTLS 1.0 to 1.2 of which none is nonsense. rtc-dtls answers nonsense
/// with a fatal alert, and anyone can send it.
fn is_plausible(mut bytes: &[u8]) -> bool {
    const HANDSHAKE_HEADER: usize = 12;
    let mut records = 0;
    while !bytes.is_empty() {
        let Some((header, rest)) = bytes.split_at_checked(RECORD_HEADER) else { return false };
        let len = usize::from(u16::from_be_bytes([header[11], header[12]]));
        let Some((body, rest)) = rest.split_at_checked(len) else { return false };
        let clear = header[3..5] == [0, 0];
        let sound = match header[0] {
            20 if clear => body == [1],
            // Alerts: fatal ones, and the close notification.
            21 if clear => matches!(body, [2, _] | [_, 0]),
            22 if clear => len >= HANDSHAKE_HEADER,
            20..=23 => !clear && len > 0,
            _ => false,
        };
        if !sound || header[1] != 0xfe || !matches!(header[2], 0xff | 0xfd) {
            return false;
        }
        bytes = rest;
        records += 1;
    }
    records > 0
}
