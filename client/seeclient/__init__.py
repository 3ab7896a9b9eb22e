"""Client of seemachine: keys, signatures and cards on one or many HSMs.

    async with seeclient.open_fleet() as fleet:                  # trio
        key = await fleet.generate_lms("release", lms="sha256_m32_h15", lmots="sha256_n32_w8")
        signature = await key.sign(b"firmware")
        key.verify(b"firmware", signature)                       # raises StatusError (VerifyFailed)

`seeclient.blocking.open_fleet` is the same without async, `seeclient.aio.open_fleet` for asyncio;
`seeclient.tls` says which certificate machines are shown. `seeclient.verify` needs a public key
alone; `seeclient.verify_many` checks thousands of signatures on all cores. Every refusal is a
StatusError with `status`, `name` and `detail`. `seeclient.forms` writes keys and signatures
as others take them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seeclient.refusals import (
    FleetClosed,
    KeyNotRecognized,
    NotProvisioned,
    NotVerified,
    OfAnotherKey,
    PartlySigned,
    SignatureNotRecognized,
    Unavailable,
    Unreachable,
    UsedUp,
)
from seemachine import __version__
from seemachine.wire.status import Status, StatusError

if TYPE_CHECKING:
    from seeclient import aio, blocking, forms, tls
    from seeclient.results import Generated, KeyInfo, Signed
    from seeclient.trio_fleet import Fleet, Key, open_fleet
    from seeclient.verifying import verify, verify_many

__all__ = [
    "Fleet",
    "FleetClosed",
    "Generated",
    "Key",
    "KeyInfo",
    "KeyNotRecognized",
    "NotProvisioned",
    "NotVerified",
    "OfAnotherKey",
    "PartlySigned",
    "SignatureNotRecognized",
    "Signed",
    "Status",
    "StatusError",
    "Unavailable",
    "Unreachable",
    "UsedUp",
    "__version__",
    "aio",
    "blocking",
    "forms",
    "open_fleet",
    "tls",
    "verify",
    "verify_many",
]

# What takes longer to import than most commands take to run; who uses only a part does not pay for
# the others.
_IN = {
    "Fleet": "seeclient.trio_fleet",
    "Generated": "seeclient.results",
    "Key": "seeclient.trio_fleet",
    "KeyInfo": "seeclient.results",
    "Signed": "seeclient.results",
    "open_fleet": "seeclient.trio_fleet",
    "verify": "seeclient.verifying",
    "verify_many": "seeclient.verifying",
}
_MODULES = ("aio", "blocking", "forms", "tls")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"seeclient.{name}")
    if name in _IN:
        return getattr(import_module(_IN[name]), name)
    raise AttributeError(f"module 'seeclient' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__file__", "__name__", "__path__"]
