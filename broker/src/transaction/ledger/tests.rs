use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules { timeout_ms: 100, interval_ms: 100, max_checks: 3, reserved_ms: i64::MAX };
const GROUP: &str = "producers";

fn half(offset: i64, born_ms: i64) -> Half {
    let group = Arc::from(GROUP);
    Half {
        group,
        topic: "orders".into(),
        offset,
        physical: offset * 1000,
        origin: offset,
        born_ms,
        stored_ms: born_ms,
        immunity_ms: None,
        checks: 0,
    }
}

fn ledger() -> Ledger {
    Ledger::new(Progress { half: 0, op: 0 }, 0)
}

fn due(ledger: &Ledger, now_ms: i64) -> Vec<(i64, Action)> {
    ledger.due(now_ms, RULES, &|_| true, 100).into_iter().map(|(half, action)| (half.offset, action)).collect()
}

#[test]
fn an_ended_transaction_is_neither_read_nor_checked() {
    let mut ledger = ledger();
    assert_eq!(ledger.claim(0, 0), Claim::Granted);
    assert_eq!(ledger.claim(0, 0), Claim::UnderWay);
    ledger.settle(0, 0);
    assert_eq!(ledger.claim(0, 0), Claim::Over);
    assert_eq!(ledger.next_to_scan(), Some(1));
    ledger.saw(half(1, 10));
    assert_eq!(due(&ledger, 110), [], "not before its time is up");
    assert_eq!(due(&ledger, 111), [(1, Action::Check)]);
    assert_eq!(ledger.claim(1, 1), Claim::Granted);
    assert_eq!(due(&ledger, 111), [], "it is just being ended");
    ledger.release(1);
    assert_eq!(due(&ledger, 111), [(1, Action::Check)], "that failed");
}

#[test]
fn every_copy_of_a_half_message_ends_its_transaction() {
    let mut ledger = ledger();
    ledger.saw(half(0, 0));
    ledger.saw(half(1, 0));
    assert!(ledger.moved(1, Half { origin: 1, checks: 1, ..half(2, 0) }));
    assert_eq!(ledger.claim(1, 1), Claim::Granted, "the producer answers the first send late");
    ledger.settle(1, 1);
    assert_eq!((ledger.claim(1, 1), ledger.claim(2, 1)), (Claim::Over, Claim::Over));
    ledger.saw(Half { origin: 1, ..half(2, 0) });
    assert_eq!(due(&ledger, 1000), [(0, Action::Check)]);
    let operation = ledger.take_operation(4096).unwrap();
    assert_eq!(operation.body, "1,1,2,", "the first copy is obsolete, then all are done with");
    ledger.operation_stored(0, &operation);
    assert_eq!(ledger.progress(), Progress { half: 0, op: 0 }, "the first message is still open");
}

#[test]
fn a_transaction_that_ends_while_it_is_stored_again_is_over() {
    let mut ledger = ledger();
    ledger.saw(half(0, 0));
    assert_eq!(ledger.claim(0, 0), Claim::Granted);
    ledger.settle(0, 0);
    assert!(!ledger.moved(0, Half { origin: 0, checks: 1, ..half(1, 0) }), "there is nothing to ask any more");
    assert_eq!((ledger.next_to_scan(), ledger.open_count()), (Some(2), 0));
}

#[test]
fn producers_are_left_alone_for_as_long_as_they_want() {
    let mut ledger = ledger();
    ledger.saw(Half { immunity_ms: Some(500), ..half(0, 0) });
    ledger.saw(Half { born_ms: 9_000, ..half(1, 50) });
    assert_eq!(due(&ledger, 151), [(1, Action::Check)], "a clock that runs ahead saves nobody from being asked");
    assert_eq!(due(&ledger, 501), [(0, Action::Check), (1, Action::Check)]);
    assert_eq!(ledger.due(501, RULES, &|_| false, 100), [], "nobody is there to be asked");
}

#[test]
fn what_holds_the_queue_up_is_stored_again_without_a_check() {
    let mut ledger = ledger();
    ledger.saw(Half { immunity_ms: Some(1 << 40), ..half(0, 0) });
    ledger.skip_to(MAX_LAG + 2);
    assert_eq!(due(&ledger, 1), [(0, Action::Renew)]);
}

#[test]
fn after_the_last_check_a_transaction_is_given_up_but_may_still_end() {
    let mut ledger = ledger();
    let last = Half { checks: 3, ..half(0, 0) };
    ledger.saw(last.clone());
    assert_eq!(due(&ledger, 99), [], "its producer may still answer");
    assert_eq!(due(&ledger, 100), [(0, Action::Discard)]);
    ledger.drop_half(&last);
    assert_eq!(due(&ledger, 100), []);
    assert_eq!(ledger.claim(0, 0), Claim::Granted);
}

