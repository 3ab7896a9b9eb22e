"""Figures of the mathematics, made with the modules of an image tree by whatever Python runs this:
`figures.py LIBRARY`, JSON in and out.

In: `seeds`, rows of tree, LM-OTS set, I, seed; `signatures`, rows of public key, message,
signature. Out: the byte order, for each seed the public key and the signatures of the first and
last leaf, for each signature whether it verifies. Bytes are hexadecimal.
"""

import json
import sys
from typing import Any

MESSAGE = b"firmware 1.0"


def made(engine: Any, tree_name: str, ots_name: str, identifier: str, seed: str) -> list[str]:
    """A key of height 5 and two signatures."""
    from seemachine.lms.generation import Generation
    from seemachine.lms.hashing import message_digest
    from seemachine.lms.lease import build_page, page_of
    from seemachine.lms.parameters import lmots, lms
    from seemachine.lms.sectors import Sectors

    tree, ots = lms(tree_name), lmots(ots_name)
    fixed = bytes.fromhex(identifier), bytes.fromhex(seed)
    generation = Generation(
        tree,
        ots,
        Sectors(tree.h, 0, 0),
        5,
        0,
        lambda size: fixed[0] if size == len(fixed[0]) else fixed[1],
    )
    while generation.remaining:
        generation.step(engine, lambda: False)
    lease, told = generation.lease(0), [generation.public_key.encode().hex()]
    for leaf in (0, lease.end - 1):
        digest = message_digest(ots, lease.key.identifier, leaf, lease.randomizer(leaf), MESSAGE)
        page = build_page(engine, lease, page_of(lease, leaf, None), None)
        [chains] = engine.sign(ots, [lease.job(leaf, digest)])
        told.append(lease.assemble(page, leaf, chains).hex())
    return told


def verifies(engine: Any, public_key: str, message: str, signature: str) -> bool:
    """Whether a signature leads to the root of the key."""
    from seemachine.lms.keys import PublicKey
    from seemachine.lms.verifying import candidate_root

    key = PublicKey.decode(bytes.fromhex(public_key))
    return (
        candidate_root(engine, key, [bytes.fromhex(message)], bytes.fromhex(signature)) == key.root
    )


def main() -> None:
    """Answer standard input on standard output."""
    sys.path.append(sys.argv[1])
    from seemachine.lms import engines

    engine, asked = engines.select(), json.load(sys.stdin)
    figures = {
        "order": sys.byteorder,
        "engine": engine.name,
        "seeds": [made(engine, *row) for row in asked["seeds"]],
        "signatures": [verifies(engine, *row) for row in asked["signatures"]],
    }
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
