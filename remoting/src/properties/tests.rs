use super::*;
use proptest::prelude::*;

/// What `java.util.Properties.load` makes of each text.
const AS_JAVA_READS: &[(&str, &[(&str, &str)])] = &[
    ("a=b", &[("a", "b")]),
    ("a:b", &[("a", "b")]),
    ("a b", &[("a", "b")]),
    ("a\tb", &[("a", "b")]),
    ("a\x0cb", &[("a", "b")]),
    ("a = b ", &[("a", "b ")]),
    ("a  :  b", &[("a", "b")]),
    ("a==b", &[("a", "=b")]),
    ("a=:b", &[("a", ":b")]),
    ("a : = b", &[("a", "= b")]),
    ("  a=b", &[("a", "b")]),
    ("a=\u{a0}b", &[("a", "\u{a0}b")]),
    ("a", &[("a", "")]),
    ("a=", &[("a", "")]),
    ("=b", &[("", "b")]),
    (": b", &[("", "b")]),
    ("", &[]),
    ("\n\n \n a=b", &[("a", "b")]),
    ("#a=b\n!c=d\ne=f", &[("e", "f")]),
    ("#a\\\nb=c", &[("b", "c")]),
    ("a\\=b=c", &[("a=b", "c")]),
    ("a\\:b c", &[("a:b", "c")]),
    ("a\\ b c", &[("a b", "c")]),
    ("a=b\\\n  c", &[("a", "bc")]),
    ("a=b\\\r\n  c\rd=e", &[("a", "bc"), ("d", "e")]),
    ("a=b\\\\\nc=d", &[("a", "b\\"), ("c", "d")]),
    ("a=b\\\\\\\n c", &[("a", "b\\c")]),
    ("a=b \\\n   \\\n c", &[("a", "b c")]),
    ("a=\\\n#b", &[("a", "#b")]),
    ("\\\n#a=b", &[]),
    ("\\\n\na=b", &[("a", "b")]),
    ("a=b\\\n\nc=d", &[("a", "b"), ("c", "d")]),
    ("a=b\\", &[("a", "b")]),
    ("a=x\\\n", &[("a", "x")]),
    ("a=\\\n=b", &[("a", "=b")]),
    ("a\\\n  =b", &[("a", "b")]),
    ("a=\\t\\n\\r\\f\\q\\\"", &[("a", "\t\n\r\x0cq\"")]),
    ("a=\\u0041\\u00e9\\ud83d\\ude00", &[("a", "Aé😀")]),
    ("\\u0061=b", &[("a", "b")]),
    ("a=1\na=2", &[("a", "2")]),
];

#[test]
fn reads_as_java_does() {
    for (text, expected) in AS_JAVA_READS {
        let read = Properties::parse(text).unwrap();
        let read: Vec<(&str, &str)> = read.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())).collect();
        assert_eq!(read, *expected, "{text:?}");
    }
}

#[test]
fn a_property_knows_the_line_it_begins_on() {
    let read = Properties::parse("# head\r\n\r\na=1\\\n 2\\\n 3\n! note\nb=4\na=5").unwrap();
    let lines: Vec<(&str, usize)> = read.iter().map(|entry| (entry.key.as_str(), entry.line)).collect();
    assert_eq!(lines, [("a", 8), ("b", 7)]);
}

#[test]
fn bad_unicode_escapes_name_their_line() {
    for text in ["\na=\\u12", "\n\\uzzzz=1", "\na=\\ud83d\\u12", "\na=\\u"] {
        assert_eq!(Properties::parse(text), Err(SyntaxError::Escape { line: 2 }), "{text:?}");
    }
}

