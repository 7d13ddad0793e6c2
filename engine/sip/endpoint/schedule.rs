//! When each machine next wants to be woken: one deadline per key, the earliest first.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

use waihu_types::Time;

/// Deadlines by key.
#[derive(Debug)]
pub(super) struct Schedule<K> {
    order: BTreeSet<(Time, K)>,
    at: HashMap<K, Time>,
}

impl<K: Copy + Ord + Hash> Schedule<K> {
    pub(super) fn new() -> Self {
        Self { order: BTreeSet::new(), at: HashMap::new() }
    }

    /// Sets or clears the deadline of `key`.
    pub(super) fn set(&mut self, key: K, deadline: Option<Time>) {
        if let Some(old) = self.at.remove(&key) {
            self.order.remove(&(old, key));
        }
        if let Some(new) = deadline {
            self.at.insert(key, new);
            self.order.insert((new, key));
        }
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Time> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes out one key whose deadline has come.
    pub(super) fn pop(&mut self, now: Time) -> Option<K> {
        let (at, key) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.order.pop_first();
        self.at.remove(&key);
        Some(key)
    }

    pub(super) fn len(&self) -> usize {
        self.at.len()
    }
}
