//! The simulator's SIP socket: who is called, how many at once, and when it ends.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};
use waihu_media::{Media, MediaConfig, MediaError};
use waihu_sip::{Codec, SrtpPolicy, uri::SipUri};
use waihu_srtp::{Certificate, DtlsError};
use waihu_trunk::{IncomingCall, SipSocket};

use crate::{
    Personas,
    call::{self, Stage},
    clips::{Clips, line},
    persona::Persona,
};

/// What the practice ground needs.
#[derive(Debug)]
pub struct SimulatorConfig {
    /// Where it listens for SIP.
    pub bind: SocketAddr,
    /// Where it speaks: its address and ports for RTP.
    pub media: MediaConfig,
    /// What it speaks: the first of a caller's offer that is among them.
    pub codecs: Vec<Codec>,
    /// Whether it takes keys for its sound, or will speak with nobody without.
    pub srtp: SrtpPolicy,
    /// Its callees.
    pub personas: Personas,
    /// The sound of their lines.
    pub clips: Clips,
    /// So many calls at once; the next one is answered 503, and when to come again.
    pub max_calls: usize,
}

/// What it tells while it runs. No number and no word of a call is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It listens; calls may come.
    Ready {
        /// Its SIP address, with the port that the system chose where none was asked for.
        sip: SocketAddr,
    },
    /// A call has come in for a persona.
    Called {
        /// The persona's name.
        persona: String,
    },
    /// A persona has picked up.
    PickedUp {
        /// The persona's name.
        persona: String,
    },
    /// A persona that has picked up hears the bot for the first time.
    Greeted {
        /// The persona's name.
        persona: String,
    },
    /// The bot has begun to answer what a persona said.
    Answered {
        /// The persona's name.
        persona: String,
        /// From the last sample of what was said to the first of what was heard, at the callee's ear: the way
        /// there and back and both playout buffers are in it [ms].
        after_ms: u64,
    },
    /// A call is over.
    Over {
        /// The persona's name.
        persona: String,
        /// How often the bot spoke.
        bot_turns: u32,
    },
}

/// What it has served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Calls that came in.
    pub calls: u64,
    /// Those that a persona answered.
    pub answered: u64,
    /// Those for a number that no persona has, answered 404.
    pub unknown_number: u64,
    /// Those beyond `max_calls`, answered 503.
    pub too_many: u64,
}

/// Why it could not run.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The SIP socket.
    #[error(
        "cannot open the practice ground's SIP socket at {at}: {source}; is another one running? 端口被占用"
    )]
    Sip {
        /// Where.
        at: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The media.
    #[error("the practice ground's media 媒体: {0}")]
    Media(#[from] MediaError),
    /// Its certificate.
    #[error("the practice ground's certificate 证书: {0}")]
    Certificate(#[from] DtlsError),
    /// A line has no sound.
    #[error("persona {number} has a line without sound: make the clips of every line first 缺少语音")]
    NoClip {
        /// The persona.
        number: String,
    },
}

/// The User-Agent that it shows.
const USER_AGENT: &str = "waihu-simulator";

#[derive(Debug, Default)]
pub(crate) struct Counters {
    calls: AtomicU64,
    pub(crate) answered: AtomicU64,
    unknown_number: AtomicU64,
    too_many: AtomicU64,
    pub(crate) up: AtomicUsize,
}

impl Counters {
    fn served(&self) -> Served {
        Served {
            calls: self.calls.load(Ordering::Relaxed),
            answered: self.answered.load(Ordering::Relaxed),
            unknown_number: self.unknown_number.load(Ordering::Relaxed),
            too_many: self.too_many.load(Ordering::Relaxed),
        }
    }
}

/// Serves calls until `stop` is ready; then hangs up what is up, and returns when that is over.
///
/// # Errors
/// When it cannot begin: a socket that cannot be bound, or a line without sound.
pub async fn serve(
    config: SimulatorConfig,
    report: impl Fn(Report) + Send + Sync + 'static,
    stop: impl Future<Output = ()> + Send,
) -> Result<Served, SimulatorError> {
    for persona in config.personas.iter() {
        if persona.says().any(|text| config.clips.of(&line(persona, text)).is_none()) {
            return Err(SimulatorError::NoClip { number: persona.number.clone() });
        }
    }
    let media = Media::spawn(config.media)?;
    let (sip, mut incoming) = SipSocket::bind(config.bind, USER_AGENT)
        .await
        .map_err(|source| SimulatorError::Sip { at: config.bind, source })?;
    let (stop_calls, stopping) = watch::channel(false);
    let stage = Arc::new(Stage {
        media,
        codecs: config.codecs,
        srtp: config.srtp,
        certificate: Certificate::generate()?,
        clips: config.clips,
        counters: Counters::default(),
        report: Box::new(report),
        stopping,
    });
    (stage.report)(Report::Ready { sip: sip.local_addr() });
    tracing::info!(address = %sip.local_addr(), personas = config.personas.len(), "the practice ground is open");
    let mut calls = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            call = incoming.recv() => {
                let Some(call) = call else { break };
                if let Some((persona, call)) = admit(call, &config.personas, config.max_calls, &stage.counters) {
                    calls.spawn(call::serve(call, persona, Arc::clone(&stage)));
                }
            }
            Some(ended) = calls.join_next(), if !calls.is_empty() => log_panic(ended),
        }
    }
    // Nobody listens where no call is up.
    let _ = stop_calls.send(true);
    while let Some(ended) = calls.join_next().await {
        log_panic(ended);
    }
    Ok(stage.counters.served())
}

/// The persona that a call is for; otherwise the call is refused here.
fn admit(
    call: IncomingCall,
    personas: &Personas,
    max_calls: usize,
    counters: &Counters,
) -> Option<(Persona, IncomingCall)> {
    counters.calls.fetch_add(1, Ordering::Relaxed);
    let number = call.request_uri.as_sip().and_then(SipUri::user);
    let persona = number.and_then(|n| personas.find(&n, call.from.display.as_deref())).cloned();
    let Some(persona) = persona else {
        counters.unknown_number.fetch_add(1, Ordering::Relaxed);
        call.call.reject(404, "Not Found");
        return None;
    };
    // Only this task raises the count, so that no two calls can both take the last place.
    if counters.up.load(Ordering::Relaxed) >= max_calls {
        counters.too_many.fetch_add(1, Ordering::Relaxed);
        // Of the lines, not of the callee: 486 would say that this number is on the line.
        call.call.reject(503, "Service Unavailable");
        return None;
    }
    counters.up.fetch_add(1, Ordering::Relaxed);
    Some((persona, call))
}

/// A panic in one call ends that call and no other.
fn log_panic(ended: Result<(), JoinError>) {
    if let Err(e) = ended
        && e.is_panic()
    {
        tracing::error!("a simulated callee failed");
    }
}
