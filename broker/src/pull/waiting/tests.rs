use super::*;
use proptest::prelude::*;

const Q: QueueId = QueueId(0);

#[test]
fn a_pull_goes_on_when_its_offset_exists_and_it_wants_the_message() {
    let mut waiting = WaitingPulls::new(10);
    waiting.hold("t", Q, QueueOffset(5), 100, "red").unwrap();
    waiting.hold("t", Q, QueueOffset(5), 100, "blue").unwrap();
    waiting.hold("t", QueueId(1), QueueOffset(0), 100, "red").unwrap();
    assert!(waiting.arrived("t", Q, QueueOffset(5), |_| true).is_empty());
    assert_eq!(waiting.arrived("t", Q, QueueOffset(6), |pull| *pull == "red"), ["red"]);
    assert_eq!(waiting.len(), 2);
    assert_eq!(waiting.drain().len(), 2);
    assert!(waiting.is_empty());
}

#[test]
fn beyond_the_limit_the_pull_is_given_back() {
    let mut waiting = WaitingPulls::new(1);
    assert_eq!(waiting.hold("t", Q, QueueOffset(0), 1, 'a'), Ok(()));
    assert_eq!(waiting.hold("t", Q, QueueOffset(0), 1, 'b'), Err('b'));
    assert_eq!(waiting.expired(1), ['a']);
    assert_eq!(waiting.hold("t", Q, QueueOffset(0), 1, 'b'), Ok(()));
}

#[derive(Debug, Clone)]
enum Step {
    Hold { queue: i32, from: i64, patience_ms: i64 },
    Arrive { queue: i32, max: i64 },
    Wait { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3i32, 0..20i64, 0..50i64).prop_map(|(queue, from, patience_ms)| Step::Hold { queue, from, patience_ms }),
        2 => (0..3i32, 0..20i64).prop_map(|(queue, max)| Step::Arrive { queue, max }),
        1 => (0..30i64).prop_map(|ms| Step::Wait { ms }),
    ]
}

proptest! {
    /// The naive model: one list of everything that waits.
    #[test]
    fn each_pull_leaves_once_and_for_its_reason(steps in prop::collection::vec(step(), 1..80)) {
        let mut waiting = WaitingPulls::new(16);
        let mut model: Vec<(u32, i32, i64, i64)> = Vec::new();
        let (mut now, mut next) = (0, 0u32);
        for step in steps {
            match step {
                Step::Hold { queue, from, patience_ms } => {
                    let held = waiting.hold("t", QueueId(queue), QueueOffset(from), now + patience_ms, next);
                    prop_assert_eq!(held.is_ok(), model.len() < 16);
                    if held.is_ok() { model.push((next, queue, from, now + patience_ms)); }
                    next += 1;
                }
                Step::Arrive { queue, max } => {
                    let mut got = waiting.arrived("t", QueueId(queue), QueueOffset(max), |_| true);
                    let mut expected: Vec<u32> = model.extract_if(.., |w| w.1 == queue && w.2 < max).map(|w| w.0).collect();
                    got.sort();
                    expected.sort();
                    prop_assert_eq!(got, expected);
                }
                Step::Wait { ms } => {
                    now += ms;
                    let mut got = waiting.expired(now);
                    let mut expected: Vec<u32> = model.extract_if(.., |w| w.3 <= now).map(|w| w.0).collect();
                    got.sort();
                    expected.sort();
                    prop_assert_eq!(got, expected);
                }
            }
            prop_assert_eq!(waiting.len(), model.len());
        }
    }
}
