//! `waihu explain`: why each case may or may not be called, in plain words, when next, and how many are called before
//! it.

mod json;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::{Timestamp, civil::DateTime};
use waihu_campaign::{Mode, Settings, pacing::AGENT_WITHIN};
use waihu_compliance::{AnswersByDay, Contact, Decision, Gate, Subject};
use waihu_store::{
    Ahead, AnsweredDay, Bar, CampaignState, CaseState, Message, MessageState, Passage, QueuePlace,
    QueueState, Refusal, Store,
};
use waihu_trunk::TrunkConfig;
use waihu_types::{CampaignId, Case, CaseId, Consent, Lang, Line, WallTime, Whose};

use crate::{
    configuration::Configuration,
    gate,
    output::{note, out},
    project::Project,
};

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// One case, of the store where no file is given; all of the file when left out 案件
    #[arg(required_unless_present = "cases")]
    case: Option<CaseId>,
    /// The cases, where they are not those of the store 案件表
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Under the profile of a trunk in sip-config/ 线路
    #[arg(long, value_name = "NAME", required_unless_present = "profile")]
    trunk: Option<String>,
    /// Under a profile of compliance/ 合规规则
    #[arg(long, value_name = "NAME", conflicts_with = "trunk")]
    profile: Option<String>,
    /// The campaign whose verdicts count; the file's name when left out 批次名
    #[arg(long)]
    id: Option<CampaignId>,
    /// Not now but then: as "2026-11-26 21:55" by the clock at each callee's place, or with an offset,
    /// as 2026-11-26T21:55+08:00, one moment for all 指定时间：不带时区为被叫当地时间
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// One JSON object a case, with what was decided from what 以 JSON 输出
    #[arg(long)]
    json: bool,
}

/// When it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    At(Timestamp),
    /// When the clock at the callee's place shows it.
    There(DateTime),
}

impl Asked {
    fn read(text: &str) -> Result<Self> {
        let text = text.trim();
        let moment = text.parse().map(Self::At);
        moment.or_else(|_| text.parse().map(Self::There)).with_context(|| {
            format!("--at {text:?}: write it as \"2026-11-26 21:55\" or 2026-11-26T21:55+08:00 时间格式有误")
        })
    }

    fn moment(self, subject: &Subject) -> Result<Timestamp> {
        match self {
            Self::At(now) => Ok(now),
            Self::There(local) => {
                subject.moment(local).context("the callee's clock never shows that 当地没有这一时刻")
            }
        }
    }
}

