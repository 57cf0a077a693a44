use super::*;

#[test]
fn prefers_ipv4_and_public_addresses() {
    let choose = |texts: &[&str]| {
        let addresses: Vec<IpAddr> = texts.iter().map(|text| text.parse().unwrap()).collect();
        reachable(&addresses).to_string()
    };
    assert_eq!(choose(&[]), "127.0.0.1");
    assert_eq!(choose(&["127.0.0.1", "::1"]), "127.0.0.1");
    assert_eq!(choose(&["127.0.0.1", "10.0.0.5", "10.0.0.6"]), "10.0.0.5");
    assert_eq!(choose(&["10.0.0.5", "8.8.4.4"]), "8.8.4.4");
    assert_eq!(choose(&["fe80::1", "2001:db8::1"]), "2001:db8::1");
    assert_eq!(choose(&["2001:db8::1", "192.168.1.2"]), "192.168.1.2");
}

#[test]
fn this_host_has_a_name_and_an_address() {
    let environment = Environment::of_process();
    assert!(!environment.host_name.is_empty());
    assert!(!environment.address.is_unspecified());
}
