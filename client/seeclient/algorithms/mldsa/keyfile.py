"""What the key file of an ML-DSA key has: its parameter set, what protects it, and the blob.

The private key is in the blob, encrypted: machines of the world that made it can open it, and
nobody else. It is nowhere else, so who loses the file loses the key.
"""

import re
from typing import ClassVar

from seeclient.keyfile import Body, Head, KeyFile, formed
from seemachine.frozen import field, frozen
from seemachine.mldsa.parameters import MldsaParameters, of_public_key
from seemachine.wire.messages import KEY_BLOB
from seemachine.wire.names import CARDSET_BYTES

_TOKEN = re.compile(r"[!-~]{0,64}", re.ASCII)
_CARDSET = re.compile(rf"([0-9a-f]{{{2 * CARDSET_BYTES}}})?", re.ASCII)


@frozen
class MldsaKeyFile(KeyFile):
    """One ML-DSA key.

    `token` is the name of the card set that protects it and `cardset` its hash, in hex; both are
    empty where the module alone does.
    """

    algorithm: ClassVar[str] = "ML-DSA"
    blob: bytes = field(repr=False)
    token: str = ""
    cardset: str = ""

    @property
    def parameters(self) -> MldsaParameters:
        """Its parameter set, which the public key tells."""
        return of_public_key(self.public_key)


def encoded(key: MldsaKeyFile) -> Body:
    """What its key file has after the head."""
    fields = {"mldsacode": key.parameters.name}
    if key.cardset:
        fields |= {"token": key.token, "cardset": key.cardset}
    return Body(fields, key.blob)


def decoded(head: Head, kept: Body) -> MldsaKeyFile:
    """The key of a key file. Raises ValueError, KeyError for what is none."""
    code = of_public_key(head.public_key).name  # MldsaError is a ValueError
    if kept.fields["mldsacode"] != code:
        raise ValueError(f"a public key of this length is of {code}")
    least, most = KEY_BLOB
    if not least <= len(kept.data) <= most:
        raise ValueError(f"a blob has {least} to {most} bytes, not {len(kept.data)}")
    return MldsaKeyFile(
        head.alias,
        head.public_key,
        kept.data,
        formed(kept.fields.get("token", ""), _TOKEN, "token"),
        formed(kept.fields.get("cardset", ""), _CARDSET, "cardset"),
        signer=head.signer,
        made=head.made,
        insecure=head.insecure,
    )
