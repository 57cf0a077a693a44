use super::*;

#[test]
fn the_signature_is_that_of_the_standard() {
    // RFC 2202, case 2.
    let tag = sign("Jefe", [&b"what do ya want "[..], b"for nothing?"].into_iter());
    assert_eq!(STANDARD.encode(tag), "7/zfauXrL6LSdBbV8YTfnCWafHk=");
}

#[test]
fn secrets_are_not_shown() {
    let credentials = Credentials { access_key: "me".to_owned(), secret_key: "hidden".to_owned() };
    assert_eq!(format!("{credentials:?}"), "Credentials(me)");
}
