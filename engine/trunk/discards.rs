//! What came and was of no use, told to the operator once a minute at most: how many messages, from how many sources,
//! and why. Each by itself is told at `debug`; nobody's number or name is in any of it.

use std::{
    collections::{BTreeMap, HashSet},
    net::IpAddr,
    time::Duration,
};

use waihu_types::Time;

/// The least time between two lines.
const EVERY: Duration = Duration::from_secs(60);
/// The most sources that are told apart: a flood makes them up.
const MAX_SOURCES: usize = 1_000;

/// What was discarded, until it is told.
#[derive(Debug, Default)]
pub(crate) struct Discards {
    untold: Untold,
    /// Until when nothing is told.
    quiet: Option<Time>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Untold {
    messages: u64,
    sources: HashSet<IpAddr>,
    latest: Option<IpAddr>,
    reasons: BTreeMap<&'static str, u64>,
}

impl Discards {
    /// A message from there was of no use.
    pub(crate) fn note(&mut self, from: IpAddr, why: &'static str) {
        let untold = &mut self.untold;
        untold.messages += 1;
        untold.latest = Some(from);
        *untold.reasons.entry(why).or_default() += 1;
        if untold.sources.len() < MAX_SOURCES {
            untold.sources.insert(from);
        }
    }

    /// When there will be something to tell.
    pub(crate) fn due(&self) -> Option<Time> {
        (self.untold.messages > 0).then(|| self.quiet.unwrap_or(Time::ZERO))
    }

    /// Tells what is due.
    pub(crate) fn tell(&mut self, now: Time) {
        let Some(Untold { messages, sources, latest, reasons }) = self.take(now) else { return };
        let reasons: Vec<String> = reasons.iter().map(|(why, count)| format!("{why} {count}")).collect();
        tracing::warn!(
            messages,
            sources = sources.len(),
            latest = latest.map(tracing::field::display),
            why = %reasons.join(", "),
            "messages were discarded 有信令被丢弃"
        );
    }

    fn take(&mut self, now: Time) -> Option<Untold> {
        if self.due()? > now {
            return None;
        }
        self.quiet = Some(now + EVERY);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Time {
        Time::from_millis(s * 1_000)
    }

    #[test]
    fn the_first_is_told_at_once_and_the_others_together_a_minute_later() {
        let mut discards = Discards::default();
        assert_eq!((discards.due(), discards.take(at(1))), (None, None));
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        discards.note(one, "stranger");
        assert_eq!(discards.take(at(5)).unwrap().messages, 1);
        for (from, why) in [(one, "stranger"), (other, "unparsable"), (one, "stranger")] {
            discards.note(from, why);
            assert_eq!((discards.due(), discards.take(at(64))), (Some(at(65)), None));
        }
        let told = discards.take(at(65)).unwrap();
        assert_eq!((told.messages, told.sources.len(), told.latest), (3, 2, Some(one)));
        assert_eq!(told.reasons, BTreeMap::from([("stranger", 2), ("unparsable", 1)]));
        assert_eq!(discards.due(), None);
        // After a quiet time the next one is told at once again.
        discards.note(other, "stray");
        assert_eq!(discards.take(at(500)).unwrap().messages, 1);
    }

    #[test]
    fn a_flood_of_sources_fills_no_memory() {
        let mut discards = Discards::default();
        for n in 0..5_000_u32 {
            discards.note(IpAddr::from(n.to_be_bytes()), "stranger");
        }
        let told = discards.take(at(0)).unwrap();
        assert_eq!((told.messages, told.sources.len()), (5_000, MAX_SOURCES));
    }
}
