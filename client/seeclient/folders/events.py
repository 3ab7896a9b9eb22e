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
    """A file was signed, and the signature written."""

    name: str
    signed: Signed


@frozen
class FileFailed:
    """Why a file, or a folder, has no good signature. Several may have one and the same error."""

    name: str
    error: StatusError


Event = FileKept | FileSigned | FileFailed
Listener = Callable[[Event], None]


@frozen
class Totals:
    """How many there were of each, and the seconds that all took."""

    signed: int
    kept: int
    failed: int
    seconds: float
