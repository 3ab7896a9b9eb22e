"""Guards, one of which can be left out, so that it is seen what it is for: without it a leaf comes
twice.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

# What is patched, and with what.
Patch = tuple[str, Any]


def _nothing(*_given: Any, **_more: Any) -> None:
    """Do nothing."""


def _no_doubt(*_given: Any, **_more: Any) -> str:
    return ""


def _no(*_given: Any, **_more: Any) -> bool:
    return False


def _yes(*_given: Any, **_more: Any) -> bool:
    return True


def _close(witness: Any) -> None:
    witness._file.close()


def _no_notes(*_given: Any) -> dict[int, int]:
    return {}


STATE = "seemachine.state."
GUARDS: dict[str, list[Patch]] = {
    "openings are compared": [(STATE + "witness.comparing.doubt_about", _no_doubt)],
    "the folder of a machine is compared": [(STATE + "witness.comparing.same_file", _yes)],
    "a record names its file": [(STATE + "witness.record_file.same_file", _yes)],
    "a record names its kind of file system": [
        (STATE + "witness.record_file.filesystem_of", lambda _path: b"")
    ],
    # Not a guard: what some file systems don't tell.
    "birth times": [(STATE + "disk.file_identity._born", lambda _path, _found: 0)],
    "an old record is superseded": [(STATE + "witness.record_file._supersede", _nothing)],
    "a record is renewed at an orderly end": [
        (STATE + "witness.folder.FolderWitness.release", _close)
    ],
    "a record is renewed while leaves are taken": [
        (STATE + "witness.folder.FolderWitness.beat", _nothing)
    ],
    "leaves are noted": [
        (STATE + "witness.folder.FolderWitness.noted", _no_notes),
        (STATE + "witness.runtime.RuntimeWitness.noted", _no_notes),
    ],
    "the runtime witness": [
        (STATE + "witness.runtime.RuntimeWitness.meet", _no_doubt),
        (STATE + "witness.runtime.RuntimeWitness.noted", _no_notes),
    ],
    "a lease is claimed on its host": [
        (STATE + "witness.runtime.RuntimeWitness.claim", _nothing),
        (STATE + "witness.runtime.RuntimeWitness.is_spent", _no),
    ],
    "a card with two names is refused": [(STATE + "witness.card_witness._refuse_linked", _nothing)],
    "a card is the file that was written last": [(STATE + "witness.card_witness.same_file", _yes)],
    "a card has the content that was written last": [
        (STATE + "witness.card_witness._digest", lambda _path: b"")
    ],
    "a record of a card names its folder": [(STATE + "witness.card_witness._is_here", _yes)],
}


@contextmanager
def without(*guards: str) -> Iterator[None]:
    """Leave out guards."""
    with ExitStack() as stack:
        for guard in guards:
            for target, instead in GUARDS[guard]:
                stack.enter_context(mock.patch(target, instead))
        yield
