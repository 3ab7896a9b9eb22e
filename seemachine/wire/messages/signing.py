"""Signatures, also of what the client hashes, and the node cache that large trees need."""

from seemachine.wire.fields import (
    number,
    numbers,
    octet_strings,
    octets,
    records,
    sentence,
    text,
    wire_class,
)
from seemachine.wire.messages.sizes import (
    CACHE_BYTES,
    CACHE_PART_BYTES,
    ENVELOPE_BYTES,
    MAX_ACKNOWLEDGEMENT,
    MAX_NODE,
    MAX_REASON,
    MAX_SIGNINGS,
    SIGNED_BYTES,
    U32,
)
from seemachine.wire.names import FILE_NAME_BYTES, IDENTIFIER_BYTES, MAX_EXPCACHE, TOKEN_BYTES
from seemachine.wire.record import Record
from seemachine.wire.requests import Again, Effect, Request
from seemachine.wire.roles import ClientRole


@wire_class
class NvmemfileSigned(Record):
    """A plain LMS signature (RFC 8554 section 5.4) and what the file has left."""

    signature: bytes = octets(1, 1 << 16)
    leaf: int = number(0, U32)
    remaining: int = number(0, U32)


@wire_class
class NvmemfileSign(
    Request[NvmemfileSigned],
    name="nvmemfile_sign",
    least=ClientRole.USE,
    effect=Effect.LEAVES,
    again=Again.BY_TOKEN,
):
    """Sign `message` with the next leaf of a file.

    `token` is the client's name for this request. Asked again with the same token and message, also
    on another connection and after a restart, the machine gives the same signature and takes no
    leaf; with another message it refuses.

    `acknowledge` says why a leaf is taken of a file that is at its threshold, see NvmemfileInfo;
    the ledger keeps it. It is empty for any other.
    """

    file: bytes = octets(FILE_NAME_BYTES)
    token: bytes = octets(TOKEN_BYTES)
    message: bytes = octets(0, U32)
    acknowledge: str = sentence(MAX_ACKNOWLEDGEMENT, default="")


@wire_class
class SigningRefused(Record):
    """Why the message number `index` of a request, from 0, was not signed: what a refusal of it
    alone would say.
    """

    index: int = number(0, MAX_SIGNINGS - 1)
    status: int = number(1, U32)
    detail: str = text(MAX_REASON)


@wire_class
class NvmemfileSignedMany(Record):
    """A signature and its leaf for each message, in the order of the request; no bytes and leaf 0
    for those that were refused.

    `remaining` is what the file has left after all of them.
    """

    signatures: list[bytes] = octet_strings(MAX_SIGNINGS, 0, 1 << 16)
    leaves: list[int] = numbers(MAX_SIGNINGS, 0, U32)
    remaining: int = number(0, U32)
    refusals: list[SigningRefused] = records(SigningRefused, MAX_SIGNINGS)


@wire_class
class NvmemfileSignMany(
    Request[NvmemfileSignedMany],
    name="nvmemfile_sign_many",
    least=ClientRole.USE,
    effect=Effect.LEAVES,
    again=Again.BY_TOKEN,
):
    """Sign many messages, each with a leaf of its own of one file, and under a token of its own:
    see NvmemfileSign.

    A machine knows each message by its token, also one that comes again in another such request, in
    another order, or alone. `acknowledge` holds for those leaves that need it.
    """

    file: bytes = octets(FILE_NAME_BYTES)
    tokens: list[bytes] = octet_strings(MAX_SIGNINGS, TOKEN_BYTES)
    messages: list[bytes] = octet_strings(MAX_SIGNINGS, 0, U32)
    acknowledge: str = sentence(MAX_ACKNOWLEDGEMENT, default="")


def signed_many_bytes(signature: int, count: int) -> int:
    """What a reply with so many signatures of so many bytes takes of a frame at most."""
    return count * (signature + SIGNED_BYTES) + ENVELOPE_BYTES


@wire_class
class NvmemfileReserved(Record):
    """A leaf set aside for a message that the client hashes: Q = H(I || u32(leaf) || 0x8181 || C ||
    message).
    """

    identifier: bytes = octets(IDENTIFIER_BYTES)
    leaf: int = number(0, U32)
    randomizer: bytes = octets(24, MAX_NODE)
    remaining: int = number(0, U32)


@wire_class
class NvmemfileReserve(
    Request[NvmemfileReserved],
    name="nvmemfile_reserve",
    least=ClientRole.USE,
    effect=Effect.LEAVES,
    again=Again.BY_TOKEN,
):
    """Set the next leaf of a file aside under a token.

    Asked again it gives the same leaf; when the machine stops, the leaf is burned.
    """

    file: bytes = octets(FILE_NAME_BYTES)
    token: bytes = octets(TOKEN_BYTES)
    acknowledge: str = sentence(MAX_ACKNOWLEDGEMENT, default="")


@wire_class
class NvmemfileSignDigest(
    Request[NvmemfileSigned],
    name="nvmemfile_sign_digest",
    least=ClientRole.USE,
    effect=Effect.LEAVES,
    again=Again.BY_TOKEN,
):
    """Sign the digest Q with the leaf that was set aside under a token, which takes exactly one Q;
    with that one it may be asked again.
    """

    file: bytes = octets(FILE_NAME_BYTES)
    token: bytes = octets(TOKEN_BYTES)
    digest: bytes = octets(24, MAX_NODE)


@wire_class
class LmsLoaded(Record):
    """A part of the node cache has arrived; with `missing` 0 the nodes lead to the key's root and
    are in use.

    Bytes.
    """

    file: bytes = octets(FILE_NAME_BYTES)
    missing: int = number(0, CACHE_BYTES)


@wire_class
class LoadLms(
    Request[LmsLoaded],
    name="loadLMS",
    least=ClientRole.USE,
    effect=Effect.HASHES,
    again=Again.NEVER,
    bound=True,
):
    """Give the machine a part of a key file's node cache: all nodes at depth `expcache`, left to
    right, joined, from byte `offset` on.

    Parts come in order, on one connection; offset 0 begins anew.
    """

    file: bytes = octets(FILE_NAME_BYTES)
    expcache: int = number(0, MAX_EXPCACHE)
    offset: int = number(0, CACHE_BYTES)
    nodes: bytes = octets(24, CACHE_PART_BYTES)
