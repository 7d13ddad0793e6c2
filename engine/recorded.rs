//! Prompts that a person recorded: their files in a flow's folder, for the script and for the voice.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use waihu_dialler::RecordedPrompts;
use waihu_dialog::{Chosen, Delivery, Problem, RecordedFile, Script};
use waihu_record::wav;
use waihu_speech::{FitError, Take, fit};
use waihu_types::Lang;

/// The files of a flow's recordings with their digests.
///
/// # Errors
/// Folders that are not there or named for no language, and files that cannot be read.
pub(crate) fn files(flow: &Path, script: &Script) -> Result<Vec<RecordedFile>, Vec<Problem>> {
    let (mut files, mut problems) = (Vec::new(), strays(&flow.join("recorded")));
    for lang in Lang::ALL {
        let (named, chosen) = script.recorded_folder(lang);
        let folder = flow.join(&named);
        if !folder.is_dir() {
            if chosen == Chosen::ByScript {
                let message = format!("recorded: there is no folder {} 录音目录不存在", folder.display());
                problems.push(script.voice_problem(lang, message));
            }
            continue;
        }
        for path in within(&folder).into_iter().filter(|p| p.is_file()) {
            match fs::read(&path) {
                Ok(bytes) => files.push(RecordedFile {
                    lang,
                    path: path.display().to_string(),
                    sha256: hex::encode(Sha256::digest(bytes)),
                }),
                Err(e) => problems.push(of_file(&path.display().to_string(), e.to_string())),
            }
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

/// What lies in the folder of recordings and is none of a language.
fn strays(folder: &Path) -> Vec<Problem> {
    let is_lang = |p: &Path| p.is_dir() && Lang::ALL.iter().any(|l| p.ends_with(l.code()));
    let stray = within(folder).into_iter().filter(|p| !is_lang(p));
    let message = "recordings lie in a folder for their language, zh or en 录音应放在 zh 或 en 目录";
    stray.map(|p| of_file(&p.display().to_string(), message.to_owned())).collect()
}

/// What lies in a folder, but for hidden files and notes.
fn within(folder: &Path) -> Vec<PathBuf> {
    let note = |p: &Path| p.extension().is_some_and(|e| e == "md" || e == "txt");
    let hidden = |p: &Path| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
    let listed = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    let mut paths: Vec<PathBuf> = listed.filter(|p| !note(p) && !hidden(p)).collect();
    paths.sort();
    paths
}

fn of_file(path: &str, message: String) -> Problem {
    Problem { file: path.to_owned(), line: 1, message, help: String::new() }
}

/// The sound of a script's recordings, made fit for calls.
///
/// # Errors
/// Every file that is of no use, and why.
pub(crate) fn sounds(script: &Script) -> Result<RecordedPrompts, Vec<Problem>> {
    let (mut sounds, mut problems) = (RecordedPrompts::new(), Vec::new());
    for Delivery { files, .. } in Lang::ALL.into_iter().flat_map(|lang| script.deliveries(lang)) {
        let mut takes = Vec::with_capacity(files.len());
        for path in &files {
            match wav::read(&**path) {
                Ok(pcm) => takes.push((pcm.mono(), pcm.rate)),
                Err(e) => problems.push(of_file(path, e.to_string().replacen(&**path, "it", 1))),
            }
        }
        if takes.len() < files.len() {
            continue;
        }
        let takes: Vec<Take<'_>> =
            takes.iter().map(|(samples, rate)| Take { samples, rate: *rate }).collect();
        match fit(&takes) {
            Ok(clips) => sounds.extend(files.into_iter().zip(clips)),
            Err(FitError::Fault { take, fault }) => {
                let path = files.get(take).map_or("", |path| path);
                problems.push(of_file(path, fault.to_string()));
            }
            Err(e) => problems.push(of_file(files.first().map_or("", |path| path), e.to_string())),
        }
    }
    if problems.is_empty() { Ok(sounds) } else { Err(problems) }
}

/// What of a script is recorded and what is not, for people; nothing where no prompt of the language is.
pub(crate) fn summary(script: &Script, lang: Lang) -> Vec<String> {
    let all = script.deliveries(lang);
    if all.iter().all(|d| d.files.is_empty()) {
        return Vec::new();
    }
    let line = |how: &str, which: &dyn Fn(&Delivery) -> bool| {
        let names: Vec<String> =
            all.iter().filter(|d| which(d)).map(|d| format!("{}.{}", d.prompt, d.wording)).collect();
        format!("  {lang} {how}: {} ({})", names.len(), names.join(", "))
    };
    vec![
        line("recorded 真人录音", &|d| !d.files.is_empty() && !d.has_slots),
        line("recorded, with values spoken between 录音与合成拼接", &|d| {
            !d.files.is_empty() && d.has_slots
        }),
        line("synthesized 合成", &|d| d.files.is_empty()),
    ]
}
