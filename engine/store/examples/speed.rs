//! How fast the store is, and how large it becomes: `speed --cases 10000,100000,1000000 --plot FILE.svg ADDRESS…`,
//! an address being a file's path or `postgres://…`, to be given empty. Prints a table; see FIGURES.md.
#![allow(missing_docs, clippy::print_stdout)]

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use plotters::prelude::*;
use waihu_compliance::Gate;
use waihu_store::{CampaignState, NewAttempt, Passage, Picked, Placement, Store};
use waihu_types::{
    AnsweredBy, CampaignId, Case, Currency, Disposition, Identity, Lang, Money, Outcome, Promise,
    ScriptVersion, WallTime,
};

type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Cases handed over at once, as a reader of files does.
const BATCH: u32 = 2_000;

/// How many write at once, and how many calls they place together.
const CALLERS: [(u32, u32); 4] = [(1, 200), (16, 1_600), (128, 6_400), (512, 12_800)];

struct Figures {
    cases: u32,
    import_s: f64,
    again_s: f64,
    enqueue_s: f64,
    sweep_s: f64,
    pick_ms: [f64; 2],
    /// Whole ones, and outcomes alone.
    calls_a_second: Vec<[f64; 2]>,
}

#[tokio::main]
async fn main() -> Done<()> {
    let (mut sizes, mut plot, mut addresses) = (vec![10_000_u32], None, Vec::new());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--cases" => {
                let list = args.next().ok_or("--cases N,N")?;
                sizes = list.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            "--plot" => plot = args.next(),
            _ => addresses.push(arg),
        }
    }
    let mut all = Vec::new();
    println!(
        "| store | cases | import s | the same again s | enqueue s | sweep s | pick ms p50 / p99 | calls, and outcomes alone, a second by callers {} |",
        CALLERS.map(|(callers, _)| callers.to_string()).join(" / ")
    );
    println!("|---|---|---|---|---|---|---|---|");
    for address in &addresses {
        let name = if address.starts_with("postgres") { "PostgreSQL" } else { "SQLite" };
        let mut of = Vec::new();
        for (n, &cases) in sizes.iter().enumerate() {
            let figures = measure(address, n, cases).await?;
            let calls: Vec<String> = figures
                .calls_a_second
                .iter()
                .map(|[whole, filed]| format!("{whole:.0}, {filed:.0}"))
                .collect();
            println!(
                "| {name} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} / {:.2} | {} |",
                figures.cases,
                figures.import_s,
                figures.again_s,
                figures.enqueue_s,
                figures.sweep_s,
                figures.pick_ms[0],
                figures.pick_ms[1],
                calls.join(" / ")
            );
            of.push(figures);
        }
        all.push((name, of));
    }
    if let Some(plot) = plot {
        draw(&plot, &all)?;
    }
    Ok(())
}

/// One size, each in a store that holds those before as well; the campaign is its own.
async fn measure(address: &str, n: usize, cases: u32) -> Done<Figures> {
    let store = Arc::new(Store::connect(address).await?);
    store.join("speed", at(0), Duration::from_secs(1_000_000_000)).await?;
    let campaign: CampaignId = format!("speed-{n}").parse()?;
    store.create_campaign(&campaign, &serde_json::json!({}), "", at(0)).await?;
    store.set_campaign_state(&campaign, CampaignState::Running, None, at(0)).await?;
    let import = || async {
        let begun = Instant::now();
        for from in (0..cases).step_by(BATCH as usize) {
            let batch: Vec<Case> =
                (from..cases.min(from + BATCH)).map(|c| case(n, c)).collect::<Result<_, _>>()?;
            store.import(&batch, at(0)).await?;
        }
        Done::Ok(begun.elapsed().as_secs_f64())
    };
    let (import_s, again_s) = (import().await?, import().await?);
    let begun = Instant::now();
    for from in (0..cases).step_by(BATCH as usize) {
        let placed = |c: u32| {
            Done::Ok(Placement {
                case: id(n, c).parse()?,
                rank: i64::from(c % 1_000),
                due_at: at(0),
                why: "strategy".to_owned(),
            })
        };
        let batch: Vec<Placement> = (from..cases.min(from + BATCH)).map(placed).collect::<Result<_, _>>()?;
        store.enqueue(&campaign, &batch).await?;
    }
    let enqueue_s = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    while store.sweep(&campaign, at(1), BATCH).await? > 0 {}
    let sweep_s = begun.elapsed().as_secs_f64();
    let mut picks = Vec::new();
    let mut picked = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        picked.extend(store.pick(&campaign, 1).await?);
        picks.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    picks.sort_by(f64::total_cmp);
    let pick_ms = [picks[picks.len() / 2], picks[picks.len() * 99 / 100]];
    let mut calls_a_second = Vec::new();
    for (callers, calls) in CALLERS {
        calls_a_second.push(call(&store, &campaign, callers, calls.min(cases / 10)).await?);
    }
    Ok(Figures { cases, import_s, again_s, enqueue_s, sweep_s, pick_ms, calls_a_second })
}