#[test]
fn half_a_character_becomes_a_replacement() {
    let read = Properties::parse("a=\\ud83dx\nb=\\ude00\nc=\\ud83d\\u0041\nd=\\ud83d\\ud83d\\ude00").unwrap();
    assert_eq!(read.get("a"), Some("\u{fffd}x"));
    assert_eq!(read.get("b"), Some("\u{fffd}"));
    assert_eq!(read.get("c"), Some("\u{fffd}A"));
    assert_eq!(read.get("d"), Some("\u{fffd}😀"));
}

#[test]
fn reads_utf8_and_falls_back_to_latin1() {
    assert_eq!(Properties::read("a=é".as_bytes()).unwrap().get("a"), Some("é"));
    assert_eq!(Properties::read(b"a=\xe9").unwrap().get("a"), Some("é"));
}

#[test]
fn refuses_more_properties_than_its_limit() {
    let text: String = (0..=MAX_PROPERTIES).map(|number| format!("k{number}=\n")).collect();
    assert_eq!(Properties::parse(&text), Err(SyntaxError::TooMany { line: MAX_PROPERTIES + 1 }));
    let again: String = (0..=MAX_PROPERTIES).map(|_| "same=\n").collect();
    assert_eq!(Properties::parse(&again).unwrap().len(), 1);
}

#[test]
fn writes_plain_ascii_that_needs_no_guessing() {
    let written = Properties::from_iter([("a b", "  x = y "), ("p", "C:\\d"), ("é", "😀\n")]).to_string();
    assert_eq!(written, "a\\ b=\\ \\ x = y \np=C:\\\\d\n\\u00E9=\\uD83D\\uDE00\\n\n");
}

#[test]
fn amending_keeps_comments_and_order() {
    let text = "# ports\r\nlistenPort = 10911\nbrokerName=a\\\n  b\nlistenPort=1\n# end";
    let changes = Properties::from_iter([("listenPort", "10921"), ("brokerName", "c"), ("new", "x")]);
    let amended = amend(text, &changes).unwrap();
    assert_eq!(amended, "# ports\r\nbrokerName=c\nlistenPort=10921\n# end\nnew=x\n");
}

/// Texts made of the characters that the format gives a meaning to.
fn odd_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\\".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("=".to_owned()),
        Just(":".to_owned()),
        Just("#".to_owned()),
        Just(" ".to_owned()),
        Just("\\u00e9".to_owned()),
        "[a-z]{1,3}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn reads_back_what_it_wrote(pairs in prop::collection::hash_map(odd_text(), odd_text(), 0..8)) {
        let written: Properties = pairs.clone().into_iter().collect();
        let text = written.to_string();
        prop_assert!(text.is_ascii());
        let read = Properties::parse(&text).unwrap();
        prop_assert_eq!(read.len(), pairs.len());
        for (key, value) in &pairs {
            prop_assert_eq!(read.get(key), Some(value.as_str()));
        }
    }

    #[test]
    fn no_text_is_too_odd(text in odd_text()) {
        // A text either reads, and then its rewriting reads the same, or has a bad escape.
        if let Ok(read) = Properties::parse(&text) {
            let again = Properties::parse(&read.to_string()).unwrap();
            let pairs = |of: &Properties| of.iter().map(|e| (e.key.clone(), e.value.clone())).collect::<Vec<_>>();
            prop_assert_eq!(pairs(&read), pairs(&again));
        }
    }

    #[test]
    fn amending_changes_exactly_what_it_was_told(
        text in odd_text(),
        changes in prop::collection::hash_map("[a-c]{1,2}", odd_text(), 0..4),
    ) {
        let Ok(before) = Properties::parse(&text) else { return Ok(()) };
        let changes: Properties = changes.into_iter().collect();
        let after = Properties::parse(&amend(&text, &changes).unwrap()).unwrap();
        for entry in &before {
            let expected = changes.get(&entry.key).unwrap_or(&entry.value);
            prop_assert_eq!(after.get(&entry.key), Some(expected));
        }
        for change in &changes {
            prop_assert_eq!(after.get(&change.key), Some(change.value.as_str()));
        }
    }
}
