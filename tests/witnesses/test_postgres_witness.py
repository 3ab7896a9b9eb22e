"""The witness in PostgreSQL as a witness, against a real server; and what a witness of no kind is
told.
"""

import shutil

import pytest
from kit.leases import lease, leaves, name, take
from kit.stores import ESN, OTHER_ESN
from witnesses.postgres import usable

from seemachine.state.errors import (
    LeaseQuarantined,
    LeaseSpent,
    StateFailed,
    StateLocked,
    StateOtherVersion,
    StateUnsafe,
)
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.witness.folder import FolderWitness
from seemachine.state.witness.protocol import Mark, Past
from seemachine.witnesses import open_witness

pytestmark = pytest.mark.skipif(not usable(), reason="PostgreSQL's server is not installed here")
FIRST, SECOND = Mark(b"i" * 16, 1, b"1" * 8, b"h" * 16), Mark(b"i" * 16, 2, b"2" * 8, b"h" * 16)


def test_it_begins_with_nothing(witness):
    """A machine that was never seen has no last opening and no notes."""
    fresh = witness()

    assert fresh.last(b"i" * 16) is None
    assert fresh.noted(b"lms") == {}


def test_openings_replace_each_other(witness):
    """The last opening is what was advanced to, also for the next process."""
    first = witness()
    first.advance(FIRST, "")
    first.advance(SECOND, "")
    first.release()
    again = witness()
    assert again.meet(Past(SECOND, (1, FIRST.nonce)), SECOND.place) == ""

    assert again.last(SECOND.identity) == SECOND


@pytest.mark.parametrize("before", [None, SECOND])
def test_an_opening_that_is_not_the_last_is_refused(witness, before):
    """Compare and swap: whoever believes something else of the past changes nothing."""
    one = witness()
    one.advance(FIRST, "")
    one._mark = before

    with pytest.raises(StateLocked, match="meanwhile"):
        one.advance(Mark(b"i" * 16, 3, b"3" * 8), "")
    one.release()
    assert witness().last(FIRST.identity) == FIRST


def test_one_holder_at_a_time(witness, server):
    """While a machine runs no other of its ESN gets in, and is told which session to end; another
    ESN does; the next one does.
    """
    first = witness()
    witness(OTHER_ESN)
    with pytest.raises(
        StateLocked, match=r"in use already, .*: session (\d+) .*pg_terminate_backend\(\1\)"
    ):
        witness()
    first.release()

    witness()


def test_notes_outlive_the_process(witness):
    """What was noted and sent is known to the next process, and never goes back."""
    first = witness()
    first.note(name(1), 0, 5)
    first.note(name(1), 16, 20)
    first.beat()
    first.note(name(1), 0, 7)
    first.note(name(1), 0, 6)
    first.release()

    assert witness().noted(name(1)) == {0: 7, 16: 20}


def test_a_lease_comes_into_one_machine_of_all(witness):
    """Who claims a lease second is refused, whatever its ESN; so is who asks before."""
    one, other = witness(), witness(OTHER_ESN)
    one.claim(name(7), 0, 32)

    assert other.is_spent(name(7), 0, 32)
    assert one.is_spent(name(7), 16, 32)
    assert not other.is_spent(name(7), 32, 64)
    for late in (one, other):
        with pytest.raises(LeaseSpent, match="came into a machine before"):
            late.claim(name(7), 0, 32)


def test_a_card_of_a_linked_world_comes_into_one_machine(witness, tmp_path):
    """The same lease in the stores of two ESNs: the second one is refused, and has no file."""
    stores = [
        SqliteStore(tmp_path / each, witness(each)) for each in ("00AA-0000-0001", "00AA-0000-0002")
    ]
    stores[0].install(lease(8))
    for refused in (stores[1].check_install, stores[1].install):
        with pytest.raises(LeaseSpent):
            refused(lease(8))

    assert [store.names() for store in stores] == [[name(8)], []]
    for store in stores:
        store.close()


