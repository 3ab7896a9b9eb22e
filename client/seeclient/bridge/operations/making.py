"""New keys."""

from seeclient.bridge.algorithm_names import LmsName, read
from seeclient.bridge.errand import Errand
from seeclient.bridge.frames import Field
from seeclient.bridge.operations.lookup import blob_of
from seemachine.wire.status import Status, StatusError

OVERWRITE, EXPORT = 1, 2
NOT_YET = "this version protects no new key with a card set, and imports none"


def generate_(errand: Errand, *, alias: str, algorithm: str, token: str, flags: int) -> list[Field]:
    """Alias, hash, private blob, and the private key where the flags ask for it."""
    wanted = read(algorithm)
    if isinstance(wanted, LmsName):
        return _lms(errand, alias, wanted, token, flags)
    return _mldsa(errand, alias, wanted, token, flags)


def _mldsa(errand: Errand, alias: str, mldsacode: str, token: str, flags: int) -> list[Field]:
    if token:
        raise StatusError(Status.NotYetImplemented, NOT_YET, "generate")
    made = errand.fleet.generate_mldsa_with(
        alias, mldsacode, overwrite=bool(flags & OVERWRITE), export=bool(flags & EXPORT)
    )
    key = made.key.file
    return [key.alias, key.public_hash, blob_of(key), made.private_key or b""]


def _lms(errand: Errand, alias: str, wanted: LmsName, token: str, flags: int) -> list[Field]:
    if token:
        _refuse("an LMS key is protected by the module alone (guide 2.7.1); leave token empty")
    if flags & EXPORT:
        _refuse("the private key of an LMS key never leaves the machine")
    if flags & OVERWRITE and errand.keys.has(alias):
        _refuse(f"an LMS key is not overwritten; destroy it with: seemachine key destroy {alias}")
    key = errand.fleet.generate_lms(
        alias, wanted.lms, wanted.lmots, expcards=wanted.expcards, explease=wanted.explease
    ).file
    return [key.alias, key.public_hash, blob_of(key), b""]


def import_(  # noqa: PLR0913
    errand: Errand,
    *,
    alias: str,
    algorithm: str,
    public_key: bytes,
    private_key: bytes,
    token: str,
    overwrite: int,
) -> list[Field]:
    """Alias, hash, private blob."""
    del errand, alias, public_key, private_key, token, overwrite
    if isinstance(read(algorithm), LmsName):
        _refuse("an LMS key can't be imported: its leaves may have signed elsewhere")
    raise StatusError(Status.NotYetImplemented, NOT_YET, "import")


def _refuse(detail: str) -> None:
    raise StatusError(Status.InvalidParameter, detail, "generate")
