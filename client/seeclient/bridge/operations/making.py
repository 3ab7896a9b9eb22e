"""New keys."""

from typing import NoReturn

from seeclient.bridge.algorithm_names import LmsName, code_of, read
from seeclient.bridge.errand import Errand
from seeclient.bridge.frames import Field
from seeclient.bridge.operations import making_lms
from seeclient.bridge.operations.lookup import blob_of
from seemachine.mldsa.parameters import DEFAULT
from seemachine.wire.status import Status, StatusError

OVERWRITE, EXPORT = 1, 2


def generate_(errand: Errand, *, alias: str, algorithm: str, token: str, flags: int) -> list[Field]:
    """Alias, hash, private blob, and the seed of the private key where the flags ask for it."""
    wanted = read(algorithm)
    if unknown := flags & ~(OVERWRITE | EXPORT):
        _refuse(f"there is no flag {unknown:#x}; known are {OVERWRITE:#x} and {EXPORT:#x}")
    if isinstance(wanted, LmsName):
        return _lms(errand, alias, wanted, token, flags)
    return _mldsa(errand, alias, wanted, token, flags)


def _mldsa(errand: Errand, alias: str, mldsacode: str, token: str, flags: int) -> list[Field]:
    """No passphrase is given here: a card set whose cards have some must be loaded by preload."""
    made = errand.fleet.generate_mldsa_with(
        alias,
        mldsacode,
        token=token,
        overwrite=bool(flags & OVERWRITE),
        export=bool(flags & EXPORT),
    )
    key = made.key.file
    return [key.alias, key.public_hash, blob_of(key), made.seed or b""]


def _lms(errand: Errand, alias: str, wanted: LmsName, token: str, flags: int) -> list[Field]:
    if token:
        _refuse("an LMS key is protected by the module alone (guide 2.7.1); leave token empty")
    if flags & EXPORT:
        _refuse("the private key of an LMS key never leaves the machine")
    if flags & OVERWRITE and errand.keys.has(alias):
        _refuse(f"an LMS key is not overwritten; destroy it with: seemachine key destroy {alias}")
    key = making_lms.make(errand, alias, wanted)
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
    """Alias, hash, private blob. The public key tells the parameter set, and must be of that."""
    code = code_of(public_key)
    wanted = read(algorithm, code or DEFAULT.name)
    if isinstance(wanted, LmsName):
        _refuse("an LMS key can't be imported: its leaves may have signed elsewhere")
    if code != wanted:
        _refuse(f"the public key is not one of {wanted}, but of {code or 'no parameter set'}")
    key = errand.fleet.import_mldsa(
        alias, public_key, private_key, token=token, overwrite=bool(overwrite)
    ).file
    return [key.alias, key.public_hash, blob_of(key)]


def _refuse(detail: str) -> NoReturn:
    raise StatusError(Status.InvalidParameter, detail, "generate")
