use super::*;

const DAY_MS: i64 = 86_400_000;

#[test]
fn the_month_begins_where_the_calendar_says() {
    // 2026-11-21T10:00:00Z and 2026-11-01T00:00:00Z.
    assert_eq!(month_start_ms(1_795_255_200_000), 1_793_491_200_000);
    // 2024-02-29 (a leap day), 2024-02-01.
    assert_eq!(month_start_ms(1_709_164_800_000), 1_706_745_600_000);
    assert_eq!(month_start_ms(0), 0);
}

#[test]
fn every_day_of_four_centuries_follows_the_one_before() {
    let mut before = day_of_month(0);
    for day in 1..146_097 {
        let today = day_of_month(day);
        assert!(today == before + 1 || (today == 0 && (27..=30).contains(&before)), "day {day}");
        before = today;
    }
}

#[test]
fn ids_have_javas_layout() {
    let ids = UniqueIds::new("127.0.0.1".parse().unwrap(), 0x1_2345, 0xCAFE_BABE);
    let id = ids.next(DAY_MS);
    assert_eq!(id.as_str(), "7F0000012345CAFEBABE05265C000000");
    assert!(ids.next(DAY_MS).as_str().ends_with("0001"));
    assert_eq!(UniqueIds::new("::1".parse().unwrap(), 1, 2).next(0).as_str().len(), LONG);
}
