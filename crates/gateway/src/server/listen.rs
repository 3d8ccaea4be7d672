//! Sockets that listen.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use ultraai::{Error, ErrorKind, Result};

/// How many connections may wait to be accepted; the system may allow less.
const BACKLOG: i32 = 4096;

/// How long nothing comes from a caller before the system asks whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_mins(1);

/// Whether the kernel deals connections out to sockets that share a port. Elsewhere all workers accept from one queue.
const DEALT_BY_KERNEL: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// A listener for each worker, all at `address`. With port 0 the system chooses one.
///
/// # Errors
/// `Config`, which says what hinders it and what to do.
pub(super) fn listeners(address: SocketAddr, workers: usize, stall: Duration) -> Result<Vec<TcpListener>> {
    open(address, workers, stall, DEALT_BY_KERNEL).map_err(|error| refused(address, error))
}

fn open(
    address: SocketAddr,
    workers: usize,
    stall: Duration,
    is_dealt: bool,
) -> io::Result<Vec<TcpListener>> {
    let first = socket(address, stall)?;
    if workers < 2 || !is_dealt {
        let first = listening(first, address)?;
        let others = (1..workers).map(|_| first.try_clone()).collect::<io::Result<Vec<_>>>()?;
        return Ok(std::iter::once(first).chain(others).collect());
    }
    // Who shares a port does so with every program of the same user. One that listens there is found by a socket
    // that does not share.
    first.bind(&address.into())?;
    let address = first.local_addr()?.as_socket().unwrap_or(address);
    drop(first);
    (0..workers)
        .map(|_| {
            let socket = socket(address, stall)?;
            share(&socket)?;
            listening(socket, address)
        })
        .collect()
}

fn socket(address: SocketAddr, stall: Duration) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that was started anew need not wait until the connections of the one before are forgotten. Windows
    // means another thing by it.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    // The sockets that are accepted have these from it. A caller whose machine went away reads nothing any more, and
    // nothing else tells.
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(stall.max(KEEP_ALIVE)))?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stall;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(unix)]
fn share(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(unix))]
fn share(_: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn listening(socket: Socket, address: SocketAddr) -> io::Result<TcpListener> {
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn refused(address: SocketAddr, error: io::Error) -> Error {
    use io::ErrorKind as Kind;
    let why = match error.kind() {
        Kind::AddrInUse => {
            "another program listens there: stop it, or choose another port with `--listen` or `gateway.listen`".to_owned()
        }
        Kind::PermissionDenied => format!(
            "port {} is for privileged programs: choose one from 1024 on with `--listen` or `gateway.listen`",
            address.port()
        ),
        Kind::AddrNotAvailable => format!(
            "this machine has no address {}: name one of its own, or {} for all of them",
            address.ip(),
            if address.is_ipv6() { "[::]" } else { "0.0.0.0" }
        ),
        _ if address.is_ipv6() && error.raw_os_error() == Some(NO_IPV6) => {
            "this machine speaks no IPv6: name an IPv4 address, such as 127.0.0.1".to_owned()
        }
        _ => "the system refuses it".to_owned(),
    };
    Error::new(ErrorKind::Config, format!("it cannot listen at {address}: {why}")).with_source(error)
}

/// `EAFNOSUPPORT`, which std gives no kind of its own.
const NO_IPV6: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    #[test]
    fn workers_share_a_port_by_the_kernel_or_by_one_queue() {
        for is_dealt in [DEALT_BY_KERNEL, false] {
            let listeners = open(ANY, 3, KEEP_ALIVE, is_dealt).unwrap();
            let ports: Vec<_> = listeners.iter().map(|one| one.local_addr().unwrap().port()).collect();
            assert!(
                ports.len() == 3 && ports[0] != 0 && ports.iter().all(|port| *port == ports[0]),
                "{ports:?}"
            );
        }
    }

    #[test]
    fn an_address_that_another_program_has_is_refused_though_workers_share() {
        let taken = listeners(ANY, 2, KEEP_ALIVE).unwrap();
        let address = taken[0].local_addr().unwrap();
        for workers in [1, 2] {
            let error = listeners(address, workers, KEEP_ALIVE).unwrap_err();
            assert!(error.to_string().contains("another program listens there"), "{error}");
        }
    }

    #[test]
    fn an_address_of_another_machine_is_refused_by_name() {
        let error = listeners("192.0.2.1:0".parse().unwrap(), 1, KEEP_ALIVE).unwrap_err();
        assert!(error.to_string().contains("this machine has no address 192.0.2.1"), "{error}");
    }

    #[test]
    fn what_the_system_says_is_told_with_what_to_do() {
        let text =
            |kind: io::ErrorKind, address: &str| refused(address.parse().unwrap(), kind.into()).to_string();
        let said = text(io::ErrorKind::PermissionDenied, "127.0.0.1:80");
        assert!(said.contains("port 80 is for privileged programs") && said.contains("1024"), "{said}");
        let error = io::Error::from_raw_os_error(NO_IPV6);
        let said = refused("[::1]:80".parse().unwrap(), error).to_string();
        assert!(said.contains("[::1]:80") && said.contains("no IPv6"), "{said}");
    }
}
