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
    "openings are compared": [(STATE + "witness.doubt_about", _no_doubt)],
    "the folder of a machine is compared": [(STATE + "witness.same_file", _yes)],
    "a record names its file": [(STATE + "witness_file.same_file", _yes)],
    "a record names its kind of file system": [
        (STATE + "witness_file.filesystem_of", lambda _path: b"")
    ],
    # Not a guard: what some file systems don't tell.
    "birth times": [(STATE + "places._born", lambda _path, _found: 0)],
    "an old record is superseded": [(STATE + "witness_file._supersede", _nothing)],
    "a record is renewed at an orderly end": [
        (STATE + "folder_witness.FolderWitness.release", _close)
    ],
    "a record is renewed while leaves are taken": [
        (STATE + "folder_witness.FolderWitness.beat", _nothing)
    ],
    "leaves are noted": [
        (STATE + "folder_witness.FolderWitness.noted", _no_notes),
        (STATE + "runtime_witness.RuntimeWitness.noted", _no_notes),
    ],
    "the runtime witness": [
        (STATE + "runtime_witness.RuntimeWitness.meet", _no_doubt),
        (STATE + "runtime_witness.RuntimeWitness.noted", _no_notes),
    ],
    "a lease is claimed on its host": [
        (STATE + "runtime_witness.RuntimeWitness.claim", _nothing),
        (STATE + "runtime_witness.RuntimeWitness.is_spent", _no),
    ],
    "a card with two names is refused": [(STATE + "originals._refuse_linked", _nothing)],
    "a card is the file that was written last": [(STATE + "originals.same_file", _yes)],
    "a card has the content that was written last": [
        (STATE + "originals._digest", lambda _path: b"")
    ],
    "a record of a card names its folder": [(STATE + "originals._is_here", _yes)],
}


@contextmanager
def without(*guards: str) -> Iterator[None]:
    """Leave out guards."""
    with ExitStack() as stack:
        for guard in guards:
            for target, instead in GUARDS[guard]:
                stack.enter_context(mock.patch(target, instead))
        yield
