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
mod tests;
