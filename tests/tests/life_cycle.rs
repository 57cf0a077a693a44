//! The samples under `conf/` start what they say, and a broker that is told to stop leaves in good order. These are Bolide's own manners.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bolide_remoting::version::Version;
use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_tests::binaries::our_binary;
use bolide_tests::cluster::Cluster;
use bolide_tests::folder::Folder;
use bolide_tests::ports::free_block;
use bolide_tests::server::{send, spawn};
use bolide_tests::wire::{Form, Wire, pull_form, send_form};
use rustix::process::Signal;

const LIMIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

fn conf(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("conf").join(name)
}

fn sample(name: &str) -> String {
    fs::read_to_string(conf(name)).unwrap()
}

/// A process that is killed at the end, and its first line that says that it is ready.
struct Running(std::process::Child);

impl Running {
    fn start(command: Command, folder: &Folder, name: &str, ready: &str) -> Self {
        let (child, lines) = spawn(command, File::create(log(folder, name)).unwrap());
        let running = Running(child);
        loop {
            let line = lines.recv_timeout(LIMIT);
            let line = line.unwrap_or_else(|_| panic!("{name}: {}", fs::read_to_string(log(folder, name)).unwrap()));
            if line.contains(ready) {
                return running;
            }
        }
    }

    fn ends(&mut self) -> std::process::ExitStatus {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the process has not ended");
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn log(folder: &Folder, name: &str) -> PathBuf {
    folder.path().join(format!("{name}.log"))
}

/// Writes a configuration with these values in place of its own, and answers where.
fn write(folder: &Folder, name: &str, text: &str, values: &[(&str, String)]) -> PathBuf {
    let path = folder.path().join(format!("{name}.conf"));
    let kept = text.lines().filter(|line| !values.iter().any(|(key, _)| line.split('=').next() == Some(key)));
    let values = values.iter().map(|(key, value)| format!("{key}={value}"));
    fs::write(&path, kept.map(str::to_owned).chain(values).collect::<Vec<_>>().join("\n")).unwrap();
    path
}

/// Ports and a folder of its own for a broker; the first port is the one for clients.
fn place(folder: &Folder, name: &str) -> (u16, Vec<(&'static str, String)>) {
    let (first, second) = (free_block(), free_block());
    let store = folder.path().join(name).display().to_string();
    let values = vec![
        ("listenPort", (first + 2).to_string()),
        ("grpcServerPort", (first + 1).to_string()),
        ("namesrvListenPort", second.to_string()),
        ("metricsPromExporterPort", (second + 1).to_string()),
        ("brokerIP1", "127.0.0.1".to_owned()),
        ("storePathRootDir", store),
    ];
    (first + 2, values)
}

fn server(binary: &str, config: &Path) -> Command {
    let mut command = Command::new(our_binary(binary));
    command.arg("-c").arg(config).env_remove("NAMESRV_ADDR").env_remove("RUST_LOG");
    command
}

/// Waits until the name server knows these brokers.
async fn await_brokers(name_server: u16, brokers: &[&str]) {
    let client = Wire::dial(&format!("127.0.0.1:{name_server}")).await;
    let deadline = Instant::now() + LIMIT;
    loop {
        let answer = client.succeed(RequestCode::GET_BROKER_CLUSTER_INFO, &Form::of(&[]), Body::Empty).await;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        if brokers.iter().all(|name| body.contains(&format!("\"{name}\""))) {
            return;
        }
        assert!(Instant::now() < deadline, "{brokers:?} are not all in {body}");
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_samples_for_one_node_start() {
    for name in ["broker.conf", "single-node.conf"] {
        let folder = Folder::new("sample");
        let (port, values) = place(&folder, "store");
        let config = write(&folder, "broker", &sample(name), &values);
        let _broker = Running::start(server("mqbroker", &config), &folder, name, &format!(":{port}"));
        let name_server = values.iter().find(|(key, _)| *key == "namesrvListenPort").unwrap().1.parse().unwrap();
        await_brokers(name_server, &["broker-a"]).await;
        let said = fs::read_to_string(log(&folder, name)).unwrap();
        assert!(!said.contains("unknown key") && !said.contains("has no effect"), "{name}: {said}");
    }
}

/// The samples for two masters, and what the operator of Apache RocketMQ and the Kubernetes manifest give the entry script.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_samples_for_several_nodes_find_one_another() {
    let folder = Folder::new("samples");
    let name_server = free_block();
    let config = write(&folder, "namesrv", &sample("namesrv.conf"), &[("listenPort", name_server.to_string())]);
    let _name_server = Running::start(server("mqnamesrv", &config), &folder, "namesrv", "boot success");
    let address = format!("127.0.0.1:{name_server}");
    let mut brokers = Vec::new();
    for name in ["broker-a", "broker-b"] {
        let (port, mut values) = place(&folder, name);
        values.push(("namesrvAddr", address.clone()));
        let config = write(&folder, name, &sample(&format!("two-masters/{name}.conf")), &values);
        brokers.push(Running::start(server("mqbroker", &config), &folder, name, &format!(":{port}")));
    }
    let manifest = sample("kubernetes.yaml");
    let block = manifest.lines().skip_while(|line| line.trim() != "broker.conf: |").skip(1);
    let block: Vec<&str> = block.take_while(|line| line.starts_with("    ")).map(str::trim).collect();
    assert!(block.contains(&"fileReservedTime=72"), "{block:?}");
    let (port, values) = place(&folder, "pod");
    let config = write(&folder, "pod", &block.join("\n"), &values);
    let variables = [
        ("NAMESRV_ADDR", address.as_str()),
        ("BROKER_NAME", "pod-0"),
        ("BROKER_CLUSTER_NAME", "pods"),
        ("BROKER_ID", "0"),
        ("REPLICATION_MODE", "ASYNC"),
        ("POD_IP", "127.0.0.1"),
        ("BROKER_CONFIG", config.to_str().unwrap()),
    ];
    brokers.push(Running::start(entry(&["broker"], &variables, &folder), &folder, "pod", &format!(":{port}")));
    await_brokers(name_server, &["broker-a", "broker-b", "pod-0", "pods"]).await;
    for broker in &mut brokers {
        send(&broker.0, Signal::TERM);
    }
    // The last one was started by a shell, which must not keep the signal for itself.
    assert!(brokers.iter_mut().all(|broker| broker.ends().success()));
}

fn entry(arguments: &[&str], variables: &[(&str, &str)], folder: &Folder) -> Command {
    let binaries = our_binary("mqbroker").parent().unwrap().display().to_string();
    our_binary("mqnamesrv");
    let mut command = Command::new("sh");
    command.arg(conf("container/entry.sh")).args(arguments);
    command.env("PATH", format!("{binaries}:{}", std::env::var("PATH").unwrap()));
    command.env("TMPDIR", folder.path()).env("ROCKETMQ_HOME", folder.path()).env("HOME", folder.path());
    command.env_remove("NAMESRV_ADDR");
    command.envs(variables.iter().copied().collect::<BTreeMap<_, _>>());
    command
}

#[test]
fn the_entry_script_starts_what_it_is_told() {
    let folder = Folder::new("entry");
    fs::create_dir(folder.path().join("conf")).unwrap();
    // As the operator mounts it, without an end of its last line.
    fs::write(folder.path().join("conf/broker-common.conf"), "brokerRole=ASYNC_MASTER\nbrokerName = other").unwrap();
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = entry(arguments, variables, &folder).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let (done, printed, _) = run(&["sh", "mqbroker", "-p"], &[("NAMESRV_ADDR", "a:9876")]);
    assert!(done && printed.contains("namesrvAddr=a:9876\n"), "{printed}");
    let (done, printed, _) = run(&["namesrv", "-p"], &[]);
    assert!(done && printed.contains("kvConfigPath="), "{printed}");
    let (done, printed, _) = run(&["echo", "any", "command"], &[]);
    assert!(done && printed == "any command\n", "{printed}");
    for (variables, role) in [
        ([("BROKER_ID", "1"), ("BROKER_NAME", "b")], "SLAVE"),
        ([("REPLICATION_MODE", "SYNC"), ("BROKER_NAME", "b")], "SYNC_MASTER"),
        ([("BROKER_ROLE", "SLAVE"), ("BROKER_NAME", "b")], "SLAVE"),
    ] {
        let (done, _, said) = run(&["broker"], &variables);
        assert!(!done && said.contains(&format!("brokerRole={role}")), "{variables:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_stops_sends_producers_away_and_serves_the_rest() {
    let cluster = Arc::new(Cluster::new("drain"));
    let graceful = [("enableShutdownGracefully", "true"), ("shutdownWaitTimeSeconds", "600")];
    cluster.start_broker("leaving", "DefaultCluster", &graceful);
    let (address, name_server) = (cluster.address("leaving"), Wire::dial(&cluster.name_server()).await);
    // Apache's clients up to 5.3.1 do not know what GO_AWAY means.
    let old = Wire::dial_as(&address, Version::V5_3_1).await;
    let new = Wire::dial(&address).await;
    let send = async |client: &Wire| {
        client.ask(RequestCode::SEND_MESSAGE, &send_form("leaving-topic", &[]), vec![1]).await.code
    };
    assert_eq!((send(&old).await, send(&new).await), (ResponseCode::SUCCESS, ResponseCode::SUCCESS));
    let stopper = cluster.clone();
    let stopped = tokio::task::spawn_blocking(move || stopper.with_broker("leaving", |broker| broker.stop()));
    let route = Form::of(&[("topic", "leaving-topic"), ("acceptStandardJsonOnly", "true")]);
    let deadline = Instant::now() + LIMIT;
    loop {
        let answer = name_server.succeed(RequestCode::GET_ROUTEINFO_BY_TOPIC, &route, Body::Empty).await;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        if body.contains("\"perm\":4") {
            break;
        }
        assert!(Instant::now() < deadline, "producers are still sent to {body}");
        tokio::time::sleep(LOOK).await;
    }
    assert_eq!((send(&old).await, send(&new).await), (ResponseCode::SUCCESS, ResponseCode::GO_AWAY));
    let pull = pull_form("leaving-group", "leaving-topic", 0, 0).with("sysFlag", 4);
    new.succeed(RequestCode::PULL_MESSAGE, &pull, Body::Empty).await;
    assert!(!stopped.is_finished(), "it waits for those who are connected");
    drop((old, new));
    assert!(stopped.await.unwrap().success());
    let logged = cluster.log_tails();
    assert!(!logged.contains("ERROR"), "{logged}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_that_waits_is_answered_when_the_broker_stops() {
    let cluster = Arc::new(Cluster::new("answered"));
    cluster.start_broker("leaving", "DefaultCluster", &[]);
    let client = Arc::new(Wire::dial(&cluster.address("leaving")).await);
    client.succeed(RequestCode::SEND_MESSAGE, &send_form("quiet", &[]), vec![1]).await;
    let pull = pull_form("leaving-group", "quiet", 0, 1).with("sysFlag", 2 | 4).with("suspendTimeoutMillis", 600_000);
    let puller = client.clone();
    let waiting = tokio::spawn(async move { puller.ask(RequestCode::PULL_MESSAGE, &pull, Body::Empty).await });
    // Requests of a connection are handled in their order: once the later one is answered the earlier one waits.
    tokio::task::yield_now().await;
    client.succeed(RequestCode::GET_BROKER_CONFIG, &Form::of(&[]), Body::Empty).await;
    assert!(!waiting.is_finished());
    let stopped = tokio::task::spawn_blocking(move || cluster.with_broker("leaving", |broker| broker.stop()));
    assert_eq!(waiting.await.unwrap().code, ResponseCode::PULL_NOT_FOUND);
    assert!(stopped.await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_stops_at_once() {
    let folder = Folder::new("twice");
    let (port, mut values) = place(&folder, "store");
    values.push(("enableShutdownGracefully", "true".to_owned()));
    values.push(("shutdownWaitTimeSeconds", "600".to_owned()));
    values.push(("logFolder", folder.path().join("logs").display().to_string()));
    let config = write(&folder, "broker", "", &values);
    let mut broker = Running::start(server("mqbroker", &config), &folder, "broker", &format!(":{port}"));
    // Answered, and so known to the broker.
    let there = Wire::dial(&format!("127.0.0.1:{port}")).await;
    assert_eq!(
        there.ask(RequestCode::GET_BROKER_CONFIG, &Form::of(&[]), Vec::<u8>::new()).await.code,
        ResponseCode::SUCCESS
    );
    send(&broker.0, Signal::TERM);
    let deadline = Instant::now() + LIMIT;
    // The folder of the logs has what standard error would have.
    let logged = || fs::read_to_string(folder.path().join("logs/broker.log")).unwrap();
    while !logged().contains("enableShutdownGracefully") {
        assert!(Instant::now() < deadline, "{}", logged());
        std::thread::sleep(LOOK);
    }
    send(&broker.0, Signal::INT);
    assert_eq!(broker.ends().code(), Some(1));
    assert!(logged().contains("stopped at once"), "{}", logged());
    assert_eq!(fs::read_to_string(log(&folder, "broker")).unwrap().matches("INFO").count(), 0);
}

/// What one level does not show the next one does, without a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn levels_change_while_the_broker_runs() {
    let folder = Folder::new("levels");
    let (port, mut values) = place(&folder, "store");
    values.push(("logLevel", "error".to_owned()));
    values.push(("logFolder", folder.path().join("logs").display().to_string()));
    let config = write(&folder, "broker", "", &values);
    let _broker = Running::start(server("mqbroker", &config), &folder, "broker", &format!(":{port}"));
    let client = Wire::dial(&format!("127.0.0.1:{port}")).await;
    let logged = || fs::read_to_string(folder.path().join("logs/broker.log")).unwrap();
    let update = async |text: &'static str| {
        client.ask(RequestCode::UPDATE_BROKER_CONFIG, &Form::of(&[]), text.as_bytes().to_vec()).await
    };
    assert_eq!(update("traceOn=false").await.code, ResponseCode::SUCCESS);
    assert_eq!(logged(), "");
    assert_eq!(update("logLevel=info").await.code, ResponseCode::SUCCESS);
    assert_eq!(update("traceOn=true").await.code, ResponseCode::SUCCESS);
    assert!(logged().contains("traceOn"), "{}", logged());
    let refused = update("logLevel=loud").await;
    assert_eq!(refused.code, ResponseCode::INVALID_PARAMETER);
    assert!(refused.remark.unwrap().contains("a level such as info"));
    let fixed = update("logFolder=/elsewhere").await;
    assert_eq!(fixed.code, ResponseCode::NO_PERMISSION);
    assert!(fixed.remark.unwrap().contains("logFolder"));
}
