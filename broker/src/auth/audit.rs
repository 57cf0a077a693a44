//! How many denials are logged: every one tells an operator something, but whoever is denied must not fill the disk with them.

/// How many denials are logged in one second.
const LIMIT: u32 = 100;
const PERIOD_MS: i64 = 1_000;

/// Counts denials.
#[derive(Debug, Default)]
pub(super) struct Audit {
    begun_ms: i64,
    logged: u32,
    left_out: u64,
}

impl Audit {
    /// Notes a denial. Where it is to be logged, says how many were left out since the last one.
    pub(super) fn note(&mut self, now_ms: i64) -> Option<u64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_rather_than_logged() {
        let mut audit = Audit::default();
        assert!((0..LIMIT).all(|_| audit.note(5_000) == Some(0)));
        assert_eq!((audit.note(5_000), audit.note(5_999)), (None, None));
        assert_eq!((audit.note(6_000), audit.note(6_000)), (Some(2), Some(0)));
        assert_eq!(audit.note(1), Some(0), "the clock was set back");
    }
}
