//! What monitoring sees after some traffic: the names and labels of Apache's broker, what the dashboard and the alerts under `conf/` ask
//! for, and what a collector of OpenTelemetry is sent.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bolide_proto::opentelemetry::metric::Data;
use bolide_proto::opentelemetry::metrics_service_server::{MetricsService, MetricsServiceServer};
use bolide_proto::opentelemetry::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse, Metric, any_value, number_data_point,
};
use bolide_remoting::{Body, RequestCode};
use bolide_tests::binaries::{Role, apache_version};
use bolide_tests::cluster::start;
use bolide_tests::folder::Folder;
use bolide_tests::ports::free_block;
use bolide_tests::remote::{PRODUCERS, Remote, Sent};
use bolide_tests::server::Server;
use bolide_tests::wire::{Form, Wire, now_ms};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::mpsc;
use tonic::codegen::Service;

const LIMIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);
/// The labels that every sample has.
const COMMON: [&str; 3] = ["cluster", "node_id", "node_type"];
/// Writes Apache's names anew, when the tests run against its servers.
const WRITE_VARIABLE: &str = "BOLIDE_WRITE_GOLDEN";

/// A broker that has seen messages of all kinds, with its name server.
struct Watched {
    port: u16,
    /// The clients that are connected.
    _clients: (Remote, Wire),
    broker: Server,
    _name_server: Server,
    _folder: Folder,
}

impl Watched {
    async fn start(purpose: &str, settings: &[String]) -> Self {
        let folder = Folder::new(purpose);
        let name_server = start(Role::NameServer, "namesrv", folder.path(), |port| {
            format!("listenPort={port}\nkvConfigPath={}\n", folder.path().join("kvConfig.json").display())
        });
        let (port, store) = (free_block(), folder.path().join("store"));
        let broker = start(Role::Broker, "broker-a", folder.path(), |listen_port| {
            format!(
                "brokerName=broker-a\nbrokerIP1=127.0.0.1\nlistenPort={listen_port}\nhaListenPort={}\ngrpcServerPort=0\nnamesrvAddr={}\n\
                 storePathRootDir={store}\nstorePathCommitLog={store}/commitlog\nmappedFileSizeCommitLog=67108864\n\
                 messageDelayLevel=1s 1s\ntransactionCheckInterval=500\ntransactionTimeOut=600000\nmetricsExporterType=PROM\nmetricsPromExporterHost=127.0.0.1\nmetricsPromExporterPort={port}\n{}\n",
                listen_port + 1,
                name_server.address(),
                settings.join("\n"),
                store = store.display(),
            )
        });
        let clients = traffic(&broker).await;
        Watched { port, _clients: clients, broker, _name_server: name_server, _folder: folder }
    }

