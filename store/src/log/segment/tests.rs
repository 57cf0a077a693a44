use super::*;

const MIB: i64 = 1 << 20;

#[test]
fn pages_are_brought_into_memory_ahead_of_the_log_in_steps() {
    assert_eq!(worth_prefetching(0, 0, 64 * MIB), Some(0..16 * MIB));
    assert_eq!(worth_prefetching(16 * MIB, 3 * MIB, 64 * MIB), None, "too little to ask for");
    assert_eq!(worth_prefetching(16 * MIB, 4 * MIB, 64 * MIB), Some(16 * MIB..20 * MIB));
    assert_eq!(worth_prefetching(16 * MIB, 30 * MIB, 64 * MIB), Some(30 * MIB..46 * MIB), "the log was faster");
    assert_eq!(worth_prefetching(62 * MIB, 60 * MIB, 64 * MIB), Some(62 * MIB..64 * MIB), "the rest");
    assert_eq!(worth_prefetching(64 * MIB, 60 * MIB, 64 * MIB), None);
}

#[test]
fn a_segment_that_is_far_ahead_is_left_alone() {
    assert_eq!(worth_prefetching(64 * MIB, 40 * MIB, 128 * MIB), None);
    assert_eq!(worth_prefetching(64 * MIB, 52 * MIB, 128 * MIB), Some(64 * MIB..68 * MIB));
}
