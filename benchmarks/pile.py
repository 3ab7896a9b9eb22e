"""Make a pile of good signatures for auditors, in no time.

`python pile.py FOLDER COUNT`: h10/w8, 1,000 of a key, each beside its message in a folder of the
key, which lies beside that.
"""

import sys
from pathlib import Path

from host import one_thread
from libraries import make

from seemachine.lms.engines import Engine
from seemachine.lms.generation import Generation
from seemachine.lms.hashing import message_digest
from seemachine.lms.lease import leaf_page

OF_A_KEY = 1000
BATCH = 64


def main() -> None:
    """See the module."""
    pile, count, engine = Path(sys.argv[1]), int(sys.argv[2]), one_thread()
    for number, first in enumerate(range(0, count, OF_A_KEY)):
        made = make(engine, 10, 8)
        folder = pile / f"release-{number:03}"
        folder.mkdir()
        folder.with_suffix(".pub").write_bytes(made.lease(0).key.encode())
        leaves = range(min(OF_A_KEY, count - first))
        for begin in leaves[::BATCH]:
            _sign(engine, made, leaves[begin : begin + BATCH], folder)


def _sign(engine: Engine, made: Generation, leaves: range, folder: Path) -> None:
    lease, jobs = made.lease(0), []
    for leaf in leaves:
        message, key = _message(folder, leaf), lease.key
        digest = message_digest(key.ots, key.identifier, leaf, lease.randomizer(leaf), message)
        jobs.append(lease.job(leaf, digest))
    for leaf, chains in zip(leaves, engine.sign(lease.key.ots, jobs), strict=True):
        signature = lease.assemble(leaf_page(lease, leaf, made.table), leaf, chains)
        image = folder / f"image-{leaf:04}.bin"
        image.write_bytes(_message(folder, leaf))
        Path(f"{image}.sig").write_bytes(signature)


def _message(folder: Path, leaf: int) -> bytes:
    return f"{folder.name}, image {leaf}\n".encode()


if __name__ == "__main__":
    main()
