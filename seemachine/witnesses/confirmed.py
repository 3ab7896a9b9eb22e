"""The session of a machine with the database that counts: confirmed by each exchange, opened again
when it was lost, and ended for good when another process counts.

Who asks holds `exchange`, for one exchange at a time.
"""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from seemachine.state.errors import StateFailed, StateLocked
from seemachine.state.witness.protocol import Mark
from seemachine.witnesses import statements as sql
from seemachine.witnesses.address import Location
from seemachine.witnesses.leases import LeaseRow
from seemachine.witnesses.opening import Opener
from seemachine.witnesses.session import DatabaseSession, SessionRefused

# Several beats, so that one that is slow stops nobody; not more, for who knows less than this signs
# nothing.
CONFIRMED_SECONDS = 10.0
# Runs on while the host sleeps, where the system has one that does.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ConfirmedSession:
    """Raises StateLocked, for good, when this process is not the one that counts any more;
    StateFailed when nobody can be sure this time.
    """

    def __init__(self, where: Location, esn: str) -> None:
        self._where, self._esn = where, esn
        self._opener = Opener(where, esn)
        # It is held while the database is waited for.
        self.exchange = threading.Lock()
        # The opening that is ours: how manieth it is, and its nonce.
        self._opening: tuple[int, bytes] | None = None
        # Why the session was lost, until somebody asks; why nothing more is done.
        self._lost, self._ended = "", ""
        self._confirmed = self._now()
        self._session: DatabaseSession | None = self._opener.open()

    @property
    def is_open(self) -> bool:
        """Whether there is one now."""
        return self._session is not None

    @property
    def former(self) -> bool:
        """Whether no earlier process bound its statements to a row that is taken over."""
        return self._opener.former

    def run(self, statement: str, **values: Any) -> list[Any]:
        """One statement, bound to this process and session, and its rows."""
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
                raise self.end(f"{error}: the database was replaced by another one") from None
            if error.code == sql.TAKEN and statement is sql.WRITE:
                raise self.end(
                    f"{error}: the database had lost a lease of {self._esn}, and another machine"
                    " took it"
                ) from None
            raise
        except StateFailed as error:
            self.lose(error)
            self.close()
            raise

    def write(self, leases: Sequence[LeaseRow]) -> None:
        """Write how far leases came, in one statement, which confirms the session."""
        asked = self._now()
        values = [{**asdict(row), "name": row.name.hex()} for row in leases]
        rows = self.run(sql.WRITE, leaves=json.dumps(values))
        if not rows:
            raise self.end_as_foreign()
        [[epoch, nonce, locked]] = rows
        if self._opening not in (None, (epoch, nonce)):
            raise self.end(f"the last opening of {self._esn} in {self._where} is not this one")
        if not locked:
            self.close()
            raise StateFailed(f"{self._where}: the session does not hold its lock any more")
        self._confirmed = asked

    def opened(self, mark: Mark) -> None:
        """The database has this opening, which is ours."""
        self._opening, self._confirmed = (mark.epoch, mark.nonce), self._now()

    def reopen(self) -> None:
        """Another session in place of this one; nothing was told in it yet."""
        self.close()
        self.refuse_ended()
        try:
            self._session = self._opener.reopen()
        except StateLocked as error:
            raise self.end(str(error)) from None

    def lose(self, error: StateFailed) -> None:
        """Remember why it was lost, unless that is known already."""
        self._lost = self._lost or str(error)

    def why_lost(self) -> str:
        """Why it was lost since somebody asked; empty when it was not."""
        why, self._lost = self._lost, ""
        return why

    def close(self) -> None:
        """End it, until it is opened again."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def stop(self) -> str:
        """End it for good, whoever waits for it. Returns why it had ended before."""
        ended, self._ended = self._ended, self._ended or "the machine stopped"
        if (session := self._session) is not None:
            session.close()
        return ended

    def end(self, why: str) -> StateLocked:
        """End it for good, because this process is not the one that counts: the error to raise."""
        self._ended = (
            f"{why}; nothing more is signed here. Stop this machine, and find out which of the two"
            " is the copy"
        )
        self.close()
        return StateLocked(self._ended)

    def end_as_foreign(self) -> StateLocked:
        """The same, when a statement found that the machine is another's."""
        return self.end(f"{self._where} knows another process as the one that has {self._esn}")

    def refuse_ended(self) -> None:
        """Raises StateLocked after the end."""
        if self._ended:
            raise StateLocked(self._ended)

    def refuse_unconfirmed(self) -> None:
        """Raises StateFailed when the database was not heard of for too long."""
        self.refuse_ended()
        since = self._now() - self._confirmed
        if since > CONFIRMED_SECONDS:
            raise StateFailed(
                f"{self._where} was last heard of {since:.0f} s ago, and nothing is signed after"
                f" {CONFIRMED_SECONDS:.0f} s; no leaf was used; try again once it is up"
            )

    @staticmethod
    def _now() -> float:
        return time.clock_gettime(CLOCK)
