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
    for CONFIRMED_SECONDS (`confirmed`). A lost session is opened again; if the last opening in the
    database is not ours by then, the machine ends for good.
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
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from seemachine.state.errors import (
    LeaseSpent,
    StateError,
    StateFailed,
    StateLocked,
    counted,
)
from seemachine.state.witness.comparing import OpeningWitness, overlaps, why_put_back
from seemachine.state.witness.protocol import Mark, Use
from seemachine.wire.names import printed_name
from seemachine.witnesses import statements as sql
from seemachine.witnesses.confirmed import ConfirmedSession
from seemachine.witnesses.leases import LeaseRow, Leases
from seemachine.witnesses.opening import locate
from seemachine.witnesses.session import EXCHANGE_SECONDS, SessionRefused


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
        self._where = locate(where, environment)
        self._leases = Leases()
        self._others: dict[tuple[bytes, int], str] = {}
        self._known: dict[tuple[bytes, int], int | None] = {}
        self._session = ConfirmedSession(self._where, esn)
        try:
            self._recall()
        except BaseException:
            self._session.close()
            raise

    def advance(self, mark: Mark, doubt: str) -> None:
        """See Witness.

        Compare and swap: who believes something else of the past changes nothing.
        """
        del doubt
        before = self._mark
        epoch, nonce = (before.epoch, before.nonce) if before is not None else (-1, b"")
        with self._session.exchange:
            if not self._session.run(sql.ADVANCE, **asdict(mark), old_epoch=epoch, old_nonce=nonce):
                raise StateLocked(
                    f"{self._where} was told of another opening of {self._esn} meanwhile; start"
                    " again"
                )
        self._mark = mark
        self._session.opened(mark)

    def against(self, name: bytes, first: int, following: int) -> str:
        """See Witness."""
        if other := self._others.get((name, first)):
            return f"its lease came into {other} too, says {self._where}: this is a copy"
        if used := why_put_back(self.noted(name), first, following):
            return used
        ahead = self._known.get((name, first), -1)
        if ahead is not None and ahead < following and not self._session.former:
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
            with self._session.exchange:
                self._make_sure()
                [[ours, claimed]] = self._session.run(sql.CLAIM, name=name, first=first, until=end)
        except SessionRefused as error:
            if error.code != sql.TAKEN:
                raise
            ours, claimed = 1, 0
        if not ours:
            raise self._session.end_as_foreign()
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
        with self._session.exchange:
            self._make_sure()
            [[spent]] = self._session.run(sql.IS_SPENT, name=name, first=first, until=end)
        return bool(spent)

    def vouch(self, uses: Sequence[Use]) -> None:
        """See Witness."""
        self._session.refuse_unconfirmed()
        if not self._leases.lacking(uses):
            return
        # Who has no session does not wait for the next one, which may take long; nor for others who
        # wait already.
        session = self._session
        if not session.is_open or not session.exchange.acquire(timeout=EXCHANGE_SECONDS):
            raise StateFailed(f"{self._where} does not answer; no leaf was used; try again")
        try:
            if rows := self._leases.wanted(uses):
                session.write(rows)
                self._leases.allow(rows)
        except StateFailed as error:
            raise StateFailed(f"{error}; no leaf was used; try again") from None
        finally:
            session.exchange.release()

    def take(self, uses: Sequence[Use]) -> bool:
        """See Witness."""
        self._session.refuse_unconfirmed()
        return self._leases.take(uses)

    def note(self, name: bytes, first: int, following: int) -> None:
        """See Witness."""
        self._leases.note(name, first, following)

    def noted(self, name: bytes) -> dict[int, int]:
        """See Witness."""
        return self._leases.used(name)

    def beat(self) -> str:
        """See Witness."""
        with self._session.exchange:
            self._session.refuse_ended()
            self._make_sure(self._leases.beat())
            why = self._session.why_lost()
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
        ended = self._session.stop()
        if (unwritten := self._leases.end()) and not ended:
            raise StateFailed(
                f"{self._where} could not be told how far {counted(len(unwritten), 'lease')} came; "
                "the next start goes on after all leaves that it was asked for, so some may be lost"
            )

    def _finish(self) -> None:
        with self._session.exchange, contextlib.suppress(StateError):
            self._session.refuse_ended()
            self._make_sure(self._leases.end())
            self._session.close()

    def _make_sure(self, rows: Sequence[LeaseRow] = ()) -> None:
        """Write to it, in another session if this one was lost.

        Not for a signature, which would wait for that.
        """
        try:
            self._session.write(rows)
            self._leases.written(rows)
        except StateFailed as error:
            self._session.lose(error)
            self._reopen()

    def _reopen(self) -> None:
        """A new session in place of one that was lost.

        What the database was told may be lost, too, so it is told again.
        """
        self._session.reopen()
        rows = self._leases.all()
        try:
            self._session.write(rows)
        except StateFailed:
            # Else the next beat would go on in a session that was not told all.
            self._session.close()
            raise
        self._leases.written(rows)

    def _recall(self) -> None:
        """What the database knows, after it is ours alone."""
        rows = self._session.run(sql.MARK)
        self._mark = (
            Mark(bytes(rows[0][0]), rows[0][1], bytes(rows[0][2]), bytes(rows[0][3]))
            if rows
            else None
        )
        for name, first, following, ahead, end, other in self._session.run(sql.LEAVES):
            key = (bytes(name), first)
            self._known[key] = ahead
            self._leases.recall(*key, following, ahead or 0, end)
            if other:
                self._others[key] = other
