//! Whose connection it is: on Linux the kernel tells which user opened it. Reads `/proc/net` only.

use std::net::SocketAddr;

/// Whether the connection from `peer` to `local` was opened by the user that this process runs as. Where the system does
/// not tell, it is taken to be so.
#[cfg(target_os = "linux")]
pub(super) fn is_ours(peer: SocketAddr, local: SocketAddr) -> bool {
    let us = rustix::process::geteuid().as_raw();
    let (SocketAddr::V4(peer), SocketAddr::V4(local)) = (peer, local) else { return false };
    // The kernel writes addresses as the hexadecimal of their bytes in memory.
    let hex = |address: std::net::SocketAddrV4| {
        format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
    };
    let (peer, local) = (hex(peer), hex(local));
    // Programs that use IPv6 sockets for everything are in the second table.
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        let Ok(table) = std::fs::read_to_string(table) else { return false };
        table.lines().any(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let (Some(from), Some(to), Some(user)) = (fields.next(), fields.next(), fields.nth(4)) else {
                return false;
            };
            from.ends_with(&peer) && to.ends_with(&local) && user.parse() == Ok(us)
        })
    })
}

/// Whether the connection is this user's: other systems than Linux do not tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_ours(_peer: SocketAddr, _local: SocketAddr) -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_kernel_tells_whose_a_connection_is() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let local = listener.local_addr().unwrap();
        let client = TcpStream::connect(local).unwrap();
        let mine = client.local_addr().unwrap();
        assert!(is_ours(mine, local));
        let nobodys = SocketAddr::new(mine.ip(), if mine.port() == 1 { 2 } else { 1 });
        assert!(!is_ours(nobodys, local));
    }
}
