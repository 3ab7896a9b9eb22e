"""What a client may ask for.

The vendor has unprivileged and privileged connections; ours have three steps, each with those
before.

The role is in the client's certificate (`certificates.py`). Without TLS only this host's users
reach the port, and they are all `admin`.
"""

from enum import IntEnum

from seemachine.frozen import frozen
from seemachine.wire.status import Status, StatusError


class ClientRole(IntEnum):
    """Ordered: a greater role may all that a smaller one may."""

    USE = 1
    PROVISION = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """As it is written in certificates and on command lines."""
        return self.name.lower()


WORDS = {role.word: role for role in ClientRole}


@frozen
class Caller:
    """Who is at the other end of a connection.

    `name` is the authenticated one, or the address; at most 64 characters.
    """

    name: str
    role: ClientRole


def denial(caller: Caller, request: str, least: ClientRole) -> StatusError | None:
    """Why this caller may not ask a request of this name, whose least role this is; None when it
    may.
    """
    if caller.role >= least:
        return None
    detail = f"{caller.name} has the role {caller.role.word}, and the role {least.word} is needed"
    return StatusError(
        Status.AccessDenied, f"{detail}; use a client certificate with that role", request
    )