pub(crate) fn run(project: &Project, args: &ExplainArgs) -> Result<ExitCode> {
    let gate = match (&args.trunk, &args.profile) {
        (Some(name), _) => gate::of(project, name, &TrunkConfig::read(&project.trunk(name))?)?,
        (None, Some(id)) => Gate::new(gate::profile(project, id)?),
        (None, None) => bail!("name a trunk with --trunk or a profile with --profile 请指定线路或规则"),
    };
    let asked = match &args.at {
        Some(text) => Asked::read(text)?,
        None => Asked::At(Timestamp::now()),
    };
    let stem = || args.cases.as_ref()?.file_stem()?.to_str()?.parse().ok();
    let campaign: Option<CampaignId> = args.id.clone().or_else(stem);
    let told = match &args.cases {
        Some(file) => Some(of_file(project, file, args.case.as_ref())?),
        None => None,
    };
    let profile = &gate.profile;
    if !args.json {
        out!("profile 规则: {} {} {}", profile.id(), profile.name(Lang::Zh), profile.name(Lang::En))?;
    }
    let (allowed, all) = super::runtime()?.block_on(async {
        // Nothing is made where nobody was called yet.
        let store = Configuration::of(project)?.existing_store().await?;
        let (cases, state) = match (told, &store, &args.case) {
            (Some(told), ..) => (told, None),
            (None, Some(store), Some(id)) => {
                let found = store.case(id).await?;
                let Some(found) = found else {
                    bail!("{id}: there is no such case in the store 库中没有该案件")
                };
                (vec![found.case], Some(found.state))
            }
            (None, ..) => bail!(
                "no case was imported here yet: name a file with --cases 尚未导入案件，请用 --cases 指定文件"
            ),
        };
        let mut allowed = 0;
        for case in &cases {
            let found = explained(store.as_ref(), &gate, campaign.as_ref(), (case, state), asked).await?;
            if args.json {
                out!("{}", json::told(&gate, &found))?;
            } else {
                lines(&gate, &found).iter().try_for_each(|line| out!("{line}"))?;
            }
            allowed += usize::from(found.may_be_called(&gate));
        }
        if let Some(store) = store {
            store.close().await;
        }
        anyhow::Ok((allowed, cases.len()))
    })?;
    if !args.json {
        out!("{allowed} of {all} may be called 可呼叫 {allowed} / {all}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The cases of a file, or one of them.
fn of_file(project: &Project, file: &Path, wanted: Option<&CaseId>) -> Result<Vec<Case>> {
    let table = super::cases::table(project, file)?;
    let shown = file.display();
    table.problems.iter().for_each(|p| note!("{shown}: {p}"));
    let wanted = |case: &Case| wanted.is_none_or(|id| *id == case.id);
    let cases: Vec<Case> = table.cases.into_iter().map(|(_, case)| case).filter(wanted).collect();
    if cases.is_empty() {
        bail!("{shown}: there is no such case in it 没有该案件");
    }
    Ok(cases)
}

/// A case with what stands in the way of calls about it, its places in queues and its texts.
struct Explained<'a> {
    case: &'a Case,
    /// None where it is not one of the store's.
    state: Option<CaseState>,
    numbers: Vec<Number<'a>>,
    places: Vec<QueuePlace>,
    texts: Vec<Message>,
}

impl Explained<'_> {
    fn is_open(&self) -> bool {
        self.state.is_none_or(|state| state == CaseState::Open)
    }

    /// Whether it may be called at any of its numbers.
    fn may_be_called(&self, gate: &Gate) -> bool {
        self.is_open() && self.numbers.iter().any(|number| number.may_be_called(gate))
    }
}

/// A number of a case, and what rules are held against.
struct Number<'a> {
    line: Line<'a>,
    passage: Passage,
    /// The moment that is asked for, as it is there.
    now: Timestamp,
    /// Why the campaign does not call.
    refusal: Option<Refusal>,
    bar: Option<Bar>,
    history: Vec<Contact>,
    /// The campaigns that would call ahead of free agents.
    ahead: Vec<(CampaignId, AnswersByDay)>,
}

impl Number<'_> {
    fn denials<'g>(&self, gate: &'g Gate) -> Vec<Decision<'g>> {
        gate.profile.denials(self.passage.subject(), &self.history, self.now)
    }

    fn may_be_called(&self, gate: &Gate) -> bool {
        self.refusal.is_none() && self.bar.is_none() && self.denials(gate).is_empty()
    }
}

/// What stands of a case.
async fn explained<'a>(
    store: Option<&Store>,
    gate: &Gate,
    campaign: Option<&CampaignId>,
    (case, state): (&'a Case, Option<CaseState>),
    asked: Asked,
) -> Result<Explained<'a>> {
    let standing = match (store, campaign) {
        (Some(store), Some(campaign)) => store.cases_done(campaign).await?.remove(&case.id),
        _ => None,
    };
    let mut found = Explained { case, state, numbers: Vec::new(), places: Vec::new(), texts: Vec::new() };
    for line in case.lines() {
        let passage = Passage::of(gate.clone(), case, line.phone);
        let now = asked.moment(passage.subject())?;
        let wall = WallTime::from_unix_millis(now.as_millisecond());
        let refusal = standing.as_ref().and_then(|standing| standing.refusal(wall));
        let (mut bar, mut history, mut ahead) = (None, Vec::new(), Vec::new());
        if let Some(store) = store {
            ahead = ahead_of_agents(store, gate, campaign, &case.id, wall).await?;
            history = store.contacts(line.phone, &case.id, &passage, wall).await?;
            bar = store.barred(line.phone).await?;
        }
        found.numbers.push(Number { line, passage, now, refusal, bar, history, ahead });
    }
    if let Some(store) = store {
        let now = asked.moment(Passage::of(gate.clone(), case, &case.phone).subject())?;
        found.places = store.places(&case.id, WallTime::from_unix_millis(now.as_millisecond())).await?;
        found.texts = store.messages_about(&case.id).await?;
    }
    Ok(found)
}

