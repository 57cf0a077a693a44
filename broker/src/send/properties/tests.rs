use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const STAMP: Stamp<'_> = Stamp { region: "DefaultRegion", trace_on: true, cluster: "c" };

fn stamped(text: &str) -> (String, Known<'_>) {
    let mut out = b"left over".to_vec();
    let known = stamp(text, STAMP, &mut out);
    (String::from_utf8(out).unwrap(), known)
}

#[test]
fn the_stamp_replaces_what_the_client_sent_under_its_names() {
    let (text, known) = stamped("KEYS\u{1}k\u{2}MSG_REGION\u{1}mine\u{2}POP_CK\u{1}x\u{2}UNIQ_KEY\u{1}id");
    let expected =
        "KEYS\u{1}k\u{2}UNIQ_KEY\u{1}id\u{2}MSG_REGION\u{1}DefaultRegion\u{2}TRACE_ON\u{1}true\u{2}CLUSTER\u{1}c\u{2}";
    assert_eq!(text, expected);
    assert_eq!(known, Known { unique_key: Some("id"), ..Known::default() });
}

#[test]
fn the_brokers_own_questions_are_answered_on_the_way() {
    assert!(stamped("TRAN_MSG\u{1}true\u{2}").1.is_half);
    assert!(!stamped("TRAN_MSG\u{1}false\u{2}").1.is_half);
    assert!(stamped("WAIT\u{1}false\u{2}").1.no_wait);
    assert_eq!(stamped("DELAY\u{1}0\u{2}").1.delay_level, None);
    assert_eq!(stamped("DELAY\u{1}3\u{2}").1.delay_level, Some(3));
    let priority = |value: &str| stamped(&format!("_SYS_MSG_PRIORITY_\u{1}{value}\u{2}")).1.priority;
    assert_eq!(["0", "7", "-1", "high", "3000000000"].map(priority), [Some(0), Some(7), None, None, None]);
    assert_eq!(stamped("__STARTDELIVERTIME\u{1}1\u{2}").1.timed_by, Some("__STARTDELIVERTIME"));
}

proptest! {
    /// The naive model: a map that the text is parsed into and printed from.
    #[test]
    fn agrees_with_a_map(pairs_in in prop::collection::vec(("[A-Z_]{1,8}|POP_CK|CLUSTER|UNIQ_KEY", "[^\u{1}\u{2}]{0,12}"), 0..12)) {
        let text: String = pairs_in.iter().map(|(n, v)| format!("{n}\u{1}{v}\u{2}")).collect();
        let mut model: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, value) in &pairs_in {
            if !value.is_empty() { model.insert(name, value); }
        }
        model.remove("POP_CK");
        model.extend([("MSG_REGION", "DefaultRegion"), ("TRACE_ON", "true"), ("CLUSTER", "c")]);
        let (out, known) = stamped(&text);
        let text = |bytes| str::from_utf8(bytes).unwrap();
        let got: BTreeMap<&str, &str> = Properties(out.as_bytes()).iter().map(|(n, v)| (text(n), text(v))).collect();
        prop_assert_eq!(known.unique_key, model.get("UNIQ_KEY").copied());
        prop_assert_eq!(got, model);
    }
}
