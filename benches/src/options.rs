//! The command line of `mqbench`.

use std::time::Duration;

use bolide_remoting::Encoding;
use clap::{Args, Parser, Subcommand};

use crate::failure::Failure;
use crate::payload;
use crate::quantity;
use crate::records::STAMP_BYTES;

/// Drives a RocketMQ server over the remoting protocol or gRPC and measures it.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "mqbench",
    version,
    after_help = "Examples:
  mqbench produce --size 1k --in-flight 16 --server-pid $(pgrep -x mqbroker)
  mqbench produce --size 128 --batch 32 --messages 1000000 --topic backlog
  mqbench consume --topic backlog --backlog
  mqbench e2e --rate 2000 --duration 30s --json
  mqbench e2e --rate 2000 --grpc 127.0.0.1:8081

\"In flight\" is what threads are to a Java producer that sends synchronously: each sends its next message when its
last one was answered."
)]
pub struct Arguments {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Send messages
    Produce(Produce),
    /// Pull messages, as a push consumer does
    Consume(Consume),
    /// Send and pull at the same time, and measure how long messages take from one end to the other
    E2e(EndToEnd),
    /// Wait until a broker is listed at the name server and answers
    Ready(Ready),
}

/// Options of `produce`.
#[derive(Clone, Debug, Args)]
pub struct Produce {
    /// Where, how long and how to report
    #[command(flatten)]
    pub run: Run,
    /// What to send
    #[command(flatten)]
    pub sending: Sending,
    /// Send so many messages, without a warm-up, instead of sending for a time
    #[arg(long, value_name = "N", conflicts_with_all = ["duration", "warmup"])]
    pub messages: Option<u64>,
}

/// Options of `consume`.
#[derive(Clone, Debug, Args)]
pub struct Consume {
    /// Where, how long and how to report
    #[command(flatten)]
    pub run: Run,
    /// How to pull
    #[command(flatten)]
    pub pulling: Pulling,
    /// Begin with the first message, and stop when all that are there now have been pulled
    #[arg(long, conflicts_with_all = ["duration", "warmup"])]
    pub backlog: bool,
}

/// Options of `e2e`.
#[derive(Clone, Debug, Args)]
pub struct EndToEnd {
    /// Where, how long and how to report
    #[command(flatten)]
    pub run: Run,
    /// What to send
    #[command(flatten)]
    pub sending: Sending,
    /// How to pull
    #[command(flatten)]
    pub pulling: Pulling,
}

/// Options of `ready`.
#[derive(Clone, Debug, Args)]
pub struct Ready {
    /// Name servers, as host:port;host:port
    #[arg(long, value_name = "ADDRS", default_value = "127.0.0.1:9876")]
    pub namesrv: String,
    /// Give up after this long
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, default_value = "60s")]
    pub timeout: Duration,
}

/// Where, how long and how to report.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// Name servers, as host:port;host:port
    #[arg(long, value_name = "ADDRS", default_value = "127.0.0.1:9876")]
    pub namesrv: String,
    /// The topic; it is created if it does not exist
    #[arg(long, default_value = "mqbench")]
    pub topic: String,
    /// Queues of a topic that is created, on each broker
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(i32).range(1..=4096))]
    pub queues: i32,
    /// The group of producers or consumers
    #[arg(long, default_value = "mqbench")]
    pub group: String,
    /// Connections to each broker, for each of producing and consuming
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub connections: u16,
    /// Speak gRPC to the server at this address: consumers receive and acknowledge there what others pull. Topics are
    /// still created over remoting
    #[arg(long, value_name = "ADDR")]
    pub grpc: Option<String>,
    /// How headers are written
    #[arg(long, value_name = "json|binary", default_value = "json", value_parser = encoding)]
    pub encoding: Encoding,
    /// How long to measure
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, default_value = "10s")]
    pub duration: Duration,
    /// How long to run before measuring
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, default_value = "2s")]
    pub warmup: Duration,
    /// Processes of the server, whose cost is measured
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub server_pid: Vec<u32>,
    /// Threads of mqbench itself
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,
    /// Write the result as one line of JSON
    #[arg(long)]
    pub json: bool,
    /// Write no progress to standard error
    #[arg(long)]
    pub quiet: bool,
}

