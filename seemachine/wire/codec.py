"""Frame bodies: one MessagePack array, decoded with every limit set."""

from collections.abc import Callable
from typing import Any

import msgpack

from seemachine.wire.status import PeerMisuse

# Three in the envelope, and no message has a map or list longer than its own limits; nesting stops
# at records in a list.
MAX_LIST = 4096
MAX_MAP = 32
# A listing of all files, and a few. A million empty maps in one frame would take a server's loop a
# sixth of a second, and 85 MB.
MAX_CONTAINERS = MAX_LIST + 64

Hook = Callable[[Any], object]


def pack(parts: list[object]) -> bytes:
    """Encode an envelope."""
    packed: bytes = msgpack.packb(parts, use_bin_type=True)
    return packed


def unpack(body: bytes) -> list[object]:
    """Decode an envelope. Raises PeerMisuse for anything that is not exactly one array of three."""
    # Each is a byte at least. A hook is a call for each of them.
    counted = _counter() if len(body) > MAX_CONTAINERS else None
    try:
        parts = msgpack.unpackb(
            body,
            raw=False,
            strict_map_key=True,
            object_pairs_hook=_counted_maps(counted) if counted else _no_doubles,
            list_hook=counted,
            ext_hook=_no_extensions,
            max_str_len=len(body),
            max_bin_len=len(body),
            max_array_len=MAX_LIST,
            max_map_len=MAX_MAP,
            max_ext_len=0,
        )
    # msgpack raises a dozen kinds from ValueError to StackError; each of them means the same to us.
    except Exception as error:  # noqa: BLE001
        raise PeerMisuse(f"not a MessagePack frame ({type(error).__name__})") from None
    if type(parts) is not list or len(parts) != 3:
        raise PeerMisuse("a frame must be an array of three: number, name, fields")
    return parts


def _counter() -> Hook:
    """A hook that gives back what it gets, but not for ever."""
    left = iter(range(MAX_CONTAINERS))

    def counted(container: object) -> object:
        if next(left, None) is None:
            raise ValueError("too many lists and maps")
        return container

    return counted


def _counted_maps(counted: Hook) -> Hook:
    return lambda pairs: counted(_no_doubles(pairs))


def _no_extensions(_code: int, _data: bytes) -> object:
    raise ValueError("extension types are not part of the protocol")


def _no_doubles(given: Any) -> dict[str, object]:
    pairs = list(given)  # msgpack's pure-Python form hands over a generator
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a field comes twice")
    return made
