//! Checksums of bodies, in hex as clients compare them. MD5 (RFC 1321) is what Apache gives consumers, so that every client knows it;
//! it guards against accidents, nothing else.

use std::array::from_fn;

use bolide_proto::v2::{Code, Digest, DigestType, Message};
use ring::digest::SHA1_FOR_LEGACY_USE_ONLY;

use self::md5::md5;
use super::Fault;

mod md5;

/// How many bodies are taken together: with four the processor has no time left over.
const LANES: usize = 4;

/// Puts the digests that consumers are given into messages of these bodies.
pub(super) fn put(messages: &mut [Message]) {
    for messages in messages.chunks_mut(LANES) {
        let body = |lane: usize| messages.get(lane).map_or(&[][..], |message| &message.body);
        let sums = if messages.len() == 1 { [md5([body(0)])[0]; LANES] } else { md5(from_fn(body)) };
        for (message, sum) in messages.iter_mut().zip(sums) {
            let system = message.system_properties.get_or_insert_default();
            system.body_digest = Some(Digest { r#type: DigestType::Md5.into(), checksum: hex(&sum) });
        }
    }
}

/// Checks what a producer says about its message's body.
pub(super) fn check(digest: &Digest, body: &[u8]) -> Result<(), Fault> {
    let actual = match digest.r#type() {
        DigestType::Unspecified => return Ok(()),
        DigestType::Sha1 => hex(ring::digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, body).as_ref()),
        DigestType::Crc32 => format!("{:X}", crc32fast::hash(body)),
        DigestType::Md5 => hex(&md5([body])[0]),
    };
    // Some clients pad numbers with zeros, some do not.
    let bare = |text: &str| text.trim_start_matches('0').to_ascii_uppercase();
    if digest.checksum.is_empty() || bare(&digest.checksum) == bare(&actual) {
        return Ok(());
    }
    let kind = digest.r#type().as_str_name();
    let message = format!("the body's {kind} is {actual}, but the message says {}", digest.checksum);
    Err(Fault::new(Code::MessageCorrupted, message))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests;
