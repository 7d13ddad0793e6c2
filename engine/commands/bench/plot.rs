//! The figures of a bench as a drawing: how the load of the core, lateness and loss grow with the calls.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use super::run::Measured;

const SIZE: (u32, u32) = (900, 840);
/// Colours that the colour-blind tell apart (Okabe and Ito).
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
const GREEN: RGBColor = RGBColor(0, 158, 115);

/// One line of the drawing: its name, its colour, and its points by calls.
type Series = (String, RGBColor, Vec<(f64, f64)>);

pub(super) fn draw(all: &[Measured], path: &Path) -> Result<()> {
    let most = all.iter().map(|m| m.calls).max().unwrap_or(1) as f64 * 1.05;
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let thirds = area.split_evenly((3, 1));
    let mut by: Vec<&str> = all.iter().map(|m| m.by.as_str()).collect();
    by.sort_unstable_by_key(|whose| std::cmp::Reverse(*whose));
    by.dedup();
    let points = |whose: &str, value: &dyn Fn(&Measured) -> f64| -> Vec<(f64, f64)> {
        all.iter().filter(|m| m.by == whose).map(|m| (m.calls as f64, value(m))).collect()
    };
    let mut load: Vec<Series> = Vec::new();
    let (mut lateness, mut lost): (Vec<Series>, Vec<Series>) = (Vec::new(), Vec::new());
    for (whose, colour) in by.iter().zip([BLUE, ORANGE, GREEN]) {
        load.push((format!("{whose}: one core 单核 [%]"), colour, points(whose, &|m| m.core_percent)));
        let loss = |m: &Measured| {
            let sent = m.calls as f64 * 50.0 * m.seconds;
            (m.lost_out - m.lost_by_far_ends.min(m.lost_out)) as f64 / sent * 1_000.0
        };
        lost.push((format!("{whose}: lost 丢包 [1/1000]"), colour, points(whose, &loss)));
        let late = |m: &Measured| m.late_ms_p99;
        lateness.push((format!("{whose}: late 迟, p99 [ms]"), colour, points(whose, &late)));
    }
    for (third, series) in thirds.iter().zip([&load, &lateness, &lost]) {
        chart(third, most, series)?;
    }
    area.present()?;
    Ok(())
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    most: f64,
    series: &[Series],
) -> Result<()> {
    let top = series.iter().flat_map(|s| &s.2).map(|p| p.1).fold(1.0, f64::max) * 1.15;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..most, 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc("calls at once 并发通话")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .draw()?;
    for (name, colour, points) in series {
        let colour = *colour;
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(4))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}