/// What is to be said of a case.
fn lines(gate: &Gate, of: &Explained<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(state) = of.state.filter(|_| !of.is_open()) {
        let (id, zh, en) = (&of.case.id, state.label_zh(), state.label());
        lines.push(format!("{id}: ✗ 案件{zh}，不再呼叫 the case is {en}, and called no more"));
    }
    for number in &of.numbers {
        let Number { line, now, .. } = number;
        let place = Place { subject: number.passage.subject(), zone: line.time_zone };
        let (masked, there) = (line.phone.masked(), place.shows(*now));
        lines.push(format!("{} ({masked}, {there}{})", of.case.id, told(line)));
        lines.extend(number.refusal.iter().map(|why| format!("  ✗ 本批次 this campaign: {why}")));
        lines.extend(number.bar.iter().map(|by| format!("  ✗ 不再呼叫 not called again: {by}")));
        lines.extend(rules(gate, &place, &number.history, &number.denials(gate), *now));
        // Whoever is free may have the case: it may be called all the same.
        let ahead = number.ahead.iter();
        lines.extend(ahead.flat_map(|(id, answers)| abandoned(gate, &place, id, answers.clone(), *now)));
    }
    let passage = Passage::of(gate.clone(), of.case, &of.case.phone);
    let place = Place { subject: passage.subject(), zone: &of.case.time_zone };
    lines.extend(of.places.iter().flat_map(|queued| turn(queued, &place)));
    lines.extend(of.texts.iter().map(|message| text(of.case, message)));
    lines
}

/// How a text message stands that a call about a case left, and why; none of its words.
fn text(case: &Case, message: &Message) -> String {
    let Message { new, state, why, due_at, .. } = message;
    let told = format!("  短信 text {}: {} {}", new.template, state.label(), state.label_zh());
    let told = if why.is_empty() { told } else { format!("{told}, {why}") };
    if *state != MessageState::Waiting {
        return told;
    }
    let zone = case.zone_of(&new.callee);
    match due_at.timestamp().in_tz(zone) {
        Ok(from) => format!("{told} → {} {zone}", from.strftime("%Y-%m-%d %H:%M")),
        Err(_) => told,
    }
}

/// When it is a case's turn in a campaign, as its queue stands now.
fn turn(queued: &QueuePlace, place: &Place<'_>) -> [String; 2] {
    let QueuePlace { campaign, campaign_state, why, .. } = queued;
    let (zh, en) = match (queued.state, queued.ahead) {
        (QueueState::Done, _) => {
            (format!("不再呼叫（规则 {why}）"), format!("it is called no more (rule {why})"))
        }
        (QueueState::Leased, _) => ("正在呼叫".to_owned(), "it is being called".to_owned()),
        (_, None) => {
            let due = place.shows(queued.due_at.timestamp());
            (format!("{due} 起排队（规则 {why}）"), format!("it is in line from {due} on (rule {why})"))
        }
        (_, Some(Ahead::Exactly(0))) => ("排在最前".to_owned(), "it is called next".to_owned()),
        (_, Some(Ahead::Exactly(n))) => {
            let cases = if n == 1 { "case is" } else { "cases are" };
            let n = grouped(n);
            (format!("前面还有 {n} 个案件"), format!("{n} {cases} called before it"))
        }
        (_, Some(Ahead::MoreThan(n))) => {
            let n = grouped(n);
            (format!("前面还有 {n} 个以上案件"), format!("more than {n} cases are called before it"))
        }
    };
    let (zh_idle, en_idle) = match campaign_state {
        CampaignState::Running => (String::new(), String::new()),
        idle => (
            format!("；批次{}，不呼叫", idle.label_zh()),
            format!("; the campaign is {} and calls nobody", idle.label()),
        ),
    };
    [format!("  · 批次 {campaign}：{zh}{zh_idle}"), format!("    campaign {campaign}: {en}{en_idle}")]
}

/// A number below a million, its thousands apart.
fn grouped(n: u32) -> String {
    if n < 1_000 { n.to_string() } else { format!("{},{:03}", n / 1_000, n % 1_000) }
}

