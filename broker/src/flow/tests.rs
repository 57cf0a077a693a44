use super::*;

#[test]
fn a_place_is_free_again_when_its_request_is_done() {
    let requests = SlowRequests::default();
    let (first, second) = (requests.enter(2), requests.enter(2));
    assert!(first.is_some() && second.is_some());
    assert!(requests.enter(2).is_none());
    drop(first);
    assert!(requests.enter(2).is_some(), "the refused one holds no place");
    drop(second);
    assert!(requests.enter(0).is_none());
    assert_eq!(requests.0.load(Ordering::Relaxed), 0);
}
