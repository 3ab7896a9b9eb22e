"""What a 5c trusts: the developer certificates that it was given, and images that such a developer
and an application signing key signed (guide 2.5.2.3 steps 12, 18, 19).
"""

from typing import Any

from cryptography import x509

from seemachine.hsms import records
from seemachine.hsms.records import Module
from seemachine.nfast import certificates, entrust, signing
from seemachine.nfast.images import Image
from seemachine.nfast.refusals import Refusal
from seemachine.world import World

REGISTER = "register it with: csadmin ids add"


def register(world: World, esn: str, pem: bytes) -> None:
    """Trust a developer certificate.

    Raises Refusal: not the issuer's, out of time, there already.
    """
    certificate = certificates.from_pem(pem)
    certificates.refuse_untrusted(certificate, entrust.production(world))
    certificates.refuse_out_of_time(certificate, REGISTER)
    with records.changing(world, esn) as module:
        if certificate in _developers(module):
            raise Refusal("this certificate is registered already")
        module.certificates.append(certificates.to_pem(certificate))
        key = signing.key_hash(certificates.public_key(certificate))
        for loaded in module.loaded:
            if loaded.developer_key == key:
                loaded.developer_until = _newest(module, key).not_valid_after_utc.isoformat()


def trusted(world: World, module: Module) -> list[x509.Certificate]:
    """The production certificate, then those that were added."""
    return [entrust.production(world), *_developers(module)]


def refuse_expired(module: Module, developer_key: str) -> str:
    """Until when the developer of an image is trusted, as ISO time: at load and at start by the
    certificates that are registered for the key, whichever of them is in the image.

    Raises Refusal when none of them is valid.
    """
    newest = _newest(module, developer_key)
    certificates.refuse_out_of_time(newest, REGISTER)
    return newest.not_valid_after_utc.isoformat()


def _newest(module: Module, developer_key: str) -> x509.Certificate:
    """Of the certificates that are registered for a developer's key the one that is valid longest,
    of those that are valid already if there are any.

    Raises Refusal without any.
    """
    known = [
        each
        for each in _developers(module)
        if signing.key_hash(certificates.public_key(each)) == developer_key
    ]
    if not known:
        raise Refusal(
            "the developer certificate of this image is not registered; add it with: csadmin"
            " ids add"
        )
    begun = [each for each in known if each.not_valid_before_utc <= certificates.now()]
    return max(begun or known, key=lambda each: each.not_valid_after_utc)


def refuse_bad_signatures(world: World, module: Module, image: Image) -> tuple[str, str, list[str]]:
    """Hashes of the developer's key, of the ASK, and of the extra keys. Raises Refusal."""
    if not image.signatures:
        raise Refusal("the image is not signed; sign it with: csadmin image sign")
    developer, ask, signatures = _signers(image)
    if not all(signing.good(key, signature, image.manifest) for key, signature in signatures):
        raise Refusal(
            "a signature of the image does not fit; sign it again with: csadmin image sign"
        )
    if signing.curve_of(ask) != signing.ASK_CURVE:
        raise Refusal(
            f"the application signing key is on {signing.curve_of(ask)}; it must be an ECDSA key on"
            f" {signing.ASK_CURVE}"
        )
    key = signing.key_hash(certificates.public_key(developer))
    refuse_expired(module, key)
    # The one in the image may be another than the registered one of the same key.
    certificates.refuse_untrusted(developer, entrust.production(world))
    return key, signing.key_hash(ask), [signing.key_hash(extra) for extra, _ in signatures[2:]]


def _signers(
    image: Image,
) -> tuple[x509.Certificate, signing.Public, list[tuple[signing.Public, bytes]]]:
    """The developer's certificate, the ASK, and each key with its signature: theirs and the extra
    ones.
    """
    found = image.signatures
    try:
        developer, ask = (
            certificates.from_pem(found["developer_certificate"].encode()),
            signing.public_from(found["ask"]),
        )
        made = [
            (certificates.public_key(developer), found["developer_signature"]),
            (ask, found["ask_signature"]),
        ]
        made += [
            (signing.public_from(extra["key"]), extra["signature"]) for extra in found["extra"]
        ]
        _refuse_roundabout(found, developer, made)
        return developer, ask, [(key, bytes.fromhex(signature)) for key, signature in made]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refusal(
            "the signatures of the image are damaged; sign it again with: csadmin image sign"
        ) from None


def _refuse_roundabout(
    found: dict[str, Any], developer: x509.Certificate, made: list[tuple[signing.Public, str]]
) -> None:
    """Raises ValueError unless each text is the one way to write what it says: nobody signs it, and
    base64 and hex have others.
    """
    plain = [certificates.to_pem(developer), *(signing.public_pem(key) for key, _ in made[1:])]
    if [
        found["developer_certificate"],
        found["ask"],
        *(extra["key"] for extra in found["extra"]),
    ] != plain:
        raise ValueError("a key or certificate was rewritten")
    if any(bytes.fromhex(signature).hex() != signature for _, signature in made):
        raise ValueError("a signature was rewritten")


def _developers(module: Module) -> list[x509.Certificate]:
    return [certificates.from_pem(pem.encode()) for pem in module.certificates]
