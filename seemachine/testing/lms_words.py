"""What a type checker knows of the words of generate_lms."""

from typing import TYPE_CHECKING, Protocol, TypedDict

if TYPE_CHECKING:
    from typing import Unpack

    from seeclient import blocking
    from seeclient.events import Listener
    from seeclient.patience import Patience


class LmsSets(TypedDict):
    """An LMS set and an LM-OTS set: `fleet.generate_lms("release", **sets)`."""

    lms: str
    lmots: str


class LmsWords(TypedDict, total=False):
    """All words that generate_lms takes beside the alias."""

    lms: str
    lmots: str
    expcards: int
    explease: int
    expchunk: int | None
    expcache: int | None
    esn: str
    slot: int | None
    replace: bool
    warnat: int
    progress: "Listener"
    patience: "Patience | None"


class KeyMaker(Protocol):
    """The type of the fixture seemachine_key."""

    def __call__(self, alias: str = "", **words: "Unpack[LmsWords]") -> "blocking.Key":
        """Make an LMS key. An alias that is not given is key-1, key-2 and so on; other words are as
        the marker says, else quick. Raises StatusError, and ParameterError for sets that do not
        exist or do not go together.
        """
