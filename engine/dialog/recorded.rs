//! Prompts that a person recorded: which file says which words of which wording, and where these words
//! stand in a text that is to be spoken.
//!
//! A wording without placeholders is one file, `PROMPT.N.wav`. Of one with placeholders each run of words
//! between them is a file, `PROMPT.N.a.wav`, `PROMPT.N.b.wav` and so on, and the values are spoken by a
//! voice. Names and digests only; deliberately absent: the sound.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use sha2::{Digest, Sha256};
use waihu_types::{Lang, ProductKind};

use crate::{
    interpreter::Interpreter,
    memory::Memory,
    parse::SMS,
    problem::{Problem, Problems, nearest},
    script::{PromptIx, Script},
    template::{Piece, Template},
};

/// The longest text that is looked up [bytes]: what is recorded is a minute at most.
const MAX_TEXT: usize = 4_000;

/// A file of recorded speech, as it lies in the flow's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedFile {
    /// The language that it is for.
    pub lang: Lang,
    /// Its path, for messages and for whoever reads its sound; only the last part tells what it says.
    pub path: String,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// A wording, and how it is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The prompt, with the product that it is worded for (`matter@card`).
    pub prompt: String,
    /// Which of its wordings, from 1.
    pub wording: usize,
    /// The files that say its words, in order; none where a voice speaks all of it.
    pub files: Vec<Arc<str>>,
    /// Whether values are spoken between them.
    pub has_slots: bool,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it stands in the text.
    pub bytes: Range<usize>,
    /// The file that says it; none where a voice speaks it.
    pub file: Option<Arc<str>>,
}

/// One wording of a prompt in a language, of its own for a kind of product where it is.
pub(crate) type Wording = (Lang, PromptIx, Option<ProductKind>, usize);
/// By wording: the paths of its files.
pub(crate) type Recorded = BTreeMap<Wording, Vec<Arc<str>>>;

/// What the name of a file says.
struct Named<'n> {
    prompt: &'n str,
    /// From 0.
    wording: usize,
    /// From 0; none for a whole wording.
    piece: Option<usize>,
}

impl<'n> Named<'n> {
    /// Reads `PROMPT[.N][.a]`; the number may be left out for the first wording.
    fn read(stem: &'n str) -> Option<Self> {
        let mut rest = stem;
        let mut piece = None;
        if let Some((before, last)) = rest.rsplit_once('.')
            && let [letter @ b'a'..=b'z'] = last.as_bytes()
        {
            (rest, piece) = (before, Some(usize::from(letter - b'a')));
        }
        let mut wording = 0;
        if let Some((before, last)) = rest.rsplit_once('.')
            && let Ok(n @ 1..=99) = last.parse::<usize>()
        {
            (rest, wording) = (before, n - 1);
        }
        (!rest.is_empty()).then_some(Self { prompt: rest, wording, piece })
    }
}

/// The name of a file for a wording's words.
fn file_name(prompt: &str, wording: usize, piece: Option<usize>) -> String {
    let letter = piece.and_then(|p| u8::try_from(p).ok()).map(|p| char::from(b'a'.saturating_add(p)));
    let letter = letter.map(|l| format!(".{l}")).unwrap_or_default();
    format!("{prompt}.{}{letter}.wav", wording + 1)
}

/// A wording cut into the words that can be recorded and the slots between them. Marks that stand alone
/// beside a slot belong to it: nobody records a full stop.
#[derive(Debug)]
enum Segment<'t> {
    Words(&'t str),
    Slot(Vec<&'t Piece>),
}

fn segments(template: &Template) -> Vec<Segment<'_>> {
    let has_slots = template.placeholders().next().is_some();
    let mut out: Vec<Segment<'_>> = Vec::new();
    for piece in template.pieces() {
        match piece {
            Piece::Text(text) if !has_slots || text.chars().any(char::is_alphanumeric) => {
                out.push(Segment::Words(text));
            }
            other => match out.last_mut() {
                Some(Segment::Slot(slot)) => slot.push(other),
                _ => out.push(Segment::Slot(vec![other])),
            },
        }
    }
    out
}

/// The words of a wording that can be recorded, in order.
fn words(template: &Template) -> Vec<&str> {
    let said = segments(template).into_iter().filter_map(|segment| match segment {
        Segment::Words(words) => Some(words.trim()),
        Segment::Slot(_) => None,
    });
    said.collect()
}

impl Script {
    /// Where a language's recordings lie, from the flow's folder, and whether the script says so itself.
    pub fn recorded_folder(&self, lang: Lang) -> (String, Chosen) {
        match self.voices.get(&lang).and_then(|v| v.recorded.clone()) {
            Some(folder) => (folder, Chosen::ByScript),
            None => (format!("recorded/{lang}"), Chosen::ByCustom),
        }
    }

