"""What is put back, copied or failed over around a witness in PostgreSQL: no leaf signs twice, and
what is lost is a few leaves.

A case is a story: `up` and `down` are an opening and an orderly end, `kill` is an end without
order, `sign3` takes three leaves one by one, `save` and `back` copy the NVRAM and put it back in
its place (inodes and all, as an image of a disk does), `copy` starts what was saved as a second
machine that `csign1` and `cdown` speak of, `lose` ends the session at the server, `away` and `here`
cut and mend the line, `freeze` and `thaw` hold it, `late` lets eleven seconds pass, `dbsave` and
`dbback` are a standby without the last notes that takes over, or a backup of the database.

What comes of it: `quiet`, all went on and no leaf was lost; `lost`, some leaves were given up;
`noticed`, a quarantine or a machine that ended; and `reused`, for what no witness in a database can
notice, with its reason.
"""

import contextlib
import re
import shutil
from types import SimpleNamespace

import pytest
from kit.leases import lease, name, take
from kit.stores import quick_folder
from witnesses.postgres import usable

from seemachine.state.errors import LeaseQuarantined, StateError
from seemachine.state.nvram import file as file_store
from seemachine.state.nvram import sqlite as sqlite_store
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.witness import comparing as witness_module
from seemachine.state.witness.comparing import why_put_back
from seemachine.witnesses import confirmed, opening, postgresql, session
from seemachine.witnesses.confirmed import ConfirmedSession
from seemachine.witnesses.leases import Leases
from seemachine.witnesses.postgresql import PostgresWitness

pytestmark = pytest.mark.skipif(not usable(), reason="PostgreSQL's server is not installed here")
STORES = {"sqlite": SqliteStore, "file": FileStore}
TABLES = ("seemachine_marks", "seemachine_leaves", "seemachine_sessions")
keys = iter(range(3000, 9000))

STORIES = {
    # Nothing is put back.
    "sign2 down up sign2 down up sign2": "quiet",
    "sign1 kill up sign1": "quiet",
    "sign5 beat beat beat kill up sign1": "quiet",
    "sign5 kill up sign2 kill up sign1": "lost",
    "sign2 lose beat sign2 down up sign1": "quiet",
    "sign2 lose down up sign1": "quiet",
    "sign2 away here beat sign2 down up sign1": "quiet",
    "sign3 away down here up sign1": "quiet",
    "sign2 away down here up sign1": "lost",
    "sign4 away sign1 down here up sign1": "lost",
    "sign4 away sign4 late sign1 here beat sign1 down up sign1": "quiet",
    "sign4 freeze sign1 kill thaw up sign1": "lost",
    "slow sign5 beat lose beat sign1 down up sign1": "quiet",
    "save sign2 copy": "noticed",
    # The NVRAM is put back, across openings and within one, after an orderly end and a kill.
    "sign2 down save up sign3 down back up sign1": "noticed",
    "sign2 down save up sign3 kill back up sign1": "noticed",
    "sign2 save sign3 down back up sign1": "noticed",
    "sign2 save sign3 beat kill back up sign1": "noticed",
    "sign2 save sign3 kill back up sign1": "noticed",
    "sign4 save sign2 kill back up sign1": "lost",
    "save sign1 kill back up sign1": "lost",
    "sign8 save sign3 kill back up sign1 kill up sign1": "lost",
    "sign2 save kill up sign3 kill back up sign1": "noticed",
    # So it is while the database is away, slow to notice, or its session is lost.
    "sign4 save away sign4 down back here up sign1": "lost",
    "sign4 save away sign4 kill back here up sign1": "lost",
    "sign4 beat save away sign4 kill back here up sign1": "lost",
    "sign4 save away sign4 late sign1 here beat sign1 down back up sign1": "noticed",
    "sign4 save lose sign4 kill back up sign1": "lost",
    "sign4 save freeze sign4 kill back thaw up sign1": "lost",
    # A copy on another host, from a snapshot, while the original has lost its session and does not
    # know.
    "sign4 save lose copy csign2 sign3 beat sign1": "noticed",
    "sign4 save lose copy csign2 cdown sign1 beat sign1": "noticed",
    "sign4 save lose copy csign2 cdown sign1 down up sign1": "noticed",
    "sign4 save away copy csign2 sign3 late sign1 here beat sign1": "noticed",
    "sign4 save freeze copy": "noticed",
    # Nor does it know when somebody took its lock away, as a pool would.
    "sign4 unlock save copy csign2 sign4 beat sign1": "noticed",
    "sign3 down save copy csign2 cdown up sign1": "noticed",
    # The database is put back, or a standby without the last notes takes over.
    "sign2 dbsave sign3 dbback beat sign2 down up sign1": "quiet",
    "sign2 dbsave sign3 kill dbback up sign1": "noticed",
    "sign2 dbsave sign3 save dbback copy csign1": "noticed",
    "sign2 dbsave sign3 save sign3 kill dbback back up sign1": "noticed",
    "sign2 dbsave down up sign2 dbback beat sign1": "noticed",
    "sign2 dbsave down up sign2 down dbback up sign1": "noticed",
    "sign2 save dbsave sign3 save dbback copy csign1 beat sign1": "noticed",
    # Both from the same night: nobody is left who knows better.
    "sign2 down dbsave save up sign3 down dbback back up sign1": "reused",
}


