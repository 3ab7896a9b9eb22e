"""What a pile of files says: signatures with their messages, public keys, rows of ledgers.

There may be hundreds of thousands of signatures. Of each, marks are kept by which its leaves are
known; what else is in it is let go once it is proven, and read again where it is needed.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from seemachine.audit.files import hash_file, sentence
from seemachine.audit.rows import Handed
from seemachine.lms.hss import HssPublicKey, HssSignature
from seemachine.lms.keys import PublicKey, Signature
from seemachine.lms.shapes import Shape, shape_of_sets

# Of a file its path; bytes are what stands beside a signature, such as a certificate's.
Message = str | bytes | None
# The types of a tree and its LM-OTS set.
Kind = tuple[int, int]
# A mark is the number of a leaf, then what of SHA-256 stands for its tree and path, then for what
# it made. The latter is whole: of two signatures with one mark only one would be seen.
NUMBER_BYTES, LEAF_BYTES, MARK_BYTES = 4, 20, 52


@dataclass(frozen=True, slots=True)
class Known:
    """A public key. `lease` is how many leaves of its top tree belong together: all, if unknown."""

    source: str
    key: HssPublicKey
    lease: int

    @property
    def kind(self) -> Kind:
        """What the top tree of its signatures has as well."""
        return self.key.key.tree.typecode, self.key.key.ots.typecode


class KnownSignature:
    """A signature of one or more levels, and what its lowest one is over.

    `data` is as in RFC 8554 5.4 when it has one level, else as in 6.2; None when it was let go.
    `number` says which of its file it is. `marks` has one for each level, top first; `keys` are
    those of the lower levels. `owner` is the key that all of it verifies with, once that is known;
    `tried` says how many keys of its kind there were when it was looked for.
    """

    __slots__ = ("data", "keys", "kind", "marks", "message", "number", "owner", "source", "tried")

    def __init__(self, source: str, number: int, data: bytes, kind: Kind, message: Message) -> None:
        self.source = source
        self.number = number
        self.data: bytes | None = data
        self.kind = kind
        self.message = message
        self.marks = b""
        self.keys: tuple[PublicKey, ...] = ()
        self.owner: Known | None = None
        self.tried = 0

    @property
    def levels(self) -> int:
        """How many trees signed."""
        return len(self.keys) + 1

    def leaves(self) -> Iterator[int]:
        """The numbers of the leaves that made it, top first."""
        for start in range(0, len(self.marks), MARK_BYTES):
            yield int.from_bytes(self.marks[start : start + NUMBER_BYTES], "big")

    def hash_into(self, running: Any) -> None:
        """Update a hash with the message. Raises OSError."""
        if isinstance(self.message, str):
            hash_file(self.message, running)
        elif self.message is not None:
            running.update(self.message)

    def unread(self, error: OSError) -> str:
        """What is said when it, or its message, can't be read."""
        return f"{error.filename or self.message!s}: {sentence(error)}"

    def uses(self) -> "list[LeafUse]":
        """The leaves that made it, top first."""
        return [LeafUse(self, level) for level in range(self.levels)]


@dataclass(frozen=True, slots=True)
class LeafUse:
    """One leaf of a signature: that of a level."""

    signature: KnownSignature
    level: int

    @property
    def source(self) -> str:
        """The file, and where there are several the level."""
        alone = self.signature.levels == 1
        return self.signature.source if alone else f"{self.signature.source} (level {self.level})"

    @property
    def leaf(self) -> int:
        """Its number in its tree."""
        return int.from_bytes(self._mark(0, NUMBER_BYTES), "big")

    @property
    def place(self) -> bytes:
        """What stands for the leaf: its number, its parameter sets and its authentication path, and
        only one leaf of one key has these.
        """
        return self._mark(0, LEAF_BYTES)

    @property
    def made(self) -> bytes:
        """What stands for what differs between two signatures of one leaf."""
        return self._mark(LEAF_BYTES, MARK_BYTES)

    @property
    def key(self) -> PublicKey | None:
        """The key that proves it, if one does; of a lower level, one that the upper ones prove."""
        owner = self.signature.owner
        if owner is None:
            return None
        return self.signature.keys[self.level - 1] if self.level else owner.key.key

    def hash_into(self, running: Any) -> None:
        """Update a hash with what the leaf signed: below it there may be another key. Raises
        OSError.
        """
        if self.level == len(self.signature.keys):
            self.signature.hash_into(running)
        else:
            running.update(self.signature.keys[self.level].encode())

    def _mark(self, start: int, end: int) -> bytes:
        begin = self.level * MARK_BYTES
        return self.signature.marks[begin + start : begin + end]


@dataclass
class Evidence:
    """Everything that was found.

    `unknown` are files that are none of these, such as messages. `unread` says what is missing.
    `named` are files of which a person said what they are over.
    """

    signatures: list[KnownSignature] = field(default_factory=list)
    keys: list[Known] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    named: set[str] = field(default_factory=set)

    def add(self, other: "Evidence") -> None:
        """Put what was found later after this."""
        self.signatures += other.signatures
        self.keys += other.keys
        self.handed += other.handed
        self.unknown += other.unknown
        self.unread += other.unread
        self.named |= other.named


def of_one_level(
    source: str, number: int, data: bytes, shape: Shape, message: Message
) -> KnownSignature:
    """A plain signature."""
    kind = shape.tree.typecode, shape.ots.typecode
    found = KnownSignature(source, number, data, kind, message)
    found.marks = mark_of(data, shape)
    return found


def of_levels(
    source: str, number: int, signature: HssSignature, message: Message
) -> KnownSignature:
    """A signature of one or more levels."""
    plain = [(made.encode(), _shape(made)) for made in signature.signatures]
    if len(plain) == 1:
        return of_one_level(source, number, *plain[0], message)
    top = signature.signatures[0]
    kind = top.tree.typecode, top.ots.typecode
    found = KnownSignature(source, number, signature.encode(), kind, message)
    found.marks = b"".join(mark_of(*each) for each in plain)
    found.keys = signature.keys
    return found


def mark_of(data: bytes, shape: Shape) -> bytes:
    """The mark of the leaf that made a plain signature."""
    place = hashlib.sha256(data[:8] + data[shape.place :]).digest()
    made = hashlib.sha256(data[8 : shape.place]).digest()
    return data[:NUMBER_BYTES] + place[: LEAF_BYTES - NUMBER_BYTES] + made


def _shape(made: Signature) -> Shape:
    return shape_of_sets(made.tree.typecode, made.ots.typecode)
