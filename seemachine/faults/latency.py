"""How long a machine takes for what it does: the seconds that the guide prints, or others.

The guide prints what pipsqueak measured, the way to the machine included, of keys of height 5 with
w=8. A machine with latency takes these seconds whatever the parameter sets.
"""

import threading

from seemachine.faults.fault import written_number
from seemachine.faults.forms import FaultError, meant
from seemachine.frozen import frozen, replace
from seemachine.wire.messages import (
    GenerateLms,
    LmsChunk,
    NvmemfileSign,
    NvmemfileSignDigest,
    NvmemfileSignMany,
)
from seemachine.wire.record import Record
from seemachine.wire.requests import Request
from seemachine.wire.status import StatusError

MOST_SECONDS = 60.0
WORK = ("start", "chunk", "closing", "closing_cards", "signature")
KEYS, SIGNATURES = "keys", "signatures"


@frozen
class Latency:
    """Seconds: to begin a key, for a chunk of its leaves, for its last step without and with cards,
    for a signature.

    `text` is what people call it.
    """

    text: str = ""
    start: float = 0.0
    chunk: float = 0.0
    closing: float = 0.0
    closing_cards: float = 0.0
    signature: float = 0.0


NONE = Latency()
# The medians of what the guide prints. Of the 5c: 2.9.4 steps 1, 3 and 4 and 2.9.5, where module 1
# makes the keys and signs. Of the XC: 2.7.1 steps 1, 3 and 4 and 2.7.2.1, where 5F08-02E0-D947
# does, and its signature in 2.9.5 step 10.
PROFILES = {
    "5c": Latency("5c", start=0.002, chunk=0.2, closing=0.011, closing_cards=0.002, signature=0.02),
    "xc": Latency(
        "xc", start=0.002, chunk=0.249, closing=0.01, closing_cards=0.002, signature=0.02
    ),
}


# The profile that is called as the model of the machine.
MODEL = "model"


def latency_of(text: str, model: str = "5c") -> Latency:
    """Of `5c`, `xc`, `model` for the machine's own, words such as `chunk=0.2,signature=0.02`, or a
    profile and words that change it; of nothing, none. Raises FaultError.
    """
    if not text:
        return NONE
    first, *words = text.split(",")
    if "=" in first:
        first, words = "", [first, *words]
    elif first not in (*PROFILES, MODEL):
        known = meant(first, [*PROFILES, MODEL])
        raise FaultError(f"there is no profile {first!r}; {known}, or {WORDS}")
    elif first == MODEL:
        first = model
    changed = dict(map(_word, words))
    if len(changed) < len(words):
        raise FaultError(f"{text!r} says something twice")
    return replace(PROFILES.get(first, NONE), text=_text(first, changed), **changed)


WORDS = "words such as chunk=0.2,signature=0.02"


def _word(word: str) -> tuple[str, float]:
    name, _, value = word.partition("=")
    if name not in WORK:
        raise FaultError(f"there is no work {name!r}; {meant(name, WORK)}")
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= MOST_SECONDS:
        raise FaultError(f"{name}= takes seconds from 0 to {MOST_SECONDS:g}, not {value!r}")
    return name, seconds


def _text(profile: str, changed: dict[str, float]) -> str:
    words = (f"{name}={written_number(seconds)}" for name, seconds in changed.items())
    return ",".join((*([profile] if profile else []), *words))


class Pace:
    """When the machine is done with what it does: of each kind of work, keys and signatures, it
    does one thing at a time. Threads may share it.
    """

    def __init__(self, latency: Latency) -> None:
        self._latency = latency
        self._lock = threading.Lock()
        # When it is done with what it has, by kind of work.
        self._done = {KEYS: 0.0, SIGNATURES: 0.0}

    def seconds_left(
        self, request: Request[Record], reply: Record | StatusError, began: float, now: float
    ) -> float:
        """How long to keep a reply back that is there now, to a request that came at `began`. Call
        once for each.
        """
        work, seconds = self._work(request, reply)
        if not seconds:
            return 0.0
        with self._lock:
            starts = max(began, self._done[work])
            done = self._done[work] = starts + seconds
        return max(0.0, done - now)

    def _work(self, request: Request[Record], reply: Record | StatusError) -> tuple[str, float]:
        """What was done, and how long it takes. What is refused takes no time."""
        latency = self._latency
        if isinstance(reply, StatusError):
            return KEYS, 0.0
        if isinstance(request, NvmemfileSign | NvmemfileSignDigest):
            return SIGNATURES, latency.signature
        if isinstance(request, NvmemfileSignMany):
            return SIGNATURES, latency.signature * len(request.messages)
        if isinstance(reply, LmsChunk):
            return KEYS, self._step(reply)
        return KEYS, latency.start if isinstance(request, GenerateLms) else 0.0

    def _step(self, reply: LmsChunk) -> float:
        if reply.public_key is None:
            return self._latency.chunk
        return self._latency.closing_cards if reply.cards else self._latency.closing
