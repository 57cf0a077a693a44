use super::*;

#[test]
fn codes_are_listed_in_ascending_order_without_repetition() {
    assert!(RequestCode::ALL.is_sorted_by(|a, b| a < b));
    assert!(ResponseCode::ALL.is_sorted_by(|a, b| a < b));
}

#[test]
fn every_request_code_survives_sixteen_bits() {
    for &code in RequestCode::ALL {
        assert_eq!(RequestCode::from_low_bits(code.0 as i16), code);
    }
}

#[test]
fn unknown_codes_are_kept() {
    for low_bits in [-1, 0, 1, 3441, 3449, 9999, i16::MAX, i16::MIN] {
        assert_eq!(RequestCode::from_low_bits(low_bits), RequestCode(i32::from(low_bits)));
    }
}

#[test]
fn names_are_apaches() {
    assert_eq!(RequestCode(105).name(), Some("GET_ROUTEINFO_BY_TOPIC"));
    assert_eq!(RequestCode(200_050).to_string(), "POP_MESSAGE (200050)");
    assert_eq!(RequestCode(4711).to_string(), "4711");
    assert_eq!(ResponseCode(21).name(), Some("PULL_OFFSET_MOVED"));
}
