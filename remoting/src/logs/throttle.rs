//! How many lines of one kind are logged: each tells an operator something, but whoever is refused must not fill the disk with them.

#[cfg(test)]
mod tests;

/// How many lines are logged in one second.
const LIMIT: u32 = 100;
const PERIOD_MS: i64 = 1_000;

/// Counts lines of one kind, up to 100 a second of which are logged.
#[derive(Debug, Default)]
pub struct Throttle {
    begun_ms: i64,
    logged: u32,
    left_out: u64,
}

impl Throttle {
    /// Notes a line. Where it is to be logged, says how many were left out since the last one.
    pub fn note(&mut self, now_ms: i64) -> Option<u64> {
        // A clock that was set back begins anew, too.
        if !(0..PERIOD_MS).contains(&(now_ms - self.begun_ms)) {
            (self.begun_ms, self.logged) = (now_ms, 0);
        }
        if self.logged == LIMIT {
            self.left_out += 1;
            return None;
        }
        self.logged += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}
