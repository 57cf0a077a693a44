use super::*;

#[test]
fn the_summary_is_what_all_say() {
    let of = |codes: &[Code]| {
        let statuses: Vec<v2::Status> = codes.iter().map(|code| Fault::new(*code, "").into()).collect();
        summary(statuses.iter()).map(|status| status.code())
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[Code::Ok, Code::Ok]), Some(Code::Ok));
    assert_eq!(of(&[Code::InvalidReceiptHandle]), Some(Code::InvalidReceiptHandle));
    assert_eq!(of(&[Code::Ok, Code::InvalidReceiptHandle]), Some(Code::MultipleResults));
}
