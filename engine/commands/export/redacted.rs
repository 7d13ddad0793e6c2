//! One call, with what tells of whom it is hidden in its words and silent in its sound.

use std::{fs, io::Write, path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};
use waihu_record::{Pcm, Speaker, TranscriptLine, wav};
use waihu_redact::{Known, find_in_lines, hide, lasting_ms, silent};
use waihu_store::{Filter, Store};
use waihu_types::Lang;

use super::RedactedArgs;
use crate::{
    configuration::Configuration,
    output::{note, out},
    project::Project,
};

/// Slow speakers take so much longer for a line than is reckoned [percent]; the next line of theirs ends it anyway.
const SLOWER: u64 = 180;

pub(super) async fn write(project: &Project, store: &Store, args: &RedactedArgs) -> Result<ExitCode> {
    let filter = Filter { attempt: Some(args.attempt.clone()), ..Filter::default() };
    let Some(outcome) = store.outcomes(&filter).await?.pop() else {
        bail!("{}: there is no outcome of it 没有该通话", args.attempt);
    };
    let vault = Configuration::of(project)?.vault.open()?;
    let Some(mut lines) = super::lines(project, &vault, &outcome)? else {
        bail!(
            "{}: its transcript is not here, and without it nothing can be hidden 缺少文本，无法脱敏",
            args.attempt
        );
    };
    let case = store.case(&outcome.case).await?.map(|stored| stored.case);
    let known = case.as_ref().map(Known::of).unwrap_or_default();
    let silences = redact(&mut lines, outcome.script.lang, &known);
    fs::create_dir_all(&args.folder).with_context(|| format!("{}", args.folder.display()))?;
    let path = args.folder.join(format!("{}.jsonl", args.attempt));
    let mut file = waihu_record::create_private(&path)?;
    for line in &lines {
        serde_json::to_writer(&mut file, line)?;
        file.write_all(b"\n")?;
    }
    out!("{}", path.display())?;
    if let Some(recording) = &outcome.recording {
        let name = Path::new(&recording.path).file_name().context("the recording has no name")?;
        let path = project.recordings().join(name);
        let mut sound = wav::read_from(&path, &mut vault.open(&path)?).context("the recording 录音")?;
        silence(&mut sound, &silences);
        let path = args.folder.join(format!("{}.wav", args.attempt));
        waihu_record::create_private(&path)?.write_all(&wave(&sound))?;
        out!("{}", path.display())?;
    }
    note!(
        "{} places are silent, each with a second and more around it: the times of single words are not known \
         已静音 {} 处，前后各留余量",
        silences.len(),
        silences.len()
    );
    Ok(ExitCode::SUCCESS)
}

/// A stretch of silence on one side of a call [ms].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Silence {
    /// The callee's side is the left one.
    callee: bool,
    from_ms: u64,
    to_ms: u64,
}

/// Hides what tells of whom a call is, and says when that was said.
fn redact(lines: &mut [TranscriptLine], lang: Lang, known: &Known) -> Vec<Silence> {
    let texts: Vec<(u64, Speaker, &str)> =
        lines.iter().map(|line| (line.at_ms, line.speaker, line.text.as_str())).collect();
    let spans = find_in_lines(&texts, lang, known);
    let mut silences = Vec::new();
    for (n, spans) in spans.iter().enumerate().filter(|(_, spans)| !spans.is_empty()) {
        let (at_ms, by, text) = texts[n];
        if by == Speaker::System {
            continue;
        }
        let next = texts.iter().filter(|(at, who, _)| *who == by && *at > at_ms).map(|(at, ..)| *at).min();
        let reckoned = at_ms + lasting_ms(text) * SLOWER / 100;
        let to_ms = next.map_or(reckoned, |next| next.min(reckoned));
        silences.extend(spans.iter().map(|span| {
            let (from_ms, to_ms) = silent(text, *span, (at_ms, to_ms));
            Silence { callee: by == Speaker::Callee, from_ms, to_ms }
        }));
    }
    for (line, spans) in lines.iter_mut().zip(spans).filter(|(_, spans)| !spans.is_empty()) {
        line.text = hide(&line.text, &spans, lang);
        line.entities = None;
    }
    silences
}

fn silence(sound: &mut Pcm, silences: &[Silence]) {
    let rate = u64::from(sound.rate);
    let stereo = sound.channels.len() > 1;
    for Silence { callee, from_ms, to_ms } in silences {
        let side = usize::from(stereo && !callee);
        let Some(channel) = sound.channels.get_mut(side) else { continue };
        let place = |ms: u64| usize::try_from(ms * rate / 1_000).unwrap_or(usize::MAX).min(channel.len());
        let (from, to) = (place(*from_ms), place(*to_ms));
        channel[from..to].fill(0.0);
    }
}

/// A RIFF file of 16 bits.
fn wave(sound: &Pcm) -> Vec<u8> {
    let channels = u16::try_from(sound.channels.len()).unwrap_or(1);
    let frames = sound.channels.iter().map(Vec::len).max().unwrap_or(0);
    let bytes = u32::try_from(frames * usize::from(channels) * 2).unwrap_or(u32::MAX - 36);
    let mut file = Vec::with_capacity(frames * usize::from(channels) * 2 + 44);
    file.extend(b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(sound.rate.to_le_bytes());
    file.extend((sound.rate * u32::from(channels) * 2).to_le_bytes());
    file.extend((channels * 2).to_le_bytes());
    file.extend(16_u16.to_le_bytes());
    file.extend(b"data");
    file.extend(bytes.to_le_bytes());
    for frame in 0..frames {
        for channel in &sound.channels {
            let sample = channel.get(frame).copied().unwrap_or(0.0).clamp(-1.0, 1.0);
            // Within an i16 by the clamp.
            file.extend(((sample * 32_767.0) as i16).to_le_bytes());
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_hidden_in_the_words_and_silent_on_its_side_alone() {
        let line = |at_ms, speaker, text: &str| TranscriptLine {
            at_ms,
            speaker,
            text: text.into(),
            intent: None,
            confidence: None,
            entities: None,
        };
        let mut lines = [
            line(0, Speaker::Bot, "请问哪天可以还款？"),
            line(4_000, Speaker::Callee, "卡号4111111111111111，下周"),
            line(9_000, Speaker::Bot, "好的"),
        ];
        let silences = redact(&mut lines, Lang::Zh, &Known::default());
        assert_eq!(lines[1].text, "卡号〔卡号〕，下周");
        assert_eq!(silences.len(), 1);
        assert!(silences[0].callee && silences[0].from_ms <= 4_200 && silences[0].to_ms > 5_400);
        let mut sound = Pcm { rate: 8_000, channels: vec![vec![0.5; 80_000]; 2] };
        silence(&mut sound, &silences);
        let at = |side: usize, ms: usize| sound.channels[side][ms * 8];
        assert_eq!((at(0, 1_000), at(0, 5_000), at(1, 5_000)), (0.5, 0.0, 0.5));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        fs::write(&path, wave(&sound)).unwrap();
        let read = wav::read(&path).unwrap();
        assert_eq!((read.rate, read.channels.len(), read.channels[0].len()), (8_000, 2, 80_000));
        assert!(read.channels[0][40_000].abs() < 1e-3 && (read.channels[1][40_000] - 0.5).abs() < 1e-3);
    }
}
