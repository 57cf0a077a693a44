use super::*;

#[test]
fn the_summary_is_what_all_say() {
    let entry = |code: Code| AckMessageResultEntry {
        status: Some(Status { code: code.into(), message: String::new() }),
        ..AckMessageResultEntry::default()
    };
    let of = |codes: &[Code]| {
        let entries: Vec<_> = codes.iter().map(|code| entry(*code)).collect();
        summary(&entries).unwrap().code()
    };
    assert_eq!(of(&[Code::Ok, Code::Ok]), Code::Ok);
    assert_eq!(of(&[Code::InvalidReceiptHandle]), Code::InvalidReceiptHandle);
    assert_eq!(of(&[Code::Ok, Code::InvalidReceiptHandle]), Code::MultipleResults);
}
