//! Whose turn it is, of those who are free.

use std::cmp::Reverse;

use waihu_types::Time;

use crate::{
    agent::{Agent, Need, Reach},
    seat::Seat,
};

/// Who has talked for longer by less than this has had as much of the day's work [s].
const SAME_LOAD_S: u64 = 900;

/// The order in which free agents are asked: the least is the first.
type Rank = (bool, Reverse<u32>, bool, usize, u64, Time);

/// How well an agent's skills fit: whether one is lacking, and the levels of those that are there, together.
fn fit(agent: &Agent, need: &Need) -> (bool, u32) {
    let levels = need.skills.iter().map(|skill| agent.skills.get(skill).map_or(0, |l| u32::from(l.number())));
    let lacks = levels.clone().any(|level| level == 0);
    (lacks, levels.sum())
}

/// Who has all skills comes first, at the highest levels; then the one whom the debtor knows; then desks before
/// telephones, and of those the trunk's first; then who has talked least in this shift, and who has waited longest.
/// Anybody is better than nobody, but not without the callee's language.
pub(crate) fn rank(seat: &Seat, need: &Need) -> Rank {
    let (lacks, levels) = fit(&seat.agent, need);
    let known = need.last_agent.as_ref() == Some(&seat.agent.id);
    let (place, load, idle) = match seat.agent.reach {
        Reach::Desk => (0, seat.talked.as_secs() / SAME_LOAD_S, seat.idle_since),
        Reach::Phone { place, .. } => (place.saturating_add(1), 0, Time::ZERO),
    };
    (lacks, Reverse(levels), !known, place, load, idle)
}
