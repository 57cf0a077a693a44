//! What users of Alibaba Cloud's ONS client see: `clients/ons`, run against two brokers.

use bolide_tests::clients::{Client, every_case_passes};

#[test]
fn users_of_the_ons_client_send_and_consume() {
    every_case_passes(Client::Ons);
}
