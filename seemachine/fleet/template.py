"""A new fleet.toml: the guide's mixed fleet (2.9.3), with every setting explained."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from seemachine.config import Config, LimitSettings
from seemachine.config.setting import settings_of
from seemachine.config.telling import sentences
from seemachine.config.writing import literal
from seemachine.fleet.shared import FleetSettings

COLUMNS = 78
FIRST = {
    "esn": "7852-268D-3BF9",
    "model": "5c",
    "module": 1,
    "host": "127.0.0.1",
    "port": 8888,
    "store": "sqlite",
}
SECOND = {"esn": "5F08-02E0-D947", "model": "xc", "module": 2, "port": 8889}
# Said of all machines together, or by the tools, or not in a fleet.
NOT_OF_A_MACHINE = (
    "reserved_ports",
    "publish",
    "operator",
    "extra_signers",
    "nvram_delegation",
    "seed",
    "faults",
    "world",
)
# What the file says of all machines together, above the first of them.
AT_THE_TOP = ("process", "count", "sockets", "seed", "fault_injection", "latency")
# Not their defaults.
IN_A_FLEET = {"search_port": True}
HEAD = """\
# The machines of this world. Start them with: seemachine fleet up
# A machine whose port is taken gets the next free one, and `fleet up` says so;
# not with search_port = false, with TLS, or at another address than loopback.
# Lines after a # show defaults, or examples.
"""
TLS = """\
# [tls]
# The folder of each machine's certificate. auto: pki/ of this world. A machine
# may have tls = {...} of its own.
# pki = "auto"
"""


def guide_fleet(count: int = 0, seed: str = "", sockets: str = "") -> str:
    """The whole file, for so many machines, with that seed, and with that folder of sockets."""
    given = {"count": count, "seed": seed, "sockets": sockets}
    shared = {each.name: each for each, _ in settings_of(FleetSettings)}
    parts = [
        HEAD,
        _lines(
            FleetSettings,
            {name: value for name, value in given.items() if value},
            leaving_out=shared.keys() - set(AT_THE_TOP),
        ),
        "[[machines]]\n" + _lines(Config, FIRST, leaving_out=(*NOT_OF_A_MACHINE, *AT_THE_TOP)),
        "[[machines]]\n"
        + "".join(f"{name} = {literal(value)}\n" for name, value in SECOND.items()),
        "[operator]\n"
        + _lines(
            FleetSettings, {"blank_cards": "manual"}, leaving_out=shared.keys() - {"blank_cards"}
        ),
        "# [limits]\n" + _lines(LimitSettings, {}),
        TLS,
    ]
    return "\n".join(parts)


def _lines(kind: type[Any], given: dict[str, Any], leaving_out: Iterable[str] = ()) -> str:
    """Each setting under its explanation; a # before those that are not given."""
    return "".join(_setting_lines(kind, given, set(leaving_out)))


def _setting_lines(kind: type[Any], given: dict[str, Any], left_out: set[str]) -> Iterator[str]:
    for field, setting in settings_of(kind):
        if field.name in left_out:
            continue
        for line in textwrap.wrap(sentences(field, setting), COLUMNS - 2):
            yield f"# {line}\n"
        if field.name in given:
            yield f"{field.name} = {literal(given[field.name])}\n"
        else:
            default = IN_A_FLEET.get(field.name, field.default)
            yield f"# {field.name} = {setting.example or literal(default)}\n"
