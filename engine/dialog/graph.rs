//! A flow as a drawing: an SVG that a person can read, and that needs nothing from elsewhere.
//!
//! Each state is a box with what it says and, row by row and in their order, the rules by which it goes on;
//! the ways below it lead where the rows say. What holds everywhere (rules for every state, ladders that
//! most states share) stands once, in a box beside. Pointing at a state lights up its ways; a row tells its
//! whole rule. Deliberately absent: where things are put ([`layout`]).

mod layout;

use std::collections::BTreeMap;

use waihu_types::Lang;

use crate::{
    describe::{end_words, list},
    script::{Kind, Ladder, Line, Rule, Script, State, StateIx, Then},
};

/// Sizes of letters and the heights of their lines [px].
const SIZE: f64 = 12.0;
const LINE: f64 = 17.0;
const PAD: f64 = 9.0;
/// Boxes are no wider than this [px]: what does not fit is cut, and told when pointed at.
const WIDEST: f64 = 380.0;
const NARROWEST: f64 = 150.0;
/// The box of what holds everywhere [px].
const EVERYWHERE: f64 = 480.0;
/// So many lines of what a state says are shown.
const MOST_SAID: usize = 3;
const MARGIN: f64 = 24.0;
/// Colours of ways, so that neighbours are told apart.
const HUES: usize = 6;
const HEAD: f64 = 64.0;

const STYLE: &str = include_str!("graph/style.css");

/// One line of a box.
struct Row {
    class: &'static str,
    text: String,
    /// Where it leads, at the right.
    to: Option<StateIx>,
    /// The whole of it, told when pointed at.
    whole: String,
}

struct Drawn<'s> {
    state: &'s State,
    rows: Vec<Row>,
    width: f64,
    height: f64,
}

impl Script {
    /// The flow as an SVG, with its prompts in `lang`.
    pub fn graph(&self, lang: Lang) -> String {
        let drawing = Drawing {
            script: self,
            lang,
            silence: self.common(Which::Silence),
            no_match: self.common(Which::NoMatch),
        };
        drawing.svg()
    }

    /// The ladder of one kind that most states share; none where no two do.
    fn common(&self, which: Which) -> Option<&Ladder> {
        let mut counts: BTreeMap<String, (usize, &Ladder)> = BTreeMap::new();
        for ladder in self.states.iter().filter_map(|s| which.of(&s.kind)) {
            counts.entry(self.ladder_words(ladder)).or_insert((0, ladder)).0 += 1;
        }
        let most = counts.into_values().max_by_key(|(count, _)| *count);
        most.filter(|(count, _)| *count > 1).map(|(_, ladder)| ladder)
    }
}

#[derive(Clone, Copy)]
enum Which {
    Silence,
    NoMatch,
}

impl Which {
    fn of(self, kind: &Kind) -> Option<&Ladder> {
        match (self, kind) {
            (Self::Silence, Kind::Ask { silence, .. }) => Some(silence),
            (Self::NoMatch, Kind::Ask { no_match, .. }) => Some(no_match),
            _ => None,
        }
    }
}

struct Drawing<'s> {
    script: &'s Script,
    lang: Lang,
    silence: Option<&'s Ladder>,
    no_match: Option<&'s Ladder>,
}

