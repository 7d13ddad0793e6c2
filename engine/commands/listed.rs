//! What lists of calls are asked for by: whose, from when on, after which one, how many, of which ground.

use anyhow::Result;
use clap::Args;
use waihu_store::{PageFilter, Store};
use waihu_types::{AttemptId, CampaignId, CaseId, WallTime};

use super::outcomes::moment;
use crate::{configuration::Configuration, output::note, plant, project::Project};

#[derive(Debug, Args)]
pub(crate) struct Listed {
    /// Of one campaign 批次
    #[arg(long)]
    campaign: Option<CampaignId>,
    /// Of one case 案件
    #[arg(long)]
    case: Option<CaseId>,
    /// From then on, as 2026-11-26 or 2026-11-26T08:00+08:00 起始时间
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// After this one on 从此通话之后
    #[arg(long, value_name = "ATTEMPT")]
    pub(super) after: Option<AttemptId>,
    /// At most so many 最多几条
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) limit: u32,
    /// One JSON object a line, with whole numbers 以 JSON 输出
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) ground: OnFile,
}

/// Where calls are on file.
#[derive(Debug, Args)]
pub(crate) struct OnFile {
    /// Of the practice ground 演练场的通话
    #[arg(long)]
    practice: bool,
}

impl Listed {
    /// The flags, and which of them are given.
    pub(super) fn flags(&self) -> [(&'static str, bool); 6] {
        [
            ("--campaign", self.campaign.is_some()),
            ("--case", self.case.is_some()),
            ("--since", self.since.is_some()),
            ("--after", self.after.is_some()),
            ("--json", self.json),
            ("--practice", self.ground.practice),
        ]
    }

    /// Which rows are wanted.
    ///
    /// # Errors
    /// When `--since` is no time.
    pub(super) fn filter(&self) -> Result<PageFilter> {
        let since = self.since.as_deref().map(moment).transpose()?;
        Ok(PageFilter {
            campaign: self.campaign.clone(),
            case: self.case.clone(),
            since,
            ..PageFilter::default()
        })
    }

    /// Takes away the one row too many that was read to see whether there are more, and says where to go on.
    pub(super) fn cut<T>(&self, rows: &mut Vec<T>, id: impl Fn(&T) -> &AttemptId) {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if rows.len() <= limit {
            return;
        }
        rows.truncate(limit);
        if let Some(last) = rows.last() {
            note!("there are more: go on with --after {} 还有更多，可用 --after 继续", id(last));
        }
    }
}

impl OnFile {
    /// The store, with what dead processes left in it filed; none where nobody was called from here yet, which is said.
    ///
    /// # Errors
    /// When it cannot be opened, read or written.
    pub(super) async fn store(&self, project: &Project) -> Result<Option<Store>> {
        let store = match self.practice {
            true => Some(Store::open(project.practice_store()).await?),
            false => Configuration::of(project)?.existing_store().await?,
        };
        match &store {
            Some(store) => plant::recover(project, store).await?,
            None => note!("no call was placed from here yet 尚无通话记录"),
        }
        Ok(store)
    }
}

/// A time as the viewer's clock shows it.
pub(super) fn local(at: WallTime) -> String {
    at.timestamp().to_zoned_datetime(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
