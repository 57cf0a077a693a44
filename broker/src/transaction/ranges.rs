//! A set of queue offsets that takes room for its gaps, not for its members: neighbours share one entry.

use std::collections::BTreeMap;

/// Offsets, as ranges that neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetRanges {
    /// The first offset of each range, with the one after its last.
    ranges: BTreeMap<i64, i64>,
}

impl OffsetRanges {
    /// Whether the offset is a member.
    pub fn contains(&self, offset: i64) -> bool {
        self.end_of_run(offset) > offset
    }

    /// The first offset from `offset` on that is no member.
    pub fn end_of_run(&self, offset: i64) -> i64 {
        match self.ranges.range(..=offset).next_back() {
            Some((_, end)) => offset.max(*end),
            None => offset,
        }
    }

    /// Takes an offset in; answers whether it was none before.
    pub fn insert(&mut self, offset: i64) -> bool {
        if self.contains(offset) {
            return false;
        }
        let end = self.ranges.remove(&(offset + 1)).unwrap_or(offset + 1);
        match self.ranges.range_mut(..offset).next_back() {
            Some((_, before)) if *before == offset => *before = end,
            _ => drop(self.ranges.insert(offset, end)),
        }
        true
    }

    /// How many entries the set takes.
    pub fn range_count(&self) -> usize {
        self.ranges.len()
    }

    /// Takes out the lowest ranges that end at or below `limit`, until at most `count` are left in all.
    pub fn forget_lowest(&mut self, count: usize, limit: i64) {
        while self.ranges.len() > count {
            match self.ranges.first_entry() {
                Some(lowest) if *lowest.get() <= limit => drop(lowest.remove()),
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
}
