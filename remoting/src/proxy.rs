//! The PROXY protocol, versions 1 and 2, as HAProxy and others speak it: a header ahead of everything else on a connection (ahead of TLS,
//! too) that says who has connected to the proxy, and where. It is told by its first bytes, which begin nothing else that is served here. What is
//! said beyond the addresses (the TLVs of version 2) is passed over: no request here depends on it.

#[cfg(test)]
mod tests;

use std::io::{self, Cursor};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, Chain, Join, join};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

const SIGNATURE_1: &[u8] = b"PROXY ";
const SIGNATURE_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest header of version 1 with its line end, as the protocol has it.
const MAX_BYTES_1: usize = 107;
/// Of version 2: what comes before the addresses, and the longest header that is read.
const FIXED_BYTES_2: usize = 16;
const MAX_BYTES_2: usize = 4_096;
/// How much is read at once.
const STEP_BYTES: usize = 512;
/// How long the rest of a header may take.
const REST_PATIENCE: Duration = Duration::from_secs(10);

/// Says whose headers are believed, by the address that a connection comes from.
pub type Believed = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// The two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// Who has connected.
    pub peer: SocketAddr,
    /// Where to.
    pub local: SocketAddr,
}

/// A connection after its header: what was read beyond it comes first.
pub type Greeted = Join<Chain<Cursor<Vec<u8>>, OwnedReadHalf>, OwnedWriteHalf>;

/// Reads the header with which a connection begins, if it does. Returns the rest of the connection, the ends that count, and the first byte
/// after the header, which is still to be read. Waits as long for a client's first byte as the client likes: that is the caller's to limit.
///
/// # Errors
/// When the connection is lost, or its header cannot be read, is too long or may not be believed; of these a line is logged.
pub async fn greet(mut stream: TcpStream, ends: Ends, believed: &Believed) -> io::Result<(Greeted, Ends, u8)> {
    // The stream is kept until the line is written: whoever sees the connection end finds it.
    let read = read(&mut stream, ends, believed).await.inspect_err(|error| {
        if error.kind() == io::ErrorKind::InvalidData {
            tracing::warn!(peer = %ends.peer, local = %ends.local, "connection refused: {error}");
        }
    });
    let (kept, ends, first) = read?;
    let (reader, writer) = stream.into_split();
    Ok((join(Cursor::new(kept).chain(reader), writer), ends, first))
}

/// Returns what was read beyond the header, too.
async fn read(stream: &mut TcpStream, mut ends: Ends, believed: &Believed) -> io::Result<(Vec<u8>, Ends, u8)> {
    let mut first = first_byte(stream).await?;
    let mut kept = Vec::new();
    if first == SIGNATURE_1[0] || first == SIGNATURE_2[0] {
        let header = tokio::time::timeout(REST_PATIENCE, read_header(stream, &mut kept)).await;
        if let Some((length, said)) = header.map_err(|_| invalid("its end does not come"))?? {
            if !believed(ends.peer.ip().to_canonical()) {
                return Err(invalid("proxyProtocolFrom does not name the address that it comes from"));
            }
            kept.drain(..length);
            ends = said.unwrap_or(ends);
            first = match kept.first() {
                Some(first) => *first,
                None => first_byte(stream).await?,
            };
        }
        kept.shrink_to_fit();
    }
    Ok((kept, ends, first))
}

/// Reads until the whole header is there, and perhaps more; `None` where it is something else.
async fn read_header(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Option<(usize, Option<Ends>)>> {
    loop {
        bytes.reserve(STEP_BYTES);
        if stream.read_buf(bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match look(bytes).map_err(invalid)? {
            Seen::Nothing => return Ok(None),
            Seen::Header { length, ends } => return Ok(Some((length, ends))),
            Seen::Part => {}
        }
    }
}

fn invalid(fault: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("its PROXY header is refused: {fault}"))
}

async fn first_byte(stream: &TcpStream) -> io::Result<u8> {
    let mut first = [0];
    match stream.peek(&mut first).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(first[0]),
    }
}

