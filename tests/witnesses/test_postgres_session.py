"""The session with the database: lost, taken over, unconfirmed, frozen, pooled; and what a person
is told.
"""

import contextlib
import json
import shutil
import socket
import threading
from pathlib import Path

import pytest
from kit.leases import lease, leaves, name, order, take
from kit.waiting import eventually
from witnesses.postgres import PGBOUNCER, Pool, usable

from seemachine.state.errors import StateFailed, StateUnsafe
from seemachine.state.nvram import sqlite as sqlite_store
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.witnesses import confirmed, open_witness, postgresql, session

pytestmark = pytest.mark.skipif(not usable(), reason="PostgreSQL's server is not installed here")
keys = iter(range(100, 1000))


@pytest.fixture
def key():
    """A key that no other test has."""
    return next(keys)


@pytest.fixture
def opened(witness, tmp_path, key, monkeypatch):
    """Opens the store of the test's machine, with a lease the first time; a copy of its folder
    looks the same, inodes and all.
    """
    stores = []
    monkeypatch.setattr(sqlite_store, "handle_of", lambda _path: b"p" * 16)

    def opener(url=None, folder=tmp_path / "nvram", **options):
        one = witness(**({"url": url} if url else {}), **options)
        stores.append(SqliteStore(folder, one))
        if not folder.parent.joinpath("installed").exists():
            stores[-1].install(lease(key))
            folder.parent.joinpath("installed").touch()
        return stores[-1], one

    yield opener
    for store in stores:
        with contextlib.suppress(Exception):
            store.close()


@pytest.fixture
def brief(monkeypatch):
    """Nobody waits long for a frozen database in these tests."""
    monkeypatch.setattr(session, "EXCHANGE_SECONDS", 0.3)
    monkeypatch.setattr(postgresql, "EXCHANGE_SECONDS", 0.3)


def copied(folder):
    """A snapshot of the disk."""
    return Path(shutil.copytree(folder, folder.with_name("clone")))


def test_a_session_that_was_ended_is_opened_again_and_told(server, opened, key, esn):
    """An administrator ends it: the beat opens another one, says so, and no leaf is lost."""
    store, _ = opened()
    assert leaves(take(store, [name(key)])) == [0]
    assert server.end_sessions(esn) == 1

    assert "the session was lost" in store.beat()
    assert store.beat() == ""
    assert leaves(take(store, [name(key)])) == [1]


def test_a_server_that_was_started_anew_gets_what_was_noted_meanwhile(server, witness):
    """Away, the beat fails with the reason; back, it is told all, and the lock is ours."""
    one = witness()
    server.stop()
    try:
        one.note(name(), 0, 3)
        with pytest.raises(StateFailed, match="Connection refused"):
            one.beat()
    finally:
        server.start()
    assert "the session was lost" in one.beat()
    one.release()

    assert witness().noted(name()) == {0: 3}


def test_while_the_database_is_away_a_machine_signs_what_was_noted_ahead_and_no_more(
    line, server, opened, key
):
    """What is refused is refused with a sentence, costs no leaf, and is signed once the database is
    back.
    """
    store, _ = opened(server.url_of("seemachine", port=line.port))
    assert leaves(take(store, [name(key)] * 2)) == [0, 1]
    assert leaves(take(store, [name(key)])) == [2]  # asked for one more
    line.cut()

    assert leaves(take(store, [name(key)])) == [3]
    for _ in range(2):
        with pytest.raises(StateFailed, match=r"try again|ended"):
            take(store, [name(key)])
    assert store.get(name(key)).next == 4
    line.mend()
    store.beat()
    assert leaves(take(store, [name(key)])) == [4]


def test_nothing_is_signed_on_a_session_that_was_not_confirmed_for_long(opened, key, monkeypatch):
    """Ten seconds after the last word of the database every signature is refused, also of leaves
    that it knows of; a beat ends that.
    """
    store, one = opened()
    one.vouch([store_use(store, key, 8)])
    now = one._session._now()
    monkeypatch.setattr(one._session, "_now", lambda: now + confirmed.CONFIRMED_SECONDS + 1)

    with pytest.raises(StateFailed, match=r"last heard of 1[0-9] s ago.*no leaf was used"):
        take(store, [name(key)])
    with pytest.raises(StateFailed, match="last heard of"):
        store.bind(order(name(key)))
    assert store.get(name(key)).next == 0
    store.beat()
    assert leaves(take(store, [name(key)])) == [0]


def store_use(store, key, following):
    """Leaves of a file up to `following`."""
    from seemachine.state.witness.protocol import Use

    file = store.get(name(key))
    return Use(file.name, file.lease.first, following, file.lease.end)


