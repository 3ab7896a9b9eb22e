"""SEE machines of a 5c: certificates that it trusts, images loaded on it, which one is started
(guide 2.5.2.3, 2.8.1).
"""

import shutil
import uuid
from pathlib import Path
from typing import Any

from cryptography import x509

from seemachine.hsms import published, records
from seemachine.hsms.records import Loaded, Module
from seemachine.nfast import (
    certificates,
    delegation,
    entrust,
    images,
    processes,
    securityworld,
    select,
    signing,
)
from seemachine.nfast.images import Image
from seemachine.nfast.refusals import Refusal
from seemachine.state.disk.durable import private_folder
from seemachine.world import World


def register(world: World, esn: str, pem: bytes) -> None:
    """Trust a developer certificate.

    Raises Refusal: not the issuer's, out of time, there already.
    """
    certificate = certificates.from_pem(pem)
    certificates.refuse_untrusted(certificate, entrust.production(world))
    certificates.refuse_out_of_time(certificate)
    with records.changing(world, esn) as module:
        if certificate in _developers(module):
            raise Refusal("this certificate is registered already")
        module.certificates.append(certificates.to_pem(certificate))
        for loaded in module.loaded:
            if loaded.developer_key == signing.key_hash(certificates.public_key(certificate)):
                loaded.developer_until = _newest(module, loaded).not_valid_after_utc.isoformat()


def trusted(world: World, module: Module) -> list[x509.Certificate]:
    """The production certificate, then those that were added."""
    return [entrust.production(world), *_developers(module)]


def load(world: World, esn: str, image: Image) -> Loaded:
    """Check an image and put it on an HSM.

    Raises Refusal: mode, unsigned, changed, unknown or expired developer, wrong curve, not
    runnable.
    """
    with records.changing(world, esn) as module:
        select.refuse_mode(module)
        developer, signer, extra = _refuse_bad_signatures(world, module, image)
        about = image.about
        entry = about["entry_point"].lstrip("/")
        processes.refuse_unrunnable(image.file(entry), about["entry_point"])
        made = Loaded(
            uuid=str(uuid.uuid4()),
            name=about["package_name"],
            version=about["version"],
            sha256=image.sha256,
            signer=signer,
            program=entry,
            developer_key=signing.key_hash(certificates.public_key(developer)),
            developer_until=developer.not_valid_after_utc.isoformat(),
            delegated=_delegated(world, image, signer),
            extra_signers=extra,
        )
        _lay_out(world, module, image, made)
        module.loaded.append(made)
        return made


def start(world: World, esn: str, wanted: str) -> published.Published:
    """Run a loaded image.

    Raises Refusal: mode, licence, unknown UUID, started already, developer certificate expired.
    """
    with records.changing(world, esn) as module:
        select.refuse_unready(module)
        loaded = _loaded(module, wanted)
        processes.refuse_running(world, module)
        loaded.developer_until = refuse_expired(module, loaded)
        # Noted before it is so: if this tool is killed meanwhile, stop and destroy still know what
        # runs.
        module.started = wanted
        records.write(world, module)
        try:
            return processes.start(
                world, module, _folder(world, esn, wanted) / loaded.program, loaded
            )
        except Refusal:
            module.started = ""
            records.write(world, module)
            raise


def stop(world: World, esn: str, wanted: str) -> None:
    """End a started image. Raises Refusal: unknown UUID, not started."""
    with records.changing(world, esn) as module:
        loaded = _loaded(module, wanted)
        if module.started != loaded.uuid or not processes.stop(world, esn):
            raise Refusal(f"the SEE machine {wanted} is not started")
        module.started = ""


def destroy(world: World, esn: str, wanted: str) -> None:
    """Take an image off an HSM. NVRAM stays. Raises Refusal: unknown UUID, still started."""
    with records.changing(world, esn) as module:
        loaded = _loaded(module, wanted)
        if is_started(world, module, wanted):
            raise Refusal(
                f"the SEE machine {wanted} is started; stop it first with: csadmin stop --esn {esn}"
                f" --uuid {wanted}"
            )
        shutil.rmtree(_folder(world, esn, wanted), ignore_errors=True)
        module.loaded.remove(loaded)


def is_started(world: World, module: Module, wanted: str) -> bool:
    """Whether this image runs now."""
    return records.started(world, module) == wanted


def refuse_expired(module: Module, loaded: Loaded) -> str:
    """Until when the developer of an image is trusted, as ISO time.

    Raises Refusal when no registered certificate of that key is valid.
    """
    newest = _newest(module, loaded)
    certificates.refuse_out_of_time(newest)
    return newest.not_valid_after_utc.isoformat()


def _newest(module: Module, loaded: Loaded) -> x509.Certificate:
    """Of the registered certificates of an image's developer the one that is valid longest.

    Raises Refusal without any.
    """
    known = [
        each
        for each in _developers(module)
        if signing.key_hash(certificates.public_key(each)) == loaded.developer_key
    ]
    if not known:
        raise Refusal(
            "the developer certificate of this image is not registered; add it with: csadmin"
            " ids add"
        )
    return max(known, key=lambda each: each.not_valid_after_utc)


def _lay_out(world: World, module: Module, image: Image, made: Loaded) -> None:
    """Unpack an image.

    What an earlier load left, that was refused or killed on the way, goes first.
    """
    folder = _folder(world, module.esn, made.uuid)
    for left in private_folder(folder.parent).iterdir():
        if left.is_dir() and module.image(left.name) is None:
            shutil.rmtree(left)
    images.unpack(image, private_folder(folder))


def _refuse_bad_signatures(
    world: World, module: Module, image: Image
) -> tuple[x509.Certificate, str, list[str]]:
    """The developer, the hash of the ASK, and those of the extra keys."""
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
    if certificates.key_id(developer) not in {
        certificates.key_id(each) for each in _developers(module)
    }:
        raise Refusal(
            "the developer certificate of this image is not registered; add it with: csadmin"
            " ids add"
        )
    # The one in the image may be another than the registered one of the same key.
    certificates.refuse_untrusted(developer, entrust.production(world))
    certificates.refuse_out_of_time(developer)
    return developer, signing.key_hash(ask), [signing.key_hash(key) for key, _ in signatures[2:]]


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


def _delegated(world: World, image: Image, signer: str) -> bool:
    data = image.file(images.DELEGATION)
    nso = signing.public_from(securityworld.read(world).nso)
    return data is not None and delegation.refuse_other_key(data, nso, signer)


def _developers(module: Module) -> list[x509.Certificate]:
    return [certificates.from_pem(pem.encode()) for pem in module.certificates]


def _loaded(module: Module, wanted: str) -> Loaded:
    loaded = module.image(wanted)
    if loaded is None:
        known = ", ".join(each.uuid for each in module.loaded) or "none"
        raise Refusal(f"there is no SEE machine {wanted}; installed are: {known}")
    return loaded


def _folder(world: World, esn: str, wanted: str) -> Path:
    return world.hsm(esn) / "image" / wanted
