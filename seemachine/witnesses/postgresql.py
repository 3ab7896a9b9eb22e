"""A witness in PostgreSQL, for machines on many hosts (`witness = "postgresql://user:password@host:port/database"`).

The session holds an advisory lock for as long as the machine runs, so that an NVRAM and its copy are never in use together. Openings are
written with synchronous_commit on. A database that was itself put back in time makes doubts, never silence: openings no longer agree.
"""

import contextlib
import ssl
import threading
from typing import Any
from urllib.parse import unquote, urlsplit

from seemachine.state.errors import StateFailed, StateLocked, StateUnsafe
from seemachine.state.witness import Mark, Past, doubt_about, overlaps

TABLES = """
CREATE TABLE IF NOT EXISTS seemachine_marks (esn text PRIMARY KEY, identity bytea NOT NULL, epoch bigint NOT NULL, nonce bytea NOT NULL,
                                             place bytea NOT NULL);
CREATE TABLE IF NOT EXISTS seemachine_leaves (esn text NOT NULL, name bytea NOT NULL, first bigint NOT NULL, next bigint NOT NULL,
                                              PRIMARY KEY (esn, name, first));
"""
NOTE = """INSERT INTO seemachine_leaves VALUES (:esn, :name, :first, :next)
          ON CONFLICT (esn, name, first) DO UPDATE SET next = GREATEST(seemachine_leaves.next, EXCLUDED.next)"""
# One lock number for all of them, and one for each ESN.
CLASS = 8888
CONNECT_SECONDS = 10


