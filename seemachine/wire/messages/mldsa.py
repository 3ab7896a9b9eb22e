"""ML-DSA keys (FIPS 204). A machine keeps none of them: what a client keeps is a blob, which each
machine of the world can open.
"""

from seemachine.wire.fields import flag, number, octets, wire_class
from seemachine.wire.messages.sizes import (
    KEY_BLOB,
    MAX_SIGNER,
    MLDSA_PRIVATE_KEY,
    MLDSA_PUBLIC_KEY,
    MLDSA_SIGNATURE,
    U32,
)
from seemachine.wire.names import CARDSET_BYTES, HANDLE_BYTES, REPRESENTATIVE_BYTES, SEED_BYTES
from seemachine.wire.record import Record
from seemachine.wire.requests import Again, Effect, Request
from seemachine.wire.roles import ClientRole


@wire_class
class MldsaMade(Record):
    """A key. `private_key` comes for a key that was asked to be exported: a seed."""

    public_key: bytes = octets(*MLDSA_PUBLIC_KEY)
    blob: bytes = octets(*KEY_BLOB)
    private_key: bytes | None = octets(SEED_BYTES, default=None, secret=True)


@wire_class
class GenerateMldsa(
    Request[MldsaMade],
    name="generateMLDSA",
    least=ClientRole.PROVISION,
    effect=Effect.COMPUTES,
    again=Again.FREELY,
):
    """Make a key. Asked again it makes another one, and of the first nothing is left.

    `mldsa` is the number of a parameter set: 44, 65, 87. A key under a card set, whose hash is
    `cardset`, needs its `logical_token`, the handle of one that is loaded; without a card set the
    module alone protects it. `export`: give the private key away, too.
    """

    mldsa: int = number(0, U32)
    cardset: bytes | None = octets(CARDSET_BYTES, default=None)
    logical_token: bytes | None = octets(HANDLE_BYTES, default=None, secret=True)
    export: bool = flag(default=False)


@wire_class
class ImportMldsa(
    Request[MldsaMade],
    name="importMLDSA",
    least=ClientRole.PROVISION,
    effect=Effect.COMPUTES,
    again=Again.FREELY,
):
    """Make a blob of a key pair that was made elsewhere. See GenerateMldsa.

    `private_key` is a seed, or expanded (FIPS 204 algorithm 24); it must be that of `public_key`.
    """

    mldsa: int = number(0, U32)
    public_key: bytes = octets(*MLDSA_PUBLIC_KEY)
    private_key: bytes = octets(*MLDSA_PRIVATE_KEY, secret=True)
    cardset: bytes | None = octets(CARDSET_BYTES, default=None)
    logical_token: bytes | None = octets(HANDLE_BYTES, default=None, secret=True)


@wire_class
class MldsaInfo(Record):
    """What a blob says in clear. `signer` is the hash of the key that signed the SEE machine which
    made it, empty for none; `cardset` that of the card set that protects it.
    """

    public_key: bytes = octets(*MLDSA_PUBLIC_KEY)
    signer: bytes = octets(0, MAX_SIGNER)
    cardset: bytes | None = octets(CARDSET_BYTES, default=None)


@wire_class
class InfoMldsa(
    Request[MldsaInfo],
    name="infoMLDSA",
    least=ClientRole.USE,
    effect=Effect.LOOKS,
    again=Again.FREELY,
):
    """Look at a blob, without opening it: for who has nothing else of a key."""

    blob: bytes = octets(*KEY_BLOB)


@wire_class
class MldsaSigned(Record):
    """A signature (FIPS 204 algorithm 7)."""

    signature: bytes = octets(*MLDSA_SIGNATURE)


@wire_class
class SignMldsa(
    Request[MldsaSigned],
    name="signMLDSA",
    least=ClientRole.USE,
    effect=Effect.COMPUTES,
    again=Again.FREELY,
):
    """Sign with the key of a blob. `mu` is the message representative (FIPS 204 algorithm 7, line
    6), which the client computes: messages and contexts of any size stay with it.
    """

    blob: bytes = octets(*KEY_BLOB)
    mu: bytes = octets(REPRESENTATIVE_BYTES)
    deterministic: bool = flag(default=False)
    logical_token: bytes | None = octets(HANDLE_BYTES, default=None, secret=True)
