//! The reader: tags and text from left to right, one pass.

use waihu_types::Lang;

use super::{
    Known, MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS, MAX_REST_MS, Marked, MarkupError, MarkupFault, Passage,
    say_as::Interpret, values,
};
use crate::mandarin::Syllable;

/// How long the voice rests after a paragraph [ms].
const PARAGRAPH_MS: u32 = 600;

/// How what stands in an element is said.
#[derive(Clone, Debug)]
enum Saying {
    Written,
    As(Interpret),
    /// Already known; the words in it are only shown.
    Known(Option<Known>),
    Alias(Option<String>),
}

#[derive(Clone, Debug)]
struct Open {
    name: &'static str,
    rate: f32,
    pitch: f32,
    gain_db: f32,
    saying: Saying,
    /// Where its text begins in the plain text.
    from: usize,
}

pub(super) struct Reader<'a> {
    lang: Lang,
    text: &'a str,
    at: usize,
    open: Vec<Open>,
    elements: usize,
    rested_ms: u32,
    ended: bool,
    out: Marked,
    passage: Passage,
}

struct Tag<'a> {
    name: &'a str,
    attributes: Vec<(&'a str, String)>,
    /// `<break/>`
    empty: bool,
    at: usize,
}

const ELEMENTS: [&str; 9] = ["speak", "p", "s", "break", "say-as", "phoneme", "emphasis", "prosody", "sub"];

impl<'a> Reader<'a> {
    pub(super) fn new(lang: Lang, text: &'a str) -> Result<Self, MarkupError> {
        let reader = Self {
            lang,
            text,
            at: 0,
            open: Vec::new(),
            elements: 0,
            rested_ms: 0,
            ended: false,
            out: Marked::default(),
            passage: Passage { rate: 1.0, ..Passage::default() },
        };
        if text.len() > MAX_BYTES { Err(reader.fault(0, MarkupFault::TooLong)) } else { Ok(reader) }
    }

