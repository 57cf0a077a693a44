//! Java's `String.hashCode`, which tags codes and index keys are made of.

/// The hash that Java gives `text`: over its UTF-16 units.
pub fn java_hash(text: &str) -> i32 {
    extend(0, text)
}

/// The hash of UTF-8 bytes as Java decodes them; malformed sequences become U+FFFD.
pub fn java_hash_of_bytes(bytes: &[u8]) -> i32 {
    extend_bytes(0, bytes)
}

/// The tags code of a message: its tag's hash, 0 without a tag.
pub fn tags_code(tags: &[u8]) -> i64 {
    i64::from(java_hash_of_bytes(tags))
}

/// Goes on hashing after a prefix whose hash is `hash`.
pub(crate) fn extend_bytes(hash: i32, bytes: &[u8]) -> i32 {
    if bytes.is_ascii() {
        bytes.iter().fold(hash, |hash, &unit| push(hash, unit.into()))
    } else {
        extend(hash, &String::from_utf8_lossy(bytes))
    }
}

fn extend(hash: i32, text: &str) -> i32 {
    text.encode_utf16().fold(hash, push)
}

fn push(hash: i32, unit: u16) -> i32 {
    hash.wrapping_mul(31).wrapping_add(i32::from(unit))
}
