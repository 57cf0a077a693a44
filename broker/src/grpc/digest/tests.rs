use super::*;

#[test]
fn md5_agrees_with_the_rfc() {
    let of = |text: &str| hex(&md5(text.as_bytes()));
    assert_eq!(of(""), "D41D8CD98F00B204E9800998ECF8427E");
    assert_eq!(of("abc"), "900150983CD24FB0D6963F7D28E17F72");
    assert_eq!(of(&"1234567890".repeat(8)), "57EDF4A22BE3C955AC49DA2E2107B67A");
    for length in 55..66 {
        // Around the block's end the padding changes.
        assert_eq!(of(&"a".repeat(length)).len(), 32);
    }
}

#[test]
fn a_wrong_digest_is_told() {
    let digest = |kind: DigestType, checksum: &str| Digest { r#type: kind.into(), checksum: checksum.to_owned() };
    assert!(check(&of(b"body"), b"body").is_ok());
    assert_eq!(check(&of(b"body"), b"bodY").unwrap_err().code, Code::MessageCorrupted);
    assert!(check(&digest(DigestType::Crc32, "352441c2"), b"abc").is_ok());
    assert!(check(&digest(DigestType::Crc32, "352441c3"), b"abc").is_err());
    assert!(check(&digest(DigestType::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"), b"abc").is_ok());
    assert!(check(&digest(DigestType::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89c"), b"abc").is_err());
    assert!(check(&digest(DigestType::Unspecified, "x"), b"abc").is_ok());
}