def test_a_copy_that_takes_over_goes_on_after_all_that_its_original_may_use(
    server, opened, key, esn, tmp_path
):
    """The original's session is lost, unnoticed; the copy starts; both sign; then the original
    notices, and ends for good.
    """
    store, one = opened()
    take(store, [name(key)] * 3)
    one.vouch([store_use(store, key, 6)])
    clone = copied(tmp_path / "nvram")
    server.end_sessions(esn)
    other, _ = opened(folder=clone)

    assert "leaves 3 to 6" in other.skipped[0]
    assert leaves(take(other, [name(key)])) == [7]
    assert leaves(take(store, [name(key)] * 4)) == [3, 4, 5, 6]
    with pytest.raises(StateFailed):
        take(store, [name(key)])
    with pytest.raises(StateFailed, match="another process opened"):
        store.beat()
    with pytest.raises(StateFailed, match="which of the two is the copy"):
        take(store, [name(key)])
    assert leaves(take(other, [name(key)])) == [8]


def test_an_original_whose_copy_came_and_went_ends_too(server, opened, key, esn, tmp_path):
    """The copy has stopped in order by the time that the original opens its session again."""
    store, _ = opened()
    clone = copied(tmp_path / "nvram")
    server.end_sessions(esn)
    other, _ = opened(folder=clone)
    other.close()

    with pytest.raises(StateFailed, match="another process opened"):
        store.beat()
    with pytest.raises(StateFailed, match="another process opened"):
        store.beat()


def test_an_opening_that_is_not_ours_any_more_ends_the_machine(server, opened, esn):
    """Somebody put the database back, or changed it: the next beat finds another opening there."""
    store, _ = opened()
    server.ask(f"UPDATE seemachine_marks SET epoch = epoch - 1 WHERE esn = '{esn}'")

    with pytest.raises(StateFailed, match="is not this one"):
        store.beat()


@pytest.mark.parametrize("how", ["another database of that name", "tables dropped"])
def test_a_database_that_was_replaced_ends_the_machine(server, opened, key, how):
    """An empty one in place of the one that was, or its tables gone while the session lives: the
    beat says so.
    """
    server.create("replaced")
    try:
        store, _ = opened(server.url_of("replaced"))
        if how == "tables dropped":
            server.ask(
                "DROP TABLE seemachine_marks, seemachine_leaves, seemachine_sessions", "replaced"
            )
        else:
            server.drop("replaced")
            with pytest.raises(StateFailed, match="does not exist"):
                store.beat()
            server.create("replaced")
        with pytest.raises(StateFailed, match="replaced"):
            store.beat()
        with pytest.raises(StateFailed):
            take(store, [name(key)])
    finally:
        server.drop("replaced")


def test_a_session_that_only_the_server_believes_in_is_ended_by_its_own_machine(
    line, server, opened, key
):
    """The line broke on our side alone: the lock is held by nobody but ourselves."""
    store, _ = opened(server.url_of("seemachine", port=line.port))
    line.lose()

    assert "the session was lost" in store.beat()
    assert leaves(take(store, [name(key)])) == [0]


def test_a_lease_comes_in_over_a_session_that_ended_unnoticed(server, opened, key, esn):
    """It is out of its card by then, so what can be done is done: the session is opened again
    first, and the next beat says so.
    """
    store, _ = opened()
    server.end_sessions(esn)
    store.install(lease(key + 5000))

    assert leaves(take(store, [name(key + 5000)])) == [0]
    assert "the session was lost" in store.beat()


def test_a_new_session_that_could_not_be_told_all_is_none(server, opened, key, esn, monkeypatch):
    """A database that failed over may lack leaves that may be used: nothing goes on before it has
    all of them again.
    """
    store, _ = opened()
    take(store, [name(key)] * 3)
    store.beat()
    server.end_sessions(esn)
    server.ask(f"DELETE FROM seemachine_leaves WHERE esn = '{esn}'")
    run, full = session.DatabaseSession.run, session.SessionRefused("the disk is full", "53100")

    def refuse_once(self, sql, seconds=0, **values):
        if json.loads(values.get("leaves", "[]")):
            monkeypatch.setattr(session.DatabaseSession, "run", run)
            raise full
        return run(self, sql, seconds, **values)

    monkeypatch.setattr(session.DatabaseSession, "run", refuse_once)
    with pytest.raises(StateFailed, match="disk is full"):
        store.beat()
    store.beat()

    assert server.ask(f"SELECT next, ahead, until FROM seemachine_leaves WHERE esn = '{esn}'") == [
        [3, 3, 32]
    ]


