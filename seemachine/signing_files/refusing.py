"""How this room refuses."""

from typing import NoReturn

from seemachine.wire.status import Status, StatusError

WHERE = "sign_files"


def refuse(sentence: str) -> NoReturn:
    """Raises StatusError."""
    raise StatusError(Status.InvalidParameter, sentence, WHERE)
