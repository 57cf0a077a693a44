//! Offset message ids: the broker's address and the record's offset in upper-case hexadecimal, 32 digits for IPv4
//! and 56 for IPv6. Any broker can tell from one where the message lies.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::offset::PhysicalOffset;

/// Digits of an id whose address is IPv6.
const LONGEST: usize = 56;
const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Why a text is no offset message id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MessageIdError {
    /// Neither 32 nor 56 digits.
    #[error("an offset message id has 32 or 56 hexadecimal digits, not {0} characters")]
    Length(usize),
    /// Something else than hexadecimal digits.
    #[error("an offset message id consists of hexadecimal digits only")]
    Digit,
    /// A port above 65535.
    #[error("{0} is no port")]
    Port(u32),
}

/// The id of the record at `offset` of the broker at `host`.
pub fn encode_message_id(host: SocketAddr, offset: PhysicalOffset) -> String {
    let mut id = String::with_capacity(LONGEST);
    push_message_id(&mut id, host, offset);
    id
}

/// Appends an id to `out`, as [`encode_message_id`] makes it.
pub fn push_message_id(out: &mut String, host: SocketAddr, offset: PhysicalOffset) {
    // All at once: the answer to a batch has one for each message.
    let mut digits = [0; LONGEST];
    let ip = match host.ip() {
        IpAddr::V4(ip) => put_hex(&mut digits, 0, ip.octets()),
        IpAddr::V6(ip) => put_hex(&mut digits, 0, ip.octets()),
    };
    let port = put_hex(&mut digits, ip, u32::from(host.port()).to_be_bytes());
    let end = put_hex(&mut digits, port, offset.0.to_be_bytes());
    out.extend(str::from_utf8(&digits[..end]));
}

/// Puts the digits of `bytes` at `at` and says where they end.
fn put_hex<const N: usize>(digits: &mut [u8; LONGEST], at: usize, bytes: [u8; N]) -> usize {
    for (pair, byte) in digits[at..at + 2 * N].as_chunks_mut().0.iter_mut().zip(bytes) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
    at + 2 * N
}

/// The inverse of [`encode_message_id`].
pub fn decode_message_id(id: &str) -> Result<(SocketAddr, PhysicalOffset), MessageIdError> {
    let ip_digits = match id.len() {
        32 => 8,
        56 => 32,
        other => return Err(MessageIdError::Length(other)),
    };
    if !id.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(MessageIdError::Digit);
    }
    let (ip, rest) = id.split_at(ip_digits);
    let (port, offset) = rest.split_at(8);
    let number = |digits: &str| u128::from_str_radix(digits, 16).map_err(|_| MessageIdError::Digit);
    let ip = match ip_digits {
        8 => IpAddr::V4((number(ip)? as u32).into()),
        _ => IpAddr::V6(number(ip)?.into()),
    };
    let port = number(port)? as u32;
    let port = u16::try_from(port).map_err(|_| MessageIdError::Port(port))?;
    Ok((SocketAddr::new(ip, port), PhysicalOffset(number(offset)? as i64)))
}
