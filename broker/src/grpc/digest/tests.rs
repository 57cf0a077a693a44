use super::*;

#[test]
fn md5_agrees_with_the_rfc() {
    let of = |text: &str| hex(&md5([text.as_bytes()])[0]);
    assert_eq!(of(""), "D41D8CD98F00B204E9800998ECF8427E");
    assert_eq!(of("abc"), "900150983CD24FB0D6963F7D28E17F72");
    assert_eq!(of(&"1234567890".repeat(8)), "57EDF4A22BE3C955AC49DA2E2107B67A");
}

#[test]
fn bodies_of_any_lengths_together_have_the_sums_they_have_alone() {
    // Around a block's end the padding changes; a lane that is through early waits for the others.
    for length in (0..10).chain(50..70).chain(110..135) {
        let bodies = [vec![1; length], vec![2; length + 1], vec![3; 700], Vec::new()];
        assert_eq!(
            md5(from_fn::<_, 4, _>(|lane| &bodies[lane][..])),
            bodies.each_ref().map(|body| md5([&body[..]])[0])
        );
    }
}

#[test]
fn a_wrong_digest_is_told() {
    let md5_of = |body: &[u8]| Digest { r#type: DigestType::Md5.into(), checksum: hex(&md5([body])[0]) };
    let digest = |kind: DigestType, checksum: &str| Digest { r#type: kind.into(), checksum: checksum.to_owned() };
    assert!(check(&md5_of(b"body"), b"body").is_ok());
    assert_eq!(check(&md5_of(b"body"), b"bodY").unwrap_err().code, Code::MessageCorrupted);
    assert!(check(&digest(DigestType::Crc32, "352441c2"), b"abc").is_ok());
    assert!(check(&digest(DigestType::Crc32, "352441c3"), b"abc").is_err());
    assert!(check(&digest(DigestType::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"), b"abc").is_ok());
    assert!(check(&digest(DigestType::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89c"), b"abc").is_err());
    assert!(check(&digest(DigestType::Unspecified, "x"), b"abc").is_ok());
}

#[test]
fn each_message_of_a_batch_gets_its_digest() {
    let message = |body: usize| Message { body: vec![7; body].into(), ..Message::default() };
    let mut messages: Vec<Message> = (0..11).map(|number| message(number * 90)).collect();
    put(&mut messages);
    for message in messages {
        let digest = message.system_properties.unwrap().body_digest.unwrap();
        assert_eq!(digest.checksum, hex(&md5([&message.body[..]])[0]));
    }
}
