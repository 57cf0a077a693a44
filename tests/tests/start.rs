//! What an operator sees who starts and stops the servers: ready lines, clean stops, and one clear line for each mistake.
//! These are Bolide's own manners, so that they are not checked against Apache's servers.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use bolide_remoting::{Body, Client, ClientOptions, RequestCode, ResponseCode};
use bolide_tests::binaries::our_binary;
use bolide_tests::cluster::{COLD, Cluster, ORDINARY};
use bolide_tests::folder::Folder;
use bolide_tests::ports::free_block;
use bolide_tests::server::{send, spawn};
use bolide_tests::toolchain::skip;
use rustix::process::Signal;

const LIMIT: Duration = Duration::from_secs(60);

/// A process of ours with the lines that it has printed so far. It is killed at the end.
struct Started {
    child: Child,
    lines: Receiver<String>,
}

impl Started {
    fn new(mut command: Command, log: &Path) -> Self {
        command.env_remove("NAMESRV_ADDR");
        let (child, lines) = spawn(command, File::create(log).unwrap());
        Self { child, lines }
    }

    /// The lines up to and with the first that contains this.
    fn lines_until(&self, text: &str) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let line =
                self.lines.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("no line with {text:?} after {seen:?}"));
            let found = line.contains(text);
            seen.push(line);
            if found {
                return seen;
            }
        }
    }

    fn stops_cleanly_on(mut self, signal: Signal) {
        send(&self.child, signal);
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "the process ended with {status}");
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the process has not ended {LIMIT:?} after {signal:?}");
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn broker(arguments: &[&str]) -> Command {
    let mut command = Command::new(our_binary("mqbroker"));
    command.args(arguments);
    command
}

/// Runs a command to its end, which must come by itself.
fn finished(mut command: Command) -> Output {
    command.env_remove("NAMESRV_ADDR").stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A configuration of a broker with an embedded name server, on free ports, with further lines; monitoring has no port unless they
/// give it one.
fn configuration(folder: &Folder, further: &str) -> (String, u16) {
    let first = free_block();
    let store = folder.path().join("store");
    let unmonitored = if further.contains("metricsPromExporterPort") { "" } else { "metricsPromExporterPort=0\n" };
    let text = format!(
        "listenPort={}\nnamesrvListenPort={}\ngrpcServerPort={}\nstorePathRootDir={}\n{unmonitored}{further}\n",
        first + 2,
        first + 1,
        first + 3,
        store.display()
    );
    let path = folder.path().join("broker.conf");
    std::fs::write(&path, text).unwrap();
    (path.display().to_string(), first + 2)
}

/// An address of this machine that other machines can see; nothing is sent to find it.
fn outer_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[test]
fn one_command_starts_a_whole_server_for_this_machine_only() {
    const PORTS: [u16; 5] = [9876, 10_909, 10_911, 8081, 5557];
    // The one start whose ports nobody can choose.
    if let Some(taken) = PORTS.iter().find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, **port)).is_err()) {
        return skip(&format!("the start without arguments cannot be tested: port {taken} is taken"));
    }
    let folder = Folder::new("bare");
    let data = folder.path().join("data");
    let started = Started::new(broker(&["-d", data.to_str().unwrap()]), &folder.path().join("log"));
    let lines = started.lines_until("loopback");
    for port in PORTS {
        let address = format!("127.0.0.1:{port}");
        assert_eq!(
            lines.iter().filter(|line| line.contains(&address)).count(),
            1,
            "one line with {address} in {lines:?}"
        );
        TcpStream::connect(&address).unwrap_or_else(|error| panic!("{address}: {error}"));
        if let Some(outer) = outer_address() {
            let seen = TcpStream::connect_timeout(&SocketAddr::new(outer, port), LIMIT);
            assert!(seen.is_err(), "port {port} can be reached at {outer}");
        }
    }
    assert!(data.join("abort").exists(), "a running broker has an abort file");
    started.stops_cleanly_on(Signal::TERM);
    assert!(!data.join("abort").exists(), "a clean stop removes the abort file");
}

#[test]
fn a_configured_broker_stops_cleanly_on_ctrl_c_and_starts_again() {
    let folder = Folder::new("start");
    let (config, port) = configuration(&folder, "brokerIP1=127.0.0.1");
    for _ in 0..2 {
        let started = Started::new(broker(&["-c", &config]), &folder.path().join("log"));
        started.lines_until(&format!(":{port}"));
        assert!(folder.path().join("store/abort").exists());
        started.stops_cleanly_on(Signal::INT);
        assert!(!folder.path().join("store/abort").exists());
    }
}

#[test]
fn monitoring_finds_metrics_and_health() {
    let folder = Folder::new("monitoring");
    let monitored = free_block();
    let further = format!("brokerIP1=127.0.0.1\nbrokerName=watched\nmetricsPromExporterPort={monitored}");
    let (config, _) = configuration(&folder, &further);
    let started = Started::new(broker(&["-c", &config]), &folder.path().join("log"));
    let address = format!("127.0.0.1:{monitored}");
    started.lines_until("metrics and health ready on");
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\nHost: broker\r\nConnection: close\r\n\r\n").as_bytes())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let metrics = ask("/metrics");
    let sample =
        "rocketmq_broker_permission{cluster=\"DefaultCluster\",node_id=\"watched\",node_type=\"broker\"} 6.0\n";
    assert!(metrics.starts_with("HTTP/1.1 200 ") && metrics.contains(sample), "{metrics}");
    for page in ["/health/live", "/health/ready"] {
        let answer = ask(page);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{page}: {answer}");
    }
    started.stops_cleanly_on(Signal::TERM);
}

