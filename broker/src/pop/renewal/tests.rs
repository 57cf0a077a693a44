use super::*;
use proptest::prelude::*;

#[test]
fn time_is_prolonged_by_apaches_steps_until_it_has_been_enough() {
    let mut holding = Holding { pop_ms: 0, due_ms: 60_000, renewals: 0 };
    let mut times = Vec::new();
    let mut now_ms = 0;
    loop {
        match holding.decide(Presence::There, now_ms) {
            Decision::Leave => now_ms = holding.due_ms - AHEAD_MS,
            Decision::Prolong { until_ms } => {
                times.push((until_ms - now_ms) / 60_000);
                holding = Holding { due_ms: until_ms, renewals: holding.renewals + 1, ..holding };
            }
            decision => {
                assert_eq!(decision, Decision::GiveBack { after_ms: GONE_MS });
                break;
            }
        }
    }
    assert_eq!(times, [1, 3, 5, 10, 30, 60, 60, 60]);
}

#[test]
fn a_client_may_come_back_after_a_start() {
    assert_eq!(Presence::of(false, 1_000, 1_000 + RETURN_MS - 1), Presence::Awaited);
    assert_eq!(Presence::of(false, 1_000, 1_000 + RETURN_MS), Presence::Gone);
    assert_eq!(Presence::of(true, 1_000, i64::MAX), Presence::There);
}

proptest! {
    /// A client that is looked at more often than the margin keeps its message for three hours at least, and not for ever; one
    /// that goes loses it at once.
    #[test]
    fn a_message_is_hidden_while_its_client_is_there(pauses in prop::collection::vec(1..AHEAD_MS, 1..4_000), goes in 0..4_000usize) {
        let mut holding = Holding { pop_ms: 0, due_ms: 60_000, renewals: 0 };
        let mut now_ms = 0;
        for (index, pause) in pauses.iter().enumerate() {
            now_ms += pause;
            prop_assert!(holding.due_ms > now_ms - AHEAD_MS);
            let presence = if index < goes { Presence::There } else { Presence::Gone };
            match holding.decide(presence, now_ms) {
                Decision::Leave => prop_assert!(holding.due_ms > now_ms + AHEAD_MS && presence == Presence::There),
                Decision::Prolong { until_ms } => {
                    prop_assert!(now_ms < MAX_MS && until_ms > holding.due_ms && presence == Presence::There);
                    holding = Holding { due_ms: until_ms, renewals: holding.renewals + 1, ..holding };
                }
                Decision::GiveBack { after_ms } => {
                    prop_assert!((presence == Presence::Gone || now_ms >= MAX_MS) && after_ms < AHEAD_MS);
                    break;
                }
            }
        }
    }
}