/// The campaigns that would call a case ahead of free agents, with what people answered of their calls.
async fn ahead_of_agents(
    store: &Store,
    gate: &Gate,
    campaign: Option<&CampaignId>,
    case: &CaseId,
    now: WallTime,
) -> Result<Vec<(CampaignId, AnswersByDay)>> {
    let Some((_, days)) = gate.profile.most_abandoned() else { return Ok(Vec::new()) };
    let since = WallTime::from_unix_millis(now.unix_millis() - i64::from(days) * 86_400_000);
    let ids = match campaign {
        Some(id) => vec![id.clone()],
        None => store.waits_in(case).await?,
    };
    let mut found = Vec::new();
    for id in ids {
        let Some(stored) = store.campaign(&id).await? else { continue };
        let settings: Settings = serde_json::from_value(stored.settings)
            .with_context(|| format!("{id}: its settings cannot be read 设置无法读取"))?;
        if settings.pacing.mode == Mode::Predictive {
            let by_day = store.answers_by_day(&id, since, AGENT_WITHIN).await?;
            found.push((id, by_day.iter().map(AnsweredDay::counts).collect()));
        }
    }
    Ok(found)
}

/// What the limit on abandoned calls says of a campaign's calls ahead of free agents; nothing where it stands within it.
fn abandoned(
    gate: &Gate,
    place: &Place<'_>,
    campaign: &CampaignId,
    answers: AnswersByDay,
    now: Timestamp,
) -> Vec<String> {
    let subject = place.subject.clone().ahead_of_agents(answers);
    let mut lines = Vec::new();
    for (denied, until) in over(gate, &subject, now) {
        let (zh, en) = (denied.explain(&subject, Lang::Zh), denied.explain(&subject, Lang::En));
        let from = place.shows(until);
        lines.push(format!("  ✗ {campaign}: {zh}"));
        lines.push(format!("    {en}"));
        lines.push(format!(
            "  → 有空闲坐席即可呼叫，先于坐席外拨最早于 by an agent who is free at once, ahead of agents from: {from}"
        ));
    }
    lines
}

/// What denies calls ahead of free agents to somebody, and until when.
fn over<'g>(gate: &'g Gate, subject: &Subject, now: Timestamp) -> Vec<(Decision<'g>, Timestamp)> {
    let denials = gate.profile.denials(subject, &[], now).into_iter();
    let for_want_of_an_agent = denials.filter_map(|denied| match &denied {
        Decision::Denied { rule, until: Some(until), .. } if rule.wants_an_agent() => {
            let until = *until;
            Some((denied, until))
        }
        _ => None,
    });
    for_want_of_an_agent.collect()
}

/// What the rules say of a call to a number.
fn rules(
    gate: &Gate,
    place: &Place<'_>,
    history: &[Contact],
    denials: &[Decision<'_>],
    now: Timestamp,
) -> Vec<String> {
    let subject = place.subject;
    let said = |mark: &str, decision: &Decision<'_>| {
        let (zh, en) = (decision.explain(subject, Lang::Zh), decision.explain(subject, Lang::En));
        [format!("  {mark} {zh}"), format!("    {en}")]
    };
    if denials.is_empty() {
        return said("✓", &Decision::Allowed { checked: gate.profile.rules() }).to_vec();
    }
    let mut lines: Vec<String> = denials.iter().flat_map(|denied| said("✗", denied)).collect();
    lines.push(match gate.profile.next_allowed(subject, history, now) {
        Some(next) => format!("  → 最早可呼叫 the rules allow it from: {}", place.shows(next)),
        None => "  → 等待无效：60 天内不可呼叫 not within 60 days: time alone does not help".to_owned(),
    });
    lines
}

/// Where a number rings.
struct Place<'a> {
    subject: &'a Subject,
    zone: &'a str,
}

impl Place<'_> {
    /// A moment by the clock there.
    fn shows(&self, at: Timestamp) -> String {
        match self.subject.local(at) {
            Some(local) => format!("{} {}", local.strftime("%Y-%m-%d %H:%M"), self.zone),
            None => at.to_string(),
        }
    }
}

