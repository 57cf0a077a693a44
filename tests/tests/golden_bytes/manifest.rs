//! Finds the recorded frames and files.

use std::io::Read;
use std::path::PathBuf;
use std::sync::LazyLock;

use bolide_remoting::codec::{self, Header};
use bolide_remoting::frame::{self, FrameLimits, PREFIX_BYTES};
use serde_json::Value;

fn golden(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(path)
}

fn lines(manifest: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(golden(manifest)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// One recorded frame, and what the manifest says of it.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The code of the request; of its answer, too.
    pub(crate) request_code: i32,
    /// The frame's own code.
    pub(crate) code: i32,
    pub(crate) binary: bool,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Oneway,
    Response,
}

impl Recorded {
    /// Decodes the frame's header and gives it to `check`, together with the body.
    pub(crate) fn decoded<T>(&self, check: impl FnOnce(&Header<'_>, &[u8]) -> T) -> T {
        let name = &self.name;
        let frame = frame::split(&self.bytes, &FrameLimits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let frame::Frame::Whole { encoding, header_end, end } = frame else { panic!("{name}: {frame:?}") };
        assert_eq!(end, self.bytes.len(), "{name}");
        let mut header = self.bytes[PREFIX_BYTES..header_end].to_vec();
        let mut slots = Vec::new();
        let header = codec::decode(encoding, &mut header, &mut slots).unwrap_or_else(|e| panic!("{name}: {e}"));
        check(&header, &self.bytes[header_end..])
    }

    /// The text of the header as it was recorded.
    pub(crate) fn header_text(&self) -> &str {
        let length = u32::from_be_bytes([0, self.bytes[5], self.bytes[6], self.bytes[7]]) as usize;
        std::str::from_utf8(&self.bytes[PREFIX_BYTES..PREFIX_BYTES + length]).unwrap()
    }
}

/// All recorded frames.
pub(crate) static FRAMES: LazyLock<Vec<Recorded>> = LazyLock::new(|| {
    let recorded = |line: &Value| {
        let file = std::fs::read(golden(line["file"].as_str().unwrap())).unwrap();
        let number = |name: &str| line[name].as_i64().unwrap();
        let start = number("offset") as usize;
        Recorded {
            name: line["name"].as_str().unwrap().to_owned(),
            kind: match line["kind"].as_str().unwrap() {
                "request" => Kind::Request,
                "oneway" => Kind::Oneway,
                _ => Kind::Response,
            },
            request_code: number("request_code") as i32,
            code: number("code") as i32,
            binary: line["encoding"] == "binary",
            bytes: file[start..start + number("length") as usize].to_vec(),
        }
    };
    lines("frames.jsonl").iter().map(recorded).collect()
});

/// One recorded file of a store.
pub(crate) struct StoreFile {
    /// Below the store's root.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// The files of one store, in the order of their paths.
pub(crate) fn store_files(store: &str) -> Vec<StoreFile> {
    let mut files = Vec::new();
    for line in lines("files.jsonl").iter().filter(|line| line["store"] == store) {
        let packed = std::fs::read(golden(line["file"].as_str().unwrap())).unwrap();
        let mut bytes = Vec::new();
        flate2::read::ZlibDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, line["length"].as_u64().unwrap());
        files.push(StoreFile { path: line["path"].as_str().unwrap().to_owned(), bytes });
    }
    assert!(!files.is_empty(), "no store is called {store}");
    files
}
