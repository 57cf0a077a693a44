//! What was stored and handed out yesterday and today. Days begin at midnight, UTC. A plain state machine.

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Messages since the broker started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Messages stored.
    pub(crate) put: u64,
    /// Messages handed out.
    pub(crate) got: u64,
}

/// The totals at the last two midnights; zeros for those before the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Days {
    today: i64,
    /// When yesterday began.
    pub(crate) yesterday_morning: Totals,
    /// When today began.
    pub(crate) today_morning: Totals,
}

impl Days {
    pub(super) fn new(now_ms: i64) -> Self {
        let zero = Totals::default();
        Days { today: now_ms.div_euclid(DAY_MS), yesterday_morning: zero, today_morning: zero }
    }

    /// Notes the totals where a day has begun since the last call.
    pub(super) fn note(&mut self, now_ms: i64, totals: Totals) {
        let today = now_ms.div_euclid(DAY_MS);
        if today == self.today {
            return;
        }
        // After more than a day of silence, all of what came is of the day that it was last looked at.
        self.yesterday_morning = if today == self.today + 1 { self.today_morning } else { totals };
        self.today_morning = totals;
        self.today = today;
    }
}

#[cfg(test)]
mod tests;
