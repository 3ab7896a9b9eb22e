"""docs/reference/protocol.md against the code: its bytes, tables and figures are those of the wire.

What is compared is parsed from the page.
"""

import inspect
import json
import re
import string
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from kit.frames import framed

import seemachine
from seemachine import keyring
from seemachine.commands import COMMANDS, STATUSES, generate, making, nvmem, resume
from seemachine.config import LimitSettings
from seemachine.hsms.published import Published
from seemachine.lms.hashing import message_digest
from seemachine.lms.parameters import OTS_SETS, TREE_SETS, lmots, signature_bytes
from seemachine.server.admission import HELLOS_PER_SECOND
from seemachine.state import half_made
from seemachine.state.nvram import base, store
from seemachine.wire import certificates, names
from seemachine.wire import messages as m
from seemachine.wire.framing import LENGTH_BYTES, MAX_FRAME
from seemachine.wire.link import HELLO_FRAME, Answered, Asked, Link, Refused, Role
from seemachine.wire.messages import REQUESTS
from seemachine.wire.printable import is_printable
from seemachine.wire.record import FieldError
from seemachine.wire.requests import Again, Effect
from seemachine.wire.roles import ClientRole
from seemachine.wire.status import PeerMisuse, Status, StatusError
from seemachine.world import PUBLISHED_NAME

PATH = Path(__file__).parents[2] / "docs/reference/protocol.md"
PAGE = PATH.read_text(encoding="utf-8")
SOURCES = Path(seemachine.__file__).parent
# Longer values are not made: only the frame limits them.
LARGEST = 1 << 20

RECORDS = {
    "Limits": m.Limits,
    "NvmemfileInfo": m.NvmemfileInfo,
    "Slot": m.Slot,
    "Passphrase": m.Passphrase,
    "LedgerEntry": m.LedgerEntry,
    "Suspect": m.Suspect,
    "InjectedFault": m.InjectedFault,
    "SigningRefused": m.SigningRefused,
}

# What the worked exchange says, in its order: a request, then its reply or refusal.
KEY = bytes.fromhex(
    "000000050000000481908b4836be539bfc553a0e720c695c7d62e3b1957663b4aa46dfd3de008a62ddf4a720f8eb89cdfbadc6cadb93e2e2"
)
LIMITS = m.Limits(frame=1_048_576, message=1_047_296, idle_seconds=300, request_seconds=120)
EXCHANGE: list[Any] = [
    m.Hello(protocol=7, client="example"),
    m.Greeting(
        protocol=7,
        esn="7852-268D-3BF9",
        model="5c",
        version="1.4.1",
        software="seemachine 0.1.0",
        engine="portable/portable",
        signer=b"",
        nvram=bytes.fromhex("5e0b1c2d3f40517263748596a7b8c9da"),
        epoch=7,
        opening=bytes.fromhex("0123456789abcdef"),
        operator="manual",
        insecure="",
        faults="",
        limits=LIMITS,
    ),
    m.GetNvmemfileInfo(file=names.nvram_name(KEY)),
    StatusError(
        Status.NotAvailable,
        "no NVRAM file 6c6d737d:62e3b195:7663b4 on 7852-268D-3BF9 in nvmemfile_info",
        "nvmemfile_info",
    ),
    m.GenerateLms(lms=5, lmots=4, expcards=0, explease=0, label="firmware"),
    m.LmsStarted(handle=bytes(range(16)), remaining=5, expchunk=3, expcache=5),
]


# ---------------------------------------------------------------- reading the page


def sections() -> dict[str, str]:
    """The text below each heading, up to the next heading of any level."""
    parts = re.split(r"^#+ (.+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tables(section: str) -> dict[str, list[list[str]]]:
    """The tables of a section by the first word of their head; each a list of rows of cells without
    backquotes.
    """
    blocks = re.findall(r"(?:^\|.*\n)+", sections()[section], flags=re.MULTILINE)
    rows = [[_cells(line) for line in block.splitlines()] for block in blocks]
    return {head[0]: body for head, _, *body in rows}


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]