    fn page(&self) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: broker\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}")).1.to_owned()
    }

    /// The page, once it shows what takes a while.
    async fn settled_page(&self) -> String {
        let names =
            ["rocketmq_timer_dequeue_total", "rocketmq_pop_revive_retry_messages_total", "rocketmq_half_messages"];
        let deadline = Instant::now() + LIMIT;
        loop {
            let page = self.page();
            let missing: Vec<_> = names.iter().filter(|name| !page.contains(&format!("\n{name}{{"))).collect();
            if missing.is_empty() {
                return page;
            }
            assert!(Instant::now() < deadline, "{missing:?} are not in\n{page}");
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Messages of all kinds, and all that becomes of them.
async fn traffic(broker: &Server) -> (Remote, Wire) {
    let (remote, wire) = (Remote::connect(broker).await, Wire::connect(broker).await);
    remote.introduce().await;
    remote.create_topic("orders", 1).await;
    remote.send("orders", 0, "normal", &["UNIQ_KEY=id-normal"]).await;
    remote.send("orders", 0, "grouped", &["UNIQ_KEY=id-grouped", "__SHARDINGKEY=g"]).await;
    remote.send("orders", 0, "delayed", &["UNIQ_KEY=id-delayed", "DELAY=1"]).await;
    let soon = format!("TIMER_DELIVER_MS={}", now_ms() + 1_500);
    remote.send("orders", 0, "timed", &["UNIQ_KEY=id-timed", &soon]).await;
    let later = format!("TIMER_DELIVER_MS={}", now_ms() + 3_600_000);
    remote.send("orders", 0, "timed for later", &["UNIQ_KEY=id-later", &later]).await;
    for name in ["committed", "rolled-back", "open"] {
        let half = remote.prepare("orders", name).await;
        match name {
            "committed" => remote.commit("orders", name, &half).await,
            "rolled-back" => roll_back(&wire, name, &half).await,
            _ => {}
        }
    }
    let messages = remote.await_all("orders", 0, 5).await;
    consume(&wire).await;
    remote.send_back("billing", &messages[0], -1).await;
    remote.set_offset("billing", "orders", 0, 2).await;
    let popped = remote.pop("shipping", "orders", 0, 2, Duration::from_secs(1)).await.unwrap();
    remote.acknowledge("shipping", "orders", 0, &popped, &popped.messages[0]).await;
    wire.ask(RequestCode(4711), &Form::of(&[]), Body::Empty).await;
    (remote, wire)
}

async fn roll_back(wire: &Wire, name: &str, half: &Sent) {
    let id = format!("id-{name}");
    let form = Form::of(&[
        ("topic", "orders"),
        ("producerGroup", PRODUCERS),
        ("commitOrRollback", "12"),
        ("fromTransactionCheck", "false"),
        ("msgId", &id),
        ("transactionId", &id),
    ]);
    let form = form.with("tranStateTableOffset", half.offset).with("commitLogOffset", half.physical);
    wire.succeed(RequestCode::END_TRANSACTION, &form, Body::Empty).await;
}

/// A consumer that introduces itself, and pulls.
async fn consume(wire: &Wire) {
    let subscription =
        r#"{"topic":"orders","subString":"*","tagsSet":[],"codeSet":[],"subVersion":1,"expressionType":"TAG"}"#;
    let heartbeat = format!(
        r#"{{"clientID":"consumer","producerDataSet":[],"consumerDataSet":[{{"groupName":"billing","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","subscriptionDataSet":[{subscription}],"unitMode":false}}]}}"#
    );
    wire.succeed(RequestCode::HEART_BEAT, &Form::of(&[]), heartbeat.into_bytes()).await;
    let pull = bolide_tests::wire::pull_form("billing", "orders", 0, 0);
    wire.succeed(RequestCode::PULL_MESSAGE, &pull, Body::Empty).await;
}

/// The samples of a page: each name with the labels that it has beside the common ones.
fn shapes(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut shapes = BTreeMap::<String, BTreeSet<String>>::new();
    for line in page.lines().filter(|line| line.starts_with("rocketmq_") || line.starts_with("bolide_")) {
        let (name, labels) = line.split_once('{').unwrap();
        let (labels, _) = labels.rsplit_once('}').unwrap();
        let names = labels.split("\",").filter_map(|label| label.split_once('=')).map(|(name, _)| name.to_owned());
        let ours = names.filter(|name| !COMMON.contains(&name.as_str()) && !name.starts_with("otel_"));
        shapes.entry(name.to_owned()).or_default().extend(ours);
    }
    shapes
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/metrics.txt")
}

/// Apache's names, as its own page had them after the same traffic, and its labels. What is missing here is marked in the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_labels_are_apaches() {
    let watched = Watched::start("names", &[]).await;
    let page = watched.settled_page().await;
    let shapes = shapes(&page);
    if apache_version().is_some() {
        if std::env::var_os(WRITE_VARIABLE).is_some() {
            let line = |(name, labels): (&String, &BTreeSet<String>)| {
                format!("{name} {}\n", labels.iter().cloned().collect::<Vec<_>>().join(","))
            };
            std::fs::write(golden(), shapes.iter().map(line).collect::<String>()).unwrap();
        }
        return;
    }
    let golden = std::fs::read_to_string(golden()).unwrap();
    let mut wrong = Vec::new();
    let mut known = BTreeSet::new();
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let (is_missing, line) = line.strip_prefix('-').map_or((false, line), |line| (true, line));
        let (has_fewer, line) = line.strip_prefix('~').map_or((false, line), |line| (true, line));
        let (name, labels) = line.split_once(' ').unwrap();
        let labels: BTreeSet<String> = labels.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        known.insert(name);
        match (shapes.get(name), is_missing) {
            (Some(found), false) if has_fewer && found.is_subset(&labels) && *found != labels => {}
            (Some(found), false) if has_fewer || *found != labels => {
                wrong.push(format!("{name} has {found:?}, not {labels:?}"))
            }
            (None, false) => wrong.push(format!("{name} is missing")),
            (Some(_), true) => wrong.push(format!("{name} is there, though it is marked as missing")),
            _ => {}
        }
    }
    let added = shapes.keys().filter(|name| name.starts_with("rocketmq_") && !known.contains(name.as_str()));
    wrong.extend(added.map(|name| format!("{name} is none of Apache's")));
    assert!(wrong.is_empty(), "{}\n{page}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_what_happened() {
    let watched = Watched::start("numbers", &["metricsLabel=site:north,cluster:other,9:bad".to_owned()]).await;
    let page = watched.settled_page().await;
    let common = r#"cluster="DefaultCluster",node_id="broker-a",node_type="broker",site="north""#;
    let orders = r#"topic="orders""#;
    for (name, labels, value) in [
        ("rocketmq_messages_in_total", r#"topic="orders",message_type="normal",is_system="false""#, "1.0"),
        ("rocketmq_messages_in_total", r#"topic="orders",message_type="fifo",is_system="false""#, "1.0"),
        ("rocketmq_messages_in_total", r#"topic="orders",message_type="delay",is_system="false""#, "3.0"),
        ("rocketmq_messages_in_total", r#"topic="orders",message_type="transaction",is_system="false""#, "3.0"),
        ("rocketmq_half_messages", orders, "1.0"),
        ("rocketmq_commit_messages_total", orders, "1.0"),
        ("rocketmq_rollback_messages_total", orders, "1.0"),
        ("rocketmq_send_to_dlq_messages_total", r#"consumer_group="billing",topic="orders",is_system="false""#, "1.0"),
        ("rocketmq_timer_enqueue_total", r#"storage_type="local",storage_medium="disk",topic="orders""#, "2.0"),
        ("rocketmq_timer_dequeue_total", r#"storage_type="local",storage_medium="disk",topic="orders""#, "1.0"),
        (
            "rocketmq_pop_revive_retry_messages_total",
            r#"consumer_group="shipping",topic="orders",put_status="PUT_OK""#,
            "1.0",
        ),
        ("bolide_timer_lateness_milliseconds_count", "", "1.0"),
    ] {
        let labels = if labels.is_empty() { String::new() } else { format!(",{labels}") };
        let line = format!("\n{name}{{{common}{labels}}} {value}\n");
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
    let unknown =
        r#"request_code="-1",response_code="request_code_not_supported",is_long_polling="false",result="success""#;
    assert!(page.contains(unknown), "{page}");
}

/// Everything that the dashboard and the alerts ask for is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dashboard_and_alerts_ask_for_what_there_is() {
    let conf = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("conf");
    let dashboard = std::fs::read_to_string(conf.join("grafana/bolide.json")).unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let panels = parsed["panels"].as_array().unwrap();
    assert!(panels.iter().all(|panel| panel["targets"].as_array().is_some_and(|targets| !targets.is_empty())));
    let alerts = std::fs::read_to_string(conf.join("alerts.yml")).unwrap();
    let rules = alerts.lines().filter(|line| line.trim().starts_with("- alert: ")).count();
    for part in ["expr: ", "severity: ", "summary: "] {
        assert_eq!(alerts.lines().filter(|line| line.trim().starts_with(part)).count(), rules, "{part}");
    }
    let text = dashboard + &alerts;
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let asked: BTreeSet<&str> =
        words.filter(|word| word.starts_with("rocketmq_") || word.starts_with("bolide_")).collect();
    assert!(asked.len() > 20, "{asked:?}");
    let watched = Watched::start("boards", &[]).await;
    let page = watched.settled_page().await;
    let shapes = shapes(&page);
    let missing: Vec<_> = asked.into_iter().filter(|name| !shapes.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in\n{page}");
}

/// A collector that hands on what it is sent.
#[derive(Clone)]
struct Collector(mpsc::UnboundedSender<(Option<String>, ExportMetricsServiceRequest)>);

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, tonic::Status> {
        let token = request.metadata().get("x-token").map(|value| value.to_str().unwrap().to_owned());
        let _ = self.0.send((token, request.into_inner()));
        Ok(tonic::Response::new(ExportMetricsServiceResponse::default()))
    }
}

async fn collector() -> (String, mpsc::UnboundedReceiver<(Option<String>, ExportMetricsServiceRequest)>) {
    let (sender, received) = mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let service = MetricsServiceServer::new(Collector(sender));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            let serve = service_fn(move |request: http::Request<Incoming>| {
                let mut service = service.clone();
                async move { Ok::<_, Infallible>(service.call(request).await.unwrap()) }
            });
            tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), serve));
        }
    });
    (address, received)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_is_sent_the_same() {
    let (target, mut received) = collector().await;
    let settings = [
        "metricsExporterType=OTLP_GRPC".to_owned(),
        format!("metricsGrpcExporterTarget={target}"),
        "metricsGrpcExporterHeader=x-token:secret".to_owned(),
        "metricGrpcExporterIntervalInMills=100".to_owned(),
    ];
    let watched = Watched::start("collector", &settings).await;
    let deadline = Instant::now() + LIMIT;
    let metrics = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let (token, request) = tokio::time::timeout(left, received.recv()).await.unwrap().unwrap();
        assert_eq!(token.as_deref(), Some("secret"));
        let scope = request.resource_metrics.into_iter().next().unwrap().scope_metrics.into_iter().next().unwrap();
        let metrics: BTreeMap<String, Metric> =
            scope.metrics.into_iter().map(|metric| (metric.name.clone(), metric)).collect();
        if metrics.contains_key("rocketmq_timer_dequeue_total") {
            break metrics;
        }
    };
    // As Apache names its instruments, without the units that Prometheus wants.
    for (name, unit) in [
        ("rocketmq_rpc_latency", "milliseconds"),
        ("rocketmq_storage_size", "bytes"),
        ("rocketmq_delay_message_latency", "seconds"),
        ("rocketmq_topic_number", ""),
    ] {
        assert_eq!(metrics[name].unit, unit, "{name}");
    }
    let Some(Data::Sum(sum)) = &metrics["rocketmq_messages_in_total"].data else { panic!("{metrics:?}") };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
    let attribute = |attributes: &[bolide_proto::opentelemetry::KeyValue], key: &str| {
        attributes.iter().find(|attribute| attribute.key == key).and_then(|found| found.value.clone()?.value)
    };
    let normal = sum.data_points.iter().find(|point| {
        attribute(&point.attributes, "message_type") == Some(any_value::Value::StringValue("normal".to_owned()))
    });
    let normal = normal.unwrap();
    assert_eq!(normal.value, Some(number_data_point::Value::AsDouble(1.0)));
    assert_eq!(attribute(&normal.attributes, "is_system"), Some(any_value::Value::BoolValue(false)));
    let name = any_value::Value::StringValue("broker-a".to_owned());
    assert_eq!(attribute(&normal.attributes, "node_id"), Some(name));
    let Some(Data::Histogram(sizes)) = &metrics["rocketmq_message_size"].data else { panic!("{metrics:?}") };
    let point = &sizes.data_points[0];
    assert_eq!((point.explicit_bounds.len(), point.bucket_counts.len()), (6, 7));
    assert_eq!(point.count, point.bucket_counts.iter().sum::<u64>());
    // Prometheus is served as well, and secrets are not shown.
    assert!(watched.page().contains("rocketmq_topic_number{"));
    let shown =
        Wire::connect(&watched.broker).await.succeed(RequestCode::GET_BROKER_CONFIG, &Form::of(&[]), Body::Empty).await;
    assert!(!String::from_utf8_lossy(&shown.body).contains("x-token:secret"));
}
