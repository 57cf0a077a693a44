//! When messages are meant to be sent. With a rate given, latency counts from these times and not from when a
//! request really left, so that a server that stalls cannot hide it by holding up its own load ("coordinated
//! omission").

/// The intended times of one connection's requests, evenly spaced. Times are nanoseconds of the run's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    first_ns: u64,
    interval_ns: f64,
    next: u64,
}

impl Schedule {
    /// The share of connection `index` of `connections` in `requests_per_second` that begin at `start_ns`. The
    /// connections take turns.
    pub fn share(start_ns: u64, requests_per_second: f64, index: usize, connections: usize) -> Self {
        let together_ns = 1e9 / requests_per_second;
        Self {
            first_ns: start_ns + (together_ns * index as f64) as u64,
            interval_ns: together_ns * connections as f64,
            next: 0,
        }
    }

    /// When the next request is meant to be sent.
    pub fn due_ns(&self) -> u64 {
        self.first_ns + (self.interval_ns * self.next as f64) as u64
    }

    /// Takes the next intended time if it has come.
    pub fn take(&mut self, now_ns: u64) -> Option<u64> {
        let due_ns = self.due_ns();
        (due_ns <= now_ns).then(|| {
            self.next += 1;
            due_ns
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_early_and_nothing_is_left_out() {
        let mut schedule = Schedule::share(1_000, 1e6, 0, 1);
        assert_eq!(schedule.take(999), None);
        assert_eq!(schedule.take(1_000), Some(1_000));
        assert_eq!(schedule.take(1_999), None);
        // Late by three: all of them keep the times they were meant for.
        let late: Vec<_> = std::iter::from_fn(|| schedule.take(4_500)).collect();
        assert_eq!(late, [2_000, 3_000, 4_000]);
        assert_eq!(schedule.due_ns(), 5_000);
    }

    #[test]
    fn connections_take_turns() {
        let mut shares = [0, 1, 2].map(|index| Schedule::share(0, 1e6, index, 3));
        let mut all: Vec<u64> =
            shares.iter_mut().flat_map(|share| std::iter::from_fn(|| share.take(8_999)).collect::<Vec<_>>()).collect();
        all.sort_unstable();
        assert_eq!(all, [0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000]);
    }

    #[test]
    fn odd_intervals_do_not_drift() {
        let mut schedule = Schedule::share(0, 3_000.0, 0, 1);
        let taken = std::iter::from_fn(|| schedule.take(3_600_000_000_000)).count();
        assert_eq!(taken, 3_000 * 3_600 + 1);
    }
}
