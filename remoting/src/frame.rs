//! Where one frame ends and the next begins. A frame is
//!
//! ```text
//! i32 total    number of bytes that follow
//! i32 mark     encoding of the header << 24 | length of the header
//! header, body
//! ```
//!
//! Nothing is allocated here, and what the first bytes claim is checked before it is believed.

use crate::codec::Encoding;

/// Bytes before the header.
pub const PREFIX_BYTES: usize = 8;
/// The largest frame that Apache accepts by default (`com.rocketmq.remoting.frameMaxLength`).
pub const DEFAULT_MAX_FRAME_BYTES: usize = 16 << 20;
/// The largest header by default. Message properties (at most 32 KiB) travel in it, escaped.
pub const DEFAULT_MAX_HEADER_BYTES: usize = 1 << 20;

/// What a frame may be at most.
#[derive(Clone, Copy, Debug)]
pub struct FrameLimits {
    /// Bytes of a frame after its length.
    pub max_frame_bytes: usize,
    /// Bytes of a header.
    pub max_header_bytes: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { max_frame_bytes: DEFAULT_MAX_FRAME_BYTES, max_header_bytes: DEFAULT_MAX_HEADER_BYTES }
    }
}

/// Why what arrived is not a frame. The connection is closed: there is no way to find the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The peer begins a TLS handshake.
    #[error("the peer speaks TLS, which this port does not; use plain text")]
    Tls,
    /// A load balancer announces the real peer.
    #[error("the peer sends a PROXY protocol header, which this port does not read; turn it off")]
    ProxyProtocol,
    /// A browser, a probe, or a gRPC client on the wrong port.
    #[error("the peer speaks HTTP; this port speaks RocketMQ remoting")]
    Http,
    /// More than the limit.
    #[error("a frame claims {claimed} bytes; at most {limit} are allowed")]
    FrameTooLong {
        /// What its first four bytes say.
        claimed: u32,
        /// What is allowed.
        limit: usize,
    },
    /// Not even room for the mark.
    #[error("a frame claims {claimed} bytes, fewer than its own prefix has")]
    FrameTooShort {
        /// What its first four bytes say.
        claimed: u32,
    },
    /// More than the limit, or more than the frame.
    #[error("a header claims {claimed} bytes; at most {limit} are possible")]
    HeaderTooLong {
        /// What the mark says.
        claimed: usize,
        /// What is allowed, or what the frame has room for.
        limit: usize,
    },
    /// Neither JSON nor ROCKETMQ binary.
    #[error("a header has the unknown encoding {number}")]
    UnknownEncoding {
        /// The number in the mark.
        number: u8,
    },
}

/// What stands at the beginning of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// Not all of a frame.
    Partial {
        /// How many bytes the frame has in all, as far as that is known yet.
        needed: usize,
    },
    /// A whole frame.
    Whole {
        /// How the header is written.
        encoding: Encoding,
        /// Where the header ends and the body begins; it starts at [`PREFIX_BYTES`].
        header_end: usize,
        /// Where the frame ends.
        end: usize,
    },
}

/// Looks at the beginning of `bytes` for a frame.
pub fn split(bytes: &[u8], limits: &FrameLimits) -> Result<Frame, FrameError> {
    let Some(total) = bytes.first_chunk() else {
        return match bytes.first() {
            Some(0x16) => Err(FrameError::Tls),
            _ => Ok(Frame::Partial { needed: PREFIX_BYTES }),
        };
    };
    let claimed = u32::from_be_bytes(*total);
    if claimed as usize > limits.max_frame_bytes {
        return Err(recognize(*total).unwrap_or(FrameError::FrameTooLong { claimed, limit: limits.max_frame_bytes }));
    }
    if claimed < 4 {
        return Err(FrameError::FrameTooShort { claimed });
    }
    let end = 4 + claimed as usize;
    let Some(mark) = bytes[4..].first_chunk() else {
        return Ok(Frame::Partial { needed: end });
    };
    let [number, high, middle, low] = *mark;
    let encoding = Encoding::from_number(number).ok_or(FrameError::UnknownEncoding { number })?;
    let header_bytes = u32::from_be_bytes([0, high, middle, low]) as usize;
    let limit = limits.max_header_bytes.min(end - PREFIX_BYTES);
    if header_bytes > limit {
        return Err(FrameError::HeaderTooLong { claimed: header_bytes, limit });
    }
    if bytes.len() < end {
        return Ok(Frame::Partial { needed: end });
    }
    Ok(Frame::Whole { encoding, header_end: PREFIX_BYTES + header_bytes, end })
}

/// Tells other protocols by their first bytes, all of which are impossible lengths.
fn recognize(first: [u8; 4]) -> Option<FrameError> {
    match &first {
        [0x16, ..] => Some(FrameError::Tls),
        b"PROX" | b"\r\n\r\n" => Some(FrameError::ProxyProtocol),
        b"GET " | b"POST" | b"PUT " | b"HEAD" | b"OPTI" | b"DELE" | b"PATC" | b"CONN" | b"PRI " => {
            Some(FrameError::Http)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: FrameLimits = FrameLimits { max_frame_bytes: 100, max_header_bytes: 20 };

    fn frame(total: u32, mark: u32, rest: usize) -> Vec<u8> {
        [&total.to_be_bytes()[..], &mark.to_be_bytes(), &vec![b'x'; rest]].concat()
    }

    #[test]
    fn whole_and_partial() {
        let bytes = frame(4 + 3 + 5, 3, 8);
        let whole = Frame::Whole { encoding: Encoding::Json, header_end: 11, end: 16 };
        assert_eq!(split(&bytes, &LIMITS), Ok(whole));
        assert_eq!(split(&frame(12, 3, 20), &LIMITS), Ok(whole), "what follows does not matter");
        for length in 4..bytes.len() {
            assert_eq!(split(&bytes[..length], &LIMITS), Ok(Frame::Partial { needed: 16 }));
        }
        for length in 0..4 {
            assert_eq!(split(&bytes[..length], &LIMITS), Ok(Frame::Partial { needed: PREFIX_BYTES }));
        }
    }

    #[test]
    fn limits_hold_before_the_bytes_are_there() {
        let too_long = FrameError::FrameTooLong { claimed: 101, limit: 100 };
        assert_eq!(split(&101u32.to_be_bytes(), &LIMITS), Err(too_long));
        assert_eq!(split(&3u32.to_be_bytes(), &LIMITS), Err(FrameError::FrameTooShort { claimed: 3 }));
        assert_eq!(split(&frame(90, 21, 0), &LIMITS), Err(FrameError::HeaderTooLong { claimed: 21, limit: 20 }));
        assert_eq!(split(&frame(9, 6, 0), &LIMITS), Err(FrameError::HeaderTooLong { claimed: 6, limit: 5 }));
        assert_eq!(split(&frame(90, 7 << 24, 0), &LIMITS), Err(FrameError::UnknownEncoding { number: 7 }));
    }

    #[test]
    fn other_protocols_are_recognized() {
        let limits = FrameLimits::default();
        assert_eq!(split(&[0x16], &limits), Err(FrameError::Tls));
        assert_eq!(split(&[0x16, 3, 1, 2], &limits), Err(FrameError::Tls));
        assert_eq!(split(b"PROXY TCP4 1.2.3.4", &limits), Err(FrameError::ProxyProtocol));
        assert_eq!(split(b"\r\n\r\n\0\r\nQUIT\n", &limits), Err(FrameError::ProxyProtocol));
        assert_eq!(split(b"PRI * HTTP/2.0\r\n", &limits), Err(FrameError::Http));
    }
}
