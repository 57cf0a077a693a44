//! The RocketMQ remoting protocol: frames, header codecs (JSON and ROCKETMQ binary), typed request and
//! response headers, JSON bodies, request and response codes, and the connection that carries them in
//! both directions. What a request *means* (topics, stores, routes) is not known here.
//!
//! Start reading at [`service`] (what a server implements), then [`connection`] (what drives it),
//! [`header`] and [`body`] (what is said). [`keys`] and [`properties`] are the one table of configuration
//! keys that both servers build on, and [`logs`] is how both log.

pub mod admission;
pub mod body;
pub mod client;
pub mod code;
pub mod codec;
pub mod connection;
pub mod field_writer;
pub mod fields;
pub mod frame;
pub mod header;
pub mod java_json;
pub mod keys;
pub mod language;
pub mod latency;
pub mod logs;
pub mod network;
pub mod properties;
pub mod proxy;
pub mod server;
pub mod service;
pub mod signing;
pub mod tls;
pub mod version;
mod words;

pub use client::{Client, ClientOptions, ConnectError};
pub use code::{RequestCode, ResponseCode};
pub use codec::{Encoding, Header};
pub use connection::{CallError, Connection, ConnectionOptions, Message};
pub use field_writer::{FieldSource, FieldWriter};
pub use fields::{FieldError, Fields, OwnedFields};
pub use language::Language;
pub use server::{Server, ServerOptions};
pub use service::{Answer, Body, Parked, Reply, Request, Service};
