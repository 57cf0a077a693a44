//! Checksums of bodies, in hex as clients compare them. MD5 (RFC 1321) is what Apache gives consumers, so that every client knows it;
//! it guards against accidents, nothing else.

use bolide_proto::v2::{Code, Digest, DigestType};
use ring::digest::SHA1_FOR_LEGACY_USE_ONLY;

use super::Fault;

/// The digest that consumers are given.
pub(super) fn of(body: &[u8]) -> Digest {
    Digest { r#type: DigestType::Md5.into(), checksum: hex(&md5(body)) }
}

/// Checks what a producer says about its message's body.
pub(super) fn check(digest: &Digest, body: &[u8]) -> Result<(), Fault> {
    let actual = match digest.r#type() {
        DigestType::Unspecified => return Ok(()),
        DigestType::Sha1 => hex(ring::digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, body).as_ref()),
        DigestType::Crc32 => format!("{:X}", crc32fast::hash(body)),
        DigestType::Md5 => hex(&md5(body)),
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

const BLOCK: usize = 64;
/// How far each step of a round turns.
const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// What each step adds: the fraction of its sine.
#[rustfmt::skip]
const SINES: [u32; 64] = [
    // The whole part of 2^32 · |sin(step + 1)|, from the RFC.
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

fn md5(data: &[u8]) -> [u8; 16] {
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    let (whole, rest) = data.split_at(data.len() - data.len() % BLOCK);
    whole.chunks_exact(BLOCK).for_each(|block| mix(&mut state, block));
    let mut tail = rest.to_vec();
    tail.push(0x80);
    while tail.len() % BLOCK != BLOCK - 8 {
        tail.push(0);
    }
    tail.extend_from_slice(&(data.len() as u64).wrapping_mul(8).to_le_bytes());
    tail.chunks_exact(BLOCK).for_each(|block| mix(&mut state, block));
    let mut sum = [0; 16];
    for (part, word) in sum.chunks_exact_mut(4).zip(state) {
        part.copy_from_slice(&word.to_le_bytes());
    }
    sum
}

fn mix(state: &mut [u32; 4], block: &[u8]) {
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte));
    }
    let [mut a, mut b, mut c, mut d] = *state;
    for step in 0..64 {
        let round = step / 16;
        let (mixed, word) = match round {
            0 => ((b & c) | (!b & d), step),
            1 => ((d & b) | (!d & c), (5 * step + 1) % 16),
            2 => (b ^ c ^ d, (3 * step + 5) % 16),
            _ => (c ^ (b | !d), (7 * step) % 16),
        };
        let sum = a.wrapping_add(mixed).wrapping_add(SINES[step]).wrapping_add(words[word]);
        let turned = sum.rotate_left(TURNS[round][step % 4]).wrapping_add(b);
        (a, d, c, b) = (d, c, b, turned);
    }
    for (whole, part) in state.iter_mut().zip([a, b, c, d]) {
        *whole = whole.wrapping_add(part);
    }
}

#[cfg(test)]
mod tests;
