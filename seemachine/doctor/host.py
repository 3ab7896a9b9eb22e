"""What the host offers: engine, packages, descriptors, threads, memory."""

import re
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata

from seeclient import library

from seemachine.config import Config
from seemachine.doctor.finding import NOTE, OK, TROUBLE, Diagnosis
from seemachine.lms import engines
from seemachine.process.descriptors import allow
from seemachine.process.hardening import harden
from seemachine.server.crew import Crew
from seemachine.server.promises import shortfalls, system

# `name>=1.2; extra == "x"` of a package's own list.
REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*>=\s*([0-9.]+)(?:.*extra\s*==\s*['\"]([a-z]+))?")
BUILD = (
    "install a C compiler and the headers of this Python, then install seemachine again, so that"
    " the engine is built"
)


def engine() -> Iterator[Diagnosis]:
    """Which one hashes, and why not the native one."""
    try:
        found = engines.describe()
    except engines.EngineError as error:
        yield Diagnosis("engine", TROUBLE, str(error), f"unset {engines.ENVIRONMENT}")
        return
    if found.engine == "native":
        kernels = ", ".join(sorted(set(found.generating.values())))
        yield Diagnosis("engine", OK, f"native: {kernels}")
        return
    why = "; ".join(found.refused.values()) or "nobody says why"
    advice = f"unset {engines.ENVIRONMENT}" if engines.ENVIRONMENT in why else BUILD
    yield Diagnosis("engine", NOTE, f"the portable engine, some thirty times slower: {why}", advice)


def libraries() -> Iterator[Diagnosis]:
    """Those for programs that are not Python, which not everybody needs."""
    missing = 0
    for name in library.FILES:
        try:
            library.path_of(name)
        except library.NotBuiltError as error:
            missing += 1
            yield Diagnosis("libraries", NOTE, error.reason, error.advice)
    if not missing:
        yield Diagnosis("libraries", OK, f"{' and '.join(library.FILES.values())} are built")


def packages() -> Iterator[Diagnosis]:
    """Versions of those that are needed, and extras that are not there."""
    python = sys.version_info
    yield Diagnosis("packages", OK, f"Python {python[0]}.{python[1]}.{python[2]}")
    missing: dict[str, list[str]] = {}
    for requirement in metadata.requires("seemachine") or ():
        if (parts := REQUIREMENT.match(requirement)) is None:
            continue
        name, least, extra = parts.groups()
        found = _version(name)
        if found is None and extra:
            missing.setdefault(name, []).append(extra)
        elif found is None or _numbers(found) < _numbers(least):
            has = "is not installed" if found is None else f"is {found}"
            yield Diagnosis(
                "packages",
                TROUBLE,
                f"{name} {has}; {least} or later is needed",
                f"pip install --upgrade '{name}>={least}'",
            )

    for name, extras in missing.items():
        needed = f"the extra {extras[0]} needs" if len(extras) == 1 else _several(extras)
        sentence = f"{name} is not installed, which {needed}"
        # By its own name, which leaves the install of a clone as it is.
        yield Diagnosis("packages", NOTE, sentence, f"pip install {name}")


def _several(extras: list[str]) -> str:
    return f"the extras {', '.join(extras[:-1])} and {extras[-1]} need"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


def limits(groups: Sequence[Sequence[Config]]) -> Iterator[Diagnosis]:
    """What the machines of each process promise, against what the system allows one."""
    short = [
        each
        for configs in groups
        for each in shortfalls(
            configs,
            allow(sum(config.limits.connections for config in configs), len(configs)),
            Crew(len(configs)).most,
            system(configs[0].folder),
        )
    ]
    for lack in {each.lack: each for each in short}.values():
        sentence = f"{lack.lack}: {lack.allowed} allowed, {lack.wanted} wanted"
        level = NOTE if lack.connections else TROUBLE
        yield Diagnosis("limits", level, sentence, str(lack.details["detail"]))
    if not short:
        yield Diagnosis("limits", OK, "descriptors, threads, memory and disk are enough")


def memory_lock(configs: Sequence[Config]) -> Iterator[Diagnosis]:
    """Whether secrets can be kept out of swap. This process locks its own memory to find out."""
    found = harden("auto")["locked_memory"]
    if found == "yes":
        yield Diagnosis("memory lock", OK, "memory can be locked")
        return
    needed = any(config.lock_memory == "yes" for config in configs)
    why = found.removeprefix("no: ")
    yield Diagnosis(
        "memory lock",
        TROUBLE if needed else NOTE,
        f"memory can't be locked, so secrets may get into swap: {why}",
        "ulimit -l unlimited",
    )
