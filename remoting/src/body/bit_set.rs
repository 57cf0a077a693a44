//! Java's bit sets, as batches of acknowledgements carry them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A set of small numbers. In JSON it is the base64 of its bits, lowest bit of the first byte first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BitSet {
    bytes: Vec<u8>,
}

impl BitSet {
    /// Is the number in the set?
    pub fn contains(&self, number: usize) -> bool {
        self.bytes.get(number / 8).is_some_and(|byte| byte >> (number % 8) & 1 == 1)
    }

    /// Puts a number into the set.
    pub fn insert(&mut self, number: usize) {
        if self.bytes.len() <= number / 8 {
            self.bytes.resize(number / 8 + 1, 0);
        }
        self.bytes[number / 8] |= 1 << (number % 8);
    }

    /// The numbers in the set, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.bytes.len() * 8).filter(|number| self.contains(*number))
    }
}

impl FromIterator<usize> for BitSet {
    fn from_iter<T: IntoIterator<Item = usize>>(numbers: T) -> Self {
        let mut set = Self::default();
        numbers.into_iter().for_each(|number| set.insert(number));
        set
    }
}

impl Serialize for BitSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.bytes))
    }
}

impl<'de> Deserialize<'de> for BitSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = STANDARD.decode(text).map_err(de::Error::custom)?;
        // Equal sets are equal, whatever zeros follow.
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        Ok(Self { bytes })
    }
}
