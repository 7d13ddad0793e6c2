//! Whether the machines that carry calls are there: told by their answers to OPTIONS and to INVITEs.
//!
//! A machine of which nothing is known, or that was away for a while, gets one call on trial. One that does not answer
//! once is suspected and asked at once again; three times in a row, and it is down: no call goes there until it has
//! answered twice. 503 with Retry-After is obeyed (RFC 3261 §21.5.4). A machine that never answered an OPTIONS is not
//! judged by them, but by its calls alone: some carriers answer nobody.
//!
//! Deliberately absent: sockets and clocks; which machines there are ([`crate::locate`]).

use std::{collections::BTreeMap, time::Duration};

use waihu_types::Time;

use crate::transport::Hop;

/// So many misses in a row, and a machine is down: a single lost question is no outage.
const MISSES: u8 = 3;
/// So many answers in a row, and it is back: who answers once and falls again has calls to lose.
const ANSWERS: u8 = 2;
/// How soon a suspected machine, and one that has answered again, is asked again.
const SOON: Duration = Duration::from_secs(2);
/// How long a machine that is not judged by OPTIONS stays down before a call is tried there again.
const REST: Duration = Duration::from_secs(30);
/// The longest Retry-After that is obeyed: beyond it somebody has mistaken the unit.
const MOST_REST: Duration = Duration::from_secs(3_600);

/// How a machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It answers.
    Up,
    /// It did, and has missed a question.
    Suspected,
    /// Nothing is known of it: one call at a time is tried.
    Untried,
    /// It does not answer, or asked to be left alone.
    Down,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 4] = [Self::Up, Self::Suspected, Self::Untried, Self::Down];

    /// The name in measurements.
    pub fn label(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Suspected => "suspected",
            Self::Untried => "untried",
            Self::Down => "down",
        }
    }
}

/// What is asked of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An OPTIONS.
    Options,
    /// A call.
    Call,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Any answer.
    Answered,
    /// None in time.
    Silent,
    /// Nobody listens there, or the way is broken.
    Unreachable,
    /// 503 with Retry-After [s].
    Overloaded {
        /// For so long it wants nothing.
        retry_after_s: u32,
    },
}

/// A machine that stands otherwise than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Which one.
    pub hop: Hop,
    /// How it stood.
    pub from: Standing,
    /// How it stands.
    pub to: Standing,
}

/// How many calls may be placed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// As many as the trunk carries.
    Open,
    /// One at a time, on trial.
    Trial,
    /// None.
    Shut,
}

#[derive(Debug)]
struct Machine {
    standing: Standing,
    misses: u8,
    answers: u8,
    /// Whether it has ever answered an OPTIONS.
    heeds: bool,
    /// Until then it stays down whatever it answers, and is tried from then on.
    rests_until: Option<Time>,
    /// When it is asked next; none where nobody is asked.
    due: Option<Time>,
}

/// The health of some machines.
#[derive(Debug)]
pub struct Health {
    every: Option<Duration>,
    machines: BTreeMap<Hop, Machine>,
}

impl Health {
    /// Nobody yet; each is to be asked with OPTIONS so often, or never.
    pub fn new(every: Option<Duration>) -> Self {
        Self { every, machines: BTreeMap::new() }
    }

    /// From here on these machines are watched; those that were before keep their standing.
    pub fn watch(&mut self, now: Time, hops: &[Hop]) {
        self.machines.retain(|hop, _| hops.contains(hop));
        let due = self.every.map(|_| now);
        for hop in hops {
            self.machines.entry(*hop).or_insert(Machine {
                standing: Standing::Untried,
                misses: 0,
                answers: 0,
                heeds: false,
                rests_until: None,
                due,
            });
        }
    }

    /// Whom to ask with OPTIONS now.
    pub fn due(&mut self, now: Time) -> Vec<Hop> {
        let Some(every) = self.every else { return Vec::new() };
        let due = self.machines.iter_mut().filter(|(_, machine)| machine.due.is_some_and(|at| at <= now));
        due.map(|(hop, machine)| {
            machine.due = Some(now + every);
            *hop
        })
        .collect()
    }

