use super::*;

#[test]
fn the_default_list_of_apache_is_read() {
    let levels = DelayLevels::default();
    assert_eq!(levels.count(), 18);
    assert_eq!((levels.delay_ms(1), levels.delay_ms(5), levels.delay_ms(18)), (1_000, 60_000, 7_200_000));
    assert_eq!(levels.delay_ms(19), 7_200_000, "one above the last counts as the last");
}

#[test]
fn nonsense_is_refused_by_its_name() {
    assert_eq!(DelayLevels::parse("1s soon"), Err(LevelError::NoDelay("soon".into())));
    assert_eq!(DelayLevels::parse("-1s"), Err(LevelError::NoDelay("-1s".into())));
    assert_eq!(DelayLevels::parse("99999999999999999d"), Err(LevelError::NoDelay("99999999999999999d".into())));
    assert_eq!(DelayLevels::parse(" "), Err(LevelError::Empty));
    assert_eq!(DelayLevels::parse(&"1s ".repeat(19)), Err(LevelError::TooMany(19)));
    assert_eq!(DelayLevels::parse("5µ"), Err(LevelError::NoDelay("5µ".into())));
}
