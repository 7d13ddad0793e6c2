//! What became of an arena's talks, drawn as SVG inside a page.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use waihu_persona::Tally;

use crate::commands::eval::page::escape;

/// Colours that the colour-blind tell apart (Okabe and Ito), and lighter ones of the same; they stand on white
/// and on black.
const COLOURS: [&str; 12] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#b8a800", "#7b6ec9", "#8c564b",
    "#5fa777", "#c2798a", "#4d8f9e",
];
const OTHER: &str = "#8a939e";

fn open(width: f64, height: f64, about: &str) -> String {
    format!(
        "<svg class=\"plot\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" role=\"img\" aria-label=\"{about}\">"
    )
}

fn text(out: &mut String, class: &str, x: f64, y: f64, anchor: &str, words: &str) {
    let _ = write!(
        out,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
        escape(words)
    );
}

/// A box that tells itself when pointed at.
fn block(out: &mut String, colour: &str, [x, y, w, h]: [f64; 4], words: &str) {
    let _ = write!(
        out,
        "<rect fill=\"{colour}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{h:.1}\"><title>{}</title></rect>",
        w.max(0.5),
        escape(words)
    );
}

/// Names with their colours, in lines below each other; how far down they go.
fn legend(out: &mut String, names: &[(String, &str)], x: f64, y: f64, width: f64) -> f64 {
    let (mut at, mut down) = (x, y);
    for (name, colour) in names {
        let wide = 22.0 + 6.6 * unicode_width::UnicodeWidthStr::width(name.as_str()) as f64;
        if at + wide > x + width {
            (at, down) = (x, down + 18.0);
        }
        block(out, colour, [at, down - 9.0, 10.0, 10.0], name);
        text(out, "label", at + 14.0, down, "start", name);
        at += wide;
    }
    down
}

/// How the talks of each kind ended: a bar a kind.
pub(super) fn outcomes(tally: &Tally) -> String {
    let all = tally.all();
    let mut names: Vec<(&str, u64)> = all.outcomes.iter().map(|(name, n)| (*name, *n)).collect();
    names.sort_by_key(|(name, n)| (Reverse(*n), *name));
    let colour = |name: &str| {
        let at = names.iter().position(|n| n.0 == name).unwrap_or(usize::MAX);
        COLOURS.get(at).copied().unwrap_or(OTHER)
    };
    let (left, long, row, top) = (190.0, 720.0, 22.0, 64.0);
    let width = left + long + 60.0;
    let height = top + row * tally.by_kind.len() as f64 + 10.0;
    let mut out = open(width, height, "outcomes by callee 各类被叫的结果");
    let known: Vec<(String, &str)> =
        names.iter().take(COLOURS.len()).map(|(name, _)| ((*name).to_owned(), colour(name))).collect();
    let rest = (names.len() > COLOURS.len()).then(|| ("others 其他".to_owned(), OTHER));
    legend(&mut out, &known.into_iter().chain(rest).collect::<Vec<_>>(), left, 14.0, long + 50.0);
    for (n, (kind, of)) in tally.by_kind.iter().enumerate() {
        let y = top + row * n as f64;
        text(&mut out, "label", left - 8.0, y + 13.0, "end", &format!("{kind} {}", kind.zh()));
        let mut x = left;
        for (name, _) in &names {
            let count = of.outcomes.get(name).copied().unwrap_or(0);
            if count == 0 {
                continue;
            }
            let share = count as f64 / of.talks.max(1) as f64;
            let words = format!("{kind}: {name} {count} ({:.1} %)", 100.0 * share);
            block(&mut out, colour(name), [x, y, long * share, 16.0], &words);
            x += long * share;
        }
        text(&mut out, "tick", left + long + 6.0, y + 13.0, "start", &of.talks.to_string());
    }
    out + "</svg>"
}

/// How often each number came, in steps of `step`.
pub(super) fn histogram(values: &BTreeMap<u32, u64>, step: u32, about: &str) -> String {
    let mut steps: BTreeMap<u32, u64> = BTreeMap::new();
    values.iter().for_each(|(value, n)| *steps.entry(value / step.max(1)).or_default() += n);
    let count = steps.keys().last().map_or(1, |last| last + 1);
    let most = steps.values().copied().max().unwrap_or(1).max(1);
    let (left, wide, tall, top) = (52.0, 720.0, 180.0, 12.0);
    let mut out = open(left + wide + 20.0, top + tall + 44.0, about);
    for share in [0.0, 0.5, 1.0] {
        let y = top + tall * (1.0 - share);
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{left}\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
            left + wide
        );
        text(&mut out, "tick", left - 6.0, y + 4.0, "end", &format!("{:.0}", most as f64 * share));
    }
    let each = wide / f64::from(count);
    let ticks = count.div_ceil(16).max(1);
    for n in 0..count {
        let talks = steps.get(&n).copied().unwrap_or(0);
        let high = tall * talks as f64 / most as f64;
        let x = left + each * f64::from(n);
        let from = n * step;
        let name = if step > 1 { format!("{from}-{}", from + step - 1) } else { from.to_string() };
        if talks > 0 {
            let at = [x + 1.0, top + tall - high, (each - 2.0).max(1.0), high];
            block(&mut out, COLOURS[0], at, &format!("{name}: {talks}"));
        }
        if n.is_multiple_of(ticks) {
            text(&mut out, "tick", x + each / 2.0, top + tall + 16.0, "middle", &from.to_string());
        }
    }
    text(&mut out, "axis", left + wide / 2.0, top + tall + 36.0, "middle", about);
    out + "</svg>"
}

