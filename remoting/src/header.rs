//! Typed headers: for each request and answer the fields that its header carries, with their names on
//! the wire, given once. `decode` reads them from [`Fields`](crate::fields::Fields); every type is a
//! [`FieldSource`](crate::field_writer::FieldSource) that writes them.
//!
//! A field without `Option` must be there, unless a default is given (`or`), which then also stands
//! for an absent field of a Java primitive. Types are named after Apache's, less the word "Header".

#[macro_use]
mod macros;

mod auth;
mod broker;
mod client;
mod group;
mod lite;
mod namesrv;
mod offset;
mod pop;
mod pull;
mod query;
mod send;
#[cfg(test)]
mod tests;
mod topic;
mod transaction;

pub use auth::*;
pub use broker::*;
pub use client::*;
pub use group::*;
pub use lite::*;
pub use namesrv::*;
pub use offset::*;
pub use pop::*;
pub use pull::*;
pub use query::*;
pub use send::*;
pub use topic::*;
pub use transaction::*;
