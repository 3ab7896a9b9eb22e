"""Whether a file is a signature, as its bytes and its name tell."""

from pathlib import Path

from seeclient import files
from seeclient.sigfile import LONGEST

from seemachine.encodings.forms import (
    SIGNATURE_FORMS,
    FormError,
    RecognizedSignature,
    recognized_signature,
)
from seemachine.signing_files.refusing import WHERE

# `.sig` first.
SUFFIXES = tuple(dict.fromkeys(form.suffix for form in SIGNATURE_FORMS.values()))


def is_signature(path: Path) -> bool:
    """Of LMS, HSS or ML-DSA, and named as one. Raises StatusError."""
    if not path.name.endswith(SUFFIXES):
        return False
    try:
        with path.open("rb") as file:
            return recognized(file.read(LONGEST), "raw") is not None
    except OSError as error:
        raise files.refusal(path, error, WHERE) from None


def recognized(data: bytes, form: str) -> RecognizedSignature | None:
    """None for what is not a signature; `form` tells what could be two."""
    for meant in ("", form):
        try:
            return recognized_signature(data, meant)
        except FormError:
            continue
    return None
