//! `waihu dialog talk`: a conversation with a flow by voice: WAV files into the real ears, or a SIP
//! telephone that is rung.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use waihu_audio::{Frame, SAMPLES_8K, SILENCE, frame::to_i16, gate::SpeechGate};
use waihu_dialler::Order;
use waihu_dialog::Event;
use waihu_record::wav;
use waihu_speech::{Event as Ear, Gate, Heard, Listener, Speech};
use waihu_trunk::{TrunkConfig, Uri};

use super::{
    chat::{About, finish, show},
    session::Session,
    source::Source,
};
use crate::{
    commands::call,
    output::{note, out},
    plant,
    project::Project,
};

/// One frame [ms].
const FRAME: Duration = Duration::from_millis(20);
/// How long words are waited for after a file: a turn may wait 2 s for more, and recognition a second or two
/// on a machine that does something else as well.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Debug, Args)]
pub(crate) struct TalkArgs {
    /// The flow: a name of dialogs/, a stored version NAME@SHA, or a folder 话术
    flow: String,
    #[command(flatten)]
    about: About,
    /// What the callee says, a file a turn, in this order; `-` is a turn of silence 被叫的录音，每个文件一句
    #[arg(long, value_name = "FILE.wav", num_args = 1.., conflicts_with = "sip")]
    wav: Vec<PathBuf>,
    /// A SIP telephone that is rung, as sip:me@192.0.2.7:5060 要呼叫的 SIP 话机
    #[arg(long, value_name = "URI")]
    sip: Option<Uri>,
}

pub(crate) fn run(project: &Project, args: TalkArgs) -> Result<ExitCode> {
    let script = Source::named(project, &args.flow)?.script();
    if let Some(target) = args.sip {
        let (case, lang, _) = args.about.case(&script)?;
        let trunk = TrunkConfig::direct(&target)?;
        let order = Order {
            attempt: Order::new_attempt_id(),
            campaign: None,
            number: case.phone.clone(),
            case,
            revision: None,
            recorded: project.recorded_prompts(&script)?,
            script,
            // Whatever it is, somebody tries it by hand.
            variant: None,
            draft: true,
            lang,
            target: Some(target),
            caller_id: None,
            plan: None,
            past: Vec::new(),
            history: Vec::new(),
            ahead: None,
        };
        return call::place(project, trunk, order);
    }
    if args.wav.is_empty() {
        bail!(
            "name what the callee says: --wav FILE.wav …, or a telephone: --sip sip:me@192.0.2.7 请给出 --wav 或 --sip"
        );
    }
    note!("loading models 加载模型 …");
    let speech = Speech::start(plant::speech_config(project)?)?;
    let (mut session, today) = args.about.begin(&script)?;
    show(&mut session)?;
    let (tell, told) = mpsc::channel();
    let listener = speech.listen(session.lang(), today, Arc::new(move |event| drop(tell.send(event))));
    listener.answered();
    for path in &args.wav {
        if session.is_over() {
            note!("{}: the conversation is over before it 对话已结束", path.display());
            break;
        }
        turn(&mut session, &listener, &told, path)?;
        show(&mut session)?;
    }
    if !session.is_over() {
        out!("— the callee hangs up 对方挂断")?;
        session.event(Event::HangUp);
    }
    finish(&mut session, false)?;
    Ok(ExitCode::SUCCESS)
}

/// One file as what the callee says: everything that the ears make of it goes into the conversation.
fn turn(session: &mut Session, listener: &Listener, told: &mpsc::Receiver<Ear>, path: &Path) -> Result<()> {
    if path.as_os_str() == "-" {
        out!("callee 对方: … (silence 没有声音)")?;
        session.event(Event::Silence);
        return Ok(());
    }
    let samples = telephone(path)?;
    listener.expect(waihu_dialler::expectation(session.expectation()));
    let mut heard_any = false;
    for event in listen(listener, told, &samples) {
        match event {
            Ear::Heard(heard) | Ear::Rejoined(heard) => {
                heard_any = true;
                out!("callee 对方: {}", line(&heard))?;
                session.heard(waihu_dialler::utterance(heard));
                show(session)?;
            }
            Ear::Unintelligible => {
                heard_any = true;
                out!("callee 对方: … (no words found 听不清)")?;
                session.event(Event::Noise);
                show(session)?;
            }
            _ => {}
        }
        if session.is_over() {
            return Ok(());
        }
    }
    if !heard_any {
        out!("callee 对方: … ({}: no speech in it 没有听到说话)", path.display())?;
        session.event(Event::Silence);
    }
    Ok(())
}

/// Plays samples at 8 kHz and silence after them into the ears, as fast as a call would, until the words of
/// all that was said are there.
fn listen(listener: &Listener, told: &mpsc::Receiver<Ear>, samples: &[i16]) -> Vec<Ear> {
    let ear = listener.ear();
    let mut gate = SpeechGate::new(8_000);
    let mut push = |frame: &Frame| {
        let open = gate.push(frame, None).speech;
        ear.hear(frame, if open { Gate::Open } else { Gate::Closed });
    };
    let mut events = Vec::new();
    let mut open = 0_i32;
    let mut take = |event: Ear, open: &mut i32| {
        match &event {
            Ear::Started => *open += 1,
            Ear::Heard(_) | Ear::Rejoined(_) | Ear::Unintelligible => *open -= 1,
            _ => {}
        }
        events.push(event);
    };
    let begun = Instant::now();
    let mut ticks = 0_u32;
    let mut tick = || {
        ticks += 1;
        thread::sleep((FRAME * ticks).saturating_sub(begun.elapsed()));
    };
    for piece in samples.chunks(SAMPLES_8K) {
        let mut frame = SILENCE;
        frame[..piece.len()].copy_from_slice(piece);
        push(&frame);
        tick();
        told.try_iter().for_each(|event| take(event, &mut open));
    }
    let mut waited = Duration::ZERO;
    // A second at least, in which speech at the very end is noticed; then until nothing is owed.
    while waited < PATIENCE && (waited < Duration::from_secs(1) || open > 0) {
        push(&SILENCE);
        tick();
        waited += FRAME;
        told.try_iter().for_each(|event| take(event, &mut open));
    }
    events
}

fn line(heard: &Heard) -> String {
    let mut line = format!("{}   [{} {:.2}", heard.text, heard.intent, heard.confidence);
    heard.also.iter().for_each(|(intent, c)| line += &format!(", {intent} {c:.2}"));
    format!("{line}; {:?}]", heard.by)
}

/// A file as a telephone has it: one side, 8 kHz.
fn telephone(path: &Path) -> Result<Vec<i16>> {
    let pcm = wav::read(path)?;
    let samples = waihu_audio::resample(&pcm.mono(), pcm.rate, 8_000)
        .with_context(|| format!("{}: cannot be brought to 8 kHz", path.display()))?;
    Ok(to_i16(&samples))
}