/// How many states with failures are drawn.
const MOST_STATES: usize = 24;

/// The turns that failed, by state.
pub(super) fn failures(states: &[(String, [u64; 3], u64)]) -> String {
    let kinds =
        [("not understood 未听懂", COLOURS[0]), ("silent 沉默", COLOURS[1]), ("limit 超限", COLOURS[4])];
    let shown = &states[..states.len().min(MOST_STATES)];
    let most = shown.iter().map(|s| s.1.iter().sum::<u64>()).max().unwrap_or(1).max(1) as f64;
    let (left, long, row, top) = (190.0, 560.0, 22.0, 32.0);
    let mut out =
        open(left + long + 200.0, top + row * shown.len() as f64 + 10.0, "failures by state 各状态的失败");
    let names: Vec<(String, &str)> = kinds.iter().map(|(name, c)| ((*name).to_owned(), *c)).collect();
    legend(&mut out, &names, left, 14.0, long);
    for (n, (state, counts, entered)) in shown.iter().enumerate() {
        let y = top + row * n as f64;
        text(&mut out, "label", left - 8.0, y + 13.0, "end", state);
        let mut x = left;
        for (count, (name, colour)) in counts.iter().zip(kinds).filter(|(count, _)| **count > 0) {
            let wide = long * *count as f64 / most;
            block(&mut out, colour, [x, y, wide, 16.0], &format!("{state}: {name} {count}"));
            x += wide;
        }
        let words = format!("{} of 共 {entered} entered", counts.iter().sum::<u64>());
        text(&mut out, "tick", x + 6.0, y + 13.0, "start", &words);
    }
    out + "</svg>"
}

/// Ways that fewer of the talks took are left out: a hundred hairs hide the rest.
const LEAST_SHARE: f64 = 0.004;

/// A state by its name; or an end, by its outcome's.
type Name = (String, bool);
/// From where, to where, and how often.
type Way = (Name, Name, u64);

/// One state in the drawing of ways.
struct Node {
    layer: usize,
    through: u64,
    y: f64,
    tall: f64,
    is_end: bool,
    /// Where the next way in and out touches it.
    into: f64,
    out: f64,
}

/// The ways from state to state, as thick as they were often gone; ends stand on the right.
///
/// A state that only ends the call is drawn as its outcome: there are many of them, and each has one.
pub(super) fn ways(tally: &Tally) -> String {
    let talks = tally.all().talks.max(1);
    let least = (talks as f64 * LEAST_SHARE).ceil() as u64;
    let is_state = |name: &str| tally.states.contains_key(name);
    let mut out_of: BTreeMap<&str, Vec<(&str, u64)>> = BTreeMap::new();
    for ((from, to), n) in &tally.ways {
        out_of.entry(from).or_default().push((to, *n));
    }
    let only_ends = |name: &str| out_of.get(name).is_none_or(|ways| ways.iter().all(|w| !is_state(w.0)));
    let mut counted: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (from, ways) in out_of.iter().filter(|(from, _)| !from.is_empty() && !only_ends(from)) {
        for (to, n) in ways {
            let ends = out_of.get(to).filter(|_| is_state(to) && only_ends(to));
            match ends {
                // Most of such states have one outcome; where there are more, each has its share.
                Some(ends) => {
                    let all: u64 = ends.iter().map(|e| e.1).sum();
                    for (end, part) in ends {
                        *counted.entry((from, end)).or_default() += n * part / all.max(1);
                    }
                }
                None => *counted.entry((from, to)).or_default() += n,
            }
        }
    }
    let ways: Vec<(&str, &str, u64)> = counted
        .into_iter()
        .filter(|((from, to), n)| *n >= least && from != to)
        .map(|((f, t), n)| (f, t, n))
        .collect();
    let layers = layers(tally, &ways);
    let last = layers.values().copied().max().unwrap_or(0) + 1;
    let mut nodes: BTreeMap<Name, Node> = BTreeMap::new();
    let node =
        |layer, through, is_end| Node { layer, through, y: 0.0, tall: 0.0, is_end, into: 0.0, out: 0.0 };
    for (name, layer) in &layers {
        let through = tally.states.get(*name).copied().unwrap_or(0);
        nodes.insert(((*name).to_owned(), false), node(*layer, through, false));
    }
    let mut drawn: Vec<Way> = Vec::new();
    for (from, to, n) in ways {
        let to = (to.to_owned(), !is_state(to));
        if to.1 {
            nodes.entry(to.clone()).or_insert_with(|| node(last, 0, true)).through += n;
        }
        if nodes.contains_key(&to) && nodes.contains_key(&(from.to_owned(), false)) {
            drawn.push(((from.to_owned(), false), to, n));
        }
    }
    draw(&mut nodes, &drawn, last)
}

