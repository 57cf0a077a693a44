use super::*;

fn table() -> BTreeMap<String, usize> {
    (0..5_000).map(|number| (format!("topic-{number:04}"), number)).collect()
}

#[test]
fn pages_follow_each_other_while_the_version_stands() {
    let now = DataVersion { counter: 7, ..DataVersion::default() };
    let version = String::from_utf8(body::encode(&now).to_vec()).unwrap();
    let mut seen = BTreeMap::new();
    while seen.len() < 5_000 {
        let next = page(table(), Some(seen.len() as i32), Some(3_000), Some(&version), now);
        assert!(!next.is_empty() && next.len() <= PAGE);
        seen.extend(next);
    }
    assert_eq!(seen, table());
}

#[test]
fn a_changed_table_is_listed_from_its_start() {
    let now = DataVersion { counter: 7, ..DataVersion::default() };
    let other = page(table(), Some(2_000), Some(10), Some("{\"counter\":6}"), now);
    assert_eq!(other.values().next(), Some(&0));
    assert_eq!(page(table(), None, None, None, now).len(), 5_000);
}
