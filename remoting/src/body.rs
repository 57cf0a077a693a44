//! The shapes of JSON bodies, named after Apache's classes (less "SerializeWrapper", "RequestBody"
//! and the like where nothing is lost). Fields have Apache's names on the wire; what is absent or
//! null gets its default, as in Java. Unknown fields are ignored.
//!
//! [`encode`] and [`decode`] go by way of [`crate::java_json`], so that maps keyed by numbers or
//! queues come out as Java insists on.

mod assignment;
mod auth;
mod bit_set;
mod cluster;
mod connection;
mod data_version;
mod group;
mod ha;
mod heartbeat;
mod lite;
mod lock;
mod mapping;
mod message_queue;
mod offset;
mod pop;
mod registration;
mod route;
mod statistics;
#[cfg(test)]
mod tests;
mod topic;

pub use assignment::*;
pub use auth::*;
pub use bit_set::*;
pub use cluster::*;
pub use connection::*;
pub use data_version::*;
pub use group::*;
pub use ha::*;
pub use heartbeat::*;
pub use lite::*;
pub use lock::*;
pub use mapping::*;
pub use message_queue::*;
pub use offset::*;
pub use pop::*;
pub use registration::*;
pub use route::*;
pub use statistics::*;
pub use topic::*;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::java_json::{self, JsonError};

/// Writes a body in Java's form.
///
/// # Panics
/// Never for the types of this module; for others if they have enum variants with several values.
pub fn encode(body: &(impl Serialize + ?Sized)) -> Bytes {
    java_json::to_vec(body).expect("bodies have a form in JSON").into()
}

/// Writes a body in standard JSON, with every key in quotes.
///
/// # Panics
/// As [`encode`].
pub fn encode_standard(body: &(impl Serialize + ?Sized)) -> Bytes {
    java_json::to_standard_vec(body).expect("bodies have a form in JSON").into()
}

/// Reads a body in Java's or the standard form.
///
/// # Errors
/// When it is not JSON or has another shape.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, JsonError> {
    java_json::from_slice(body)
}

/// Defines body structs: public documented fields, Apache's names on the wire, defaults for what is
/// absent.
macro_rules! bodies {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[doc = concat!("Apache's `", stringify!($field), "`, in camel case on the wire.")]
                pub $field: $type,
            )*
        }
    )*};
}
use bodies;
