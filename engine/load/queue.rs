//! Packets on their way, in the order in which they arrive.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use waihu_types::Time;

/// The most that are on their way at once: 4,000 streams for 300 ms.
const MAX_WAITING: usize = 65_536;

struct Waiting<T> {
    at: Time,
    /// Equal times keep the order of sending.
    order: u64,
    what: T,
}

impl<T> PartialEq for Waiting<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl<T> Eq for Waiting<T> {}

impl<T> PartialOrd for Waiting<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Waiting<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// Packets on their way.
pub(crate) struct Queue<T> {
    heap: BinaryHeap<Reverse<Waiting<T>>>,
    order: u64,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new(), order: 0 }
    }

    /// Holds `what` until `at`; whether there was room.
    pub(crate) fn push(&mut self, at: Time, what: T) -> bool {
        let room = self.heap.len() < MAX_WAITING;
        if room {
            self.heap.push(Reverse(Waiting { at, order: self.order, what }));
            self.order += 1;
        }
        room
    }

    /// When the first arrives.
    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(waiting)| waiting.at)
    }

    /// The first, if it is there by `now`.
    pub(crate) fn pop(&mut self, now: Time) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(waiting)| waiting.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_out_by_time_and_then_in_order() {
        let mut queue = Queue::new();
        for (ms, what) in [(30, 'c'), (10, 'a'), (30, 'd'), (20, 'b')] {
            assert!(queue.push(Time::from_millis(ms), what));
        }
        assert_eq!((queue.next(), queue.pop(Time::from_millis(9))), (Some(Time::from_millis(10)), None));
        let mut out = String::new();
        while let Some(what) = queue.pop(Time::from_millis(30)) {
            out.push(what);
        }
        assert_eq!(out, "abcd");
    }
}
