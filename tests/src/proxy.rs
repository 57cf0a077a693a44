//! A proxy in front of a server, which says ahead of each connection whom it speaks for.

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// The header of version 1 of a client with this address.
pub fn header_1(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 10.0.0.1 51234 10911\r\n").into_bytes()
}

/// The header of version 2 of a client with this address, with a TLV behind it.
pub fn header_2(client: [u8; 4]) -> Vec<u8> {
    let addresses = [&client[..], &[10, 0, 0, 1, 0xC8, 0x22, 0x2A, 0x9F], &[0x02, 0, 4], b"name"].concat();
    let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..], &length, &addresses].concat()
}

/// Starts a proxy that says this ahead of each connection to the server; returns its address. It runs as long as the runtime.
pub async fn in_front_of(server: &str, header: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server.to_owned();
    tokio::spawn(async move {
        while let Ok((mut inward, _)) = listener.accept().await {
            let (server, header) = (server.clone(), header.clone());
            tokio::spawn(async move {
                let mut outward = TcpStream::connect(server).await?;
                outward.write_all(&header).await?;
                copy_bidirectional(&mut inward, &mut outward).await
            });
        }
    });
    address
}
