//! Random histories against the naive model: a list of messages with their times.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Send { after_ms: i64, by_delay: bool },
    Recall { which: usize },
    Pass { ms: i64 },
    Kill { down_ms: i64 },
    Stop { down_ms: i64 },
    SetBack { ms: i64 },
    Refuse { on: bool },
}

/// Times from milliseconds to weeks, each order of magnitude as likely.
fn span() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => 1..5_000_i64,
        2 => 1..60_000_i64,
        1 => (1..10_i64, 0..3_000_i64).prop_map(|(seconds, ms)| seconds * 1_000 + ms / 1_000 * 1_000),
        1 => 1..DAY_MS,
        1 => 1..39 * DAY_MS,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (span(), any::<bool>()).prop_map(|(after_ms, by_delay)| Step::Send { after_ms, by_delay }),
        3 => any::<usize>().prop_map(|which| Step::Recall { which }),
        6 => span().prop_map(|ms| Step::Pass { ms }),
        2 => span().prop_map(|down_ms| Step::Kill { down_ms }),
        1 => span().prop_map(|down_ms| Step::Stop { down_ms }),
        1 => (1..100_000_i64).prop_map(|ms| Step::SetBack { ms }),
        1 => any::<bool>().prop_map(|on| Step::Refuse { on }),
    ]
}

/// A message as the model knows it.
#[derive(Debug)]
struct Sent {
    due_ms: i64,
    /// Taken back in time.
    recalled: bool,
    /// The broker did not run in peace when it was due.
    disturbed: bool,
    /// It waits for so long that it is stored again: a crash right after that has it stored twice.
    rolls: bool,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_message_comes_at_its_time(steps in prop::collection::vec(step(), 1..40)) {
        let mut machine = Machine::new();
        let mut sent: Vec<Sent> = Vec::new();
        let mut set_back = false;
        for step in steps {
            let now_ms = machine.room.now_ms.get();
            match step {
                Step::Send { after_ms, by_delay } => {
                    let due_ms = now_ms + after_ms;
                    let key = format!("{:03}", sent.len());
                    let properties = if by_delay { [(timing::DELAY_MS, after_ms.to_string())] } else { deliver(due_ms) };
                    prop_assert_eq!(machine.room.send(&key, &properties), Ok(true));
                    sent.push(Sent { due_ms, recalled: false, disturbed: false, rolls: after_ms >= DAY_MS });
                }
                Step::Recall { which } if !sent.is_empty() => {
                    let index = which % sent.len();
                    let one = &mut sent[index];
                    one.recalled |= machine.room.recall(&format!("{index:03}"), one.due_ms);
                }
                Step::Recall { .. } => {}
                Step::Pass { ms } => machine.pass(ms),
                Step::Kill { down_ms } | Step::Stop { down_ms } => {
                    let end_ms = now_ms + down_ms;
                    // What was delivered since the last checkpoint comes again; what is due meanwhile comes late.
                    for one in sent.iter_mut().filter(|one| (now_ms - 3_000..=end_ms).contains(&one.due_ms)) {
                        one.disturbed = true;
                    }
                    match step {
                        Step::Stop { .. } => machine.stop(down_ms),
                        _ => machine.restart(down_ms),
                    }
                }
                Step::SetBack { ms } => {
                    machine.room.now_ms.set(now_ms - ms);
                    set_back = true;
                }
                Step::Refuse { on } => machine.room.refuses.set(on),
            }
            if machine.room.refuses.get() || set_back {
                sent.iter_mut().for_each(|one| one.disturbed = true);
            }
        }
        machine.room.refuses.set(false);
        machine.pass(41 * DAY_MS);

        let delivered = machine.room.delivered();
        for (index, one) in sent.iter().enumerate() {
            let times = delivered.get(&format!("{index:03}")).cloned().unwrap_or_default();
            if one.recalled {
                // After the clock was set back a message may have been delivered before it was taken back.
                prop_assert!(times.is_empty() || set_back, "{index} was taken back and yet delivered at {times:?}: {one:?}");
                continue;
            }
            prop_assert!(!times.is_empty(), "{index} is lost: {one:?}");
            if !set_back {
                prop_assert!(times.iter().all(|time_ms| *time_ms >= one.due_ms), "{index} came early, at {times:?}: {one:?}");
            }
            if !one.disturbed {
                prop_assert!(times.len() == 1 || one.rolls, "{index} came more than once: {times:?}, {one:?}");
                prop_assert!(times[0] - one.due_ms < 1_000, "{index} came late, at {times:?}: {one:?}");
            }
        }
        prop_assert!(delivered.keys().all(|key| key.parse::<usize>().unwrap() < sent.len()));
    }
}
