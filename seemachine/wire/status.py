"""What a refusal says: nShield status names and numbers, and the one error class that both sides
raise.

Numbers are those of the nCore `M_Status` list as far as public documents pin them (integration
guide 2.7 to 2.9 prints 7, 11, 24, 57 and 73; the others follow from the published order of the
names). No number is made up.
"""

from enum import IntEnum

from seemachine.wire.printable import printable


class Status(IntEnum):
    """Status of a reply. Names are spelled as the guide prints them."""

    OK = 0
    UnknownCommand = 1
    NotYetImplemented = 2
    Malformed = 3
    UnknownID = 4
    AccessDenied = 5
    ObjectInUse = 6
    UseLimitExceeded = 7
    TimeLimitExceeded = 8
    VerifyFailed = 11
    InvalidParameter = 24
    OSErrorErrno = 57
    NotAvailable = 73
    # The vendor's number for a general failure is not public, so this one stands outside the range
    # and is never printed.
    Failed = 1000

    @property
    def printed(self) -> str:
        """`NotAvailable(73)`, or the bare name where the vendor's number is unknown."""
        return self.name if self is Status.Failed else f"{self.name}({self.value})"


class StatusError(Exception):
    """An ordinary "no" from a machine, or from this side while reaching one.

    `status` is the reason, `detail` a sentence for a person, `where` the name of the function that
    the guide would print. Both texts are made printable: they may quote a machine, a file or the
    name of one.
    """

    def __init__(self, status: Status, detail: str, where: str = "") -> None:
        self.status = status
        self.detail = printable(detail)
        self.where = printable(where)
        super().__init__(status, self.detail, self.where)

    @property
    def name(self) -> str:
        """The status name alone, such as `NotAvailable`."""
        return self.status.name

    @property
    def sentence(self) -> str:
        """The detail without the guide's `in command`, for where the command is not of interest."""
        return self.detail.replace(f" in {self.where}", "", 1) if self.where else self.detail

    def __str__(self) -> str:
        return f"{self.status.printed}: {self.detail}"


class ProtocolError(Exception):
    """Somebody broke the rules of the wire; the connection is of no further use."""


class LocalMisuse(ProtocolError):
    """This side broke them: a bug here."""


class BadValue(LocalMisuse):
    """A message of ours has a value that the protocol can't carry; nothing was sent.

    The text names the field and its limits.
    """


class PeerMisuse(ProtocolError):
    """The other side broke them. `number` is the request to blame (0 when it is not known)."""

    def __init__(self, detail: str, status: Status = Status.Malformed, number: int = 0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.number = number

    @property
    def refusal(self) -> StatusError:
        """The last words to send before closing."""
        return StatusError(self.status, self.detail, "link")
