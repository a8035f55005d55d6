//! Owners of connections: on Linux the kernel reports the user and the process of a connection, so
//! that a sandbox's Runtime API is for that sandbox alone. Queries the kernel, and reads `/proc`.

use std::{net::SocketAddr, time::Duration};

use rustix::process::Pid;
use tokio::{sync::watch, time::timeout};

use crate::sandbox::process::{
    descendants::descendants,
    mark::{Mark, marked},
};

/// Longest time that a connection waits for its process to become known as one of the sandbox's: it
/// may connect first.
const PATIENCE: Duration = Duration::from_secs(1);

/// Returns `true` if the connection from `peer` to `local` was opened by this user, or by root, who
/// may do anything anyway. Also returns `true` if the system does not report it.
pub(crate) fn is_of_this_user(peer: SocketAddr, local: SocketAddr) -> bool {
    is_let_in(&socket::find(peer, local), rustix::process::geteuid().as_raw())
}

fn is_let_in(found: &Owner, me: u32) -> bool {
    match *found {
        Owner::Unknown => true,
        Owner::Nobody => false,
        // The kernel reports a connection that its process has closed as root's and without a
        // socket.
        Owner::Socket { user, socket } => socket != 0 && (user == me || user == 0),
    }
}

/// Reason for which a connection is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// A process of the sandbox holds it.
    Member,
    /// The system does not tell which process holds it.
    Unverified,
}

/// The process groups whose connections a sandbox's APIs accept.
pub(crate) struct ConnectionOwners {
    mark: Mark,
    groups: watch::Sender<Vec<Pid>>,
}

impl ConnectionOwners {
    /// Accepts no connection yet; later those of the sandbox with this mark.
    pub(crate) fn new(mark: Mark) -> Self {
        Self { mark, groups: watch::Sender::new(Vec::new()) }
    }

    /// Also accepts the connections of a process group.
    pub(crate) fn add(&self, leader: Pid) {
        self.groups.send_modify(|groups| groups.push(leader));
    }

    /// Admits the connection from `peer` to `local` if this user opened it, in a process of the
    /// sandbox. Returns `None` if not.
    pub(crate) async fn admit(&self, peer: SocketAddr, local: SocketAddr) -> Option<Admission> {
        let socket = match socket::find(peer, local) {
            Owner::Unknown => return Some(Admission::Unverified),
            Owner::Nobody => return None,
            Owner::Socket { user, .. } if user != rustix::process::geteuid().as_raw() => {
                return None;
            }
            Owner::Socket { socket, .. } => socket,
        };
        let mark = self.mark;
        let mut groups = self.groups.subscribe();
        let known = async {
            loop {
                let leaders = groups.borrow_and_update().clone();
                let admission = holder(leaders.iter().copied(), socket);
                if admission.is_some() {
                    return admission;
                }
                // Reading about every process may take long. A daemon has left its group and its
                // parents, but not its mark.
                if !leaders.is_empty() {
                    let others = tokio::task::spawn_blocking(move || {
                        holder(descendants(&leaders), socket)
                            .or_else(|| holder(daemons(mark, &leaders), socket))
                    });
                    let admission = others.await.ok().flatten();
                    if admission.is_some() {
                        return admission;
                    }
                }
                if groups.changed().await.is_err() {
                    return None;
                }
            }
        };
        timeout(PATIENCE, known).await.ok().flatten()
    }
}

/// Lists the processes that bear a mark, in the mount namespace of one of the leaders. A process
/// can give itself any mark, but not another sandbox's namespace.
fn daemons(mark: Mark, leaders: &[Pid]) -> impl Iterator<Item = Pid> {
    let mounts = |process: Pid| {
        std::fs::read_link(format!("/proc/{}/ns/mnt", process.as_raw_nonzero())).ok()
    };
    let seen: Vec<_> = leaders.iter().filter_map(|leader| mounts(*leader)).collect();
    marked(mark)
        .into_iter()
        .filter(move |process| mounts(*process).is_some_and(|its| seen.contains(&its)))
}

