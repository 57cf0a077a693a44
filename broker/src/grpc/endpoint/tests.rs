use super::*;

#[test]
fn an_entry_for_grpc_is_found_among_others() {
    let of = |entries: &[&str]| {
        let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        of_filter_servers(&entries, None).map(|found| (found.scheme(), found.addresses[0].clone()))
    };
    let address = |host: &str, port| Address { host: host.to_owned(), port };
    assert_eq!(of(&["f:1", "grpc://10.0.0.1:8081"]), Some((AddressScheme::IPv4, address("10.0.0.1", 8081))));
    assert_eq!(of(&["grpc://[::1]:8081"]), Some((AddressScheme::IPv6, address("::1", 8081))));
    assert_eq!(of(&["grpc://mq.example:80"]), Some((AddressScheme::DomainName, address("mq.example", 80))));
    assert_eq!((of(&["f:1"]), of(&["grpc://x"]), of(&["grpc://:1"]), of(&[])), (None, None, None, None));
    assert_eq!(of(&["grpc+out://h:1"]), None);
}

#[test]
fn a_client_is_told_the_address_for_its_listener() {
    let entries = ["grpc://in:1", "grpc+out://out:2"].map(str::to_owned);
    let of = |listener| of_filter_servers(&entries, listener).unwrap().addresses[0].host.clone();
    assert_eq!((of(None), of(Some("out")), of(Some("other"))), ("in".into(), "out".into(), "in".into()));
}

#[test]
fn listeners_are_read_and_mistakes_named() {
    let read = |text: &str| {
        let config = BrokerConfig { grpc_listeners: text.to_owned(), ..BrokerConfig::default() };
        let parts = |one: Listener| (one.name, one.bind.map(|ip| ip.to_string()), one.port, one.advertised);
        listeners(&config).map(|found| found.into_iter().map(parts).collect())
    };
    let named = |name: &str, bind: Option<&str>, port, address: &str| {
        (name.to_owned(), bind.map(str::to_owned), port, address.to_owned())
    };
    assert_eq!(read(""), Ok(vec![]));
    let three = "out=8082@mq.example:18081; vpn=10.0.0.1:8083@vpn.example:83;six=[::1]:8084@[::1]:8084";
    let read_three = vec![
        named("out", None, 8082, "mq.example:18081"),
        named("vpn", Some("10.0.0.1"), 8083, "vpn.example:83"),
        named("six", Some("::1"), 8084, "[::1]:8084"),
    ];
    assert_eq!(read(three), Ok(read_three));
    for wrong in
        ["out=lo:8082@h:1", "out", "out=8082", "=8082@h:1", "out=0@h:1", "out=8082@h", "o t=8082@h:1", "out=8081@h:1"]
    {
        assert_eq!(read(wrong), Err(BadListener(wrong.to_owned())));
    }
    assert_eq!(read("a=1@h:1;a=2@h:1"), Err(BadListener("a=2@h:1".to_owned())));
}
