"""What the tests of witnesses share: one server, and witnesses that are given back."""

import contextlib
import itertools
import tempfile
from pathlib import Path

import pytest
from witnesses.line import Line
from witnesses.postgres import server_of_its_own, usable

from seemachine.state.errors import StateError
from seemachine.witnesses import open_witness

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server():
    """One server for all tests of a worker."""
    if not usable():
        pytest.skip("PostgreSQL's server is not installed here")
    with (
        tempfile.TemporaryDirectory(prefix="seemachine-pg") as name,
        server_of_its_own(Path(name)) as server,
    ):
        yield server


@pytest.fixture
def esn():
    """An ESN that no other test has."""
    return f"{next(numbers):04X}-0000-0000"


@pytest.fixture
def witness(server, esn):
    """Opens witnesses in the server's database, and gives them back at the end."""
    opened = []

    def opener(of=esn, url=server.url, **options):
        opened.append(open_witness(url, Path("unused"), of, {}, **options))
        return opened[-1]

    yield opener
    for one in opened:
        with contextlib.suppress(StateError):
            one.release()


@pytest.fixture
def line(server):
    """A way to the server that can be cut, frozen and slowed down."""
    line = Line(server.port)
    yield line
    line.close()
