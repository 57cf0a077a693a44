//! The policy against its rules, one by one.

use proptest::prelude::*;

use super::*;

fn rules() -> impl Strategy<Value = RetentionRules> {
    let percents = (1..=100u32, 1..=100u32, 1..=100u32);
    (0..2_000i64, any::<bool>(), percents, any::<bool>(), 0..3_000u64).prop_map(
        |(reserved_ms, is_time, (max_used, forcibly, refuse), clean_forcibly, segment_pause_ms)| RetentionRules {
            reserved_ms,
            is_time,
            max_used_percent: max_used,
            clean_forcibly_percent: forcibly,
            clean_forcibly,
            refuse_percent: refuse,
            segment_pause_ms,
            look_pause_ms: 10_000,
            topics: Vec::new(),
        },
    )
}

fn space() -> impl Strategy<Value = Space> {
    (0..=100u64).prop_map(|used_bytes| Space { used_bytes, available_bytes: 100 - used_bytes })
}

fn oldest() -> impl Strategy<Value = Option<Oldest>> {
    proptest::option::of(proptest::option::of(0..4_000i64).prop_map(|last_store_ms| Oldest {
        start: 0,
        end: 1,
        last_store_ms,
    }))
}

proptest! {
    #[test]
    fn what_goes_has_a_reason(
        rules in rules(),
        space in space(),
        oldest in oldest(),
        is_kept in any::<bool>(),
        now_ms in 0..4_000i64,
    ) {
        let mut asked = false;
        let verdict = decide(&rules, space, oldest, now_ms, || { asked = true; is_kept });
        let used = space.used_percent();
        let presses = rules.clean_forcibly && (used > rules.clean_forcibly_percent || used > rules.refuse_percent);
        let age_ms = oldest.and_then(|oldest| oldest.last_store_ms).map(|last_ms| now_ms - last_ms);
        let is_old = age_ms.is_some_and(|age_ms| age_ms > rules.reserved_ms);
        prop_assert_eq!(verdict.refuse, used > rules.refuse_percent);
        match verdict.remove {
            Some(Reason::Expired) => {
                prop_assert!(is_old && !is_kept);
                prop_assert!(rules.is_time || used > rules.max_used_percent || presses);
            }
            Some(Reason::Forced) => prop_assert!(presses && oldest.is_some() && (!is_old || is_kept)),
            None => {
                prop_assert!(oldest.is_none() || !presses);
                prop_assert!(!is_old || is_kept || !(rules.is_time || used > rules.max_used_percent));
            }
        }
        prop_assert!(!asked || is_old, "only what expired is worth the question");
        prop_assert!(pause_ms(&rules, Reason::Expired) >= SPREAD_MS.max(rules.segment_pause_ms));
        prop_assert_eq!(pause_ms(&rules, Reason::Forced), rules.segment_pause_ms);
    }

    #[test]
    fn fullness_is_counted_as_df_does(used_bytes in 0..u64::MAX, available_bytes in 0..u64::MAX, percent in 0..=100u32) {
        let space = Space { used_bytes, available_bytes };
        prop_assert!(space.used_percent() <= 100);
        prop_assert_eq!(space.exceeds(percent), space.used_percent() > percent);
    }
}

#[test]
fn an_empty_disk_is_not_full() {
    assert!(!Space::default().exceeds(0));
    assert_eq!(Space::default().used_percent(), 0);
}
