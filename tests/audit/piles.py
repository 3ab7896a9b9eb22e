"""What the tests of this folder share: keys of other makers that sign with a leaf as often as they
are told, and the auditor's verdict.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from kit.here import store
from pyhsslms import pyhsslms as p
from seeclient.algorithms.lms.keyfile import LmsKeyFile

from seemachine.cli.command import main

# Tree, LM-OTS: one of each hash, length and two widths.
CHEAP = ("lms_sha256_m24_h5", "lmots_sha256_n24_w2")
SETS = (
    CHEAP,
    ("lms_sha256_m32_h5", "lmots_sha256_n32_w4"),
    ("lms_shake_m24_h5", "lmots_shake_n24_w1"),
    ("lms_shake_m32_h5", "lmots_shake_n32_w8"),
)


@cache
def key(names: tuple[str, str] = CHEAP, number: int = 0) -> p.LmsPrivateKey:
    """A key of pyhsslms; those of other numbers are others."""
    tree, ots = (getattr(p, name) for name in names)
    return p.LmsPrivateKey(tree, ots)


def public(private: p.LmsPrivateKey) -> bytes:
    """Its public key."""
    return bytes(private.publicKey().serialize())


def sign(private: p.LmsPrivateKey, leaf: int, message: bytes) -> bytes:
    """A signature with any leaf, used or not."""
    rewind(private, leaf)
    return bytes(private.sign(message))


def rewind(private: p.LmsPrivateKey, leaf: int) -> None:
    """Make a key go on at a leaf, used or not, as one that was put back does."""
    private.q = leaf
    private.ots_priv[leaf]._signatures_remaining = 1


@dataclass
class Audited:
    """What the auditor said."""

    code: int
    lines: list[str]
    errors: str

    def kinds(self) -> Counter[str]:
        """How many findings of each kind there are."""
        return Counter(finding["kind"] for finding in self.document["findings"])

    @property
    def document(self) -> dict[str, Any]:
        """Its JSON document."""
        document: dict[str, Any] = json.loads("\n".join(self.lines))
        return document

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The findings of a kind."""
        return [finding for finding in self.document["findings"] if finding["kind"] == kind]


def audit(*words: object) -> Audited:
    """Run `seemachine audit` in this process."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["audit", *map(str, words)])
    return Audited(code, out.getvalue().splitlines(), err.getvalue())


class Pile:
    """A folder of evidence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, data: bytes) -> Path:
        """A file."""
        path = self.folder / name
        path.write_bytes(data)
        return path

    def signed(
        self, name: str, private: p.LmsPrivateKey, leaf: int, message: bytes | None = None
    ) -> Path:
        """A signature and, unless that is `None`, its message. Returns the signature's file."""
        if message is not None:
            self.put(name, message)
        return self.put(
            f"{name}.sig", sign(private, leaf, message if message is not None else name.encode())
        )

    def judged(self, *words: object) -> Audited:
        """The verdict of all in it, as JSON."""
        return audit("--json", *words, self.folder)


@cache
def key_file(expcards: int = 0, explease: int = 0) -> bytes:
    """A key file of seemachine, of `key()`."""
    with TemporaryDirectory() as folder, patch.dict(os.environ, {"SEEMACHINE_HOME": folder}):
        made = LmsKeyFile("release", public(key()), expcards, explease, 0, bytes(24))
        store().save(made)
        return store().path_of(made.alias).read_bytes()


def row(
    private: p.LmsPrivateKey, leaf: int, digest: bytes, number: int = 1, **changes: Any
) -> dict[str, Any]:
    """A row of a ledger, as `seemachine ledger --json-lines` prints it."""
    of = public(private)[24:32]
    values = {
        "esn": "0000-0000-0001",
        "nvram": "aa" * 16,
        "row": number,
        "file": (b"lms" + of).hex(),
        "leaf": leaf,
    }
    values |= {"digest": digest.hex(), "token": f"{number:032x}", "client": "127.0.0.1"}
    return {**values, "time": 1, "reason": "", **changes}


def ledger(rows: Iterable[dict[str, Any]]) -> bytes:
    """A ledger in a file."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in rows)
