//! What users of the remoting clients for C++ and for Node see: `clients/cpp` and `clients/ali-ons`, run against two brokers.

use bolide_tests::clients::{Client, every_case_passes};

#[test]
fn users_of_the_cpp_client_send_and_consume() {
    every_case_passes(Client::Cpp);
}

#[test]
fn users_of_the_node_client_send_and_consume() {
    every_case_passes(Client::AliOns);
}