class Story:
    """One machine, its copy, its database, and the leaves that were used."""

    def __init__(self, kind, folder, server, line, witness, esn):
        self._store, self._folder, self._server, self._line, self._esn = (
            STORES[kind],
            folder,
            server,
            line,
            esn,
        )
        self._witness = witness
        self._key = next(keys)
        self._url = server.url_of("seemachine", port=line.port)
        self.used, self.skipped, self.noticed = [], [], []
        self._late = 0.0
        self.up()
        self._machine.install(lease(self._key, 0, 64))

    def up(self):
        """Start."""
        self._one = self._witness(url=self._url, stop_seconds=0.5)
        self._machine = self._opened(self._folder / "nvram", self._one)

    def _opened(self, folder, one):
        store = self._store(folder, one)
        self.skipped += store.skipped
        return store

    def down(self):
        """Stop in order."""
        with contextlib.suppress(StateError):
            self._machine.close()

    def kill(self):
        """End without order: nothing more is written or told."""
        self._machine._closed = True
        self._one._session.close()
        if isinstance(self._machine, SqliteStore):
            self._machine._database.close()

    def beat(self):
        """Two seconds pass."""
        try:
            self._machine.beat()
        except StateError as error:
            self.noticed += [str(error)] if "which of the two" in str(error) else []

    def late(self):
        """Eleven seconds pass without a word of the database."""
        self._one._session._confirmed -= confirmed.CONFIRMED_SECONDS + 1

    def sign(self, count=1):
        """Take leaves, one by one."""
        self._take(self._machine, count)

    def csign(self, count=1):
        """So does the copy."""
        self._take(self._copy, count)

    def _take(self, store, count):
        for _ in range(count):
            try:
                [answer] = take(store, [name(self._key)])
            except StateError as error:
                self.noticed += [str(error)] if "which of the two" in str(error) else []
                continue
            if isinstance(answer, LeaseQuarantined):
                self.noticed.append(str(answer))
            elif answer is not None:
                self.used.append(answer.leaf)

    def save(self):
        """A snapshot of the disk."""
        shutil.rmtree(self._folder / "saved", ignore_errors=True)
        shutil.copytree(self._folder / "nvram", self._folder / "saved")

    def back(self):
        """It is put back."""
        shutil.rmtree(self._folder / "nvram")
        shutil.copytree(self._folder / "saved", self._folder / "nvram")

    def copy(self):
        """The snapshot is started elsewhere, and reaches the database."""
        shutil.copytree(self._folder / "saved", self._folder / "copy")
        try:
            self._copy = self._opened(self._folder / "copy", self._witness())
        except StateError as error:
            self.noticed.append(str(error))

    def cdown(self):
        """The copy stops in order."""
        self._copy.close()

    def lose(self):
        """The session ends at the server."""
        self._server.end_sessions(self._esn)

    def unlock(self):
        """The lock goes, and the session stays."""
        self._one._session.run("SELECT pg_advisory_unlock_all()")

    def away(self):
        """The database can't be reached."""
        self._line.cut()
        self.lose()

    def here(self):
        """It can."""
        self._line.mend()

    def slow(self):
        """Each piece of an answer takes its time."""
        self._line.delay = 0.01

    def freeze(self):
        """Nothing comes back from it."""
        self._line.freeze()

    def thaw(self):
        """All does."""
        self._line.thaw()

    def dbsave(self):
        """What a standby, or a backup, knows."""
        self._rows = {
            table: self._server.ask(
                f"SELECT row_to_json(t)::text FROM {table} t WHERE esn = '{self._esn}'"
            )
            for table in TABLES
        }

    def dbback(self):
        """It is what there is from now on."""
        self.lose()
        for table, rows in self._rows.items():
            self._server.ask(f"DELETE FROM {table} WHERE esn = '{self._esn}'")
            for [row] in rows:
                self._server.ask(
                    f"INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table},"
                    f" '{row}')"
                )

    @property
    def outcome(self):
        """What came of it."""
        if len(set(self.used)) < len(self.used):
            return "reused"
        if self.noticed:
            return "noticed"
        return "lost" if self.skipped or self.used != list(range(len(self.used))) else "quiet"