    /// Takes in recordings: from here on they say the words that they are named for, and the script's
    /// digest covers them.
    ///
    /// # Errors
    /// Files that say no words of any prompt, words said by two files, and the files that are missing
    /// where a wording is recorded in part.
    pub fn with_recordings(mut self, files: &[RecordedFile]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let mut found: BTreeMap<Wording, BTreeMap<usize, Arc<str>>> = BTreeMap::new();
        for file in files {
            match self.place_of(file) {
                Ok((key, piece)) => {
                    let path: Arc<str> = file.path.as_str().into();
                    if let Some(other) = found.entry(key).or_default().insert(piece, path) {
                        problems.add_to_file(&file.path, format!("{other} says the same words"), "keep one");
                    }
                }
                Err((message, help)) => problems.add_to_file(&file.path, message, help),
            }
        }
        for (key, pieces) in found {
            let wanted = self.template(key).map(words).unwrap_or_default();
            for (piece, said) in wanted.iter().enumerate().filter(|(p, _)| !pieces.contains_key(p)) {
                self.missing(key, piece, said, &pieces, &mut problems);
            }
            self.recorded.insert(key, pieces.into_values().collect());
        }
        if !problems.0.is_empty() {
            return Err(problems.0);
        }
        self.digest_recordings(files);
        Ok(self)
    }

    /// The wording and the piece of it that a file is for.
    fn place_of(&self, file: &RecordedFile) -> Result<(Wording, usize), (String, String)> {
        let name = last_part(&file.path);
        let Some(stem) = name.strip_suffix(".wav").or_else(|| name.strip_suffix(".WAV")) else {
            return Err(("no WAV file".to_owned(), "recordings are .wav files".to_owned()));
        };
        let whole = self.prompts.names.iter().any(|n| **n == *stem);
        let whole = whole.then_some(Named { prompt: stem, wording: 0, piece: None });
        let unknown = || ("it is named for no prompt".to_owned(), "name it PROMPT.N.wav".to_owned());
        let Named { prompt, wording, piece } = whole.or_else(|| Named::read(stem)).ok_or_else(unknown)?;
        let spoken = self.prompts.names.iter().map(AsRef::as_ref).filter(|n: &&str| !n.starts_with(SMS));
        let (base, kind) = prompt.split_once('@').map_or((prompt, None), |(base, kind)| (base, Some(kind)));
        let ix = self.prompts.names.iter().position(|n| **n == *base && !base.starts_with(SMS));
        let ix = ix.ok_or_else(|| (format!("no prompt {base:?}"), nearest(base, spoken)))?;
        let kind = match kind {
            None => None,
            Some(word) => {
                Some(ProductKind::ALL.into_iter().find(|k| k.label() == word).ok_or_else(|| {
                    let help = nearest(word, ProductKind::ALL.iter().map(|k| k.label()));
                    (format!("{word:?} is no product"), help)
                })?)
            }
        };
        let key = (file.lang, ix, kind, wording);
        let template = self.template(key).ok_or_else(|| {
            let count = self.own_wordings(file.lang, kind, ix).len();
            (
                format!("prompt {prompt:?} has {count} wordings in {}", file.lang),
                "number it from 1".to_owned(),
            )
        })?;
        Ok((key, piece_of(template, prompt, wording, piece)?))
    }

    /// A wording, where there is such a one.
    fn template(&self, (lang, prompt, kind, wording): Wording) -> Option<&Template> {
        self.own_wordings(lang, kind, prompt).get(wording)
    }

    fn missing(
        &self,
        (_, prompt, kind, wording): Wording,
        piece: usize,
        said: &str,
        beside: &BTreeMap<usize, Arc<str>>,
        problems: &mut Problems,
    ) {
        let Some(beside) = beside.values().next() else { return };
        let folder = beside.strip_suffix(last_part(beside)).unwrap_or_default();
        let path = format!("{folder}{}", file_name(&self.full_name(prompt, kind), wording, Some(piece)));
        let message = format!("it is missing, and {} is there", last_part(beside));
        problems.add_to_file(&path, message, format!("record it: {said:?}"));
    }

    /// The name of a prompt, or of what it is for one kind of product.
    fn full_name(&self, prompt: PromptIx, kind: Option<ProductKind>) -> String {
        let kind = kind.map(|k| format!("@{}", k.label())).unwrap_or_default();
        format!("{}{kind}", self.prompt_name(prompt))
    }