/// How many steps a state is from the beginning, on the shortest of the ways.
fn layers<'t>(tally: &'t Tally, ways: &[(&'t str, &'t str, u64)]) -> BTreeMap<&'t str, usize> {
    let mut layers: BTreeMap<&str, usize> = BTreeMap::new();
    let first = tally.ways.iter().filter(|((from, _), _)| from.is_empty()).max_by_key(|(_, n)| **n);
    let mut edge: Vec<&str> = first.map(|((_, to), _)| to.as_ref()).into_iter().collect();
    let mut layer = 0;
    while !edge.is_empty() {
        for name in &edge {
            layers.insert(name, layer);
        }
        let next: BTreeSet<&str> = ways
            .iter()
            .filter(|(from, to, _)| edge.contains(from) && !layers.contains_key(to))
            .filter(|(_, to, _)| tally.states.contains_key(*to))
            .map(|(_, to, _)| *to)
            .collect();
        edge = next.into_iter().collect();
        layer += 1;
    }
    layers
}

fn draw(nodes: &mut BTreeMap<Name, Node>, ways: &[Way], last: usize) -> String {
    let (step, bar, gap, tall) = (185.0, 12.0, 26.0, 560.0);
    let most = nodes.values().map(|n| n.through).max().unwrap_or(1).max(1) as f64;
    let scale = 0.45 * tall / most;
    let mut bottom: f64 = 0.0;
    for layer in 0..=last {
        let mut names: Vec<Name> =
            nodes.iter().filter(|(_, n)| n.layer == layer).map(|(k, _)| k.clone()).collect();
        // Each where most of what comes into it comes from, so that few ways cross.
        let wish = |name: &Name| {
            let into = ways.iter().filter(|w| w.1 == *name && w.0 != *name);
            let (sum, n) = into.fold((0.0, 0u64), |(sum, n), w| {
                (sum + nodes.get(&w.0).map_or(0.0, |f| f.y + f.tall / 2.0) * w.2 as f64, n + w.2)
            });
            if n == 0 { 0.0 } else { sum / n as f64 }
        };
        let mut wishes: Vec<(f64, Name)> = names.drain(..).map(|n| (wish(&n), n)).collect();
        wishes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut y: f64 = 24.0;
        for (_, name) in wishes {
            if let Some(node) = nodes.get_mut(&name) {
                node.tall = (node.through as f64 * scale).max(3.0);
                node.y = y;
                y += node.tall + gap;
            }
        }
        bottom = bottom.max(y);
    }
    let width = step * last as f64 + bar + 230.0;
    let mut out = open(width, bottom + 10.0, "ways taken 走过的路径");
    let x = |node: &Node| 8.0 + step * node.layer as f64;
    let mut ordered: Vec<_> = ways.iter().collect();
    ordered.sort_by(|a, b| {
        let y = |k: &Name| nodes.get(k).map_or(0.0, |n| n.y);
        (y(&a.0), y(&a.1)).partial_cmp(&(y(&b.0), y(&b.1))).unwrap_or(std::cmp::Ordering::Equal)
    });
    for (from, to, n) in ordered {
        let thick = (*n as f64 * scale).max(0.8);
        let Some(source) = nodes.get_mut(from) else { continue };
        let (x1, y1, from_layer) = (x(source) + bar, source.y + source.out + thick / 2.0, source.layer);
        // More may leave a state than come to it, where it is stayed in.
        source.out = (source.out + thick).min((source.tall - thick).max(0.0));
        let Some(target) = nodes.get_mut(to) else { continue };
        let (x2, y2) = (x(target), target.y + target.into + thick / 2.0);
        target.into = (target.into + thick).min((target.tall - thick).max(0.0));
        let forward = target.layer > from_layer;
        let bend = if forward { (x2 - x1) / 2.0 } else { 60.0 };
        let class = if forward { "way" } else { "way back" };
        let _ = write!(
            out,
            "<path class=\"{class}\" d=\"M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}\" \
             stroke-width=\"{thick:.1}\"><title>{} → {}: {n}</title></path>",
            x1 + bend,
            x2 - bend,
            escape(&from.0),
            escape(&to.0)
        );
    }
    for ((name, _), node) in nodes.iter() {
        let colour = if node.is_end { COLOURS[2] } else { COLOURS[0] };
        block(&mut out, colour, [x(node), node.y, bar, node.tall], &format!("{name}: {}", node.through));
        let words = format!("{name} {}", node.through);
        let (at, y) = match node.is_end {
            true => (x(node) + bar + 5.0, node.y + node.tall / 2.0 + 4.0),
            false => (x(node), node.y - 5.0),
        };
        text(&mut out, "label", at, y, "start", &words);
    }
    out + "</svg>"
}
