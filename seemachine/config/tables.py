"""The settings that have a table of their own in a file: [limits] and [tls]."""

from dataclasses import dataclass
from pathlib import Path

from seemachine.config.setting import MOST, check_all, number, path
from seemachine.wire.framing import MAX_FRAME

# Room for the longest replies: a part of a node cache, and a listing of all NVRAM files.
MIN_FRAME = 640 * 1024


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What one peer can make the machine hold, and for how long.

    Bytes, counts and seconds. A peer is an address, of IPv6 a network of 64 bits, or a user.
    """

    frame_bytes: int = number(
        MAX_FRAME,
        MIN_FRAME,
        MAX_FRAME,
        "the largest frame",
        unit="bytes",
        more="Clients hash longer messages themselves. Some replies would"
        " not fit into a smaller one.",
    )
    connections: int = number(
        256,
        1,
        MOST,
        "how many connections are open at one time",
        more="[How one more gets in](../how-to/under-attack.md#who-gets-a-place).",
    )
    peer_connections: int = number(
        192, 1, MOST, "how many of them come from one address, or one IPv6 network of 64 bits"
    )
    peer_connections_per_second: int = number(
        20000,
        1,
        MOST,
        "how many new connections of one address are taken in a second",
        more="Twice as many at once; more are closed unheard. The default is more than a machine"
        " can take: lower it where only attackers come that fast.",
    )
    peer_requests_per_second: int = number(
        100000,
        1,
        MOST,
        "how many requests of one address are answered in a second",
        more="One for many signatures counts as many. Twice as many at once; more wait. The default"
        " is more than a machine can do: lower it to keep one address from having it all.",
    )
    greeting_seconds: int = number(
        5, 1, MOST, "how long a client has from connecting to hello", unit="seconds"
    )
    idle_seconds: int = number(
        300, 1, MOST, "how long a connection may be idle between two requests", unit="seconds"
    )
    request_seconds: int = number(
        120,
        1,
        MOST,
        "how long a request may take",
        unit="seconds",
        more="The limit holds for each of receiving, answering and replying.",
    )
    drain_seconds: int = number(
        10,
        1,
        MOST,
        "how long requests under way have when the machine is stopped",
        unit="seconds",
    )
    handshake_seconds: int = number(
        5,
        1,
        MOST,
        "how long a TLS handshake may take",
        unit="seconds",
        more="It counts as a connection from its first moment.",
    )

    def __post_init__(self) -> None:
        check_all(self, "limits.")


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """PEM files. With all three the port takes TLS and nothing else."""

    certificate: Path = path(
        "the path of a file", "the machine's certificate, with its chain", shown="FILE"
    )
    key: Path = path("the path of a file", "its private key, without a password", shown="FILE")
    ca: Path = path("the path of a file", "the CA whose clients are let in", shown="FILE")
