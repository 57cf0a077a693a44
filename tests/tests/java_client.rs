//! What users of the Java clients see: `clients/java`, built against each published client and run against two brokers.

use bolide_tests::clients::{Client, Headers, every_case_passes};

#[test]
fn users_of_the_java_client_5_5_0_send_consume_and_administer() {
    every_case_passes(Client::Java("5.5.0", Headers::Json));
}

#[test]
fn users_of_the_java_client_4_9_8_send_consume_and_administer() {
    every_case_passes(Client::Java("4.9.8", Headers::Json));
}

#[test]
fn users_of_the_java_client_5_5_0_may_choose_binary_headers() {
    every_case_passes(Client::Java("5.5.0", Headers::Binary));
}
