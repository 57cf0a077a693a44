//! What may be done with a topic or a broker: Apache's permission bits.

/// The topic may serve as a template of new ones.
pub const INHERIT: i32 = 1;
/// Messages may be sent.
pub const WRITE: i32 = 2;
/// Messages may be consumed.
pub const READ: i32 = 4;

/// Whether messages may be sent.
pub fn is_writable(perm: i32) -> bool {
    perm & WRITE != 0
}

/// Whether messages may be consumed.
pub fn is_readable(perm: i32) -> bool {
    perm & READ != 0
}

/// Whether new topics may take after this one.
pub fn is_inherited(perm: i32) -> bool {
    perm & INHERIT != 0
}
