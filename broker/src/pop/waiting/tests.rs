use super::*;

fn scope(group: &str) -> Scope {
    Scope { topic: "t".into(), group: group.into() }
}

fn retries(group: &str) -> [String; 2] {
    [format!("%RETRY%{group}_t"), format!("%RETRY%{group}+t")]
}

#[test]
fn a_message_wakes_one_of_each_group_that_it_concerns() {
    let mut waiting = WaitingPops::new(10, 10);
    waiting.hold(&scope("g"), -1, retries("g"), 100, "g any").unwrap();
    waiting.hold(&scope("g"), -1, retries("g"), 50, "g any, sooner").unwrap();
    waiting.hold(&scope("h"), 3, retries("h"), 100, "h three").unwrap();
    assert_eq!(waiting.arrived("t", 2, |_| true), ["g any, sooner"]);
    assert_eq!(waiting.arrived("%RETRY%h_t", 0, |_| true), ["h three"]);
    assert!(waiting.arrived("t", 2, |held| *held == "else").is_empty(), "no message that it wants");
    assert_eq!(waiting.count(&scope("g"), -1), 1);
    assert_eq!(waiting.first(&scope("g"), 7), Some("g any"));
    assert!(waiting.is_empty() && waiting.listeners.is_empty() && waiting.scopes.is_empty());
}

#[test]
fn patience_ends_in_its_order_and_limits_hold() {
    let mut waiting = WaitingPops::new(3, 2);
    waiting.hold(&scope("g"), 0, retries("g"), 20, 'a').unwrap();
    waiting.hold(&scope("g"), -1, retries("g"), 10, 'b').unwrap();
    assert_eq!(waiting.hold(&scope("g"), -1, retries("g"), 10, 'c'), Err(Full('c')), "the group's limit");
    waiting.hold(&scope("h"), -1, retries("h"), 30, 'd').unwrap();
    assert_eq!(waiting.hold(&scope("i"), -1, retries("i"), 10, 'e'), Err(Full('e')), "the broker's limit");
    assert_eq!(waiting.expired(20), ['b', 'a']);
    assert_eq!(waiting.drain(), ['d']);
    assert!(waiting.is_empty());
}
