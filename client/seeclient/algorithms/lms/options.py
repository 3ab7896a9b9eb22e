"""Which options of a signature LMS does not have."""

from seeclient.signing_options import SigningOptions
from seemachine.wire.status import Status, StatusError


def refuse_foreign(
    *, context: bytes, deterministic: bool = False, passphrases: bool = False
) -> None:
    """Raises StatusError (InvalidParameter) for those of other algorithms.

    LMS keys are protected by the module alone (guide 2.7.1).
    """
    given = {"context": context, "deterministic": deterministic, "passphrases": passphrases}
    names = " and ".join(name for name, value in given.items() if value)
    if names:
        detail = f"LMS takes no {names}; that goes with ML-DSA keys"
        raise StatusError(Status.InvalidParameter, detail, "sign")


def check_options(options: SigningOptions) -> None:
    """The same of all that may be said of a signature."""
    refuse_foreign(
        context=options.context,
        deterministic=options.deterministic,
        passphrases=bool(options.passphrases),
    )