    fn fault(&self, at: usize, fault: MarkupFault) -> MarkupError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        MarkupError { line, column, fault }
    }

    pub(super) fn read(mut self) -> Result<Marked, MarkupError> {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            if let Some(comment) = rest.strip_prefix("<!--") {
                let length = comment.find("-->");
                let length = length.ok_or_else(|| self.fault(self.at, MarkupFault::UnfinishedTag))?;
                self.at += length + 7;
            } else if begins_tag(rest) {
                self.tag()?;
            } else {
                // What begins no tag here is text, however long its first character is.
                let first = rest.chars().next().map_or(1, char::len_utf8);
                let tag = |n: &usize| begins_tag(&rest[*n..]) || rest[*n..].starts_with("<!--");
                let end = rest[first..].match_indices('<').map(|(n, _)| n + first).find(tag);
                let end = end.unwrap_or(rest.len());
                self.words(&rest[..end])?;
                self.at += end;
            }
        }
        if let Some(open) = self.open.last() {
            return Err(self.fault(self.text.len(), MarkupFault::NotEnded(open.name)));
        }
        self.flush(None);
        Ok(self.out)
    }

    /// Text between tags.
    fn words(&mut self, raw: &str) -> Result<(), MarkupError> {
        // A line's end is only how the file is laid out.
        let words = unescaped(raw).replace(['\n', '\r', '\t'], " ");
        let Some(open) = self.open.last() else {
            if words.trim().is_empty() {
                return Ok(());
            }
            return Err(self.fault(self.at, MarkupFault::AfterTheEnd));
        };
        if words.is_empty() {
            return Ok(());
        }
        let (open, from) = (open.clone(), self.out.plain.len());
        self.out.plain.push_str(&words);
        self.fit(&open);
        let said = match &open.saying {
            Saying::Written => {
                self.passage.write(&words, from);
                None
            }
            Saying::As(Interpret::Name) if self.lang == Lang::Zh => {
                self.passage.write_known(Known::Name(words.trim().to_owned()), from);
                None
            }
            Saying::As(interpret) => Some(interpret.said(self.lang, &words)),
            Saying::Known(known) => {
                if let Some(known) = known.clone() {
                    self.passage.write_known(known, from);
                    self.spend();
                }
                None
            }
            Saying::Alias(alias) => {
                let alias = alias.clone();
                self.spend();
                alias.map(Some)
            }
        };
        match said {
            None => {}
            Some(Some(said)) => self.passage.write_instead(&said, from),
            Some(None) => self.passage.write(&words, from),
        }
        if open.gain_db != 0.0 {
            self.passage.gains.push((from..self.out.plain.len(), open.gain_db));
        }
        Ok(())
    }

    /// What stands for a whole element is said once, however its words are cut up.
    fn spend(&mut self) {
        if let Some(open) = self.open.last_mut() {
            match &mut open.saying {
                Saying::Known(known) => *known = None,
                Saying::Alias(alias) => *alias = None,
                Saying::Written | Saying::As(_) => {}
            }
        }
    }

    /// Begins another passage where the pace or the pitch is another.
    fn fit(&mut self, open: &Open) {
        let alike = self.passage.rate == open.rate && self.passage.pitch == open.pitch;
        if !alike {
            self.flush(None);
            (self.passage.rate, self.passage.pitch) = (open.rate, open.pitch);
        }
    }

    /// Ends a passage; its rest, where there is nothing in it, is added to that before it.
    fn flush(&mut self, rest_ms: Option<u32>) {
        if self.passage.line.trim().is_empty() {
            if let (Some(more), Some(before)) = (rest_ms, self.out.passages.last_mut()) {
                before.rest_ms = Some(before.rest_ms.unwrap_or(0).saturating_add(more));
            }
            self.passage =
                Passage { rate: self.passage.rate, pitch: self.passage.pitch, ..Passage::default() };
            return;
        }
        let next = Passage { rate: self.passage.rate, pitch: self.passage.pitch, ..Passage::default() };
        let mut done = std::mem::replace(&mut self.passage, next);
        done.rest_ms = rest_ms;
        self.out.passages.push(done);
    }

    fn rest(&mut self, ms: u32, at: usize) -> Result<(), MarkupError> {
        self.rested_ms = self.rested_ms.saturating_add(ms);
        if self.rested_ms > MAX_REST_MS * 6 {
            return Err(self.fault(at, MarkupFault::TooMuchRest));
        }
        self.flush(Some(ms));
        Ok(())
    }

    fn tag(&mut self) -> Result<(), MarkupError> {
        let begins = self.at;
        let rest = &self.text[begins..];
        if rest.starts_with("<?") {
            let end = rest.find("?>").ok_or_else(|| self.fault(begins, MarkupFault::UnfinishedTag))?;
            self.at += end + 2;
            return Ok(());
        }
        if let Some(ending) = rest.strip_prefix("</") {
            let end = ending.find('>').ok_or_else(|| self.fault(begins, MarkupFault::UnfinishedTag))?;
            let name = ending[..end].trim();
            self.close(name, begins)?;
            self.at += end + 3;
            return Ok(());
        }
        let (tag, length) = self.parse(begins)?;
        self.at += length;
        self.open_element(tag)
    }

    fn close(&mut self, name: &str, at: usize) -> Result<(), MarkupError> {
        let open = self.open.last().map(|o| o.name);
        if open != Some(name) {
            let found = name.chars().take(40).collect();
            return Err(self.fault(at, MarkupFault::WrongEnd { found, open }));
        }
        match name {
            // An element without words is said all the same.
            "sub" | "phoneme" if self.open.last().is_some_and(|o| o.from == self.out.plain.len()) => {
                if let Some(open) = self.open.last().cloned() {
                    self.fit(&open);
                    match open.saying {
                        Saying::Known(Some(known)) => self.passage.write_known(known, open.from),
                        Saying::Alias(Some(alias)) => self.passage.write_instead(&alias, open.from),
                        _ => {}
                    }
                }
            }
            "p" => self.rest(PARAGRAPH_MS, at)?,
            "s" => self.flush(None),
            "speak" => self.ended = true,
            _ => {}
        }
        self.open.pop();
        Ok(())
    }

    fn open_element(&mut self, tag: Tag<'_>) -> Result<(), MarkupError> {
        let fault = |s: &Self, fault| Err(s.fault(tag.at, fault));
        let Some(&name) = ELEMENTS.iter().find(|e| **e == tag.name) else {
            return fault(self, MarkupFault::UnknownElement(tag.name.chars().take(40).collect()));
        };
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return fault(self, MarkupFault::TooMany);
        }
        if self.open.len() >= MAX_DEPTH {
            return fault(self, MarkupFault::TooDeep);
        }
        if self.ended {
            return fault(self, MarkupFault::AfterTheEnd);
        }
        match self.open.last() {
            Some(outer) if name == "speak" || matches!(outer.name, "say-as" | "phoneme" | "sub") => {
                return fault(self, MarkupFault::NotAllowedIn { inner: name, outer: outer.name });
            }
            None if name != "speak" => return fault(self, MarkupFault::AfterTheEnd),
            _ => {}
        }
        let mut open = self.open.last().cloned().unwrap_or(Open {
            name,
            rate: 1.0,
            pitch: 0.0,
            gain_db: 0.0,
            saying: Saying::Written,
            from: 0,
        });
        (open.name, open.saying, open.from) = (name, Saying::Written, self.out.plain.len());
        if name == "break" {
            let ms = self.break_ms(&tag)?;
            self.rest(ms, tag.at)?;
        } else {
            self.set(&mut open, &tag)?;
        }
        if matches!(name, "p" | "s") {
            self.flush(None);
        }
        self.open.push(open);
        if tag.empty { self.close(name, tag.at) } else { Ok(()) }
    }

    fn break_ms(&self, tag: &Tag<'_>) -> Result<u32, MarkupError> {
        let mut ms = values::strength_ms("medium").unwrap_or(0);
        let mut by_time = false;
        for (attribute, value) in &tag.attributes {
            match *attribute {
                "time" => {
                    ms = self.value(tag, "time", value, "\"300ms\" or \"0.5s\", to 10 s", values::rest_ms)?;
                    by_time = true;
                }
                "strength" => {
                    let all = "none, x-weak, weak, medium, strong or x-strong";
                    let strength = self.value(tag, "strength", value, all, values::strength_ms)?;
                    if !by_time {
                        ms = strength;
                    }
                }
                _ => return Err(self.unknown(tag, "break", attribute)),
            }
        }
        Ok(ms)
    }

    /// What an element's attributes say.
    fn set(&self, open: &mut Open, tag: &Tag<'_>) -> Result<(), MarkupError> {
        let (mut alphabet, mut ph) = (None, None);
        for (attribute, value) in &tag.attributes {
            match (open.name, *attribute) {
                ("speak", "version" | "xmlns" | "xml:lang") | ("p" | "s", "xml:lang") => {}
                ("say-as", "interpret-as") => {
                    open.saying = Saying::As(self.value(
                        tag,
                        "interpret-as",
                        value,
                        Interpret::ALL,
                        Interpret::parse,
                    )?);
                }
                // Hints that other synthesizers need; dates are told from their own shape here.
                ("say-as", "format" | "detail") => {}
                ("phoneme", "alphabet") => alphabet = Some(value),
                ("phoneme", "ph") => ph = Some(value),
                ("emphasis", "level") => {
                    let all = "strong, moderate, none or reduced";
                    open.gain_db += self.value(tag, "level", value, all, values::emphasis)?;
                }
                ("prosody", "rate") => {
                    let all = "x-slow, slow, medium, fast, x-fast, or \"90%\", from 50% to 200%";
                    let rate = self.value(tag, "rate", value, all, values::rate)?;
                    open.rate = (open.rate * rate).clamp(0.5, 2.0);
                }
                ("prosody", "pitch") => {
                    let all = "x-low, low, medium, high, x-high, or \"+2st\" or \"-10%\", to 6 semitones";
                    let pitch = self.value(tag, "pitch", value, all, values::pitch)?;
                    open.pitch = (open.pitch + pitch).clamp(-6.0, 6.0);
                }
                ("prosody", "volume") => {
                    let all = "x-soft, soft, medium, loud, x-loud, or \"-6dB\", from -24 to +6 dB";
                    open.gain_db += self.value(tag, "volume", value, all, values::volume)?;
                }
                ("sub", "alias") => open.saying = Saying::Alias(Some(value.clone())),
                (name, _) => return Err(self.unknown(tag, name, attribute)),
            }
        }
        open.gain_db = open.gain_db.clamp(-24.0, 6.0);
        if open.name == "emphasis" && tag.attributes.is_empty() {
            open.gain_db += values::emphasis("moderate").unwrap_or(0.0);
        }
        let missing =
            |attribute| self.fault(tag.at, MarkupFault::MissingAttribute { element: open.name, attribute });
        match (open.name, &open.saying) {
            ("say-as", Saying::Written) => Err(missing("interpret-as=\"…\"")),
            ("sub", Saying::Written) => Err(missing("alias=\"…\"")),
            ("phoneme", _) => {
                let alphabet = alphabet.ok_or_else(|| missing("alphabet=\"ipa\" or \"pinyin\""))?;
                let ph = ph.ok_or_else(|| missing("ph=\"…\""))?;
                open.saying = Saying::Known(Some(self.phoneme(tag, alphabet, ph)?));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn phoneme(&self, tag: &Tag<'_>, alphabet: &str, ph: &str) -> Result<Known, MarkupError> {
        match alphabet {
            "pinyin" | "x-pinyin" if self.lang != Lang::Zh => {
                Err(self.fault(tag.at, MarkupFault::PinyinElsewhere))
            }
            "pinyin" | "x-pinyin" => {
                let all = "syllables with tone digits and spaces between, as \"shan4 hong2\"";
                self.value(tag, "ph", ph, all, |ph| {
                    let syllables: Option<Vec<_>> = ph.split_whitespace().map(Syllable::parse).collect();
                    syllables.filter(|s| !s.is_empty()).map(Known::Syllables)
                })
            }
            "ipa" => self.value(tag, "ph", ph, "sounds of IPA, as \"ˈpeɪmənt\"", |ph| {
                ph.chars().any(char::is_alphabetic).then(|| Known::Ipa(ph.trim().to_owned()))
            }),
            other => self.value(tag, "alphabet", other, "ipa or pinyin", |_| None),
        }
    }

    fn value<T>(
        &self,
        tag: &Tag<'_>,
        attribute: &'static str,
        value: &str,
        may_be: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, MarkupError> {
        let value_short = || value.chars().take(40).collect();
        read(value).ok_or_else(|| {
            self.fault(tag.at, MarkupFault::BadValue { attribute, value: value_short(), may_be })
        })
    }

    fn unknown(&self, tag: &Tag<'_>, element: &'static str, attribute: &str) -> MarkupError {
        let attribute = attribute.chars().take(40).collect();
        self.fault(tag.at, MarkupFault::UnknownAttribute { element, attribute })
    }

    /// The tag at a byte, and how long it is.
    fn parse(&self, begins: usize) -> Result<(Tag<'a>, usize), MarkupError> {
        let text = &self.text[begins..];
        let bad = |fault| self.fault(begins, fault);
        let mut rest = &text[1..];
        let name_end = rest.find(|c: char| !is_name(c)).ok_or_else(|| bad(MarkupFault::UnfinishedTag))?;
        let name = &rest[..name_end];
        rest = &rest[name_end..];
        let mut attributes = Vec::new();
        let empty = loop {
            let spaced = rest.len();
            rest = rest.trim_start();
            let spaced = spaced > rest.len();
            if let Some(after) = rest.strip_prefix("/>") {
                rest = after;
                break true;
            }
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break false;
            }
            if rest.is_empty() {
                return Err(bad(MarkupFault::UnfinishedTag));
            }
            let end = rest.find(|c: char| !is_name(c) && c != ':').unwrap_or(rest.len());
            let (attribute, after) = rest.split_at(end);
            let quoted = after.trim_start().strip_prefix('=').map(str::trim_start);
            let quote = quoted.and_then(|q| q.chars().next()).filter(|c| matches!(c, '"' | '\''));
            let (Some(quoted), Some(quote), true) = (quoted, quote, spaced && !attribute.is_empty()) else {
                return Err(bad(MarkupFault::BadTag));
            };
            let inside = &quoted[1..];
            let end = inside.find(quote).ok_or_else(|| bad(MarkupFault::UnfinishedTag))?;
            attributes.push((attribute, unescaped(&inside[..end])));
            rest = &inside[end + 1..];
        };
        Ok((Tag { name, attributes, empty, at: begins }, text.len() - rest.len()))
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// Whether a `<` begins a tag: a name, an end or an instruction follows.
fn begins_tag(text: &str) -> bool {
    let Some(after) = text.strip_prefix('<') else { return false };
    after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '?'))
}

/// Text with its entities put back; an `&` that begins none stands for itself.
fn unescaped(raw: &str) -> String {
    const ENTITIES: [(&str, char); 5] =
        [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&'), ("&quot;", '"'), ("&apos;", '\'')];
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (c, length) = ENTITIES
            .iter()
            .find(|(e, _)| rest.starts_with(e))
            .map(|&(e, c)| (c, e.len()))
            .or_else(|| numbered(rest))
            .unwrap_or(('&', 1));
        out.push(c);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// `&#20803;` and `&#x5143;`: the character and how long it is written.
fn numbered(text: &str) -> Option<(char, usize)> {
    let body = text.strip_prefix("&#")?;
    // A character's number has at most seven digits.
    let end = body.bytes().take(9).position(|b| b == b';')?;
    let number = match body[..end].strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => body[..end].parse().ok()?,
    };
    Some((char::from_u32(number).filter(|c| !c.is_control())?, end + 3))
}
