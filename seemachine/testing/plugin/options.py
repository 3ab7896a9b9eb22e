"""What a run says for all its tests, on the command line or else in its settings file; and names
that the rest of the plugin is loaded by.
"""

from typing import Any

import pytest

MARKER = "seemachine"
# What `pytest --markers` says; marker.py has what the words take.
MARKER_HELP = (
    "seemachine(machines=, model=, seed=, latency=, faults=, store=, processes=,"
    " operator=, settings=, lms=, lmots=, expcards=, explease=): which fleet and which keys the"
    " fixtures of seemachine give a test."
)
FLEET, ASYNC_FLEET = "seemachine_fleet", "seemachine_async_fleet"
SCOPE = "seemachine_fleet_scope"
SCOPES = ("function", "class", "module", "package", "session")
# Words of the marker that a run can say for all its tests, and what they are.
FOR_ALL = {
    "machines": "how many machines a fleet has, unless a marker says it (1)",
    "seed": "make ESNs, keys and signatures from this seed: they are the same in every run",
    "latency": "let machines take as long as a 5c, an xc, or chunk=0.2,signature=0.02",
    "processes": "true: give each machine a process of its own, for libraries that hold the GIL",
}


def add(parser: pytest.Parser) -> None:
    """Say which there are."""
    group = parser.getgroup("seemachine", "seemachine: machines that sign, for tests")
    for word, what in FOR_ALL.items():
        name = f"seemachine_{word}"
        flag = f"--{name.replace('_', '-')}"
        group.addoption(flag, dest=name, metavar=word.upper(), help=what)
        parser.addini(name, f"{what}; {flag} overrides it", default="")
    what = f"how long seemachine_fleet lasts: {', '.join(SCOPES)}; its cards and keys, too"
    parser.addini(SCOPE, what, default=SCOPES[0])


def scope_of(config: pytest.Config) -> Any:
    """The scope of seemachine_fleet. Raises UsageError for one that there is not."""
    scope = config.getini(SCOPE)
    if scope not in SCOPES:
        known = f"{', '.join(SCOPES[:-1])} or {SCOPES[-1]}"
        raise pytest.UsageError(f"{SCOPE} = {scope}: it takes {known}")
    return scope


def said(config: pytest.Config) -> dict[str, str]:
    """Words of the marker and their values, as the run has them; empty where it says nothing."""
    names = {word: f"seemachine_{word}" for word in FOR_ALL}
    return {word: config.getoption(name) or config.getini(name) for word, name in names.items()}
