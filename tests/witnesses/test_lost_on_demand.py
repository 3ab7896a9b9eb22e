"""A witness in PostgreSQL that a fault takes away: what follows is what follows a real loss."""

import contextlib
from pathlib import Path

import pytest
from kit.leases import lease, leaves, name, take
from witnesses.postgres import usable

from seemachine.faults import Injector
from seemachine.mishaps import open_faulty_witness
from seemachine.state.errors import StateFailed
from seemachine.state.nvram.sqlite import SqliteStore

pytestmark = pytest.mark.skipif(not usable(), reason="PostgreSQL's server is not installed here")


@pytest.fixture
def faults():
    """Nothing is wrong yet."""
    return Injector()


@pytest.fixture
def opener(server, esn, faults, tmp_path):
    """Opens the store of a machine with that witness; its folder is one."""
    stores = []

    def opened():
        witness = open_faulty_witness(faults, server.url, Path("unused"), esn, {})
        stores.append(SqliteStore(tmp_path / "nvram", witness))
        return stores[-1]

    yield opened
    for store in stores:
        with contextlib.suppress(Exception):
            store.close()


def test_no_leaf_is_used_while_it_is_lost(server, opener, faults):
    """A signature, a lease that comes in and a beat are refused as by a server that is away; then
    another session is opened, and all goes on.
    """
    store = opener()
    store.install(lease(801))
    assert leaves(take(store, [name(801)])) == [0]
    faults.add("witness-lost times=3")
    with pytest.raises(StateFailed, match="does not answer; no leaf was used; try again"):
        take(store, [name(801)])
    with pytest.raises(StateFailed, match=f":{server.port}/seemachine: the connection ended"):
        store.install(lease(802))
    with pytest.raises(StateFailed, match="the connection ended"):
        store.beat()
    assert "the session was lost" in store.beat()
    store.install(lease(802))
    assert leaves(take(store, [name(801), name(802)])) == [1, 0]


def test_a_start_while_it_is_lost_is_doubted(opener, faults):
    """As where the database is another one."""
    store = opener()
    store.install(lease(803))
    store.close()
    faults.add("witness-lost times=1")
    store = opener()
    assert "its witness has never seen it" in store.doubt
    assert store.get(name(803)).quarantine


def test_words_are_those_of_a_server_that_is_away(server, opener, faults):
    """The signature says the same."""
    store = opener()
    store.install(lease(804))
    said = []
    for lose, find in (
        (lambda: faults.add("witness-lost"), faults.clear),
        (server.stop, server.start),
    ):
        lose()
        with contextlib.suppress(StateFailed):
            store.beat()
        with pytest.raises(StateFailed) as refused:
            take(store, [name(804)])
        said.append(str(refused.value))
        find()
        store.beat()
    assert said[0] == said[1]


def test_only_some_requests_find_it_lost(opener, faults):
    """Those that the fault names, and none of what the machine does by itself."""
    store = opener()
    store.install(lease(805))
    faults.add("witness-lost on=nvmemfile_sign")
    with faults.during(["nvmemfile_sign"]), pytest.raises(StateFailed, match="no leaf was used"):
        take(store, [name(805)])
    store.beat()
    with faults.during(["nvmemfile_sign_many"]):
        assert leaves(take(store, [name(805)])) == [0]