    fn digest_recordings(&mut self, files: &[RecordedFile]) {
        if files.is_empty() {
            return;
        }
        let mut lines: Vec<String> =
            files.iter().map(|f| format!("{}/{} {}\n", f.lang, last_part(&f.path), f.sha256)).collect();
        lines.sort_unstable();
        let digest = Sha256::digest(format!("{}\n{}", self.sha256, lines.concat()));
        self.sha256 = hex::encode(digest);
    }

    /// How each wording of a language is spoken.
    pub fn deliveries(&self, lang: Lang) -> Vec<Delivery> {
        let mut out = Vec::new();
        let spoken = self.prompts.names.iter().enumerate().filter(|(_, name)| !name.starts_with(SMS));
        for (ix, _) in spoken {
            for kind in std::iter::once(None).chain(ProductKind::ALL.map(Some)) {
                for (wording, template) in self.own_wordings(lang, kind, ix).iter().enumerate() {
                    out.push(Delivery {
                        prompt: self.full_name(ix, kind),
                        wording: wording + 1,
                        files: self.recorded.get(&(lang, ix, kind, wording)).cloned().unwrap_or_default(),
                        has_slots: template.placeholders().next().is_some(),
                    });
                }
            }
        }
        out
    }
}

/// Which piece of a wording a file says, or what is wrong with that.
fn piece_of(
    template: &Template,
    prompt: &str,
    wording: usize,
    piece: Option<usize>,
) -> Result<usize, (String, String)> {
    if template.is_markup() {
        let help = "write the wording without markup".to_owned();
        return Err((format!("prompt {prompt:?} is markup, which a person reads otherwise"), help));
    }
    let words = words(template);
    let has_slots = template.placeholders().next().is_some();
    match piece {
        None if has_slots => {
            let name = |p| file_name(prompt, wording, Some(p));
            let files = words.iter().enumerate().map(|(p, words)| format!("{} for {words:?}", name(p)));
            let help = files.collect::<Vec<_>>().join(", ");
            let help = format!("record what stands between: {help}");
            Err((format!("prompt {prompt:?} has values in it"), help))
        }
        None => Ok(0),
        Some(_) if !has_slots => Err((
            format!("prompt {prompt:?} has no values in it"),
            format!("record it whole, as {}", file_name(prompt, wording, None)),
        )),
        Some(piece) if piece >= words.len() => {
            let message = format!("prompt {prompt:?} has {} pieces in this wording", words.len());
            Err((message, "take it out".to_owned()))
        }
        Some(piece) => Ok(piece),
    }
}

/// Whether a script chose something, or it is as it mostly is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// The script names it.
    ByScript,
    /// It does not.
    ByCustom,
}

fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The recorded wordings of one call, with its values. Holds personal data.
pub struct RecordedLines(Vec<Vec<Atom>>);

impl std::fmt::Debug for RecordedLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordedLines({})", self.0.len())
    }
}

/// A stretch of a wording. Spaces are left out of all that is compared: filling in moves them.
struct Atom {
    /// None where only the callee can say it.
    text: Option<String>,
    /// Those of the same number are spoken in one breath.
    segment: usize,
    file: Option<Arc<str>>,
}

impl Interpreter {
    /// The recorded wordings of this conversation.
    pub fn recorded_lines(&self) -> RecordedLines {
        let (script, lang, memory) = self.spoken_from();
        let lines = script.recorded.iter().filter_map(|(key, files)| {
            let (of_lang, prompt, kind, _) = *key;
            let own = Some(memory.kind()).filter(|k| !script.own_wordings(lang, Some(*k), prompt).is_empty());
            let is_said = of_lang == lang && kind == own;
            is_said.then(|| Some(atoms(script.template(*key)?, files, memory))).flatten()
        });
        RecordedLines(lines.collect())
    }
}

fn atoms(template: &Template, files: &[Arc<str>], memory: &Memory) -> Vec<Atom> {
    let mut files = files.iter();
    let mut out = Vec::new();
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    for (segment, part) in segments(template).into_iter().enumerate() {
        match part {
            Segment::Words(words) => {
                out.push(Atom { text: Some(squeezed(words)), segment, file: files.next().cloned() });
            }
            Segment::Slot(pieces) => out.extend(pieces.into_iter().map(|piece| Atom {
                text: match piece {
                    Piece::Text(text) => Some(squeezed(text)),
                    Piece::Fill(p) if p.comes_from_the_callee() => None,
                    Piece::Fill(p) => Some(squeezed(&memory.value(*p).unwrap_or_default())),
                },
                segment,
                file: None,
            })),
        }
    }
    out
}

