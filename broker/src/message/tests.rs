use super::*;

#[test]
fn properties_are_changed_in_place_and_keep_their_order() {
    let mut list = PropertyList::of(Properties(b"a\x011\x02b\x022\x02c\x013\x02a\x014\x02"));
    assert_eq!(list.get("a"), Some("4"), "of two with one name the last wins");
    list.set("d", "5");
    list.remove("c");
    assert_eq!(list.encode(), b"a\x014\x02d\x015\x02");
    assert_eq!((list.number("a"), list.number::<i32>("b")), (Some(4), None));
}
