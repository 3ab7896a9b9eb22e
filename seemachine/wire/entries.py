"""The [[machines]] of a fleet file, and those that its `count` adds: for whoever starts them and
for clients that look for them.

ESNs are given out in one order that is the same in every world, so the third of a fleet is the same
machine at each start, whatever the count is by then.
"""

from collections.abc import Collection, Iterator
from itertools import count, islice, repeat
from typing import Any

from seemachine.wire.names import SEE_PORT

# Odd, so that no ESN comes twice.
_STEP, _ESN_BITS = 0x9E3779B97F4B, 48
# What no machine has in common with the first.
_OWN = ("esn", "module", "port")


def expanded(entries: list[dict[str, Any]], wanted: int) -> list[dict[str, Any]]:
    """All entries, with modules and ports that count up where they say none, and so many more, like
    the first one, that there are as many as wanted. Raises ValueError.
    """
    named = [
        {"module": number, "port": SEE_PORT + number - 1, **entry}
        for number, entry in enumerate(entries, 1)
    ]
    return [*named, *islice(_more(named), max(0, wanted - len(named)))]


def _more(named: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    first = named[0] if named else {"module": 1, "port": SEE_PORT}
    tls = first.get("tls")
    if isinstance(tls, dict) and "pki" not in tls:
        raise ValueError(
            "count adds machines like the first one, and each needs a certificate of its own:"
            ' write tls = { pki = "auto" } there, or the folder that they are in'
        )
    like = {name: value for name, value in first.items() if name not in _OWN}
    esns = given_esns([entry.get("esn") for entry in named])
    modules = [entry["module"] for entry in named]
    numbers = (number for number in count(1) if number not in modules)
    for esn, module, port in zip(esns, numbers, _ports(named, first["port"]), strict=False):
        yield {**like, "esn": esn, "module": module, "port": port}


def given_esns(taken: Collection[object]) -> Iterator[str]:
    """The ESNs of machines that nobody named, without those that are taken."""
    for number in count(1):
        digits = f"{number * _STEP % (1 << _ESN_BITS):012X}"
        esn = f"{digits[:4]}-{digits[4:8]}-{digits[8:]}"
        if esn not in taken:
            yield esn


def _ports(named: list[dict[str, Any]], first: object) -> Iterator[int]:
    """Any one where the first has any."""
    taken = [entry["port"] for entry in named]
    if type(first) is not int or first == 0:
        yield from repeat(0)
        return
    yield from (port for port in range(first, 1 << 16) if port not in taken)
    raise ValueError(
        f"count: there are too few ports after {first}; give the first machine port = 0, any free"
        " one, or a lower port"
    )
