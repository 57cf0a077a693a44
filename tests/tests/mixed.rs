//! Sites migrate one node at a time: our servers and Apache's side by side, and Apache's proxy in front of our broker. Which cases run
//! where, and why these, is said in `README.md`.

use bolide_tests::binaries::{Maker, apache_version};
use bolide_tests::clients::{Client, Headers, cases_pass};
use bolide_tests::cluster::{COLD, Cluster, IMPATIENT, ORDINARY, PATIENT};
use bolide_tests::grpc_clients::{GrpcClient, cases_pass_through};
use bolide_tests::toolchain;

const JAVA: Client = Client::Java("5.5.0", Headers::Json);
/// What clients find out through the name server, and what needs a broker as a whole.
const CASES: &str =
    "admin,route,send,push,rebalance,order,pop-push,transaction-c,retry-then,query,from-,trace,operator-sees";

/// Whether Apache's servers and clients can run here. Tests of Apache's servers alone have nothing to mix.
fn can_mix() -> bool {
    apache_version().is_none() && toolchain::available("Apache's servers", &["java -version", "mvn -version"])
}

fn apache() -> Maker {
    Maker::Apache("5.5.0".to_owned())
}

/// Runs the cases against two brokers of these makers that register with a name server of another's, perhaps.
fn passes(purpose: &str, name_server: &Maker, brokers: [&Maker; 2]) {
    if can_mix() {
        let cluster = Cluster::of(name_server, purpose, &[]);
        cluster.start_broker_of(brokers[0], ORDINARY, "DefaultCluster", PATIENT);
        cluster.start_broker_of(brokers[1], COLD, "DefaultCluster", IMPATIENT);
        cases_pass(JAVA, &cluster, CASES);
    }
}

#[test]
fn our_brokers_register_with_apaches_name_server() {
    passes("mixed-name-server", &apache(), [&Maker::Ours, &Maker::Ours]);
}

#[test]
fn apaches_brokers_register_with_our_name_server() {
    passes("mixed-brokers", &Maker::Ours, [&apache(), &apache()]);
}

#[test]
fn brokers_of_both_kinds_are_in_one_cluster() {
    passes("mixed-cluster", &Maker::Ours, [&Maker::Ours, &apache()]);
}

#[test]
fn apaches_proxy_serves_grpc_clients_from_our_broker() {
    if can_mix() {
        let cluster = Cluster::of(&Maker::Ours, "mixed-proxy", &[]);
        let settings = [PATIENT, &[("enableLmq", "true"), ("enableMultiDispatch", "true")]].concat();
        cluster.start_broker_of(&Maker::Ours, ORDINARY, "DefaultCluster", &settings);
        cluster.start_proxy(&apache(), "proxy", "DefaultCluster");
        cases_pass_through("proxy", GrpcClient::Java, &cluster, "");
    }
}