#[tokio::test]
async fn two_brokers_share_a_host_and_a_name_server() {
    let cluster = Cluster::shared();
    let client = Client::connect(&cluster.name_server(), ClientOptions::default(), Arc::new(())).await.unwrap();
    let deadline = Instant::now() + LIMIT;
    loop {
        let answer = client.request(RequestCode::GET_BROKER_CLUSTER_INFO, &(), Body::Empty, LIMIT).await.unwrap();
        assert_eq!(answer.code, ResponseCode::SUCCESS, "{:?}", answer.remark);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        if [ORDINARY, COLD].iter().all(|name| body.contains(name) && body.contains(&cluster.address(name))) {
            return;
        }
        assert!(Instant::now() < deadline, "both brokers have not registered: {body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_bad_value_stops_the_start_with_one_line_that_names_it() {
    let mistakes = [
        ("listenPort", "high"),
        ("listenPort", "70000"),
        ("flushDiskType", "SOMETIMES"),
        ("mappedFileSizeCommitLog", "-1"),
        ("autoCreateTopicEnable", "perhaps"),
        ("defaultTopicQueueNums", "0"),
    ];
    for (key, value) in mistakes {
        expect_refusal(key, value);
    }
}

#[test]
fn a_promise_that_is_not_kept_stops_the_start() {
    let promises = [
        ("brokerRole", "SLAVE"),
        ("brokerRole", "SYNC_MASTER"),
        ("inSyncReplicas", "2"),
        ("enableControllerMode", "true"),
        ("enableDLegerCommitLog", "true"),
        ("storeType", "defaultRocksDB"),
    ];
    for (key, value) in promises {
        expect_refusal(key, value);
    }
}

fn expect_refusal(key: &str, value: &str) {
    let folder = Folder::new("refusal");
    let (config, _) = configuration(&folder, &format!("{key}={value}"));
    let output = finished(broker(&["-c", &config]));
    let said = stderr(&output);
    assert!(!output.status.success(), "{key}={value} started a broker");
    assert_eq!(said.lines().count(), 1, "one line about {key}={value}: {said}");
    assert!(said.contains(key) && said.contains(value), "the line about {key}={value} names both: {said}");
    assert_eq!(stdout(&output), "", "nothing is ready");
}

#[test]
fn an_unknown_key_is_a_warning_that_suggests_the_nearest() {
    let folder = Folder::new("unknown");
    let (config, port) = configuration(&folder, "flushDiskTyp=SYNC_FLUSH");
    let log = folder.path().join("log");
    let started = Started::new(broker(&["-c", &config]), &log);
    started.lines_until(&format!(":{port}"));
    started.stops_cleanly_on(Signal::TERM);
    let log = std::fs::read_to_string(log).unwrap();
    let warned = log
        .lines()
        .any(|line| line.contains("WARN") && line.contains("flushDiskTyp\"") && line.contains("flushDiskType"));
    assert!(warned, "a warning with both names in {log}");
}

#[test]
fn a_taken_port_stops_the_start_and_its_key_is_named() {
    let folder = Folder::new("taken");
    let (config, port) = configuration(&folder, "");
    let _taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
    let output = finished(broker(&["-c", &config]));
    assert!(!output.status.success());
    let said = stderr(&output);
    let last = said.lines().last().unwrap_or_default();
    assert!(
        last.contains("listenPort") && last.contains(&port.to_string()),
        "the last line names the key and the port: {said}"
    );
}

#[test]
fn a_missing_configuration_file_stops_the_start() {
    let output = finished(broker(&["-c", "no/such/broker.conf"]));
    assert!(!output.status.success());
    assert!(stderr(&output).contains("no/such/broker.conf"), "{}", stderr(&output));
}

#[test]
fn all_keys_and_the_important_ones_can_be_printed() {
    let all = finished(broker(&["-p"]));
    let important = finished(broker(&["-m"]));
    assert!(all.status.success() && important.status.success());
    assert!(stdout(&all).lines().any(|line| line == "listenPort=10911"), "{}", stdout(&all));
    assert!(stdout(&important).lines().any(|line| line.starts_with("brokerName=")), "{}", stdout(&important));
    assert!(stdout(&important).lines().count() < stdout(&all).lines().count());
    let mut name_server = Command::new(our_binary("mqnamesrv"));
    name_server.arg("-p");
    let printed = finished(name_server);
    assert!(stdout(&printed).lines().any(|line| line == "listenPort=9876"), "{}", stdout(&printed));
}

#[test]
fn help_explains_every_flag() {
    let help = stdout(&finished(broker(&["--help"])));
    let lines: Vec<&str> = help.lines().collect();
    for flag in ["-c", "-n", "-d", "-p", "-m", "-h"] {
        let at = lines.iter().position(|line| line.trim_start().starts_with(&format!("{flag}, --")));
        let explanation = at.and_then(|at| lines.get(at + 1)).unwrap_or(&"");
        assert!(explanation.split_whitespace().count() >= 2, "an explanation below {flag} in\n{help}");
    }
}
