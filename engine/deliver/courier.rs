//! One reader's courier: takes the events after its place, delivers them, moves the place.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use metrics::counter;
use waihu_store::{DeadLetter, Event, Hold, Place, Store, StoreError};
use waihu_types::{SplitMix64, WallTime};

use crate::{
    DeliverError, Reader,
    retry::{Untaken, Verdict, judge},
    way::{Report, Way},
};

/// How long a reader is this node's: what is left of it when a batch begins (90 s) is longer than a batch (15 s)
/// and its last answer (60 s at most) take, and what a dead node read is read on within two minutes.
const LEASE: Duration = Duration::from_secs(120);
/// How often the lease is renewed where nothing moves the place.
const RENEWED: Duration = Duration::from_secs(30);

/// When a courier is to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// At once: there may be more.
    Again,
    /// When there is something new; nothing is left.
    Idle,
    /// Not before.
    At(WallTime),
}

/// Brings events to one reader, at least once and in order.
pub struct Courier {
    store: Arc<Store>,
    reader: Reader,
    node: String,
    way: Way,
    /// Where it is, while this node holds it, and until when.
    held: Option<(Place, WallTime)>,
    /// What was taken beyond the place, since another case's event before it was not.
    ahead: BTreeSet<i64>,
    dice: SplitMix64,
}

impl Courier {
    /// A courier for a reader, on a node.
    ///
    /// # Errors
    /// When no way leads to it: nothing is opened yet.
    pub fn new(store: Arc<Store>, reader: Reader, node: &str, seed: u64) -> Result<Self, DeliverError> {
        let way = Way::to(&reader, &store)?;
        let dice = SplitMix64::new(seed);
        Ok(Self { store, reader, node: node.to_owned(), way, held: None, ahead: BTreeSet::new(), dice })
    }

    /// The reader.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Lets go of the reader, for another node.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn release(&mut self) -> Result<(), StoreError> {
        self.held = None;
        self.store.release_reader(&self.reader.name, &self.node).await
    }

    /// Brings the next batch, where it is time. What was taken is delivered again where the process ends
    /// before this returns, with the same keys and the same bytes.
    ///
    /// # Errors
    /// When the store cannot be read or written; nothing was moved then.
    pub async fn step(&mut self, now: WallTime) -> Result<Step, StoreError> {
        let Some(place) = self.hold(now).await? else {
            return Ok(Step::At(now.plus(RENEWED)));
        };
        if now < place.next_at {
            return Ok(Step::At(place.next_at.min(now.plus(RENEWED))));
        }
        let events = self.store.events(place.seq, self.reader.batch).await?;
        let Some(last) = events.last().map(|event| event.seq) else {
            return Ok(Step::Idle);
        };
        let wanted: Vec<&Event> = events
            .iter()
            .filter(|event| self.reader.events.iter().any(|kind| kind.label() == event.kind))
            .filter(|event| !self.ahead.contains(&event.seq))
            .collect();
        let report = if wanted.is_empty() { Report::default() } else { self.way.deliver(&wanted, now).await };
        let (to, aside) = self.after(&place, &wanted, last, report, now);
        let waits = now < to.next_at;
        let until = now.plus(LEASE);
        let hold = Hold { node: &self.node, until };
        if !self.store.move_reader(place.seq, &to, hold, aside.as_ref()).await? {
            // A person has put it elsewhere, or another node has it: what stands there counts.
            self.held = None;
            self.ahead.clear();
            return Ok(Step::Again);
        }
        self.tell(&place, &to, aside.as_ref());
        self.ahead = self.ahead.split_off(&to.seq.saturating_add(1));
        let next_at = to.next_at;
        self.held = Some((to, until));
        Ok(if waits { Step::At(next_at) } else { Step::Again })
    }

    /// The place, where this node holds the reader.
    async fn hold(&mut self, now: WallTime) -> Result<Option<Place>, StoreError> {
        let until = now.plus(LEASE);
        if let Some((place, held_until)) = &self.held
            && now.plus(LEASE - RENEWED) < *held_until
        {
            return Ok(Some(place.clone()));
        }
        let hold = Hold { node: &self.node, until };
        let taken = self.store.take_reader(&self.reader.name, hold, now).await?;
        if taken.as_ref().map(|place| place.seq) != self.held.as_ref().map(|(place, _)| place.seq) {
            self.ahead.clear();
        }
        self.held = taken.clone().map(|place| (place, until));
        Ok(taken)
    }

    /// Where the reader is after a batch that ended at `last`, and what is set aside.
    fn after(
        &mut self,
        place: &Place,
        wanted: &[&Event],
        last: i64,
        report: Report,
        now: WallTime,
    ) -> (Place, Option<DeadLetter>) {
        let taken: BTreeSet<usize> = report.taken.into_iter().collect();
        counter!("waihu_events_delivered_total", "reader" => self.reader.name.clone())
            .increment(taken.len() as u64);
        self.ahead.extend(taken.iter().filter_map(|n| wanted.get(*n)).map(|event| event.seq));
        let fresh = |seq| Place {
            reader: self.reader.name.clone(),
            seq,
            tries: 0,
            since: None,
            next_at: WallTime::from_unix_millis(0),
            told: String::new(),
        };
        // All before the first that was not taken is behind the place, what nobody asked for with it.
        let Some(first) = (0..wanted.len()).find(|n| !taken.contains(n)) else {
            return (fresh(last), None);
        };
        let Some(event) = wanted.get(first) else { return (fresh(last), None) };
        let before = event.seq.saturating_sub(1);
        let from = if before > place.seq && first > 0 {
            fresh(before)
        } else {
            Place { seq: before, ..place.clone() }
        };
        let untaken = report.untaken.into_iter().find(|(n, _)| *n == first).map(|(_, untaken)| untaken);
        // Not begun yet, since others took their time.
        let Some(untaken) = untaken else { return (from, None) };
        counter!("waihu_deliveries_failed_total", "reader" => self.reader.name.clone()).increment(1);
        self.weigh(&from, event.seq, &untaken, now)
    }

    fn weigh(
        &mut self,
        from: &Place,
        seq: i64,
        untaken: &Untaken,
        now: WallTime,
    ) -> (Place, Option<DeadLetter>) {
        match judge(from, untaken, self.reader.give_up, now, self.dice.next_u64()) {
            Verdict::Wait(place) => (place, None),
            Verdict::SetAside { tries } => {
                counter!("waihu_dead_letters_total", "reader" => self.reader.name.clone()).increment(1);
                let told = untaken.told().to_owned();
                let letter = DeadLetter { reader: self.reader.name.clone(), seq, at: now, tries, told };
                let next_at = WallTime::from_unix_millis(0);
                (
                    Place { seq, tries: 0, since: None, next_at, told: String::new(), ..from.clone() },
                    Some(letter),
                )
            }
        }
    }

    fn tell(&self, from: &Place, to: &Place, aside: Option<&DeadLetter>) {
        let reader = &self.reader.name;
        if let Some(letter) = aside {
            tracing::warn!(
                reader,
                seq = letter.seq,
                tries = letter.tries,
                why = letter.told,
                "event set aside 事件已搁置"
            );
        } else if from.tries == 0 && to.tries > 0 {
            tracing::warn!(
                reader,
                seq = to.seq + 1,
                why = to.told,
                "event not taken, tried again 投递失败，将重试"
            );
        } else if from.tries > 0 && to.tries == 0 {
            tracing::info!(reader, seq = to.seq, tries = from.tries, "taken again 投递恢复");
        }
    }
}