def test_a_lease_that_another_machine_took_meanwhile_ends_this_one(
    server, opened, key, esn, witness
):
    """The database failed over and lost the claim; the same card, linked, came into another
    machine.
    """
    store, _ = opened()
    server.end_sessions(esn)
    server.ask(f"DELETE FROM seemachine_leaves WHERE esn = '{esn}'")
    witness(f"{esn[:4]}-1111-1111").claim(name(key), 0, 32)

    with pytest.raises(StateFailed, match="another machine took it"):
        store.beat()


def test_a_lock_that_is_gone_is_a_session_that_is_lost(server, opened):
    """Somebody unlocked it within the session: it is opened again."""
    store, one = opened()
    one._session.run("SELECT pg_advisory_unlock_all()")

    assert "does not hold its lock" in store.beat()


def test_nobody_holds_the_stores_lock_while_a_frozen_database_is_waited_for(
    line, server, opened, key, brief
):
    """A signature that needs the database waits for it alone, and is refused; other work is done
    meanwhile.
    """
    store, one = opened(server.url_of("seemachine", port=line.port), stop_seconds=0.1)
    refused = []
    line.freeze()

    def sign():
        try:
            take(store, [name(key)])
        except StateFailed as error:
            refused.append(str(error))

    signing = threading.Thread(target=sign)
    with one._session.exchange:
        signing.start()
        assert store._lock.acquire(timeout=10)
        store._lock.release()
        assert store.ledger(0, 10) == []
        store.tidy()
    signing.join(20)
    assert len(refused) == 1
    assert store.get(name(key)).next == 0


def test_a_stop_waits_for_a_frozen_database_within_its_bound_and_says_what_was_not_told(
    line, server, opened, key
):
    """The store is closed all the same; the next start gives up what it can't know."""
    store, one = opened(server.url_of("seemachine", port=line.port), stop_seconds=0.2)
    one.vouch([store_use(store, key, 3)])
    assert leaves(take(store, [name(key)])) == [0]
    line.freeze()

    with pytest.raises(StateFailed, match="could not be told how far 1 lease came"):
        store.close()
    line.cut()
    again, _ = opened()
    assert "leaves 1 to 2" in again.skipped[0]
    assert leaves(take(again, [name(key)])) == [3]


def test_a_kill_loses_nothing_of_a_lease_that_rested(server, opened, key, esn):
    """What was asked for in heavy use is given back when a beat finds no use; then a kill costs no
    leaf.
    """
    store, one = opened()
    for _ in range(5):
        take(store, [name(key)])
    for _ in range(3):
        store.beat()
    killed(store, one)
    again, _ = opened()

    assert again.skipped == []
    assert leaves(take(again, [name(key)])) == [5]


def killed(store, one):
    """As a killed process leaves it: nothing more is written or told."""
    store._closed = True
    one._session.close()
    store._database.close()


def test_all_notes_are_one_statement(opened, server, key, monkeypatch):
    """A beat of a machine with twenty keys costs one exchange."""
    _, one = opened()
    for number in range(20):
        one.note(name(2000 + number), 0, 5)
    said = []
    run = one._session.run
    monkeypatch.setattr(
        one._session, "run", lambda sql, **values: said.append(sql) or run(sql, **values)
    )
    one.beat()

    assert len(said) == 1


def test_both_ends_notice_a_host_that_is_gone(witness):
    """Keepalives are on at the client, and set for the session at the server; no timeout of the
    server ends it.
    """
    one = witness()
    settings = {setting: one._session.run(f"SHOW {setting}")[0][0] for setting in session.WANTED}

    assert settings["tcp_keepalives_idle"] == "10"
    assert settings["tcp_keepalives_count"] == "3"
    assert settings["idle_session_timeout"] == "0"
    assert settings["synchronous_commit"] == "on"
    assert one._session._session._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert one._session._session._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10


@pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed here")
@pytest.mark.parametrize("mode", ["transaction", "statement", "session"])
def test_a_pool_that_shares_sessions_is_refused(server, mode, esn, tmp_path):
    """Behind one, a lock is everybody's.

    A pool that keeps a session for one client is as good as the server.
    """
    pool = Pool(server.folder, server, mode)
    try:
        url = server.url_of("seemachine", port=pool.port)
        if mode == "session":
            open_witness(url, tmp_path, esn, {}).release()
        else:
            with pytest.raises(StateUnsafe, match="pool that shares sessions"):
                open_witness(url, tmp_path, esn, {})
    finally:
        pool.stop()


