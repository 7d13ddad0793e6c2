//! Changing a campaign's days and pace, by what the API's route goes through, and showing what it goes by.

use std::{process::ExitCode, str::FromStr};

use anyhow::Result;
use clap::{Args, builder::PossibleValuesParser};
use jiff::civil::Date;
use serde_json::{Map, Value, json};
use waihu_api::{CampaignChange, change_campaign};
use waihu_campaign::Mode;
use waihu_store::{Store, StoreError, StoredCampaign};
use waihu_types::{CampaignId, Percent};

use super::manage::OfCampaign;
use crate::{
    commands::{
        dialog::{now, open},
        written::written,
    },
    output::out,
    project::Project,
};

#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The campaign 批次名
    id: CampaignId,
    #[command(flatten)]
    keys: ChangedKeys,
    /// Only where it is in this revision, as `waihu campaign show` told it 仅当修订号仍为此值
    #[arg(long, value_name = "N")]
    revision: Option<i64>,
    /// Print the campaign as it is then, as JSON 以 JSON 输出
    #[arg(long)]
    json: bool,
}

/// What is to change; what is left out stays.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct ChangedKeys {
    /// The first day of calls, at the callee's place, as 2026-12-01; none for at once 首个呼叫日；none 表示立即
    #[arg(long, value_name = "DAY|none")]
    from: Option<OrNone<Date>>,
    /// The last day of calls; none for no end 最后呼叫日；none 表示不限
    #[arg(long, value_name = "DAY|none")]
    until: Option<OrNone<Date>>,
    /// How calls and agents go together; changed while the campaign is paused 拨号方式（须先暂停）
    #[arg(long, value_parser = PossibleValuesParser::new(Mode::ALL.map(Mode::label)))]
    mode: Option<String>,
    /// The most calls at once; none for what the trunk carries 并发上限；none 表示以线路为限
    #[arg(long, value_name = "N|none")]
    max_calls: Option<OrNone<u32>>,
    /// Its share, against campaigns of the same priority 权重
    #[arg(long, value_name = "N")]
    weight: Option<u32>,
    /// Who goes first where not all can: 0 (last) to 9 优先级
    #[arg(long, value_name = "N")]
    priority: Option<u32>,
    /// How long a call rings [s] 振铃时长（秒）
    #[arg(long, value_name = "S")]
    ring_s: Option<u32>,
    /// How long an agent talks, until that was measured [s] 坐席通话时长（秒）
    #[arg(long, value_name = "S")]
    talk_s: Option<u32>,
    /// How long an agent needs after a call, until that was measured [s] 话后处理时长（秒）
    #[arg(long, value_name = "S")]
    wrap_s: Option<u32>,
    /// Of the calls that a person answers, so many at most may find no agent, as 2.5% 放弃率上限
    #[arg(long, value_name = "PERCENT")]
    most_abandoned: Option<Percent>,
    /// Over so many days [days] 放弃率统计天数
    #[arg(long, value_name = "DAYS")]
    abandoned_days: Option<u32>,
}

/// A value, or the word that takes away what is set.
#[derive(Clone, Copy, Debug)]
struct OrNone<T>(Option<T>);

impl<T: FromStr> FromStr for OrNone<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

impl ChangedKeys {
    /// The same as the API has it: a merge patch (RFC 7396).
    fn patch(&self) -> Value {
        let pacing = given([
            ("mode", self.mode.as_ref().map(|mode| json!(mode))),
            ("max_calls", self.max_calls.map(|most| json!(most.0))),
            ("weight", self.weight.map(Value::from)),
            ("priority", self.priority.map(Value::from)),
            ("ring_s", self.ring_s.map(Value::from)),
            ("talk_s", self.talk_s.map(Value::from)),
            ("wrap_s", self.wrap_s.map(Value::from)),
            ("most_abandoned", self.most_abandoned.map(|most| json!(most))),
            ("abandoned_days", self.abandoned_days.map(Value::from)),
        ]);
        Value::Object(given([
            ("from", self.from.map(|day| json!(day.0))),
            ("until", self.until.map(|day| json!(day.0))),
            ("pacing", Some(pacing).filter(|keys| !keys.is_empty()).map(Value::Object)),
        ]))
    }
}

