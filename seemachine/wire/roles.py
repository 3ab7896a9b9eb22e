"""What a client may ask for.

The vendor has unprivileged and privileged connections; ours have three steps, each with those
before.

The role is in the client's certificate (`certificates.py`). Without TLS only this host's users
reach the port, and they are all `admin`.
"""

from dataclasses import dataclass
from enum import IntEnum

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

# The least role for each request, by name. tests/wire/test_roles.py holds it complete.
LEAST: dict[str, ClientRole] = {
    "hello": ClientRole.USE,
    "nvmemfile_info": ClientRole.USE,
    "nvmemfile_list": ClientRole.USE,
    "nvmemfile_sign": ClientRole.USE,
    "nvmemfile_reserve": ClientRole.USE,
    "nvmemfile_sign_digest": ClientRole.USE,
    "loadLMS": ClientRole.USE,
    "slot_list": ClientRole.USE,
    "nvram_ledger": ClientRole.USE,
    "quarantine_list": ClientRole.USE,
    "generateLMS": ClientRole.PROVISION,
    "continueLMS_cache_next": ClientRole.PROVISION,
    "continueLMS_card_next": ClientRole.PROVISION,
    "resumeLMS": ClientRole.PROVISION,
    "discardLMS": ClientRole.PROVISION,
    "provisionLMS": ClientRole.PROVISION,
    "nvmemfile_warn": ClientRole.PROVISION,
    "quarantine_burn": ClientRole.ADMIN,
    "quarantine_skip": ClientRole.ADMIN,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end of a connection.

    `name` is the authenticated one, or the address; at most 64 characters.
    """

    name: str
    role: ClientRole


def denial(caller: Caller, request: str) -> StatusError | None:
    """Why this caller may not ask this, by the request's name; None when it may.

    What the table does not know is for `admin`.
    """
    least = LEAST.get(request, ClientRole.ADMIN)
    if caller.role >= least:
        return None
    detail = f"{caller.name} has the role {caller.role.word}, and the role {least.word} is needed"
    return StatusError(
        Status.AccessDenied, f"{detail}; use a client certificate with that role", request
    )
