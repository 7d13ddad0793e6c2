//! A page of figures: one HTML file with its style and plots in it, no script, nothing from elsewhere. The
//! sound of a mistake is a link to its file beside the page.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use waihu_corpus::score::{Calibration, Confusion};
use waihu_types::Lang;

use super::{manifest::BadRow, plots};

/// Mistakes on a page; the JSON has all of them. More are not read, and each row is a player.
const MOST_MISTAKES: usize = 300;

const STYLE: &str = include_str!("page.css");

/// A page being written.
pub(crate) struct Page {
    title: (String, String),
    model: String,
    facts: String,
    body: String,
    /// The folder judged, as it was named and as the page's links name it.
    dir: String,
    sound: String,
}

/// A row of a list of mistakes.
pub(super) struct Mistake {
    /// Its sound.
    pub(super) file: Option<String>,
    /// `FILE:LINE`.
    pub(super) place: String,
    pub(super) lang: Lang,
    /// What was said, or under which condition.
    pub(super) about: String,
    pub(super) meant: String,
    pub(super) taken: String,
    /// How bad it is.
    pub(super) weight: String,
}

impl Page {
    /// A page about `dir` that is to be written to `path`.
    pub(crate) fn new(dir: &Path, path: &Path) -> Self {
        Self {
            title: Default::default(),
            model: String::new(),
            facts: String::new(),
            body: String::new(),
            dir: dir.display().to_string(),
            sound: link(path.parent().unwrap_or(Path::new("")), dir),
        }
    }

    pub(crate) fn title(&mut self, en: &str, zh: &str) {
        self.title = (en.to_owned(), zh.to_owned());
    }

    /// Which model was judged.
    pub(crate) fn model(&mut self, version: &str) {
        self.model = format!(" · {}", escape(version));
    }

    /// A figure at the head.
    pub(crate) fn fact(&mut self, name: &str, value: &str) {
        self.facts += &format!("<div><b>{}</b><span>{}</span></div>", escape(value), escape(name));
    }

    pub(crate) fn heading(&mut self, en: &str, zh: &str) {
        self.body += &format!("<h2>{} <i lang=\"zh\">{}</i></h2>", escape(en), escape(zh));
    }

    pub(crate) fn table(&mut self, headings: &[&str], rows: &[Vec<String>]) {
        self.body += "<div class=\"wide\"><table><thead><tr>";
        for heading in headings {
            self.body += &format!("<th>{}</th>", escape(heading));
        }
        self.body += "</tr></thead><tbody>";
        for row in rows {
            self.body += "<tr>";
            for cell in row {
                let number = cell.starts_with(|c: char| c.is_ascii_digit() || c == '-');
                let class = if number { " class=\"n\"" } else { "" };
                self.body += &format!("<td{class}>{}</td>", escape(cell));
            }
            self.body += "</tr>";
        }
        self.body += "</tbody></table></div>";
    }

    /// A table that is shown on demand.
    pub(crate) fn details(&mut self, en: &str, zh: &str, headings: &[&str], rows: &[Vec<String>]) {
        self.body += &format!("<details><summary>{} <i lang=\"zh\">{}</i></summary>", escape(en), escape(zh));
        self.table(headings, rows);
        self.body += "</details>";
    }

    /// A text that is shown on demand, its lines as they are.
    pub(crate) fn text(&mut self, title: &str, text: &str) {
        let lines: Vec<String> = text.lines().map(escape).collect();
        self.body += &format!(
            "<details><summary>{}</summary><pre>{}</pre></details>",
            escape(title),
            lines.join("\n")
        );
    }

    pub(super) fn heat(&mut self, confusion: &Confusion) {
        self.plot(&plots::heat(confusion));
    }

    pub(super) fn reliability(&mut self, calibration: &Calibration) {
        self.plot(&plots::reliability(calibration));
    }

    pub(super) fn bars(&mut self, values: &[(String, f64, Option<f64>)]) {
        self.plot(&plots::bars(values));
    }

    /// How times are spread [ms].
    pub(super) fn spread(&mut self, series: &[(String, Vec<f64>)], most_ms: f64) {
        self.plot(&plots::spread(series, most_ms));
    }

    /// A drawing.
    pub(crate) fn plot(&mut self, svg: &str) {
        self.body += &format!("<div class=\"wide\">{svg}</div>");
    }

