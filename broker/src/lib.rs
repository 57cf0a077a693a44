//! The broker: everything that decides about topics, groups, offsets and messages. It knows the store and the remoting protocol,
//! and translates between them. Start reading at [`broker::Broker`] and [`requests`], the table of what is served; each capability
//! has a folder of its own. How bytes reach the disk and the wire is not decided here.

mod admin;
pub mod attribute;
pub mod auth;
pub mod broker;
pub mod client;
mod cluster;
pub mod config;
mod config_file;
pub mod delay;
mod dial;
mod drain;
pub mod filter;
mod flow;
pub mod foreign;
pub mod group;
mod grpc;
pub mod lite;
mod message;
mod metrics;
pub mod name;
pub mod offset;
mod page;
pub mod pop;
pub mod pull;
mod query;
mod quota;
mod recipient;
mod refusal;
mod registration;
mod relay;
mod reply;
pub mod requests;
pub mod retention;
mod retry;
mod role;
mod runtime_info;
mod scrub;
pub mod send;
pub mod server;
mod statistics;
mod store_options;
pub mod timer;
pub mod topic;
pub mod transaction;