/// Calls a second, whole ones, and after that outcomes alone of calls that were begun and answered before. All are
/// taken from the queue beforehand; each step is on the disk before the next.
async fn call(store: &Arc<Store>, campaign: &CampaignId, callers: u32, calls: u32) -> Done<[f64; 2]> {
    let ready: Arc<[Picked]> = store.pick(campaign, calls).await?.into();
    let whole =
        timed(callers, calls, |n| step(store, campaign, &ready, n, &[Step::Begin, Step::File])).await?;
    let ready: Arc<[Picked]> = store.pick(campaign, calls).await?.into();
    timed(callers, calls, |n| step(store, campaign, &ready, n, &[Step::Begin])).await?;
    let filed = timed(callers, calls, |n| step(store, campaign, &ready, n, &[Step::File])).await?;
    Ok([whole, filed])
}

#[derive(Clone, Copy)]
enum Step {
    Begin,
    File,
}

fn step(
    store: &Arc<Store>,
    campaign: &CampaignId,
    ready: &Arc<[Picked]>,
    n: u32,
    steps: &'static [Step],
) -> impl Future<Output = Done<()>> + Send + 'static {
    let (store, campaign, ready) = (Arc::clone(store), campaign.clone(), Arc::clone(ready));
    async move {
        let Some(picked) = ready.get(n as usize) else { return Ok(()) };
        let (new, outcome) = attempt(&campaign, picked)?;
        for step in steps {
            match step {
                Step::Begin => {
                    let gate = Passage::new(Gate::laboratory(), "Asia/Shanghai");
                    store.begin_attempt(&new, &gate).await?;
                    store.mark_answered(&new.attempt, at(5)).await?;
                }
                Step::File => store.close_attempt(&outcome).await?,
            }
        }
        Ok(())
    }
}

