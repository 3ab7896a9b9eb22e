"""Stands where Python's ssl is missing, so that trio and asyncio, which import it at their start,
can be imported.

Nothing here encrypts.

The container's entry point puts this folder on sys.path only when the real module can't be
imported. What would need TLS fails, loudly.
"""

from typing import Any

MISSING = "this Python has no ssl module: there is no TLS here"


class SSLError(OSError):
    """Never raised: nothing here makes a connection."""


class SSLWantReadError(SSLError):
    """See SSLError."""


class SSLSyscallError(SSLError):
    """See SSLError."""


class SSLEOFError(SSLError):
    """See SSLError."""


class CertificateError(SSLError):
    """See SSLError."""


class SSLObject:
    """No socket is one of these."""


class SSLSocket:
    """No socket is one of these."""


class SSLContext:
    """Can't be had. Raises NotImplementedError."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError(MISSING)


class MemoryBIO(SSLContext):
    """Can't be had. Raises NotImplementedError."""


def create_default_context(*_: Any, **__: Any) -> SSLContext:
    """Can't be had. Raises NotImplementedError."""
    raise NotImplementedError(MISSING)