def test_many_machines_start_on_an_empty_database_at_once(server, tmp_path):
    """48 together: the tables are made once, and each machine has its witness."""
    server.create("empty")
    esns = [f"{number:04X}-AAAA-0000" for number in range(48)]
    found, start = [], threading.Barrier(len(esns))

    def open_one(of):
        start.wait()
        try:
            found.append(open_witness(server.url_of("empty"), tmp_path, of, {}))
        except Exception as error:  # noqa: BLE001
            found.append(error)

    threads = [threading.Thread(target=open_one, args=(of,)) for of in esns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = [str(each) for each in found if isinstance(each, Exception)]
    for one in found:
        if not isinstance(one, Exception):
            one.release()
    assert eventually(
        lambda: (
            server.ask("SELECT count(*) FROM pg_stat_activity WHERE datname = 'empty'", "postgres")
            == [[0]]
        )
    )
    server.drop("empty")
    assert failed == []


def test_a_role_that_makes_no_tables(server, tmp_path, esn):
    """It works where they are there, and is told what is missing where they are not."""
    server.create("tables")
    server.ask("CREATE ROLE plain LOGIN", "tables")
    try:
        with pytest.raises(StateUnsafe, match=r"permission denied.*docs/how-to/witness-in"):
            open_witness(server.url_of("tables", "plain"), tmp_path, esn, {})
        open_witness(server.url_of("tables"), tmp_path, esn, {}).release()
        server.ask(f"GRANT SELECT, INSERT, UPDATE ON {TABLES} TO plain", "tables")
        one = open_witness(server.url_of("tables", "plain"), tmp_path, esn, {})
        one.claim(b"n" * 11, 0, 4)
        assert one.beat() == ""
        one.release()
    finally:
        server.drop("tables")
        server.ask("DROP ROLE plain")


TABLES = "seemachine_marks, seemachine_leaves, seemachine_sessions"


def test_passwords_are_asked_for_and_found(server, tmp_path, esn):
    """None and a wrong one are told as what they are; the right one is taken from the environment
    or a passfile.

    Never shown.
    """
    open_witness(server.url, tmp_path, esn, {}).release()  # makes the tables, as their owner
    passfile = tmp_path / "pass"
    passfile.write_text(f"# mine\n*:{server.port}:seemachine:guarded:s3\\:cret\n")
    passfile.chmod(0o600)
    url = server.url_of("seemachine", "guarded")
    for environment in ({"PGPASSWORD": "s3:cret"}, {"PGPASSFILE": str(passfile)}):
        open_witness(url, tmp_path, esn, environment).release()
    open_witness(f"{url}?passfile={passfile}", tmp_path, esn, {}).release()
    open_witness(url.replace("guarded@", "guarded:s3%3Acret@"), tmp_path, esn, {}).release()

    with pytest.raises(StateFailed, match=r"password authentication failed.*no password is set"):
        open_witness(url, tmp_path, esn, {})
    with pytest.raises(StateFailed, match="password authentication failed") as refused:
        open_witness(url, tmp_path, esn, {"PGPASSWORD": "s3:wrong"})
    assert "wrong" not in str(refused.value)
    assert "no password" not in str(refused.value)
    passfile.chmod(0o644)
    with pytest.raises(StateUnsafe, match="open to others"):
        open_witness(f"{url}?passfile={passfile}", tmp_path, esn, {})
    with pytest.raises(StateUnsafe, match="can't be read"):
        open_witness(f"{url}?passfile=/nowhere", tmp_path, esn, {})


def test_a_server_without_tls_is_told_of(server, tmp_path, esn):
    """Where TLS is asked for and not there, the sentence says what to do."""
    with pytest.raises(StateFailed, match=r"it takes no TLS; .*sslmode=disable"):
        open_witness(f"{server.url}?sslmode=require", tmp_path, esn, {})


def test_a_certificate_is_checked(server, tmp_path, esn):
    """An unknown CA is refused with a sentence, the named one is taken, and its host has to fit
    where that is asked for.
    """
    pytest.importorskip("cryptography")
    ca = server.with_tls(tmp_path)
    try:
        with pytest.raises(StateFailed, match="certificate is not trusted"):
            open_witness(f"{server.url}?sslmode=verify-full", tmp_path, esn, {})
        for mode in ("verify-full", "verify-ca"):
            open_witness(
                f"{server.url}?sslmode={mode}&sslrootcert={ca}", tmp_path, esn, {}
            ).release()
        open_witness(f"{server.url}?sslmode=require", tmp_path, esn, {}).release()
        with pytest.raises(StateUnsafe, match="sslrootcert"):
            open_witness(
                f"{server.url}?sslmode=verify-full&sslrootcert=/nowhere", tmp_path, esn, {}
            )
    finally:
        server.without_tls()


def test_no_thread_is_left(opened, key):
    """A machine that stopped leaves no timer and no worker behind."""
    store, _ = opened()
    take(store, [name(key)])
    store.close()
    assert eventually(
        lambda: (
            not [thread for thread in threading.enumerate() if thread.name.startswith("witness")]
        )
    )
