"""What the key file of an LMS key has: how its leaves are cut into leases, and a node cache."""

from functools import lru_cache
from typing import ClassVar

from seeclient.keyfile import Body, Head, KeyFile, whole
from seemachine.chance.mark import is_marked_key
from seemachine.frozen import field, frozen
from seemachine.lms.keys import PublicKey
from seemachine.lms.sectors import Sectors
from seemachine.wire.messages import MAX_HEIGHT, MAX_WARNAT

EXPONENTS = ("expcards", "explease", "expcache")


@frozen
class LmsKeyFile(KeyFile):
    """One LMS key.

    `cache` is all nodes at depth `expcache`, joined; it lets a machine load a large tree without
    hashing it again. Of `warnat` see seeclient.algorithms.lms.thresholds; 0: none.
    """

    algorithm: ClassVar[str] = "LMS"
    expcards: int
    explease: int
    expcache: int
    cache: bytes = field(repr=False)
    warnat: int = 0

    @property
    def key(self) -> PublicKey:
        """The public key taken apart."""
        return _taken_apart(self.public_key)

    @property
    def marked(self) -> bool:
        """Whether anybody can make it again. Its public key says so, whatever the file says."""
        return bool(self.insecure) or is_marked_key(self.public_key)

    @property
    def name(self) -> bytes:
        """The name of its NVRAM file on the machines."""
        return self.key.file_name

    @property
    def sectors(self) -> Sectors:
        """How its leaves are cut into cards and leases."""
        return Sectors(self.key.tree.h, self.expcards, self.explease)


@lru_cache(maxsize=64)
def _taken_apart(public_key: bytes) -> PublicKey:
    """A signature asks for it again and again."""
    return PublicKey.decode(public_key)


def encoded(key: LmsKeyFile) -> Body:
    """What its key file has after the head."""
    fields = {name: getattr(key, name) for name in EXPONENTS}
    return Body(fields | ({"warnat": key.warnat} if key.warnat else {}), key.cache)


def decoded(head: Head, kept: Body) -> LmsKeyFile:
    """The key of a key file. Raises ValueError, KeyError for what is none."""
    tree = PublicKey.decode(head.public_key).tree  # ParameterError is a ValueError
    expcards, explease, expcache = (whole(kept.fields, name, MAX_HEIGHT) for name in EXPONENTS)
    if expcards + explease > tree.h:
        raise ValueError(
            f"a tree of height {tree.h} has no {expcards + explease} levels for cards and leases"
        )
    warnat = whole({"warnat": 0} | kept.fields, "warnat", MAX_WARNAT)
    return LmsKeyFile(
        head.alias,
        head.public_key,
        expcards,
        explease,
        expcache,
        kept.data,
        warnat,
        signer=head.signer,
        made=head.made,
        insecure=head.insecure,
    )
