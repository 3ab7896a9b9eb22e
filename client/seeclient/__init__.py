"""Client of seemachine: keys, signatures and cards on one or many HSMs.

    async with seeclient.open_fleet() as fleet:                  # trio
        key = await fleet.generate_lms("release", lms="sha256_m32_h15", lmots="sha256_n32_w8")
        signature = await key.sign(b"firmware")
        key.verify(b"firmware", signature)                       # raises StatusError (VerifyFailed)

`seeclient.blocking.open_fleet` is the same without async; `seeclient.tls` says which certificate
machines are shown. Every refusal is a StatusError with `status`, `name` and `detail`.
"""

from typing import TYPE_CHECKING, Any

from seemachine.wire.status import Status, StatusError

if TYPE_CHECKING:
    from seeclient.trio_fleet import Fleet, Key, open_fleet

__all__ = ["Fleet", "Key", "Status", "StatusError", "open_fleet"]

# Trio takes longer to import than most commands take to run; who uses only the blocking client does
# not pay for it.
_ASYNC = ("Fleet", "Key", "open_fleet")


def __getattr__(name: str) -> Any:
    if name in _ASYNC:
        from seeclient import trio_fleet

        return getattr(trio_fleet, name)
    raise AttributeError(f"module 'seeclient' has no attribute {name!r}")
