//! Why a text is no expression, before bytes are counted as characters.

use super::MAX_DEPTH;

/// What is wrong with a part of the text, and the offset in bytes at which that part begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) message: String,
}

impl Fault {
    /// A fault of the part that begins at an offset.
    pub(super) fn at(offset: usize, message: impl Into<String>) -> Self {
        let message = message.into();
        Fault { offset, message }
    }

    /// The fault of a part that lies too deep.
    pub(super) fn too_deep(offset: usize) -> Self {
        let message = format!("the expression nests deeper than the {MAX_DEPTH} levels allowed");
        Fault::at(offset, message)
    }
}
