"""Signing several messages with a key whose card set may want passphrases."""

from collections.abc import Sequence

from seeclient import operations, tokens
from seeclient.blocking_runner import Runner
from seeclient.keyfile import KeyFile
from seeclient.passphrases import given_for
from seeclient.signing_options import SigningOptions
from seeclient.wanted import Wanted, Watch, left
from seemachine.frozen import replace
from seemachine.wire.status import StatusError


def sign_asking(
    fleet: Runner, key: KeyFile, wanted: Sequence[Wanted], options: SigningOptions, watch: Watch
) -> None:
    """Give each an outcome; a passphrase is asked for when it is missed.

    Raises StatusError for wrong options, and where nobody gives a passphrase.
    """

    def attempt(known: tuple[str, ...]) -> None:
        asked = replace(options, passphrases=known)
        fleet.run(operations.sign_wanted(fleet.roster, key, left(wanted), asked, watch))
        _raise_locked(wanted)

    given_for(getattr(key, "token", ""), attempt)


def _raise_locked(wanted: Sequence[Wanted]) -> None:
    """Where a passphrase is missing, all that it is missed for is to be asked for again."""
    locked: StatusError | None = None
    for each in wanted:
        if isinstance(each.outcome, StatusError) and tokens.wants_passphrase(each.outcome):
            locked, each.outcome = each.outcome, None
    if locked is not None:
        raise locked
