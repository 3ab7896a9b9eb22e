"""Public keys and signatures in the form that the tool at hand expects.

    from seeclient import forms

    forms.public_key_as(Path("release.pem"), "hss")     # its own form is recognized
    forms.signature_as(key.sign(b"firmware"), "hss")
    key.public_key_as("cose")                           # of a key of a fleet

The names of the forms are in KEY_FORMS and SIGNATURE_FORMS. Private keys are neither written nor
read.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from seeclient import public_keys
from seeclient.bulk import HasPublicKey
from seeclient.message import Message
from seemachine.encodings import forms
from seemachine.encodings.forms import AmbiguousForm, FormError, Key, RecognizedSignature
from seemachine.encodings.private_keys import refuse_lookalike
from seemachine.encodings.readings import MAX_TEXT
from seemachine.wire.status import Status, StatusError

WHERE = "forms"
KEY_FORMS = tuple(forms.KEY_FORMS)
SIGNATURE_FORMS = tuple(forms.SIGNATURE_FORMS)


def public_key_as(
    public_key: bytes | str | Path | HasPublicKey, form: str, *, given_as: str = ""
) -> bytes:
    """A public key in the form of that name, such as `pem`. It is given in any form, as bytes,
    text or the Path of a file, or is a key of a fleet. `given_as` names its form; it is needed only
    when its bytes may be a private key.

    Raises StatusError (InvalidParameter) where it is not a public key, or the form can't hold it.
    """
    with _refusing(public_key, "public_key"):
        if isinstance(public_key, bytes | str | Path):
            key = _given_key(public_key, given_as)
        else:
            key = public_keys.read_public_key(public_key.public_key)
        return forms.write_key(key, form)


def signature_as(signature: bytes | Path, form: str, *, given_as: str = "") -> bytes:
    """A signature in the form of that name, such as `hss`. It is given in any form, as bytes or
    the Path of a file. `given_as` names its form; it is needed only when its bytes fit more than
    one.

    Raises StatusError (InvalidParameter) where it is not a signature, or the form can't hold it.
    """
    with _refusing(signature, "signature"):
        return forms.write_signature(_recognized(signature, given_as).signature, form)


def form_of_public_key(public_key: bytes | str | Path) -> str:
    """The name of the form that a public key is in; `certificate` for an X.509 certificate.

    Raises StatusError (InvalidParameter).
    """
    return public_keys.recognized(public_key).form


def form_of_signature(signature: bytes | Path) -> str:
    """The name of the form that a signature is in. Raises StatusError (InvalidParameter)."""
    with _refusing(signature, "signature"):
        return _recognized(signature, "").form


def _given_key(public_key: bytes | str | Path, given_as: str) -> Key:
    found = public_keys.recognized(public_key, given_as)
    if not given_as:
        refuse_lookalike(found)
    return found.key


def _recognized(signature: bytes | Path, given_as: str) -> RecognizedSignature:
    return forms.recognized_signature(Message(signature).first(MAX_TEXT + 1), given_as)


@contextlib.contextmanager
def _refusing(given: object, name: str) -> Iterator[None]:
    """Refusals of a form become those of the library, with the name of the file that was given."""
    try:
        yield
    except FormError as error:
        refusal = error.asking_for("given_as={!r}") if isinstance(error, AmbiguousForm) else error
        detail = refusal.about(str(given) if isinstance(given, Path) else name)
        raise StatusError(Status.InvalidParameter, detail, WHERE) from None
