use super::*;

#[test]
fn a_row_is_idle_after_a_day_without_counting() {
    let row = Row::<1>::new(0);
    row.add(0, 5);
    assert_eq!(row.recent(0).minute.counts, [5]);
    let mut now_ms = 0;
    for _ in 0..23 {
        now_ms += HOUR_MS;
        row.sample(now_ms);
    }
    assert_eq!((row.recent(now_ms).minute.counts, row.recent(now_ms).day.counts), ([0], [5]));
    assert!(!row.is_idle(now_ms));
    now_ms += HOUR_MS;
    row.sample(now_ms);
    assert!(row.is_idle(now_ms));
    row.add(0, 1);
    assert!(!row.is_idle(now_ms));
}
