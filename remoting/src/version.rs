//! Versions as headers carry them: the position of a release in Apache's list, where every release stands behind its own snapshot.

use std::fmt;

/// A peer's version: Apache's ordinal, which grows with the release. Behaviour that differs by version compares with the constants.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Version(pub i32);

impl Version {
    /// The release whose behaviour our servers have, as every answer says.
    pub const CURRENT: Self = Self::V5_5_0;
    /// From here on a client's `maxReconsumeTimes` is honoured.
    pub const V3_4_9: Self = Self(121);
    /// From here on clients read routes in standard JSON.
    pub const V4_9_4: Self = Self(401);
    /// From here on a broker's registration carries the mapping of static topics' queues.
    pub const V5_0_0: Self = Self(413);
    /// Clients above this one understand GO_AWAY.
    pub const V5_3_1: Self = Self(475);
    /// The release whose behaviour our servers have.
    pub const V5_5_0: Self = Self(513);
    /// Any version newer than the list.
    pub const HIGHER: Self = Self(612);
}

/// Where each line of releases begins: ordinal of its first snapshot, major, minor, patch number of its first release.
const LINES: [(i32, u8, u8, u8); 31] = lines();

const fn lines() -> [(i32, u8, u8, u8); 31] {
    let mut lines = [(0, 0, 0, 0); 31];
    let fixed = [
        (16, 3, 0, 1),
        (46, 3, 1, 0),
        (66, 3, 2, 0),
        (86, 3, 3, 1),
        (104, 3, 4, 1),
        (122, 3, 5, 1),
        (140, 3, 6, 1),
        (158, 3, 7, 1),
        (176, 3, 8, 1),
        (194, 3, 9, 1),
        (212, 4, 0, 0),
    ];
    let mut line = 0;
    while line < fixed.len() {
        lines[line] = fixed[line];
        line += 1;
    }
    // From 4.0.0 on every minor version has ten releases, 0 to 9.
    while line < lines.len() {
        let minors = (line + 1 - fixed.len()) as u8;
        lines[line] = (212 + 20 * minors as i32, 4 + minors / 10, minors % 10, 0);
        line += 1;
    }
    lines
}

impl fmt::Display for Version {
    /// Writes Apache's name, such as `V5_5_0` or `V4_9_4_SNAPSHOT`. The sixteen ordinals before 3.0.1 are all written `V3_0_0`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= Self::HIGHER.0 {
            return out.write_str("HIGHER_VERSION");
        }
        let Some((first, major, minor, first_patch)) = LINES.iter().rev().find(|line| line.0 <= self.0) else {
            return out.write_str("V3_0_0");
        };
        let place = self.0 - first;
        let patch = i32::from(*first_patch) + place / 2;
        let snapshot = if place % 2 == 0 { "_SNAPSHOT" } else { "" };
        write!(out, "V{major}_{minor}_{patch}{snapshot}")
    }
}

#[cfg(test)]
mod tests;
