"""The tables of a fleet file, and what is refused there by name."""

from typing import Any

from seemachine.config import ConfigError
from seemachine.wire.names import MOST_MACHINES

SECTIONS = (
    "process",
    "count",
    "sockets",
    "seed",
    "fault_injection",
    "latency",
    "machines",
    "operator",
    "limits",
    "tls",
    "faults",
)
# What a fleet file says of all machines together, and where.
SHARED = {
    "count": "it is of the whole fleet; write it at the top, above the first [[machines]]",
    "process": "it is of the whole fleet; write it at the top, above the first [[machines]]",
    "sockets": "it is of the whole fleet; write it at the top, or a socket here",
    "seed": "it is of the whole world; write it at the top, above the first [[machines]]",
    "limits": "they hold for all machines; write them as [limits], outside [[machines]]",
    "faults": "write them as [[faults]] after the machines, with esn = for those of one",
    "operator": "it holds for all machines; write it as [operator], outside [[machines]]",
    "reserved_ports": "they are the ports of the others; leave it out",
    "world": "it is the folder that fleet.toml is in; leave it out",
}


def refuse_unknown(table: dict[str, Any]) -> None:
    """Raises ConfigError for the first name that is not known, with the one that may be meant."""
    for name in sorted(table.keys() - set(SECTIONS)):
        from difflib import get_close_matches

        what = "section" if isinstance(table[name], dict | list) else "setting"
        like = get_close_matches(name, SECTIONS, n=1)
        meant = f"did you mean {like[0]}? Known" if like else "known"
        raise ConfigError(f"unknown {what} {name}; {meant} are {', '.join(SECTIONS)}")


def entries_of(table: dict[str, Any]) -> list[dict[str, Any]]:
    """The [[machines]], none of which may say what is said of all: it would be written over.

    Raises ConfigError.
    """
    entries = table.get("machines", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError("a fleet needs at least one [[machines]], or a count")
    if not entries and not table.get("count"):
        raise ConfigError(
            f"count takes a number from 1 to {MOST_MACHINES} where there is no [[machines]], not 0"
            if "count" in table
            else "a fleet needs at least one [[machines]], or a count"
        )
    for number, entry in enumerate(entries, 1):
        for name in sorted(entry.keys() & SHARED.keys()):
            raise ConfigError(f"[[machines]] takes no {name}: {SHARED[name]}")
        if "esn" not in entry:
            which = "the first [[machines]]" if number == 1 else f"[[machines]] number {number}"
            raise ConfigError(f"esn is missing in {which}")
    return entries
