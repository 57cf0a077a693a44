//! How far a long start is: one line in the log every few seconds, none where everything is quick.

use crate::clock::Clock;

/// Between two lines, and before the first, in milliseconds.
const SAY_MS: i64 = 2_000;

/// Work of a known amount that is watched.
pub(crate) struct Progress<'a> {
    clock: &'a dyn Clock,
    what: &'static str,
    begun_ms: i64,
    said_ms: i64,
}

impl<'a> Progress<'a> {
    /// The work begins now. `what` is what is being done, as the line's beginning.
    pub(crate) fn begin(clock: &'a dyn Clock, what: &'static str) -> Self {
        let now_ms = clock.now_ms();
        Progress { clock, what, begun_ms: now_ms, said_ms: now_ms }
    }

    /// This much of the work is done: logs it, if it is time to. Asks for the time, so it is not to be called for every small thing.
    pub(crate) fn at(&mut self, done: u64, total: u64) {
        if let Some(line) = self.line(done, total) {
            tracing::info!("{line}");
        }
    }

    fn line(&mut self, done: u64, total: u64) -> Option<String> {
        let now_ms = self.clock.now_ms();
        if now_ms - self.said_ms < SAY_MS {
            return None;
        }
        self.said_ms = now_ms;
        let part = done as f64 / total.max(1) as f64;
        let elapsed_s = (now_ms - self.begun_ms) as f64 / 1_000.0;
        let left = match done {
            0 => String::new(),
            _ => format!(", about {:.0} s to go", (elapsed_s / part - elapsed_s).max(0.0)),
        };
        Some(format!("{}: {:.0} % done{left}", self.what, part.min(1.0) * 100.0))
    }
}

#[cfg(test)]
mod tests;
