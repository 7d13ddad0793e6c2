//! What strangers may have us say in a second, and no more.

use waihu_types::Time;

/// How often something was done in the second that runs.
#[derive(Debug, Default)]
pub(super) struct Rate {
    second: u64,
    count: u32,
}

impl Rate {
    /// Whether it is done once more: `most` times in a second.
    pub(super) fn allows(&mut self, now: Time, most: u32) -> bool {
        let second = now.since(Time::ZERO).as_secs();
        if self.second != second {
            *self = Self { second, count: 0 };
        }
        let allowed = self.count < most;
        self.count += u32::from(allowed);
        allowed
    }
}
