//! What users of the 5.x client for Rust see: `clients/grpc-rust`, run against a broker that serves gRPC.

use bolide_tests::grpc_clients::{GrpcClient, every_case_passes};

#[test]
fn users_of_the_rust_grpc_client_send_and_consume() {
    every_case_passes(GrpcClient::Rust);
}
