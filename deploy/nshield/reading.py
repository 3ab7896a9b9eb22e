"""What the lines of the tools say: those that the guide prints, and those that are documented."""

import json
import re
from collections.abc import Sequence
from typing import Any

from nshield.settings import ESN

# csadmin list may have a state in the HSM's line; what the vendor's prints of a loaded SEE machine
# is not published.
STARTED, STOPPED = "STARTED", "STOPPED"


def serial_number(enquiry: str) -> str:
    """Of a module, empty without one."""
    return _first(rf"^ *serial number +({ESN})", enquiry)


def is_operational(enquiry: str) -> bool:
    """Whether the module does its work."""
    return bool(_first(r"^ *mode +(operational)", enquiry))


def modules(enquiry: str) -> int:
    """How many modules there are."""
    return len(re.findall(r"^Module #", enquiry, re.MULTILINE))


def world_usable(nfkminfo: str, number: str) -> bool:
    """Whether the Security World is there, and usable on the module of a number."""
    world, *blocks = re.split(r"^Module #", nfkminfo, flags=re.MULTILINE)
    own = [block for block in blocks if re.match(rf"{number}\b", block)]
    return bool(own) and all(_usable(block) for block in (world, own[0]))


def features(fet: str, number: str) -> dict[str, bool]:
    """The columns of fet for a module: a title stands after as many bars as there are columns
    before its own.
    """
    lines = fet.splitlines()
    titles = [
        found[1].strip() for line in lines if (found := re.match(r"\s*(?:\| )*([A-Z][^|]*)$", line))
    ]
    first = "ISO Smart Card Support"
    columns = titles[titles.index(first) :] if first in titles else []
    rows = [
        found[1].split()
        for line in lines
        if (found := re.match(rf"{number} +{ESN} +-- ((?:[YN] )+)", line))
    ]
    flags = rows[0] if rows else []
    return {title: flag == "Y" for title, flag in zip(columns, flags, strict=False)}


def key_hash(nfkminfo: str) -> str:
    """Of a key, empty without one."""
    return _first(r"^ *hash +([0-9a-f]{40})", nfkminfo)


def curves(nfkminfo: str) -> set[str]:
    """The elliptic curves that are named; real nfkminfo may print none."""
    return {curve.lower() for curve in re.findall(r"nistp?\d+", nfkminfo, re.IGNORECASE)}


def lines_of(esn: str, lines: Sequence[str]) -> list[str]:
    """Of `csadmin list` those on one HSM: from its serial number to the next."""
    own, found = False, []
    for line in lines:
        own = line.startswith(esn) if re.match(ESN, line) else own
        found += [line] if own else []
    return found


def state(line: str) -> str:
    """STARTED or STOPPED, empty where csadmin says neither."""
    return next((word for word in (STARTED, STOPPED) if word in line), "")


def banner(pipsqueak: str) -> str | None:
    """The serial numbers in the banner; None without a banner."""
    found = re.search(r"^PQSDK: [^(]*\(([^)]*)\)", pipsqueak, re.MULTILINE)
    return found[1] if found else None


def document(said: str) -> dict[str, Any]:
    """The JSON document in what a tool said; what it complained of may stand before and after.

    Empty when there is none.
    """
    try:
        found, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
    except ValueError:
        return {}
    return dict(found)


def certificates(answer: Any) -> set[str]:
    """The serial numbers of certificates in the answer of one HSM to `csadmin ids list --json`."""
    try:
        return {each["serialNumber"] for each in answer["data"]["Certificates"]}
    except (KeyError, TypeError):
        return set()


def _first(pattern: str, said: str) -> str:
    found = re.search(pattern, said, re.MULTILINE)
    return found[1] if found else ""


def _usable(block: str) -> bool:
    return "Usable" in _first(r"^ *state +(.*)$", block).split()
