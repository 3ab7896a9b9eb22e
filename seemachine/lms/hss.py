"""HSS signatures of any maker: trees above trees (RFC 8554 6), to be checked.

Our own signatures have one level and no level word.
"""

from collections.abc import Iterable, Iterator

from seemachine.frozen import frozen
from seemachine.lms.engines import Engine
from seemachine.lms.keys import PublicKey, Signature, u32
from seemachine.lms.parameters import OTS_CODES, ParameterError, lmots, lms, signature_bytes
from seemachine.lms.verifying import candidate_root

MAX_LEVELS = 8
# Encodings of a signature: plain, or with the number of its levels (RFC 8554 5.4, 6.2).
LMS, HSS = "LMS", "HSS"


@frozen
class HssPublicKey:
    """L and the key of the top tree (RFC 8554 6.1): 60 bytes for m=32, 52 for m=24."""

    levels: int
    key: PublicKey

    def encode(self) -> bytes:
        """u32 L, plain public key."""
        return u32(self.levels) + self.key.encode()

    @classmethod
    def decode(cls, data: bytes) -> "HssPublicKey":
        """Raises ParameterError for levels that can't be, and as PublicKey does."""
        levels = _word(data, 0)
        if not 1 <= levels <= MAX_LEVELS:
            raise ParameterError(f"an HSS key has 1 to {MAX_LEVELS} levels, not {levels}")
        return cls(levels, PublicKey.decode(data[4:]))


@frozen
class HssSignature:
    """One signature a level, top first; the last is over the message.

    Each of the others is over the key of the next level, in `keys`.
    """

    signatures: tuple[Signature, ...]
    keys: tuple[PublicKey, ...]

    @property
    def levels(self) -> int:
        """L of the key that it can be of."""
        return len(self.signatures)

    def encode(self) -> bytes:
        """u32 Nspk, signature and key of each level but the last, last signature (RFC 8554 6.2)."""
        signed = zip(self.signatures[:-1], self.keys, strict=True)
        above = b"".join(signature.encode() + key.encode() for signature, key in signed)
        return u32(len(self.keys)) + above + self.signatures[-1].encode()

    @classmethod
    def decode(cls, data: bytes) -> "HssSignature":
        """Raises ParameterError for levels that can't be and for any malformed part or length."""
        signature, rest = cls.cut(data)
        if rest:
            raise ParameterError(f"{len(rest)} bytes follow the HSS signature")
        return signature

    @classmethod
    def cut(cls, data: bytes) -> tuple["HssSignature", bytes]:
        """The signature at the start of some bytes, and what follows it. Raises ParameterError."""
        below, rest = _word(data, 0), data[4:]
        if below >= MAX_LEVELS:
            raise ParameterError(f"an HSS signature has 1 to {MAX_LEVELS} levels, not {below + 1}")
        signatures, keys = [], []
        for _ in range(below):
            signature, rest = cut_signature(rest)
            key, rest = _cut_key(rest)
            signatures.append(signature)
            keys.append(key)
        last, rest = cut_signature(rest)
        return cls((*signatures, last), tuple(keys)), rest


def candidate_roots(
    engine: Engine,
    key: HssPublicKey,
    message: Iterable[bytes],
    signature: HssSignature,
) -> Iterator[tuple[bytes, bytes]]:
    """Of each level, top first: the root that it must lead to, and the one that it leads to.

    The signature verifies when the two are the same on every level (RFC 8554 6.3). Raises
    ParameterError when it can't be one of this key: of another number of levels, or with a level
    of another parameter set than its key.
    """
    refuse_other_levels(key, signature)
    signers = (key.key, *signature.keys)
    signed = (*([below.encode()] for below in signature.keys), message)
    for signer, pieces, made in zip(signers, signed, signature.signatures, strict=True):
        yield signer.root, candidate_root(engine, signer, pieces, made.encode())


def refuse_other_levels(key: HssPublicKey, signature: HssSignature) -> None:
    """Raises ParameterError for a signature of another number of levels than its key."""
    if signature.levels != key.levels:
        sentence = f"the signature has {_levels(signature)}, the key {_levels(key)}"
        raise ParameterError(sentence)


def verifies(
    engine: Engine,
    key: HssPublicKey,
    message: Iterable[bytes],
    signature: HssSignature,
) -> bool:
    """Whether every level leads to its root. Raises ParameterError as `candidate_roots` does."""
    roots = candidate_roots(engine, key, message, signature)
    return all(expected == computed for expected, computed in roots)


def decode_either(data: bytes) -> tuple[str, HssSignature]:
    """A signature and its encoding, LMS or HSS; a plain one has one level.

    Raises ParameterError, which says which of the two it is not, and why.
    """
    try:
        return LMS, HssSignature((Signature.decode(data),), ())
    except ParameterError as error:
        plain = error
    try:
        return HSS, HssSignature.decode(data)
    except ParameterError as error:
        # Where both readings fail, the one with a known LM-OTS type in its place was meant.
        of_hss = _word(data, 4) not in OTS_CODES and _word(data, 8) in OTS_CODES
        meant, reason = (HSS, error) if of_hss else (LMS, plain)
    short = str(reason).partition("; one of")[0]
    raise ParameterError(f"not an {meant} signature ({short})")


def cut_signature(data: bytes) -> tuple[Signature, bytes]:
    """The plain signature at the start of some bytes, and what follows. Raises ParameterError."""
    ots = lmots(_word(data, 4))
    tree = lms(_word(data, 4 + ots.signature_bytes))
    size = signature_bytes(tree, ots)
    return Signature.decode(data[:size]), data[size:]


def _cut_key(data: bytes) -> tuple[PublicKey, bytes]:
    size = lms(_word(data, 0)).public_key_bytes
    return PublicKey.decode(data[:size]), data[size:]


def _word(data: bytes, place: int) -> int:
    """A number of four bytes. What is cut off in it or before it is found by its length, later."""
    return int.from_bytes(data[place : place + 4], "big")


def _levels(of: HssPublicKey | HssSignature) -> str:
    return f"{of.levels} level{'s' * (of.levels > 1)}"
