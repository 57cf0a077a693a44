use super::*;

#[test]
fn a_flood_is_counted_rather_than_logged() {
    let mut audit = Audit::default();
    assert!((0..LIMIT).all(|_| audit.note(5_000) == Some(0)));
    assert_eq!((audit.note(5_000), audit.note(5_999)), (None, None));
    assert_eq!((audit.note(6_000), audit.note(6_000)), (Some(2), Some(0)));
    assert_eq!(audit.note(1), Some(0), "the clock was set back");
}
