use proptest::prelude::*;

use super::*;

const PERIOD_MS: i64 = 10;
const MOST: usize = 6;

/// Remembers everything and looks through it.
struct Model(Vec<(i64, u64)>);

impl Model {
    fn sample(&mut self, now_ms: i64, count: u64) {
        let (last_ms, _) = *self.0.last().unwrap();
        if now_ms < last_ms {
            self.0 = vec![(now_ms, count)];
        } else if now_ms >= last_ms + PERIOD_MS {
            self.0.push((now_ms, count));
        }
    }

    fn back(&self, samples: usize) -> Option<(i64, u64)> {
        self.0.iter().rev().nth(samples).copied()
    }
}

proptest! {
    #[test]
    fn growth_is_that_since_the_oldest_sample_kept(steps in prop::collection::vec((-5_i64..40, 0_u64..5), 1..80)) {
        let (mut now_ms, mut count) = (1_000, 0);
        let mut series = Series::<1>::new(PERIOD_MS, MOST, now_ms);
        let mut model = Model(vec![(now_ms - PERIOD_MS, 0)]);
        for (pause_ms, grown) in steps {
            now_ms += pause_ms;
            count += grown;
            series.sample(now_ms, [count]);
            model.sample(now_ms, count);
            let (first_ms, first) = model.back(MOST.min(model.0.len()) - 1).unwrap();
            let expected = Growth { counts: [count - first], elapsed_ms: now_ms - first_ms };
            prop_assert_eq!(series.growth(now_ms, [count]), expected);
            prop_assert_eq!(series.is_full(), model.0.len() >= MOST);
            for periods in 0..MOST + 2 {
                let (last_ms, last) = model.back(0).unwrap();
                let kept = model.back(periods).filter(|_| periods < MOST);
                let expected = kept.map(|(ms, then)| Growth { counts: [last - then], elapsed_ms: last_ms - ms });
                prop_assert_eq!(series.recent(periods), expected);
            }
        }
    }
}

#[test]
fn a_lone_message_is_not_taken_for_a_flood() {
    let series = Series::<1>::new(10_000, 6, 50_000);
    assert_eq!(series.growth(50_000, [1]).per_second(0), 0.1);
}
