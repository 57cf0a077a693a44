//! For how long a message stays hidden that a client holds: for as long as the client is there, step by step, up to a limit. A pure
//! decision; who holds what is told by the journal, so that a start knows it again. The steps and limits are those of Apache's proxy,
//! which keeps its books in memory.

/// How long before its time is up a message's time is prolonged, in milliseconds.
pub const AHEAD_MS: i64 = 10_000;
/// By how much it is prolonged, by the number of times it was before, in milliseconds.
const STEPS_MS: [i64; 6] = [60_000, 180_000, 300_000, 600_000, 1_800_000, 3_600_000];
/// How long a client may work on one message in all, in milliseconds.
const MAX_MS: i64 = 3 * 3_600_000;
/// After how long others get what a client is to hold no longer, in milliseconds.
const GONE_MS: i64 = 1_000;
/// How long after a start a client may take to come back, in milliseconds.
pub const RETURN_MS: i64 = 60_000;

/// What is known about a client that holds messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is connected.
    There,
    /// It is not connected, but may not have had the time to come back since the broker started.
    Awaited,
    /// It is gone.
    Gone,
}

impl Presence {
    /// What is known about a client at `now_ms`, given that the broker started at `started_ms`.
    pub fn of(is_connected: bool, started_ms: i64, now_ms: i64) -> Self {
        match is_connected {
            true => Presence::There,
            false if now_ms.saturating_sub(started_ms) < RETURN_MS => Presence::Awaited,
            false => Presence::Gone,
        }
    }
}

/// A message that a client holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// When it was handed out, in milliseconds since 1970.
    pub pop_ms: i64,
    /// Until when it is hidden.
    pub due_ms: i64,
    /// How often its time has been prolonged.
    pub renewals: u32,
}

/// What is to be done about a message that a client holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing for now.
    Leave,
    /// It stays hidden, under the same handle, until this time.
    Prolong {
        /// In milliseconds since 1970.
        until_ms: i64,
    },
    /// The client is gone, or has had it for too long: others get it after this time, in milliseconds.
    GiveBack {
        /// From now on.
        after_ms: i64,
    },
}

impl Holding {
    /// Decides about the message.
    pub fn decide(&self, presence: Presence, now_ms: i64) -> Decision {
        let is_urgent = self.due_ms.saturating_sub(now_ms) <= AHEAD_MS;
        match presence {
            Presence::Gone => Decision::GiveBack { after_ms: GONE_MS },
            _ if !is_urgent => Decision::Leave,
            _ if now_ms.saturating_sub(self.pop_ms) >= MAX_MS => Decision::GiveBack { after_ms: GONE_MS },
            _ => {
                let step = usize::try_from(self.renewals).unwrap_or(usize::MAX).min(STEPS_MS.len() - 1);
                Decision::Prolong { until_ms: now_ms.saturating_add(STEPS_MS[step]) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