impl<'s> Drawing<'s> {
    fn svg(&self) -> String {
        let script = self.script;
        // The start first: it stands at the top.
        let mut order: Vec<StateIx> = (0..script.states.len()).collect();
        order.sort_by_key(|ix| *ix != script.start);
        let drawn: Vec<Drawn> = order.iter().map(|ix| self.drawn(*ix)).collect();
        let place: BTreeMap<StateIx, usize> = order.iter().enumerate().map(|(n, ix)| (*ix, n)).collect();
        let mut ways: Vec<(usize, usize)> = Vec::new();
        for (n, box_) in drawn.iter().enumerate() {
            for to in box_.rows.iter().filter_map(|row| place.get(&row.to?).copied()) {
                if to != n && !ways.contains(&(n, to)) {
                    ways.push((n, to));
                }
            }
        }
        // What no way touches comes after the rest, side by side.
        let (joined, alone): (Vec<usize>, Vec<usize>) =
            (0..drawn.len()).partition(|n| *n == 0 || ways.iter().any(|w| w.0 == *n || w.1 == *n));
        let index: BTreeMap<usize, usize> = joined.iter().enumerate().map(|(i, n)| (*n, i)).collect();
        let sizes: Vec<(f64, f64)> = joined.iter().map(|n| (drawn[*n].width, drawn[*n].height)).collect();
        let inner: Vec<(usize, usize)> =
            ways.iter().filter_map(|(a, b)| Some((*index.get(a)?, *index.get(b)?))).collect();
        let layout = layout::layered(&sizes, &inner);

        let mut body = String::new();
        let (left, top) = (MARGIN, HEAD + MARGIN);
        let hot: String = (0..joined.len())
            .map(|i| format!("svg:has(#s{i}:hover) .f{i}{{stroke:var(--hot);stroke-width:2.6}}"))
            .collect();
        for (n, ((from, to), route)) in inner.iter().zip(&layout.routes).enumerate() {
            body += &self.way(n, *from, &drawn[joined[*from]], order[joined[*to]], route, (left, top));
        }
        for (i, n) in joined.iter().enumerate() {
            let (x, y) = layout.at[i];
            body += &self.boxed(&format!("s{i}"), &drawn[*n], (left + x, top + y));
        }
        let mut bottom = top + layout.height;
        if !alone.is_empty() {
            bottom = self.rest(
                &mut body,
                &alone.iter().map(|n| &drawn[*n]).collect::<Vec<_>>(),
                layout.width,
                bottom,
            );
        }
        let beside = left + layout.width.max(NARROWEST) + 2.0 * MARGIN;
        bottom = bottom.max(self.everywhere(&mut body, beside, top));
        let (width, height) = (beside + EVERYWHERE + MARGIN, bottom + MARGIN);
        let title =
            format!("{} · {} · {}", script.name(), self.lang, script.sha256().get(..12).unwrap_or_default());
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\" aria-label=\"{title}\" lang=\"{}\"><title>{title}</title>\
             <style>{STYLE}{hot}</style>{}<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\
             <text class=\"title\" x=\"{MARGIN}\" y=\"34\">{title}</text>{}{body}</svg>\n",
            self.lang,
            arrows(),
            self.key(),
            title = escape(&title),
        )
    }

    /// In the reader's language.
    fn word<'w>(&self, zh: &'w str, en: &'w str) -> &'w str {
        match self.lang {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    fn drawn(&self, ix: StateIx) -> Drawn<'s> {
        let state = self.script.state(ix);
        let mut rows: Vec<Row> = state.say.iter().take(MOST_SAID).map(|line| self.said(line)).collect();
        if let Some(more) = state.say.len().checked_sub(MOST_SAID).filter(|more| *more > 0) {
            rows.push(Row { class: "said", text: format!("… +{more}"), to: None, whole: String::new() });
        }
        if let Some(reached) = state.reached {
            let what = self.word("中断时记为", "cut off:");
            let text = format!("{what} {}", self.disposition(reached));
            rows.push(Row { class: "note", whole: text.clone(), text, to: None });
        }
        match &state.kind {
            Kind::Ask { rules, silence, no_match, .. } => {
                rows.extend(rules.iter().map(|rule| self.rule(rule, WIDEST)));
                for (own, common, name) in [
                    (silence, self.silence, self.word("没有声音", "silence")),
                    (no_match, self.no_match, self.word("听不懂", "not understood")),
                ] {
                    let words = self.script.ladder_words(own);
                    if common.is_none_or(|c| self.script.ladder_words(c) != words) {
                        let text = format!("{name} ×{}", own.rungs.len() + 1);
                        rows.push(Row { class: "rule ladder", text, to: Some(own.to), whole: words });
                    }
                }
            }
            Kind::Pass { next } => {
                let text = self.word("说完", "then").to_owned();
                rows.push(Row { class: "rule", whole: text.clone(), text, to: Some(*next) });
            }
            Kind::Back => {
                let text = self.word("↩ 回到原来的问题", "↩ back to where it was").to_owned();
                rows.push(Row { class: "rule", whole: text.clone(), text, to: None });
            }
            Kind::Transfer { timeout, failed, skills, waiting, joined, rules } => {
                rows.extend(waiting.iter().chain(joined).map(|line| self.said(line)));
                if !skills.is_empty() {
                    let text = format!("{} {}", self.word("技能", "skills"), list(skills.iter()));
                    rows.push(Row { class: "note", whole: text.clone(), text, to: None });
                }
                rows.extend(rules.iter().map(|rule| self.rule(rule, WIDEST)));
                let nobody = self.word("无坐席接听", "nobody answers");
                let text = format!("{nobody} ({} s)", timeout.as_secs());
                rows.push(Row { class: "rule ladder", whole: text.clone(), text, to: Some(*failed) });
            }
            Kind::End(end) => {
                let text = format!("■ {}", self.disposition(end.disposition));
                rows.push(Row { class: "end", text, to: None, whole: end_words(end) });
            }
        }
        let wanted =
            rows.iter().map(|row| self.row_width(row)).fold(width(&state.name, 1.1 * SIZE) + 40.0, f64::max);
        let height = PAD + LINE * (rows.len() as f64 + 1.0) + PAD;
        Drawn { state, rows, width: (wanted + 2.0 * PAD).clamp(NARROWEST, WIDEST), height }
    }

    fn disposition(&self, d: waihu_types::Disposition) -> &'static str {
        self.word(d.label_zh(), d.label())
    }

    fn row_width(&self, row: &Row) -> f64 {
        width(&row.text, SIZE) + row.to.map_or(0.0, |to| self.target_width(to) + 14.0)
    }

    fn target_width(&self, to: StateIx) -> f64 {
        width(&format!("→ {}", self.script.state(to).name), SIZE)
    }

    /// A line that is said, by its first words.
    fn said(&self, line: &Line) -> Row {
        let wordings = self.script.prompts.wordings.get(&self.lang).and_then(|all| all.get(line.prompt));
        let all: Vec<String> = wordings.into_iter().flatten().map(ToString::to_string).collect();
        let text = all.first().cloned().unwrap_or_default();
        let whole = format!("{}: {}", self.script.line_words(line), all.join(" / "));
        let (open, close) = match self.lang {
            Lang::Zh => ("「", "」"),
            Lang::En => ("“", "”"),
        };
        Row { class: "said", text: format!("{open}{text}{close}"), to: None, whole }
    }

    fn rule(&self, rule: &Rule, room: f64) -> Row {
        let (to, stays) = match rule.then {
            Then::Go(to) => (Some(to), ""),
            Then::Ask => (None, self.word(" ↻ 再问", " ↻ asks again")),
            Then::Listen(_) => (None, self.word(" ↻ 继续听", " ↻ listens on")),
            Then::Replay => (None, self.word(" ↻ 重说", " ↻ says it again")),
        };
        // What a rule asks tells it from its neighbours: rather fewer intents by name.
        let label = |named| self.script.rule_label(rule, named) + stays;
        let room = room - 2.0 * PAD - to.map_or(0.0, |to| self.target_width(to) + 14.0);
        let text = [3, 2].map(label).into_iter().find(|text| width(text, SIZE) <= room);
        let whole = format!("{} → {}", self.script.rule_cause(rule), self.script.rule_effect(rule));
        Row { class: "rule", text: text.unwrap_or_else(|| label(1)), to, whole }
    }

    fn boxed(&self, id: &str, drawn: &Drawn<'_>, (x, y): (f64, f64)) -> String {
        let state = drawn.state;
        let (class, corner) = match state.kind {
            Kind::Ask { .. } => ("ask", 5.0),
            Kind::Pass { .. } | Kind::Back => ("pass", 0.0),
            Kind::Transfer { .. } => ("transfer", 0.0),
            Kind::End(_) => ("final", 18.0),
        };
        let private = if state.private { " private" } else { "" };
        let (w, h) = (drawn.width, drawn.height);
        let mut out = format!(
            "<g id=\"{id}\" class=\"state {class}{private}\" transform=\"translate({x:.1} {y:.1})\">"
        );
        out += &match state.kind {
            // Corners cut off: a call goes out of the bot's hands here.
            Kind::Transfer { .. } => format!(
                "<path class=\"box\" d=\"M12 0H{:.1}L{w:.1} 12V{:.1}L{:.1} {h:.1}H12L0 {:.1}V12Z\"/>",
                w - 12.0,
                h - 12.0,
                w - 12.0,
                h - 12.0
            ),
            _ => format!("<rect class=\"box\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"{corner}\"/>"),
        };
        out += &format!(
            "<text class=\"name\" x=\"{PAD}\" y=\"{:.1}\">{}</text>",
            PAD + 12.0,
            escape(&state.name)
        );
        if state.private {
            // A lock: this is said to the person alone.
            out += &format!(
                "<g class=\"lock\" transform=\"translate({:.1} 7)\"><rect y=\"6\" width=\"12\" height=\"9\" rx=\"1.5\"/>\
                 <path d=\"M2.5 6V4a3.5 3.5 0 0 1 7 0v2\"/></g>",
                w - PAD - 14.0
            );
        }
        out += &self.rows(&drawn.rows, w, PAD + LINE);
        out + "</g>"
    }

    fn rows(&self, rows: &[Row], w: f64, top: f64) -> String {
        let mut out = String::new();
        for (n, row) in rows.iter().enumerate() {
            let y = top + LINE * (n as f64 + 1.0) - 4.0;
            let target = row.to.map(|to| format!("→ {}", self.script.state(to).name));
            let room = w - 2.0 * PAD - row.to.map_or(0.0, |to| self.target_width(to) + 8.0);
            out += &format!(
                "<g class=\"{}\"><title>{}</title><text x=\"{PAD}\" y=\"{y:.1}\">{}</text>",
                row.class,
                escape(&row.whole),
                escape(&cut(&row.text, room))
            );
            if let Some(target) = target {
                out += &format!(
                    "<text class=\"to\" x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
                    w - PAD,
                    escape(&target)
                );
            }
            out += "</g>";
        }
        out
    }

    fn way(
        &self,
        n: usize,
        from: usize,
        source: &Drawn<'_>,
        to: StateIx,
        route: &layout::Route,
        by: (f64, f64),
    ) -> String {
        let points: Vec<(f64, f64)> = route.points.iter().map(|(x, y)| (x + by.0, y + by.1)).collect();
        let Some(((x, y), rest)) = points.split_first() else { return String::new() };
        let mut path = format!("M{x:.1} {y:.1}");
        let mut at = (*x, *y);
        for (i, (x, y)) in rest.iter().enumerate() {
            // Every second piece passes a rank and is straight.
            if i % 2 == 1 {
                path += &format!("L{x:.1} {y:.1}");
            } else {
                let middle = (at.1 + y) / 2.0;
                path += &format!("C{:.1} {middle:.1} {x:.1} {middle:.1} {x:.1} {y:.1}", at.0);
            }
            at = (*x, *y);
        }
        let whole: Vec<&str> =
            source.rows.iter().filter(|r| r.to == Some(to)).map(|r| r.text.as_str()).collect();
        let title = format!("{} → {}\n{}", source.state.name, self.script.state(to).name, whole.join("\n"));
        let turned = if route.turned { " back" } else { "" };
        let hue = n % HUES;
        format!(
            "<g class=\"way h{hue}{turned}\"><title>{}</title><path class=\"f{from}\" d=\"{path}\" \
             marker-end=\"url(#arrow{hue})\"/><path class=\"wide\" d=\"{path}\"/></g>",
            escape(&title)
        )
    }

    /// States that only what holds everywhere leads to, side by side; returns where they end.
    fn rest(&self, body: &mut String, states: &[&Drawn<'_>], wide: f64, from: f64) -> f64 {
        let mut y = from + 3.0 * MARGIN;
        let heading = self.word("任何时候都可能到达", "come to from anywhere");
        *body += &format!("<text class=\"heading\" x=\"{MARGIN}\" y=\"{:.1}\">{heading}</text>", y - 14.0);
        let (mut x, mut deepest) = (MARGIN, 0.0_f64);
        for (n, drawn) in states.iter().enumerate() {
            if x > MARGIN && x + drawn.width > MARGIN + wide {
                (x, y, deepest) = (MARGIN, y + deepest + MARGIN, 0.0);
            }
            *body += &self.boxed(&format!("e{n}"), drawn, (x, y));
            x += drawn.width + MARGIN;
            deepest = deepest.max(drawn.height);
        }
        y + deepest
    }

    /// The box of what holds in every state that listens; returns where it ends.
    fn everywhere(&self, body: &mut String, x: f64, y: f64) -> f64 {
        let script = self.script;
        let mut rows: Vec<Row> = script.always.iter().map(|rule| self.rule(rule, EVERYWHERE)).collect();
        for (ladder, name) in [
            (self.silence, self.word("没有声音", "silence")),
            (self.no_match, self.word("听不懂", "not understood")),
        ] {
            rows.extend(ladder.map(|l| Row {
                class: "rule ladder",
                text: format!("{name} ×{}", l.rungs.len() + 1),
                to: Some(l.to),
                whole: script.ladder_words(l),
            }));
        }
        let limits = &script.limits;
        let turns = self.word("轮", "turns");
        let mut more =
            vec![(format!("> {} {turns}, {} s", limits.max_turns, limits.max_time.as_secs()), limits.to)];
        more.push((self.word("语音信箱", "a voicemail box").to_owned(), script.voicemail));
        if let Some(screening) = &script.screening {
            let nobody = self.word("来电助理，无人接", "a screening assistant, and nobody comes");
            more.push((format!("{nobody} ({} s)", screening.wait.as_secs()), screening.to));
        }
        let plain = |(text, to): (String, StateIx)| Row {
            class: "rule ladder",
            whole: text.clone(),
            text,
            to: Some(to),
        };
        rows.extend(more.into_iter().map(plain));
        let height = PAD + LINE * (rows.len() as f64 + 1.0) + PAD;
        let heading =
            self.word("任何状态下（按顺序，在状态自己的规则之后）", "in every state, after its own rules");
        *body += &format!(
            "<g class=\"state everywhere\" transform=\"translate({x:.1} {y:.1})\"><rect class=\"box\" \
             width=\"{EVERYWHERE}\" height=\"{height:.1}\" rx=\"5\"/><text class=\"name\" x=\"{PAD}\" y=\"{:.1}\">{heading}</text>{}</g>",
            PAD + 12.0,
            self.rows(&rows, EVERYWHERE, PAD + LINE)
        );
        y + height
    }

    /// What the shapes and colours mean.
    fn key(&self) -> String {
        let kinds = [
            ("ask", self.word("提问", "asks")),
            ("pass", self.word("直接继续", "goes on by itself")),
            ("transfer", self.word("转人工", "calls an agent")),
            ("final", self.word("结束", "ends the call")),
            ("ask private", self.word("只对本人说", "said to the person alone")),
        ];
        let mut x = MARGIN;
        let mut out = String::new();
        for (class, name) in kinds {
            out += &format!(
                "<g class=\"state {class}\"><rect class=\"box\" x=\"{x:.1}\" y=\"48\" width=\"20\" height=\"13\" rx=\"{}\"/>\
                 <text x=\"{:.1}\" y=\"59\">{name}</text></g>",
                if class == "final" { 6 } else { 2 },
                x + 26.0
            );
            x += 26.0 + width(name, SIZE) + 22.0;
        }
        let back = self.word("虚线：回到前面", "dashed: back up");
        out += &format!("<text class=\"note\" x=\"{x:.1}\" y=\"59\">{back}</text>");
        out
    }
}

