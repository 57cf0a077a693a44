use super::*;

#[test]
fn a_queue_tells_its_parent_and_its_lite_topic() {
    assert_eq!(queue_of("orders", "room-7"), "%LMQ%$orders$room-7");
    assert_eq!(parts("%LMQ%$orders$room-7"), Some(("orders", "room-7")));
    for other in ["orders", "%LMQ%orders", "%LMQ%$orders", "%LMQ%$orders$", "%LMQ%$$x", "%LMQ%$a$b$c"] {
        assert_eq!(parts(other), None, "{other}");
    }
}

#[test]
fn names_are_short_and_plain() {
    assert_eq!(check_name("Room_7-b"), Ok(()));
    assert_eq!(check_name(" "), Err(NameError::Blank));
    assert_eq!(check_name(&"x".repeat(65)), Err(NameError::TooLong));
    assert_eq!(check_name("a$b"), Err(NameError::Characters));
    assert_eq!(check_name("ä"), Err(NameError::Characters));
}
