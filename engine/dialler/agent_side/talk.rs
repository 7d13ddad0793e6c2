//! Which agent has a call, as it is written down: in its order, and again until the store takes it.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    time::sleep,
};
use waihu_agents::AgentId;
use waihu_store::Store;
use waihu_types::WallTime;

use crate::plant::Order;

const TRY_EVERY: Duration = Duration::from_secs(1);
/// An hour; then it stands in the outcome alone.
const TRIES: u32 = 3_600;

pub(super) enum Had {
    Begun,
    Ended,
}

/// Takes what is to be written down of who has one call.
pub(super) struct Talk(UnboundedSender<(AgentId, Had, WallTime)>);

impl Talk {
    pub(super) fn of(store: &Arc<Store>, order: &Order) -> Self {
        let (tell, mut told) = unbounded_channel::<(AgentId, Had, WallTime)>();
        let (store, attempt) = (Arc::clone(store), order.attempt.clone());
        let (case, debtor) = (order.case.id.clone(), order.case.dossier.debtor.clone());
        tokio::spawn(async move {
            while let Some((agent, had, at)) = told.recv().await {
                let mut tried = 0;
                while let Err(error) = match had {
                    Had::Begun => {
                        store.begin_talk((&attempt, agent.as_str()), (&case, debtor.as_ref()), at).await
                    }
                    Had::Ended => store.end_talk(&attempt, agent.as_str(), at).await,
                } {
                    tried += 1;
                    if tried == 1 || tried == TRIES {
                        tracing::error!(%attempt, %error, tried, "it is not written down which agent has a call");
                    }
                    if tried == TRIES {
                        break;
                    }
                    sleep(TRY_EVERY).await;
                }
            }
        });
        Self(tell)
    }

    pub(super) fn note(&self, agent: AgentId, had: Had, at: WallTime) {
        let _ = self.0.send((agent, had, at));
    }
}
