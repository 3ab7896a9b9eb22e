"""Who computes. The portable engine is the definition; any other must give the same bytes."""

import os
from typing import TYPE_CHECKING, Protocol

from seemachine.mldsa.parameters import MldsaParameters

if TYPE_CHECKING:
    from seemachine.mldsa.engines.portable import PortableMldsa


class MldsaEngine(Protocol):
    """All methods are pure but for chance, may be called from many threads at once, and take
    lengths as checked by their callers.
    """

    name: str

    def public_key(self, parameters: MldsaParameters, seed: bytes) -> bytes:
        """The public key that a seed of 32 bytes makes (FIPS 204 algorithm 6)."""

    def sign(
        self, parameters: MldsaParameters, private_key: bytes, mu: bytes, randomizer: bytes
    ) -> bytes:
        """The signature of a message representative (FIPS 204 algorithm 7).

        `private_key` is a seed, or expanded (algorithm 24). `randomizer` has 32 bytes: all zero
        makes the deterministic signature; in place of others an engine may draw its own.
        """

    def verify(
        self, parameters: MldsaParameters, public_key: bytes, mu: bytes, signature: bytes
    ) -> bool:
        """Whether a signature, of any length, is one of a message representative (algorithm 8)."""


ENVIRONMENT = "SEEMACHINE_MLDSA_ENGINE"
CHOICES = ("portable", "openssl")


class MldsaEngineError(Exception):
    """The engine that was asked for does not exist or cannot run here. The text says why."""


def select() -> MldsaEngine:
    """The fastest engine that is here, or the one that SEEMACHINE_MLDSA_ENGINE names: then never
    another one.

    Raises MldsaEngineError.
    """
    forced = os.environ.get(ENVIRONMENT) or None
    if forced not in (None, *CHOICES):
        raise MldsaEngineError(f"{ENVIRONMENT}={forced} is none of {', '.join(CHOICES)}")
    if forced == "portable":
        return portable_engine()
    try:
        return _openssl()
    except MldsaEngineError:
        if forced:
            raise
        return portable_engine()


def missed() -> str:
    """Why `select` gives no faster engine than the portable one; empty where it does.

    Raises MldsaEngineError as `select` does.
    """
    if select().name != "portable":
        return ""
    if os.environ.get(ENVIRONMENT):
        return f"{ENVIRONMENT} asks for the portable engine"
    try:
        _openssl()
    except MldsaEngineError as reason:
        return str(reason)
    return ""


def portable_engine() -> "PortableMldsa":
    """The definition, which does what no other does. Raises MldsaEngineError where its package is
    missing.
    """
    try:
        from seemachine.mldsa.engines.portable import PortableMldsa
    except ImportError as error:
        raise MldsaEngineError(f"dilithium-py can't be imported: {error}") from None
    return PortableMldsa()


def _openssl() -> MldsaEngine:
    try:
        from seemachine.mldsa.engines.openssl import OpensslMldsa
    except ImportError as error:
        raise MldsaEngineError(f"cryptography with ML-DSA can't be imported: {error}") from None
    return OpensslMldsa()
