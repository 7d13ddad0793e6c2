//! The rooms joined into one plant that places calls.

use std::{collections::BTreeMap, num::NonZero, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use waihu_dialler::{Plant, Reserve};
use waihu_intent::Head;
use waihu_media::{Media, MediaConfig};
use waihu_record::Recorder;
use waihu_speech::{BotVoices, Speech, SpeechConfig};
use waihu_store::Store;
use waihu_trunk::{SipSocket, TrunkConfig};

use crate::{output::note, project::Project};

/// Of whom nothing comes for so long, the call is told: most phones send packets in silence too. The
/// call is told again each time that it has doubled, and itself decides when the line is dead.
const NO_AUDIO_AFTER: Duration = Duration::from_secs(10);

/// Who is behind a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// People: a number that asked not to be called is not called.
    Real,
    /// Simulated callees, called anew in every run whatever they said in the last.
    Practice,
}

/// Files what dead processes left of their calls, and says so.
///
/// # Errors
/// When the store cannot be read or written.
pub(crate) async fn recover(project: &Project, store: &Store) -> Result<()> {
    let filed = waihu_dialler::recover(store, &project.recordings()).await?;
    if filed > 0 {
        note!("{filed} calls of a process that had died are filed now 已补录中断进程的通话 {filed} 条");
    }
    Ok(())
}

/// Loads every model, binds the trunk's socket and opens the store.
///
/// # Errors
/// What is missing or wrong, before anything is dialled.
pub(crate) async fn start(project: &Project, trunk: TrunkConfig, ground: Ground) -> Result<Arc<Plant>> {
    // The environment is this program's business alone; the trunk only asks for one name.
    let credentials = trunk.credentials(&|name| std::env::var(name).ok())?;
    let store = Store::open(project.store()).await?;
    let store = match ground {
        Ground::Real => store,
        Ground::Practice => store.for_practice(),
    };
    recover(project, &store).await?;
    let recordings = project.recordings();
    let reserve = Reserve::lay(&[&recordings, &project.made()])
        .context("no room for the reserve of 1 MiB that keeps outcomes safe: free some disk 磁盘空间不足")?;
    let (first, last) = trunk.rtp_ports;
    let media = Media::spawn(MediaConfig {
        codecs: trunk.codecs.clone(),
        ..MediaConfig::new(trunk.media_address, first..=last, NO_AUDIO_AFTER)
    })?;
    let config = speech_config(project)?;
    let speech = tokio::task::spawn_blocking(move || Speech::start(config)).await??;
    let user_agent = concat!("waihu/", env!("CARGO_PKG_VERSION"));
    // Calls that come in are refused with 503: this is an outbound engine.
    let (sip, _) = SipSocket::bind(trunk.bind, user_agent).await.with_context(|| {
        format!("cannot bind SIP to {}: is another waihu running? 端口被占用", trunk.bind)
    })?;
    Ok(Arc::new(Plant {
        sip,
        reserve,
        credentials,
        media,
        speech,
        recorder: Recorder::spawn().context("cannot start the recorder 无法启动录音")?,
        store,
        recordings,
        models: versions(project)?,
        trunk,
    }))
}

fn speech_config(project: &Project) -> Result<SpeechConfig> {
    let library = project.library()?;
    Ok(SpeechConfig {
        onnx_runtime: library.path("onnxruntime", "libonnxruntime.so")?,
        whisper: library.path("whisper-base", "ggml-base.bin")?,
        silero: library.path("silero-vad", "silero_vad.onnx")?,
        encoder: project.encoder()?,
        head: project.trained_head()?,
        tts: project.voices()?,
        prompts: project.prompts("bot"),
        // One a core: each works alone on an utterance.
        recognizers: std::thread::available_parallelism().map_or(1, NonZero::get),
        voices: BotVoices::default(),
    })
}

/// The models that a call uses, by job, for its outcome.
fn versions(project: &Project) -> Result<BTreeMap<String, String>> {
    let library = project.library()?;
    let mut versions = BTreeMap::new();
    for (job, model) in [
        ("asr", "whisper-base"),
        ("vad", "silero-vad"),
        ("tts-zh", "kokoro"),
        ("tts-en", "piper-joe"),
        ("intent", "use-multilingual"),
    ] {
        versions.insert(job.to_owned(), library.version_tag(model)?);
    }
    // The encoder stays, its head is trained anew whenever the examples change.
    let head = Head::load(&project.trained_head()?)?.version();
    versions.entry("intent".to_owned()).and_modify(|encoder| encoder.push_str(&format!(" ({head})")));
    Ok(versions)
}
