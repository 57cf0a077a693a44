//! Which messages a group wants to see: subscriptions by tag, and expressions over properties (SQL92).

mod sql;
mod subscription;

pub use sql::{Expression, MAX_BYTES, MAX_DEPTH, ParseError, SQL92};
pub use subscription::{ALL, Condition, NoTag, Subscription, TAG, is_tag_type};
