"""Signatures. A question that comes again has the same token and the machine that was asked."""

from seeclient import operations
from seeclient.algorithms.lms.options import refuse_foreign
from seeclient.algorithms.lms.signing import new_token
from seeclient.bridge.errand import Errand
from seeclient.bridge.frames import Field
from seeclient.bridge.operations.lookup import key_of, lms_key_with, needs_cards
from seeclient.keyfile import KeyFile
from seeclient.message import Message
from seeclient.signing_options import SigningOptions
from seemachine.wire.status import Status, StatusError

TOKEN_BYTES = 16


def sign_(  # noqa: PLR0913
    errand: Errand,
    *,
    alias: str,
    public_hash: str,
    message: bytes,
    token: bytes,
    context: bytes,
    deterministic: int,
    passphrase: str,
) -> list[Field]:
    """A signature with a key of this host."""
    key = key_of(errand.keys, alias, public_hash)
    if len(token) != TOKEN_BYTES or not any(token):
        detail = f"a signature needs a name of {TOKEN_BYTES} bytes, which are not all zero"
        raise StatusError(Status.InvalidParameter, detail, "sign")
    options = SigningOptions(
        context=context,
        deterministic=bool(deterministic),
        passphrases=_passphrases(key, passphrase),
        token=token,
        asked=errand.noted,
        asking=errand.note,
    )
    return [_signature(errand, key, message, options)]


def sign_immediate_(  # noqa: PLR0913
    errand: Errand,
    *,
    blob: bytes,
    token: str,
    message: bytes,
    context: bytes,
    deterministic: int,
    passphrase: str,
) -> list[Field]:
    """A signature with a key that is given: an ML-DSA key by its blob, which has all of it, an LMS
    key of this host by its public key.
    """
    del token
    key = lms_key_with(errand.keys, blob)
    if key is not None:
        refuse_foreign(context=context, deterministic=bool(deterministic))
        return [_named_by_note(errand, key, message)]
    given = (passphrase,) if passphrase else ()
    return [
        errand.fleet.sign_immediate(
            blob,
            message,
            context=context,
            deterministic=bool(deterministic),
            passphrases=given,
        )
    ]


def _named_by_note(errand: Errand, key: KeyFile, message: bytes) -> bytes:
    """The caller has no name for the signature; it is in the note."""
    named, _, asked = errand.noted.partition(" ")
    name = bytes.fromhex(named) or new_token()
    options = SigningOptions(
        token=name, asked=asked, asking=lambda note: errand.note(f"{name.hex()} {note}")
    )
    return _signature(errand, key, message, options)


def _passphrases(key: KeyFile, passphrase: str) -> tuple[str, ...]:
    """A program gives it once for all its keys; one that no card set protects has no use for it."""
    return (passphrase,) if passphrase and needs_cards(key) else ()


def _signature(errand: Errand, key: KeyFile, message: bytes, options: SigningOptions) -> bytes:
    fleet = errand.fleet
    story = operations.sign(fleet.roster, key, Message(message), options)
    return fleet.run(story).signature
