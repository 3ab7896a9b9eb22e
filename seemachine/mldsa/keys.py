"""Private keys, in both forms of FIPS 204: a seed of 32 bytes, or what it expands to."""

from seemachine.mldsa.engines import MldsaEngine, portable_engine
from seemachine.mldsa.parameters import SEED_BYTES, MldsaError, MldsaParameters


def public_key_of(engine: MldsaEngine, parameters: MldsaParameters, private_key: bytes) -> bytes:
    """The public key of a private one.

    Raises MldsaError for what is not one of the set, MldsaEngineError.
    """
    if len(private_key) == SEED_BYTES:
        return engine.public_key(parameters, private_key)
    if len(private_key) != parameters.private_bytes:
        raise MldsaError(
            f"a private key of {parameters.standard_name} has {parameters.private_bytes} bytes,"
            f" or as a seed {SEED_BYTES}, not {len(private_key)}"
        )
    return portable_engine().public_key_of(parameters, private_key)


def expanded(parameters: MldsaParameters, private_key: bytes) -> bytes:
    """A private key as FIPS 204 has it (algorithm 24), of a seed or of itself.

    Raises MldsaEngineError.
    """
    if len(private_key) != SEED_BYTES:
        return private_key
    return portable_engine().expanded(parameters, private_key)[1]
