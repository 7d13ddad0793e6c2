//! Plots as SVG inside a page: they take the page's colours, and need nothing from elsewhere.

use waihu_corpus::score::{Calibration, Confusion};

use super::page::escape;

/// A confusion matrix: darker is more of the row; each cell tells itself when pointed at.
pub(super) fn heat(confusion: &Confusion) -> String {
    let labels = &confusion.labels;
    let longest = labels.iter().map(|l| l.chars().count()).max().unwrap_or(0);
    let cell = if labels.len() > 12 { 24 } else { 44 };
    let margin = 16 + 7 * longest;
    let side = cell * labels.len();
    let (width, height) = (margin + side + margin / 2 + 8, margin + side + 26);
    let mut out = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" \
         aria-label=\"confusion matrix 混淆矩阵\">"
    );
    out += &format!(
        "<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">taken for 判为 →</text>\
         <text class=\"axis\" x=\"{margin}\" y=\"{}\" text-anchor=\"end\" dx=\"-6\">meant 应为 ↓</text>",
        margin + side / 2,
        height - 6,
        margin - 8,
    );
    for (i, row) in confusion.counts.iter().enumerate() {
        let (at, middle) = (margin + i * cell, margin + i * cell + cell / 2 + 4);
        let name = escape(&labels[i]);
        out += &format!(
            "<text class=\"label\" x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{name}</text>",
            margin - 6
        );
        out += &format!(
            "<text class=\"label\" transform=\"translate({middle} {}) rotate(-50)\">{name}</text>",
            margin - 6
        );
        let sum: usize = row.iter().sum();
        for (j, count) in row.iter().enumerate() {
            let share = *count as f64 / sum.max(1) as f64;
            let x = margin + j * cell;
            // A single mistake among many must still be seen.
            let shade = if *count == 0 { 0.0 } else { 0.14 + 0.86 * share };
            let kind = if i == j { "right" } else { "wrong" };
            out += &format!(
                "<g><rect class=\"{kind}\" x=\"{x}\" y=\"{at}\" width=\"{cell}\" height=\"{cell}\" \
                 fill-opacity=\"{shade:.2}\"/><title>{name} → {}: {count} ({:.0} %)</title>",
                escape(&labels[j]),
                100.0 * share
            );
            if *count > 0 {
                let ink = if shade > 0.55 { "on" } else { "off" };
                out += &format!(
                    "<text class=\"count {ink}\" x=\"{}\" y=\"{middle}\" text-anchor=\"middle\">{count}</text>",
                    x + cell / 2
                );
            }
            out += "</g>";
        }
    }
    out += &format!(
        "<rect class=\"frame\" x=\"{margin}\" y=\"{margin}\" width=\"{side}\" height=\"{side}\"/></svg>"
    );
    out
}

/// The plot's inside [px].
const SIDE: f64 = 300.0;
const LEFT: f64 = 46.0;
const TOP: f64 = 10.0;

/// A reliability plot: the share right over the confidence, with the number of answers below.
pub(super) fn reliability(calibration: &Calibration) -> String {
    let most = calibration.bins.iter().map(|b| b.count).max().unwrap_or(0).max(1) as f64;
    let (width, height) = (LEFT + SIDE + 14.0, TOP + SIDE + 106.0);
    let x = |v: f64| LEFT + SIDE * v;
    let y = |v: f64| TOP + SIDE * (1.0 - v);
    let mut out = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" \
         aria-label=\"reliability 可靠性\">"
    );
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        out += &format!(
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{:.0}</text>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0}</text>",
            LEFT + SIDE,
            LEFT - 6.0,
            y(tick) + 4.0,
            100.0 * tick,
            x(tick),
            TOP + SIDE + 82.0,
            100.0 * tick,
            y = y(tick),
        );
    }
    out += &format!(
        "<line class=\"ideal\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        x(0.0),
        y(0.0),
        x(1.0),
        y(1.0)
    );
    let wide = SIDE / calibration.bins.len().max(1) as f64;
    let mut points = String::new();
    for (n, bin) in calibration.bins.iter().enumerate().filter(|(_, b)| b.count > 0) {
        let tall = 50.0 * bin.count as f64 / most;
        let words = format!(
            "confidence 置信度 {:.0} %, right 正确 {:.0} %, answers 条数 {}",
            100.0 * bin.confidence,
            100.0 * bin.right,
            bin.count
        );
        out += &format!(
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"><title>{words}</title></rect>",
            LEFT + wide * n as f64 + 1.0,
            TOP + SIDE + 66.0 - tall,
            wide - 2.0
        );
        let (px, py) = (x(bin.confidence), y(bin.right));
        points += &format!("{px:.1},{py:.1} ");
        out += &format!(
            "<circle class=\"point\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"4\"><title>{words}</title></circle>"
        );
    }
    out += &format!(
        "<polyline class=\"line\" points=\"{points}\"/>\
         <text class=\"axis\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">confidence 置信度 [%], and how many 条数</text>\
         <text class=\"axis\" transform=\"translate(12 {:.0}) rotate(-90)\" text-anchor=\"middle\">right 正确 [%]</text></svg>",
        LEFT + SIDE / 2.0,
        height - 4.0,
        TOP + SIDE / 2.0
    );
    out
}

