"""The contract once more, written from the protocol and not from the source: each field of each
message with its limits.

A specifier gives values just inside and just outside its limits, and a strategy for the rest. A
limit that moves in seemachine/wire/messages/ must move here, too, and in
docs/reference/protocol.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from seemachine.wire import messages as m

# What no text may have: controls, line separators, surrogates, and what shows as nothing
# (DerivedCoreProperties.txt of Unicode 16).
UNSEEN = [
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0xFFFE, 0xFFFF),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
]


def seen(character: str) -> bool:
    """Whether a text may have a character."""
    return not any(low <= ord(character) <= high for low, high in UNSEEN)


characters = st.characters(codec="utf-8").filter(seen)
numbers = st.integers(-(2**63), 2**64 - 1)
# What a MessagePack value can be, floats that do not equal themselves excepted.
anything = st.recursive(
    st.none()
    | st.booleans()
    | numbers
    | st.floats(allow_nan=False)
    | st.binary(max_size=60)
    | st.text(characters, max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(characters, max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)

U32 = 2**32 - 1
U64 = 2**64 - 1
# Larger values are not made: what they would exceed is the frame.
LARGEST = 1 << 20


@dataclass(frozen=True)
class Number:
    """An integer."""

    low: int
    high: int
    optional: bool = False

    def inside(self) -> list[object]:
        """Both ends."""
        return [self.low, self.high, *([None] if self.optional else [])]

    def outside(self) -> list[object]:
        """Beyond both ends, and what is not an integer on the wire."""
        nearly = [
            True,
            False,
            float(self.low),
            str(self.low),
            b"\x01",
            [self.low],
            {"low": self.low},
        ]
        return [self.low - 1, self.high + 1, *nearly, *([] if self.optional else [None])]

    def strategy(self) -> st.SearchStrategy[object]:
        """Any integer that is taken."""
        return st.integers(self.low, self.high) | st.sampled_from(self.inside())


@dataclass(frozen=True)
class Octets:
    """A byte string."""

    low: int
    high: int
    optional: bool = False

    def inside(self) -> list[object]:
        """Both ends."""
        ends = [bytes(self.low), *([b"\xff" * self.high] if self.high <= LARGEST else [])]
        return [*ends, *([None] if self.optional else [])]

    def outside(self) -> list[object]:
        """A byte too few, a byte too many, and what is not a byte string on the wire."""
        few = [bytes(self.low - 1)] if self.low else []
        many = [bytes(self.high + 1)] if self.high < LARGEST else []
        return [
            *few,
            *many,
            "x" * self.low,
            0,
            True,
            [0] * self.low,
            {},
            *([] if self.optional else [None]),
        ]

    def strategy(self) -> st.SearchStrategy[object]:
        """Byte strings that are taken, none of them long."""
        return st.binary(
            min_size=self.low, max_size=min(self.high, self.low + 64)
        ) | st.sampled_from([bytes(self.low)])


@dataclass(frozen=True)
class Text:
    """A string, limited in characters."""

    most: int

    def inside(self) -> list[object]:
        """Nothing, and as much as there may be, of the widest characters."""
        return ["", "x" * self.most, "\U0001f511" * self.most]

    def outside(self) -> list[object]:
        """A character too many, both ends of what can't be seen, and what is not a string
        on the wire.
        """
        unseen = [chr(end) for ends in UNSEEN for end in ends if not 0xD800 <= end <= 0xDFFF]
        return ["x" * (self.most + 1), *unseen, b"x", 0, True, ["x"], {}, None]

    def strategy(self) -> st.SearchStrategy[object]:
        """Any text that UTF-8 can carry."""
        return st.text(characters, max_size=self.most)


@dataclass(frozen=True)
class Sentence:
    """A line for people, limited in characters."""

    most: int

    def inside(self) -> list[object]:
        """Nothing, and as much as there may be, of the widest characters."""
        return ["", "x" * self.most, "\U0001f511" * self.most, "two words"]

    def outside(self) -> list[object]:
        """The same as for any text, and white space alone or at an end."""
        return [*Text(self.most).outside(), " ", " x", "x ", "x\u3000"]

    def strategy(self) -> st.SearchStrategy[object]:
        """Any line that prints."""
        return st.text(characters, max_size=self.most).map(str.strip)


@dataclass(frozen=True)
class Word:
    """ASCII letters, digits and four signs, limited in characters."""

    most: int

    def inside(self) -> list[object]:
        """One, as many as there may be, and the signs."""
        return ["x", "x" * self.most, "a.Z_0+-9"]

    def outside(self) -> list[object]:
        """None, one too many, what would end a word in a line, and what is not a string on
        the wire.
        """
        others = [" ", "a b", "a,", "(", ":", "\n", "\x1b", "\u00e9", "\u0661", "/"]
        return ["", "x" * (self.most + 1), *others, b"x", 0, True, ["x"], {}, None]

    def strategy(self) -> st.SearchStrategy[object]:
        """Any word."""
        return st.from_regex(rf"[A-Za-z0-9._+-]{{1,{self.most}}}", fullmatch=True)


@dataclass(frozen=True)
class Serial:
    """An ESN."""

    def inside(self) -> list[object]:
        """All digits, and no digits at all."""
        return ["7852-268D-3BF9", "0123-4567-89AB", "CDEF-CDEF-CDEF"]

    def outside(self) -> list[object]:
        """Paths of the same length, other forms, and what is not a string on the wire."""
        paths = ["../../../../et", "/tmp/aaaa-bbbb", "../../victim00", "..", ".", ""]
        forms = [
            "7852-268d-3bf9",
            "7852-268D-3BF9\n",
            "7852-268D-3BF",
            "7852268D3BF9",
            "7852-268G-3BF9",
            "\u06617852-268D-3BF",
        ]
        return [*paths, *forms, b"7852-268D-3BF9", 0, None, ["7852-268D-3BF9"]]

    def strategy(self) -> st.SearchStrategy[object]:
        """Any ESN."""
        return st.from_regex(r"[0-9A-F]{4}(-[0-9A-F]{4}){2}", fullmatch=True)


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def inside(self) -> list[object]:
        """Both."""
        return [True, False]

    def outside(self) -> list[object]:
        """What others take for true or false."""
        return [0, 1, None, "true", b"", []]

    def strategy(self) -> st.SearchStrategy[object]:
        """Either."""
        return st.booleans()


@dataclass(frozen=True)
class Record:
    """One record of another class."""

    kind: type[Any]

    def inside(self) -> list[object]:
        """A record at all of its limits."""
        return at_the_limits(self.kind)

    def outside(self) -> list[object]:
        """No record, and records with one field wrong."""
        return [None, 0, [], "x", {}, {"x": 1}, *broken(self.kind)]

    def strategy(self) -> st.SearchStrategy[object]:
        """Any record that is taken."""
        return built(self.kind)


@dataclass(frozen=True)
class Records:
    """A list of records of one class."""

    kind: type[Any]
    most: int

    def inside(self) -> list[object]:
        """None, the most of the largest, and one at each limit of its fields."""
        return [[], [largest(self.kind)] * self.most, *([one] for one in at_the_limits(self.kind))]

    def outside(self) -> list[object]:
        """One too many, no list, and a list with one wrong record among right ones."""
        [first, *_] = at_the_limits(self.kind)
        return [
            [first] * (self.most + 1),
            None,
            {},
            0,
            "x",
            first,
            [None],
            [[]],
            [{}],
            *([first, bad] for bad in broken(self.kind)),
        ]

    def strategy(self) -> st.SearchStrategy[object]:
        """A few records."""
        return st.lists(built(self.kind), max_size=min(3, self.most))


@dataclass(frozen=True)
class Many:
    """A list of plain values, at least one."""

    of: Number | Octets
    most: int

    def inside(self) -> list[object]:
        """One, as many as there may be, and one at each limit."""
        [first, *others] = self.of.inside()
        return [[first], [first] * self.most, *([other] for other in others)]

    def outside(self) -> list[object]:
        """None, one too many, no list, and a list with one wrong value after a right one."""
        [first, *_] = self.of.inside()
        no_lists = [None, {}, 0, "x", b"x", first]
        wrong = ([first, bad] for bad in self.of.outside())
        return [[], [first] * (self.most + 1), *no_lists, *wrong]

    def strategy(self) -> st.SearchStrategy[object]:
        """A few values."""
        return st.lists(self.of.strategy(), min_size=1, max_size=3)


Specifier = Number | Octets | Text | Sentence | Word | Serial | Flag | Record | Records | Many

HEIGHT = Number(0, 25)
FILE = Octets(11, 11)
HANDLE = Octets(16, 16)
TOKEN = Octets(16, 16)
REASON = Text(300)
ACKNOWLEDGEMENT = Sentence(200)
WARNAT = Number(0, 1 << 25)
PUBLIC_KEY = Octets(48, 56)
SLOT = Number(0, 5)
WORD = Number(0, U32)

RECORDS: dict[type[Any], dict[str, Specifier]] = {
    m.Limits: {
        "frame": Number(1, U32),
        "message": Number(1, U32),
        "idle_seconds": WORD,
        "request_seconds": WORD,
    },
    m.NvmemfileInfo: {
        "file": FILE,
        "public_key": PUBLIC_KEY,
        "first": WORD,
        "next": WORD,
        "end": Number(1, U32),
        "loaded": Flag(),
        "quarantined": Flag(),
        "warnat": WARNAT,
        "foreign": Flag(),
    },
    m.Slot: {
        "slot": SLOT,
        "ic": WORD,
        "kind": Word(16),
        "card": Text(64),
        "leases": Number(0, 4096),
    },
    m.LedgerEntry: {
        "row": Number(1, U64),
        "file": FILE,
        "leaf": WORD,
        "token": TOKEN,
        "digest": Octets(1, 33),
        "client": Text(64),
        "time": Number(0, U64),
        "reason": ACKNOWLEDGEMENT,
    },
    m.SigningRefused: {"index": Number(0, 255), "status": Number(1, U32), "detail": REASON},
    m.Passphrase: {"value": Octets(0, 1024)},
    m.InjectedFault: {
        "number": Number(1, U32),
        "fault": Text(2048),
        "met": Number(0, U64),
        "fired": Number(0, U64),
        "spent": Flag(),
    },
    m.Suspect: {
        "file": Octets(0, 11),
        "label": Text(64),
        "first": WORD,
        "next": WORD,
        "end": WORD,
        "reason": REASON,
    },
}

REPLIES: dict[type[Any], dict[str, Specifier]] = {
    m.Greeting: {
        "protocol": Number(1, U32),
        "esn": Serial(),
        "model": Word(32),
        "version": Word(32),
        "software": Text(64),
        "engine": Text(64),
        "signer": Octets(0, 64),
        "nvram": Octets(16, 16),
        "epoch": Number(0, U64),
        "opening": Octets(8, 8),
        "operator": Word(16),
        "insecure": Text(64),
        "faults": Text(256),
        "limits": Record(m.Limits),
    },
    m.LmsStarted: {
        "handle": HANDLE,
        "remaining": Number(1, U32),
        "expchunk": HEIGHT,
        "expcache": HEIGHT,
    },
    m.LmsResumed: {
        "handle": HANDLE,
        "remaining": Number(1, U32),
        "lms": WORD,
        "lmots": WORD,
        "expcards": HEIGHT,
        "explease": HEIGHT,
        "expchunk": HEIGHT,
        "expcache": HEIGHT,
        "warnat": WARNAT,
    },
    m.LmsDiscarded: {},
    m.LmsDestroyed: {"lost": WORD, "half_made": Flag()},
    m.LmsChunk: {
        "remaining": WORD,
        "cache": Octets(0, 32 << 14),
        "cards": Number(0, 256),
        "public_key": Octets(48, 56, optional=True),
    },
    m.CardWritten: {"card": Text(64), "remaining": Number(0, 256)},
    m.LmsProvisioned: {
        "file": FILE,
        "public_key": PUBLIC_KEY,
        "first": WORD,
        "end": Number(1, U32),
        "leases": Number(0, 4096),
        "warnat": WARNAT,
    },
    m.NvmemfileInfo: RECORDS[m.NvmemfileInfo],
    m.NvmemfileListing: {"files": Records(m.NvmemfileInfo, 4096)},
    m.NvmemfileSigned: {"signature": Octets(1, 65536), "leaf": WORD, "remaining": WORD},
    m.NvmemfileSignedMany: {
        "signatures": Many(Octets(0, 65536), 256),
        "leaves": Many(WORD, 256),
        "remaining": WORD,
        "refusals": Records(m.SigningRefused, 256),
    },
    m.NvmemfileReserved: {
        "identifier": Octets(16, 16),
        "leaf": WORD,
        "randomizer": Octets(24, 32),
        "remaining": WORD,
    },
    m.LmsLoaded: {"file": FILE, "missing": Number(0, 32 << 15)},
    m.MldsaMade: {
        "public_key": Octets(1312, 2592),
        "blob": Octets(1, 1 << 14),
        "private_key": Octets(32, 32, optional=True),
    },
    m.MldsaInfo: {
        "public_key": Octets(1312, 2592),
        "signer": Octets(0, 64),
        "cardset": Octets(20, 20, optional=True),
    },
    m.MldsaSigned: {"signature": Octets(2420, 4627)},
    m.SlotListing: {"slots": Records(m.Slot, 6)},
    m.TokenLoaded: {"handle": HANDLE},
    m.LedgerPage: {"entries": Records(m.LedgerEntry, 512)},
    m.QuarantineListing: {"suspects": Records(m.Suspect, 256)},
    m.QuarantineBurned: {"lost": WORD},
    m.QuarantineSkipped: {"remaining": WORD},
    m.FaultListing: {"faults": Records(m.InjectedFault, 64), "latency": Text(200)},
    m.FaultsCleared: {"cleared": WORD},
}

REQUESTS: dict[type[Any], dict[str, Specifier]] = {
    m.Hello: {"protocol": Number(1, U32), "client": Text(64)},
    m.GenerateLms: {
        "lms": WORD,
        "lmots": WORD,
        "expcards": HEIGHT,
        "explease": HEIGHT,
        "expchunk": Number(0, 25, optional=True),
        "expcache": Number(0, 25, optional=True),
        "label": Text(64),
        "replace": Flag(),
        "warnat": WARNAT,
    },
    m.ContinueLms: {"handle": HANDLE},
    m.ContinueLmsCard: {"handle": HANDLE, "slot": SLOT},
    m.ResumeLms: {"label": Text(64)},
    m.DestroyLms: {"public_key": Octets(48, 56)},
    m.DiscardLms: {"label": Text(64)},
    m.ProvisionLms: {"slot": SLOT},
    m.GetNvmemfileInfo: {"file": FILE},
    m.ListNvmemfiles: {},
    m.WarnNvmemfile: {"file": FILE, "warnat": WARNAT},
    m.NvmemfileSign: {
        "file": FILE,
        "token": TOKEN,
        "message": Octets(0, U32),
        "acknowledge": ACKNOWLEDGEMENT,
    },
    m.NvmemfileSignMany: {
        "file": FILE,
        "tokens": Many(TOKEN, 256),
        "messages": Many(Octets(0, U32), 256),
        "acknowledge": ACKNOWLEDGEMENT,
    },
    m.NvmemfileReserve: {"file": FILE, "token": TOKEN, "acknowledge": ACKNOWLEDGEMENT},
    m.NvmemfileSignDigest: {"file": FILE, "token": TOKEN, "digest": Octets(24, 32)},
    m.LoadLms: {
        "file": FILE,
        "expcache": Number(0, 15),
        "offset": Number(0, 32 << 15),
        "nodes": Octets(24, 32 << 14),
    },
    m.GenerateMldsa: {
        "mldsa": Number(0, U32),
        "cardset": Octets(20, 20, optional=True),
        "logical_token": Octets(16, 16, optional=True),
        "export": Flag(),
    },
    m.ImportMldsa: {
        "mldsa": Number(0, U32),
        "public_key": Octets(1312, 2592),
        "private_key": Octets(32, 4896),
        "cardset": Octets(20, 20, optional=True),
        "logical_token": Octets(16, 16, optional=True),
    },
    m.InfoMldsa: {"blob": Octets(1, 1 << 14)},
    m.SignMldsa: {
        "blob": Octets(1, 1 << 14),
        "mu": Octets(64, 64),
        "deterministic": Flag(),
        "logical_token": Octets(16, 16, optional=True),
    },
    m.ListSlots: {},
    m.WaitForCard: {
        "kind": Word(16),
        "slot": Number(0, 5, optional=True),
        "seconds": Number(0, U32),
    },
    m.LoadToken: {"cardset": Octets(20, 20), "passphrases": Records(m.Passphrase, 6)},
    m.ReadLedger: {"after": Number(0, U64), "most": Number(1, 512)},
    m.ListQuarantine: {"after": WORD},
    m.BurnQuarantined: {"file": Octets(0, 11), "label": Text(64)},
    m.SkipQuarantined: {"file": FILE, "leaf": Number(1, U32)},
    m.AddFault: {"fault": Text(2048)},
    m.ListFaults: {"after": WORD},
    m.ClearFaults: {"number": WORD},
}

# Request name on the wire, request, reply.
NAMES: list[tuple[str, type[Any], type[Any]]] = [
    ("hello", m.Hello, m.Greeting),
    ("generateLMS", m.GenerateLms, m.LmsStarted),
    ("continueLMS_cache_next", m.ContinueLms, m.LmsChunk),
    ("continueLMS_card_next", m.ContinueLmsCard, m.CardWritten),
    ("resumeLMS", m.ResumeLms, m.LmsResumed),
    ("discardLMS", m.DiscardLms, m.LmsDiscarded),
    ("destroyLMS", m.DestroyLms, m.LmsDestroyed),
    ("provisionLMS", m.ProvisionLms, m.LmsProvisioned),
    ("nvmemfile_info", m.GetNvmemfileInfo, m.NvmemfileInfo),
    ("nvmemfile_list", m.ListNvmemfiles, m.NvmemfileListing),
    ("nvmemfile_warn", m.WarnNvmemfile, m.NvmemfileInfo),
    ("nvmemfile_sign", m.NvmemfileSign, m.NvmemfileSigned),
    ("nvmemfile_sign_many", m.NvmemfileSignMany, m.NvmemfileSignedMany),
    ("nvmemfile_reserve", m.NvmemfileReserve, m.NvmemfileReserved),
    ("nvmemfile_sign_digest", m.NvmemfileSignDigest, m.NvmemfileSigned),
    ("loadLMS", m.LoadLms, m.LmsLoaded),
    ("generateMLDSA", m.GenerateMldsa, m.MldsaMade),
    ("importMLDSA", m.ImportMldsa, m.MldsaMade),
    ("infoMLDSA", m.InfoMldsa, m.MldsaInfo),
    ("signMLDSA", m.SignMldsa, m.MldsaSigned),
    ("slot_list", m.ListSlots, m.SlotListing),
    ("slot_wait", m.WaitForCard, m.Slot),
    ("loadToken", m.LoadToken, m.TokenLoaded),
    ("nvram_ledger", m.ReadLedger, m.LedgerPage),
    ("quarantine_list", m.ListQuarantine, m.QuarantineListing),
    ("quarantine_burn", m.BurnQuarantined, m.QuarantineBurned),
    ("quarantine_skip", m.SkipQuarantined, m.QuarantineSkipped),
    ("fault_add", m.AddFault, m.InjectedFault),
    ("fault_list", m.ListFaults, m.FaultListing),
    ("fault_clear", m.ClearFaults, m.FaultsCleared),
]

EVERY = RECORDS | REPLIES | REQUESTS


def example(kind: type[Any], /, **changes: object) -> Any:
    """A message with each field at its lower limit, but for `changes`."""
    return kind(
        **{name: specifier.inside()[0] for name, specifier in EVERY[kind].items()} | changes
    )


def at_the_limits(kind: type[Any]) -> list[Any]:
    """Messages that are taken, with one field at a time at one of its limits."""
    return [
        example(kind),
        *(
            example(kind, **{name: value})
            for name, one in EVERY[kind].items()
            for value in one.inside()
        ),
    ]


def largest(kind: type[Any]) -> Any:
    """A message with all fields at their upper limits."""
    return kind(
        **{name: one.inside()[min(1, len(one.inside()) - 1)] for name, one in EVERY[kind].items()}
    )


def broken(kind: type[Any]) -> list[Any]:
    """Messages that are refused, with one field at a time just outside its limits."""
    return [
        example(kind, **{name: value})
        for name, one in EVERY[kind].items()
        for value in one.outside()
    ]


def built(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any message of one class."""
    return st.builds(
        kind, **{name: specifier.strategy() for name, specifier in EVERY[kind].items()}
    )


def plain(value: Any) -> Any:
    """What stands on the wire for a value: records are maps from the names of their fields."""
    if type(value) in EVERY:
        return {name: plain(getattr(value, name)) for name in EVERY[type(value)]}
    return [plain(item) for item in value] if isinstance(value, list) else value


def fields_of(kinds: Iterable[type[Any]]) -> list[tuple[type[Any], str]]:
    """Class and field name, for all fields of some classes."""
    return [(kind, name) for kind in kinds for name in EVERY[kind]]
