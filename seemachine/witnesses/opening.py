"""How a session with the database begins: the first one of a process, and those after it."""

import os
import time
from collections.abc import Mapping

from seemachine.formats import OtherVersion
from seemachine.state.errors import StateFailed, StateLocked, StateOtherVersion, StateUnsafe
from seemachine.witnesses import statements as sql
from seemachine.witnesses.address import Location, parse, with_password
from seemachine.witnesses.session import (
    CONNECT_SECONDS,
    GONE_SECONDS,
    DatabaseSession,
    SessionRefused,
)

HOLDER_BYTES = 8
RETRY_SECONDS = 0.2


def locate(where: str, environment: Mapping[str, str]) -> Location:
    """The database of a URL, with its password. Raises StateUnsafe."""
    try:
        return with_password(parse(where), environment)
    except ValueError as error:
        raise StateUnsafe(f"witness takes {error}") from None
    except OSError as error:
        raise StateUnsafe(
            f"the password of the witness can't be read: {error.filename}: {error.strerror}"
        ) from None


class Opener:
    """Opens sessions for one ESN, all of one process. Raises StateLocked, StateUnsafe, StateFailed.

    `holder` and `turn` are what its statements are bound to. `former`: no earlier process bound its
    own to any.
    """

    def __init__(self, address: Location, esn: str) -> None:
        self._address, self._esn = address, esn
        self.holder, self.turn = os.urandom(HOLDER_BYTES), 0
        self.former = False
        # The server's process of our last session.
        self._process = 0

    def open(self) -> DatabaseSession:
        """The first session.

        From its end on, what another process says of this ESN does not count.
        """
        session = self._connect()
        try:
            _make_tables(session, self._address)
            self._lock(session)
            self._refuse_pooled(session)
            [[earlier]] = session.run(sql.TAKE_OVER, esn=self._esn, holder=self.holder)
        except BaseException:
            session.close()
            raise
        self.former = not earlier
        return session

    def reopen(self) -> DatabaseSession:
        """Another one, after the last one was lost.

        Raises StateLocked, for good, when another process took over.
        """
        session = self._connect()
        try:
            last = self._process
            self._take_turn(session)
            self._lock(session, last)
            self._refuse_pooled(session)
        except SessionRefused as error:
            session.close()
            if error.code in sql.MISSING:
                raise StateLocked(f"{error}: the database was replaced by another one") from None
            raise
        except BaseException:
            session.close()
            raise
        return session

    def _connect(self) -> DatabaseSession:
        return DatabaseSession(self._address, f"seemachine {self._esn}")

    def _take_turn(self, session: DatabaseSession) -> None:
        """From here on what the last session may still have on its way to the server does not
        count.
        """
        self.turn += 1
        if not session.run(sql.TAKE_TURN, esn=self._esn, holder=self.holder, turn=self.turn):
            raise StateLocked(
                f"another process opened {self._esn} meanwhile, or {self._address} was replaced or"
                " put back"
            )

    def _lock(self, session: DatabaseSession, last: int = 0) -> None:
        for again in (True, False):
            try:
                session.run(sql.LOCK, esn=self._esn)
                [[self._process]] = session.run("SELECT pg_backend_pid()")
                return
            except SessionRefused as error:
                if error.code != sql.LOCK_TIMEOUT:
                    raise
            holders = session.run(sql.HOLDER, esn=self._esn)
            if again and last and last in [process for process, *_ in holders]:
                # Our own, which the server does not know to be gone.
                session.run(sql.END, pid=last)
            elif last:
                raise StateFailed(f"{self._address}: {self._in_use(holders)}")
            else:
                raise StateLocked(self._in_use(holders))

    def _in_use(self, holders: list[list[object]]) -> str:
        if not holders:
            return (
                f"an NVRAM of {self._esn} was in use already a moment ago, says {self._address};"
                " try again"
            )
        process, host, name, since = holders[0]
        details = (
            f" from {host}" * bool(host),
            f" ({name})" * bool(name),
            f" since {since}" * bool(since),
        )
        session = f"session {process}{''.join(details)}"
        return (
            f"an NVRAM of {self._esn} is in use already, says {self._address}: {session}; stop that"
            f" machine first. If its host is gone, the session ends by itself within {GONE_SECONDS}"
            f" s; end it at once with: SELECT pg_terminate_backend({process})"
        )

    def _refuse_pooled(self, session: DatabaseSession) -> None:
        """A pool that gives the session to others between transactions gives them its lock, too."""
        name = os.urandom(HOLDER_BYTES).hex()
        [[_, process]] = session.run(sql.NAME_SESSION, name=name)
        other = self._second()
        try:
            seen = [other.run(sql.NAMED)[0], session.run(sql.NAMED)[0], other.run(sql.NAMED)[0]]
            locked = [found for found, *_ in other.run(sql.HOLDER, esn=self._esn)]
        finally:
            other.close()
        shared = seen[0][0] == name or seen[2][0] == name or process in (seen[0][1], seen[2][1])
        if shared or seen[1] != [name, process] or process not in locked:
            raise StateUnsafe(
                f"{self._address} is a pool that shares sessions (pgbouncer with pool_mode ="
                " transaction or statement), so nothing there is this machine's alone; name the"
                " server itself, or a pool with pool_mode = session"
            )

    def _second(self) -> DatabaseSession:
        """Many machines that start together may have all connections for a moment."""
        deadline = time.monotonic() + CONNECT_SECONDS
        while True:
            try:
                return self._connect()
            except SessionRefused as error:
                if error.code != sql.TOO_MANY or time.monotonic() > deadline:
                    raise
            time.sleep(RETRY_SECONDS)


def _check_version(comment: object, address: Location) -> None:
    """A comment of somebody else's says nothing. Raises StateOtherVersion."""
    if isinstance(comment, str) and comment.startswith(f"{sql.FORMAT.name} "):
        try:
            sql.FORMAT.check(comment, f"the witness in {address}")
        except OtherVersion as other:
            raise StateOtherVersion(str(other)) from None


def _make_tables(session: DatabaseSession, address: Location) -> None:
    """Only where they are missing: the role may be one that makes none."""
    try:
        [[*_, version]] = session.run(sql.LOOK)
        _check_version(version, address)
        return
    except SessionRefused as error:
        if error.code not in sql.MISSING:
            raise
    try:
        session.run(sql.TABLES, seconds=CONNECT_SECONDS)
    except SessionRefused as error:
        if error.code != sql.DENIED:
            raise
        raise StateUnsafe(
            f"{error}; have the database's owner make or change the tables, as"
            " docs/how-to/witness-in-postgresql.md says"
        ) from None
