"""docs/reference/formats.md against the files that clients write."""

import json
import re
from pathlib import Path

from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.keyfile import Made
from seeclient.keys import KeyStore

from seemachine.testing import ESN, make_key

PAGE = (Path(__file__).parents[2] / "docs/reference/formats.md").read_text()


def fields_of(section: str) -> list[str]:
    """The names in the first cells of a section's table."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def test_the_fields_of_a_key_file(tmp_path):
    """The page has those which a client writes, in their order, with all that may be left out."""
    made = Made(1, "alice", ESN)
    public_key = make_key().public_key.encode()
    key = LmsKeyFile("alias", public_key, 0, 0, 5, b"", 3, signer="ab" * 20, made=made)
    store = KeyStore(tmp_path)
    store.save(key)
    head = store.path_of("alias").read_bytes().partition(b"\n")[0]
    assert fields_of("Key file") == list(json.loads(head))
