"""Public keys and signatures in the form that the tool at hand expects.

    from seeclient import forms

    forms.public_key_as(Path("release.pem"), "hss")     # from any form, which its bytes tell
    forms.signature_as(key.sign(b"firmware"), "hss")
    key.public_key_as("cose")                           # of a key of a fleet

The names of the forms are in KEY_FORMS and SIGNATURE_FORMS. Private keys are neither written nor
read.
"""

from pathlib import Path

from seeclient import public_keys
from seeclient.bulk import HasPublicKey
from seeclient.message import Message
from seemachine.encodings import forms
from seemachine.encodings.forms import FormError, RecognizedSignature
from seemachine.encodings.readings import MAX_TEXT
from seemachine.wire.status import Status, StatusError

WHERE = "forms"
KEY_FORMS = tuple(forms.KEY_FORMS)
SIGNATURE_FORMS = tuple(forms.SIGNATURE_FORMS)


def public_key_as(public_key: bytes | str | Path | HasPublicKey, form: str) -> bytes:
    """A public key in the form of that name, such as `pem`. It may be in any form itself, as bytes,
    text or the Path of a file, or be a key of a fleet.

    Raises StatusError (InvalidParameter) where it is not a public key, or the form can't hold it.
    """
    given = public_key if isinstance(public_key, bytes | str | Path) else public_key.public_key
    try:
        return forms.write_key(public_keys.read_public_key(given), form)
    except FormError as error:
        raise StatusError(Status.InvalidParameter, str(error), WHERE) from None


def signature_as(signature: bytes | Path, form: str, *, given_as: str = "") -> bytes:
    """A signature in the form of that name, such as `hss`. It may be in any form itself, as bytes
    or the Path of a file; `given_as` says in which where its bytes may be two.

    Raises StatusError (InvalidParameter) where it is not a signature, or the form can't hold it.
    """
    found = _recognized(signature, given_as)
    try:
        return forms.write_signature(found.signature, form)
    except FormError as error:
        raise StatusError(Status.InvalidParameter, str(error), WHERE) from None


def form_of_public_key(public_key: bytes | str | Path) -> str:
    """The name of the form that a public key is in; `certificate` for an X.509 certificate.

    Raises StatusError (InvalidParameter).
    """
    return public_keys.recognized(public_key).form


def form_of_signature(signature: bytes | Path) -> str:
    """The name of the form that a signature is in. Raises StatusError (InvalidParameter)."""
    return _recognized(signature, "").form


def _recognized(signature: bytes | Path, given_as: str) -> RecognizedSignature:
    data = Message(signature).at_most(MAX_TEXT)
    try:
        return forms.recognized_signature(b"" if data is None else data, given_as)
    except FormError as error:
        name = str(signature) if isinstance(signature, Path) else "signature"
        raise StatusError(Status.InvalidParameter, error.about(name), WHERE) from None