/// Admits a socket that one of the processes holds.
fn holder(processes: impl IntoIterator<Item = Pid>, socket: u32) -> Option<Admission> {
    let mut unverified = None;
    for process in processes {
        match holds(process, socket) {
            Some(Admission::Member) => return Some(Admission::Member),
            None => {}
            found => unverified = found,
        }
    }
    unverified
}

/// Admits a socket that this process holds. One that may not be inspected is taken at its word.
fn holds(process: Pid, socket: u32) -> Option<Admission> {
    let wanted = format!("socket:[{socket}]");
    match std::fs::read_dir(format!("/proc/{}/fd", process.as_raw_nonzero())) {
        Ok(mut files) => files
            .any(|file| {
                file.and_then(|file| std::fs::read_link(file.path()))
                    .is_ok_and(|target| target.as_os_str() == wanted.as_str())
            })
            .then_some(Admission::Member),
        Err(error) => {
            (error.kind() == std::io::ErrorKind::PermissionDenied).then_some(Admission::Unverified)
        }
    }
}

/// Owner of a connection according to the kernel.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "only Linux reports the owners of connections")
)]
enum Owner {
    /// The other end: the owner and inode number of its socket.
    Socket { user: u32, socket: u32 },
    /// There is no such connection, or it was closed.
    Nobody,
    /// This system does not report it.
    Unknown,
}

#[cfg(target_os = "linux")]
mod socket {
    //! Finds a socket by its addresses: through netlink, which takes microseconds, or else in the
    //! tables of `/proc/net`, which takes milliseconds. Source: `sock_diag(7)`, `proc(5)`.

    use super::Owner;
    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
        netlink::{SOCK_DIAG, SocketAddrNetlink},
        recv, sendto, socket_with,
    };
    use std::net::{SocketAddr, SocketAddrV4};

    /// `SOCK_DIAG_BY_FAMILY`, the type of request and response.
    const BY_FAMILY: u16 = 20;
    /// Length of a request, with its header of 16 bytes.
    const LENGTH: u32 = 72;

    /// The socket at the other end of a connection that was accepted at `local`.
    pub(crate) fn find(peer: SocketAddr, local: SocketAddr) -> Owner {
        let (SocketAddr::V4(peer), SocketAddr::V4(local)) = (peer, local) else {
            return Owner::Nobody;
        };
        ask(peer, local).unwrap_or_else(|_no_netlink| look_up(peer, local))
    }

    pub(crate) fn ask(peer: SocketAddrV4, local: SocketAddrV4) -> rustix::io::Result<Owner> {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(SOCK_DIAG),
        )?;
        let mut request = Vec::with_capacity(LENGTH as usize);
        request.extend(LENGTH.to_ne_bytes());
        request.extend(BY_FAMILY.to_ne_bytes());
        // Flags of a request, no sequence number, addressed to the kernel.
        request.extend(1_u16.to_ne_bytes());
        request.extend([0; 8]);
        // IPv4, TCP, no extensions, in any state.
        request.extend([AddressFamily::INET.as_raw() as u8, 6, 0, 0]);
        request.extend(u32::MAX.to_ne_bytes());
        request.extend(peer.port().to_be_bytes());
        request.extend(local.port().to_be_bytes());
        for address in [peer, local] {
            request.extend(address.ip().octets());
            request.extend([0; 12]);
        }
        // Any interface, no cookie.
        request.extend([0; 4]);
        request.extend([0xff; 8]);
        sendto(&socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let mut answer = [0_u8; 512];
        let (length, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
        let answer = answer.get(..length).unwrap_or_default();
        let word = |at: usize| {
            answer.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes)
        };
        let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
        match (kind, word(80), word(84)) {
            (Some(BY_FAMILY), Some(user), Some(socket)) => Ok(Owner::Socket { user, socket }),
            // An error. `ENOENT` is a definite answer: there is no such socket.
            _ if word(16)
                .is_some_and(|code| code == (-rustix::io::Errno::NOENT.raw_os_error()) as u32) =>
            {
                Ok(Owner::Nobody)
            }
            _ => Err(rustix::io::Errno::NOTSUP),
        }
    }

    pub(crate) fn look_up(peer: SocketAddrV4, local: SocketAddrV4) -> Owner {
        // The kernel writes addresses as the hexadecimal of their bytes in memory.
        let hex = |address: SocketAddrV4| {
            format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
        };
        let (peer, local) = (hex(peer), hex(local));
        let mut found = Owner::Unknown;
        // The second table has the IPv6 sockets, which some programs use for IPv4 connections too.
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            let Ok(table) = std::fs::read_to_string(table) else { continue };
            found = Owner::Nobody;
            for line in table.lines() {
                let mut fields = line.split_ascii_whitespace().skip(1);
                let (Some(from), Some(to), Some(user)) =
                    (fields.next(), fields.next(), fields.nth(4))
                else {
                    continue;
                };
                if from.ends_with(&peer)
                    && to.ends_with(&local)
                    && let (Ok(user), Some(Ok(socket))) =
                        (user.parse(), fields.nth(1).map(str::parse))
                {
                    return Owner::Socket { user, socket };
                }
            }
        }
        found
    }
}

