//! A token bucket that is one number: the moment at which it will be full again. Costs move it ahead, time passes it by. Deciding is
//! pure; any thread may charge it without a lock.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// What a bucket holds: as much as its rate gives in this time.
const DEPTH_US: i64 = 1_000_000;
/// No debt is paid for longer than this, however large what passed was.
const MOST_DEBT_US: i64 = 60_000_000;

/// Something passes while the bucket is not empty, so that what is larger than the bucket passes too; it is paid for afterwards.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// In microseconds since 1970.
    full_us: AtomicI64,
}

impl Bucket {
    /// May something pass now?
    pub(crate) fn admits(&self, now_us: i64) -> bool {
        due_us(self.full_us.load(Relaxed), now_us) < DEPTH_US
    }

    /// Takes out what passed, of a bucket that gets `rate` a second.
    pub(crate) fn charge(&self, rate: u64, cost: u64, now_us: i64) {
        // The closure never declines.
        let _ = self.full_us.fetch_update(Relaxed, Relaxed, |full_us| Some(charged(full_us, rate, cost, now_us)));
    }
}

/// How long it takes until the bucket is full. More than there can be is left from before the clock was set back.
fn due_us(full_us: i64, now_us: i64) -> i64 {
    let due_us = full_us.saturating_sub(now_us).max(0);
    if due_us > DEPTH_US + MOST_DEBT_US { 0 } else { due_us }
}

fn charged(full_us: i64, rate: u64, cost: u64, now_us: i64) -> i64 {
    let price_us = u128::from(cost) * 1_000_000 / u128::from(rate.max(1));
    let price_us = i64::try_from(price_us).unwrap_or(i64::MAX);
    now_us + due_us(full_us, now_us).saturating_add(price_us).min(DEPTH_US + MOST_DEBT_US)
}
