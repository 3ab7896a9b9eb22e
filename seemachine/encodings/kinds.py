"""What has forms: public keys and signatures of both algorithms."""

from typing import NamedTuple

from seemachine.lms.hss import HssPublicKey, HssSignature
from seemachine.lms.keys import u32

LMS, MLDSA = "LMS", "ML-DSA"
# Those of ML-DSA are their bytes (FIPS 204 algorithms 22 and 26).
Key = HssPublicKey | bytes
Signature = HssSignature | bytes


class FormError(ValueError):
    """A form that can't hold a value, or bytes that are in none. The text is a sentence; it begins
    with `this` where it is about bytes.
    """

    def about(self, name: str) -> str:
        """The sentence with the name of what it is about."""
        sentence = str(self)
        rest = sentence.removeprefix("this")
        return name + (rest if rest != sentence else f": {sentence}")


class AmbiguousForm(FormError):
    """Bytes that may be two things, until somebody says in which of `forms` they are. The text ends
    with asking for that.
    """

    def __init__(self, sentence: str, *forms: str) -> None:
        super().__init__(sentence)
        self.forms = forms

    def asking_for(self, option: str) -> FormError:
        """The same refusal with what is to be given: an option such as `--from {}`."""
        return FormError(f"{self}: {' or '.join(option.format(form) for form in self.forms)}")


class RecognizedKey(NamedTuple):
    """A public key, and the name of the form that it was in."""

    form: str
    key: Key


class RecognizedSignature(NamedTuple):
    """A signature, and the name of the form that it was in."""

    form: str
    signature: Signature


def algorithm_of(value: Key | Signature) -> str:
    """LMS, which HSS belongs to, or ML-DSA."""
    return MLDSA if isinstance(value, bytes) else LMS


def in_containers(key: Key, made: bytes) -> bytes:
    """A signature as machines make it, as certificates and messages have it: of LMS that of HSS
    with one level (RFC 8554 6.2).
    """
    return made if algorithm_of(key) == MLDSA else u32(0) + made


def bytes_of(value: Key | Signature) -> bytes:
    """Its standard encoding: of LMS that of HSS (RFC 8554 6), of ML-DSA that of FIPS 204."""
    return value if isinstance(value, bytes) else value.encode()