/// Shares as bars, each with another one to compare with, if it has one.
pub(super) fn bars(values: &[(String, f64, Option<f64>)]) -> String {
    let most = values.iter().flat_map(|(_, a, b)| [*a, b.unwrap_or(0.0)]).fold(0.01, f64::max);
    let (left, long, row) = (120.0, 420.0, 26.0);
    let height = row * values.len() as f64 + 6.0;
    let width = left + long + 130.0;
    let mut out =
        format!("<svg class=\"plot\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\">");
    for (n, (name, value, other)) in values.iter().enumerate() {
        let at = row * n as f64 + 4.0;
        let wide = long * value / most;
        let mut words = format!("{:.1} %", 100.0 * value);
        if let Some(other) = other {
            out += &format!(
                "<rect class=\"bar\" x=\"{left}\" y=\"{:.0}\" width=\"{:.1}\" height=\"5\"/>",
                at + 15.0,
                long * other / most
            );
            words += &format!(" (full 完整 {:.1} %)", 100.0 * other);
        }
        out += &format!(
            "<text class=\"label\" x=\"{}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <rect class=\"strong\" x=\"{left}\" y=\"{at:.0}\" width=\"{wide:.1}\" height=\"14\"/>\
             <text class=\"tick\" x=\"{:.0}\" y=\"{:.0}\">{words}</text>",
            left - 8.0,
            at + 12.0,
            escape(name),
            left + wide + 6.0,
            at + 12.0
        );
    }
    out + "</svg>"
}

/// How times are spread: for each series, the share of all that is not above a time.
pub(super) fn spread(series: &[(String, Vec<f64>)], most_ms: f64) -> String {
    let (wide, tall) = (520.0, 240.0);
    let (width, height) = (LEFT + wide + 20.0, TOP + tall + 44.0);
    let x = |ms: f64| LEFT + wide * (ms / most_ms).clamp(0.0, 1.0);
    let y = |share: f64| TOP + tall * (1.0 - share);
    let mut out =
        format!("<svg class=\"plot\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\">");
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        out += &format!(
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{:.0}</text>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0}</text>",
            LEFT + wide,
            LEFT - 6.0,
            y(tick) + 4.0,
            100.0 * tick,
            x(most_ms * tick),
            TOP + tall + 18.0,
            most_ms * tick,
            y = y(tick),
        );
    }
    for (n, (name, values)) in series.iter().enumerate().filter(|(_, (_, v))| !v.is_empty()) {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let mut points = String::new();
        for (k, value) in sorted.iter().enumerate() {
            points += &format!("{:.1},{:.1} ", x(*value), y(k as f64 / sorted.len() as f64));
            points += &format!("{:.1},{:.1} ", x(*value), y((k + 1) as f64 / sorted.len() as f64));
        }
        let class = if n == 0 { "line" } else { "line second" };
        out += &format!("<polyline class=\"{class}\" points=\"{points}\"/>");
        let at = TOP + tall - 14.0 - 18.0 * n as f64;
        out += &format!(
            "<line class=\"{class}\" x1=\"{:.0}\" x2=\"{:.0}\" y1=\"{at:.0}\" y2=\"{at:.0}\"/>\
             <text class=\"label\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>",
            LEFT + wide - 30.0,
            LEFT + wide - 6.0,
            LEFT + wide - 36.0,
            at + 4.0,
            escape(name)
        );
    }
    out += &format!(
        "<text class=\"axis\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">ms</text>\
         <text class=\"axis\" transform=\"translate(12 {:.0}) rotate(-90)\" text-anchor=\"middle\">share 累计占比 [%]</text></svg>",
        LEFT + wide / 2.0,
        height - 6.0,
        TOP + tall / 2.0
    );
    out
}
