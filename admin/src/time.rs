//! Times as people write and read them, in this machine's time zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::failure::Failure;

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Local time, as Apache shows it: `2026-03-01 17:05:09,123`.
pub(crate) fn local(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S,%3f").to_string(),
        Err(_) => ms.to_string(),
    }
}

/// Reads `now`, milliseconds since 1970, or local time as `2026-03-01#17:05:09:123`, Apache's form.
pub(crate) fn parse(text: &str) -> Result<i64, Failure> {
    if text == "now" {
        return Ok(now_ms());
    }
    if let Ok(ms) = text.parse() {
        return Ok(ms);
    }
    // What follows the seconds has a form of its own.
    let split = || {
        let (seconds, ms) = text.rsplit_once(':')?;
        let time = DateTime::strptime("%Y-%m-%d#%H:%M:%S", seconds).ok()?.to_zoned(TimeZone::system()).ok()?;
        Some(time.timestamp().as_millisecond() + ms.parse::<i64>().ok().filter(|ms| (0..1000).contains(ms))?)
    };
    split().ok_or_else(|| {
        Failure::usage(format!(
            "{text:?} is no time: give now, milliseconds since 1970, or local time as 2026-03-01#17:05:09:123"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back() {
        let ms = parse("2026-03-01#17:05:09:123").unwrap();
        assert_eq!(local(ms), "2026-03-01 17:05:09,123");
        assert_eq!(parse("1700000000000").unwrap(), 1_700_000_000_000);
        assert!(parse("now").unwrap() > 1_700_000_000_000);
    }

    #[test]
    fn what_is_no_time_is_refused_with_the_forms() {
        for text in ["", "yesterday", "2026-03-01", "2026-03-01#17:05:09", "2026-03-01#17:05:09:1234"] {
            assert!(parse(text).unwrap_err().to_string().contains("2026-03-01#17:05:09:123"), "{text}");
        }
    }
}