#[test]
fn nobody_is_asked_again_before_the_interval_is_over() {
    let mut ledger = ledger();
    ledger.saw(half(0, 0));
    assert_eq!(due(&ledger, 1_000), [(0, Action::Check)]);
    assert!(ledger.moved(0, Half { origin: 0, checks: 1, stored_ms: 1_000, ..half(1, 0) }));
    assert_eq!(due(&ledger, 1_099), []);
    assert_eq!(due(&ledger, 1_100), [(1, Action::Check)]);
    assert_eq!(due(&ledger, 999), [(1, Action::Check)], "our clock was set back");
}

#[test]
fn of_two_copies_that_a_crash_left_the_first_is_obsolete() {
    let mut ledger = Ledger::new(Progress { half: 0, op: 0 }, 2);
    ledger.saw(half(0, 0));
    ledger.saw(Half { origin: 0, checks: 1, ..half(1, 0) });
    assert_eq!(due(&ledger, 1_000), [(1, Action::Check)]);
    assert_eq!(ledger.take_operation(4096).unwrap().body, "0,", "a broker of Apache's would ask about it");
}

/// What a producer means to say about its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Commit,
    Rollback,
    Unknown,
}

#[derive(Debug, Clone)]
enum Step {
    /// A producer sends a half message.
    Prepare {
        outcome: Outcome,
        immunity_ms: Option<i64>,
    },
    /// A producer ends its transaction by itself; with `fails` the message cannot be stored.
    End {
        which: usize,
        fails: bool,
    },
    /// A producer answers a check: any that it was ever asked.
    Answer {
        which: usize,
    },
    /// Time passes, then the broker checks.
    Round {
        pause_ms: i64,
        producers: bool,
    },
    WriteOperations {
        max_bytes: usize,
    },
    SaveProgress,
    /// The process dies, or ends well.
    Restart {
        clean: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![Just(Outcome::Commit), Just(Outcome::Rollback), Just(Outcome::Unknown)];
    let immunity = prop::option::weighted(0.3, 0i64..400);
    prop_oneof![
        5 => (outcome, immunity).prop_map(|(outcome, immunity_ms)| Step::Prepare { outcome, immunity_ms }),
        4 => (0usize..1000, prop::bool::weighted(0.1)).prop_map(|(which, fails)| Step::End { which, fails }),
        2 => (0usize..1000).prop_map(|which| Step::Answer { which }),
        4 => (0i64..200, prop::bool::weighted(0.8)).prop_map(|(pause_ms, producers)| Step::Round { pause_ms, producers }),
        2 => (1usize..20).prop_map(|max_bytes| Step::WriteOperations { max_bytes }),
        1 => Just(Step::SaveProgress),
        1 => any::<bool>().prop_map(|clean| Step::Restart { clean }),
    ]
}

/// The naive model: what became of one transaction.
#[derive(Debug)]
struct Transaction {
    outcome: Outcome,
    delivered: usize,
    ended: bool,
    /// The process died before it had noted the end.
    end_unknown: bool,
    given_up: bool,
    asked: i32,
    asked_ms: i64,
    latest: i64,
}

/// A disk with the two queues, the broker's memory, and what clients have seen.
#[derive(Debug)]
struct World {
    now_ms: i64,
    halves: Vec<Half>,
    operations: Vec<Vec<i64>>,
    saved: Progress,
    ledger: Ledger,
    /// By origin.
    transactions: BTreeMap<i64, Transaction>,
    /// Checks that producers were sent: the copy's offset with its origin.
    questions: Vec<(i64, i64)>,
    restarts: usize,
}

impl World {
    fn new() -> Self {
        let saved = Progress { half: 0, op: 0 };
        World {
            now_ms: 1_000,
            halves: Vec::new(),
            operations: Vec::new(),
            saved,
            ledger: Ledger::new(saved, 0),
            transactions: BTreeMap::new(),
            questions: Vec::new(),
            restarts: 0,
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Prepare { outcome, immunity_ms } => {
                let offset = self.halves.len() as i64;
                self.halves.push(Half { immunity_ms, ..half(offset, self.now_ms) });
                let fresh = Transaction {
                    outcome,
                    delivered: 0,
                    ended: false,
                    end_unknown: false,
                    given_up: false,
                    asked: 0,
                    asked_ms: 0,
                    latest: offset,
                };
                self.transactions.insert(offset, fresh);
            }
            Step::End { which, fails } => {
                let nth = which % self.transactions.len().max(1);
                if let Some(origin) = self.transactions.keys().nth(nth).copied() {
                    self.end(origin, origin, fails);
                }
            }
            Step::Answer { which } => {
                if let Some((offset, origin)) = self.questions.get(which % self.questions.len().max(1)).copied() {
                    self.end(offset, origin, false);
                }
            }
            Step::Round { pause_ms, producers } => {
                self.now_ms += pause_ms;
                self.round(producers);
            }
            Step::WriteOperations { max_bytes } => self.write_operation(max_bytes),
            Step::SaveProgress => self.saved = self.ledger.advance(),
            Step::Restart { clean } => self.restart(clean),
        }
    }

