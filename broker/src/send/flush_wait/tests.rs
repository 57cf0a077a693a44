use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Hold { end: i64, patience_ms: i64 },
    Flush { up_to: i64 },
    Wait { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..50i64, 0..50i64).prop_map(|(end, patience_ms)| Step::Hold { end, patience_ms }),
        1 => (0..50i64).prop_map(|up_to| Step::Flush { up_to }),
        1 => (0..30i64).prop_map(|ms| Step::Wait { ms }),
    ]
}

proptest! {
    /// The naive model: one list of everything that waits.
    #[test]
    fn each_answer_leaves_once_when_its_record_is_safe_or_its_time_is_up(steps in prop::collection::vec(step(), 1..80)) {
        let mut wait = FlushWait::default();
        let mut model: Vec<(u32, i64, i64)> = Vec::new();
        let (mut now, mut next) = (0, 0u32);
        for step in steps {
            let (mut got, mut expected) = match step {
                Step::Hold { end, patience_ms } => {
                    wait.hold(PhysicalOffset(end), now + patience_ms, next);
                    model.push((next, end, now + patience_ms));
                    next += 1;
                    (vec![], vec![])
                }
                Step::Flush { up_to } => {
                    let expected = model.extract_if(.., |w| w.1 <= up_to).map(|w| w.0).collect();
                    (wait.flushed(PhysicalOffset(up_to)), expected)
                }
                Step::Wait { ms } => {
                    now += ms;
                    let expected: Vec<u32> = model.extract_if(.., |w| w.2 <= now).map(|w| w.0).collect();
                    (wait.expired(now), expected)
                }
            };
            got.sort();
            expected.sort();
            prop_assert_eq!(got, expected);
            prop_assert_eq!(wait.len(), model.len());
        }
        prop_assert_eq!(wait.drain().len(), model.len());
    }
}
