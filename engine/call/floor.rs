//! Who hears whom in a talk, by what each of them is there: a table, worked out anew whenever somebody comes, goes or
//! changes, and carried out in one step, so that nobody misses a word at the seam.

/// What somebody is in a talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The person called.
    Callee,
    /// The agent who has the call.
    Agent,
    /// An agent who is asked about it.
    Consulted,
    /// Somebody who was called in by their number.
    CalledIn,
    /// A supervisor.
    Supervisor(Sits),
}

/// How a supervisor is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sits {
    /// Hears all; nobody hears them.
    Listens,
    /// Hears all; the agent alone hears them.
    Whispers,
    /// Hears all, and all hear them.
    Joins,
}

/// Whether the callee is in the talk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Callee {
    /// In it.
    #[default]
    There,
    /// On hold, with music.
    Held,
}

/// Whom each of them hears.
pub fn hears<K: Copy + PartialEq>(parties: &[(K, Part)], callee: Callee) -> Vec<(K, Vec<K>)> {
    let hears = |listener: Part, speaker: Part| {
        if callee == Callee::Held && (listener == Part::Callee || speaker == Part::Callee) {
            return false;
        }
        match speaker {
            Part::Callee | Part::Agent | Part::Consulted | Part::CalledIn => true,
            Part::Supervisor(Sits::Joins) => true,
            Part::Supervisor(Sits::Whispers) => listener == Part::Agent,
            Part::Supervisor(Sits::Listens) => false,
        }
    };
    parties
        .iter()
        .map(|(key, listener)| {
            let others = parties.iter().filter(|(other, speaker)| other != key && hears(*listener, *speaker));
            (*key, others.map(|(other, _)| *other).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(parties: &[(char, Part)], callee: Callee) -> String {
        let line = |(who, heard): (char, Vec<char>)| format!("{who}:{}", String::from_iter(heard));
        hears(parties, callee).into_iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_supervisor_hears_both_and_is_heard_as_far_as_they_want() {
        for (sits, expected) in [
            (Sits::Listens, "c:a a:c s:ca"),
            (Sits::Whispers, "c:a a:cs s:ca"),
            (Sits::Joins, "c:as a:cs s:ca"),
        ] {
            let parties = [('c', Part::Callee), ('a', Part::Agent), ('s', Part::Supervisor(sits))];
            assert_eq!(told(&parties, Callee::There), expected, "{sits:?}");
        }
    }

    #[test]
    fn two_supervisors_who_listen_hear_nothing_of_each_other() {
        let [s, t] = [Part::Supervisor(Sits::Listens), Part::Supervisor(Sits::Whispers)];
        let parties = [('c', Part::Callee), ('a', Part::Agent), ('s', s), ('t', t)];
        assert_eq!(told(&parties, Callee::There), "c:a a:ct s:ca t:ca");
    }

    #[test]
    fn who_is_on_hold_hears_nobody_and_is_heard_by_nobody() {
        let listens = Part::Supervisor(Sits::Listens);
        let parties = [('c', Part::Callee), ('a', Part::Agent), ('b', Part::Consulted), ('s', listens)];
        assert_eq!(told(&parties, Callee::Held), "c: a:b b:a s:ab");
        assert_eq!(told(&parties, Callee::There), "c:ab a:cb b:ca s:cab");
    }

    #[test]
    fn whoever_was_called_in_stays_with_the_callee_when_the_agent_leaves() {
        let parties = [('c', Part::Callee), ('g', Part::CalledIn)];
        assert_eq!(told(&parties, Callee::There), "c:g g:c");
    }
}
