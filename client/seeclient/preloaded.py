"""The card sets that `preload` loaded for the command that it runs, in a variable of its
environment: `ESN:HASH:HANDLE`, separated by commas, hash and handle in hexadecimal.
"""

import re
from collections.abc import Mapping

from seemachine.wire.names import CARDSET_BYTES, HANDLE_BYTES, is_esn
from seemachine.wire.status import Status, StatusError

VARIABLE = "SEEMACHINE_PRELOADED"
_ENTRY = re.compile(
    rf"([^:,]+):([0-9a-f]{{{2 * CARDSET_BYTES}}}):([0-9a-f]{{{2 * HANDLE_BYTES}}})", re.ASCII
)
Handles = Mapping[tuple[str, bytes], bytes]


def written(handles: Handles) -> str:
    """The value of the variable, for handles by ESN and hash of the set."""
    return ",".join(
        f"{esn}:{cardset.hex()}:{handle.hex()}" for (esn, cardset), handle in handles.items()
    )


def from_environment(environ: Mapping[str, str]) -> Handles:
    """The handles that the variable names, if it is set. Raises StatusError (InvalidParameter)."""
    text = environ.get(VARIABLE, "")
    return dict(map(_entry, text.split(","))) if text else {}


def _entry(text: str) -> tuple[tuple[str, bytes], bytes]:
    found = _ENTRY.fullmatch(text)
    if found is None or not is_esn(found[1]):
        # It is not quoted: a handle is a right.
        raise StatusError(
            Status.InvalidParameter,
            f"{VARIABLE} is not as preload sets it; leave it to preload, or unset it",
            "preload",
        )
    return (found[1], bytes.fromhex(found[2])), bytes.fromhex(found[3])
