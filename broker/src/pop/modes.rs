//! How groups consume topics, by pulling or by POP, as operators set it (requests 401 and 402): `config/messageRequestMode.json`.

use bolide_remoting::body::{MessageRequestModeWrapper, SetMessageRequestModeRequest};
use parking_lot::Mutex;

use crate::config_file::{ConfigFile, ConfigFileError};

/// The modes that were set.
pub(super) struct Modes {
    content: Mutex<MessageRequestModeWrapper>,
    file: ConfigFile,
}

impl Modes {
    /// Takes over what the file kept.
    pub(super) fn load(file: ConfigFile) -> Result<Self, ConfigFileError> {
        let content = file.load()?.unwrap_or_default();
        Ok(Modes { content: Mutex::new(content), file })
    }

    /// The mode that was set for a group and a topic.
    pub(super) fn get(&self, topic: &str, group: &str) -> Option<SetMessageRequestModeRequest> {
        self.content.lock().message_request_mode_map.get(topic)?.get(group).cloned()
    }

    /// Sets a mode and writes the file. Waits for the disk.
    pub(super) fn set(&self, mode: SetMessageRequestModeRequest) -> Result<(), ConfigFileError> {
        let mut content = self.content.lock();
        let groups = content.message_request_mode_map.entry(mode.topic.clone()).or_default();
        groups.insert(mode.consumer_group.clone(), mode);
        self.file.save(&*content)
    }

    /// All modes.
    pub(super) fn all(&self) -> MessageRequestModeWrapper {
        self.content.lock().clone()
    }
}
