//! What users of the Go client see: `clients/go`, run against two brokers.

use bolide_tests::clients::{Client, every_case_passes};

#[test]
fn users_of_the_go_client_send_consume_and_administer() {
    every_case_passes(Client::Go);
}
