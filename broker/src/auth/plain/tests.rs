use proptest::prelude::*;

use super::address::Addresses;
use super::*;
use crate::auth::need::{DELETE, GET, SUB_GET};
use crate::auth::need::{group, topic};
use crate::auth::table::UserType;

const FILE: &str = r#"
# The sample that comes with Apache's broker, with more in it.
globalWhiteRemoteAddresses:
  - 10.10.103.*
  - 192.168.0.{7,9}

accounts:
  - accessKey: RocketMQ
    secretKey: 12345678
    whiteRemoteAddress:
    admin: false
    defaultTopicPerm: DENY
    defaultGroupPerm: SUB
    topicPerms:
      - topicA=DENY
      - topicB=PUB|SUB
      - topicC = SUB
    groupPerms:
      # the group should convert to retry topic
      - groupA=DENY
      - groupB=PUB|SUB
  - accessKey: "rocketmq2"
    secretKey: '12345678'
    whiteRemoteAddress: 192.168.1.*
    # if it is admin, it could access all resources
    admin: true
  - {accessKey: half-admin, secretKey: a "long" one, admin: True, topicPerms: [orders=PUB], defaultTopicPerm: SUB}
dataVersion:
  - counter: 7
    timestamp: 1700000000000
"#;

fn rules(text: &str) -> Result<Rules, String> {
    Rules::read(&[(PathBuf::from("plain_acl.yml"), text.to_owned())]).map_err(|error| error.to_string())
}

/// What an account is told that wants to do this.
fn verdict(rules: &Rules, account: &str, wanted: Demand<'_>) -> Result<(), String> {
    let Some(wanted) = demand(wanted) else { return Ok(()) };
    let source = IpAddr::from([1, 2, 3, 4]);
    let allowed = rules.table.authorize(account, &wanted, source);
    allowed.map_err(|error| worded(error, Some(account), "17").to_string())
}

#[test]
fn permissions_decide_as_with_apache() {
    let rules = rules(FILE).unwrap();
    let ask = |account: &str, resource, actions| verdict(&rules, account, Demand { resource, actions });
    let refused = |what: &str| Err(format!("No default permission for {what}"));
    assert_eq!(ask("RocketMQ", topic("topicA"), PUB), refused("topic:topicA"));
    assert_eq!(ask("RocketMQ", topic("topicB"), PUB), Ok(()));
    assert_eq!(ask("RocketMQ", topic("topicC"), PUB), refused("topic:topicC"));
    assert_eq!(ask("RocketMQ", topic("topicC"), PUB_SUB), Ok(()), "either will do");
    assert_eq!(ask("RocketMQ", topic("other"), SUB), refused("topic:other"));
    assert_eq!(ask("RocketMQ", topic("RMQ_SYS_TRACE_TOPIC"), PUB), Ok(()));
    assert_eq!(ask("RocketMQ", topic("RMQ_SYS_TRACE_TOPIC"), SUB), refused("topic:RMQ_SYS_TRACE_TOPIC"));
    assert_eq!(ask("RocketMQ", group("groupA"), SUB), refused("group:groupA"));
    assert_eq!(ask("RocketMQ", topic("%RETRY%groupB"), SUB), Ok(()), "a retry topic is its group");
    assert_eq!(ask("RocketMQ", group("other"), SUB), Ok(()));
    assert_eq!(ask("RocketMQ", topic("topicA"), GET), Ok(()), "nobody is asked for a right to look");
    assert_eq!(ask("RocketMQ", topic("topicA"), SUB_GET), refused("topic:topicA"), "but messages need one");
    let admins_only =
        |account: &str| Err(format!("Need admin permission for request code=17, but accessKey={account} is not"));
    assert_eq!(ask("RocketMQ", topic("topicB"), DELETE), admins_only("RocketMQ"));

    assert_eq!(rules.table.user("rocketmq2").unwrap().user_type, UserType::Super);
    assert_eq!(ask("half-admin", topic("orders"), DELETE), Ok(()));
    assert_eq!(ask("half-admin", topic("orders"), PUB), Ok(()));
    assert_eq!(
        ask("half-admin", topic("orders"), SUB),
        refused("topic:orders"),
        "a topic that is named has no default"
    );
    assert_eq!(ask("half-admin", topic("other"), SUB), Ok(()));
    assert_eq!(rules.table.user("RocketMQ").unwrap().password, "12345678", "a number is a text");
}

#[test]
fn trusted_addresses_need_nothing() {
    let rules = rules(FILE).unwrap();
    let trusts = |account, source: &str| rules.trust(account, source.parse().unwrap());
    assert!(trusts(None, "10.10.103.9") && trusts(Some("nobody"), "192.168.0.7"));
    assert!(!trusts(None, "10.10.104.9") && !trusts(None, "192.168.0.8") && !trusts(None, "192.168.1.1"));
    assert!(trusts(Some("rocketmq2"), "192.168.1.1") && !trusts(Some("RocketMQ"), "192.168.1.1"));
}

