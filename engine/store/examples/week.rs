//! How much memory a week of calls takes: `week [--days N] [--cases N] [--plot FILE.svg]`, in virtual time, over a real
//! store in a file. The store, the gate, the strategy, the queue and the pacing are those that place real calls; what
//! callees do comes from a seed. Prints a table, a day a row; see FIGURES.md.
#![allow(missing_docs, clippy::print_stdout)]

use std::{collections::BTreeMap, error::Error, fs, path::Path, time::Duration};

use futures_util::future::try_join_all;
use plotters::prelude::*;
use waihu_campaign::{
    Load, Past, Placement as Turn, Settings, Strategy,
    pacing::{CampaignNow, Pacing, Seen, Trunk},
};
use waihu_compliance::{Gate, Profile};
use waihu_store::{
    CampaignState, Filter, Hold, NewAttempt, Part, Passage, Picked, Place, Placement, Said, Store, StoreError,
};
use waihu_types::{
    AnsweredBy, CampaignId, Case, Currency, Disposition, Identity, Lang, Money, Outcome, Promise, Redial,
    ScriptVersion, SplitMix64, Time, WallTime,
};

type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ZONE: &str = "Asia/Shanghai";
/// The rules of mainland China, and days after which words and events go, so that something goes within the week.
const RULES: &str = concat!(
    include_str!("../../../compliance/cn.toml"),
    "\n[retention]\nwords_days = 2\ndeliveries_days = 2\n"
);
/// What happens within so long is written together [s]; the pacing is asked twice a second all the same.
const STEP_S: u64 = 10;
const DAY_S: u64 = 86_400;
/// Some 15,000 calls in the fourteen hours of a day.
const TRUNK: Trunk = Trunk { cps: 2.0, channels: 15 };
/// Of the cases at first, so many more come each morning [%].
const MORE: u64 = 30;
/// Rows that are handed over, or removed, at once.
const BATCH: usize = 2_000;
const AT_ONCE: usize = 64;

/// A call, and what will come of it.
struct Call {
    new: NewAttempt,
    case: Case,
    past: Vec<Past>,
    answered_at: Option<WallTime>,
    ends_at: WallTime,
    disposition: Disposition,
    /// Whether the answer is on the disk.
    is_marked: bool,
}

/// How long it rings and how long is talked [s], and how it ends.
type Fate = (u64, u64, Disposition);

/// A moment of the week: hours since it began, memory and the store's file [MiB], calls on file.
type Sample = (f64, f64, f64, u64);

#[derive(Default)]
struct Day {
    calls: u64,
    answered: u64,
    put_back: u64,
    events: u64,
    removed: u64,
}

struct Week {
    store: Store,
    campaign: CampaignId,
    settings: Settings,
    gate: Gate,
    pacing: Pacing,
    chance: SplitMix64,
    start: WallTime,
    ready: u32,
    calls: Vec<Call>,
    cases: u64,
    picked: u64,
    day: Day,
}

#[tokio::main]
async fn main() -> Done<()> {
    let (mut days, mut cases, mut plot) = (7_u64, 20_000_u64, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--days" => days = args.next().ok_or("--days N")?.parse()?,
            "--cases" => cases = args.next().ok_or("--cases N")?.parse()?,
            "--plot" => plot = args.next(),
            other => return Err(format!("{other} is no option").into()),
        }
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("week.sqlite");
    let mut week = Week::begin(&file).await?;
    week.more_cases(cases, week.start).await?;
    let mut samples: Vec<Sample> = Vec::new();
    let mut calls = 0;
    println!(
        "| day | calls | answered | put back | events read | rows emptied | memory MiB, least / most | store MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for s in (0..days * DAY_S).step_by(STEP_S as usize) {
        let now = week.start.plus(Duration::from_secs(s));
        match s % DAY_S {
            10_800 => week.remove(now).await?,
            25_200 if s > DAY_S => week.more_cases(cases * MORE / 100, now).await?,
            _ => {}
        }
        if s.is_multiple_of(60) {
            week.look(now).await?;
        }
        week.hear(now).await?;
        week.dial(now).await?;
        if (s + STEP_S).is_multiple_of(3_600) {
            let hours = (s + STEP_S) as f64 / 3_600.0;
            samples.push((hours, memory_mib()?, size_mib(&file)?, calls + week.day.calls));
        }
        if (s + STEP_S).is_multiple_of(DAY_S) {
            let day = std::mem::take(&mut week.day);
            calls += day.calls;
            tell(s / DAY_S + 1, &day, &samples[samples.len() - 24..]);
        }
    }
    if let Some(later) = samples.get(24..).filter(|later| !later.is_empty()) {
        let (least, most) = range(later);
        println!("\n{calls} calls; memory after the first day: least {least:.1}, most {most:.1} MiB");
    }
    if let Some(plot) = plot {
        draw(&plot, &samples)?;
    }
    Ok(())
}

