"""How signatures are to be: in which form, and over which bytes."""

import hashlib
from pathlib import Path

from seeclient.message import Message

from seemachine.encodings.forms import SIGNATURE_FORMS, Form
from seemachine.frozen import frozen

DIGESTS = ("sha256", "sha384", "sha512")


@frozen
class Manner:
    """`form` is the name of a form of signatures of an `algorithm`, LMS or ML-DSA; `digest` what a
    file is hashed with before it is signed; nothing: its own bytes are.
    """

    algorithm: str
    form: str
    digest: str = ""

    @property
    def written(self) -> Form:
        """The form itself."""
        return SIGNATURE_FORMS[self.form]

    @property
    def over(self) -> str:
        """Over which bytes signatures are, in words."""
        if not self.digest:
            return "the bytes of the file"
        what = f"the {size(self.digest)} bytes of the {title(self.digest)} of the file"
        return f"{what}, not the file itself"

    def message(self, content: bytes | Path) -> bytes | Path:
        """What is signed of a file. Raises StatusError."""
        return digest(self.digest, content) if self.digest else content


def size(name: str) -> int:
    """Of a digest, in bytes."""
    return hashlib.new(name).digest_size


def title(name: str) -> str:
    """`SHA-256` of `sha256`."""
    return f"SHA-{name.removeprefix('sha')}"


def digest(name: str, content: bytes | Path) -> bytes:
    """A digest of a file. Raises StatusError."""
    hashed = hashlib.new(name)
    for piece in Message(content).pieces():
        hashed.update(piece)
    return hashed.digest()
