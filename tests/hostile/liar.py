"""A machine that lies, without a socket: an honest script answers each request, and a `Lie` changes
what it says on the way.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from fuzz.lms_targets import signed
from kit.frames import frame
from kit.signatures import MESSAGE
from kit.stories import GREETING
from seeclient.blocking_wire import READ_BYTES

from seemachine.mldsa.engines.portable import PortableMldsa
from seemachine.mldsa.hashing import representative
from seemachine.mldsa.parameters import mldsa
from seemachine.wire import messages as m
from seemachine.wire.codec import unpack
from seemachine.wire.framing import FrameBuffer
from seemachine.wire.names import nvram_name
from seemachine.wire.record import from_fields, to_fields

KEY, SIGNATURE = signed(1)
FILE = nvram_name(KEY)
ALIAS, STATELESS = "release", "stateless"
MLDSA_44 = mldsa(44)
MLDSA_KEY = PortableMldsa().public_key(MLDSA_44, bytes(32))
MLDSA_SIGNATURE = PortableMldsa().sign(
    MLDSA_44, bytes(32), representative(MLDSA_KEY, MESSAGE), bytes(32)
)
# Requests that an honest machine is asked by one command at most.
PATIENCE = 60
INFO = m.NvmemfileInfo(
    file=FILE, public_key=KEY, first=0, next=7, end=32, loaded=False, quarantined=False
)
ROW = m.LedgerEntry(
    row=1,
    file=FILE,
    leaf=6,
    token=bytes(16),
    digest=b"m" + bytes(32),
    client="build",
    time=1_700_000_000_000,
)
SUSPECTS = [
    m.Suspect(file=FILE, label="", first=0, next=7, end=32, reason="its NVRAM was put back"),
    m.Suspect(file=b"", label="half-1.1", first=0, next=0, end=0, reason="its NVRAM was put back"),
]


class Honest:
    """What a machine with one key, a blank card and something in quarantine says, one request after
    the other.
    """

    def __init__(self) -> None:
        self._chunks, self._cards, self._lead = 2, 0, 0

    def reply(self, request: Any) -> Any:
        """The reply to a request."""
        match request:
            case m.GenerateLms():
                self._cards = 1 << request.expcards if request.expcards + request.explease else 0
                return m.LmsStarted(
                    handle=bytes(16), remaining=self._chunks, expchunk=5, expcache=0
                )
            case m.ContinueLms():
                self._chunks = max(0, self._chunks - 1)
                key = None if self._chunks else KEY
                return m.LmsChunk(
                    remaining=self._chunks,
                    cache=b"",
                    cards=0 if self._chunks else self._cards,
                    public_key=key,
                )
            case m.ContinueLmsCard():
                self._cards = max(0, self._cards - 1)
                return m.CardWritten(card="card1", remaining=self._cards)
        return REPLIES[type(request)]


FAULT = m.InjectedFault(number=1, fault="drop-after times=1", met=1, fired=1, spent=True)
REPLIES: dict[type[Any], Any] = {
    m.Hello: GREETING,
    m.ResumeLms: m.LmsResumed(
        handle=bytes(16),
        remaining=2,
        lms=5,
        lmots=3,
        expcards=0,
        explease=0,
        expchunk=5,
        expcache=0,
    ),
    m.DiscardLms: m.LmsDiscarded(),
    m.DestroyLms: m.LmsDestroyed(lost=25, half_made=False),
    m.ProvisionLms: m.LmsProvisioned(file=FILE, public_key=KEY, first=0, end=16, leases=1),
    m.GetNvmemfileInfo: INFO,
    m.WarnNvmemfile: INFO,
    m.ListNvmemfiles: m.NvmemfileListing(files=[INFO]),
    m.NvmemfileSign: m.NvmemfileSigned(signature=SIGNATURE, leaf=7, remaining=24),
    m.NvmemfileSignMany: m.NvmemfileSignedMany(
        signatures=[SIGNATURE], leaves=[7], remaining=24, refusals=[]
    ),
    m.NvmemfileReserve: m.NvmemfileReserved(
        identifier=KEY[8:24], leaf=7, randomizer=bytes(32), remaining=24
    ),
    m.NvmemfileSignDigest: m.NvmemfileSigned(signature=SIGNATURE, leaf=7, remaining=24),
    m.LoadLms: m.LmsLoaded(file=FILE, missing=0),
    m.ListSlots: m.SlotListing(slots=[m.Slot(slot=2, ic=1, kind="blank", card="card1", leases=0)]),
    m.WaitForCard: m.Slot(slot=2, ic=1, kind="blank", card="card1", leases=0),
    m.LoadToken: m.TokenLoaded(handle=bytes(16)),
    m.GenerateMldsa: m.MldsaMade(public_key=MLDSA_KEY, blob=b"blob"),
    m.ImportMldsa: m.MldsaMade(public_key=MLDSA_KEY, blob=b"blob"),
    m.InfoMldsa: m.MldsaInfo(public_key=MLDSA_KEY, signer=b""),
    m.SignMldsa: m.MldsaSigned(signature=MLDSA_SIGNATURE),
    m.ReadLedger: m.LedgerPage(entries=[ROW, replace(ROW, row=2, leaf=7, digest=b"q")]),
    m.ListQuarantine: m.QuarantineListing(suspects=SUSPECTS),
    m.BurnQuarantined: m.QuarantineBurned(lost=25),
    m.SkipQuarantined: m.QuarantineSkipped(remaining=3),
    m.AddFault: FAULT,
    m.ListFaults: m.FaultListing(faults=[FAULT], latency="5c"),
    m.ClearFaults: m.FaultsCleared(cleared=1),
}
REFUSAL = {
    "status": 73,
    "name": "NotAvailable",
    "detail": "not here; look elsewhere",
    "where": "dispatch",
}
# Gets the request and the three parts of the honest reply. Returns what is sent: three parts,
# bytes, or nothing to hang up.
Lie = Callable[[Any, list[Any]], list[Any] | bytes | None]


class Line:
    """The client's end of a connection to the machine: see seeclient.blocking_wire.Wire."""

    certificate = None
    has_news = False

    def __init__(self, script: Honest, lie: Lie, patience: Iterator[int]) -> None:
        self._script, self._lie, self._patience = script, lie, patience
        self._asked, self._answers, self._over = FrameBuffer(), bytearray(), False

    def send(self, data: bytes, seconds: float) -> None:
        """Answer at once. It never waits, but takes what a socket takes."""
        assert 0 <= seconds < 1 << 33
        self._asked.add(data)
        while not self._over and (body := self._asked.next_body()) is not None:
            number, name, raw = unpack(body)
            request = from_fields(m.REQUESTS[name], raw)
            said = self._lie(request, [number, "ok", to_fields(self._script.reply(request))])
            self._over = said is None or next(self._patience, None) is None
            self._answers += b"" if self._over else said if isinstance(said, bytes) else frame(said)

    def receive(self, seconds: float) -> bytes:
        """What was answered; nothing where no more comes."""
        assert 0 <= seconds < 1 << 33
        taken = bytes(self._answers[:READ_BYTES])
        del self._answers[:READ_BYTES]
        return taken

    def close(self) -> None:
        """Nothing is kept open."""


def truth(_request: Any, parts: list[Any]) -> list[Any]:
    """No lie."""
    return parts
