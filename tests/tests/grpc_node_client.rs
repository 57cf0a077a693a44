//! What users of the 5.x client for Node see: `clients/grpc-node`, run against brokers that serve gRPC.

use bolide_tests::grpc_clients::{GrpcClient, every_case_passes};

#[test]
fn users_of_the_node_grpc_client_send_and_consume() {
    every_case_passes(GrpcClient::Node);
}
