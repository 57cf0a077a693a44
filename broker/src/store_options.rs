//! What the configuration means for the store.

use std::path::PathBuf;

use bolide_store::StoreOptions;

use crate::config::BrokerConfig;

/// The store's options, from the configuration and the machine's memory.
pub(crate) fn store_options(config: &BrokerConfig) -> StoreOptions {
    // The key table keeps all of these numbers positive.
    let size = |value: i32| usize::try_from(value).unwrap_or(0);
    let long = |value: i32| u64::from(value.unsigned_abs());
    let queue_unit_bytes = 20;
    StoreOptions {
        commit_log: PathBuf::from(&config.store_path_commit_log),
        segment_bytes: long(config.mapped_file_size_commit_log_bytes),
        queue_file_units: long(config.mapped_file_size_consume_queue_bytes).div_ceil(queue_unit_bytes),
        index_slots: config.max_hash_slot_num.unsigned_abs(),
        index_units: config.max_index_num.unsigned_abs(),
        index_enabled: config.message_index_enable,
        append_property_crc: config.enabled_append_prop_crc,
        light_queues: config.enable_lmq && config.enable_multi_dispatch,
        delay_levels_ms: config.message_delay_level.all_ms().to_vec(),
        max_body_bytes: size(config.max_message_size_bytes),
        flush_mode: config.flush_disk_type.into(),
        flush_interval_ms: long(config.flush_interval_commit_log_ms),
        flush_least_pages: long(config.flush_commit_log_least_pages),
        flush_thorough_interval_ms: long(config.flush_commit_log_thorough_interval_ms),
        queue_flush_interval_ms: long(config.flush_interval_consume_queue_ms),
        in_memory_percent: long(config.access_message_in_memory_max_ratio),
        physical_memory_bytes: physical_memory_bytes(),
        max_read_bytes_in_memory: size(config.max_transfer_bytes_on_message_in_memory),
        max_read_messages_in_memory: size(config.max_transfer_count_on_message_in_memory),
        max_read_bytes_on_disk: size(config.max_transfer_bytes_on_message_in_disk),
        max_read_messages_on_disk: size(config.max_transfer_count_on_message_in_disk),
        max_filter_bytes: size(config.max_filter_message_size_bytes),
        max_query_results: size(config.max_msgs_num_batch),
        ..StoreOptions::new(&config.store_path_root_dir)
    }
}

/// The machine's memory as the system tells it, or 8 GiB where it does not.
fn physical_memory_bytes() -> u64 {
    const UNKNOWN: u64 = 8 << 30;
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else {
        return UNKNOWN;
    };
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.map_or(UNKNOWN, |kib| kib << 10)
}
