"""What lies on a host or is typed there: key files, published objects, fleet and configuration
files, command lines, addresses.
"""

import functools
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fuzz.lms_targets import signed
from fuzz.source import Source
from fuzz.target import scratch, target
from kit.here import addresses, store
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.arguments import NAMES, NUMBERS, UsageError, parse
from seeclient.effects import Address
from seeclient.keyfile import check_alias

from seemachine import config
from seemachine.config import ConfigError
from seemachine.fleet import configuration
from seemachine.fleet.template import guide_fleet
from seemachine.hsms import published
from seemachine.hsms.published import Published
from seemachine.state.nvram.stores import STORES
from seemachine.wire.names import SLOTS, is_esn
from seemachine.wire.printable import is_printable
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

ESN = "7852-268D-3BF9"


@contextmanager
def at_home(name: str, **others: str) -> Iterator[Path]:
    """Nothing but a world of the target's own in the environment."""
    world = scratch(name)
    with patch.dict(
        "os.environ", {"SEEMACHINE_HOME": str(world), "HOME": str(world), **others}, clear=True
    ):
        yield world


def document(original: Any, source: Source) -> bytes:
    """A JSON document with a few values changed, or any bytes."""
    way = source.number(4)
    if way == 1:
        return source.rest()
    if way == 2:
        return b"[" * (1 << source.number(18))
    return json.dumps(source.edited(original), default=lambda value: value.hex()).encode()


# ---------------------------------------------------------------- key files


@functools.cache
def key_file() -> tuple[dict[str, Any], bytes]:
    """The first line of a key file without its checksum, and the cache behind it."""
    with at_home("key_files") as home:
        store().save(LmsKeyFile("a", signed(0)[0], 0, 0, 5, bytes(range(96))))
        head, _, cache = (home / "kmdata" / "local" / "key_pqsdk_a").read_bytes().partition(b"\n")
    values = json.loads(head)
    del values["sha256"]
    return values, cache


def summed(head: Any, cache: bytes) -> bytes:
    """A key file with a right checksum, if its first line can carry one."""
    if isinstance(head, dict):
        head = head | {
            "sha256": (
                hashlib.sha256(
                    json.dumps(head, sort_keys=True).encode() + b"\n" + cache
                ).hexdigest()
            )
        }
    return json.dumps(head).encode() + b"\n" + cache


@target(b"\1", b"\2", b"\0\1\0\1\0\7", b"\3\x11", longest=512)
def key_files(data: bytes) -> None:
    """A key file, damaged or forged: a key that can be worked with, or a refusal of its own."""
    source = Source(data)
    head, cache = key_file()
    forged = json.loads(json.dumps(source.edited(head), default=lambda value: value.hex()))
    content = summed(forged, source.cut(cache))
    if (way := source.number(4)) == 1:
        content = source.rest()
    elif way == 2:
        content = source.cut(content)
    with at_home("key_files") as home:
        (home / "kmdata" / "local" / "key_pqsdk_a").write_bytes(content)
        try:
            key = store().load("a")
        except StatusError as refused:
            assert refused.status in (Status.Malformed, Status.NotYetImplemented)
            return
    must_be_a_key(key)


def must_be_a_key(key: LmsKeyFile) -> None:
    """What the client's stories take for granted."""
    assert key.key.encode() == key.public_key
    assert check_alias(key.alias) == key.alias
    assert key.expcards + key.explease <= key.key.tree.h
    assert all(
        type(exponent) is int and 0 <= exponent <= 25
        for exponent in (key.expcards, key.explease, key.expcache)
    )
    assert type(key.cache) is bytes


# ---------------------------------------------------------------- published objects

ENTRY = asdict(Published(ESN, "5c", 1, "127.0.0.1", 8888, pid=17))


@target(b"\1" + json.dumps(ENTRY).encode(), b'\1{"port": Infinity}', b"\2\x11", longest=512)
def published_objects(data: bytes) -> None:
    """A published object, damaged or forged: a machine that can be connected to, or none."""
    content = document(ENTRY, Source(data))
    with at_home("published_objects") as home:
        path = World.at(home).published / f"{ESN}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        for address in addresses():
            must_be_an_address(address)
        entry = published.read(World.at(home), ESN)
        if entry is not None:
            types = [type(value) for value in asdict(entry).values()]
            assert types == [str, str, int, str, int, int, bool, *[str] * 5]
        published.withdraw(World.at(home), ESN, 17)


def must_be_an_address(address: Address) -> None:
    """What a socket takes."""
    assert is_printable(address.host)
    assert address.esn == "" or is_esn(address.esn)
    assert type(address.module) is int
    assert 0 <= address.port < 1 << 16


# ---------------------------------------------------------------- settings

