"""A key of this host as a value, whatever its algorithm; keys.py has the files.

The module `keyfile` of an algorithm adds what its keys have, and is a KeyForm.
"""

import re
from typing import Any, ClassVar, NamedTuple, Protocol

from seemachine.frozen import field, frozen
from seemachine.wire.status import Status, StatusError

WHERE = "pqsdk_key_file"
ALIAS = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)


class Made(NamedTuple):
    """When a key was made, in milliseconds since 1970, by whom, and on which machine."""

    time: int
    by: str
    esn: str


def hash_of(public_key: bytes) -> str:
    """The SHA-256 of a public key, in hexadecimal."""
    import hashlib

    return hashlib.sha256(public_key).hexdigest()


@frozen
class KeyFile:
    """One key; each algorithm adds what its keys have.

    `signer` is the hash, in hex, of the key that signed the SEE machine which made it; empty when
    that was not signed. `made` is None for keys of before that was kept. `insecure` is the seed of
    the seeded world that it was made in, empty in a real one.
    """

    algorithm: ClassVar[str]
    alias: str
    public_key: bytes
    signer: str = field(default="", kw_only=True)
    made: Made | None = field(default=None, kw_only=True)
    insecure: str = field(default="", kw_only=True)

    @property
    def marked(self) -> bool:
        """Whether anybody can make it again, for it is of a seeded world."""
        return bool(self.insecure)

    @property
    def name(self) -> bytes:
        """The name of its NVRAM file on the machines; empty where there is none."""
        return b""

    @property
    def public_hash(self) -> str:
        """The SHA-256 of the public key, in hexadecimal."""
        return hash_of(self.public_key)


class Head(NamedTuple):
    """What the key files of all algorithms have."""

    alias: str
    algorithm: str
    public_key: bytes
    signer: str
    made: Made | None = None
    insecure: str = ""


class Body(NamedTuple):
    """What an algorithm adds: values for the first line, and the bytes after it."""

    fields: dict[str, Any]
    data: bytes = b""


class KeyForm(Protocol):
    """What an algorithm says of its key files."""

    def encoded(self, key: Any) -> Body:
        """What a key file has after the head."""

    def decoded(self, head: Head, kept: Body) -> KeyFile:
        """The key of a key file. Raises ValueError, KeyError, TypeError for what is none."""


def check_alias(alias: str) -> str:
    """The alias in lower case.

    Raises StatusError unless it has only letters, digits and hyphens, as nShield key identifiers
    do.
    """
    folded = alias.lower()
    if not ALIAS.fullmatch(folded):
        raise StatusError(
            Status.InvalidParameter,
            f"alias takes up to 64 letters, digits and hyphens, not {alias!r}",
            WHERE,
        )
    return folded


def formed(value: object, form: re.Pattern[str], name: str) -> str:
    """A text of a key file. Raises ValueError for anything else."""
    if type(value) is not str or not form.fullmatch(value):
        raise ValueError(f"{name} can't be {value!r}")
    return value


def whole(fields: dict[str, Any], name: str, most: int) -> int:
    """A number of a key file. Raises KeyError, ValueError for anything else."""
    value = fields[name]
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{name} takes a number from 0 to {most}, not {value!r}")
    return value
