//! Names of index files: the time of their creation as 17 digits, `yyyyMMddHHmmssSSS`, in UTC (Apache takes the
//! local time). Later files have greater names, whatever the clock says.

use std::fmt;

/// Whether a file of this name is an index file.
pub(super) fn is_valid(name: &str) -> bool {
    name.len() == 17 && name.bytes().all(|digit| digit.is_ascii_digit())
}

/// A name for a file made at `now_ms`, greater than `previous`.
pub(super) fn after(now_ms: i64, previous: Option<&str>) -> String {
    let name = Digits(now_ms).to_string();
    match previous {
        Some(previous) if *previous >= *name => {
            let number: u64 = previous.parse().unwrap_or(0);
            format!("{:017}", number + 1)
        }
        _ => name,
    }
}

/// Milliseconds since 1970 as calendar digits.
struct Digits(i64);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY_MS: i64 = 86_400_000;
        let (year, month, day) = civil_date(self.0.div_euclid(DAY_MS));
        let ms = self.0.rem_euclid(DAY_MS);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        write!(f, "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{:03}", ms % 1_000)
    }
}

/// Year, month and day of a day counted from 1970-01-01, after Howard Hinnant's `civil_from_days`: years begin in March,
/// so that the leap day comes last.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}
