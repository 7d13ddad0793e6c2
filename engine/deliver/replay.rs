//! How readers stand, and events sent again because a person asks.

use std::sync::Arc;

use waihu_store::{DeadLetter, Event, Place, Store};
use waihu_types::WallTime;

use crate::{DeliverError, Reader, way::Way};

/// Dead letters shown, and read at a time.
const LETTERS: u32 = 100;

/// How a reader stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where it is; none where it was never read for.
    pub place: Option<Place>,
    /// How many events are after its place.
    pub lag: i64,
    /// How many events it would not take.
    pub dead: i64,
    /// The first of them.
    pub letters: Vec<DeadLetter>,
}

/// Which events are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// All that it would not take.
    DeadLetters,
    /// One, whether it was taken or not.
    One(i64),
}

/// What came of sending again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resent {
    /// So many were taken.
    pub taken: usize,
    /// So many were not, and stay set aside.
    pub left: usize,
}

/// How a reader stands.
///
/// # Errors
/// When the store cannot be read.
pub async fn standing(store: &Store, reader: &str) -> Result<Standing, DeliverError> {
    let place = store.readers().await?.into_iter().find(|place| place.reader == reader);
    let lag = store.last_event().await? - place.as_ref().map_or(0, |place| place.seq);
    let dead = store.dead_letter_count(reader).await?;
    let letters = store.dead_letters(reader, 0, LETTERS).await?;
    Ok(Standing { place, lag: lag.max(0), dead, letters })
}

/// Sends events again, with the same keys and bytes as before; the reader's place stays. Each that is taken is
/// no dead letter any more.
///
/// # Errors
/// When no way leads to the reader, the store cannot be read or written, or the one event that was asked for is
/// not there or not taken.
pub async fn replay(
    store: &Arc<Store>,
    reader: &Reader,
    again: Again,
    now: WallTime,
) -> Result<Resent, DeliverError> {
    let mut way = Way::to(reader, store)?;
    if let Again::One(seq) = again {
        let event = event(store, seq).await?;
        return match send(store, reader, &mut way, &event, now).await? {
            None => Ok(Resent { taken: 1, left: 0 }),
            Some(told) => Err(DeliverError::NotTaken { seq, told }),
        };
    }
    let (mut resent, mut after) = (Resent::default(), 0);
    loop {
        let letters = store.dead_letters(&reader.name, after, LETTERS).await?;
        let Some(last) = letters.last() else { return Ok(resent) };
        after = last.seq;
        for letter in letters {
            let event = event(store, letter.seq).await?;
            match send(store, reader, &mut way, &event, now).await? {
                None => resent.taken += 1,
                Some(_) => resent.left += 1,
            }
        }
    }
}

async fn event(store: &Store, seq: i64) -> Result<Event, DeliverError> {
    let found = store.events(seq.saturating_sub(1), 1).await?.into_iter().next();
    found.filter(|event| event.seq == seq).ok_or(DeliverError::NoEvent(seq))
}

/// None where it was taken, else why not.
async fn send(
    store: &Store,
    reader: &Reader,
    way: &mut Way,
    event: &Event,
    now: WallTime,
) -> Result<Option<String>, DeliverError> {
    let report = way.deliver(&[event], now).await;
    if report.taken.is_empty() {
        let told = report.untaken.first().map(|(_, untaken)| untaken.told().to_owned());
        return Ok(Some(told.unwrap_or_default()));
    }
    store.settle_dead_letter(&reader.name, event.seq).await?;
    Ok(None)
}
