//! `waihu events`: what happens, read from the store by its sequence, so that who goes on from a place misses nothing.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::{Args, builder::PossibleValuesParser};
use serde_json::{Value, json};
use waihu_api::EVENT_KINDS;
use waihu_store::{Event, Store};
use waihu_types::{CampaignId, CaseId, Outcome};

use super::{
    dialog::open_either,
    listed::local,
    written::{look, written},
};
use crate::{
    output::{note, out},
    project::Project,
    watch::named,
};

/// Events that are read at once.
const AT_ONCE: u32 = 500;
/// How often the store is asked where nothing new was there: half of what a person calls at once.
const PAUSE: Duration = Duration::from_millis(500);
/// For how long the store may fail before nobody follows any more: a database is started again in less.
const STORE_AWAY: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// After this place on, as it was told with the last event; 0 for all 从此序号之后；0 为全部
    #[arg(long, value_name = "SEQ", required_unless_present = "follow", value_parser = clap::value_parser!(i64).range(0..))]
    since: Option<i64>,
    /// Go on as things happen, from now on where --since is left out 持续显示
    #[arg(long)]
    follow: bool,
    /// Of these kinds alone, with commas between them 类型，逗号分隔
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_parser = PossibleValuesParser::new(EVENT_KINDS))]
    kinds: Vec<String>,
    /// Of one campaign 批次
    #[arg(long)]
    campaign: Option<CampaignId>,
    /// Of one case 案件
    #[arg(long)]
    case: Option<CaseId>,
    /// At most so many 最多几条
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// One JSON object a line, with all that there is to tell; of outcomes that is personal 以 JSON 输出（含个人信息）
    #[arg(long)]
    json: bool,
    /// Of the practice ground 演练场
    #[arg(long)]
    practice: bool,
}

impl EventsArgs {
    /// What was asked for, as it is written down.
    fn act(&self) -> String {
        look(
            "events",
            [
                ("--since", self.since.is_some()),
                ("--follow", self.follow),
                ("--kinds", !self.kinds.is_empty()),
                ("--campaign", self.campaign.is_some()),
                ("--case", self.case.is_some()),
                ("--limit", self.limit.is_some()),
                ("--json", self.json),
                ("--practice", self.practice),
            ],
        )
    }

    fn wants(&self, event: &Event) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && (self.campaign.is_none() || self.campaign == event.campaign)
            && (self.case.is_none() || self.case == event.case)
    }
}

pub(crate) fn run(project: &Project, args: &EventsArgs) -> Result<ExitCode> {
    super::runtime()?.block_on(async {
        let store = open_either(project, args.practice).await?;
        let begin = async {
            match args.since {
                Some(since) => Ok(since),
                None => store.last_event().await,
            }
        };
        let begin = written(&store, &args.act(), begin).await?;
        let reached = follow(&store, args, begin, |event| {
            if args.json { out!("{}", told(event)) } else { out!("{}", line(event)) }
        })
        .await?;
        note!("go on with --since {reached} 可用 --since {reached} 继续");
        Ok(ExitCode::SUCCESS)
    })
}

