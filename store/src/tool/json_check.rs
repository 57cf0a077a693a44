//! Whether a text is JSON, as Java's brokers write it: names may be bare numbers. What the values mean is not known here.

/// Values may lie this deep in each other.
const MAX_DEPTH: usize = 64;

/// The first byte that does not belong there; `None`: all is well.
pub(super) fn first_error(text: &[u8]) -> Option<usize> {
    if let Err(error) = std::str::from_utf8(text) {
        return Some(error.valid_up_to());
    }
    let mut reader = Reader { text, at: 0 };
    let is_value = reader.value(0);
    reader.skip_space();
    (!is_value || reader.at < text.len()).then_some(reader.at)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    /// Goes on behind this byte, if it comes next.
    fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_next = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            return false;
        }
        if self.takes(b'{') {
            return self.list(b'}', |reader| {
                (reader.string() || reader.number()) && reader.takes(b':') && reader.value(depth + 1)
            });
        }
        if self.takes(b'[') {
            return self.list(b']', |reader| reader.value(depth + 1));
        }
        self.string() || self.number() || [&b"true"[..], b"false", b"null"].into_iter().any(|word| self.word(word))
    }

    /// Items with commas between them, up to `end`.
    fn list(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> bool) -> bool {
        if self.takes(end) {
            return true;
        }
        while item(self) {
            if self.takes(end) {
                return true;
            }
            if !self.takes(b',') {
                return false;
            }
        }
        false
    }

    fn string(&mut self) -> bool {
        if !self.takes(b'"') {
            return false;
        }
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return true;
                }
                b'\\' => self.at += 2,
                0..0x20 => return false,
                _ => self.at += 1,
            }
        }
        self.at = self.text.len();
        false
    }

    fn number(&mut self) -> bool {
        self.skip_space();
        let is_part = |byte: &&u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        let length = self.text[self.at..].iter().take_while(is_part).count();
        let text = std::str::from_utf8(&self.text[self.at..self.at + length]);
        let is_number = text.is_ok_and(|text| text.parse::<f64>().is_ok());
        self.at += if is_number { length } else { 0 };
        is_number
    }

    fn word(&mut self, word: &[u8]) -> bool {
        let is_next = self.text[self.at..].starts_with(word);
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::first_error;

    #[test]
    fn what_brokers_write_is_json() {
        for text in [
            r#"{"offsetTable":{"T@G":{0:12,1:-3}}}"#,
            "{\n\t\"dataVersion\":{\"counter\":1,\"stateVersion\":0},\n\t\"list\":[1.5e3, \"a\\\"b\", true, null, []]\n}\n",
            "{}",
            "[[]]",
        ] {
            assert_eq!(first_error(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_first_wrong_byte_is_named() {
        let cases: [(&[u8], usize); 9] = [
            (b"", 0),
            (b"{\"a\":1", 6),
            (b"{\"a\":1}}", 7),
            (b"{\"a\" 1}", 5),
            (b"{a:1}", 1),
            (b"[1,]", 3),
            (b"\"abc", 4),
            (b"{\"a\":\"\x01\"}", 6),
            (b"{\"a\xff\":1}", 3),
        ];
        for (text, at) in cases {
            assert_eq!(first_error(text), Some(at), "{}", String::from_utf8_lossy(text));
        }
        assert!(first_error("[".repeat(1_000).as_bytes()).is_some());
    }
}
