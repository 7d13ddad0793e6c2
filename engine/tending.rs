//! What `waihu serve` does beside its calls: judges what was filed, and what became of promises, draws calls for review,
//! makes and sends reports. Each of it is done once, whichever node is first, and none of it is waited for by a call.

use std::time::Duration;

use waihu_dialler::Judging;
use waihu_keeping::Archive;
use waihu_quality::{Rules, Sampling};
use waihu_store::StoreError;

use crate::{commands::dialog::now, reports::Reports};

/// How often what was filed is looked for: a reviewer opens a call no sooner.
const LOOK: Duration = Duration::from_secs(2);
/// How many looks apart draws and reports are asked for: a minute.
const SELDOM: u32 = 30;
/// How often it is looked what became of promises: a payment shows no later.
const LOOK_AT_PROMISES: Duration = Duration::from_secs(20);

/// What is tended with.
pub(crate) struct Tending {
    pub(crate) archive: Archive,
    pub(crate) rules: Rules,
    pub(crate) sampling: Sampling,
    pub(crate) reports: Reports,
}

impl Tending {
    /// Tends until it is dropped.
    pub(crate) async fn run(self) {
        // Of a large import many promises are looked at anew: nothing else waits for that.
        tokio::join!(self.watch(), self.promises());
    }

    async fn promises(&self) {
        loop {
            if let Err(error) = self.archive.store.judge_promises(now()).await {
                tracing::warn!(%error, "it is not known yet what became of promises");
            }
            tokio::time::sleep(LOOK_AT_PROMISES).await;
        }
    }

    async fn watch(&self) {
        let mut seq = None;
        let mut looks = 0_u32;
        loop {
            // What a database that is away leaves undone is done at a later look.
            if let Err(error) = self.judge(&mut seq).await {
                tracing::warn!(%error, "calls are not judged yet");
            }
            if looks.is_multiple_of(SELDOM) {
                match waihu_dialler::draw(&self.archive.store, &self.sampling, now()).await {
                    Ok(0) => {}
                    Ok(drawn) => tracing::info!(drawn, "calls are drawn for review"),
                    Err(error) => tracing::warn!(%error, "calls are not drawn yet"),
                }
                if let Err(error) = self.reports.tend(&self.archive.store, now()).await {
                    tracing::warn!(%error, "reports are not made yet");
                }
            }
            looks = looks.wrapping_add(1);
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn judge(&self, seq: &mut Option<i64>) -> Result<(), StoreError> {
        let Archive { store, vault, recordings, .. } = &self.archive;
        let judging = Judging { store, recordings, vault, rules: &self.rules };
        let from = match seq {
            Some(from) => *from,
            // What is filed while the others are judged comes after this place.
            None => {
                let place = self.archive.store.last_event().await?;
                let judged = judging.rest().await?;
                if judged > 0 {
                    tracing::info!(judged, "earlier calls are judged now");
                }
                place
            }
        };
        *seq = Some(judging.follow(from).await?);
        Ok(())
    }
}
