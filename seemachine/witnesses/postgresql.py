"""A witness in PostgreSQL, for machines on many hosts (`witness =
"postgresql://user@host:port/database"`).

What holds, whatever happens to the session, the database or the machine:

*   One speaks for an ESN. A session holds an advisory lock, so that a second machine is told that
    the first is there. The lock ends with the session, which may end unnoticed; therefore each
    statement is also bound to a row that the next opener takes over before it reads anything
    (`statements`). A copy and its original never both go on.
*   No leaf is used that the database did not hear of before (`leases`). Who takes over after an end
    without order goes on after all leaves that the other one may use, also if that one lives and
    has not noticed yet.
*   `beat` confirms the session every few seconds. Nothing is signed on one that was not confirmed
    for CONFIRMED_SECONDS. A lost session is opened again; if the last opening in the database is
    not ours by then, the machine ends for good.
*   A lease is claimed by one machine of all that share the database, for life. So a card of a
    copied or linked world comes into one machine, and so do the leases of a half-made key,
    whichever of the copies finishes it.

What it can't notice: a database that was put back together with the world, both from one night,
agrees with it. The runtime witness and the clients' memory are what is left then. Keep the database
on other disks, and fail over to synchronous standbys only: one without the last notes is noticed by
an NVRAM that went further, and not by one that was put back as well. A snapshot of the memory of a
running machine is beyond any witness.
"""

import contextlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from seemachine.state.errors import (
    LeaseSpent,
    StateError,
    StateFailed,
    StateLocked,
    StateUnsafe,
    counted,
)
from seemachine.state.witness.protocol import Mark, OpeningWitness, Use, behind, overlaps
from seemachine.wire.names import printed_name
from seemachine.witnesses import statements as sql
from seemachine.witnesses.address import Location, parse, with_password
from seemachine.witnesses.leases import Leases, Note
from seemachine.witnesses.opening import Opener
from seemachine.witnesses.session import EXCHANGE_SECONDS, DatabaseSession, SessionRefused

