"""docs/how-to/python.md and the README: their Python runs as printed, against a real machine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from kit import processes
from seeclient.algorithms.lms.recipe import Recipe
from seeclient.tls import CA_VARIABLE, CERTIFICATE_VARIABLE, KEY_VARIABLE

from seemachine.state.cards.rack import Rack
from seemachine.testing import ESN
from seemachine.wire.status import Status
from seemachine.world import World

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = ROOT / "docs/how-to/python.md"
SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A world with one machine, in which a blank card is in slot 2."""
    home = tmp_path_factory.mktemp("document") / "world"
    with processes.machines(home, (ESN,)):
        rack = Rack(World.at(home))
        rack.insert(rack.new()[0], ESN, 2)
        yield home


def snippets(document):
    """The blocks of Python of a document."""
    return SNIPPET.findall(document.read_text())


def run(code, world, folder):
    """Run a block as a program of its own; what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=processes.environment(world),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}"
    return done.stdout


def test_the_snippets_of_the_client_document(world, tmp_path):
    """Each is a program of its own; in the order of the document they find the keys of those before
    them.
    """
    printed = [run(code, world, tmp_path) for code in snippets(DOCUMENT)]
    assert len(printed) == 13
    assert printed[2].splitlines() == [f"{ESN} 2 1021", f"{ESN} 1021 ['blank']"]
    assert "CardDone(remaining=0)" in printed[5]


def test_the_snippet_of_the_readme(tmp_path):
    """It makes its key when it is run first, and finds it the next time."""
    # The other one is a test, which tests/examples runs.
    code, _ = snippets(ROOT / "README.md")
    with processes.machines(tmp_path / "world", (ESN,)):
        for _ in range(2):
            run(code, tmp_path / "world", tmp_path)
        key_file = next((tmp_path / "world" / "kmdata" / "local").iterdir())
        assert key_file.name == "key_pqsdk_release"


def test_the_document_names_every_option_and_status():
    """The options of a generation, the statuses that a caller can meet, the variables of TLS."""
    text = DOCUMENT.read_text()
    own = {"alias", "lms", "lmots"}
    others = {Status.OK, Status.UnknownCommand, Status.NotYetImplemented, Status.Failed}
    names = [
        *(set(Recipe.__dataclass_fields__) - own),
        *(status.name for status in Status if status not in others),
    ]
    assert [
        name
        for name in (*names, CERTIFICATE_VARIABLE, KEY_VARIABLE, CA_VARIABLE)
        if f"`{name}`" not in text
    ] == []
