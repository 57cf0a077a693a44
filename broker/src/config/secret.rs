//! Values that are read from the configuration but not shown again.

use std::ops::Deref;

use bolide_remoting::keys::{Allowed, Value};

/// What a secret is shown as.
const HIDDEN: &str = "******";

/// A text that only the broker itself reads.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Value for Secret {
    const ALLOWED: Allowed = Allowed::Secret;

    fn parse(text: &str, _: &Allowed) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    fn print(&self) -> String {
        if self.0.is_empty() { String::new() } else { HIDDEN.to_owned() }
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use bolide_remoting::keys::{Live, Loaded};
    use bolide_remoting::properties::Properties;

    use crate::config::BrokerConfig;

    #[test]
    fn a_secret_is_neither_shown_nor_changed_at_run_time() {
        let mut loaded = Loaded::new(BrokerConfig::default());
        loaded.read(b"initAuthenticationUser={\"username\":\"root\",\"password\":\"pass\"}", "f").unwrap();
        assert!(!format!("{:?}", loaded.values).contains("pass\""));
        let live = Live::new(loaded);
        assert_eq!(live.properties().get("initAuthenticationUser"), Some("******"));
        let update = |text: &str| live.update(&Properties::parse(text).unwrap());
        assert!(update("initAuthenticationUser=other").is_err());
        assert_eq!(update("initAuthenticationUser=******").unwrap().changes, []);
        assert!(live.get().init_authentication_user.contains("pass"));
        assert_eq!(live.properties().get("innerClientAuthenticationCredentials"), Some(""));
    }
}
