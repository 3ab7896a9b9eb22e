"""A witness in PostgreSQL whose session is lost on demand."""

from collections.abc import Mapping, Sequence

from seemachine.faults.injector import Injector
from seemachine.faults.kinds import WITNESS
from seemachine.mishaps.witness import doubt_of_lost
from seemachine.state.errors import StateFailed
from seemachine.state.witness.protocol import Past, Use
from seemachine.witnesses.postgresql import PostgresWitness
from seemachine.witnesses.session import EXCHANGE_SECONDS


class FaultyPostgresWitness(PostgresWitness):
    """See PostgresWitness.

    The session that is lost is the real one, so all that follows is what follows a real loss. A
    contact that meets no fault any more opens another.
    """

    def __init__(
        self,
        where: str,
        esn: str,
        environment: Mapping[str, str],
        faults: Injector,
        stop_seconds: float = EXCHANGE_SECONDS,
    ) -> None:
        super().__init__(where, esn, environment, stop_seconds)
        self._faults = faults

    def meet(self, past: Past, place: bytes) -> str:
        """See Witness."""
        return super().meet(past, place) or doubt_of_lost(self._faults, past, place)

    def claim(self, name: bytes, first: int, end: int) -> None:
        """See Witness."""
        self._meet_loss()
        super().claim(name, first, end)

    def is_spent(self, name: bytes, first: int, end: int) -> bool:
        """See Witness."""
        self._meet_loss()
        return super().is_spent(name, first, end)

    def vouch(self, uses: Sequence[Use]) -> None:
        """See Witness. It opens no session itself, and says that there is none."""
        if uses:
            self._lose()
        super().vouch(uses)

    def beat(self) -> str:
        """See Witness."""
        self._meet_loss()
        return super().beat()

    def _meet_loss(self) -> None:
        """Where the next session would be opened at once: it can't be reached either."""
        if (lost := self._lose()) is not None:
            raise lost

    def _lose(self) -> StateFailed | None:
        if self._faults.meet_at(WITNESS) is None:
            return None
        lost = StateFailed(f"{self._where}: the connection ended")
        with self._session.exchange:
            self._session.lose(lost)
            self._session.close()
        return lost
