use proptest::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

fn ends(peer: &str, local: &str) -> Option<Ends> {
    Some(Ends { peer: peer.parse().unwrap(), local: local.parse().unwrap() })
}

fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE_2, &[command, family], &length, rest].concat()
}

#[test]
fn headers_of_version_1_are_read() {
    for (header, expected) in [
        ("PROXY TCP4 10.1.2.3 10.0.0.1 51234 10911\r\n", ends("10.1.2.3:51234", "10.0.0.1:10911")),
        ("PROXY TCP6 2001:db8::7 ::1 1 2\r\n", ends("[2001:db8::7]:1", "[::1]:2")),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    ] {
        let with_more = [header.as_bytes(), b"\r\nmore"].concat();
        assert_eq!(look(&with_more), Ok(Seen::Header { length: header.len(), ends: expected }), "{header}");
    }
    for wrong in [
        "PROXY TCP4 10.1.2.3 10.0.0.1 51234\r\n",
        "PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
        "PROXY TCP6 10.1.2.3 10.0.0.1 1 2\r\n",
        "PROXY TCP4 10.1.2.3 10.0.0.1 1 70000\r\n",
        "PROXY UDP4 10.1.2.3 10.0.0.1 1 2\r\n",
        "PROXY \r\n",
    ] {
        assert!(look(wrong.as_bytes()).is_err(), "{wrong}");
    }
    assert_eq!(look(&[SIGNATURE_1, &[b'x'; 101]].concat()), Err("its line does not end"));
}

#[test]
fn headers_of_version_2_are_read() {
    let of_4 = [10, 1, 2, 3, 10, 0, 0, 1, 0xC8, 0x22, 0x2A, 0x9F];
    let with_tlv = [&of_4[..], &[0x03, 0, 4, 1, 2, 3, 4]].concat();
    for rest in [&of_4[..], &with_tlv] {
        let header = version_2(0x21, 0x11, rest);
        let expected = Seen::Header { length: header.len(), ends: ends("10.1.2.3:51234", "10.0.0.1:10911") };
        assert_eq!(look(&header), Ok(expected));
    }
    let of_6 = [[0x20u8, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7], [0; 16]].concat();
    let header = version_2(0x21, 0x21, &[&of_6[..], &[0, 1, 0, 2]].concat());
    assert_eq!(look(&header), Ok(Seen::Header { length: header.len(), ends: ends("[2001:db8::7]:1", "[::]:2") }));
    for (command, family) in [(0x20, 0x11), (0x20, 0), (0x21, 0), (0x21, 0x31), (0x21, 0x12)] {
        let header = version_2(command, family, &of_4);
        assert_eq!(look(&header), Ok(Seen::Header { length: header.len(), ends: None }), "{command:x} {family:x}");
    }
    assert!(look(&version_2(0x11, 0x11, &of_4)).is_err() && look(&version_2(0x22, 0x11, &of_4)).is_err());
    assert_eq!(look(&version_2(0x21, 0x11, &of_4[..11])), Err("its addresses are cut off"));
    assert_eq!(look(&version_2(0x21, 0x11, &[0; 4_081])), Err("it is longer than 4,096 bytes"));
}

#[test]
fn what_else_a_connection_begins_with_is_no_header() {
    for bytes in [&b"PRI * HTTP/2.0\r\n"[..], &[0, 0, 1, 2], &[0x16, 3, 1], b"PROXYING", b"\r\n\r\nGET"] {
        assert_eq!(look(bytes), Ok(Seen::Nothing), "{bytes:?}");
    }
}

proptest! {
    /// However a header is cut, its begin is a part, and the whole of it is what it was.
    #[test]
    fn a_header_that_comes_in_pieces_is_waited_for(
        peer: SocketAddr, local: SocketAddr, tlv in proptest::collection::vec(any::<u8>(), 0..200), cut: proptest::sample::Index, old: bool,
    ) {
        let same_kind = peer.is_ipv4() == local.is_ipv4();
        prop_assume!(same_kind);
        let bytes_of = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let (kind, family) = if peer.is_ipv4() { ("TCP4", 0x11) } else { ("TCP6", 0x21) };
        let header = if old {
            format!("PROXY {kind} {} {} {} {}\r\n", peer.ip(), local.ip(), peer.port(), local.port()).into_bytes()
        } else {
            let (source, destination) = (peer.port().to_be_bytes(), local.port().to_be_bytes());
            version_2(0x21, family, &[&bytes_of(peer.ip())[..], &bytes_of(local.ip()), &source, &destination, &tlv].concat())
        };
        prop_assert_eq!(look(&header[..cut.index(header.len())]), Ok(Seen::Part));
        let plain = |address: SocketAddr| SocketAddr::new(address.ip(), address.port());
        let ends = Some(Ends { peer: plain(peer), local: plain(local) });
        prop_assert_eq!(look(&header), Ok(Seen::Header { length: header.len(), ends }));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), version: u8) {
        let signature = [&[], SIGNATURE_1, SIGNATURE_2][usize::from(version % 3)];
        let _ = look(&[signature, &bytes].concat());
    }
}

/// Between two pieces, so that they are likely to be read one by one.
const PAUSE: Duration = Duration::from_millis(10);

/// Lets a client say this, with a pause between the pieces; gives what the server makes of it, and what it reads next.
async fn greeted(pieces: &[&[u8]], believed: bool) -> io::Result<(SocketAddr, u8, Vec<u8>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.set_nodelay(true).unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    let ends = Ends { peer, local: listener.local_addr().unwrap() };
    let believed: Believed = Arc::new(move |_| believed);
    let say = async {
        for piece in pieces {
            client.write_all(piece).await.unwrap();
            tokio::time::sleep(PAUSE).await;
        }
        client.shutdown().await.unwrap();
    };
    let (greeted, ()) = tokio::join!(greet(stream, ends, &believed), say);
    let (mut stream, ends, first) = greeted?;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    Ok((ends.peer, first, rest))
}

#[tokio::test]
async fn what_follows_a_header_is_left_to_be_read() {
    let (peer, first, rest) = greeted(&[b"PRO", b"XY TCP4 10.1.2.3 10.0.0.1 5 6\r", b"\nhello"], true).await.unwrap();
    assert_eq!((peer, first, rest), ("10.1.2.3:5".parse().unwrap(), b'h', b"hello".to_vec()));
    let (peer, first, rest) = greeted(&[b"PRI *"], false).await.unwrap();
    assert_eq!((peer.ip().to_string().as_str(), first, rest), ("127.0.0.1", b'P', b"PRI *".to_vec()));
}

#[tokio::test]
async fn a_header_that_may_not_be_believed_ends_the_connection() {
    let refused = greeted(&[b"PROXY TCP4 10.1.2.3 10.0.0.1 5 6\r\nhello"], false).await.unwrap_err();
    assert!(refused.to_string().contains("proxyProtocolFrom"), "{refused}");
    let refused = greeted(&[b"PROXY TCP4 nowhere\r\nhello"], true).await.unwrap_err();
    assert!(refused.to_string().contains("it is not PROXY TCP4"), "{refused}");
}

/// Nothing is waited for that cannot come any more.
#[tokio::test]
async fn a_header_without_an_end_ends_the_connection() {
    for half in [&b"PR"[..], b"PROXY TCP4 10.1.2.3", b"\r\n\r\n\0"] {
        let lost = greeted(&[half], true).await.unwrap_err();
        assert_eq!(lost.kind(), io::ErrorKind::UnexpectedEof, "{lost}");
    }
}