/// What to send, and when.
#[derive(Clone, Debug, Args)]
pub struct Sending {
    /// Bytes of a message's body; k and m stand for KiB and MiB
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes, default_value = "1k")]
    pub size: usize,
    /// Messages in a request
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub batch: u16,
    /// Requests in flight, over all connections together
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub in_flight: u32,
    /// Messages per second; latency then counts from when a message was meant to be sent. Without: as fast as
    /// answers come
    #[arg(long, value_name = "N", value_parser = quantity::rate)]
    pub rate: Option<f64>,
    /// A property of every message, NAME=VALUE; may be given several times
    #[arg(long = "property", value_name = "NAME=VALUE", value_parser = payload::property)]
    pub properties: Vec<String>,
}

/// How to pull.
#[derive(Clone, Debug, Args)]
pub struct Pulling {
    /// The most messages that a pull asks for; over gRPC, where servers give 32 at most, a receive
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(i32).range(1..))]
    pub pull_batch: i32,
}

/// Room for the bodies of a batch and what surrounds them in one frame of 16 MiB.
const MAX_REQUEST_BYTES: usize = 15 << 20;

impl Sending {
    /// Checks what concerns several options at once.
    ///
    /// # Errors
    /// When they do not fit together.
    pub fn check(&self, stamped: bool) -> Result<(), Failure> {
        if self.size.saturating_mul(usize::from(self.batch)) > MAX_REQUEST_BYTES {
            let bytes = self.size.saturating_mul(usize::from(self.batch));
            let text = format!("--size times --batch is {bytes} bytes; a request holds {MAX_REQUEST_BYTES}");
            return Err(Failure::Options(text));
        }
        if stamped && self.size < STAMP_BYTES {
            let text = format!("--size is {}; messages that are timed have {STAMP_BYTES} bytes at least", self.size);
            return Err(Failure::Options(text));
        }
        Ok(())
    }
}

fn encoding(text: &str) -> Result<Encoding, String> {
    match text.to_ascii_lowercase().as_str() {
        "json" => Ok(Encoding::Json),
        "binary" | "rocketmq" => Ok(Encoding::Binary),
        _ => Err(format!("{text:?} is no encoding; write json or binary")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace()).map(|arguments| arguments.command)
    }

    fn produce(line: &str) -> Produce {
        match parse(line) {
            Ok(Command::Produce(produce)) => produce,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn options_are_read() {
        let options =
            produce("mqbench produce --size 4k --batch 2 --rate 10 --duration 500ms --server-pid 1,2 --property a=b");
        assert_eq!((options.sending.size, options.sending.batch, options.sending.rate), (4096, 2, Some(10.0)));
        assert_eq!((options.run.duration, options.run.server_pid), (Duration::from_millis(500), vec![1, 2]));
        assert_eq!(options.sending.properties, ["a\x01b\x02"]);
        let options = produce("mqbench produce --messages 5 --encoding ROCKETMQ");
        assert_eq!((options.messages, options.run.encoding), (Some(5), Encoding::Binary));
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "mqbench",
            "mqbench produce --rate 0",
            "mqbench produce --in-flight 0",
            "mqbench produce --messages 5 --duration 5s",
            "mqbench produce --property TAGS",
            "mqbench consume --size 5",
            "mqbench consume --backlog --warmup 1s",
            "mqbench e2e --encoding xml",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn requests_must_fit_into_a_frame() {
        assert!(produce("mqbench produce --size 4m").sending.check(false).is_ok());
        assert!(produce("mqbench produce --size 4m --batch 32").sending.check(false).is_err());
        assert!(produce("mqbench produce --size 8").sending.check(false).is_ok());
        assert!(produce("mqbench produce --size 8").sending.check(true).is_err());
    }
}