/// How many of `all` a second, so many at once.
async fn timed<F>(at_once: u32, all: u32, one: impl Fn(u32) -> F) -> Done<f64>
where
    F: Future<Output = Done<()>> + Send + 'static,
{
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..all {
        if n >= at_once
            && let Some(done) = tasks.join_next().await
        {
            done??;
        }
        tasks.spawn(one(n));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(f64::from(all) / begun.elapsed().as_secs_f64())
}

fn at(s: i64) -> WallTime {
    WallTime::from_unix_millis(1_795_772_096_000 + s * 1_000)
}

fn id(n: usize, case: u32) -> String {
    format!("L{n}-{case:07}")
}

/// A case with as much in it as a lender tells.
fn case(n: usize, case: u32) -> Result<Case, serde_json::Error> {
    serde_json::from_value(serde_json::json!({
        "id": id(n, case), "phone": format!("1{}{case:07}", 310 + n), "name": "张伟", "lang": "zh",
        "creditor": "安信银行", "product": "信用卡", "amount": "3250.00", "currency": "CNY", "due_date": "2026-11-15"
    }))
}

fn attempt(campaign: &CampaignId, picked: &Picked) -> Done<(NewAttempt, Outcome)> {
    let case = &picked.stored.case;
    let script = ScriptVersion {
        name: "reminder".to_owned(),
        lang: Lang::Zh,
        sha256: "ab".repeat(32),
        variant: None,
        draft: false,
    };
    let new = NewAttempt {
        attempt: format!("a-{}", case.id).parse()?,
        campaign: Some(campaign.clone()),
        case: case.id.clone(),
        callee: case.phone.clone(),
        script: script.clone(),
        models: [("asr".to_owned(), "whisper-base@1.0.0".to_owned())].into(),
        dialled_at: at(1),
        own_number: true,
    };
    let outcome = Outcome {
        version: waihu_types::OUTCOME_VERSION,
        attempt: new.attempt.clone(),
        campaign: new.campaign.clone(),
        case: new.case.clone(),
        callee: new.callee.clone(),
        dialled_at: at(1),
        answered_at: Some(at(5)),
        ended_at: at(40),
        answered_by: AnsweredBy::Human,
        announcement: None,
        told: None,
        mood: None,
        identity: Identity::Confirmed,
        debt_disclosed: true,
        disposition: Disposition::PromiseToPay,
        promise: Some(Promise::of(jiff::civil::date(2026, 11, 27), Money::parse("3250", Currency::CNY)?)),
        callback: None,
        follow_ups: Vec::new(),
        intents: Vec::new(),
        handover: None,
        script,
        models: new.models.clone(),
        recording: None,
        transcript: None,
        sound: None,
        sip: None,
        ended_by: None,
        fault: None,
        redial: waihu_campaign::redial(Disposition::PromiseToPay, at(40), 1),
    };
    Ok((new, outcome))
}

/// Three plots beside each other, a line a store.
fn draw(path: &str, all: &[(&str, Vec<Figures>)]) -> Done<()> {
    let root = SVGBackend::new(path, (1_080, 340)).into_drawing_area();
    root.fill(&WHITE)?;
    let parts = root.split_evenly((1, 3));
    let by_size = |f: fn(&Figures) -> f64| {
        move |(_, of): &(&str, Vec<Figures>)| -> Vec<(f64, f64)> {
            of.iter().map(|figures| (f64::from(figures.cases), f(figures))).collect()
        }
    };
    let imports: Vec<_> = all.iter().map(by_size(|f| f64::from(f.cases) / f.import_s)).collect();
    let picks: Vec<_> = all.iter().map(by_size(|f| f.pick_ms[0])).collect();
    let calls: Vec<_> = all
        .iter()
        .map(|(_, of)| {
            let last = of.last().map(|f| f.calls_a_second.as_slice()).unwrap_or_default();
            CALLERS
                .iter()
                .map(|(callers, _)| f64::from(*callers))
                .zip(last.iter().map(|[_, filed]| *filed))
                .collect()
        })
        .collect();
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    panel(&parts[0], "Import: cases a second", "cases", &names, &imports)?;
    panel(&parts[1], "Next case: ms, median", "cases ready", &names, &picks)?;
    panel(&parts[2], "Outcomes filed a second", "who write at once", &names, &calls)?;
    root.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    below: &str,
    names: &[&str],
    lines: &[Vec<(f64, f64)>],
) -> Done<()> {
    let points = || lines.iter().flatten();
    let most = points().map(|p| p.1).fold(0.0, f64::max) * 1.15;
    let (from, to) = points().fold((f64::MAX, 1.0_f64), |(from, to), p| (from.min(p.0), to.max(p.0)));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(62)
        .build_cartesian_2d((from * 0.9..to * 1.1).log_scale(), 0.0..most)?;
    chart.configure_mesh().x_desc(below).disable_x_mesh().x_labels(4).draw()?;
    let colours = [RGBColor(0, 114, 178), RGBColor(213, 94, 0)];
    for ((name, line), colour) in names.iter().zip(lines).zip(colours) {
        chart
            .draw_series(LineSeries::new(line.iter().copied(), colour.stroke_width(2)).point_size(3))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE)
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}
