//! The body of a client's batch: messages that share topic, queue and everything else that is not in here.
//!
//! Each is: i32 total size, i32 0, i32 0, i32 flag, i32 body length, body, i16 properties length, properties.

use thiserror::Error;

use super::i32_at;

const HEADER_BYTES: usize = 20;

/// One message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchMessage<'a> {
    /// The producer's own flag.
    pub flag: i32,
    /// The body.
    pub body: &'a [u8],
    /// The properties as text.
    pub properties: &'a [u8],
}

/// Why a body is no batch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the batch is malformed at byte {position}: {problem}")]
pub struct BatchError {
    /// Where the malformed message starts.
    pub position: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Iterates over the messages of a batch body; ends after the first error.
#[derive(Clone, Debug)]
pub struct BatchMessages<'a> {
    body: &'a [u8],
    position: usize,
}

impl<'a> BatchMessages<'a> {
    /// The messages of `body`.
    pub fn new(body: &'a [u8]) -> Self {
        Self { body, position: 0 }
    }

    fn parse(&self) -> Result<(BatchMessage<'a>, usize), &'static str> {
        let rest = &self.body[self.position..];
        if rest.len() < HEADER_BYTES + 2 {
            return Err("it is shorter than the shortest message");
        }
        let body_len = length(i32_at(rest, 16), "its body length is negative")?;
        let body = rest[HEADER_BYTES..].get(..body_len).ok_or("its body is cut off")?;
        let (properties_len, after) =
            rest[HEADER_BYTES + body_len..].split_first_chunk().ok_or("its properties length is cut off")?;
        let properties_len = length(i16::from_be_bytes(*properties_len).into(), "its properties length is negative")?;
        let properties = after.get(..properties_len).ok_or("its properties are cut off")?;
        Ok((BatchMessage { flag: i32_at(rest, 12), body, properties }, HEADER_BYTES + body_len + 2 + properties_len))
    }
}

impl<'a> Iterator for BatchMessages<'a> {
    type Item = Result<BatchMessage<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position >= self.body.len() {
            return None;
        }
        let position = self.position;
        Some(match self.parse() {
            Ok((message, size)) => {
                self.position += size;
                Ok(message)
            }
            Err(problem) => {
                self.position = self.body.len();
                Err(BatchError { position, problem })
            }
        })
    }
}

fn length(claimed: i32, negative: &'static str) -> Result<usize, &'static str> {
    usize::try_from(claimed).map_err(|_| negative)
}
