//! Splits the text of an expression into words, one at a time and only as far as the parser asks: what follows a complete condition
//! is never looked at. As in Apache's lexer, the longest word that fits is taken, and comments count only when they are closed
//! (`-- …` by the end of its line).

use super::fault::Fault;

/// One word of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// The end of the text.
    End,
    Not,
    And,
    Or,
    Between,
    In,
    True,
    False,
    Null,
    Is,
    Contains,
    StartsWith,
    EndsWith,
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Open,
    Comma,
    Close,
    Plus,
    Minus,
    /// A whole number, perhaps with a final `L`.
    Whole(&'t str),
    /// A number with a decimal point or an exponent.
    Decimal(&'t str),
    /// A string without its outer quotes; quotes within are still doubled.
    Text(&'t str),
    /// The name of a property.
    Name(&'t str),
}

/// The reserved words; their case does not count.
const KEYWORDS: [(&str, Token<'static>); 12] = [
    ("NOT", Token::Not),
    ("AND", Token::And),
    ("OR", Token::Or),
    ("BETWEEN", Token::Between),
    ("IN", Token::In),
    ("TRUE", Token::True),
    ("FALSE", Token::False),
    ("NULL", Token::Null),
    ("IS", Token::Is),
    ("CONTAINS", Token::Contains),
    ("STARTSWITH", Token::StartsWith),
    ("ENDSWITH", Token::EndsWith),
];

/// The signs, each before those that it begins with.
const SIGNS: [(&str, Token<'static>); 11] = [
    ("=", Token::Equal),
    ("<>", Token::NotEqual),
    (">=", Token::GreaterEqual),
    (">", Token::Greater),
    ("<=", Token::LessEqual),
    ("<", Token::Less),
    ("(", Token::Open),
    (",", Token::Comma),
    (")", Token::Close),
    ("+", Token::Plus),
    ("-", Token::Minus),
];

/// A position in the text of an expression.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    offset: usize,
}

impl<'t> Lexer<'t> {
    /// Starts at the beginning of a text.
    pub(super) fn new(text: &'t str) -> Self {
        Lexer { text, offset: 0 }
    }

    /// The next word, and the offset at which it starts, in bytes.
    pub(super) fn next(&mut self) -> Result<(Token<'t>, usize), Fault> {
        self.offset += blank(&self.text[self.offset..]);
        let start = self.offset;
        let (token, length) = word(&self.text[start..]).ok_or_else(|| self.stray(start))?;
        self.offset = start + length;
        Ok((token, start))
    }

    /// Says what is wrong where no word begins.
    fn stray(&self, offset: usize) -> Fault {
        let rest = &self.text[offset..];
        let message = match rest.chars().next().unwrap_or_default() {
            '\'' => "this string is not closed: it needs a final '".to_owned(),
            '/' if rest.starts_with("/*") => "this comment is not closed: it needs a final */".to_owned(),
            '"' => "strings are written in single quotes".to_owned(),
            '!' => "<> is written for what is not equal".to_owned(),
            other => format!("{other:?} has no meaning outside of a string"),
        };
        Fault::at(offset, message)
    }
}

/// How many bytes of white space and comments the text begins with.
fn blank(text: &str) -> usize {
    let mut rest = text;
    loop {
        let space = rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
        let Some(behind) = behind_comment(space) else {
            return text.len() - space.len();
        };
        rest = behind;
    }
}

/// What follows the comment that the text begins with. `None` if it begins with none, or with one that is not closed.
fn behind_comment(text: &str) -> Option<&str> {
    let (inside, end) = if let Some(inside) = text.strip_prefix("--") {
        (inside, inside.find(['\n', '\r'])? + 1)
    } else {
        let inside = text.strip_prefix("/*")?;
        (inside, inside.find("*/")? + 2)
    };
    Some(&inside[end..])
}

/// The word that the text begins with, and its length in bytes.
fn word(text: &str) -> Option<(Token<'_>, usize)> {
    let bytes = text.as_bytes();
    match bytes.first() {
        None => Some((Token::End, 0)),
        Some(b'\'') => string(text),
        Some(b'0'..=b'9' | b'.') => number(text),
        Some(byte) if is_name(*byte) => {
            let length = run(bytes, is_name);
            let name = &text[..length];
            let keyword = KEYWORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(name));
            Some((keyword.map_or(Token::Name(name), |(_, token)| *token), length))
        }
        Some(_) => SIGNS.iter().find(|(sign, _)| text.starts_with(sign)).map(|(sign, token)| (*token, sign.len())),
    }
}

/// Whether a byte can be part of a name. A digit can too, but words that begin with one are numbers.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

/// The string that the text begins with; `''` within it stands for one quote. If the string is not closed, it ends with the first quote
/// of its last such pair.
fn string(text: &str) -> Option<(Token<'_>, usize)> {
    let (mut offset, mut closed) = (1, None);
    while let Some(distance) = text[offset..].find('\'') {
        let end = offset + distance;
        closed = Some((Token::Text(&text[1..end]), end + 1));
        if text.as_bytes().get(end + 1) != Some(&b'\'') {
            break;
        }
        offset = end + 2;
    }
    closed
}

/// The number that the text begins with. A whole number has no leading zeros: `07` is two words.
fn number(text: &str) -> Option<(Token<'_>, usize)> {
    let bytes = text.as_bytes();
    let whole = digits(bytes);
    let fraction = match bytes.get(whole) {
        Some(b'.') => 1 + digits(&bytes[whole + 1..]),
        _ => 0,
    };
    if whole == 0 && fraction == 1 {
        return None;
    }
    let length = whole + fraction + exponent(&bytes[whole + fraction..]);
    if length > whole {
        return Some((Token::Decimal(&text[..length]), length));
    }
    let length = match (bytes[0], bytes.get(whole)) {
        (b'0', _) => 1,
        (_, Some(b'l' | b'L')) => whole + 1,
        _ => whole,
    };
    Some((Token::Whole(&text[..length]), length))
}

/// The length of the exponent (`E-5`) that the text begins with, or 0.
fn exponent(bytes: &[u8]) -> usize {
    let sign = match bytes {
        [b'e' | b'E', b'+' | b'-', ..] => 2,
        [b'e' | b'E', ..] => 1,
        _ => return 0,
    };
    match digits(&bytes[sign..]) {
        0 => 0,
        count => sign + count,
    }
}

/// How many digits the text begins with.
fn digits(bytes: &[u8]) -> usize {
    run(bytes, |byte| byte.is_ascii_digit())
}

/// How many bytes of a kind the text begins with.
fn run(bytes: &[u8], kind: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| kind(**byte)).count()
}