@pytest.fixture
def tell(server, line, witness, esn, monkeypatch):
    """Tells a story, and returns it."""
    for module in (sqlite_store, file_store):
        monkeypatch.setattr(module, "handle_of", lambda _path: b"p" * 16)

    def teller(text, kind="sqlite"):
        # Nobody waits long for a frozen database here; one that answers may be slow on a busy host.
        for module in (postgresql, session):
            monkeypatch.setattr(module, "EXCHANGE_SECONDS", 1 if "freeze" in text else 10)
        with quick_folder() as folder:
            story = Story(kind, folder, server, line, witness, esn)
            for word in text.split():
                step, count = re.fullmatch(r"([a-z]+)(\d*)", word).groups()
                getattr(story, step)(*([int(count)] if count else []))
            for store in (story._machine, getattr(story, "_copy", None)):
                with contextlib.suppress(Exception):
                    store.close()
            return story

    return teller


@pytest.mark.parametrize("text", STORIES)
def test_no_leaf_signs_twice(tell, text):
    """What comes of a story is what the table says."""
    story = tell(text)

    assert story.outcome == STORIES[text], (story.used, story.skipped, story.noticed)


@pytest.mark.parametrize(
    "text", [text for text in STORIES if "kill" in text and "back" in text][::3]
)
def test_nor_with_the_file_store(tell, text):
    """It is the witness that knows, whatever keeps the NVRAM."""
    assert tell(text, "file").outcome == STORIES[text]


def _no_floor(patch):
    patch.setattr(Leases, "floor", lambda *_: 0)


def _no_notes_ahead(patch):
    patch.setattr(PostgresWitness, "vouch", lambda *_: None)
    patch.setattr(PostgresWitness, "take", lambda *_: True)


def _no_doubt_about_the_database(patch):
    patch.setattr(
        PostgresWitness,
        "against",
        lambda self, name, first, following: why_put_back(self.noted(name), first, following),
    )


def _no_doubt_about_leaves(patch):
    patch.setattr(PostgresWitness, "against", lambda *_: "")
    _no_floor(patch)


def _no_doubt_about_openings(patch):
    patch.setattr(witness_module, "doubt_about", lambda *_: "")
    _no_doubt_about_leaves(patch)


def _no_end(patch):
    """Neither by who holds the ESN nor by which opening is the last."""
    patch.setattr(opening, "os", SimpleNamespace(urandom=lambda size: b"h" * size))
    patch.setattr(
        ConfirmedSession, "_opening", property(lambda _: None, lambda *_: None), raising=False
    )


@pytest.mark.parametrize(
    ("removed", "text"),
    [
        (_no_floor, "sign4 save away sign4 down back here up sign1"),
        (_no_floor, "sign4 save lose copy csign2 sign4 beat sign1"),
        (_no_notes_ahead, "sign4 beat save away sign4 kill back here up sign1"),
        (_no_doubt_about_leaves, "sign2 save sign3 down back up sign1"),
        (_no_doubt_about_the_database, "sign2 dbsave sign3 save sign3 kill dbback back up sign1"),
        (_no_doubt_about_openings, "sign2 down save up sign3 down back up sign1"),
        (_no_end, "sign4 save lose copy csign9 cdown sign1 beat sign9"),
    ],
)
def test_each_guard_is_needed(tell, monkeypatch, removed, text):
    """Without one of them a leaf signs twice, so these stories can fail."""
    removed(monkeypatch)

    assert tell(text).outcome == "reused"
