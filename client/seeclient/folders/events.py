"""What becomes of the files of a folder that is signed, for whoever shows it."""

from collections.abc import Callable

from seeclient.results import Signed
from seemachine.frozen import frozen
from seemachine.wire.status import StatusError


@frozen
class FileKept:
    """The signature that a file has is good."""

    name: str


@frozen
class FileSigned:
    """A file was signed, and the signature written; `replaced`: in the place of another one."""

    name: str
    signed: Signed
    replaced: bool = False


@frozen
class FileSkipped:
    """What is there and is not to be signed, and what it is, such as `a link`."""

    name: str
    what: str


@frozen
class FileFailed:
    """Why a file, or a folder, has no good signature. Several may have one and the same error."""

    name: str
    error: StatusError


Event = FileKept | FileSigned | FileFailed | FileSkipped
Listener = Callable[[Event], None]


@frozen
class Totals:
    """How many there were of each, and the seconds that all took. `replaced` are among those that
    were signed.
    """

    signed: int
    kept: int
    failed: int
    seconds: float
    replaced: int = 0
    skipped: int = 0
