use super::*;

#[test]
fn tags_are_told_apart_by_their_hash() {
    let reds = Subscription::by_tags("t", " red ||blue|| ", 1).unwrap();
    assert_eq!(reds.tags, ["red", "blue"]);
    assert!(reds.accepts(i64::from(java_hash("red"))) && reds.accepts(i64::from(java_hash("blue"))));
    assert!(!reds.accepts(i64::from(java_hash("green"))));
    assert!(!reds.accepts(0), "a message without tags matches no tag");
}

#[test]
fn a_star_or_nothing_means_everything() {
    for expression in ["*", ""] {
        let all = Subscription::by_tags("t", expression, 1).unwrap();
        assert!(all.accepts(0) && all.accepts(12345));
        assert_eq!(all.expression, ALL);
    }
}

#[test]
fn an_expression_without_a_tag_is_refused() {
    assert!(Subscription::by_tags("t", "|| ||", 1).is_err());
}

#[test]
fn a_negative_hash_matches_too() {
    let tag = "polygenelubricants";
    assert!(java_hash(tag) < 0);
    assert!(Subscription::by_tags("t", tag, 1).unwrap().accepts(i64::from(java_hash(tag))));
}