SETTINGS = [field for field in config.Config.__dataclass_fields__ if field != "limits"]
LIMITS = list(config.LimitSettings.__dataclass_fields__)
LITERALS = [
    f'"{ESN}"',
    '"5F08-02E0-D947"',
    "1",
    "0",
    "-1",
    "8889",
    "65536",
    "1048576",
    "134217729",
    '"sqlite"',
    '"5c"',
    '"auto"',
    '"127.0.0.1"',
    '"0.0.0.0"',
    '"::1"',
    '"~/x"',
    '"~nobody-of-that-name/x"',
    '"\\u0000"',
    "true",
    "false",
    "1.5",
    "inf",
    "nan",
    "[]",
    "[1, 2]",
    "{}",
    "{ a = 1 }",
    "1979-05-27",
    "07:32:00",
    '""',
]
HEADS = [
    "[[machines]]",
    "[machines]",
    "[operator]",
    "[limits]",
    "[other]",
    "machines = 5",
    "limits = 5",
]


def settings_text(original: str, source: Source) -> bytes:
    """A TOML document with lines changed, or any bytes."""
    way = source.number(4)
    if way == 1:
        return source.rest()
    if way == 2:
        return b"a = " + b"[" * (1 << source.number(18))
    lines = original.splitlines()
    for _ in range(source.number(8)):
        at, name = source.number(len(lines) + 1), source.pick([*SETTINGS, *LIMITS, "blank_cards"])
        made = source.pick(
            [
                f"{name} = {source.pick(LITERALS)}",
                source.pick(HEADS),
                source.octets().decode(errors="replace"),
                "",
            ]
        )
        lines[at : at + source.number(2)] = [made]
    return "\n".join(lines).encode()


MACHINE = f'esn = "{ESN}"\nmodel = "5c"\nport = 8888\nstore = "file"\n[limits]\nconnections = 5\n'


@target(b"\1" + MACHINE.encode(), b"\2\x11", b"\0\1\0\0\0\0\1")
def config_files(data: bytes) -> None:
    """A configuration file of any content: settings that hold, or ConfigError."""
    with at_home("config_files") as home:
        path = home / "config.toml"
        path.write_bytes(settings_text(MACHINE, Source(data)))
        try:
            made = config.load(path, World.at("/usual"))
        except ConfigError as error:
            assert str(error)
            return
        must_be_a_machine(made)
        assert (
            config.build_limits({name: getattr(made.limits, name) for name in LIMITS})
            == made.limits
        )


def must_be_a_machine(made: config.Config) -> None:
    """What the server takes for granted."""
    assert is_esn(made.esn)
    assert 0 <= made.port < 1 << 16
    assert made.world.folder.is_absolute()
    assert made.store in STORES


@target(b"\1" + guide_fleet().encode(), b"\2\x11", b"\0\1\0\0\0\0\1")
def fleet_files(data: bytes) -> None:
    """A fleet file of any content: a fleet or ConfigError for the supervisor, addresses or a
    refusal for the client.
    """
    with at_home("fleet_files") as home:
        path = home / "fleet.toml"
        path.write_bytes(settings_text(guide_fleet(), Source(data)))
        try:
            for address in addresses(path):
                must_be_an_address(address)
        except StatusError as refused:
            assert refused.status is Status.InvalidParameter
        try:
            fleet = configuration.read(path, World.at(home))
        except ConfigError as error:
            assert str(error)
            return
        for made in fleet.machines:
            must_be_a_machine(made)
            path.write_bytes(config.to_toml(made))
            assert config.load(path, World.at("/usual")) == made


# ---------------------------------------------------------------- what is typed


@target(
    b"alias=a\0message=hello",
    b"generate\0alias=a\0algorithm=lms\0lmscode=x\0lmotscode=y\0slot=0",
    b"--json\0list",
    b"provesn=x\0slot=0",
)
def command_lines(data: bytes) -> None:
    """Any words are understood or refused with a sentence, and what parses has numbers
    for numbers.
    """
    try:
        parsed = parse(data.decode(errors="replace").split("\0"))
    except UsageError as wrong:
        assert str(wrong)
        return
    assert all(name in NUMBERS and 0 <= value < 10**9 for name, value in parsed.numbers.items())
    assert all(name in NAMES and name not in NUMBERS for name in parsed.texts)
    assert parsed.numbers.keys() <= set(NUMBERS)
    assert parsed.numbers.get("slot", SLOTS.start) >= SLOTS.start


@target(b"localhost:8888,[::1]:8889", b"::1", b"a:" + b"9" * 5000, longest=8192)
def fleet_texts(data: bytes) -> None:
    """Any text for $SEEMACHINE_FLEET is addresses or a refusal."""
    text = data.decode(errors="replace").replace("\0", "")
    with at_home("fleet_texts", SEEMACHINE_FLEET=text):
        try:
            for address in addresses():
                must_be_an_address(address)
        except StatusError as refused:
            assert refused.status is Status.InvalidParameter
