"""Keys that no machine keeps: a blob, which a client has in its key file, and each machine of the
world can open.

    a MessagePack map with its checksum: parameters, public_key, signer, cardset, secret; in a
    seeded world also insecure, its seed

All but `secret` stands in clear, and is bound to it: a blob in which any of it was changed opens
nowhere. The secret is encrypted under the key of the world; under that of its card set before, if
one protects it.
"""

from typing import Any

import msgpack

from seemachine.formats import Format
from seemachine.frozen import field, frozen
from seemachine.state.disk import encryption
from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.world_key import WorldKey
from seemachine.state.errors import StateCorrupt
from seemachine.wire.messages import MAX_SIGNER, MLDSA_PUBLIC_KEY
from seemachine.wire.names import CARDSET_BYTES

# The second has `insecure`. A real world writes the first, as ever.
FORMAT = Format("key blob", 2, 1)
REAL = Format("key blob")
PURPOSE, CARDSET_PURPOSE = "key blob", "key blob under a card set"
WHAT = "the key blob"
FIELDS = {"parameters": str, "public_key": bytes, "signer": bytes, "cardset": bytes}
SEEDED = FIELDS | {"insecure": str}


@frozen
class BlobHead:
    """What a blob says in clear: the parameter set and the public key; the signer of the SEE
    machine that made it; the hash of the card set that protects it, empty for none. `insecure` is
    the seed of the seeded world that it is of.
    """

    parameters: str
    public_key: bytes
    signer: bytes = b""
    cardset: bytes = b""
    insecure: str = ""

    @property
    def form(self) -> Format:
        """The version that it is written in."""
        return FORMAT if self.insecure else REAL

    @property
    def values(self) -> dict[str, Any]:
        """What stands in clear, by name."""
        return {name: getattr(self, name) for name in (SEEDED if self.insecure else FIELDS)}

    @property
    def clear(self) -> bytes:
        """What the secret is bound to."""
        packed: bytes = msgpack.packb([self.form.version, *self.values.values()])
        return packed


@frozen
class Blob:
    """A blob that was read and is not opened yet."""

    head: BlobHead
    secret: bytes = field(repr=False)

    def opened(self, key: WorldKey, cards: bytes = b"") -> bytes:
        """The private key. `cards` is the secret of the card set, where one protects it.

        Raises StateForeign for another world's, StateCorrupt for one that was changed, or that
        another secret of cards protects.
        """
        hidden = key.decrypt(PURPOSE, self.head.clear, self.secret, WHAT)
        if not self.head.cardset:
            return hidden
        try:
            return encryption.decrypt(cards, CARDSET_PURPOSE, self.head.clear, hidden)
        except encryption.NotAuthentic:
            raise StateCorrupt(f"{WHAT}: the card set's secret is another one") from None


def made(key: WorldKey, head: BlobHead, private_key: bytes, cards: bytes = b"") -> bytes:
    """The bytes of a blob. `cards` as for `opened`."""
    if head.cardset:
        private_key = encryption.encrypt(cards, CARDSET_PURPOSE, head.clear, private_key)
    hidden = key.encrypt(PURPOSE, head.clear, private_key)
    return seal(head.values | {"secret": hidden}, head.form)


def read(data: bytes) -> Blob:
    """A blob. Raises StateCorrupt; StateOtherVersion for one of another version."""
    values: dict[str, Any] = unseal(data, WHAT, FORMAT)
    found = {name: type(value) for name, value in values.items()}
    if found not in (FIELDS | {"secret": bytes}, SEEDED | {"secret": bytes}):
        raise StateCorrupt(f"{WHAT}: not one of this version")
    secret = values.pop("secret")
    head = BlobHead(**values)
    least, most = MLDSA_PUBLIC_KEY
    if (
        not least <= len(head.public_key) <= most
        or len(head.signer) > MAX_SIGNER
        or len(head.cardset) not in (0, CARDSET_BYTES)
        or ("insecure" in values) != bool(head.insecure)
    ):
        raise StateCorrupt(f"{WHAT}: not one of this version")
    return Blob(head, secret)
