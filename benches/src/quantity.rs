//! Quantities on the command line: durations such as `500ms` and `2m`, sizes such as `4k`.

use std::time::Duration;

/// Reads a duration: a number of seconds, or a number with `ms`, `s` or `m` behind it.
///
/// # Errors
/// When the text is something else, negative or out of range.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit_seconds) = match text {
        _ if text.ends_with("ms") => (&text[..text.len() - 2], 1e-3),
        _ if text.ends_with('s') => (&text[..text.len() - 1], 1.0),
        _ if text.ends_with('m') => (&text[..text.len() - 1], 60.0),
        _ => (text, 1.0),
    };
    let number: f64 = number.parse().map_err(|_| format!("{text:?} is no duration; write 10, 10s, 500ms or 2m"))?;
    Duration::try_from_secs_f64(number * unit_seconds).map_err(|error| format!("{text:?}: {error}"))
}

/// Reads a size in bytes: a number, or one with `k` (KiB) or `m` (MiB) behind it.
///
/// # Errors
/// When the text is something else or out of range.
pub fn bytes(text: &str) -> Result<usize, String> {
    let lower = text.to_ascii_lowercase();
    let (number, shift) = match lower.strip_suffix('k') {
        Some(number) => (number, 10),
        None => lower.strip_suffix('m').map_or((lower.as_str(), 0), |number| (number, 20)),
    };
    let number: usize = number.parse().map_err(|_| format!("{text:?} is no size; write 1024, 4k or 1m"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text:?} is too large"))
}

/// Reads a rate in messages per second.
///
/// # Errors
/// When it is not a positive number.
pub fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && f64::is_finite(rate) => Ok(rate),
        _ => Err(format!("{text:?} is no rate; write messages per second, such as 1000")),
    }
}

/// Writes a number with its digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "s", "ms", "-1", "x", "1h", "inf", "1e300"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(bytes("0"), Ok(0));
        assert_eq!(bytes("4k"), Ok(4096));
        assert_eq!(bytes("1M"), Ok(1 << 20));
        for bad in ["", "k", "1.5k", "-1", "1g", "99999999999999999999", "9999999999999999m"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for bad in ["0", "-1", "NaN", "inf", "fast"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn groups_of_three() {
        let texts = [0, 12, 123, 1234, 123_456, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "12", "123", "1,234", "123,456", "1,234,567"]);
    }
}