def test_an_opening_of_a_lease_that_came_into_another_machine_too_is_doubted(
    witness, server, tmp_path
):
    """A database that lost a claim, and gave the lease away again: who has it is told at the next
    opening.
    """
    store = SqliteStore(tmp_path / "nvram", witness())
    store.install(lease(9))
    store.close()
    server.ask(f"UPDATE seemachine_leaves SET until = NULL WHERE name = '\\x{name(9).hex()}'")
    server.ask(
        f"INSERT INTO seemachine_leaves VALUES ('00BB-0000-0001', '\\x{name(9).hex()}', 0, 0,"
        " 0, 32)"
    )
    store = SqliteStore(tmp_path / "nvram", witness())

    [answer] = take(store, [name(9)])
    assert isinstance(answer, LeaseQuarantined)
    assert "00BB-0000-0001" in str(answer)
    store.close()


def test_a_store_with_it_notices_a_rollback(witness, tmp_path):
    """An NVRAM that was put back in place has its leases in quarantine."""
    folder, saved = tmp_path / "nvram", tmp_path / "saved"
    store = SqliteStore(folder, witness())
    store.install(lease(11))
    store.close()
    shutil.copytree(folder, saved)
    store = SqliteStore(folder, witness())
    assert leaves(take(store, [name(11)])) == [0]
    store.close()
    for path in saved.iterdir():
        shutil.copy(path, folder)
    store = SqliteStore(folder, witness())

    assert isinstance(take(store, [name(11)])[0], LeaseQuarantined)
    store.close()


def test_a_small_lease_is_used_up_over_clean_stops(witness, tmp_path):
    """Four leaves, one an opening, as in the guide's sessions: none is lost, and the last one is
    the last.
    """
    found = []
    for _ in range(4):
        store = SqliteStore(tmp_path / "nvram", witness())
        if not found:
            store.install(lease(3, 0, 4))
        found += leaves(take(store, [name(3)]))
        assert store.skipped == []
        store.close()
    store = SqliteStore(tmp_path / "nvram", witness())

    assert found == [0, 1, 2, 3]
    assert take(store, [name(3)]) == [None]
    store.close()


def test_tables_of_the_version_before_are_taken_over(server, witness, tmp_path):
    """An upgrade is no alarm: rows that know nothing of what was allowed are taken as they are."""
    store = SqliteStore(tmp_path / "nvram", witness())
    store.install(lease(4))
    assert leaves(take(store, [name(4)] * 3)) == [0, 1, 2]
    store.close()
    server.ask("DELETE FROM seemachine_sessions")
    server.ask(
        "UPDATE seemachine_leaves SET ahead = NULL, until = NULL, next = 1 WHERE name ="
        f" '\\x{name(4).hex()}'"
    )
    for leaf in (3, 4):
        store = SqliteStore(tmp_path / "nvram", witness())
        assert leaves(take(store, [name(4)])) == [leaf]
        store.close()


def test_where_no_server_is(tmp_path):
    """The refusal names the server without its password."""
    with pytest.raises(StateFailed) as refused:
        open_witness("postgresql://me:secret@127.0.0.1:1/seemachine", tmp_path, ESN, {})

    assert "postgresql://me@127.0.0.1:1/seemachine" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_other_kinds(tmp_path):
    """A folder is a folder, nothing is the default, a relative one is in the world, and another
    scheme is refused with what there is.
    """
    for where in ("", str(tmp_path / "there")):
        one = open_witness(where, tmp_path / "default", ESN, {})
        assert isinstance(one, FolderWitness)
        one.release()
    open_witness("elsewhere", tmp_path / "default", ESN, {}).release()
    assert (tmp_path / "elsewhere" / f"{ESN}.record").exists()
    with pytest.raises(StateUnsafe, match="postgresql://"):
        open_witness("redis://x", tmp_path, ESN, {})


def test_the_tables_of_another_version_are_refused(server, witness):
    """A comment on them has their version; those without one are of the first."""
    witness().release()
    [[comment]] = server.ask("SELECT obj_description('seemachine_marks'::regclass, 'pg_class')")
    assert comment == "seemachine witness tables 1"
    try:
        server.ask("COMMENT ON TABLE seemachine_marks IS 'seemachine witness tables 2'")
        with pytest.raises(StateOtherVersion, match="written by a newer version of seemachine"):
            witness()
        server.ask("COMMENT ON TABLE seemachine_marks IS NULL")
        witness().release()
    finally:
        server.ask(f"COMMENT ON TABLE seemachine_marks IS '{comment}'")