    /// When somebody is due next, or has rested.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.machines.values().flat_map(|machine| [machine.due, machine.rests_until]).flatten().min()
    }

    /// Time has passed: who has rested is tried again.
    pub fn rested(&mut self, now: Time) -> Vec<Changed> {
        let over = |machine: &Machine| machine.rests_until.is_some_and(|at| at <= now);
        let mut changed = Vec::new();
        for (hop, machine) in self.machines.iter_mut().filter(|(_, machine)| over(machine)) {
            machine.rests_until = None;
            (machine.misses, machine.answers) = (0, 0);
            changed.push(Changed { hop: *hop, from: machine.standing, to: Standing::Untried });
            machine.standing = Standing::Untried;
            if self.every.is_some() {
                machine.due = Some(now);
            }
        }
        changed
    }

    /// Takes what came of a question or a call; how the machine stands now, where that has changed.
    pub fn saw(&mut self, now: Time, hop: Hop, asked: Asked, sign: Sign) -> Option<Changed> {
        let every = self.every;
        let machine = self.machines.get_mut(&hop)?;
        let from = machine.standing;
        match sign {
            Sign::Answered => machine.answered(now, asked),
            Sign::Overloaded { retry_after_s } => {
                machine.heeds |= asked == Asked::Options;
                machine.standing = Standing::Down;
                let rest = Duration::from_secs(retry_after_s.into()).min(MOST_REST);
                machine.rests_until = Some(machine.rests_until.unwrap_or(now).max(now + rest));
            }
            // Who never heeds OPTIONS is not judged by silence to them.
            Sign::Silent if asked == Asked::Options && !machine.heeds => {}
            Sign::Silent | Sign::Unreachable => machine.missed(now, every, sign),
        }
        let to = machine.standing;
        (from != to).then_some(Changed { hop, from, to })
    }

    /// How a machine stands; none of one that is not watched.
    pub fn standing(&self, hop: Hop) -> Option<Standing> {
        self.machines.get(&hop).map(|machine| machine.standing)
    }

    /// Those to place a call at, the best first: in the order given, those that are up before those that are
    /// suspected, and those before the ones on trial. Who is not watched is taken for up.
    pub fn choose(&self, hops: &[Hop]) -> Vec<Hop> {
        let standing = |hop: &Hop| self.standing(*hop).unwrap_or(Standing::Up);
        let mut chosen: Vec<Hop> =
            hops.iter().copied().filter(|hop| standing(hop) != Standing::Down).collect();
        chosen.sort_by_key(standing);
        chosen
    }

    /// How many calls these machines may be given now.
    pub fn room(&self, hops: &[Hop]) -> Room {
        match self.choose(hops).first().map(|hop| self.standing(*hop).unwrap_or(Standing::Up)) {
            None | Some(Standing::Down) => Room::Shut,
            Some(Standing::Untried) => Room::Trial,
            Some(Standing::Up | Standing::Suspected) => Room::Open,
        }
    }

    /// How many machines stand so.
    pub fn count(&self, standing: Standing) -> usize {
        self.machines.values().filter(|machine| machine.standing == standing).count()
    }
}

impl Machine {
    fn answered(&mut self, now: Time, asked: Asked) {
        self.heeds |= asked == Asked::Options;
        self.misses = 0;
        match self.standing {
            Standing::Up => {}
            Standing::Untried | Standing::Suspected => self.standing = Standing::Up,
            // Who asked to be left alone is.
            Standing::Down if self.rests_until.is_some() && self.heeds => {}
            Standing::Down => {
                self.answers += 1;
                if self.answers >= ANSWERS {
                    self.standing = Standing::Up;
                    self.rests_until = None;
                } else {
                    self.due = self.due.map(|due| due.min(now + SOON));
                }
            }
        }
    }

