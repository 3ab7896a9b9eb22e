"""The witness in PostgreSQL, against a real server of the test's own; and what a witness of no kind is told."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from state.kit import ESN, OTHER_ESN, lease, leaves, name, take

from seemachine.state.errors import LeaseQuarantined, StateFailed, StateLocked, StateUnsafe
from seemachine.state.folder_witness import FolderWitness
from seemachine.state.sqlite import SqliteStore
from seemachine.state.witness import Mark, Past
from seemachine.witnesses import open_witness

BINARIES = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *map(Path, os.get_exec_path())]
INITDB = next((path / "initdb" for path in BINARIES if (path / "initdb").exists()), None)
# The server refuses to run as root.
USER = "postgres" if os.geteuid() == 0 else None
FIRST, SECOND = Mark(b"i" * 16, 1, b"1" * 8, bytes(16)), Mark(b"i" * 16, 2, b"2" * 8, bytes(16))


def usable() -> bool:
    """Whether a server can be started here."""
    if INITDB is None:
        return False
    return USER is None or any(entry.pw_name == USER for entry in pwd.getpwall())


pytestmark = pytest.mark.skipif(not usable(), reason="PostgreSQL's server is not installed here")


class Server:
    """A database server on a free port of loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._do("initdb", "-D", str(folder / "data"), "-U", "seemachine", "--auth=trust", "-N")
        self.start()
        self._do("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "seemachine", "seemachine")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"postgresql://seemachine@127.0.0.1:{self.port}/seemachine"

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        self._do("pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-o", options, "-w", "start")

    def stop(self) -> None:
        """Stop at once."""
        self._do("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def _do(self, program: str, *words: str) -> None:
        assert INITDB is not None
        done = subprocess.run([INITDB.parent / program, *words], user=USER, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def server():
    """One server for all tests of this file."""
    with tempfile.TemporaryDirectory(prefix="seemachine-pg") as name:
        folder = Path(name)
        if USER is not None:
            shutil.chown(folder, USER)
        server = Server(folder)
        yield server
        server.stop()


@pytest.fixture
def witness(server):
    """Opens witnesses of machines that no other test has, and gives them back at the end."""
    opened = []
    number = next(numbers)

    def opener(esn=f"{number:04X}-0000-0000"):
        opened.append(open_witness(server.url, Path("unused"), esn))
        return opened[-1]

    yield opener
    for one in opened:
        one.release()


numbers = iter(range(1, 1000))


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
    assert one._stored_mark() == FIRST


def test_one_holder_at_a_time(witness):
    """While a machine runs no other of its ESN gets in; another ESN does, and after the end the next one too."""
    first = witness()
    witness(OTHER_ESN)
    with pytest.raises(StateLocked, match="in use already"):
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


def test_a_store_with_it_notices_a_rollback(witness, tmp_path):
    """An NVRAM that was put back in place has its leases in quarantine."""
    folder, saved = tmp_path / "nvram", tmp_path / "saved"
    store = SqliteStore(folder, witness())
    store.install(lease())
    store.close()
    shutil.copytree(folder, saved)
    store = SqliteStore(folder, witness())
    assert leaves(take(store, [name()])) == [0]
    store.close()
    for path in saved.iterdir():
        shutil.copy(path, folder)
    store = SqliteStore(folder, witness())

    assert isinstance(take(store, [name()])[0], LeaseQuarantined)
    store.close()


def test_a_lost_connection_is_opened_again(server, witness):
    """A server that was started anew gets what was noted meanwhile, and the lock is ours again."""
    one = witness()
    server.stop()
    one.note(name(), 0, 3)
    with pytest.raises(StateFailed):
        one.beat()
    server.start()
    one.beat()
    one.release()

    assert witness().noted(name()) == {0: 3}


def test_a_store_stops_when_another_has_its_witness(server, witness, tmp_path):
    """When the lock went to another while the server was away, the store hands out nothing more."""
    one = witness()
    store = SqliteStore(tmp_path / "nvram", one)
    store.install(lease())
    one._connection.close()
    witness()

    with pytest.raises(StateLocked):
        store.beat()
    with pytest.raises(StateFailed, match="restart"):
        take(store, [name()])


def test_where_no_server_is(tmp_path):
    """The refusal names the server without its password."""
    with pytest.raises(StateFailed) as refused:
        open_witness("postgresql://me:secret@127.0.0.1:1/seemachine", tmp_path, ESN)

    assert "postgresql://me@127.0.0.1:1/seemachine" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_other_kinds(tmp_path):
    """A folder is a folder, nothing is the default, and another scheme is refused with what there is."""
    for where in ("", str(tmp_path / "there")):
        one = open_witness(where, tmp_path / "default", ESN)
        assert isinstance(one, FolderWitness)
        one.release()
    with pytest.raises(StateUnsafe, match="postgresql://"):
        open_witness("redis://x", tmp_path, ESN)