impl Week {
    async fn begin(file: &Path) -> Done<Self> {
        let store = Store::open(file).await?;
        let start: WallTime = "2026-11-26T00:00:00+08:00".parse()?;
        let campaign: CampaignId = "week".parse()?;
        let settings = Settings::parse("trunk = \"week\"\nscript = \"reminder\"\n");
        let settings = settings.map_err(|faults| format!("{faults:?}"))?;
        store.join("week", start, Duration::from_secs(3_600)).await?;
        store.create_campaign(&campaign, &serde_json::to_value(&settings)?, "", start).await?;
        store.set_campaign_state(&campaign, CampaignState::Running, None, start).await?;
        Ok(Self {
            store,
            campaign,
            settings,
            gate: Gate::new(Profile::parse("cn.toml", RULES, |_| None)?),
            pacing: Pacing::new(TRUNK),
            chance: SplitMix64::new(1),
            start,
            ready: 0,
            calls: Vec::new(),
            cases: 0,
            picked: 0,
            day: Day::default(),
        })
    }

    /// So many new cases, imported and put into the queue.
    async fn more_cases(&mut self, count: u64, now: WallTime) -> Done<()> {
        let cases: Vec<Case> =
            (self.cases..self.cases + count).map(a_case).collect::<Result<_, serde_json::Error>>()?;
        self.cases += count;
        for some in cases.chunks(BATCH) {
            self.store.import(some, now).await?;
            let first = |case: &Case| Placement::first(Strategy::shipped(), &self.settings, case, now);
            let placed: Vec<Placement> = some.iter().filter_map(first).collect();
            self.store.enqueue(&self.campaign, &placed).await?;
        }
        Ok(())
    }

    /// What an engine and a courier do without a call: cases become due, events are read.
    async fn look(&mut self, now: WallTime) -> Done<()> {
        self.store.renew(now, Duration::from_secs(3_600)).await?;
        self.store.sweep(&self.campaign, now, 1_000).await?;
        self.ready = self.store.ready(&self.campaign, 1_000).await?;
        let hold = Hold { node: "week", until: now.plus(Duration::from_secs(3_600)) };
        let held = self.store.take_reader("lender", hold, now).await?;
        let mut place = held.ok_or("another node reads")?;
        loop {
            let events = self.store.events(place.seq, 1_000).await?;
            let Some(last) = events.last() else { return Ok(()) };
            let to = Place { seq: last.seq, ..place.clone() };
            self.store.move_reader(place.seq, &to, hold, None).await?;
            self.day.events += events.len() as u64;
            place = to;
        }
    }