    fn end(&mut self, offset: i64, origin: i64, fails: bool) {
        let transaction = self.transactions.get_mut(&origin).unwrap();
        if transaction.outcome == Outcome::Unknown || self.ledger.claim(offset, origin) != Claim::Granted {
            return;
        }
        if fails {
            return self.ledger.release(origin);
        }
        transaction.delivered += usize::from(transaction.outcome == Outcome::Commit);
        transaction.ended = true;
        self.ledger.settle(offset, origin);
    }

    fn scan(&mut self) {
        while let Some(next) = self.ledger.next_to_scan() {
            let Some(half) = self.halves.get(next as usize) else { break };
            self.ledger.saw(half.clone());
        }
    }

    fn round(&mut self, producers: bool) {
        self.scan();
        for (half, action) in self.ledger.due(self.now_ms, RULES, &|_| producers, usize::MAX) {
            let offset = self.halves.len() as i64;
            let transaction = self.transactions.get_mut(&half.origin).unwrap();
            assert!(
                !transaction.ended || transaction.end_unknown,
                "{}: {transaction:?} is looked at again",
                half.origin
            );
            match action {
                Action::Check | Action::Renew => {
                    let checks = half.checks + i32::from(action == Action::Check);
                    let copy = Half { offset, physical: offset * 1000, checks, stored_ms: self.now_ms, ..half.clone() };
                    self.halves.push(copy.clone());
                    if self.ledger.moved(half.offset, copy) && action == Action::Check {
                        let rest_ms = self.now_ms - transaction.asked_ms;
                        assert!(rest_ms >= RULES.interval_ms, "{} is asked about after {rest_ms} ms", half.origin);
                        transaction.asked_ms = self.now_ms;
                        transaction.asked += 1;
                        self.questions.push((offset, half.origin));
                    }
                    transaction.latest = offset;
                }
                Action::Discard => {
                    transaction.given_up = true;
                    self.ledger.drop_half(&half);
                }
            }
        }
    }

    fn write_operation(&mut self, max_bytes: usize) {
        if let Some(operation) = self.ledger.take_operation(max_bytes) {
            self.ledger.operation_stored(self.operations.len() as i64, &operation);
            self.operations.push(operation.offsets);
        }
    }

    fn restart(&mut self, clean: bool) {
        if clean {
            self.write_operation(usize::MAX);
            self.saved = self.ledger.advance();
        }
        self.restarts += 1;
        for transaction in self.transactions.values_mut().filter(|transaction| transaction.ended) {
            let is_noted = |operation: &Vec<i64>| operation.contains(&transaction.latest);
            transaction.end_unknown |= !self.operations.iter().any(is_noted);
        }
        self.ledger = Ledger::new(self.saved, self.halves.len() as i64);
        for (offset, operation) in self.operations.iter().enumerate().skip(self.saved.op as usize) {
            self.ledger.replay(offset as i64, operation.iter().copied());
        }
        self.scan();
    }

    fn check(&self) {
        let progress = self.ledger.progress();
        for (origin, transaction) in &self.transactions {
            if !transaction.ended && !transaction.given_up {
                assert!(transaction.latest >= progress.half, "{origin} is lost: {transaction:?} at {progress:?}");
            }
            let allowed =
                if transaction.outcome == Outcome::Commit && transaction.ended { 1 + self.restarts } else { 0 };
            assert!(transaction.delivered <= allowed, "{origin}: {transaction:?}");
            assert_eq!(transaction.delivered > 0, allowed > 0, "{origin}: {transaction:?}");
            assert!(transaction.asked <= RULES.max_checks, "{origin}: {transaction:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// A half message is delivered if and only if its producer says so, never asked about more often than allowed, and never lost.
    #[test]
    fn agrees_with_a_naive_model(steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new();
        for step in steps {
            world.apply(step);
            world.check();
        }
        // Left alone with silent producers, every transaction that has not ended is asked about, then given up.
        for _ in 0..=RULES.max_checks {
            world.apply(Step::Round { pause_ms: 1_000, producers: true });
            world.check();
        }
        world.apply(Step::Round { pause_ms: 1_000, producers: true });
        for (origin, transaction) in &world.transactions {
            prop_assert!(transaction.ended || transaction.given_up, "{}: {:?}", origin, transaction);
        }
        prop_assert_eq!(world.ledger.open_count(), 0);
        world.apply(Step::Restart { clean: true });
        prop_assert_eq!(world.ledger.open_count(), 0);
        let end = world.halves.len() as i64;
        prop_assert_eq!(world.saved, Progress { half: end, op: world.operations.len() as i64 });
    }
}
