"""How a witness compares an NVRAM with what it remembers, and the parts that witnesses share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from seemachine.state.disk.file_identity import same_file
from seemachine.state.witness.protocol import Mark, Past, Use


class LaggingWitness(ABC):
    """The part of a witness that learns of leaves after they were used, and is asked for nothing
    before.
    """

    @abstractmethod
    def noted(self, name: bytes) -> dict[int, int]:
        """See Witness."""

    def against(self, name: bytes, first: int, following: int) -> str:
        """See Witness."""
        return why_put_back(self.noted(name), first, following)

    def floor(self, name: bytes, first: int) -> int:
        """See Witness. Of leaves that were used and not noted it knows nothing."""
        del name, first
        return 0

    def vouch(self, uses: Sequence[Use]) -> None:
        """See Witness."""
        del uses

    def take(self, uses: Sequence[Use]) -> bool:
        """See Witness."""
        del uses
        return True


class OpeningWitness(ABC):
    """The part of a witness that remembers the last opening alone, whichever NVRAM it was of."""

    _mark: Mark | None = None

    @abstractmethod
    def advance(self, mark: Mark, doubt: str) -> None:
        """See Witness."""

    def _own_fault(self) -> str:
        """Why what is remembered may itself be out of date."""
        return ""

    def meet(self, past: Past, place: bytes) -> str:
        """See Witness."""
        doubt = doubt_about(past, self._mark, place) or self._own_fault()
        if not doubt and self.last(past.last.identity) not in (None, past.last):
            self.advance(past.last, "")
        return doubt

    def last(self, identity: bytes) -> Mark | None:
        """See Witness."""
        return self._mark if self._mark is not None and self._mark.identity == identity else None


def overlaps(noted: dict[int, int], first: int, end: int) -> bool:
    """Whether any of the leaves from `first` to `end` (not included) are among those that were
    noted as gone.
    """
    return any(start < end and first < following for start, following in noted.items())


def why_put_back(noted: dict[int, int], first: int, following: int) -> str:
    """Why a lease that stands at `following` was put back, by what was noted of its file; empty
    when it was not.
    """
    seen = noted.get(first, 0)
    return (
        f"it stands at leaf {following}, but the witness saw it at {seen}: it was put back, or"
        " damaged"
        if seen > following
        else ""
    )


def doubt_about(past: Past, last: Mark | None, place: bytes) -> str:
    """Why an NVRAM may not be the one that was used last; empty when all is well."""
    fresh = past.last.epoch == 0
    if last is None or last.identity != past.last.identity:
        return (
            ""
            if fresh
            else "its witness has never seen it: it was copied or put back, or the witness was lost"
        )
    seen, known = (last.epoch, last.nonce), ((past.last.epoch, past.last.nonce), past.before)
    if seen not in known:
        counted = (
            f"it was opened {last.epoch} times as its witness knows, but this one counts"
            f" {past.last.epoch}"
        )
        return f"{counted}: it was put back, or copied"
    if last.place and not same_file(last.place, place):
        return "its folder is not the one that it was in: this is a copy, or was put back from one"
    return ""