    /// What has come of calls by now is written down.
    async fn hear(&mut self, now: WallTime) -> Done<()> {
        let today = now.date_in(ZONE)?;
        let mut answered = Vec::new();
        for call in self.calls.iter_mut().filter(|call| !call.is_marked) {
            let Some(at) = call.answered_at.filter(|at| *at <= now) else { continue };
            call.is_marked = true;
            answered.push((call.new.attempt.clone(), at));
            let after = since(call.new.dialled_at, at);
            self.pacing.saw(&self.campaign, Seen::Answered { after }, today);
        }
        try_join_all(answered.iter().map(|(attempt, at)| self.store.mark_answered(attempt, *at))).await?;
        self.day.answered += answered.len() as u64;
        let calls = std::mem::take(&mut self.calls);
        let (over, up): (Vec<Call>, Vec<Call>) = calls.into_iter().partition(|call| call.ends_at <= now);
        self.calls = up;
        for call in over.iter().filter(|call| call.answered_at.is_none()) {
            let after = since(call.new.dialled_at, call.ends_at);
            self.pacing.saw(&self.campaign, Seen::NotAnswered { after }, today);
        }
        try_join_all(over.iter().map(|call| self.close(call))).await?;
        Ok(())
    }

    async fn close(&self, call: &Call) -> Done<()> {
        let mut outcome = outcome(call)?;
        let mut past = call.past.clone();
        past.push(Past::of(&outcome, ZONE));
        outcome.redial = Strategy::shipped().redial(&self.settings, &call.case, &past);
        self.store.close_attempt(&outcome).await?;
        if call.answered_at.is_some() {
            let said = [
                ("bot", "您在安信银行的信用卡，有一笔款项目前我们还没有收到。"),
                ("callee", "下个月五号还。"),
            ];
            let lines = said.map(|(speaker, text)| Said { at_ms: 0, speaker, text });
            self.store.keep_words(&outcome.attempt, &lines).await?;
        }
        Ok(())
    }

    /// Places what the pacing gives within a step.
    async fn dial(&mut self, now: WallTime) -> Done<()> {
        let (today, begun) = (now.date_in(ZONE)?, Time::ZERO + since(self.start, now));
        let (up, ringing): (Vec<&Call>, Vec<&Call>) = self.calls.iter().partition(|call| call.is_marked);
        let up = u32::try_from(up.len())?;
        let rings = |call: &&Call| Time::ZERO + since(self.start, call.new.dialled_at);
        let mut ringing: Vec<Time> = ringing.iter().map(rings).collect();
        let mut wanted = 0;
        for half in 0..2 * STEP_S {
            let at = begun + Duration::from_millis(500 * half);
            let state = CampaignNow {
                id: &self.campaign,
                settings: &self.settings.pacing,
                ready: self.ready.saturating_sub(wanted),
                ringing: &ringing,
                waiting: 0,
                up,
                agents: &[],
            };
            let given: u32 =
                self.pacing.tick(at, today, Load::default(), &[state]).iter().map(|(_, n)| n).sum();
            wanted += given;
            ringing.extend((0..given).map(|_| at));
        }
        if wanted == 0 {
            return Ok(());
        }
        self.ready = self.ready.saturating_sub(wanted);
        let mut turns: Vec<(Picked, u64, Fate)> = Vec::new();
        for picked in self.store.pick(&self.campaign, wanted).await? {
            self.picked += 1;
            turns.push((picked, self.picked, fate(&mut self.chance)));
        }
        let count = turns.len() as u64;
        let placed =
            try_join_all(turns.into_iter().map(|(picked, n, fate)| self.turn(picked, n, fate, now))).await?;
        let before = self.calls.len();
        self.calls.extend(placed.into_iter().flatten());
        let placed = (self.calls.len() - before) as u64;
        self.day.calls += placed;
        self.day.put_back += count - placed;
        Ok(())
    }

