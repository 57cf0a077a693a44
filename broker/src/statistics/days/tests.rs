use super::*;

#[test]
fn totals_are_noted_at_midnight() {
    let totals = |put| Totals { put, got: put / 2 };
    let mut days = Days::new(DAY_MS + 5);
    days.note(2 * DAY_MS - 1, totals(10));
    assert_eq!(days.today_morning, totals(0));
    days.note(2 * DAY_MS, totals(12));
    days.note(2 * DAY_MS + 1, totals(14));
    assert_eq!((days.yesterday_morning, days.today_morning), (totals(0), totals(12)));
    days.note(3 * DAY_MS, totals(20));
    assert_eq!((days.yesterday_morning, days.today_morning), (totals(12), totals(20)));
    days.note(9 * DAY_MS, totals(30));
    assert_eq!((days.yesterday_morning, days.today_morning), (totals(30), totals(30)));
}