def blocks() -> list[list[tuple[str, str]]]:
    """The worked byte blocks: for each line its hexadecimal digits and its words."""
    found = re.findall(r"^```hex\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return [[_explained(line) for line in block.splitlines()] for block in found]


def _explained(line: str) -> tuple[str, str]:
    digits, _, words = line.partition(" # ")
    return digits.strip(), words.strip()


def block_bytes(block: list[tuple[str, str]]) -> bytes:
    """The bytes of a worked block."""
    return bytes.fromhex("".join(digits for digits, _ in block))


def figure(text: str) -> int:
    """A number as the page writes it: 56, 2^14, 2^32-1."""
    base, power, less = re.fullmatch(r"(\d+)(?:\^(\d+))?(-1)?", text).groups()
    return int(base) ** int(power or 1) - (1 if less else 0)


# ---------------------------------------------------------------- the worked exchange


class Reader:
    """A frame taken apart without the codec, for the MessagePack formats that the page uses."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        self._at += count
        return self._data[self._at - count : self._at]

    def length(self, size: int) -> int:
        """A big-endian number of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def value(self) -> tuple[str, Any]:
        """One value: what kind of thing it is, and it; for arrays and maps only how many things
        follow.
        """
        lead = self.length(1)
        if lead < 0x80:
            return "int", lead
        if lead < 0xC0:
            kind, count = {8: ("map", lead & 15), 9: ("array", lead & 15)}.get(
                lead >> 4, ("text", lead & 31)
            )
            return (kind, self.take(count).decode()) if kind == "text" else (kind, count)
        readers = {
            0xC0: lambda: ("nil", None),
            0xC2: lambda: ("bool", False),
            0xC3: lambda: ("bool", True),
            0xC4: lambda: ("bytes", self.take(self.length(1))),
            0xCC: lambda: ("int", self.length(1)),
            0xCD: lambda: ("int", self.length(2)),
            0xCE: lambda: ("int", self.length(4)),
            0xD9: lambda: ("text", self.take(self.length(1)).decode()),
            0xDA: lambda: ("text", self.take(self.length(2)).decode()),
        }
        return readers[lead]()

    def line(self, count: int) -> tuple[str, str]:
        """The next `count` values as one line of the page."""
        start, shown, digits = self._at, [], []
        for _ in range(count):
            shown.append(self.value())
            digits.append(self._data[start : self._at].hex())
            start = self._at
        return " ".join(digits), ": ".join(_words(*one) for one in shown)

    @property
    def rest(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at


def _words(kind: str, value: Any) -> str:
    if kind in ("array", "map"):
        return f"{kind} of {value}"
    if kind in ("text", "bool", "nil"):
        return "nil" if value is None else json.dumps(value)
    return f"{len(value)} bytes" if kind == "bytes" else str(value)


def explain(data: bytes) -> list[tuple[str, str]]:
    """The lines of the page for a frame: the length, the envelope's parts, then a key and its value
    each.
    """
    reader = Reader(data)
    lines = [(reader.take(LENGTH_BYTES).hex(), f"{reader.rest} bytes follow")]
    lines += [reader.line(1) for _ in range(4)]
    while reader.rest:
        lines.append(reader.line(2))
    return [piece for line in lines for piece in _broken(*line)]


def _broken(digits: str, words: str) -> list[tuple[str, str]]:
    """A line as it is, or its key and lead bytes, and its long text on lines of its own."""
    if len(digits) < 90:
        return [(digits, words)]
    key, text = digits.split(" ")
    name, _, value = words.partition(": ")
    plain, size = json.loads(value), 39
    pieces = [plain[at : at + size] for at in range(0, len(plain), size)]
    head = (f"{key} {text[:4]}", f"{name}: text of {len(plain)} bytes")
    return [head, *((piece.encode().hex(), json.dumps(piece)) for piece in pieces)]


def test_the_worked_frames_are_what_links_send():
    """A client's and a machine's link produce the page's bytes for the exchange, and nothing of it
    is left out.
    """
    client, machine = Link(Role.CLIENT), Link(Role.SERVER)
    sent = []
    for index, message in enumerate(EXCHANGE):
        sender, receiver = (machine, client) if index % 2 else (client, machine)
        sent.append(sender.send(message))
        receiver.receive_data(sent[-1])
        receiver.next_event()

    assert [block_bytes(block) for block in blocks()] == sent


def test_links_understand_the_worked_frames():
    """Fed with the page's bytes, each side sees the messages of the exchange."""
    client, machine = Link(Role.CLIENT), Link(Role.SERVER)
    worked = [block_bytes(block) for block in blocks()]
    for asked, answered, asked_bytes, answered_bytes in zip(
        EXCHANGE[::2], EXCHANGE[1::2], worked[::2], worked[1::2], strict=True
    ):
        machine.receive_data(asked_bytes)
        assert machine.next_event() == Asked(asked)
        machine.send(answered)
        client.send(asked)
        client.receive_data(answered_bytes)
        event = client.next_event()
        if isinstance(answered, StatusError):
            assert isinstance(event, Refused)
            assert event.error.args == answered.args
        else:
            assert event == Answered(answered)


@pytest.mark.parametrize("number", range(len(EXCHANGE)))
def test_every_worked_byte_has_its_explanation(number):
    """Each line of a block says what its bytes say when they are read without the codec."""
    block = blocks()[number]
    assert block == explain(block_bytes(block))


def test_the_worked_bytes_use_only_the_lead_bytes_that_the_page_names():
    """Every MessagePack lead byte of the exchange is in the page's table of them."""
    named = {
        cell
        for row in tables("Worked exchange")["lead byte"]
        for cell in re.findall(r"[0-9a-f]{2}", row[0])
    }
    assert {"c0", "c2", "c4", "cd", "ce", "d9"} <= named
    used = {
        digits.split(" ")[-1][:2]
        for block in blocks()
        for digits, words in block[1:]
        if not words.startswith('"no NVRAM')
    }
    assert {lead for lead in used if lead >= "c0"} <= named


# ---------------------------------------------------------------- messages


def message_tables() -> list[Any]:
    """Section, head of the table and class, for every request, reply and record."""
    found = []
    for name, request in REQUESTS.items():
        found += [(name, "request", request), (name, "reply", request.Reply)]
    found += [("hello", "Limits", m.Limits), ("slot_list", "Slot", m.Slot)]
    found += [("loadToken", "Passphrase", m.Passphrase)]
    found += [("nvmemfile_sign_many", "SigningRefused", m.SigningRefused)]
    found += [
        ("nvram_ledger", "LedgerEntry", m.LedgerEntry),
        ("quarantine_list", "Suspect", m.Suspect),
    ]
    return [pytest.param(*one, id=f"{one[0]}-{one[1]}") for one in found]


MESSAGE_TABLES = pytest.mark.parametrize(("section", "head", "kind"), message_tables())


@dataclass(frozen=True)
class Type:
    """A cell such as `bytes 24..32`, `int 0..25 or nil`, `list 0..6 of Slot`, `list 1..6 of (bytes
    8)`.
    """

    name: str
    low: int
    high: int
    of: str
    optional: bool


def parse_type(cell: str) -> Type:
    """Read a type cell. Whatever the page's conventions do not list fails here."""
    word, optional = re.fullmatch(r"(.+?)( or nil)?", cell).groups()
    if word in ("bool", "ESN"):
        return Type(word, 0, 0, "", bool(optional))
    if record := re.fullmatch(r"map (\w+)", word):
        return Type("map", 0, 0, record[1], bool(optional))
    kinds = r"(int|bytes|text|line|word|list) ([\d^-]+?)(?:\.\.([\d^-]+))?(?: of (\w+|\(.+\)))?"
    name, low, high, of = re.fullmatch(kinds, word).groups()
    return Type(name, figure(low), figure(high or low), of or "", bool(optional))


def field_types(section: str, head: str) -> dict[str, Type]:
    """The fields of a table with their types; none where there is no such table."""
    return {row[0]: parse_type(row[1]) for row in tables(section).get(head, [])}


def record_example(name: str) -> dict[str, object]:
    """A record at its lower limits, by the page."""
    section = next(
        param.values[0] for param in message_tables() if param.values[2] is RECORDS[name]
    )
    head = name if name in tables(section) else "reply"
    return {field: samples(kind)[0][0] for field, kind in field_types(section, head).items()}


def samples(kind: Type) -> tuple[list[Any], list[Any]]:
    """Values at the limits of a type, and values just beyond them or of another kind."""
    letters = {name: lambda size: "\u00e9" * size for name in ("text", "line")}
    makers = letters | {
        "int": int,
        "bytes": bytes,
        "word": lambda size: "+" * size,
        "list": lambda size: [item_example(kind.of)] * size,
    }
    if kind.name == "bool":
        return [False, True], [0, 1, "true"]
    if kind.name == "ESN":
        return ["7852-268D-3BF9"], [
            "",
            "7852-268D-3BF",
            "7852-268D-3BF9F",
            "7852-268d-3bf9",
            "../../victim00",
            b"7852-268D-3BF9",
        ]
    if kind.name == "map":
        return [record_example(kind.of)], [{}, [], record_example(kind.of) | {"more": 1}]
    made = makers[kind.name]
    inside = [made(size) for size in (kind.low, kind.high) if kind.name == "int" or size <= LARGEST]
    beyond = [
        size for size in (kind.low - 1, kind.high + 1) if kind.name == "int" or 0 <= size <= LARGEST
    ]
    unprintable = [" ", "x ", " x", "x\ny", "\x1b[2J", "x\u202ey"]
    other = {
        "int": [True, 1.0, "1"],
        "bytes": ["x" * kind.low],
        "text": [b"", 0, *(chr(first) for first, _ in unseen())],
        "line": [b"", 0, *unprintable],
        "word": [" ", "a b", "\u00e9", b"a"],
        "list": [None, {}, *wrong_lists(kind)],
    }
    return inside, [*map(made, beyond), *other[kind.name]]


def item_example(name: str) -> object:
    """What may be in a list: a record, or a value of the type in brackets."""
    if name.startswith("("):
        return samples(parse_type(name[1:-1]))[0][0]
    return record_example(name)


def wrong_lists(kind: Type) -> list[Any]:
    """Lists with one wrong value after a right one; of records see their own tables."""
    if not kind.of.startswith("("):
        return []
    return [[item_example(kind.of), wrong] for wrong in samples(parse_type(kind.of[1:-1]))[1]]


def unseen() -> list[tuple[int, int]]:
    """First and last of each range of code points that the page calls unseen."""
    sentence = re.search(r"They are (.+?)\. A message", sections()["Conventions"], re.DOTALL)[1]
    found = re.findall(r"U\+([0-9A-F]+)(?:\s+to\s+U\+([0-9A-F]+))?", sentence)
    return [(int(first, 16), int(last or first, 16)) for first, last in found]


def test_the_unseen_code_points_are_those_that_no_text_takes():
    """The page's ranges are the code's, to the code point."""
    stated = {code for first, last in unseen() for code in range(first, last + 1)}
    assert stated == {code for code in range(0x110000) if not is_printable(chr(code))}


@MESSAGE_TABLES
def test_a_table_has_the_fields_of_its_message(section, head, kind):
    """The page's fields are the code's, in the same order, none missing and none unknown."""
    assert list(field_types(section, head)) == list(kind.CHECKS)


@MESSAGE_TABLES
def test_a_table_has_the_types_and_limits_of_its_message(section, head, kind):
    """What the page allows is taken by the code, what lies just beyond is refused, and nil goes
    only where the page says so.
    """
    for name, stated in field_types(section, head).items():
        check = kind.CHECKS[name]
        inside, outside = samples(stated)
        for value in inside:
            check(value)
        for value in outside if stated.optional else [*outside, None]:
            with pytest.raises(FieldError):
                check(value)
        assert not stated.optional or check(None) is None
        if stated.name in ("map", "list") and not stated.of.startswith("("):
            made = check(inside[-1])
            assert type(made[0] if stated.name == "list" else made) is RECORDS[stated.of]


def test_every_request_has_a_section_and_no_section_is_of_an_unknown_one():
    """The sections below "Messages" are the requests, in the code's order."""
    headings = re.findall(r"^(#+) (.+)$", PAGE, flags=re.MULTILINE)
    start = headings.index(("##", "Messages"))
    below = [name for mark, name in headings[start + 1 :] if mark == "###"]
    assert below[: len(REQUESTS)] == list(REQUESTS)
    assert headings[start + len(REQUESTS) + 1][0] == "##"


def test_every_message_class_is_on_the_page():
    """No class with fields is left out of the tables that are compared here."""
    assert {kind for kind in vars(m).values() if hasattr(kind, "CHECKS")} == {
        param.values[2] for param in message_tables()
    }


# ---------------------------------------------------------------- refusals


def spoken(paths: list[Path]) -> set[str]:
    """The statuses that some sources name, OK excepted."""
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    return set(re.findall(r"\bStatus\.([A-Z][A-Za-z]+)\b", text)) - {"OK"}


def sent_statuses() -> dict[str, int]:
    """The page's statuses that a machine sends."""
    return {row[1]: int(row[0]) for row in tables("Statuses")["number"]}


def test_the_statuses_are_those_that_a_machine_sends():
    """Names and numbers of the page's table are those which link, commands and server use."""
    paths = [
        *SOURCES.glob("commands/*.py"),
        *SOURCES.glob("server/*.py"),
        SOURCES / "wire" / "link.py",
        SOURCES / "wire" / "status.py",
    ]
    assert sent_statuses() == {name: Status[name].value for name in spoken(paths)}


def test_the_statuses_that_are_never_sent_are_named_too():
    """Every other status is on the page, with its number, as one that a machine does not send."""
    sentence = re.search(r"Never sent: (.+?)\.", sections()["Statuses"])[1]
    never = {name: int(number) for number, name in re.findall(r"(\d+) `(\w+)`", sentence)}
    assert never == {
        status.name: status.value for status in Status if status.name not in sent_statuses()
    }


def refusals(section: str) -> set[str]:
    """The statuses of a request's own table."""
    return {name for row in tables(section).get("refused with", []) for name in row[0].split(", ")}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_refused_only_with_what_is_sent(name):
    """The statuses in a request's section are in the table of statuses."""
    assert refusals(name) <= set(sent_statuses())


def in_commands(thing: Any) -> bool:
    """Whether a function or module is among the commands. Those that turn errors into statuses
    name them all.
    """
    module = getattr(thing, "__module__", thing.__name__)
    return module.startswith("seemachine.commands.") and module != "seemachine.commands.refusals"


def callable_in(module: Any) -> dict[str, Any]:
    """The functions of the commands that a module can call, by the name that it has for them."""
    named = {
        name: one
        for name, one in inspect.getmembers(module, inspect.isfunction)
        if in_commands(one)
    }
    for prefix, other in inspect.getmembers(module, inspect.ismodule):
        if in_commands(other):
            named |= {
                f"{prefix}.{name}": one
                for name, one in inspect.getmembers(other, inspect.isfunction)
                if in_commands(one)
            }
    return named


def named_by(function: Any, seen: set[Any]) -> set[str]:
    """The statuses that a function names, or a function of the commands that it calls."""
    seen.add(function)
    source = inspect.getsource(function)
    statuses = set(re.findall(r"\bStatus\.(\w+)", source))
    for name, other in callable_in(inspect.getmodule(function)).items():
        if other not in seen and re.search(rf"(?<![.\w]){re.escape(name)}\(", source):
            statuses |= named_by(other, seen)
    return statuses


def test_statuses_are_followed_from_one_module_to_the_next():
    """A refusal counts for a command however its module came by the function: by its name or by its
    module's.
    """
    assert {"UnknownID"} <= named_by(generate.advance, set())
    assert {"UnknownID", "ObjectInUse", "Malformed"} <= named_by(resume.resume, set())


@pytest.mark.parametrize("request_class", COMMANDS, ids=lambda kind: kind.NAME)
def test_the_statuses_of_a_command_are_in_its_section(request_class):
    """What a command refuses with itself stands in its section; what else stands there is the
    status of an error of the machine.
    """
    own = named_by(COMMANDS[request_class], set())
    assert own <= refusals(request_class.NAME)
    assert refusals(request_class.NAME) - own <= {status.name for _, status in STATUSES}


def test_a_refusal_has_the_fields_of_the_page():
    """A refusal carries the fields of the page's table, and its texts are cut at the
    page's limits.
    """
    types = field_types("Envelope", "refusal")
    link = Link(Role.SERVER)
    link.receive_data(block_bytes(blocks()[0]))
    link.next_event()
    reader = Reader(link.send(StatusError(Status.Failed, "x" * 2000, "y" * 200)))
    reader.take(LENGTH_BYTES + 1)
    assert [reader.value()[1] for _ in range(3)] == [1, "refused", len(types)]
    shown = {reader.value()[1]: reader.value()[1] for _ in types}
    assert list(shown) == list(types)
    assert [len(shown[name]) for name in ("detail", "where")] == [
        types[name].high for name in ("detail", "where")
    ]
    assert types["status"].high >= max(Status)


def test_the_page_says_where_a_refusal_comes_from():
    """The one request whose refusals bear another name is on the page with that name."""
    others = [(name, kind.WHERE) for name, kind in REQUESTS.items() if name != kind.WHERE]
    stated = re.findall(r"`(\w+)` for `(\w+)`", sections()["Envelope"])
    assert [(name, where) for where, name in stated] == others


HELLO = block_bytes(blocks()[0])
AFTER_HELLO = HELLO, EXCHANGE[1]
# For each row of the page: what was asked and answered before, the bytes that break a rule, whether
# the client closes behind them.
MISUSES: dict[str, tuple[Any, bytes, bool]] = {
    "a length word over the limit": (
        AFTER_HELLO,
        (MAX_FRAME + 1).to_bytes(LENGTH_BYTES, "big"),
        False,
    ),
    "a length word over that of hello, before a hello was accepted": (
        None,
        (HELLO_FRAME + 1).to_bytes(LENGTH_BYTES, "big"),
        False,
    ),
    "a body that is not exactly one array of three, or has a field twice": (
        AFTER_HELLO,
        framed(b"\x93\x02\xa9slot_list\x82\xa1x\x01\xa1x\x01"),
        False,
    ),
    "a number that is not int 0..2^32-1": (AFTER_HELLO, framed(b"\x93\xc0\xa1x\x80"), False),
    "a name that is not text": (AFTER_HELLO, framed(b"\x93\x02\x02\x80"), False),
    "a number that is not the last one plus 1": (
        AFTER_HELLO,
        framed(b"\x93\x05\xa9slot_list\x80"),
        False,
    ),
    "an unknown name": (AFTER_HELLO, framed(b"\x93\x02\xa1x\x80"), False),
    "a first request that is not hello": (None, framed(b"\x93\x01\xa9slot_list\x80"), False),
    "a field that is missing, unknown, of the wrong type or out of its limits": (
        AFTER_HELLO,
        framed(b"\x93\x02\xa9slot_list\x81\xa1x\x01"),
        False,
    ),
    "the client closed inside a frame": (AFTER_HELLO, b"\x00", True),
}


@pytest.mark.parametrize("row", MISUSES)
def test_a_misuse_ends_with_the_refusal_of_the_page(row):
    """Request number and status of the machine's last frame are those of the page's row."""
    before, data, closes = MISUSES[row]
    link = Link(Role.SERVER)
    if before:
        link.receive_data(before[0])
        link.next_event()
        link.send(before[1])
    link.receive_data(data)
    if closes:
        link.receive_data(b"")
    with pytest.raises(PeerMisuse) as misuse:
        link.next_event()

    number, status = next(
        cells[1:] for cells in tables("Connection")["what happens"] if cells[0] == row
    )
    assert status == misuse.value.status.name
    assert number == ("the request's" if misuse.value.number else "0")


def test_the_rows_of_misuse_are_all_tried():
    """Every row of the page whose last frame is Malformed or UnknownCommand is among those tried
    here.
    """
    assert {
        row[0]
        for row in tables("Connection")["what happens"]
        if row[2] in ("Malformed", "UnknownCommand")
    } == set(MISUSES)


# ---------------------------------------------------------------- figures


FIGURES = {
    "frame body": MAX_FRAME,
    "frame body of the first hello": HELLO_FRAME,
    "connections of a machine": LimitSettings().connections,
    "connections of one peer": LimitSettings().peer_connections,
    "new connections of one peer in a second": LimitSettings().peer_connections_per_second,
    "requests of one peer in a second": LimitSettings().peer_requests_per_second,
    "hellos of one peer in a second": HELLOS_PER_SECOND,
    "seconds from connecting to hello": LimitSettings().greeting_seconds,
    "seconds without a request": LimitSettings().idle_seconds,
    "seconds of a request": LimitSettings().request_seconds,
    "seconds of a machine that stops": LimitSettings().drain_seconds,
    "seconds of a TLS handshake": LimitSettings().handshake_seconds,
    "keys in the making on a connection": making.MAX_GENERATIONS,
    "half-made keys kept on a machine": half_made.MAX_LABELS,
    "characters of a label": m.MAX_LABEL,
    "reserved leaves that wait for Q on a machine": base.MAX_AWAITED,
    "card sets loaded on a connection": m.MAX_TOKENS,
    "bytes of a passphrase": m.MAX_PASSPHRASE,
    "ledger entries in a reply": m.MAX_LEDGER_PAGE,
    "messages of nvmemfile_sign_many": m.MAX_SIGNINGS,
    "seconds that a used-up lease is kept": store.KEEP.retry_seconds,
    "leaves hashed on the way to a signature": 1 << names.MAX_PAGE_EXPONENT,
    "leaves for which loaded is true": nvmem.FEW_LEAVES,
    "node caches in use on a machine": keyring.MAX_TABLES,
    "chunks of a key": 1 << names.MAX_CHUNKS_EXPONENT,
    "expcards": names.MAX_EXPCARDS,
    "explease": names.MAX_EXPLEASE,
    "expcache": names.MAX_EXPCACHE,
    "nodes of the cache in one step": 1 << names.MAX_CACHE_PART_EXPONENT,
    "room beside a message": m.ENVELOPE_BYTES,
}


def test_the_limits_are_those_of_the_code():
    """Every row of the page's table of limits has the figure of the code, and no limit
    is missing.
    """
    assert {row[0]: figure(row[1]) for row in tables("Limits")["limit"]} == FIGURES


def test_a_label_has_the_characters_of_the_page():
    """Exactly those which the row of the limits lists, of all that Unicode has."""
    [row] = [cells for cells in tables("Limits")["limit"] if cells[0] == "characters of a label"]
    assert row[2].startswith("a-z, 0-9 and - only")
    taken = {chr(code) for code in range(sys.maxunicode + 1) if half_made.is_label(chr(code))}
    assert taken == set(string.ascii_lowercase + string.digits + "-")
    assert [half_made.is_label("x" * size) for size in (0, int(row[1]), int(row[1]) + 1)] == [
        False,
        True,
        False,
    ]
    assert not half_made.is_label("x\n")


def test_the_lms_sets_are_those_of_the_code():
    """Typecodes, chain counts and lengths of every parameter set are on the page."""
    stated = {
        (row[0], int(row[1])): [list(map(int, cell.split())) for cell in row[2:]]
        for row in tables("LMS")["hash"]
    }
    hashes = {"sha256": "SHA-256", "shake": "SHAKE256"}
    for (name, n), (ots_codes, chains, tree_codes) in stated.items():
        ots = [one for one in OTS_SETS if (hashes[one.hash], one.n) == (name, n)]
        trees = [one for one in TREE_SETS if (hashes[one.hash], one.m) == (name, n)]
        assert [(one.w, one.typecode, one.p) for one in ots] == list(
            zip((1, 2, 4, 8), ots_codes, chains, strict=True)
        )
        assert [(one.h, one.typecode) for one in trees] == list(
            zip((5, 10, 15, 20, 25), tree_codes, strict=True)
        )
    assert len(stated) * 4 == len(OTS_SETS)


@pytest.mark.parametrize("tree", TREE_SETS, ids=lambda tree: tree.name)
def test_the_lengths_of_key_and_signature_follow_from_the_page(tree):
    """24 + m bytes and 12 + n(p + 1) + hm bytes are the lengths that the code has, and they are
    what the page says.
    """
    lengths = {row[0]: row[1] for row in tables("LMS")["string"]}
    assert lengths["public key"] == "24 + m"
    assert lengths["signature"] == "12 + n(p + 1) + hm"
    assert tree.public_key_bytes == 24 + tree.m
    for ots in OTS_SETS:
        if (ots.hash, ots.n) == (tree.hash, tree.m):
            assert signature_bytes(tree, ots) == 12 + ots.n * (ots.p + 1) + tree.h * tree.m


def test_the_worked_file_name_is_that_of_the_worked_key():
    """The page's NVRAM file name, its printed form and the one in the exchange come from the page's
    public key.
    """
    text = sections()["NVRAM file names"]
    assert KEY.hex() in text.replace("\n", "").replace(" ", "")
    assert f"`{names.nvram_name(KEY).hex()}`" in text
    assert f"`{names.printed_name(names.nvram_name(KEY))}`" in text


def test_the_worked_digest_is_that_of_the_code():
    """The page's Q is the digest of the page's message under the page's I, q and C."""
    values = dict(
        re.findall(r"^ *(\w+) += (\S+)$", sections()["Large messages"], flags=re.MULTILINE)
    )
    parts = [bytes.fromhex(values[name]) for name in ("I", "q", "C", "message")]
    digest = message_digest(
        lmots("sha256_n32_w8"), parts[0], int.from_bytes(parts[1], "big"), parts[2], parts[3]
    )
    assert values["Q"] == digest.hex()


def test_the_protocol_and_its_port_are_those_of_the_code():
    """The history ends with the version that machines speak, and the first lines name the port."""
    assert int(tables("Versions")["protocol"][-1][0]) == names.PROTOCOL
    assert f"port {names.SEE_PORT}" in PAGE.split("\n\n")[1]


def test_the_published_object_is_the_one_that_machines_publish():
    """The page names the fields of a published object, in their order, and the folder's name."""
    text = sections()["Find machines"]
    [example] = re.findall(r"^ *(\{.+?\})$", text, flags=re.MULTILINE | re.DOTALL)
    assert list(json.loads(example)) == [field.name for field in fields(Published)]
    assert f"published/{PUBLISHED_NAME}/" in text


def spelled(fact: Again | Effect) -> str:
    """A fact as the page writes it."""
    return fact.name.lower().replace("_", " ")


def test_the_facts_of_a_request_are_those_of_its_class():
    """Each request stands on the page once, with its least role, its effect, whether it may be
    asked again, and on which connection.
    """
    assert tables("Messages")["name"] == [
        [
            name,
            kind.LEAST.word,
            spelled(kind.EFFECT),
            spelled(kind.AGAIN),
            "its own" if kind.BOUND else "any",
        ]
        for name, kind in REQUESTS.items()
    ]
    assert [row[0] for row in tables("Messages")["effect"]] == list(map(spelled, Effect))


def test_after_a_break_those_are_asked_again_that_may_be():
    """Of what is to be done when a connection breaks, "ask again" stands beside the requests that
    may be, with the same token where the token is what makes it safe.
    """
    words = {"ask again": Again.FREELY, "ask again, with the same token": Again.BY_TOKEN}
    stated = {
        name: words.get(row[2], Again.NEVER)
        for row in tables("When a connection breaks")["request"]
        for name in re.findall(r"\w+", row[0])
        if name in REQUESTS
    }
    assert stated == {name: kind.AGAIN for name, kind in REQUESTS.items()}


def test_the_roles_are_those_of_the_code():
    """The page names them all, the least first."""
    assert (
        ", ".join(f"`{role.word}`" for role in ClientRole).replace(", `admin`", " and `admin`")
        in sections()["Roles"]
    )


def test_the_fields_of_certificates_are_those_of_the_code():
    """The page has the URIs and the length of a name as the code reads them."""
    text = sections()["TLS"]
    for start in (certificates.ESN_URI, certificates.ROLE_URI):
        assert f"URI `{start}<" in text
    assert f"1 to {certificates.MAX_CLIENT_NAME} printable characters" in text


def test_no_line_of_the_page_is_too_long():
    """Lines have at most 140 characters."""
    assert max(map(len, PAGE.splitlines())) <= 140