/// Shows the events after a place, for as long as it is wanted; the place that was reached.
async fn follow(
    store: &Store,
    args: &EventsArgs,
    mut after: i64,
    mut show: impl FnMut(&Event) -> Result<()>,
) -> Result<i64> {
    let (mut shown, mut heard_at) = (0, Instant::now());
    loop {
        let events = match store.events(after, AT_ONCE).await {
            Ok(events) => {
                heard_at = Instant::now();
                events
            }
            Err(_) if args.follow && heard_at.elapsed() < STORE_AWAY => Vec::new(),
            Err(e) => return Err(e.into()),
        };
        let nothing_new = events.is_empty();
        for event in events {
            after = event.seq;
            if args.wants(&event) {
                show(&event)?;
                shown += 1;
                if args.limit == Some(shown) {
                    return Ok(after);
                }
            }
        }
        if nothing_new {
            if !args.follow {
                return Ok(after);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// An event as the API has it.
fn told(event: &Event) -> Value {
    json!({
        "seq": event.seq, "key": event.key, "kind": event.kind, "at": event.at, "campaign": event.campaign,
        "case": event.case, "attempt": event.attempt, "body": event.body,
    })
}

/// An event in a line, which is not personal.
fn line(event: &Event) -> String {
    let zh = match event.kind.as_str() {
        "outcome" => " 结果",
        "attempt" => " 拨打",
        "case" => " 案件",
        "campaign" => " 批次",
        "do_not_call" => " 禁呼",
        "sms" => " 短信",
        "report" => " 报表",
        _ => "",
    };
    let campaign = event.campaign.as_ref().map(ToString::to_string);
    let case = event.case.as_ref().map(ToString::to_string);
    let attempt = event.attempt.as_ref().map(ToString::to_string);
    let words =
        [campaign, case, attempt, Some(what(event))].into_iter().flatten().filter(|word| !word.is_empty());
    let words: Vec<String> = words.collect();
    format!("{:>8}  {}  {}{zh}  {}", event.seq, local(event.at), event.kind, words.join(" "))
}

/// What there is to tell of it in a word.
fn what(event: &Event) -> String {
    if event.kind == "outcome" {
        let outcome =
            event.body.get("outcome").and_then(|outcome| serde_json::from_value(outcome.clone()).ok());
        return outcome.map(|outcome: Outcome| named(outcome.effective_disposition())).unwrap_or_default();
    }
    let word = |key: &str| event.body.get(key).and_then(Value::as_str);
    let words: Vec<&str> = ["state", "report", "period"].into_iter().filter_map(word).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use waihu_campaign::Strategy;
    use waihu_store::CampaignState;

    use super::*;
    use crate::commands::dialog::now;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: EventsArgs,
    }

    fn args(words: &[&str]) -> Result<EventsArgs, clap::Error> {
        Line::try_parse_from(["events"].iter().chain(words)).map(|line| line.args)
    }

    #[test]
    fn it_has_to_be_said_where_it_begins_and_kinds_are_known() {
        assert!(args(&["--json"]).is_err() && args(&["--since", "-1"]).is_err());
        assert!(args(&["--follow", "--kinds", "outcome,weather"]).is_err());
        let given = args(&["--follow", "--kinds", "outcome,case", "--case", "C-1"]).unwrap();
        assert_eq!(given.act(), "events --follow --kinds --case", "no value that was asked for");
    }

    #[tokio::test]
    async fn who_goes_on_from_a_place_misses_nothing_and_is_told_nothing_twice() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("waihu.sqlite")).await.unwrap();
        let (november, december): (CampaignId, CampaignId) =
            ("november".parse().unwrap(), "december".parse().unwrap());
        for id in [&november, &december] {
            store.create_campaign(id, &json!({}), Strategy::SHIPPED, now()).await.unwrap();
        }
        store.set_campaign_state(&november, CampaignState::Running, None, now()).await.unwrap();
        let shown = async |words: &[&str], after| {
            let (args, mut shown) = (args(words).unwrap(), Vec::new());
            let reached = follow(&store, &args, after, |event| {
                shown.push(event.key.clone());
                Ok(())
            });
            (reached.await.unwrap(), shown)
        };
        let (reached, all) = shown(&["--since", "0"], 0).await;
        assert_eq!(all, ["campaign:november:1", "campaign:december:1", "campaign:november:2"]);
        assert_eq!(shown(&["--since", "0"], reached).await, (reached, Vec::new()));
        let (first, one) = shown(&["--since", "0", "--limit", "1"], 0).await;
        assert_eq!(one, all[..1]);
        assert_eq!(shown(&["--since", "0"], first).await, (reached, all[1..].to_vec()));
        assert_eq!(
            shown(&["--since", "0", "--campaign", "december"], 0).await,
            (reached, vec![all[1].clone()])
        );
        assert_eq!(shown(&["--since", "0", "--kinds", "outcome"], 0).await, (reached, Vec::new()));

        // Who follows is told of what comes later.
        let args = args(&["--follow", "--limit", "1"]).unwrap();
        let mut seen = Vec::new();
        let following = follow(&store, &args, reached, |event| {
            seen.push(line(event));
            Ok(())
        });
        let paused = store.set_campaign_state(&november, CampaignState::Paused, None, now());
        let (reached, paused) = tokio::join!(following, paused);
        assert_eq!((paused.unwrap(), reached.unwrap()), (3, store.last_event().await.unwrap()));
        assert!(seen[0].ends_with("campaign 批次  november paused"), "{seen:?}");
    }
}
