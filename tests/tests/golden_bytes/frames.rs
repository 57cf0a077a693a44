//! Whole frames: both header codecs.

use bolide_remoting::code::{RequestCode, ResponseCode};
use bolide_remoting::codec::{self, Encoding, Header, Preamble};
use bolide_remoting::{FieldSource, FieldWriter, Language};

use crate::java_value::JavaValue;
use crate::manifest::{FRAMES, Kind};

/// What is asked in both encodings.
const CODES: [i32; 76] = [
    11, 12, 14, 15, 17, 18, 21, 25, 26, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 40, 41, 42, 46, 100, 101, 102, 103,
    104, 105, 106, 200, 201, 202, 203, 204, 205, 206, 207, 208, 215, 216, 219, 221, 222, 223, 224, 225, 300, 303, 304,
    305, 306, 307, 309, 310, 311, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321, 322, 327, 328, 343, 345, 351, 361,
    400, 901,
];

/// Writes decoded fields again, those too that are empty: a binary header cannot tell them from null, but has them.
struct Again<'a>(&'a Header<'a>);

impl FieldSource for Again<'_> {
    fn write_fields(&self, out: &mut FieldWriter<'_>) {
        for (name, value) in self.0.fields.iter() {
            match value {
                Some(value) => out.pair(name, value),
                None if self.0.encoding == Encoding::Binary => out.pair(name, ""),
                None => {}
            }
        }
    }
}

fn encoded_again(header: &Header<'_>, body: &[u8]) -> Vec<u8> {
    let preamble = Preamble {
        encoding: header.encoding,
        code: header.code,
        opaque: header.opaque,
        flag: header.flag,
        version: header.version,
        remark: header.remark,
    };
    let mut out = Vec::new();
    codec::encode(&mut out, &preamble, &Again(header), body.len()).unwrap();
    out.extend_from_slice(body);
    out
}

#[test]
fn every_kind_of_conversation_was_recorded() {
    let count = |binary: bool, kind: Kind| FRAMES.iter().filter(|f| f.binary == binary && f.kind == kind).count();
    for binary in [false, true] {
        assert!(count(binary, Kind::Request) >= 80, "{}", count(binary, Kind::Request));
        assert!(count(binary, Kind::Response) >= 60, "{}", count(binary, Kind::Response));
        assert!(count(binary, Kind::Oneway) >= 3, "{}", count(binary, Kind::Oneway));
        for code in CODES {
            assert!(FRAMES.iter().any(|f| f.binary == binary && f.code == code && f.kind != Kind::Response), "{code}");
        }
    }
}

#[test]
fn headers_say_what_was_recorded() {
    for frame in FRAMES.iter() {
        frame.decoded(|header, _| {
            let name = &frame.name;
            assert_eq!(header.code, frame.code, "{name}");
            assert_eq!(header.encoding == Encoding::Binary, frame.binary, "{name}");
            assert_eq!(header.is_response(), frame.kind == Kind::Response, "{name}");
            assert_eq!(header.is_oneway(), frame.kind == Kind::Oneway, "{name}");
            assert_eq!(header.language, Language::JAVA, "{name}");
            let known = match frame.kind {
                Kind::Response => ResponseCode(header.code).name(),
                _ => RequestCode(header.code).name(),
            };
            assert!(known.is_some() || header.code == 29_999, "{name} has a code without a name");
        });
    }
}

#[test]
fn binary_headers_come_back_byte_for_byte() {
    for frame in FRAMES.iter().filter(|frame| frame.binary) {
        let again = frame.decoded(encoded_again);
        assert!(again == frame.bytes, "{}:\n{:?}\nbecame\n{:?}", frame.name, ascii(&frame.bytes), ascii(&again));
    }
}

#[test]
fn json_headers_come_back_with_the_same_content() {
    for frame in FRAMES.iter().filter(|frame| !frame.binary) {
        let again = frame.decoded(encoded_again);
        let length = u32::from_be_bytes([0, again[5], again[6], again[7]]) as usize;
        let text = std::str::from_utf8(&again[8..8 + length]).unwrap();
        let (before, after) = (JavaValue::parse(frame.header_text()), JavaValue::parse(text));
        let (before, after) = (before.unwrap(), after.unwrap_or_else(|e| panic!("{}: {e}", frame.name)));
        let before = before.without_empty_fields();
        assert_eq!(before.differences(&after), Vec::<String>::new(), "{}", frame.name);
        assert_eq!(
            again[8 + length..],
            frame.bytes[frame.bytes.len() - (again.len() - 8 - length)..],
            "{}",
            frame.name
        );
        assert_eq!(u32::from_be_bytes(again[..4].try_into().unwrap()) as usize, again.len() - 4, "{}", frame.name);
    }
}

fn ascii(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