/// The keys that were given.
fn given<const N: usize>(keys: [(&str, Option<Value>); N]) -> Map<String, Value> {
    keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

pub(super) fn change(project: &Project, args: &ChangeArgs) -> Result<ExitCode> {
    crate::commands::runtime()?.block_on(async {
        let store = open(project).await?;
        let patch = args.keys.patch();
        let act = format!("campaign change {}: {patch}", args.id);
        let change: CampaignChange = serde_json::from_value(patch)?;
        let revision =
            written(&store, &act, change_campaign(&store, &args.id, change, args.revision, now())).await?;
        if args.json {
            out!("{}", told(&found(&store, &args.id).await?))?;
        } else {
            out!("campaign 批次 {}: changed 已更改, revision 修订号 {revision}", args.id)?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn show(project: &Project, of: &OfCampaign) -> Result<ExitCode> {
    crate::commands::runtime()?.block_on(async {
        let campaign = found(&open(project).await?, &of.id).await?;
        out!("{}", serde_json::to_string_pretty(&told(&campaign))?)?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn found(store: &Store, id: &CampaignId) -> Result<StoredCampaign> {
    Ok(store.campaign(id).await?.ok_or_else(|| StoreError::UnknownCampaign(id.clone()))?)
}

/// A campaign as the API has it.
fn told(campaign: &StoredCampaign) -> Value {
    json!({
        "id": campaign.id, "settings": campaign.settings, "strategy": campaign.strategy,
        "state": campaign.state.label(), "revision": campaign.revision,
        "created_at": campaign.created_at, "changed_at": campaign.changed_at,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use waihu_campaign::{Settings, Strategy};
    use waihu_store::CampaignState;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ChangeArgs,
    }

    fn keys(words: &[&str]) -> Result<ChangedKeys, clap::Error> {
        Line::try_parse_from(["change", "november"].iter().chain(words)).map(|line| line.args.keys)
    }

    #[test]
    fn what_is_left_out_stays_and_none_takes_away() {
        let patch = |words: &[&str]| keys(words).unwrap().patch();
        assert_eq!(
            patch(&["--from", "2126-12-01", "--until", "none", "--max-calls", "none", "--weight", "3"]),
            json!({"from": "2126-12-01", "until": null, "pacing": {"max_calls": null, "weight": 3}})
        );
        assert_eq!(patch(&["--most-abandoned", "2.5%"]), json!({"pacing": {"most_abandoned": "2.5%"}}));
        assert_eq!(patch(&["--until", "2126-12-31"]), json!({"until": "2126-12-31"}));
        for wrong in [&["--from", "soon"][..], &["--mode", "fast"], &["--revision", "3"], &[]] {
            assert!(keys(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_change_goes_through_what_the_api_checks_and_is_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let (project, id): (_, CampaignId) = (Project::at(folder.path()), "november".parse().unwrap());
        let runtime = crate::commands::runtime().unwrap();
        let store = runtime.block_on(async {
            let store = Store::open(project.store()).await.unwrap();
            let settings = Settings::parse("trunk = \"main\"\nscript = \"reminder\"").unwrap();
            let settings = serde_json::to_value(settings).unwrap();
            store.create_campaign(&id, &settings, Strategy::SHIPPED, now()).await.unwrap();
            store.set_campaign_state(&id, CampaignState::Running, None, now()).await.unwrap();
            store
        });
        let changed = |words: &[&str], revision| {
            let keys = keys(words).unwrap();
            change(&project, &ChangeArgs { id: id.clone(), keys, revision, json: false })
        };
        changed(&["--weight", "3", "--until", "2126-12-31"], None).unwrap();
        let kept = runtime.block_on(store.campaign(&id)).unwrap().unwrap();
        let (weight, until) = (&kept.settings["pacing"]["weight"], &kept.settings["until"]);
        assert_eq!((kept.revision, weight, until), (3, &json!(3), &json!("2126-12-31")));
        for (words, revision, said) in [
            (&["--ring-s", "5"], None, "settings.pacing.ring_s"),
            (&["--mode", "preview"], None, "pause it first"),
            (&["--priority", "1"], Some(2), "changed meanwhile"),
        ] {
            let refused = changed(words, revision).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
        let rows = runtime.block_on(store.audit(0, 10)).unwrap();
        let acts: Vec<_> = rows.iter().map(|row| (row.act.as_str(), row.status)).collect();
        assert_eq!(
            acts,
            [
                ("campaign change november: {\"pacing\":{\"weight\":3},\"until\":\"2126-12-31\"}", Some(200)),
                ("campaign change november: {\"pacing\":{\"ring_s\":5}}", Some(409)),
                ("campaign change november: {\"pacing\":{\"mode\":\"preview\"}}", Some(409)),
                ("campaign change november: {\"pacing\":{\"priority\":1}}", Some(409)),
            ]
        );
    }
}
