"""Bundles that tests of `caliptra sign` sign, and what they ask of them."""

import json
from pathlib import Path

from caliptra.conftest import KEYS, World
from caliptra.making import VENDOR

from seemachine.lms.keys import Signature

FIRST = VENDOR[0]
ONLY_VENDOR = KEYS[:4]


def sign_vendor(world: World, path: Path, *more: object) -> tuple[int, str]:
    """Sign the two targets of the vendor, without a question."""
    return world.caliptra("sign", path, *ONLY_VENDOR, "--yes", *more)


def signatures(path: Path) -> dict[str, bytes]:
    """By target, what is in the file beside a request."""
    document = json.loads((path.parent / "signatures.json").read_text())
    return {name: bytes.fromhex(entry["pqc_sig"]) for name, entry in document.items()}


def leaves(path: Path) -> list[int]:
    """The leaves of those of LMS."""
    return [Signature.decode(each).leaf for each in signatures(path).values() if len(each) == 1620]


def remains(path: Path) -> list[str]:
    """What is in the folder beside the request and the signatures."""
    known = (path.name, "signatures.json")
    return sorted(each.name for each in path.parent.iterdir() if each.name not in known)


def refused(world: World, path: Path, *more: object) -> str:
    """The sentence of a refusal, which takes no leaf and changes nothing."""
    before = world.left(), sorted(path.parent.iterdir())
    code, said = sign_vendor(world, path, *more)
    assert code, said
    assert (world.left(), sorted(path.parent.iterdir())) == before
    return said.splitlines()[-1]
