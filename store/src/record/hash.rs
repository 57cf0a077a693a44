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
        // Eight at a time: the products do not wait for each other.
        let (eights, rest) = bytes.as_chunks::<8>();
        let hash = eights.iter().fold(hash, |hash, eight| {
            let sum = eight.iter().zip(POWERS).map(|(&unit, power)| i32::from(unit).wrapping_mul(power));
            hash.wrapping_mul(POWER_OF_EIGHT).wrapping_add(sum.fold(0, i32::wrapping_add))
        });
        rest.iter().fold(hash, |hash, &unit| push(hash, unit.into()))
    } else {
        extend(hash, &String::from_utf8_lossy(bytes))
    }
}

/// The powers of 31 from the seventh down to the zeroth.
const POWERS: [i32; 8] = {
    let mut powers = [1_i32; 8];
    let mut at = 7;
    while at > 0 {
        powers[at - 1] = powers[at].wrapping_mul(FACTOR);
        at -= 1;
    }
    powers
};
const FACTOR: i32 = 31;
const POWER_OF_EIGHT: i32 = POWERS[0].wrapping_mul(FACTOR);

fn extend(hash: i32, text: &str) -> i32 {
    text.encode_utf16().fold(hash, push)
}

fn push(hash: i32, unit: u16) -> i32 {
    hash.wrapping_mul(FACTOR).wrapping_add(i32::from(unit))
}
