//! How far slaves have got.

use super::bodies;

bodies! {
    /// The answer to GET_BROKER_HA_STATUS (907).
    #[derive(Default)]
    HaRuntimeInfo {
        master: bool,
        master_commit_log_max_offset: i64,
        in_sync_slave_nums: i32,
        /// A master's slaves.
        ha_connection_info: Vec<HaConnectionRuntimeInfo>,
        /// A slave's own state.
        ha_client_runtime_info: HaClientRuntimeInfo,
    }

    /// One slave, as its master sees it.
    #[derive(Default)]
    HaConnectionRuntimeInfo {
        addr: String,
        slave_ack_offset: i64,
        diff: i64,
        in_sync: bool,
        transferred_byte_in_second: i64,
        transfer_from_where: i64,
    }

    /// A slave, as it sees itself.
    #[derive(Default)]
    HaClientRuntimeInfo {
        master_addr: Option<String>,
        transferred_byte_in_second: i64,
        max_offset: i64,
        /// Milliseconds since 1970.
        last_read_timestamp: i64,
        /// Milliseconds since 1970.
        last_write_timestamp: i64,
        master_flush_offset: i64,
        is_activated: bool,
    }
}
