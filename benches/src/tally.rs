//! What a load counts while it runs: messages, bytes, failures and latencies.

use hdrhistogram::Histogram;

/// Latencies from 0.1 µs to an hour, to three significant digits.
const LOWEST_NS: u64 = 100;
const HIGHEST_NS: u64 = 3_600_000_000_000;
const DIGITS: u8 = 3;

/// Counts since the last [`Tally::take`].
#[derive(Clone, Debug)]
pub struct Tally {
    /// Requests that were answered as hoped.
    pub requests: u64,
    /// Messages in them.
    pub messages: u64,
    /// Bytes of the messages' bodies.
    pub bytes: u64,
    /// Requests that failed.
    pub failures: u64,
    latency: Histogram<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let latency = Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, DIGITS).expect("the bounds are valid");
        Self { requests: 0, messages: 0, bytes: 0, failures: 0, latency }
    }
}

impl Tally {
    /// Counts a request that went well.
    pub fn count(&mut self, messages: u64, bytes: u64) {
        self.requests += 1;
        self.messages += messages;
        self.bytes += bytes;
    }

    /// Records a latency; beyond an hour it counts as an hour.
    pub fn record_latency(&mut self, latency_ns: u64) {
        self.latency.saturating_record(latency_ns);
    }

    /// Adds everything that `other` counted.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.failures += other.failures;
        self.add_latencies(other);
    }

    /// Adds the latencies that `other` recorded, and nothing else.
    pub fn add_latencies(&mut self, other: &Self) {
        if !other.latency.is_empty() {
            self.latency.add(&other.latency).expect("all histograms have the same bounds");
        }
    }

    /// What was counted so far; starts again at zero.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// The latency below which this share of all requests lies, 0 to 1; `None` if none was recorded.
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        (!self.latency.is_empty()).then(|| self.latency.value_at_quantile(quantile))
    }

    /// The average latency; `None` if none was recorded.
    pub fn mean_ns(&self) -> Option<f64> {
        (!self.latency.is_empty()).then(|| self.latency.mean())
    }

    /// How many latencies were recorded.
    pub fn latencies(&self) -> u64 {
        self.latency.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_three_digits() {
        let mut tally = Tally::default();
        assert_eq!(tally.quantile_ns(0.5), None);
        for microseconds in 1..=10_000 {
            tally.record_latency(microseconds * 1_000);
        }
        for (quantile, expected_ns) in [(0.5, 5_000_000.0), (0.99, 9_900_000.0), (0.999, 9_990_000.0), (1.0, 1e7)] {
            let found = tally.quantile_ns(quantile).expect("there are latencies") as f64;
            assert!((found / expected_ns - 1.0).abs() < 0.001, "{quantile}: {found}");
        }
    }

    #[test]
    fn taking_starts_anew_and_adding_keeps_everything() {
        let mut tally = Tally::default();
        tally.count(32, 4096);
        tally.record_latency(5_000);
        tally.failures += 1;
        let mut sum = tally.take();
        assert_eq!((tally.requests, tally.messages, tally.failures, tally.latencies()), (0, 0, 0, 0));
        tally.count(1, 10);
        tally.record_latency(u64::MAX);
        sum.add(&tally);
        assert_eq!((sum.requests, sum.messages, sum.bytes, sum.failures, sum.latencies()), (2, 33, 4106, 1, 2));
        sum.add_latencies(&tally);
        assert_eq!((sum.requests, sum.latencies()), (2, 3));
    }
}
