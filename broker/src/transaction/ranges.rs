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
mod tests;
