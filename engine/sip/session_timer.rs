//! Session timers (RFC 4028): a call of which nobody says for so long that it is still there, is over.
//!
//! One side refreshes at half of the interval, the other one waits for it. Deliberately absent: the
//! refreshing requests themselves, which are the endpoint's.

use std::{fmt, time::Duration};

use waihu_types::Time;

/// The shortest interval that may be asked for [s] (§4): below it refreshing would be a load of its own.
pub const MIN_SE_S: u32 = 90;

/// Which side of a request refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one that sent the request.
    Uac,
    /// The one that answered it.
    Uas,
}

/// Session-Expires (§4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// The interval [s].
    pub seconds: u32,
    /// Who refreshes; open in most requests.
    pub refresher: Option<Role>,
}

impl SessionExpires {
    /// Reads a value; `None` where it is broken, as if it were not there.
    pub fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split(';').map(str::trim);
        let seconds = parts.next()?.parse().ok()?;
        let refresher = parts.find_map(|p| {
            let (name, value) = p.split_once('=')?;
            let value = value.trim();
            match name.trim().eq_ignore_ascii_case("refresher") {
                true if value.eq_ignore_ascii_case("uac") => Some(Role::Uac),
                true if value.eq_ignore_ascii_case("uas") => Some(Role::Uas),
                _ => None,
            }
        });
        Some(Self { seconds, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refresher {
            None => write!(f, "{}", self.seconds),
            Some(Role::Uac) => write!(f, "{};refresher=uac", self.seconds),
            Some(Role::Uas) => write!(f, "{};refresher=uas", self.seconds),
        }
    }
}

/// Who refreshes this session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// We do.
    Us,
    /// They do.
    Them,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A refresh of ours.
    Refresh,
    /// The end: nobody has refreshed in time (§10).
    Expired,
}

/// The timer of one session, from one refresh to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    interval_s: u32,
    refresher: Refresher,
    refresh_at: Option<Time>,
    expires_at: Time,
}

impl SessionTimer {
    /// A session that was just agreed on or refreshed. An interval below 90 s is taken for 90 s.
    pub fn new(now: Time, interval_s: u32, refresher: Refresher) -> Self {
        let interval_s = interval_s.max(MIN_SE_S);
        let interval = Duration::from_secs(interval_s.into());
        // A little before the end, so that the BYE finds a far end that still knows the call (§10).
        let margin = (interval / 3).min(Duration::from_secs(32));
        Self {
            interval_s,
            refresher,
            refresh_at: (refresher == Refresher::Us).then(|| now + interval / 2),
            expires_at: now + (interval - margin),
        }
    }

    /// The interval [s].
    pub fn interval_s(&self) -> u32 {
        self.interval_s
    }

    /// Who refreshes.
    pub fn refresher(&self) -> Refresher {
        self.refresher
    }

    /// When something is next due.
    pub fn deadline(&self) -> Time {
        self.refresh_at.map_or(self.expires_at, |at| at.min(self.expires_at))
    }

    /// What is due now. A refresh is due once; where it fails, the end follows by itself.
    pub fn take_due(&mut self, now: Time) -> Option<Due> {
        if now >= self.expires_at {
            return Some(Due::Expired);
        }
        self.refresh_at.take_if(|at| now >= *at).map(|_| Due::Refresh)
    }
}

/// What the answerer of a request decides (§9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No timer: the caller knows of none.
    None,
    /// This Session-Expires goes into the 2xx.
    Agreed(SessionExpires),
    /// 422: the interval asked for is below our least, which goes into its Min-SE.
    TooSmall,
}

/// Decides about a request: what it asks for, whether its sender knows session timers, what we should like.
pub fn answer(asked: Option<SessionExpires>, supported: bool, wanted_s: u32) -> Answer {
    match asked {
        _ if !supported => Answer::None,
        Some(asked) if asked.seconds < MIN_SE_S => Answer::TooSmall,
        Some(asked) => Answer::Agreed(SessionExpires {
            seconds: asked.seconds,
            refresher: Some(asked.refresher.unwrap_or(Role::Uac)),
        }),
        None => Answer::Agreed(SessionExpires { seconds: wanted_s, refresher: Some(Role::Uac) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Time {
        Time::ZERO + Duration::from_secs(s)
    }

    #[test]
    fn values_are_read_and_written_and_broken_ones_are_none() {
        for text in ["1800", "90;refresher=uac", "4000000000;refresher=uas"] {
            assert_eq!(SessionExpires::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(SessionExpires::parse(" 90 ; x=y ; Refresher = UAS").unwrap().refresher, Some(Role::Uas));
        for text in ["", "x", "-1", ";refresher=uac", "99999999999"] {
            assert_eq!(SessionExpires::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_refresher_refreshes_at_half_and_the_other_one_gives_up_before_the_end() {
        let mut ours = SessionTimer::new(at(10), 1_800, Refresher::Us);
        assert_eq!(ours.deadline(), at(910));
        assert_eq!(ours.take_due(at(909)), None);
        assert_eq!(ours.take_due(at(910)), Some(Due::Refresh));
        assert_eq!((ours.take_due(at(911)), ours.deadline()), (None, at(10 + 1_800 - 32)));
        assert_eq!(ours.take_due(at(1_778)), Some(Due::Expired));
        let mut theirs = SessionTimer::new(at(0), 90, Refresher::Them);
        assert_eq!(
            (theirs.deadline(), theirs.take_due(at(45))),
            (at(60), None),
            "a third of it is kept free"
        );
        assert_eq!(theirs.take_due(at(60)), Some(Due::Expired));
    }

    #[test]
    fn too_small_an_interval_is_refused_and_an_open_one_is_refreshed_by_the_caller() {
        let asked = |seconds, refresher| Some(SessionExpires { seconds, refresher });
        assert_eq!(answer(asked(89, None), true, 1_800), Answer::TooSmall);
        assert_eq!(answer(asked(89, None), false, 1_800), Answer::None);
        let agreed =
            |seconds, refresher| Answer::Agreed(SessionExpires { seconds, refresher: Some(refresher) });
        assert_eq!(answer(asked(90, None), true, 1_800), agreed(90, Role::Uac));
        assert_eq!(answer(asked(600, Some(Role::Uas)), true, 1_800), agreed(600, Role::Uas));
        assert_eq!(answer(None, true, 1_800), agreed(1_800, Role::Uac));
    }
}
