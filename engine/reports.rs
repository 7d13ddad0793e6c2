//! Reports of `waihu.toml`: what stands in them, made when they are due.

use std::collections::BTreeMap;

use waihu_deliver::{Checked, Ended, MailServer, Period, Report, ReportPlan, Row, send_reports};
use waihu_quality::Check;
use waihu_store::{ByMail, JudgedFilter, Store, StoreError};
use waihu_types::{CampaignId, Disposition, Lang, WallTime};

use crate::{project::Project, rates, rates::AgentCost};

/// What reports are made with.
pub(crate) struct Reports {
    pub(crate) project: Project,
    pub(crate) plans: Vec<ReportPlan>,
    pub(crate) mail: Option<MailServer>,
    pub(crate) cost: AgentCost,
}

impl Reports {
    /// Makes what is due, and sends what waits.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(crate) async fn tend(&self, store: &Store, now: WallTime) -> Result<(), StoreError> {
        for plan in &self.plans {
            let Some(period) = plan.due(now.timestamp()) else { continue };
            let first = period.first.to_string();
            if store.is_reported(&plan.name, &first).await? {
                continue;
            }
            let report = self.made(store, plan, period).await?;
            let by_mail = if plan.is_mailed() && self.mail.is_some() { ByMail::Too } else { ByMail::No };
            let files = (report.html(), report.csv());
            if store.keep_report((&plan.name, &first), (&files.0, &files.1), by_mail, now).await? {
                tracing::info!(report = plan.name, period = first, "a report is made");
            }
        }
        send_reports(store, &self.plans, self.mail.as_ref(), now, rand::random::<u64>).await.map(drop)
    }

    /// A report of a period.
    ///
    /// # Errors
    /// When it cannot be counted.
    pub(crate) async fn made(
        &self,
        store: &Store,
        plan: &ReportPlan,
        period: Period,
    ) -> Result<Report, StoreError> {
        let within = (period.from, period.to);
        let wanted: Vec<Option<CampaignId>> = match plan.campaigns.as_slice() {
            [] => vec![None],
            // What is no id names no campaign.
            some => some.iter().filter_map(|id| id.parse().ok()).map(Some).collect(),
        };
        let rates = rates::of(&self.project, &self.cost);
        let (mut rows, mut ended) = (Vec::new(), BTreeMap::<String, i64>::new());
        let mut checked: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for campaign in &wanted {
            let costs = waihu_api::costs(store, &rates, campaign.as_ref(), within).await?;
            rows.extend(costs.into_iter().map(row));
            for cell in store.results(campaign.as_ref(), within, 0).await? {
                *ended.entry(cell.disposition).or_default() += cell.calls;
            }
            let filter = JudgedFilter {
                campaign: campaign.clone(),
                since: Some(period.from),
                until: Some(period.to),
                ..JudgedFilter::default()
            };
            for share in store.check_shares(&filter).await? {
                let sum = checked.entry(share.check_id).or_default();
                *sum = (sum.0 + share.passed, sum.1 + share.failed);
            }
        }
        let mut ended: Vec<Ended> = ended.into_iter().map(|(label, calls)| named(label, calls)).collect();
        ended.sort_by_key(|e| std::cmp::Reverse(e.calls));
        let checked = Check::ALL.iter().filter_map(|check| {
            let (passed, failed) = *checked.get(check.label())?;
            let (zh, en) = (check.title(Lang::Zh).to_owned(), check.title(Lang::En).to_owned());
            (passed + failed > 0).then_some(Checked { zh, en, passed, failed })
        });
        Ok(Report { name: plan.name.clone(), period, rows, ended, checked: checked.collect() })
    }
}

fn row(cost: waihu_api::Cost) -> Row {
    Row {
        campaign: cost.campaign.unwrap_or_default(),
        calls: cost.calls,
        answered: cost.answered,
        contacts: cost.contacts,
        promises: cost.promises,
        kept: cost.kept,
        currency: cost.currency,
        calls_cost: cost.calls_cost,
        agents_cost: cost.agents_cost,
        per_contact: cost.per_contact.unwrap_or_default(),
        per_promise: cost.per_promise.unwrap_or_default(),
        per_kept: cost.per_kept.unwrap_or_default(),
    }
}

fn named(label: String, calls: i64) -> Ended {
    let known = Disposition::ALL.into_iter().find(|d| d.label() == label);
    Ended { zh: known.map_or_else(String::new, |d| d.label_zh().to_owned()), en: label, calls }
}