/// What a case tells of a number, beside what every number has.
fn told(line: &Line<'_>) -> String {
    let whose = match line.whose {
        Whose::Debtor => "",
        Whose::Guarantor => ", guarantor 担保人",
        Whose::Relative => ", relative 亲属",
        Whose::Other => ", other 其他人",
    };
    let consent = match line.consent {
        None => "",
        Some(Consent::Given) => ", consent given 已同意自动语音",
        Some(Consent::None) => ", no consent 未同意自动语音",
        Some(Consent::Revoked) => ", consent revoked 已撤回同意",
    };
    format!("{whose}{consent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_over_its_limit_is_told_with_the_first_moment_and_that_an_agent_may_call() {
        let text = include_str!("../../compliance/cn.toml");
        let gate = Gate::new(waihu_compliance::Profile::parse("cn.toml", text, |_| None).unwrap());
        let subject = Subject::new("Asia/Shanghai");
        let place = Place { subject: &subject, zone: "Asia/Shanghai" };
        let now = "2026-11-26T04:00:00Z".parse().unwrap();
        let told = |abandoned| {
            let counts = waihu_compliance::Answers { answered: 200, abandoned };
            let by_day = [(jiff::civil::date(2026, 11, 20), counts)].into();
            super::abandoned(&gate, &place, &"november".parse().unwrap(), by_day, now)
        };
        assert_eq!(told(6), [""; 0]);
        let lines = told(7);
        assert!(lines[0].contains("✗ november") && lines[0].contains("200 通，7 通"), "{lines:?}");
        assert!(lines[0].contains("规则 cn-abandoned"), "{lines:?}");
        assert!(
            lines[1].contains("7 of the campaign's 200 calls") && lines[1].contains("3% at most"),
            "{lines:?}"
        );
        assert!(
            lines[2].contains("有空闲坐席") && lines[2].contains("2026-12-20 08:00 Asia/Shanghai"),
            "{lines:?}"
        );
    }

    #[test]
    fn a_time_without_an_offset_is_the_callees() {
        let there = Asked::read("2026-11-26 21:55").unwrap();
        assert_eq!(there, Asked::There("2026-11-26T21:55:00".parse().unwrap()));
        let at = Asked::read("2026-11-26T21:55:00+08:00").unwrap();
        assert_eq!(at, Asked::At("2026-11-26T13:55:00Z".parse().unwrap()));
        assert!(Asked::read("tonight").is_err());
    }

    #[test]
    fn whose_turn_it_is_is_told_in_both_languages() {
        let case: Case = serde_json::from_value(serde_json::json!({
            "id": "C-1", "phone": "13800138000", "name": "x", "lang": "zh", "creditor": "Bank", "product": "card",
            "amount": "1.00", "currency": "CNY", "due_date": "2026-11-15"
        }))
        .unwrap();
        let passage = Passage::of(Gate::laboratory(), &case, &case.phone);
        let place = Place { subject: passage.subject(), zone: &case.time_zone };
        let told = |state, ahead, campaign_state| {
            let queued = QueuePlace {
                campaign: "november".parse().unwrap(),
                campaign_state,
                state,
                rank: 1,
                due_at: WallTime::from_unix_millis(4_000_000_000_000),
                why: "busy_10_min".to_owned(),
                ahead,
            };
            turn(&queued, &place).join("\n")
        };
        let ready = |ahead| told(QueueState::Ready, Some(ahead), CampaignState::Running);
        assert_eq!(
            ready(Ahead::Exactly(0)),
            "  · 批次 november：排在最前\n    campaign november: it is called next"
        );
        assert!(
            ready(Ahead::Exactly(1))
                .ends_with("还有 1 个案件\n    campaign november: 1 case is called before it")
        );
        assert!(ready(Ahead::Exactly(9_012)).contains("9,012 cases are called before it"));
        let many = ready(Ahead::MoreThan(10_000));
        assert!(
            many.contains("前面还有 10,000 个以上案件") && many.contains("more than 10,000 cases"),
            "{many}"
        );
        let waits = told(QueueState::Waiting, None, CampaignState::Paused);
        let lines: Vec<&str> = waits.lines().collect();
        assert!(
            lines[0]
                .ends_with("2096-10-02 15:06 Asia/Shanghai 起排队（规则 busy_10_min）；批次已暂停，不呼叫"),
            "{waits}"
        );
        assert!(
            lines[1].ends_with(
                "15:06 Asia/Shanghai on (rule busy_10_min); the campaign is paused and calls nobody"
            )
        );
        assert!(
            told(QueueState::Done, None, CampaignState::Running)
                .contains("called no more (rule busy_10_min)")
        );
        assert!(told(QueueState::Leased, None, CampaignState::Running).contains("正在呼叫"));
    }
}
