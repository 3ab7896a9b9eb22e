"""What can be done with a fleet and its keys without asking a machine; each client adds the rest to
it.
"""

from abc import abstractmethod
from pathlib import Path
from typing import Generic, TypeVar

from seeclient import operations
from seeclient.algorithms import registry
from seeclient.effects import Peer, Roster
from seeclient.keyfile import KeyFile
from seeclient.lifetime import Lifetime
from seeclient.message import Message
from seemachine.wire.status import StatusError

OwnKey = TypeVar("OwnKey", bound="LocalKey")


class LocalFleet(Generic[OwnKey]):
    """The machines that a client found, and the keys of this host."""

    roster: Roster
    lifetime: Lifetime

    @property
    def peers(self) -> list[Peer]:
        """The HSMs that answer, in module order."""
        return self.roster.peers

    @property
    def failures(self) -> list[StatusError]:
        """Why other HSMs do not answer: those that are published, and where none answers, those of
        the world that are not.
        """
        return [*self.roster.failures, *self.roster.absent]

    def key(self, alias: str) -> OwnKey:
        """A key of this host. Raises StatusError."""
        self.lifetime.check()
        return self._key(self.roster.load(alias))

    def key_by_hash(self, public_hash: bytes | str) -> OwnKey:
        """The key of this host with the `public_hash`, which may be its 32 bytes. Files that can't
        be read are left out. Raises StatusError (UnknownID) where there is none.
        """
        self.lifetime.check()
        wanted = public_hash.hex() if isinstance(public_hash, bytes) else public_hash.lower()
        return self._key(self.roster.fitting(self.roster.keys.with_hash(wanted)))

    def keys(self) -> list[OwnKey]:
        """The keys of this host, by alias. Raises StatusError for a file that can't be read."""
        self.lifetime.check()
        return [self._key(self.roster.load(alias)) for alias in self.roster.keys.aliases()]

    @abstractmethod
    def _key(self, file: KeyFile) -> OwnKey:
        """A key of this fleet."""

    def __repr__(self) -> str:
        state = self.lifetime.state
        known = ", ".join(peer.esn for peer in self.peers) or "no HSM"
        silent = f", {len(self.failures)} not answering" if self.failures else ""
        return f"<{_name(self)} {known}{silent}{'' if state == 'open' else f', {state}'}>"


class LocalKey:
    """A key of this host."""

    def __init__(self, file: KeyFile) -> None:
        self.file = file

    @property
    def alias(self) -> str:
        """Its name on this host."""
        return self.file.alias

    @property
    def algorithm(self) -> str:
        """`LMS` or `ML-DSA`."""
        return self.file.algorithm

    @property
    def public_key(self) -> bytes:
        """Of LMS the plain public key: 56 bytes for m=32, 48 for m=24 (RFC 8554 5.3); of ML-DSA as
        in FIPS 204 algorithm 22: 1312, 1952 or 2592 bytes, by its set.
        """
        return self.file.public_key

    @property
    def public_hash(self) -> str:
        """The SHA-256 of the public key, in hexadecimal, by which `key_by_hash` finds it."""
        return self.file.public_hash

    @property
    def public_key_pem(self) -> str:
        """The public key for others, in PEM: a SubjectPublicKeyInfo; of LMS that of an HSS key of
        one level (RFC 9802), of ML-DSA that of RFC 9881.
        """
        return self.public_key_as("pem").decode()

    def public_key_as(self, form: str) -> bytes:
        """The public key in a form that others take: `lms`, `hss`, `der`, `pem`, `der-8708`,
        `caliptra`, `caliptra-raw`, `raw`, `cose` or `json`, see `seeclient.forms`.

        Raises StatusError (InvalidParameter) where the form can't hold it.
        """
        from seeclient import forms

        return forms.public_key_as(self, form)

    def verify(self, message: bytes | Path, signature: bytes, *, context: bytes = b"") -> None:
        """Check a signature; of LMS plain, or HSS of one level; of ML-DSA under a context (FIPS 204
        5.2). Raises StatusError (VerifyFailed).

        It takes some milliseconds at most, besides reading a file.
        """
        operations.verify(self.file, Message(message), signature, context=context)

    def __repr__(self) -> str:
        sets = " ".join(map(str, registry.of(self.file).parameters(self.file).values()))
        return f"<{_name(self)} {self.alias}: {self.algorithm} {sets}>"


def _name(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