#[cfg(not(target_os = "linux"))]
mod socket {
    use super::Owner;
    use std::net::SocketAddr;

    pub(crate) fn find(_peer: SocketAddr, _local: SocketAddr) -> Owner {
        Owner::Unknown
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::process::{geteuid, getpid};
    use std::net::{SocketAddrV4, TcpListener, TcpStream};

    fn v4(address: SocketAddr) -> SocketAddrV4 {
        let SocketAddr::V4(address) = address else { panic!("{address} is of IPv4") };
        address
    }

    #[test]
    fn this_user_and_root_are_let_in_and_nobody_else() {
        for (user, socket, is_in) in
            [(1000, 7, true), (0, 7, true), (1001, 7, false), (0, 0, false), (1000, 0, false)]
        {
            assert_eq!(is_let_in(&Owner::Socket { user, socket }, 1000), is_in, "{user} {socket}");
        }
        assert!(!is_let_in(&Owner::Nobody, 1000) && is_let_in(&Owner::Unknown, 1000));
    }

    #[test]
    fn a_connection_whose_process_is_gone_is_nobodys() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let local = listener.local_addr().unwrap();
        let client = TcpStream::connect(local).unwrap();
        let mine = client.local_addr().unwrap();
        assert!(is_of_this_user(mine, local));
        drop(client);
        assert!(!is_of_this_user(mine, local));
    }

    #[tokio::test]
    async fn the_kernel_knows_whose_a_connection_is_and_which_process_holds_it() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let local = listener.local_addr().unwrap();
        let client = TcpStream::connect(local).unwrap();
        let mine = client.local_addr().unwrap();
        let owner = socket::ask(v4(mine), v4(local)).unwrap();
        let Owner::Socket { user, socket } = owner else { panic!("{owner:?}") };
        assert_eq!(user, geteuid().as_raw());
        assert_eq!(socket::look_up(v4(mine), v4(local)), owner, "both ways say the same");
        assert_eq!(holds(getpid(), socket), Some(Admission::Member));
        let dir = tempfile::tempdir().unwrap();
        let owners = ConnectionOwners::new(Mark::of(dir.path()).unwrap().sandbox(0));
        assert_eq!(owners.admit(mine, local).await, None, "no process is known");
        owners.add(rustix::process::getppid().unwrap());
        owners.add(getpid());
        assert_eq!(owners.admit(mine, local).await, Some(Admission::Member));
        let nobodys = SocketAddr::new(mine.ip(), if mine.port() == 1 { 2 } else { 1 });
        assert_eq!(socket::ask(v4(nobodys), v4(local)), Ok(Owner::Nobody));
        assert_eq!(owners.admit(nobodys, local).await, None);
    }
}
