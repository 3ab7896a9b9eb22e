"""What the log says of a request for many signatures: how many, which leaves, how many refused."""

from collections.abc import Iterable, Iterator

from seemachine.wire.messages import NvmemfileSignedMany, NvmemfileSignMany
from seemachine.wire.record import Record
from seemachine.wire.status import StatusError


def described_many(request: Record, reply: Record | StatusError) -> dict[str, object]:
    """Details for its line; none for any other request."""
    if not isinstance(request, NvmemfileSignMany):
        return {}
    shown: dict[str, object] = {"count": len(request.messages)}
    if isinstance(reply, NvmemfileSignedMany):
        signed = zip(reply.leaves, reply.signatures, strict=True)
        shown["leaves"] = ranges(leaf for leaf, signature in signed if signature)
        shown["refused"] = len(reply.refusals)
    return shown


def ranges(numbers: Iterable[int]) -> str:
    """Numbers in a few words: `12-75,80`."""
    return ",".join(_runs(sorted(set(numbers))))


def _runs(numbers: list[int]) -> Iterator[str]:
    first = 0
    for at, number in enumerate(numbers, 1):
        if at == len(numbers) or numbers[at] != number + 1:
            start, first = numbers[first], at
            yield str(start) if start == number else f"{start}-{number}"
