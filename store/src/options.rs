//! What an operator can set about a store. Every size is a parameter, so that tests roll files after
//! kilobytes; the defaults are those of Apache RocketMQ 5.5.0, whose key is named with each option.

use std::path::PathBuf;

use crate::queue::UNIT_BYTES;

/// When an appended message counts as stored (`flushDiskType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushMode {
    /// As soon as it is in the page cache: it survives the death of the process, not of the machine.
    Async,
    /// Once it is on the disk: callers wait for [`StoreEvents::flushed`](crate::StoreEvents::flushed).
    Sync,
}

/// Where a store lives and how it behaves.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Folder of queues, index, checkpoint, `abort` and `lock` (`storePathRootDir`).
    pub root: PathBuf,
    /// Folder of the commit log's segments (`storePathCommitLog`).
    pub commit_log: PathBuf,
    /// Length of a commit-log segment (`mappedFileSizeCommitLog`, 1 GiB).
    pub segment_bytes: u64,
    /// Units per consume-queue file (`mappedFileSizeConsumeQueue` / 20; 300,000).
    pub queue_file_units: u64,
    /// Hash slots of an index file (`maxHashSlotNum`, 5,000,000).
    pub index_slots: u32,
    /// Units of an index file (`maxIndexNum`, 20,000,000).
    pub index_units: u32,
    /// Whether messages can be looked up by key (`messageIndexEnable`).
    pub index_enabled: bool,
    /// The longest body a message may have (`maxMessageSize`, 4 MiB).
    pub max_body_bytes: usize,
    /// Ends each record's properties with a checksum of the whole record (`enabledAppendPropCRC`).
    pub append_property_crc: bool,
    /// Whether messages are put into the light queues that they name ([`light`](crate::light); `enableLmq` with
    /// `enableMultiDispatch`).
    pub light_queues: bool,
    /// When a put counts as stored (`flushDiskType`).
    pub flush_mode: FlushMode,
    /// Pause between flushes of the commit log (`flushIntervalCommitLog`).
    pub flush_interval_ms: u64,
    /// Dirty 4 KiB pages below which a timed flush is skipped (`flushCommitLogLeastPages`).
    pub flush_least_pages: u64,
    /// After this long a flush happens whatever is dirty (`flushCommitLogThoroughInterval`).
    pub flush_thorough_interval_ms: u64,
    /// Pause between writes of consume queues' tails (`flushIntervalConsumeQueue`).
    pub queue_flush_interval_ms: u64,
    /// Pause between syncs of queues and index, each of which advances the checkpoint.
    pub checkpoint_interval_ms: u64,
    /// Bytes behind the log's end that are read through the mapping, without a copy.
    pub hot_window_bytes: u64,
    /// Percentage of `physical_memory_bytes` behind the log's end that counts as "in memory"
    /// (`accessMessageInMemoryMaxRatio`).
    pub in_memory_percent: u64,
    /// The machine's memory.
    pub physical_memory_bytes: u64,
    /// Most bytes of one read of messages that are in memory (`maxTransferBytesOnMessageInMemory`).
    pub max_read_bytes_in_memory: usize,
    /// Most messages of one such read (`maxTransferCountOnMessageInMemory`).
    pub max_read_messages_in_memory: usize,
    /// Most bytes of one read of messages that are on disk only (`maxTransferBytesOnMessageInDisk`).
    pub max_read_bytes_on_disk: usize,
    /// Most messages of one such read (`maxTransferCountOnMessageInDisk`).
    pub max_read_messages_on_disk: usize,
    /// Most bytes of queue units that one read with a filter passes over (`maxFilterMessageSize`).
    pub max_filter_bytes: usize,
    /// Most offsets that one key query returns (`maxMsgsNumBatch`).
    pub max_query_results: usize,
    /// Delay of each level of the schedule topic, first level first (`messageDelayLevel`).
    pub delay_levels_ms: Vec<i64>,
    /// Open files kept for reading queues.
    pub max_open_queue_files: usize,
}

impl StoreOptions {
    /// Apache's defaults for a store under `root`, its commit log in `root/commitlog`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            commit_log: root.join("commitlog"),
            root,
            segment_bytes: 1 << 30,
            queue_file_units: 300_000,
            index_slots: 5_000_000,
            index_units: 20_000_000,
            index_enabled: true,
            max_body_bytes: 4 << 20,
            append_property_crc: false,
            light_queues: false,
            flush_mode: FlushMode::Async,
            flush_interval_ms: 500,
            flush_least_pages: 4,
            flush_thorough_interval_ms: 10_000,
            queue_flush_interval_ms: 1_000,
            checkpoint_interval_ms: 10_000,
            hot_window_bytes: 32 << 20,
            in_memory_percent: 40,
            physical_memory_bytes: 8 << 30,
            max_read_bytes_in_memory: 256 << 10,
            max_read_messages_in_memory: 32,
            max_read_bytes_on_disk: 64 << 10,
            max_read_messages_on_disk: 8,
            max_filter_bytes: 16_000,
            max_query_results: 64,
            delay_levels_ms: default_delay_levels_ms(),
            max_open_queue_files: 512,
        }
    }

    /// Length of one consume-queue file.
    pub(crate) fn queue_file_bytes(&self) -> u64 {
        self.queue_file_units * UNIT_BYTES as u64
    }
}

/// `1s 5s 10s 30s 1m … 10m 20m 30m 1h 2h`, Apache's 18 levels.
fn default_delay_levels_ms() -> Vec<i64> {
    let seconds = [1, 5, 10, 30].into_iter();
    let minutes = (1..=10).chain([20, 30, 60, 120]).map(|minute| minute * 60);
    seconds.chain(minutes).map(|second| second * 1_000).collect()
}
