//! Which messages a group wants to see: subscriptions by tag. Expressions over properties (SQL92) are not served yet.

mod subscription;

pub use subscription::{ALL, NoTag, Subscription, TAG, is_tag_type};