    /// It is a case's turn: its call, or it is put where it belongs.
    async fn turn(&self, picked: Picked, n: u64, fate: Fate, now: WallTime) -> Done<Option<Call>> {
        let (case, revision) = (picked.stored.case, picked.stored.revision);
        let of = Filter {
            campaign: Some(self.campaign.clone()),
            case: Some(case.id.clone()),
            ..Filter::default()
        };
        let past: Vec<Past> =
            self.store.outcomes(&of).await?.iter().map(|outcome| Past::of(outcome, ZONE)).collect();
        let (due_at, why) = match Strategy::shipped().place(&self.settings, &case, &past, now) {
            Turn::Never { rule } => (None, rule),
            Turn::Call(next) if next.due_at > now => (Some(next.due_at), next.why),
            Turn::Call(next) => {
                let passage = Passage::of(self.gate.clone(), &case, &next.number).as_of(Some(revision));
                let asked = self.store.ask(Some(&self.campaign), &case.id, &next.number, &passage, now);
                if let Some(denied) = asked.await? {
                    (denied.next, denied.rule)
                } else {
                    let new = NewAttempt {
                        attempt: format!("w-{n:07}").parse()?,
                        campaign: Some(self.campaign.clone()),
                        case: case.id.clone(),
                        callee: next.number,
                        script: script(),
                        models: BTreeMap::new(),
                        dialled_at: now,
                        own_number: true,
                    };
                    match self.store.begin_attempt(&new, &passage).await {
                        Ok(()) => return Ok(Some(Call::of(new, case, past, fate))),
                        Err(StoreError::Refused { .. }) => {
                            (Some(now.plus(Duration::from_secs(60))), "refused".to_owned())
                        }
                        Err(e) => return Err(e.into()),
                    }
                }
            }
        };
        self.store.put_back(&self.campaign, &case.id, due_at, &why).await?;
        Ok(None)
    }

    /// The daily sweep: what has had its days goes.
    async fn remove(&mut self, now: WallTime) -> Done<()> {
        let day = now.date_in("UTC")?.to_string();
        if !self.store.begin_sweep(&day, now).await? {
            return Ok(());
        }
        let retention = *self.gate.profile.retention();
        for (part, days) in [(Part::Words, retention.words), (Part::Deliveries, retention.deliveries)] {
            let Some(days) = days else { continue };
            let before = WallTime::from_unix_millis(now.unix_millis() - i64::from(days) * 86_400_000);
            let mut after = String::new();
            loop {
                let due = self.store.due(part, self.gate.profile.id(), (before, now), &after, 500).await?;
                let Some(last) = due.last() else { break };
                after = last.to_string();
                for some in due.chunks(AT_ONCE) {
                    try_join_all(some.iter().map(|attempt| self.store.remove(part, attempt, now))).await?;
                }
                self.day.removed += due.len() as u64;
            }
        }
        Ok(self.store.end_sweep(&day, "{}", now).await?)
    }
}

impl Call {
    fn of(new: NewAttempt, case: Case, past: Vec<Past>, (rings_s, talks_s, disposition): Fate) -> Self {
        let picked_up = new.dialled_at.plus(Duration::from_secs(rings_s));
        let answered_at = (talks_s > 0).then_some(picked_up);
        let ends_at = picked_up.plus(Duration::from_secs(talks_s));
        Self { new, case, past, answered_at, ends_at, disposition, is_marked: false }
    }
}

fn fate(chance: &mut SplitMix64) -> Fate {
    use Disposition as D;
    let (of_hundred, more_s) = (chance.next_u64() % 100, chance.next_u64() % 20);
    match of_hundred {
        0..12 => (4 + more_s, 60 + 4 * more_s, D::PromiseToPay),
        12..22 => (4 + more_s, 50 + 3 * more_s, D::NoCommitment),
        22..32 => (4 + more_s, 3 + more_s, D::HungUp),
        32..35 => (4 + more_s, 20 + more_s, D::ThirdParty),
        35..36 => (4 + more_s, 25 + more_s, D::StopCalling),
        36..46 => (2, 0, D::Busy),
        46..55 => (5 + more_s, 0, D::Rejected),
        55..59 => (3, 0, D::InvalidNumber),
        _ => (30, 0, D::NoAnswer),
    }
}

fn script() -> ScriptVersion {
    let sha256 = "ab".repeat(32);
    ScriptVersion { name: "reminder".to_owned(), lang: Lang::Zh, sha256, variant: None, draft: false }
}

fn a_case(n: u64) -> Result<Case, serde_json::Error> {
    // Numbers that ring nowhere: none of China begins so.
    serde_json::from_value(serde_json::json!({
        "id": format!("W-{n:07}"), "phone": format!("100{n:08}"), "name": "张伟", "lang": "zh",
        "creditor": "安信银行", "product": "信用卡", "amount": "3250.00", "currency": "CNY", "due_date": "2026-11-15"
    }))
}

