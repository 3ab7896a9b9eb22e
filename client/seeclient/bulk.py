"""Many signatures at once: a window of items at a time, spread over all cores."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from seeclient.keyfile import KeyFile
from seeclient.message import Message
from seeclient.public_keys import PublicKey, read_public_key
from seemachine.lms import engines
from seemachine.lms.bulk import SHARE, on_all_cores
from seemachine.lms.engines import Engine
from seemachine.wire.status import StatusError

if TYPE_CHECKING:
    from seeclient.algorithms.lms.verifying import Question

# What a signature without a file name is called.
NAME = "it"
# What is in memory at a time: the second counts where messages are bytes.
WINDOW, WINDOW_BYTES = 4096, 16 << 20
KEYS = 1024

Given = tuple[bytes | str | Path | KeyFile, bytes | Path, bytes]
Verdict = StatusError | None


def verdicts(given: Iterable[Given]) -> Iterator[Verdict]:
    """See seeclient.verify_many."""
    judge = partial(_judge, engines.select())
    for window in _windows(given):
        yield from on_all_cores(judge, window, SHARE)


def refuse_other_types(signature: object) -> None:
    """Raises TypeError for what is not even bytes."""
    if not isinstance(signature, bytes | bytearray | memoryview):
        raise TypeError(f"a signature is bytes, not {type(signature).__name__}")


def _windows(given: Iterable[Given]) -> Iterator[list[Given]]:
    """Raises TypeError as `verify` does."""
    window: list[Given] = []
    size = 0
    for public_key, message, signature in given:
        if not isinstance(signature, bytes):
            refuse_other_types(signature)
        # What its owner may change before it is looked at is copied.
        window.append((public_key, message, bytes(signature)))
        size += len(signature) + _size(message)
        if len(window) >= WINDOW or size >= WINDOW_BYTES:
            yield window
            window, size = [], 0
    yield window


def _size(message: bytes | Path) -> int:
    """In memory."""
    if isinstance(message, bytes):
        return len(message)
    Message(message)
    return 0


def _judge(engine: Engine, items: Sequence[Given]) -> list[Verdict]:
    """Those of LMS and HSS in wide calls, the others one by one."""
    from seeclient.algorithms.lms.verifying import check_many

    found: list[Verdict] = [None] * len(items)
    wide: dict[int, Question] = {}
    for place, (public_key, message, signature) in enumerate(items):
        try:
            key = _key(public_key)
            if isinstance(key, bytes):
                _check_mldsa(key, message, signature)
            else:
                wide[place] = key, message, signature
        except StatusError as refusal:
            found[place] = refusal
    for place, verdict in zip(wide, check_many(engine, [*wide.values()], NAME), strict=True):
        found[place] = verdict
    return found


def _check_mldsa(key: bytes, message: bytes | Path, signature: bytes) -> None:
    """Raises StatusError."""
    from seeclient.algorithms.mldsa.verifying import check

    check(key, Message(message), signature, NAME, b"")


def _key(given: bytes | str | Path | KeyFile) -> PublicKey:
    """Raises StatusError."""
    if isinstance(given, Path):
        return read_public_key(given)
    return _read(given.public_key if isinstance(given, KeyFile) else given)


@lru_cache(KEYS)
def _read(given: bytes | str) -> PublicKey:
    """Most items of a pile have few keys between them."""
    return read_public_key(given)
