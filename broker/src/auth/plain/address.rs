//! Addresses that are trusted without a signature, as ACL 1.0 writes them: `*`, `10.1.*.*`, `10.1.2.10-20`, `10.1.2.{7,9}`,
//! `10.1.2.7,10.1.3.9`, and the same with the groups of an IPv6 address.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Some addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Addresses {
    /// All, of either version.
    All,
    /// Those whose four or eight groups each lie in the range of one of these.
    Any(Vec<Vec<RangeInclusive<u16>>>),
}

impl Addresses {
    /// Is this one of them? An IPv4 address in the form of an IPv6 one counts as what it is.
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        let groups: Vec<u16> = match address.to_canonical() {
            IpAddr::V4(address) => address.octets().map(u16::from).to_vec(),
            IpAddr::V6(address) => address.segments().to_vec(),
        };
        let fits = |ranges: &Vec<RangeInclusive<u16>>| {
            ranges.len() == groups.len() && ranges.iter().zip(&groups).all(|(range, group)| range.contains(group))
        };
        match self {
            Self::All => true,
            Self::Any(patterns) => patterns.iter().any(fits),
        }
    }
}

impl FromStr for Addresses {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if ["*", "*.*.*.*", "*:*:*:*:*:*:*:*"].contains(&text) {
            return Ok(Self::All);
        }
        let braced = text.strip_suffix('}').map(|text| text.split_once('{').ok_or(())).transpose()?;
        let (head, choices) = braced.unwrap_or(("", text));
        let patterns = choices.split(',').map(|choice| pattern(&format!("{head}{}", choice.trim())));
        patterns.collect::<Option<_>>().map(Self::Any).ok_or(())
    }
}

fn pattern(text: &str) -> Option<Vec<RangeInclusive<u16>>> {
    if !text.contains(':') {
        let groups: Option<Vec<_>> = text.split('.').map(|text| group(text, 10, u16::from(u8::MAX))).collect();
        return groups.filter(|groups| groups.len() == 4);
    }
    let side = |text: &str| -> Option<Vec<_>> {
        let groups = text.split(':').filter(|_| !text.is_empty());
        groups.map(|text| group(text, 16, u16::MAX)).collect()
    };
    let Some((head, tail)) = text.split_once("::") else {
        return side(text).filter(|groups| groups.len() == 8);
    };
    let (mut groups, tail) = (side(head)?, side(tail)?);
    let left_out = 8usize.checked_sub(groups.len() + tail.len()).filter(|count| *count > 0)?;
    groups.extend(std::iter::repeat_n(0..=0, left_out));
    groups.extend(tail);
    Some(groups)
}

fn group(text: &str, radix: u32, max: u16) -> Option<RangeInclusive<u16>> {
    if text == "*" {
        return Some(0..=max);
    }
    let number = |text: &str| u16::from_str_radix(text, radix).ok().filter(|number| *number <= max);
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let range = number(from)?..=number(to)?;
    (!range.is_empty()).then_some(range)
}
