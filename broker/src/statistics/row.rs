//! Counts of one thing, such as a topic: added to by any thread, looked at over the last minute, hour and day.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use super::series::{Growth, Series};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// `N` counts and what they were over the last day.
#[derive(Debug)]
pub(super) struct Row<const N: usize> {
    counts: [AtomicU64; N],
    windows: Mutex<Windows<N>>,
}

#[derive(Debug)]
struct Windows<const N: usize> {
    minute: Series<N>,
    hour: Series<N>,
    day: Series<N>,
}

/// How much the counts of a row grew.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recent<const N: usize> {
    /// In the last 50 to 60 seconds.
    pub(super) minute: Growth<N>,
    /// In the last 50 to 60 minutes.
    pub(super) hour: Growth<N>,
    /// In the last 23 to 24 hours.
    pub(super) day: Growth<N>,
}

impl<const N: usize> Row<N> {
    pub(super) fn new(now_ms: i64) -> Self {
        let windows = Windows {
            minute: Series::new(10 * SECOND_MS, 6, now_ms),
            hour: Series::new(10 * MINUTE_MS, 6, now_ms),
            day: Series::new(HOUR_MS, 24, now_ms),
        };
        Row { counts: std::array::from_fn(|_| AtomicU64::new(0)), windows: Mutex::new(windows) }
    }

    pub(super) fn add(&self, index: usize, count: u64) {
        self.counts[index].fetch_add(count, Relaxed);
    }

    /// All counts since the row was made.
    pub(super) fn counts(&self) -> [u64; N] {
        std::array::from_fn(|index| self.counts[index].load(Relaxed))
    }

    /// Takes the samples that it is time for.
    pub(super) fn sample(&self, now_ms: i64) {
        let mut windows = self.windows.lock();
        let counts = self.counts();
        windows.minute.sample(now_ms, counts);
        windows.hour.sample(now_ms, counts);
        windows.day.sample(now_ms, counts);
    }

    pub(super) fn recent(&self, now_ms: i64) -> Recent<N> {
        let windows = self.windows.lock();
        let counts = self.counts();
        Recent {
            minute: windows.minute.growth(now_ms, counts),
            hour: windows.hour.growth(now_ms, counts),
            day: windows.day.growth(now_ms, counts),
        }
    }

    /// Whether nothing was counted for a day, so that nobody misses the row.
    pub(super) fn is_idle(&self, now_ms: i64) -> bool {
        let windows = self.windows.lock();
        windows.day.is_full() && windows.day.growth(now_ms, self.counts()).counts == [0; N]
    }
}

#[cfg(test)]
mod tests;
