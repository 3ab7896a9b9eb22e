"""Public values in their encoded form: public keys and signatures, taken apart and put together."""

from seemachine.frozen import frozen
from seemachine.lms.parameters import (
    IDENTIFIER_BYTES,
    OtsParameters,
    ParameterError,
    TreeParameters,
    check_pair,
    lmots,
    lms,
    signature_bytes,
)


def u32(number: int) -> bytes:
    """Four bytes, big-endian: u32str of RFC 8554."""
    return number.to_bytes(4, "big")


@frozen
class PublicKey:
    """A plain LMS public key (RFC 8554 5.3): 56 bytes for m=32, 48 for m=24."""

    tree: TreeParameters
    ots: OtsParameters
    identifier: bytes
    root: bytes

    @property
    def file_name(self) -> bytes:
        """What its NVRAM files are called: `lms` and the first 8 bytes of the root (guide 2.7.2.1,
        2.9.5).
        """
        return b"lms" + self.root[:8]

    def encode(self) -> bytes:
        """u32 LMS type, u32 LM-OTS type, I, T[1]."""
        return u32(self.tree.typecode) + u32(self.ots.typecode) + self.identifier + self.root

    @classmethod
    def decode(cls, data: bytes) -> "PublicKey":
        """Raises ParameterError for unknown types, a mixed pair or a wrong length."""
        if len(data) < 8:
            raise ParameterError(f"an LMS public key is longer than {len(data)} bytes")
        tree, ots = lms(int.from_bytes(data[:4], "big")), lmots(int.from_bytes(data[4:8], "big"))
        check_pair(tree, ots)
        if len(data) != tree.public_key_bytes:
            raise ParameterError(
                f"a {tree.name} public key has {tree.public_key_bytes} bytes, not {len(data)}"
            )
        return cls(tree, ots, data[8 : 8 + IDENTIFIER_BYTES], data[8 + IDENTIFIER_BYTES :])


@frozen
class Signature:
    """A plain LMS signature taken apart.

    `chains` is p values of n bytes, `path` h nodes of m bytes, each joined.
    """

    tree: TreeParameters
    ots: OtsParameters
    leaf: int
    randomizer: bytes
    chains: bytes
    path: bytes

    def encode(self) -> bytes:
        """u32 q, u32 LM-OTS type, C, y, u32 LMS type, path (RFC 8554 5.4)."""
        head = u32(self.leaf) + u32(self.ots.typecode)
        return head + self.randomizer + self.chains + u32(self.tree.typecode) + self.path

    @classmethod
    def decode(cls, data: bytes) -> "Signature":
        """Raises ParameterError for unknown types, a mixed pair, a wrong length or a leaf outside
        the tree.
        """
        if len(data) < 8:
            raise ParameterError(f"an LMS signature is longer than {len(data)} bytes")
        leaf, ots = int.from_bytes(data[:4], "big"), lmots(int.from_bytes(data[4:8], "big"))
        path = 8 + ots.n * (ots.p + 1)
        tree = lms(int.from_bytes(data[path : path + 4], "big"))
        check_pair(tree, ots)
        if len(data) != signature_bytes(tree, ots):
            raise ParameterError(
                f"a {tree.name} {ots.name} signature has {signature_bytes(tree, ots)} bytes, not"
                f" {len(data)}"
            )
        if leaf >> tree.h:
            raise ParameterError(f"leaf {leaf} is outside a tree of height {tree.h}")
        return cls(tree, ots, leaf, data[8 : 8 + ots.n], data[8 + ots.n : path], data[path + 4 :])
