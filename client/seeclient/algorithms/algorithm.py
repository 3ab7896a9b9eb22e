"""What an algorithm is to the rest of the client.

Stories are generators without sockets, see seeclient.effects. What an algorithm does not have, such
as thresholds, it leaves as it is here: refused.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, NoReturn, Protocol, TypeVar

from seeclient.effects import Roster, Story
from seeclient.events import Listener
from seeclient.keyfile import KeyFile
from seeclient.message import Message
from seeclient.patience import Patience
from seeclient.results import Destroyed, KeyInfo, LeavesLeft, Signed
from seeclient.signing_options import SigningOptions
from seeclient.wanted import Wanted, Watch
from seemachine.wire.status import Status, StatusError


class Recipe(Protocol):
    """What key to make."""

    @property
    def alias(self) -> str:
        """What it will be called."""

    @property
    def cards(self) -> int:
        """Blank cards that it needs."""


Key = TypeVar("Key", bound=KeyFile)
Plan = TypeVar("Plan", bound=Recipe)


class Algorithm(ABC, Generic[Key]):
    """One for each algorithm, without state."""

    NAME: ClassVar[str]
    # Arguments of `generate` beside those that all share, each with what reads its value: gets name
    # and value, raises seeclient.values.UsageError.
    ARGUMENTS: ClassVar[Mapping[str, Callable[[str, str], str]]] = {}

    # ------------------------------------------------------------ making and using

    def check_arguments(self, texts: Mapping[str, str], numbers: Mapping[str, int]) -> None:
        """Refuse what `generate` can't be given. Raises seeclient.values.UsageError."""

    @abstractmethod
    def recipe(self, texts: Mapping[str, str], numbers: Mapping[str, int]) -> Recipe:
        """What the arguments of `generate` ask for."""

    @abstractmethod
    def generate(
        self, roster: Roster, recipe: Any, progress: Listener, patience: Patience
    ) -> Story[Key]:
        """Make a key and save its key file. Raises StatusError."""

    def check_options(self, options: SigningOptions) -> None:
        """Refuse those that it does not have. Raises StatusError."""

    @abstractmethod
    def sign(
        self, roster: Roster, key: Key, message: Message, options: SigningOptions
    ) -> Story[Signed]:
        """Sign. Raises StatusError, also for an option that it does not have."""

    def sign_many(
        self,
        roster: Roster,
        key: Key,
        wanted: Sequence[Wanted],
        options: SigningOptions,
        watch: Watch,
    ) -> Story[None]:
        """Give each an outcome. Raises StatusError for an option that it does not have.

        One by one, where an algorithm has nothing better.
        """
        for each in wanted:
            try:
                each.outcome = signed = yield from self.sign(roster, key, each.message, options)
            except StatusError as refused:
                each.outcome = refused
            else:
                watch.progress(each.place, signed)

    @abstractmethod
    def verify(
        self, key: Key, message: Message, signature: bytes, name: str, context: bytes
    ) -> str:
        """Check a signature here. Returns its encoding: NAME, or another that the algorithm has.

        `name` is what to call it in a refusal. Raises StatusError (VerifyFailed,
        InvalidParameter for a context where it has none).
        """

    @abstractmethod
    def is_signature(self, data: bytes) -> bool:
        """Whether this has the form of a signature, which a later one may replace."""

    @abstractmethod
    def info(self, roster: Roster, key: Key) -> Story[KeyInfo]:
        """What `showinfo` shows."""

    def leaves(self, roster: Roster, key: Key) -> Story[LeavesLeft | None]:
        """What the machines that answer have left of a key; None where it takes no leaves. Raises
        StatusError.
        """
        del roster, key
        yield from ()
        return None

    def look_for(self, roster: Roster, key: Key) -> Story[None]:
        """What 1.4.1 asks of the machines before it checks a signature. Raises StatusError."""
        del roster, key
        yield from ()

    def warn_at(self, roster: Roster, key: Key, count: int) -> Story[Key]:
        """Set a threshold, and return the key with it. Raises StatusError."""
        del roster, count
        self._refuse(f"{key.alias} is a key of {self.NAME}, which has no thresholds", "threshold")
        yield from ()

    def destroy(self, roster: Roster, public_key: bytes) -> Story[Destroyed]:
        """Have every reachable machine destroy what it has of a key. Raises no StatusError."""
        del roster, public_key
        yield from ()
        return Destroyed({})

    # ------------------------------------------------------------ showing

    @abstractmethod
    def parameters(self, key: Key) -> dict[str, Any]:
        """Its parameter sets by name, for --json."""

    def plan(self, key: Key) -> dict[str, Any]:
        """What else `generate --json` says of it."""
        del key
        return {}

    @abstractmethod
    def lines(self, info: Any) -> list[str]:
        """What `showinfo` prints between `Algorithm:` and the public key."""

    def facts(self, info: Any) -> dict[str, Any]:
        """What `showinfo --json` says beside the key."""
        del info
        return {}

    def _refuse(self, detail: str, where: str) -> NoReturn:
        raise StatusError(Status.InvalidParameter, detail, where)
