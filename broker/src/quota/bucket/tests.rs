use proptest::prelude::*;

use super::*;

/// A bucket as one thinks of it: so many tokens, that flow in with time.
struct Model {
    tokens: f64,
    at_us: i64,
}

proptest! {
    #[test]
    fn it_is_a_bucket(rate in 1..1_000_u64, steps in prop::collection::vec((0..2_000_000_i64, 0..500_u64), 1..60)) {
        let bucket = Bucket::default();
        let rate = rate * 1_000;
        let depth = rate as f64;
        let mut model = Model { tokens: depth, at_us: 1_700_000_000_000_000 };
        let mut now_us = model.at_us;
        let (mut passed, mut largest) = (0_u64, 0);
        let begun_us = now_us;
        for (pause_us, cost) in steps {
            now_us += pause_us;
            let cost = cost * 1_000;
            model.tokens = (model.tokens + (now_us - model.at_us) as f64 * rate as f64 / 1e6).min(depth);
            model.at_us = now_us;
            // Microseconds are as exact as the bucket is: at the border either answer is right.
            let slack = rate as f64 / 1e6 * 64.0;
            if model.tokens.abs() > slack {
                prop_assert_eq!(bucket.admits(now_us), model.tokens > 0.0, "{} tokens", model.tokens);
            }
            if bucket.admits(now_us) {
                bucket.charge(rate, cost, now_us);
                model.tokens = (model.tokens - cost as f64).max(-60.0 * rate as f64);
                passed += cost;
                largest = largest.max(cost);
            }
        }
        // Where no debt was let off, no more passes than flows in, what was there, and one thing more.
        if largest <= 60 * rate {
            let most = rate as f64 * (1.0 + (now_us - begun_us) as f64 / 1e6) + largest as f64;
            prop_assert!(passed as f64 <= most * 1.001, "{passed} of {most}");
        }
    }
}

#[test]
fn a_debt_ends_and_a_clock_that_was_set_back_locks_nobody_out() {
    let bucket = Bucket::default();
    let now_us = 1_700_000_000_000_000;
    bucket.charge(1, u64::MAX, now_us);
    assert!(!bucket.admits(now_us + MOST_DEBT_US - 1));
    assert!(bucket.admits(now_us + MOST_DEBT_US + 1));
    bucket.charge(1, 2, now_us);
    assert!(bucket.admits(now_us - 3_600_000_000));
}
