//! How often something was how large: counts by class, added to by any thread.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts in `N` classes, the last of which has no upper end. The others' are given with each use, always the same.
#[derive(Debug)]
pub(crate) struct Histogram<const N: usize> {
    counts: [AtomicU64; N],
    sum: AtomicU64,
}

/// What a histogram has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    /// By class.
    pub(crate) counts: Vec<u64>,
    /// All sizes together.
    pub(crate) sum: u64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Histogram { counts: [const { AtomicU64::new(0) }; N], sum: AtomicU64::new(0) }
    }
}

impl<const N: usize> Histogram<N> {
    /// Counts `times` things of this size.
    pub(crate) fn add(&self, ends: &[u64], size: u64, times: u64) {
        let class = ends.iter().position(|end| size <= *end).unwrap_or(N - 1);
        self.counts[class].fetch_add(times, Relaxed);
        self.sum.fetch_add(size * times, Relaxed);
    }

    pub(crate) fn counted(&self) -> Counted {
        Counted { counts: self.counts.iter().map(|count| count.load(Relaxed)).collect(), sum: self.sum.load(Relaxed) }
    }
}
