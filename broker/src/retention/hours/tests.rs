use super::*;

fn hours(text: &str) -> Option<DeleteHours> {
    DeleteHours::parse(text, &DeleteHours::ALLOWED)
}

#[test]
fn hours_are_read_as_apache_writes_them() {
    let two = hours("04;16").unwrap();
    let day: Vec<bool> = (0..24).map(|hour| two.contains(hour)).collect();
    assert_eq!(day.iter().filter(|open| **open).count(), 2);
    assert!(day[4] && day[16]);
    assert_eq!(two.print(), "04;16");
    assert!(hours("").unwrap().contains(0), "no hour stands for all");
    assert!(DeleteHours::default().contains(1));
}

#[test]
fn an_hour_is_that_of_the_zone_in_summer_and_in_winter() {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    assert_eq!(hour_in(&zone, 1_704_067_200_000), 1, "midnight of a first of January, by UTC");
    assert_eq!(hour_in(&zone, 1_719_792_000_000), 2, "midnight of a first of July, by UTC");
    assert_eq!(hour_in(&TimeZone::UTC, 1_704_067_200_000), 0);
    assert_eq!(hour_in(&zone, i64::MAX), 0);
}

#[test]
fn nonsense_is_refused() {
    assert_eq!(hours("24"), None);
    assert_eq!(hours("four"), None);
    assert_eq!(hours("04:30"), None);
}
