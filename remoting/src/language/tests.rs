use super::*;

#[test]
fn names_and_numbers_agree() {
    for number in 0..14 {
        assert_eq!(Language::from_name(Language(number).name()), Language(number));
    }
    assert_eq!(Language::from_name("GO"), Language::GO);
    assert_eq!(Language::from_name("COBOL"), Language::OTHER);
    assert_eq!(Language(200).name(), "OTHER");
}