#[test]
fn addresses_are_written_in_many_ways() {
    for (pattern, inside, outside) in [
        ("*", "::1", None),
        ("*.*.*.*", "1.2.3.4", None),
        ("10.1.2.3", "10.1.2.3", Some("10.1.2.4")),
        ("10.1.2.3", "::ffff:10.1.2.3", Some("::ffff:10.1.2.4")),
        ("10.1.10-20.*", "10.1.15.255", Some("10.1.21.0")),
        ("10.1.2.{3,5}", "10.1.2.5", Some("10.1.2.4")),
        ("10.1.2.3, 10.9.9.9", "10.9.9.9", Some("10.9.9.8")),
        ("5::7:6:1-200:*", "5::7:6:150:9", Some("5::7:6:201:9")),
        ("1:2::{a,B}", "1:2::b", Some("1:2::c")),
        ("::1", "::1", Some("::2")),
        ("2001:db8::", "2001:db8::", Some("2001:db8::1")),
    ] {
        let addresses: Addresses = pattern.parse().unwrap_or_else(|()| panic!("{pattern}"));
        assert!(addresses.contain(inside.parse().unwrap()), "{pattern} has {inside}");
        assert!(
            outside.is_none_or(|outside| !addresses.contain(outside.parse().unwrap())),
            "{pattern} lacks {outside:?}"
        );
    }
    for wrong in [
        "",
        "10.1.2",
        "10.1.2.3.4",
        "10.1.2.256",
        "10.1.2.9-3",
        "10.1.2.{3",
        "host",
        "1:2:3",
        "1::2::3",
        "1:2:3:4:5:6:7::8",
        "10.1.2.3/8",
    ] {
        assert_eq!(wrong.parse::<Addresses>(), Err(()), "{wrong}");
    }
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_to_do() {
    for (text, expected) in [
        (
            "accounts:\n  - accessKey: longenough\n    secretKey: short",
            "line 3: secretKey must have more than 6 characters",
        ),
        ("accounts:\n  - accessKey: longenough", "line 2: an account needs an accessKey and a secretKey"),
        (
            "accounts:\n- {accessKey: abcdefg, secretKey: abcdefg, topicPerm: [a=PUB]}",
            "line 2: topicPerm is unknown; an account has accessKey",
        ),
        (
            "accounts:\n- {accessKey: abcdefg, secretKey: abcdefg}\n- {accessKey: abcdefg, secretKey: abcdefg}",
            "line 3: account abcdefg: The user is existed",
        ),
        (
            "accounts:\n- topicPerms:\n  - a=PUB\n  - b=PUBSUB",
            "line 4: the permission \"PUBSUB\" is unknown; write PUB, SUB, PUB|SUB or DENY",
        ),
        ("accounts:\n- topicPerms: [a]", "line 2: \"a\" must be NAME=PERMISSION, such as orders=PUB|SUB"),
        ("accounts:\n- admin: yes", "line 2: \"yes\" is neither true nor false"),
        ("globalWhiteRemoteAddresses: [10.1.2]", "line 1: \"10.1.2\" is no address; write 10.1.2.3"),
        ("globalWhiteRemoteAddresses: 10.1.2.3", "line 1: a list (- item) is expected here"),
        ("account: []", "line 1: account is unknown; known are globalWhiteRemoteAddresses, accounts"),
        ("accounts: []\naccounts: []", "line 2: accounts stands here a second time"),
        ("a: &x b", "line 1: anchors, aliases and tags are not read here; write the value"),
        ("accounts:\n---\naccounts:", "a second document begins here; put all into one"),
        ("accounts:\n\t- a", "line 2: "),
        ("accounts: [", "line "),
    ] {
        let said = rules(text).unwrap_err();
        assert!(said.starts_with("plain_acl.yml, line ") && said.contains(expected), "{text}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let deep = rules(&"[".repeat(100_000)).unwrap_err();
    assert!(deep.starts_with("plain_acl.yml, line 1: "), "{deep}");
}

#[test]
fn an_empty_file_has_no_accounts() {
    for text in ["", "# nothing", "accounts:\nglobalWhiteRemoteAddresses: ~"] {
        assert_eq!(rules(text), Ok(Rules::default()), "{text}");
    }
}

#[test]
fn changed_files_are_taken_and_bad_ones_left() {
    let home = tempfile::tempdir().unwrap();
    let mut config = BrokerConfig { rocketmq_home: home.path().display().to_string(), ..BrokerConfig::default() };
    let missing = PlainAcl::open(&config).err().unwrap().to_string();
    assert!(missing.contains("conf/plain_acl.yml") && missing.contains("aclEnable"), "{missing}");
    let more = home.path().join("conf/acl/team");
    fs::create_dir_all(&more).unwrap();
    fs::write(home.path().join("conf/plain_acl.yml"), "accounts: [{accessKey: first-one, secretKey: secret-1}]")
        .unwrap();
    fs::write(more.join("more.yaml"), "accounts: [{accessKey: second-one, secretKey: secret-2}]").unwrap();
    fs::write(more.join("notes.txt"), "{").unwrap();
    let acl = PlainAcl::open(&config).unwrap();
    let names = || acl.table().users().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(names(), ["first-one", "second-one"]);
    assert!(!acl.reload().unwrap(), "nothing has changed");

    fs::write(more.join("more.yaml"), "accounts: [{accessKey: first-one, secretKey: secret-2}]").unwrap();
    let said = acl.reload().unwrap_err().to_string();
    assert!(
        said.contains("more.yaml, line 1: account first-one")
            || said.contains("plain_acl.yml, line 1: account first-one"),
        "{said}"
    );
    assert_eq!(names(), ["first-one", "second-one"], "the old rules stay");
    assert!(!acl.reload().unwrap(), "and are told of once");
    fs::write(more.join("more.yaml"), "accounts: [{accessKey: third-one, secretKey: secret-3}]").unwrap();
    assert!(acl.reload().unwrap());
    assert_eq!(names(), ["first-one", "third-one"]);

    config.rocketmq_home.clear();
    assert!(matches!(PlainAcl::open(&config), Err(PlainAclError::Home)));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[-a-z:\\[\\]{}#&*!|>'\"%@, \n\t=0-9.]{0,80}") {
        let _ = rules(&text);
        let _ = text.parse::<Addresses>();
    }
}
