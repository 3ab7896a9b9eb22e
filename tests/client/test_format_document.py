"""docs/reference/formats.md against the files that clients write."""

import json
import re
from pathlib import Path

from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.mldsa.keyfile import MldsaKeyFile
from seeclient.keyfile import Made
from seeclient.keys import KeyStore

from seemachine.testing import ESN, make_key

PAGE = (Path(__file__).parents[2] / "docs/reference/formats.md").read_text()


def fields_of(section: str) -> list[str]:
    """The names in the first cells of a section's table."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def written(key, folder):
    """The fields of a key file, in the order in which a client writes them."""
    store = KeyStore(folder)
    store.save(key)
    return list(json.loads(store.path_of(key.alias).read_bytes().partition(b"\n")[0]))


def test_the_fields_of_a_key_file(tmp_path):
    """The page has those which a client writes, in their order, with all that may be left out."""
    head = {"signer": "ab" * 20, "made": Made(1, "alice", ESN), "insecure": "7"}
    lms = LmsKeyFile("lms", make_key().public_key.encode(), 0, 0, 5, b"", 3, **head)
    mldsa = MldsaKeyFile("mldsa", bytes(1312), b"blob", "ops", "cd" * 20, **head)
    fields = [written(key, tmp_path) for key in (lms, mldsa)]
    page = fields_of("Key file")
    for own in fields:
        assert [name for name in page if name in own] == own
    assert set(page) == {name for own in fields for name in own}
