//! Connected clients: heartbeats and goodbyes, who is in which group, notices of change to consumers, and queue locks.

pub(crate) mod handle;
pub mod locks;
pub mod registry;
mod requests;

pub(crate) use requests::*;
