"""Files that tests of `seemachine sign` sign, and what they ask of the signatures."""

import os
from pathlib import Path

from seeclient import verify

from seemachine.encodings.forms import recognized_signature
from seemachine.encodings.kinds import bytes_of
from seemachine.testing import BlockingFleet


def put(*names: str) -> None:
    """Files with their names in them."""
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name))


def check(fleet: BlockingFleet, message: bytes | Path, signature: str, alias: str = "rel") -> str:
    """That a file has a good signature. Returns its form."""
    form, made = recognized_signature(Path(signature).read_bytes())
    verify(message, bytes_of(made), fleet.key(alias).public_key)
    return form
