use super::*;

#[test]
fn the_table_is_in_order_and_names_each_code_once() {
    assert!(SERVED.is_sorted_by(|one, next| one < next), "{SERVED:?}");
}

#[test]
fn what_is_missing_is_refused_by_name() {
    let refusal = not_supported(RequestCode::CHECK_TRANSACTION_STATE);
    assert_eq!(refusal.remark, "request type CHECK_TRANSACTION_STATE (39) not supported");
    assert!(handler(RequestCode::CHECK_TRANSACTION_STATE).is_none());
}
