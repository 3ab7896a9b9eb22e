"""Whether a file is a signature, as its bytes and its name tell."""

from pathlib import Path

from seeclient.folders.places import signature_at

from seemachine.encodings.forms import (
    SIGNATURE_FORMS,
    FormError,
    RecognizedSignature,
    recognized_signature,
)
from seemachine.signing_files.refusing import refuse

# `.sig` first.
SUFFIXES = tuple(dict.fromkeys(form.suffix for form in SIGNATURE_FORMS.values()))


def is_signature(path: Path) -> bool:
    """Of LMS, HSS or ML-DSA, and named as one. Raises StatusError."""
    if not path.name.endswith(SUFFIXES):
        return False
    return recognized(signature_at(path, refuse), "raw") is not None


def recognized(data: bytes, form: str) -> RecognizedSignature | None:
    """None for what is not a signature; `form` tells what could be two."""
    for meant in ("", form):
        try:
            return recognized_signature(data, meant)
        except FormError:
            continue
    return None
