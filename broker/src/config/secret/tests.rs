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
