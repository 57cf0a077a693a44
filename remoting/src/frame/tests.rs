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
