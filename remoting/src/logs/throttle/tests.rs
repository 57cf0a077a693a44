use super::*;

#[test]
fn a_flood_is_counted_rather_than_logged() {
    let mut throttle = Throttle::default();
    assert!((0..LIMIT).all(|_| throttle.note(5_000) == Some(0)));
    assert_eq!((throttle.note(5_000), throttle.note(5_999)), (None, None));
    assert_eq!((throttle.note(6_000), throttle.note(6_000)), (Some(2), Some(0)));
    assert_eq!(throttle.note(1), Some(0), "the clock was set back");
}