    /// The mistakes; `headings` are those of about, meant, taken and weight.
    pub(super) fn mistakes(&mut self, headings: [&str; 4], mistakes: &[Mistake]) {
        self.heading(&format!("Mistakes ({})", mistakes.len()), "错误列表");
        if mistakes.is_empty() {
            self.body += "<p>None. 没有。</p>";
            return;
        }
        let sound = mistakes.iter().any(|m| m.file.is_some());
        let rows: String = mistakes.iter().take(MOST_MISTAKES).map(|m| self.mistake(m, sound)).collect();
        self.body +=
            "<div class=\"wide\"><table class=\"mistakes\"><thead><tr><th>row 行</th><th>lang 语言</th>";
        for heading in headings {
            self.body += &format!("<th>{}</th>", escape(heading));
        }
        self.body += if sound { "<th>sound 录音</th>" } else { "" };
        self.body += &format!("</tr></thead><tbody>{rows}</tbody></table></div>");
        if mistakes.len() > MOST_MISTAKES {
            self.body +=
                &format!("<p>The first {MOST_MISTAKES} are shown. 仅显示前 {MOST_MISTAKES} 条。</p>");
        }
    }

    fn mistake(&self, m: &Mistake, sound: bool) -> String {
        let place = m.place.rsplit(['/', '\\']).next().unwrap_or_default();
        let lang = m.lang;
        let text = |t: &str| {
            if t.is_empty() { "<em>nothing 无</em>".to_owned() } else { escape(t) }
        };
        let mut out = format!(
            "<tr><td class=\"place\">{}</td><td>{lang}</td><td lang=\"{lang}\">{}</td>\
             <td lang=\"{lang}\">{}</td><td lang=\"{lang}\">{}</td><td class=\"n\">{}</td>",
            escape(place),
            text(&m.about),
            text(&m.meant),
            text(&m.taken),
            escape(&m.weight)
        );
        if sound {
            out += "<td>";
            if let Some(file) = &m.file {
                let url = if Path::new(file).is_absolute() {
                    format!("file://{}", encoded(file))
                } else {
                    format!("{}/{}", encoded(&self.sound), encoded(file))
                };
                let name = escape(file);
                out += &format!(
                    "<audio controls preload=\"none\" src=\"{url}\"></audio> <a href=\"{url}\">{name}</a>"
                );
            }
            out += "</td>";
        }
        out + "</tr>"
    }

    /// The rows that could not be judged.
    pub(super) fn bad_rows(&mut self, rows: &[BadRow]) {
        if rows.is_empty() {
            return;
        }
        self.heading(&format!("Rows that could not be judged ({})", rows.len()), "无法评测的行");
        let cells: Vec<Vec<String>> =
            rows.iter().take(MOST_MISTAKES).map(|r| vec![r.place.clone(), r.problem.clone()]).collect();
        self.table(&["row 行", "problem 问题"], &cells);
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let (en, zh) = (escape(&self.title.0), escape(&self.title.1));
        let (facts, body, dir, model) = (&self.facts, &self.body, escape(&self.dir), &self.model);
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>waihu · {en} {zh}</title><style>{STYLE}</style></head><body><header>\
             <h1>{en} <i lang=\"zh\">{zh}</i></h1><p>{dir}{model}</p></header>\
             <section class=\"facts\">{facts}</section><main>{body}</main></body></html>\n"
        );
        fs::write(path, html)
    }
}

/// Text as HTML has it, on one line.
pub(crate) fn escape(text: &str) -> String {
    waihu_dialog::escape(text).replace('\n', " ")
}

/// A path as a URL has it (RFC 3986, 2.3).
fn encoded(path: &str) -> String {
    let mut out = String::new();
    for b in path.bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(b))
            }
            b => out += &format!("%{b:02X}"),
        }
    }
    out
}

/// The way from one folder to another.
fn link(from: &Path, to: &Path) -> String {
    let whole = |p: &Path| -> PathBuf {
        let p = if p.as_os_str().is_empty() { Path::new(".") } else { p };
        // A folder that is yet to be made has no canonical path.
        p.canonicalize().or_else(|_| std::path::absolute(p)).unwrap_or_else(|_| p.to_owned())
    };
    let (from, to) = (whole(from), whole(to));
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| "..".to_owned());
    let down = to.components().skip(shared).filter_map(|c| match c {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    let way: Vec<String> = up.chain(down).collect();
    if way.is_empty() { ".".to_owned() } else { way.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_markup() {
        assert_eq!(escape("<b>&\"'\u{1b}"), "&lt;b&gt;&amp;&quot;&#39; ");
        assert_eq!(encoded("好 a/b.wav\""), "%E5%A5%BD%20a/b.wav%22");
    }

    #[test]
    fn the_way_to_the_sound_is_found_from_the_page() {
        let root = tempfile::tempdir().unwrap();
        let (set, pages) = (root.path().join("set"), root.path().join("out/pages"));
        fs::create_dir_all(&set).unwrap();
        fs::create_dir_all(&pages).unwrap();
        assert_eq!(link(&pages, &set), "../../set");
        assert_eq!(link(root.path(), &set), "set");
        assert_eq!(link(&set, &set), ".");
    }
}
