"""Who is at the other end of a connection, and who counts as one peer."""

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

import trio

_CREDENTIALS = struct.Struct("iII")
USER = "uid "


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection comes from.

    `host` is an address, or the user of a process on this host: what counts as one peer, and what a
    client without a certificate is called. `shown` is what logs call the connection.
    """

    host: str
    shown: str
    by_socket: bool = False


def origin_of(stream: trio.SocketStream) -> Origin:
    """Where a connection comes from. Raises OSError when it is gone."""
    if stream.socket.family == socket.AF_UNIX:
        return _user_of(stream)
    host, port = stream.socket.getpeername()[:2]
    return Origin(host, f"{host}:{port}")


def _user_of(stream: trio.SocketStream) -> Origin:
    """As the system says, where it does: a user by number, for names are the host's."""
    if not hasattr(socket, "SO_PEERCRED"):
        return Origin("unix", "unix", by_socket=True)
    found = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _group = _CREDENTIALS.unpack(found)
    return Origin(f"{USER}{user}", f"unix:{process}", by_socket=True)


def peer_of(host: str) -> str:
    """What counts as one peer: an IPv4 address, also in IPv6 form, an IPv6 network of 64 bits,
    which is what one customer gets, or a user of this host.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


def kind_of(host: str) -> str:
    """What a peer is, in a sentence."""
    return "user" if host.startswith(USER) else "address"
