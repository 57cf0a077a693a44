//! `mqbench` over gRPC against a broker of ours: it counts what happened. (Over remoting its own tests show that.)

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use bolide_benches::options::{Arguments, Command};
use bolide_benches::report::Report;
use bolide_benches::session;
use bolide_tests::cluster::Cluster;
use clap::Parser;

const BROKER: &str = "bench";

async fn run(cluster: &Cluster, line: &str) -> Report {
    let (name_server, grpc) = (cluster.name_server(), cluster.endpoint(BROKER));
    let common = ["--namesrv", &name_server, "--grpc", &grpc, "--quiet"];
    let words = ["mqbench"].into_iter().chain(line.split_whitespace()).chain(common);
    let report = match Arguments::try_parse_from(words).unwrap().command {
        Command::Produce(options) => session::produce(&options).await,
        Command::Consume(options) => session::consume(&options).await,
        Command::E2e(options) => session::end_to_end(&options).await,
        other => panic!("{other:?}"),
    };
    report.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_over_grpc_count_what_happened() {
    let cluster = Cluster::new("bench");
    cluster.start_grpc_broker(BROKER, "bench", &[]);
    let produced = run(&cluster, "produce --topic backlog --messages 300 --batch 3 --connections 2").await;
    assert_eq!((produced.messages, produced.requests, produced.failures), (300, 100, 0));
    assert_eq!(produced.latency.unwrap().count, 100);
    let consumed = run(&cluster, "consume --topic backlog --backlog --connections 2").await;
    assert_eq!((consumed.messages, consumed.failures), (300, 0));
    let paced = "e2e --topic pair --size 64 --rate 100 --property colour=blue --warmup 100ms --duration 500ms";
    let both = run(&cluster, paced).await;
    assert_eq!((both.lost, both.failures), (Some(0), 0));
    assert!(both.latency.unwrap().count > 0 && both.send_latency.unwrap().count > 0);
    let free = run(&cluster, "produce --topic pair --connections 3 --warmup 0s --duration 200ms").await;
    assert!(free.messages > 0 && free.failures == 0 && free.unsent.is_none());
}