class PostgresWitness:
    """See Witness. Notes of leaves are sent together by `beat`, not with each signature."""

    def __init__(self, url: str, esn: str) -> None:
        self._esn = esn
        self._where = _hidden(url)
        self._arguments = _arguments(url)
        self._notes: dict[tuple[bytes, int], int] = {}
        self._unsent: set[tuple[bytes, int]] = set()
        self._lock = threading.Lock()
        self._mark: Mark | None = None
        self._connection = self._connect()
        self._notes.update(self._stored_notes())

    def meet(self, past: Past, place: bytes) -> str:
        """See Witness."""
        self._mark = self._stored_mark()
        doubt = doubt_about(past, self._mark, place)
        if not doubt and self._mark is not None and self.last(past.last.identity) not in (None, past.last):
            self.advance(past.last, "")
        return doubt

    def last(self, identity: bytes) -> Mark | None:
        """See Witness."""
        return self._mark if self._mark is not None and self._mark.identity == identity else None

    def _stored_mark(self) -> Mark | None:
        rows = self._run("SELECT identity, epoch, nonce, place FROM seemachine_marks WHERE esn = :esn", esn=self._esn)
        return Mark(bytes(rows[0][0]), rows[0][1], bytes(rows[0][2]), bytes(rows[0][3])) if rows else None

    def advance(self, mark: Mark, doubt: str) -> None:
        """See Witness."""
        del doubt
        before, after = self._mark, mark
        values = {"esn": self._esn, "identity": after.identity, "epoch": after.epoch, "nonce": after.nonce, "place": after.place}
        if before is None:
            change = "INSERT INTO seemachine_marks VALUES (:esn, :identity, :epoch, :nonce, :place) ON CONFLICT DO NOTHING RETURNING esn"
        else:
            change = """UPDATE seemachine_marks SET identity = :identity, epoch = :epoch, nonce = :nonce, place = :place
                        WHERE esn = :esn AND epoch = :old_epoch AND nonce = :old_nonce RETURNING esn"""
            values |= {"old_epoch": before.epoch, "old_nonce": before.nonce}
        if not self._run(change, **values):
            raise StateLocked(f"{self._where} was told of another opening of {self._esn} meanwhile; start again")
        self._mark = mark

    def claim(self, name: bytes, first: int, end: int) -> None:
        """See Witness."""
        del end
        self.note(name, first, first)

    def is_spent(self, name: bytes, first: int, end: int) -> bool:
        """See Witness."""
        return overlaps(self.noted(name), first, end)

    def note(self, name: bytes, first: int, following: int) -> None:
        """See Witness."""
        self._notes[name, first] = max(following, self._notes.get((name, first), 0))
        self._unsent.add((name, first))

    def noted(self, name: bytes) -> dict[int, int]:
        """See Witness."""
        return {first: following for (noted, first), following in self._notes.items() if noted == name}

    def beat(self) -> None:
        """See Witness."""
        try:
            self._send_notes()
        except StateFailed:
            with contextlib.suppress(Exception):
                self._connection.close()
            # A new session has to get the lock that the old one lost; while we were away another may have taken it.
            self._connection = self._connect()
            self._send_notes()

    def release(self) -> None:
        """See Witness."""
        with contextlib.suppress(Exception):
            self._send_notes()
            self._connection.close()

    def _send_notes(self) -> None:
        """Each note is unsent until the server has it. With none, a question shows whether the session is alive."""
        self._run("SELECT 1")
        for name, first in tuple(self._unsent):
            following = self._notes[name, first]
            self._run(NOTE, esn=self._esn, name=name, first=first, next=following)
            if self._notes[name, first] == following:
                self._unsent.discard((name, first))

    def _stored_notes(self) -> dict[tuple[bytes, int], int]:
        rows = self._run("SELECT name, first, next FROM seemachine_leaves WHERE esn = :esn", esn=self._esn)
        return {(bytes(name), first): following for name, first, following in rows}

    def _connect(self) -> Any:
        try:
            import pg8000.native
        except ImportError:
            raise StateUnsafe(
                "a witness in PostgreSQL needs the package pg8000; install it, in the source folder, with: pip install '.[postgresql]'"
            ) from None
        try:
            connection = pg8000.native.Connection(**self._arguments, timeout=CONNECT_SECONDS, application_name=f"seemachine {self._esn}")
            connection.run("SET synchronous_commit = on")
            connection.run(TABLES)
            [[locked]] = connection.run(f"SELECT pg_try_advisory_lock({CLASS}, hashtext(:esn))", esn=self._esn)
        except Exception as error:
            raise StateFailed(f"{self._where}: {_reason(error)}") from error
        if not locked:
            connection.close()
            raise StateLocked(f"an NVRAM of {self._esn} is in use already, says {self._where}; stop the other first")
        return connection

    def _run(self, sql: str, **values: object) -> list[Any]:
        try:
            with self._lock:
                rows: list[Any] | None = self._connection.run(sql, **values)
        except Exception as error:
            raise StateFailed(f"{self._where}: {_reason(error)}") from error
        return rows or []


def _arguments(url: str) -> dict[str, Any]:
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError as error:
        raise StateUnsafe(f"witness {_hidden(url)}: {error}") from None
    local = parts.hostname in (None, "localhost", "127.0.0.1", "::1")
    return {
        "user": unquote(parts.username or "seemachine"),
        "password": unquote(parts.password) if parts.password else None,
        "host": parts.hostname or "localhost",
        "port": port,
        "database": parts.path.lstrip("/") or "seemachine",
        # Off this host only with a certificate that the system trusts.
        "ssl_context": None if local else ssl.create_default_context(),
    }


def _hidden(url: str) -> str:
    """The URL without its password."""
    head, at, tail = url.rpartition("@")
    return f"{head.rpartition(':')[0] if at and head.count(':') > 1 else head}{at}{tail}"


def _reason(error: Exception) -> str:
    details = error.args[0] if error.args else error
    text = str(details["M"] if isinstance(details, dict) and "M" in details else details)
    # The library says that it can't connect; why not is what the system said.
    return f"{text} ({error.__cause__.strerror or error.__cause__})" if isinstance(error.__cause__, OSError) else text