    fn missed(&mut self, now: Time, every: Option<Duration>, sign: Sign) {
        self.answers = 0;
        self.misses = self.misses.saturating_add(1);
        // Of whom nothing is known, that nobody listens there is known now.
        let at_once = self.standing == Standing::Untried && sign == Sign::Unreachable;
        if at_once || self.misses >= MISSES {
            self.standing = Standing::Down;
            self.due = every.map(|every| now + every);
            if self.due.is_none() || !self.heeds {
                self.rests_until = Some(now + REST);
            }
            return;
        }
        if self.standing == Standing::Up {
            self.standing = Standing::Suspected;
        }
        self.due = self.due.map(|due| due.min(now + SOON));
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    const EVERY: Duration = Duration::from_secs(30);

    fn hop(n: u8) -> Hop {
        Hop::from(SocketAddr::from(([192, 0, 2, n], 5060)))
    }

    fn at(s: u64) -> Time {
        Time::from_millis(s * 1_000)
    }

    fn watched(every: Option<Duration>) -> Health {
        let mut health = Health::new(every);
        health.watch(at(0), &[hop(1), hop(2)]);
        health
    }

    fn stands(health: &Health) -> Standing {
        health.standing(hop(1)).unwrap()
    }

    #[test]
    fn a_machine_goes_down_after_three_misses_and_is_back_after_two_answers() {
        use Asked::Options;
        let mut health = watched(Some(EVERY));
        assert_eq!(health.due(at(0)), [hop(1), hop(2)]);
        assert_eq!(health.room(&[hop(1)]), Room::Trial);
        let changed = health.saw(at(0), hop(1), Options, Sign::Answered).unwrap();
        assert_eq!((changed.from, changed.to), (Standing::Untried, Standing::Up));
        assert_eq!(health.room(&[hop(1)]), Room::Open);
        assert_eq!(health.due(at(29)), []);
        assert_eq!(health.due(at(30)), [hop(1), hop(2)]);
        health.saw(at(36), hop(1), Options, Sign::Silent);
        assert_eq!((stands(&health), health.room(&[hop(1)])), (Standing::Suspected, Room::Open));
        assert_eq!(health.due(at(38)), [hop(1)], "it is asked at once again");
        health.saw(at(44), hop(1), Options, Sign::Silent);
        assert_eq!(stands(&health), Standing::Suspected);
        health.saw(at(52), hop(1), Options, Sign::Silent);
        assert_eq!((stands(&health), health.room(&[hop(1)])), (Standing::Down, Room::Shut));
        // It is asked as before, and not twice a second.
        assert_eq!(health.due(at(53)), []);
        health.saw(at(90), hop(1), Options, Sign::Answered);
        assert_eq!(stands(&health), Standing::Down, "once is not yet back");
        health.due(at(91));
        health.saw(at(92), hop(1), Options, Sign::Silent);
        health.saw(at(93), hop(1), Options, Sign::Answered);
        assert_eq!(stands(&health), Standing::Down, "not in a row");
        health.saw(at(95), hop(1), Options, Sign::Answered);
        assert_eq!(stands(&health), Standing::Up);
    }

    #[test]
    fn one_miss_among_answers_changes_nothing_for_long() {
        let mut health = watched(Some(EVERY));
        for n in 0..20 {
            let sign = if n % 3 == 2 { Sign::Silent } else { Sign::Answered };
            health.saw(at(n * 30), hop(1), Asked::Options, sign);
            assert_ne!(stands(&health), Standing::Down);
        }
    }

    #[test]
    fn who_heeds_no_options_is_judged_by_calls() {
        let mut health = watched(Some(EVERY));
        for s in 0..20 {
            assert_eq!(health.saw(at(s), hop(1), Asked::Options, Sign::Silent), None);
        }
        assert_eq!(health.room(&[hop(1)]), Room::Trial);
        health.saw(at(20), hop(1), Asked::Call, Sign::Answered);
        assert_eq!(stands(&health), Standing::Up);
        for s in [50, 80, 110] {
            health.saw(at(s), hop(1), Asked::Call, Sign::Silent);
        }
        assert_eq!(stands(&health), Standing::Down);
        assert_eq!(health.rested(at(139)), []);
        assert_eq!(health.rested(at(140))[0].to, Standing::Untried);
        assert_eq!(health.room(&[hop(1)]), Room::Trial);
        health.saw(at(150), hop(1), Asked::Call, Sign::Answered);
        assert_eq!(health.room(&[hop(1)]), Room::Open);
    }

    #[test]
    fn without_questions_calls_tell_alone() {
        let mut health = watched(None);
        assert_eq!((health.due(at(1_000)), health.poll_timeout()), (vec![], None));
        health.saw(at(0), hop(1), Asked::Call, Sign::Unreachable);
        assert_eq!(stands(&health), Standing::Down, "nobody listens there");
        assert_eq!(health.poll_timeout(), Some(at(30)));
        health.rested(at(30));
        health.saw(at(31), hop(1), Asked::Call, Sign::Answered);
        health.saw(at(32), hop(1), Asked::Call, Sign::Unreachable);
        assert_eq!(stands(&health), Standing::Suspected, "it was there a moment ago");
    }

    #[test]
    fn who_asks_to_be_left_alone_is_for_as_long_as_it_says() {
        let mut health = watched(Some(EVERY));
        health.saw(at(0), hop(1), Asked::Options, Sign::Answered);
        let overloaded = Sign::Overloaded { retry_after_s: 120 };
        assert_eq!(health.saw(at(10), hop(1), Asked::Call, overloaded).unwrap().to, Standing::Down);
        health.saw(at(40), hop(1), Asked::Options, Sign::Answered);
        health.saw(at(42), hop(1), Asked::Options, Sign::Answered);
        assert_eq!(stands(&health), Standing::Down);
        // A shorter wish does not cut a longer one short.
        health.saw(at(50), hop(1), Asked::Call, Sign::Overloaded { retry_after_s: 1 });
        assert_eq!(health.rested(at(129)), []);
        assert_eq!(health.rested(at(130))[0].to, Standing::Untried);
        health.saw(at(130), hop(1), Asked::Call, Sign::Overloaded { retry_after_s: u32::MAX });
        assert_eq!(health.rested(at(130 + 3_600)).len(), 1, "an hour is the most");
    }

    #[test]
    fn calls_go_to_the_first_that_is_well() {
        let mut health = watched(Some(EVERY));
        let both = [hop(1), hop(2)];
        health.saw(at(0), hop(1), Asked::Options, Sign::Answered);
        health.saw(at(0), hop(2), Asked::Options, Sign::Answered);
        assert_eq!(health.choose(&both), both);
        health.saw(at(1), hop(1), Asked::Call, Sign::Silent);
        assert_eq!(health.choose(&both), [hop(2), hop(1)]);
        health.saw(at(2), hop(1), Asked::Call, Sign::Silent);
        health.saw(at(3), hop(1), Asked::Call, Sign::Silent);
        assert_eq!((health.choose(&both), health.room(&both)), (vec![hop(2)], Room::Open));
        for s in 4..7 {
            health.saw(at(s), hop(2), Asked::Call, Sign::Unreachable);
        }
        assert_eq!((health.choose(&both), health.room(&both)), (vec![], Room::Shut));
        assert_eq!(Standing::ALL.map(|s| health.count(s)), [0, 0, 0, 2]);
        // Who is no longer one of them is forgotten; who is new is unknown.
        health.watch(at(9), &[hop(2), hop(3)]);
        assert_eq!(health.standing(hop(1)), None);
        assert_eq!(health.choose(&[hop(2), hop(3)]), [hop(3)]);
        assert_eq!(health.saw(at(9), hop(1), Asked::Call, Sign::Silent), None);
    }
}
