//! All readers, each in a task of its own.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};
use waihu_store::Store;
use waihu_types::WallTime;

use crate::{Courier, DeliverError, Reader, Step, Texts};

/// How often the store is asked for something new: each reader sees an event within a quarter of a second,
/// for four reads of an index a second.
const LOOK: Duration = Duration::from_millis(250);
/// How long a store that cannot be read is left alone.
const STORE_AWAY: Duration = Duration::from_secs(2);

/// How long what is under way may go on when all is to end. What is broken off then comes again.
const GRACE: Duration = Duration::from_secs(3);

/// The clock on the wall.
pub fn wall_now() -> WallTime {
    WallTime::from_unix_millis(jiff::Timestamp::now().as_millisecond())
}

/// Brings events to all readers, and sends text messages where there is a gateway for them, until `stop` is true
/// or its sender gone. A reader to which no way leads is an error before anything is begun. `node` names this
/// process; a name that another process has makes both deliver.
///
/// # Errors
/// Which reader cannot be delivered to at all.
pub async fn run(
    store: Arc<Store>,
    mut readers: Vec<Reader>,
    texts: Option<Texts>,
    node: &str,
    stop: watch::Receiver<bool>,
) -> Result<(), DeliverError> {
    if texts.is_some() {
        readers.push(Reader::follow_ups());
    }
    let mut couriers = Vec::new();
    for (n, reader) in readers.into_iter().enumerate() {
        let seed = wall_now().unix_millis().unsigned_abs() ^ ((n as u64) << 48);
        couriers.push(Courier::new(Arc::clone(&store), reader, node, seed)?);
    }
    let mut tasks = JoinSet::new();
    if let Some(texts) = texts {
        tasks.spawn(texts.run(stop.clone()));
    }
    for courier in couriers {
        tasks.spawn(walk(courier, stop.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(e) = ended {
            // The others go on; this one is read on by the next start, from where it is.
            tracing::error!(fault = e.is_panic(), "a reader's task ended 投递任务异常结束");
        }
    }
    Ok(())
}

async fn walk(mut courier: Courier, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let now = wall_now();
        let step = tokio::select! {
            step = courier.step(now) => step,
            () = over(stop.clone()) => break,
        };
        let wait = match step {
            Ok(Step::Again) => continue,
            Ok(Step::Idle) => LOOK,
            Ok(Step::At(at)) => until(now, at),
            Err(e) => {
                tracing::error!(reader = courier.reader().name, error = %e, "store 数据库");
                STORE_AWAY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
    if let Err(e) = courier.release().await {
        tracing::warn!(reader = courier.reader().name, error = %e, "not let go of, its lease ends by itself 租约将自行到期");
    }
}

/// Some time after the end was asked for.
async fn over(mut stop: watch::Receiver<bool>) {
    // An error is its sender gone, which is the end too.
    let _ = stop.wait_for(|stop| *stop).await;
    tokio::time::sleep(GRACE).await;
}

fn until(now: WallTime, at: WallTime) -> Duration {
    // A person may move a reader that waits: it is looked at again within a few seconds.
    let ms = u64::try_from(at.unix_millis() - now.unix_millis()).unwrap_or(0);
    Duration::from_millis(ms).clamp(Duration::from_millis(10), Duration::from_secs(5))
}
