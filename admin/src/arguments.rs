//! What stands on a command line, by the long names of the flags. The parser has checked types and what must be there.

use clap::ArgMatches;

/// The flags of one command line.
pub(crate) struct Arguments(ArgMatches);

impl Arguments {
    pub(crate) fn new(matches: ArgMatches) -> Self {
        Self(matches)
    }

    /// A text, if it is given and not blank.
    pub(crate) fn optional(&self, flag: &str) -> Option<&str> {
        let given = self.0.try_get_one::<String>(flag).ok().flatten();
        given.map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// A text that has to be given.
    pub(crate) fn text(&self, flag: &str) -> &str {
        self.optional(flag).unwrap_or_default()
    }

    /// A number, if it is given.
    pub(crate) fn optional_number(&self, flag: &str) -> Option<i64> {
        self.0.try_get_one::<i64>(flag).ok().flatten().copied()
    }

    /// A number of another width, if it is given; one that does not fit becomes the nearest that does.
    pub(crate) fn optional_int(&self, flag: &str) -> Option<i32> {
        self.optional_number(flag).map(|number| number.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
    }

    /// `true` or `false`, if it is given.
    pub(crate) fn optional_truth(&self, flag: &str) -> Option<bool> {
        self.optional(flag).map(|text| text.eq_ignore_ascii_case("true"))
    }

    /// Is this switch given?
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.0.try_get_one::<bool>(flag).ok().flatten().copied().unwrap_or(false)
    }

    /// The texts between the commas of one that may be given.
    pub(crate) fn list(&self, flag: &str) -> Vec<String> {
        let parts = self.optional(flag).unwrap_or_default().split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }
}