impl RecordedLines {
    /// The parts of a text that is one of these wordings, in order; none where it is not.
    pub fn parts(&self, text: &str) -> Option<Vec<Part>> {
        if text.len() > MAX_TEXT || self.0.is_empty() {
            return None;
        }
        let kept: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| !c.is_whitespace()).collect();
        let squeezed: String = kept.iter().map(|(_, c)| *c).collect();
        self.0.iter().find_map(|atoms| {
            let mut ends = Vec::with_capacity(atoms.len());
            if !fits(atoms, &squeezed, 0, &mut ends) {
                return None;
            }
            // From bytes of the squeezed text to bytes of the text.
            let mut places = Vec::with_capacity(kept.len());
            let mut at = 0;
            for (byte, c) in &kept {
                places.push((at, *byte, byte + c.len_utf8()));
                at += c.len_utf8();
            }
            let mut parts: Vec<(usize, Part)> = Vec::new();
            let mut from = 0;
            for (atom, end) in atoms.iter().zip(ends) {
                let within = |p: &&(usize, usize, usize)| (from..end).contains(&p.0);
                let (first, last) = (places.iter().find(within), places.iter().rfind(within));
                if let (Some(first), Some(last)) = (first, last) {
                    match parts.last_mut() {
                        Some((segment, part)) if *segment == atom.segment => part.bytes.end = last.2,
                        _ => {
                            let file = atom.file.clone();
                            parts.push((atom.segment, Part { bytes: first.1..last.2, file }));
                        }
                    }
                }
                from = end;
            }
            Some(parts.into_iter().map(|(_, part)| part).collect())
        })
    }
}

/// Whether the atoms make up the text from `at` on, and where each of them ends.
fn fits(atoms: &[Atom], text: &str, at: usize, ends: &mut Vec<usize>) -> bool {
    let Some((atom, rest)) = atoms.split_first() else { return at == text.len() };
    let Some(left) = text.get(at..) else { return false };
    let mut try_end = |end: usize| {
        ends.push(end);
        let fits = fits(rest, text, end, ends);
        if !fits {
            ends.pop();
        }
        fits
    };
    match &atom.text {
        Some(known) => left.starts_with(known.as_str()) && try_end(at + known.len()),
        None => {
            left.char_indices().skip(1).map(|(n, _)| n).chain([left.len()]).any(|n| n > 0 && try_end(at + n))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(stem: &str) -> Option<(String, usize, Option<usize>)> {
        Named::read(stem).map(|n| (n.prompt.to_owned(), n.wording, n.piece))
    }

    #[test]
    fn a_name_tells_prompt_wording_and_piece() {
        let greet = |wording, piece| Some(("greet".to_owned(), wording, piece));
        assert_eq!(named("greet"), greet(0, None));
        assert_eq!(named("greet.2"), greet(1, None));
        assert_eq!(named("greet.a"), greet(0, Some(0)));
        assert_eq!(named("greet.12.c"), greet(11, Some(2)));
        assert_eq!(named("greet.0"), Some(("greet.0".to_owned(), 0, None)));
        assert_eq!(named(".1.a"), None);
    }

    #[test]
    fn marks_beside_a_slot_belong_to_it() {
        let of = |text: &str| {
            let template = Template::parse(text).unwrap();
            words(&template).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            of("您好，我是{creditor}的助手。请问是{name}{title}吗？"),
            ["您好，我是", "的助手。请问是", "吗？"]
        );
        assert_eq!(of("{name}，{title}。"), Vec::<String>::new());
        assert_eq!(of("Goodbye."), ["Goodbye."]);
    }

    #[test]
    fn a_text_is_taken_apart_where_its_words_stand() {
        let atom = |text: Option<&str>, segment, file: Option<&str>| Atom {
            text: text.map(str::to_owned),
            segment,
            file: file.map(Into::into),
        };
        let lines = RecordedLines(vec![vec![
            atom(Some("MayIspeakto"), 0, Some("a")),
            atom(Some(""), 1, None),
            atom(Some("DanielReed"), 1, None),
            atom(Some(",please,on"), 2, Some("b")),
            atom(None, 3, None),
            atom(Some("?"), 3, None),
        ]]);
        let text = "May I speak to Daniel Reed, please, on Friday, May 5?";
        let parts = lines.parts(text).unwrap();
        let said: Vec<(&str, Option<&str>)> =
            parts.iter().map(|p| (&text[p.bytes.clone()], p.file.as_deref())).collect();
        assert_eq!(
            said,
            [
                ("May I speak to", Some("a")),
                ("Daniel Reed", None),
                (", please, on", Some("b")),
                ("Friday, May 5?", None)
            ]
        );
        for other in
            ["", "May I speak to Dan Reed, please, on Friday?", "May I speak to Daniel Reed, please, on?x"]
        {
            assert_eq!(lines.parts(other), None, "{other}");
        }
        assert_eq!(lines.parts(&"长".repeat(MAX_TEXT)), None);
    }
}