/// What the first bytes of a connection are.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// No header.
    Nothing,
    /// The begin of one.
    Part,
    /// A header of so many bytes, and the ends that it tells of. Health checks of a proxy have none.
    Header { length: usize, ends: Option<Ends> },
}

fn look(bytes: &[u8]) -> Result<Seen, &'static str> {
    let begins_with = |signature: &[u8]| bytes.iter().zip(signature).all(|(one, other)| one == other);
    if begins_with(SIGNATURE_2) {
        look_2(bytes)
    } else if begins_with(SIGNATURE_1) {
        look_1(bytes)
    } else {
        Ok(Seen::Nothing)
    }
}

/// `PROXY TCP4 10.1.2.3 10.1.2.4 51234 10911\r\n`, `PROXY UNKNOWN …\r\n`.
fn look_1(bytes: &[u8]) -> Result<Seen, &'static str> {
    const FORM: &str = "it is not PROXY TCP4 SOURCE DESTINATION PORT PORT";
    let bytes = &bytes[..bytes.len().min(MAX_BYTES_1)];
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < MAX_BYTES_1 { Ok(Seen::Part) } else { Err("its line does not end") };
    };
    let line = std::str::from_utf8(&bytes[..end]).map_err(|_| FORM)?;
    let words: Vec<&str> = line.split(' ').collect();
    let length = end + 2;
    let ends = match words[..] {
        [_, "UNKNOWN", ..] => None,
        [_, kind @ ("TCP4" | "TCP6"), source, destination, source_port, destination_port] => {
            let address = |address: &str, port: &str| -> Option<SocketAddr> {
                let address: IpAddr = address.parse().ok()?;
                let port = port.parse().ok().filter(|_| address.is_ipv4() == (kind == "TCP4"))?;
                Some(SocketAddr::new(address, port))
            };
            let peer = address(source, source_port).ok_or(FORM)?;
            Some(Ends { peer, local: address(destination, destination_port).ok_or(FORM)? })
        }
        _ => return Err(FORM),
    };
    Ok(Seen::Header { length, ends })
}

/// After the signature: version and command, family and transport, the length of the rest, the addresses, the ports, TLVs.
fn look_2(bytes: &[u8]) -> Result<Seen, &'static str> {
    let [_, .., command, family, high, low] = *bytes.get(..FIXED_BYTES_2).unwrap_or_default() else {
        return Ok(Seen::Part);
    };
    if command >> 4 != 2 || command & 0xF > 1 {
        return Err("its version or command is unknown");
    }
    let length = FIXED_BYTES_2 + usize::from(u16::from_be_bytes([high, low]));
    if length > MAX_BYTES_2 {
        return Err("it is longer than 4,096 bytes");
    }
    let Some(rest) = bytes.get(FIXED_BYTES_2..length) else { return Ok(Seen::Part) };
    let is_proxied = command & 0xF == 1;
    let ends = match family {
        0x11 if is_proxied => Some(ends_of::<4>(rest)),
        0x21 if is_proxied => Some(ends_of::<16>(rest)),
        // The proxy itself, or what has no address and port.
        _ => None,
    };
    Ok(Seen::Header { length, ends: ends.map(|ends| ends.ok_or("its addresses are cut off")).transpose()? })
}

fn ends_of<const BYTES: usize>(rest: &[u8]) -> Option<Ends>
where
    IpAddr: From<[u8; BYTES]>,
{
    let (source, rest) = rest.split_first_chunk::<BYTES>()?;
    let (destination, rest) = rest.split_first_chunk::<BYTES>()?;
    let (source_port, rest) = rest.split_first_chunk::<2>()?;
    let (destination_port, _) = rest.split_first_chunk::<2>()?;
    let address = |address: [u8; BYTES], port| SocketAddr::new(address.into(), u16::from_be_bytes(port));
    Some(Ends { peer: address(*source, *source_port), local: address(*destination, *destination_port) })
}
