"""Batches of signatures in one request, of two connections."""

from collections.abc import Iterator

from extents import Extent
from machines import load, running
from measure import Figure, NotHere
from seeclient import blocking

from parts.signing import new_file, rate_figures
from seemachine.wire.requests import REQUESTS

CONNECTIONS = 2
MESSAGES = 64


def figures(extent: Extent) -> Iterator[Figure]:
    """At w=8 and w=4; each connection has a key of its own, so that leaves last."""
    if "nvmemfile_sign_many" not in REQUESTS:
        raise NotHere("batches: this tree has no nvmemfile_sign_many")
    with running() as machine, blocking.open_fleet() as fleet:
        for w in (8, 4):
            files = [new_file(fleet, extent.height, w) for _ in range(CONNECTIONS)]
            loaded = load(machine, files, CONNECTIONS, extent.load_seconds, messages=MESSAGES)
            name = f"sign_many h{extent.height}/w{w}, {CONNECTIONS} connections of {MESSAGES}"
            yield from rate_figures(name, loaded)
