"""Many signatures at once: a window of items at a time, spread over all cores."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from seeclient.message import Message
from seeclient.public_keys import PublicKey, read_public_key
from seeclient.signatures import GivenSignature, as_given, signature_for
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


class HasPublicKey(Protocol):
    """A key of a fleet, or a key file."""

    @property
    def public_key(self) -> bytes:
        """As a machine gave it."""


Given = tuple[bytes | str | Path | HasPublicKey, bytes | Path, GivenSignature]
Item = tuple[bytes | str | Path, bytes | Path, GivenSignature]
Verdict = StatusError | None


def verdicts(given: Iterable[Given]) -> Iterator[Verdict]:
    """See seeclient.verify_many."""
    judge = partial(_judge, engines.select())
    for window in _windows(given):
        yield from on_all_cores(judge, window, SHARE)


def _windows(given: Iterable[Given]) -> Iterator[list[Item]]:
    """Raises TypeError, which says of which item."""
    window: list[Item] = []
    size = 0
    for number, each in enumerate(given):
        try:
            item = _taken(each)
        except TypeError as error:
            raise TypeError(f"items[{number}]{error}") from None
        window.append(item)
        size += _size(item[2]) + _size(item[1])
        if len(window) >= WINDOW or size >= WINDOW_BYTES:
            yield window
            window, size = [], 0
    yield window


def _taken(given: Any) -> Item:
    """What its owner may change before it is looked at is copied. Raises TypeError, which begins
    with the element.
    """
    try:
        key, message, signature = given
    except (TypeError, ValueError):
        raise TypeError(" is not (public key, message, signature)") from None
    key = getattr(key, "public_key", key)
    if not isinstance(key, bytes | str | Path):
        what = "a public key is bytes, text, the Path of a file, or a key"
        raise TypeError(f"[0]: {what}, not {type(key).__name__}")
    if not isinstance(message, bytes | Path):
        what = "a message is bytes, or the Path of a file"
        raise TypeError(f"[1]: {what}, not {type(message).__name__}")
    try:
        return key, message, as_given(signature)
    except TypeError as error:
        raise TypeError(f"[2]: {error}") from None


def _size(given: GivenSignature) -> int:
    """In memory."""
    return 0 if isinstance(given, Path) else len(given)


def _judge(engine: Engine, items: Sequence[Item]) -> list[Verdict]:
    """Those of LMS and HSS in wide calls, the others one by one."""
    from seeclient.algorithms.lms.verifying import check_many

    found: list[Verdict] = [None] * len(items)
    wide: dict[int, Question] = {}
    for place, (public_key, message, signature) in enumerate(items):
        try:
            key = _key(public_key)
            made = signature_for(key, signature, NAME)
            if isinstance(key, bytes):
                _check_mldsa(key, message, made)
            else:
                wide[place] = key, message, made
        except StatusError as refusal:
            found[place] = refusal
    for place, verdict in zip(wide, check_many(engine, [*wide.values()], NAME), strict=True):
        found[place] = verdict
    return found


def _check_mldsa(key: bytes, message: bytes | Path, signature: bytes) -> None:
    """Raises StatusError."""
    from seeclient.algorithms.mldsa.verifying import check

    check(key, Message(message), signature, NAME, b"")


def _key(given: bytes | str | Path) -> PublicKey:
    """Raises StatusError."""
    return read_public_key(given) if isinstance(given, Path) else _read(given)


@lru_cache(KEYS)
def _read(given: bytes | str) -> PublicKey:
    """Most items of a pile have few keys between them."""
    return read_public_key(given)
