//! What the loads of a run share with the one who conducts it: the clock, and a way to call for attention.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::tally::Tally;

/// The run's clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Default for Clock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock {
    /// Nanoseconds since the clock was made.
    pub fn now_ns(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }

    /// Milliseconds since 1970, as messages carry them.
    pub fn wall_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
    }

    /// A number for this run's messages: old ones in the topic, and those of others, have other numbers.
    pub fn run(&self) -> u64 {
        self.wall_ms() as u64 ^ u64::from(std::process::id()) << 44
    }
}

/// Shared by everything that takes part in a run.
#[derive(Debug, Default)]
pub struct Control {
    /// The time.
    pub clock: Clock,
    changed: Notify,
    given_up: Mutex<Option<String>>,
}

impl Control {
    /// Says that the run cannot go on. The first reason counts.
    pub fn give_up(&self, reason: impl Into<String>) {
        self.given_up.lock().get_or_insert_with(|| reason.into());
        self.changed.notify_one();
    }

    /// Why the run cannot go on, if that is so.
    pub fn given_up(&self) -> Option<String> {
        self.given_up.lock().clone()
    }

    /// Says that a load has done what it was to do.
    pub fn call(&self) {
        self.changed.notify_one();
    }

    /// Waits for [`Control::call`] or [`Control::give_up`].
    pub async fn called(&self) {
        self.changed.notified().await;
    }
}

/// One connection's worth of load, as the conductor of a run sees it.
pub trait Load: Send + Sync {
    /// What was counted since the last time.
    fn take(&self) -> Tally;

    /// Begins nothing new from now on.
    fn stop(&self);

    /// Is nothing under way, and will nothing be begun?
    fn is_done(&self) -> bool;
}
