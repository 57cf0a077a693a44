//! Counts over time: what grew by how much, and how fast. A plain state machine: counts and the time go in, growth comes out.

use std::collections::VecDeque;

/// What the counts were at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample<const N: usize> {
    at_ms: i64,
    counts: [u64; N],
}

/// The last samples of `N` counts that only grow.
#[derive(Debug)]
pub(super) struct Series<const N: usize> {
    period_ms: i64,
    most: usize,
    samples: VecDeque<Sample<N>>,
}

/// How much counts grew, and in what time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Growth<const N: usize> {
    pub(super) counts: [u64; N],
    pub(super) elapsed_ms: i64,
}

impl<const N: usize> Growth<N> {
    /// What one count grew by in a second, on average.
    pub(super) fn per_second(&self, index: usize) -> f64 {
        match self.elapsed_ms {
            ..=0 => 0.0,
            elapsed_ms => self.counts[index] as f64 * 1_000.0 / elapsed_ms as f64,
        }
    }
}

impl<const N: usize> Series<N> {
    /// At most `most` samples, one each `period_ms`. As with Apache the counts are taken to have been 0 one period ago, so that the
    /// first message does not look like a flood.
    pub(super) fn new(period_ms: i64, most: usize, now_ms: i64) -> Self {
        let samples = VecDeque::from([Sample { at_ms: now_ms - period_ms, counts: [0; N] }]);
        Series { period_ms, most, samples }
    }

    /// Takes a sample, if it is time for one. A clock that was set back begins the series anew.
    pub(super) fn sample(&mut self, now_ms: i64, counts: [u64; N]) {
        let last_ms = self.samples.back().map_or(i64::MIN, |last| last.at_ms);
        if now_ms < last_ms {
            self.samples.clear();
        } else if now_ms.saturating_sub(last_ms) < self.period_ms {
            return;
        }
        self.samples.push_back(Sample { at_ms: now_ms, counts });
        if self.samples.len() > self.most {
            self.samples.pop_front();
        }
    }

    /// How much the counts, which are these now, grew since the oldest sample.
    pub(super) fn growth(&self, now_ms: i64, counts: [u64; N]) -> Growth<N> {
        let now = Sample { at_ms: now_ms, counts };
        between(self.samples.front().unwrap_or(&now), &now)
    }

    /// How much the counts grew over the last `periods`; `None` while there are not so many samples.
    pub(super) fn recent(&self, periods: usize) -> Option<Growth<N>> {
        let first = self.samples.len().checked_sub(periods + 1)?;
        Some(between(&self.samples[first], self.samples.back()?))
    }

    /// Whether there are as many samples as there may be.
    pub(super) fn is_full(&self) -> bool {
        self.samples.len() == self.most
    }
}

fn between<const N: usize>(first: &Sample<N>, last: &Sample<N>) -> Growth<N> {
    let counts = std::array::from_fn(|index| last.counts[index].saturating_sub(first.counts[index]));
    Growth { counts, elapsed_ms: (last.at_ms - first.at_ms).max(0) }
}

#[cfg(test)]
mod tests;
