//! Recorded prompts of the reminder flow: which file says which words, and what is refused.
#![allow(clippy::unwrap_used)]

mod reminder;

use reminder::FILES;
use waihu_dialog::{Interpreter, Problem, RecordedFile, Script};
use waihu_types::Lang;

fn files(names: &[&str]) -> Vec<RecordedFile> {
    let file = |name: &&str| RecordedFile {
        lang: Lang::Zh,
        path: format!("dialogs/reminder/recorded/zh/{name}"),
        sha256: format!("{:064x}", name.len()),
    };
    names.iter().map(file).collect()
}

fn with(names: &[&str]) -> Result<Script, Vec<Problem>> {
    Script::load("reminder", &FILES).unwrap().with_recordings(&files(names))
}

/// What a recorded flow says of a text: the words, and the last part of the file's path or none.
fn said(script: Script, text: &str) -> Option<Vec<(String, Option<String>)>> {
    let bot =
        Interpreter::new(script.into(), Lang::Zh, &reminder::case(Lang::Zh), jiff::civil::date(2026, 11, 24));
    let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let parts = bot.recorded_lines().parts(text)?;
    Some(parts.into_iter().map(|p| (text[p.bytes].to_owned(), p.file.map(|f| name(&f)))).collect())
}

/// The file names of all words of a wording that has values in it.
fn pieces(prompt: &str) -> Vec<String> {
    let whole = format!("{prompt}.1.wav");
    let refused = with(&[&whole]).unwrap_err();
    let help = &refused[0].help;
    assert!(refused[0].message.contains("has values in it"), "{refused:?}");
    help.split([' ', ',']).filter(|w| w.ends_with(".wav")).map(str::to_owned).collect()
}

#[test]
fn every_prompt_known_before_dialling_is_taken_apart_as_it_is_written() {
    let script = Script::load("reminder", &FILES).unwrap();
    let deliveries = script.deliveries(Lang::Zh);
    let mut names: Vec<String> = Vec::new();
    for d in deliveries.iter().filter(|d| d.wording == 1) {
        if d.has_slots {
            names.extend(pieces(&d.prompt));
        } else {
            names.push(format!("{}.wav", d.prompt));
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let recorded = with(&names).unwrap();
    let all = recorded.deliveries(Lang::Zh);
    assert!(all.iter().filter(|d| d.wording == 1).all(|d| !d.files.is_empty()));
    let bot = Interpreter::new(
        recorded.into(),
        Lang::Zh,
        &reminder::case(Lang::Zh),
        jiff::civil::date(2026, 11, 24),
    );
    let lines = bot.recorded_lines();
    let texts = bot.prompts_to_prepare();
    let known = texts.iter().filter_map(|text| Some((text, lines.parts(text)?))).collect::<Vec<_>>();
    assert!(known.len() > texts.len() / 2, "{} of {}", known.len(), texts.len());
    for (text, parts) in known {
        let whole: String = parts.iter().map(|p| &text[p.bytes.clone()]).collect();
        assert_eq!(whole.replace(' ', ""), text.replace(' ', ""));
        assert!(parts.iter().any(|p| p.file.is_some()));
    }
}

#[test]
fn a_value_of_the_callees_is_found_between_the_words() {
    let names = pieces("will_call_when");
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let text = "好的，那我们明天下午3点再联系您。打扰您了，再见。";
    let parts = said(with(&names).unwrap(), text).unwrap();
    let of = |n: usize| (parts[n].0.as_str(), parts[n].1.as_deref());
    assert_eq!(of(0), ("好的，那我们", Some("will_call_when.1.a.wav")));
    assert_eq!(of(1), ("明天下午3点", None));
    assert_eq!(of(2), ("再联系您。打扰您了，再见。", Some("will_call_when.1.b.wav")));
    assert_eq!(said(with(&names).unwrap(), "好的，再见。"), None);
}

#[test]
fn what_is_wrong_with_recordings_is_told_by_file() {
    for (names, file, words) in [
        (&["godbye.wav"][..], "godbye.wav", &["no prompt \"godbye\"", "did you mean \"goodbye\"?"][..]),
        (&["goodbye.mp3"], "goodbye.mp3", &["no WAV file"]),
        (&["goodbye.7.wav"], "goodbye.7.wav", &["1 wordings in zh"]),
        (&["goodbye.a.wav"], "goodbye.a.wav", &["no values in it", "goodbye.1.wav"]),
        (&["goodbye.1.wav", "goodbye.wav"], "goodbye.wav", &["says the same words"]),
        (&["will_call_when.1.a.wav"], "will_call_when.1.b.wav", &["missing", "再联系您"]),
        (&["will_call_when.1.z.wav"], "will_call_when.1.z.wav", &["2 pieces"]),
        (&["will_call_when.wav"], "will_call_when.wav", &["will_call_when.1.b.wav for \"再联系您"]),
    ] {
        let problems = with(names).unwrap_err();
        let named = problems.iter().any(|p| {
            p.file.ends_with(&format!("/{file}")) && words.iter().all(|w| p.to_string().contains(w))
        });
        assert!(named, "{names:?}: {}", reminder::lines(&problems));
    }
}

#[test]
fn the_digest_covers_recordings() {
    let plain = Script::load("reminder", &FILES).unwrap().sha256().to_owned();
    let digest = |names: &[&str]| with(names).unwrap().sha256().to_owned();
    assert_eq!(digest(&[]), plain);
    let (one, two) = (digest(&["goodbye.wav"]), digest(&["goodbye.wav", "time_is_up.wav"]));
    assert!(one != plain && two != one);
    assert_eq!(two, digest(&["time_is_up.wav", "goodbye.wav"]));
    let mut other = files(&["goodbye.wav"]);
    other[0].sha256 = "f".repeat(64);
    let changed = Script::load("reminder", &FILES).unwrap().with_recordings(&other).unwrap();
    assert_ne!(changed.sha256(), one, "another sound is another script");
}
