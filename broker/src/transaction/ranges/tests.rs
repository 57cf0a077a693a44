use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

proptest! {
    #[test]
    fn agrees_with_a_plain_set(offsets in prop::collection::vec(0i64..40, 0..60)) {
        let (mut ranges, mut set) = (OffsetRanges::default(), BTreeSet::new());
        for offset in offsets {
            prop_assert_eq!(ranges.insert(offset), set.insert(offset));
        }
        for offset in -1..42 {
            prop_assert_eq!(ranges.contains(offset), set.contains(&offset));
            let free = (offset..).find(|next| !set.contains(next)).unwrap();
            prop_assert_eq!(ranges.end_of_run(offset), free);
        }
        let runs = set.iter().filter(|offset| !set.contains(&(**offset + 1))).count();
        prop_assert_eq!(ranges.range_count(), runs);
    }
}

#[test]
fn the_lowest_are_forgotten_first_and_only_below_the_limit() {
    let mut ranges = OffsetRanges::default();
    for offset in [1, 2, 5, 9, 12] {
        ranges.insert(offset);
    }
    ranges.forget_lowest(1, 9);
    assert!(!ranges.contains(2) && !ranges.contains(5) && ranges.contains(9) && ranges.contains(12));
}