/// Heads of arrows, one for each of [`HUES`].
fn arrows() -> String {
    let head = |hue| {
        format!(
            "<marker id=\"arrow{hue}\" class=\"h{hue}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
             markerHeight=\"7\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0L8 4L0 8Z\"/></marker>"
        )
    };
    format!("<defs>{}</defs>", (0..HUES).map(head).collect::<String>())
}

/// How wide a text is [px]: Chinese, Japanese and Korean characters take a square, others a bit more than half.
fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| size * letter(c)).sum()
}

/// [em]
fn letter(c: char) -> f64 {
    let wide = matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe4f | 0xff00..=0xff60);
    if wide { 1.0 } else { 0.57 }
}

/// As much of a text as fits, with a sign of what is missing.
fn cut(text: &str, room: f64) -> String {
    if width(text, SIZE) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = SIZE * letter('…') * 1.5;
    for c in text.chars() {
        used += SIZE * letter(c);
        if used > room {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out + "…"
}

/// Text as XML and HTML have it: nothing of it can steer a page.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\n' => out.push(c),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_takes_a_square_and_latin_about_half() {
        assert!((width("还款ab", 10.0) - 31.4).abs() < 1e-9);
        assert_eq!(cut("还款还款还款", 40.0), "还款…");
        assert_eq!(cut("short", 100.0), "short");
    }

    #[test]
    fn nothing_of_a_text_becomes_markup() {
        assert_eq!(escape("<a&\"\u{1b}"), "&lt;a&amp;&quot; ");
    }
}