fn outcome(call: &Call) -> Done<Outcome> {
    let (new, answered) = (&call.new, call.answered_at.is_some());
    let promised = call.disposition == Disposition::PromiseToPay;
    let day = call.ends_at.date_in(ZONE)?.saturating_add(jiff::Span::new().days(2));
    Ok(Outcome {
        version: waihu_types::OUTCOME_VERSION,
        attempt: new.attempt.clone(),
        campaign: new.campaign.clone(),
        case: new.case.clone(),
        callee: new.callee.clone(),
        dialled_at: new.dialled_at,
        answered_at: call.answered_at,
        ended_at: call.ends_at,
        answered_by: if answered { AnsweredBy::Human } else { AnsweredBy::Nobody },
        announcement: None,
        told: None,
        mood: None,
        identity: if promised { Identity::Confirmed } else { Identity::Unconfirmed },
        debt_disclosed: promised,
        disposition: call.disposition,
        promise: if promised { Some(Promise::of(day, Money::parse("3250", Currency::CNY)?)) } else { None },
        callback: None,
        follow_ups: Vec::new(),
        intents: Vec::new(),
        handover: None,
        script: new.script.clone(),
        models: BTreeMap::new(),
        recording: None,
        transcript: None,
        sound: None,
        sip: None,
        ended_by: None,
        fault: None,
        // The strategy's verdict takes its place.
        redial: Redial::No { rule: String::new() },
    })
}

fn since(from: WallTime, to: WallTime) -> Duration {
    Duration::from_millis(u64::try_from(to.unix_millis() - from.unix_millis()).unwrap_or(0))
}

/// What of this process is in memory (Linux) [MiB].
fn memory_mib() -> Done<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1_024.0)
}

fn size_mib(file: &Path) -> Done<f64> {
    Ok(fs::metadata(file)?.len() as f64 / 1_048_576.0)
}

fn range(samples: &[Sample]) -> (f64, f64) {
    let memory = || samples.iter().map(|sample| sample.1);
    (memory().fold(f64::MAX, f64::min), memory().fold(0.0, f64::max))
}

fn tell(n: u64, day: &Day, samples: &[Sample]) {
    let (least, most) = range(samples);
    let size = samples.last().map_or(0.0, |sample| sample.2);
    let Day { calls, answered, put_back, events, removed } = day;
    println!(
        "| {n} | {calls} | {answered} | {put_back} | {events} | {removed} | {least:.1} / {most:.1} | {size:.0} |"
    );
}

/// Memory, and beneath it the calls that are on file by then.
fn draw(path: &str, samples: &[Sample]) -> Done<()> {
    let root = SVGBackend::new(path, (900, 520)).into_drawing_area();
    root.fill(&WHITE)?;
    let panels = root.split_evenly((2, 1));
    let memory: Vec<(f64, f64)> = samples.iter().map(|s| (s.0, s.1)).collect();
    let calls: Vec<(f64, f64)> = samples.iter().map(|s| (s.0, s.3 as f64 / 1_000.0)).collect();
    for (panel, about, points, colour) in [
        (&panels[0], "memory 内存 [MiB]", memory, RGBColor(0, 114, 178)),
        (&panels[1], "calls on file 已存通话 [1,000]", calls, RGBColor(213, 94, 0)),
    ] {
        let last = points.last().map_or(1.0, |p| p.0);
        let most = points.iter().map(|p| p.1).fold(1.0, f64::max) * 1.15;
        let mut chart = ChartBuilder::on(panel)
            .caption(about, ("sans-serif", 16))
            .margin(12)
            .x_label_area_size(38)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..last, 0.0..most)?;
        chart.configure_mesh().x_desc("hours 小时").disable_x_mesh().x_labels(15).y_labels(5).draw()?;
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
    }
    root.present()?;
    Ok(())
}