# Several beats, so that one that is slow stops nobody; not more, for who knows less than this signs
# nothing.
CONFIRMED_SECONDS = 10.0
# Runs on while the host sleeps, where the system has one that does.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class PostgresWitness(OpeningWitness):
    """See Witness. At an orderly end it takes up to `stop_seconds`."""

    def __init__(
        self,
        where: str,
        esn: str,
        environment: Mapping[str, str],
        stop_seconds: float = EXCHANGE_SECONDS,
    ) -> None:
        self._esn, self._stop_seconds = esn, stop_seconds
        self._where = _address(where, environment)
        self._opener = Opener(self._where, esn)
        self._leases = Leases()
        # For one exchange with the database at a time; it is held while the database is waited for.
        self._exchange = threading.Lock()
        self._advanced = False
        # Why the session was lost, until the beat told it; why nothing more is done.
        self._lost, self._ended = "", ""
        self._others: dict[tuple[bytes, int], str] = {}
        self._known: dict[tuple[bytes, int], int | None] = {}
        self._confirmed = self._now()
        self._session: DatabaseSession | None = self._opener.open()
        try:
            self._recall(self._session)
        except BaseException:
            self._session.close()
            raise

    def advance(self, mark: Mark, doubt: str) -> None:
        """See Witness.

        Compare and swap: who believes something else of the past changes nothing.
        """
        del doubt
        before = self._mark
        values = {
            "identity": mark.identity,
            "epoch": mark.epoch,
            "nonce": mark.nonce,
            "place": mark.place,
        }
        old = (
            {"old_epoch": before.epoch, "old_nonce": before.nonce}
            if before is not None
            else {"old_epoch": -1, "old_nonce": b""}
        )
        with self._exchange:
            if not self._run(sql.ADVANCE, **values, **old):
                raise StateLocked(
                    f"{self._where} was told of another opening of {self._esn} meanwhile; start"
                    " again"
                )
        self._mark, self._advanced, self._confirmed = mark, True, self._now()

    def against(self, name: bytes, first: int, following: int) -> str:
        """See Witness."""
        if other := self._others.get((name, first)):
            return f"its lease came into {other} too, says {self._where}: this is a copy"
        if used := behind(self.noted(name), first, following):
            return used
        ahead = self._known.get((name, first), -1)
        if ahead is not None and ahead < following and not self._opener.former:
            return (
                f"it stands at leaf {following}, and {self._where} was asked for none after"
                f" {max(ahead, first)}: the database was put back, or failed over without its last"
                " notes"
            )
        return ""

    def floor(self, name: bytes, first: int) -> int:
        """See Witness."""
        return self._leases.floor(name, first)

    def claim(self, name: bytes, first: int, end: int) -> None:
        """See Witness. Of all machines that share the database."""
        try:
            with self._exchange:
                self._make_sure()
                [[ours, claimed]] = self._run(sql.CLAIM, name=name, first=first, until=end)
        except SessionRefused as error:
            if error.code != sql.TAKEN:
                raise
            ours, claimed = 1, 0
        if not ours:
            raise self._end(f"{self._where} knows another process as the one that has {self._esn}")
        if not claimed:
            raise LeaseSpent(
                f"leaves {first} to {end - 1} of {printed_name(name)} came into a machine before,"
                f" says {self._where}"
            )
        self._leases.claimed(name, first, end)

    def is_spent(self, name: bytes, first: int, end: int) -> bool:
        """See Witness."""
        if overlaps(self.noted(name), first, end):
            return True
        with self._exchange:
            self._make_sure()
            [[spent]] = self._run(sql.IS_SPENT, name=name, first=first, until=end)
        return bool(spent)

    def vouch(self, uses: Sequence[Use]) -> None:
        """See Witness."""
        self._refuse_unconfirmed()
        if not self._leases.lacking(uses):
            return
        # Who has no session does not wait for the next one, which may take long; nor for others who
        # wait already.
        if self._session is None or not self._exchange.acquire(timeout=EXCHANGE_SECONDS):
            raise StateFailed(f"{self._where} does not answer; no leaf was used; try again")
        try:
            if notes := self._leases.wanted(uses):
                self._tell(notes)
                self._leases.allow(notes)
        except StateFailed as error:
            raise StateFailed(f"{error}; no leaf was used; try again") from None
        finally:
            self._exchange.release()

    def take(self, uses: Sequence[Use]) -> bool:
        """See Witness."""
        self._refuse_unconfirmed()
        return self._leases.take(uses)

    def note(self, name: bytes, first: int, following: int) -> None:
        """See Witness."""
        self._leases.note(name, first, following)

    def noted(self, name: bytes) -> dict[int, int]:
        """See Witness."""
        return self._leases.used(name)

    def beat(self) -> str:
        """See Witness."""
        with self._exchange:
            self._refuse_ended()
            self._make_sure(self._leases.beat())
            why, self._lost = self._lost, ""
        return (
            f"the session was lost ({why}); another one is open, and the last opening there is ours"
            if why
            else ""
        )

    def release(self) -> None:
        """See Witness.

        Not longer than the time for it, whatever the database or the network does.
        """
        worker = threading.Thread(target=self._finish, name="witness end", daemon=True)
        # The system may have no thread left.
        with contextlib.suppress(RuntimeError):
            worker.start()
            worker.join(self._stop_seconds)
        ended, self._ended = self._ended, self._ended or "the machine stopped"
        if (session := self._session) is not None:
            session.close()
        if (untold := self._leases.end()) and not ended:
            raise StateFailed(
                f"{self._where} could not be told how far {counted(len(untold), 'lease')} came; "
                "the next start goes on after all leaves that it was asked for, so some may be lost"
            )

    def _finish(self) -> None:
        with self._exchange, contextlib.suppress(StateError):
            self._refuse_ended()
            self._make_sure(self._leases.end())
            self._close()

    def _tell(self, notes: Sequence[Note]) -> None:
        """One statement for all.

        Raises StateLocked when this process is not the one that counts any more, StateFailed.
        """
        asked = self._now()
        values = [{**asdict(note), "name": note.name.hex()} for note in notes]
        rows = self._run(sql.TELL, notes=json.dumps(values))
        if not rows:
            raise self._end(f"{self._where} knows another process as the one that has {self._esn}")
        [[epoch, nonce, locked]] = rows
        if (
            self._advanced
            and self._mark is not None
            and (epoch, nonce) != (self._mark.epoch, self._mark.nonce)
        ):
            raise self._end(f"the last opening of {self._esn} in {self._where} is not this one")
        if not locked:
            self._close()
            raise StateFailed(f"{self._where}: the session does not hold its lock any more")
        self._confirmed = asked

    def _make_sure(self, notes: Sequence[Note] = ()) -> None:
        """Tell it, in another session if this one was lost.

        Not for a signature, which would wait for that.
        """
        try:
            self._tell(notes)
            self._leases.told(notes)
        except StateFailed as error:
            self._lost = self._lost or str(error)
            self._reopen()

    def _reopen(self) -> None:
        """A new session in place of one that was lost.

        What the database was told may be lost, too, so it is told again.
        """
        self._close()
        self._refuse_ended()
        try:
            self._session = self._opener.reopen()
        except StateLocked as error:
            raise self._end(str(error)) from None
        notes = self._leases.all()
        try:
            self._tell(notes)
        except StateFailed:
            # Else the next beat would go on in a session that was not told all.
            self._close()
            raise
        self._leases.told(notes)

    def _recall(self, session: DatabaseSession) -> None:
        """What the database knows, after it is ours alone."""
        rows = session.run(sql.MARK, esn=self._esn)
        self._mark = (
            Mark(bytes(rows[0][0]), rows[0][1], bytes(rows[0][2]), bytes(rows[0][3]))
            if rows
            else None
        )
        for name, first, following, ahead, end, other in session.run(sql.LEAVES, esn=self._esn):
            key = (bytes(name), first)
            self._known[key] = ahead
            self._leases.recall(*key, following, ahead or 0, end)
            if other:
                self._others[key] = other

    def _run(self, statement: str, **values: Any) -> list[Any]:
        if self._session is None:
            raise StateFailed(
                f"the session with {self._where} was lost; it is opened again within seconds; try"
                " again"
            )
        try:
            return self._session.run(
                statement,
                esn=self._esn,
                holder=self._opener.holder,
                turn=self._opener.turn,
                **values,
            )
        except SessionRefused as error:
            if error.code in sql.MISSING:
                raise self._end(f"{error}: the database was replaced by another one") from None
            if error.code == sql.TAKEN and statement is sql.TELL:
                raise self._end(
                    f"{error}: the database had lost a lease of {self._esn}, and another machine"
                    " took it"
                ) from None
            raise
        except StateFailed as error:
            self._lost = self._lost or str(error)
            self._close()
            raise

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _end(self, why: str) -> StateLocked:
        self._ended = (
            f"{why}; nothing more is signed here. Stop this machine, and find out which of the two"
            " is the copy"
        )
        self._close()
        return StateLocked(self._ended)

    def _refuse_ended(self) -> None:
        if self._ended:
            raise StateLocked(self._ended)

    def _refuse_unconfirmed(self) -> None:
        self._refuse_ended()
        since = self._now() - self._confirmed
        if since > CONFIRMED_SECONDS:
            raise StateFailed(
                f"{self._where} was last heard of {since:.0f} s ago, and nothing is signed after"
                f" {CONFIRMED_SECONDS:.0f} s; no leaf was used; try again once it is up"
            )

    @staticmethod
    def _now() -> float:
        return time.clock_gettime(CLOCK)


def _address(where: str, environment: Mapping[str, str]) -> Location:
    try:
        return with_password(parse(where), environment)
    except ValueError as error:
        raise StateUnsafe(f"witness takes {error}") from None
    except OSError as error:
        raise StateUnsafe(
            f"the password of the witness can't be read: {error.filename}: {error.strerror}"
        ) from None
