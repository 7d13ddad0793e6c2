//! A simulated day as a drawing: calls up, calls a second, agents' occupancy, and the abandoned share with its bound.

use std::path::Path;

use anyhow::Result;
use plotters::{coord::Shift, prelude::*};
use waihu_campaign::day::{Minute, Plan, Report};

const SIZE: (u32, u32) = (1_000, 1_160);
/// Colours that the colour-blind tell apart (Okabe and Ito).
const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(110, 110, 110),
];
/// What is shown is the mean of so many minutes: single ones jump.
const SMOOTH: usize = 5;

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// One line: its name, its colour, and its points by the hour.
struct Line {
    name: String,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

pub(super) fn draw(plan: &Plan, report: &Report, path: &Path) -> Result<()> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let minutes = busy(&report.minutes);
    let panels = area.split_evenly((4, 1));
    let named = |n: usize| plan.campaigns[n].id.to_string();
    let campaigns = 0..plan.campaigns.len();
    let mut up: Vec<Line> =
        campaigns.clone().map(|n| line(named(n), n, minutes, |m| Some(m.up[n]))).collect();
    up.push(line("ringing 振铃中".to_owned(), 4, minutes, |m| Some(m.ringing)));
    chart(&panels[0], minutes, "calls up 通话中", &up, None)?;
    let dials = [line("all 合计".to_owned(), 4, minutes, |m| Some(m.dials_per_s))];
    let limit = (plan.trunk.cps, format!("trunk 线路 {:.1}", plan.trunk.cps));
    chart(&panels[1], minutes, "calls placed a second 每秒呼出", &dials, Some(limit))?;
    let busy = |n: usize| minutes.iter().any(|m| m.occupancy[n].is_some());
    let occupancy = campaigns.clone().filter(|n| busy(*n));
    let occupancy: Vec<Line> = occupancy
        .map(|n| line(named(n), n, minutes, |m| m.occupancy[n].map(|share| 100.0 * share)))
        .collect();
    chart(&panels[2], minutes, "agents busy 坐席占用 [%]", &occupancy, None)?;
    let abandoned = campaigns.filter(|n| busy(*n));
    let abandoned: Vec<Line> =
        abandoned.map(|n| line(named(n), n, minutes, |m| Some(100.0 * m.abandoned[n]))).collect();
    let bound = (3.0, "bound 上限 3 %".to_owned());
    chart(&panels[3], minutes, "abandoned of the day so far 当日放弃率 [%]", &abandoned, Some(bound))?;
    area.present()?;
    Ok(())
}

/// From the first minute with a call to the last.
fn busy(minutes: &[Minute]) -> &[Minute] {
    let is_busy = |m: &Minute| m.ringing + m.up.iter().sum::<f64>() > 0.0;
    let first = minutes.iter().position(is_busy).unwrap_or(0);
    let last = minutes.iter().rposition(is_busy).unwrap_or(0);
    &minutes[first..(last + 1).min(minutes.len())]
}

fn line(name: String, colour: usize, minutes: &[Minute], value: impl Fn(&Minute) -> Option<f64>) -> Line {
    let mean = |window: &[Minute]| {
        let known: Vec<f64> = window.iter().filter_map(&value).collect();
        let middle = f64::from(window[window.len() / 2].minute) / 60.0;
        (!known.is_empty()).then(|| (middle, known.iter().sum::<f64>() / known.len() as f64))
    };
    let points = minutes.windows(SMOOTH).filter_map(mean).collect();
    Line { name, colour: COLOURS[colour % COLOURS.len()], points }
}

fn chart(
    area: &Panel<'_>,
    minutes: &[Minute],
    about: &str,
    lines: &[Line],
    limit: Option<(f64, String)>,
) -> Result<()> {
    let hour = |m: Option<&Minute>| m.map_or(0.0, |m| f64::from(m.minute) / 60.0);
    let (from, to) = (hour(minutes.first()), hour(minutes.last()).max(hour(minutes.first()) + 0.1));
    let limit_at = limit.as_ref().map_or(0.0, |(at, _)| *at);
    let most = lines.iter().flat_map(|l| &l.points).map(|p| p.1).fold(limit_at, f64::max);
    // Room for the names above the lines.
    let top = if most > 0.0 { most * 1.3 } else { 1.0 };
    let mut chart = ChartBuilder::on(area)
        .caption(about, ("sans-serif", 17))
        .margin(10)
        .margin_right(20)
        .x_label_area_size(28)
        .y_label_area_size(48)
        .build_cartesian_2d(from..to, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(RGBColor(225, 225, 225))
        .x_labels(16)
        .y_labels(6)
        .x_label_formatter(&|hour| {
            format!("{:02}:{:02}", *hour as u32 % 24, (hour.fract() * 60.0).round() as u32)
        })
        .y_label_formatter(&|y| if top < 10.0 { format!("{y:.1}") } else { format!("{y:.0}") })
        .draw()?;
    if let Some((at, name)) = limit {
        let red = RGBColor(200, 0, 0);
        chart
            .draw_series(DashedLineSeries::new([(from, at), (to, at)], 6, 4, red.stroke_width(1)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], red.stroke_width(1)));
    }
    for line in lines {
        let colour = line.colour;
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))?
            .label(line.name.clone())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .draw()?;
    Ok(())
}
