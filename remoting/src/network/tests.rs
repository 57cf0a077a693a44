use super::*;

#[test]
fn an_address_is_in_its_networks_only() {
    let cases = [
        ("10.1.2.3", "10.1.2.3", true),
        ("10.1.2.3", "10.1.2.4", false),
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("10.0.0.0/8", "::ffff:10.0.0.1", true),
        ("0.0.0.0/0", "1.2.3.4", true),
        ("0.0.0.0/0", "::1", false),
        ("192.168.1.128/25", "192.168.1.127", false),
        ("192.168.1.128/25", "192.168.1.129", true),
        ("2001:db8::/32", "2001:db8:1::1", true),
        ("2001:db8::/32", "2001:db9::1", false),
        ("::/0", "fe80::1", true),
    ];
    for (network, address, expected) in cases {
        let parsed: Network = network.parse().unwrap();
        assert_eq!(parsed.contains(address.parse().unwrap()), expected, "{address} in {network}");
        assert_eq!(parsed.to_string(), network);
    }
}

#[test]
fn what_is_no_network_is_refused() {
    for text in ["", "10.0.0", "10.0.0.1/33", "::1/129", "10.0.0.1/", "10.0.0.1/-1", "10.*.*.*", "host"] {
        assert_eq!(text.parse::<Network>(), Err(()), "{text}");
    }
}
