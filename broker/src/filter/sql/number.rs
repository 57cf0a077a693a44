//! Numbers as expressions know them, and how properties are read as numbers: in the forms that Java's `Integer.valueOf`,
//! `Long.valueOf` and `Double.valueOf` accept, which are not quite Rust's.

use std::cmp::Ordering;

/// A number. Its kind decides how properties are read that it is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// A whole number of 32 bits: what a literal is that fits.
    Integer(i32),
    /// A whole number of 64 bits.
    Long(i64),
    /// A floating point number; "not a number" is always the positive one.
    Double(f64),
}

impl Number {
    /// Reads a text as a number of the same kind.
    pub(super) fn read_alike(self, text: &str) -> Option<Number> {
        match self {
            Number::Integer(_) => read_whole(text).and_then(|whole| i32::try_from(whole).ok().map(Number::Integer)),
            Number::Long(_) => read_whole(text).map(Number::Long),
            Number::Double(_) => read_double(text).map(Number::Double),
        }
    }

    /// Compares by value, as doubles if one is a double: then -0 is less than 0, and "not a number" equals itself and is more than
    /// everything else.
    pub(super) fn compare(self, other: Number) -> Ordering {
        match (self.whole(), other.whole()) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => self.double().total_cmp(&other.double()),
        }
    }

    /// The number with its sign changed.
    pub(super) fn negate(self) -> Number {
        match self {
            Number::Integer(value) => Number::Integer(value.wrapping_neg()),
            Number::Long(value) => Number::Long(value.wrapping_neg()),
            Number::Double(value) => Number::Double(-value),
        }
    }

    /// The value of a whole number.
    fn whole(self) -> Option<i64> {
        match self {
            Number::Integer(value) => Some(i64::from(value)),
            Number::Long(value) => Some(value),
            Number::Double(_) => None,
        }
    }

    /// The nearest double.
    fn double(self) -> f64 {
        match self {
            Number::Integer(value) => f64::from(value),
            // Java rounds to the nearest, ties to even; so does Rust.
            Number::Long(value) => value as f64,
            Number::Double(value) => value,
        }
    }
}

/// Reads a whole number: an optional sign and decimal digits of any script in Unicode's first plane.
fn read_whole(text: &str) -> Option<i64> {
    if text.is_ascii() {
        return text.parse().ok();
    }
    let (negative, digits) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    digits.chars().try_fold(0i64, |value, digit| {
        let digit = i64::from(digit_value(digit)?);
        let value = value.checked_mul(10)?;
        // Counting down from the start for negative numbers reaches the smallest one.
        value.checked_add(if negative { -digit } else { digit })
    })
}

/// Where the ten digits of each script of Unicode's first plane begin.
const ZEROS: [u32; 37] = [
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620,
    0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
];

/// The value of a digit of any script.
fn digit_value(digit: char) -> Option<u32> {
    let code = u32::from(digit);
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last()?;
    Some(code - zero).filter(|value| *value < 10)
}

/// Reads a floating point number: blanks around it, a sign, `NaN`, `Infinity`, decimal or hexadecimal digits, an exponent and a final
/// `f` or `d`.
pub(super) fn read_double(text: &str) -> Option<f64> {
    let text = text.trim_matches(|character| character <= ' ');
    let (negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let value = match magnitude {
        "NaN" => return Some(f64::NAN),
        "Infinity" => f64::INFINITY,
        _ => {
            let digits = magnitude.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(magnitude);
            match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
                Some(hexadecimal) => read_hexadecimal(hexadecimal)?,
                // Rust also knows words (`inf`), which Java does not.
                None if digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') => {
                    digits.parse().ok()?
                }
                None => return None,
            }
        }
    };
    Some(if negative { -value } else { value })
}

/// Reads what follows the `0x` of a hexadecimal floating point number: digits, perhaps with a point, and a power of two (`1.8p3`).
fn read_hexadecimal(text: &str) -> Option<f64> {
    let (digits, power) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (mut significand, mut exponent) = (0u64, 0i64);
    for (digits, after_point) in [(whole, false), (fraction, true)] {
        for digit in digits.chars() {
            let digit = digit.to_digit(16)?;
            if significand >> 59 == 0 {
                significand = significand << 4 | u64::from(digit);
                exponent -= if after_point { 4 } else { 0 };
            } else {
                // Far below the precision of a double: all that counts is whether it is zero.
                significand |= u64::from(digit != 0);
                exponent += if after_point { 0 } else { 4 };
            }
        }
    }
    Some(scale(significand, exponent.saturating_add(read_power(power)?)))
}

/// Reads the power of two of a hexadecimal number; one too large for its type is as good as the largest.
fn read_power(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.parse().unwrap_or(i64::MAX);
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// The double nearest to `significand * 2^exponent`, ties to even.
fn scale(significand: u64, exponent: i64) -> f64 {
    const LOWEST_POWER: i64 = -1074;
    const HIGHEST_POWER: i64 = 1023;
    if significand == 0 {
        return 0.0;
    }
    let magnitude = exponent.saturating_add(i64::from(significand.ilog2()));
    if magnitude > HIGHEST_POWER {
        return f64::INFINITY;
    }
    if magnitude < LOWEST_POWER - 1 {
        return 0.0;
    }
    // The weight of the last bit that the result has room for.
    let unit = (magnitude - 52).max(LOWEST_POWER);
    let dropped = unit - exponent;
    let units = if dropped <= 0 {
        significand << -dropped
    } else {
        let wide = u128::from(significand);
        let (kept, rest, half) = (wide >> dropped, wide & ((1 << dropped) - 1), 1u128 << (dropped - 1));
        let up = rest > half || (rest == half && kept & 1 == 1);
        kept as u64 + u64::from(up)
    };
    // Both factors and their product are exact; the product is infinite when rounding went beyond the largest double.
    units as f64 * power_of_two(unit)
}

/// `2^exponent`, for -1074 to 1023.
fn power_of_two(exponent: i64) -> f64 {
    if exponent < -1022 {
        f64::from_bits(1 << (exponent + 1074))
    } else {
        f64::from_bits(((exponent + 1023) as u64) << 52)
    }
}
