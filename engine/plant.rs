//! The rooms joined into one plant that places calls.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use waihu_compliance::Gate;
use waihu_dialler::{Plant, Reserve, Switchboard};
use waihu_intent::Head;
use waihu_media::{Media, MediaConfig, Ports};
use waihu_record::Recorder;
use waihu_speech::{Speech, SpeechConfig};
use waihu_srtp::Certificate;
use waihu_store::Store;
use waihu_trunk::{Carrier, MediaPorts, SipSocket, TrunkConfig};

use crate::{
    commands::dialog,
    configuration::Configuration,
    gate,
    output::note,
    project::{Project, cores},
};

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

/// The store of a ground.
///
/// # Errors
/// When it cannot be opened.
pub(crate) async fn store(project: &Project, ground: Ground) -> Result<Arc<Store>> {
    Ok(Arc::new(match ground {
        Ground::Real => dialog::open(project).await?,
        Ground::Practice => Store::open(project.practice_store()).await?.for_practice(),
    }))
}

/// Loads every model and binds the trunk's socket; what dead processes left in the store is filed.
///
/// # Errors
/// What is missing or wrong, before anything is dialled.
pub(crate) async fn start(
    project: &Project,
    trunk: TrunkConfig,
    gate: Gate,
    store: Arc<Store>,
    switchboard: Switchboard,
) -> Result<Arc<Plant>> {
    // A key that is not there is told before anybody is called.
    let vault = Configuration::of(project)?.vault.open()?;
    let working_hours = gate::working_hours(project)?;
    waihu_keeping::unlock_words(&store, &vault).await?;
    // The environment is this program's business alone; the trunk only asks for one name.
    let credentials = trunk.credentials(&|name| std::env::var(name).ok())?;
    recover(project, &store).await?;
    let recordings = project.recordings();
    let reserve = Reserve::lay(&[&recordings, &project.made()])
        .context("no room for the reserve of 1 MiB that keeps outcomes safe: free some disk 磁盘空间不足")?;
    allow_files(&trunk);
    let media = Media::spawn(media_config(&trunk))?;
    let config = speech_config(project)?;
    let speech = tokio::task::spawn_blocking(move || Speech::start(config)).await??;
    let user_agent = concat!("waihu/", env!("CARGO_PKG_VERSION"));
    // Calls that come in are refused with 503: this is an outbound engine.
    let mut socket = trunk.socket(user_agent);
    socket.telephones = trunk.telephones(&|name| std::env::var(name).ok())?;
    socket.signer = trunk.signer()?;
    socket.hep = trunk.hep(&|name| std::env::var(name).ok())?;
    let (sip, _) = SipSocket::open(socket).await.with_context(|| {
        format!("cannot bind SIP to {}: is another waihu running? 端口被占用", trunk.bind)
    })?;
    let carrier = Carrier::find(&trunk, sip.clone(), credentials.as_ref()).await;
    if let Some(why) = carrier.why_shut() {
        note!("the carrier is not there yet, it is waited for 线路尚不可用: {why}");
    }
    Ok(Arc::new(Plant {
        sip,
        carrier,
        gate,
        reserve,
        credentials,
        media,
        certificate: Certificate::generate().context("cannot make a certificate 无法生成证书")?,
        speech,
        switchboard,
        working_hours,
        recorder: Recorder::spawn().context("cannot start the recorder 无法启动录音")?,
        store,
        recordings,
        vault,
        models: versions(project)?,
        trunk,
    }))
}

fn media_config(trunk: &TrunkConfig) -> MediaConfig {
    let (first, last) = trunk.rtp_ports;
    let no_audio_after = Duration::from_secs(trunk.no_audio_timeout_s.into());
    MediaConfig {
        port_mode: match trunk.media_ports {
            MediaPorts::PerCall => Ports::PerCall,
            MediaPorts::Shared => Ports::Shared,
        },
        cores: trunk.media_cores.clone(),
        codecs: trunk.codecs.clone(),
        ..MediaConfig::new(trunk.media_address, first..=last, no_audio_after)
    }
}

/// Files of the program itself: models, the store, terminals.
const OWN_FILES: u64 = 256;
/// Files of a call: two sockets a leg, with an agent's, its recording and its transcript.
const CALL_FILES: u64 = 6;

/// Raises the number of files that may be open to what the system lets us have, and says so where that is
/// too little for the trunk's calls.
fn allow_files(trunk: &TrunkConfig) {
    let wanted = OWN_FILES + CALL_FILES * u64::from(trunk.max_calls);
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok(hard)
    });
    match raised {
        Ok(may) if may >= wanted => {}
        Ok(may) => {
            note!(
                "the system allows {may} open files, and the trunk's calls may take {wanted}: see `ulimit -n` 打开文件数上限过低"
            );
        }
        Err(error) => note!("the limit of open files could not be raised 无法提高文件数上限: {error}"),
    }
}

/// What the speech workers load.
///
/// # Errors
/// What is missing.
pub(crate) fn speech_config(project: &Project) -> Result<SpeechConfig> {
    let library = project.library()?;
    Ok(SpeechConfig {
        onnx_runtime: library.path("onnxruntime", "libonnxruntime.so")?,
        whisper: project.recognizer()?,
        silero: library.path("silero-vad", "silero_vad.onnx")?,
        smart_turn: Some(library.path("smart-turn", "smart_turn.onnx")?),
        spotter: Some(project.spotter()).filter(|path| path.exists()),
        encoder: project.encoder()?,
        head: project.trained_head()?,
        tts: project.voices()?,
        prompts: project.prompts("bot"),
        // One a core: each works alone on an utterance.
        recognizers: cores(),
    })
}

/// The models that a call uses, by job, for its outcome.
fn versions(project: &Project) -> Result<BTreeMap<String, String>> {
    let library = project.library()?;
    let mut versions = BTreeMap::new();
    for (job, model) in [
        ("asr", "whisper-base"),
        ("vad", "silero-vad"),
        ("turn", "smart-turn"),
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
