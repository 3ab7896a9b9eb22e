"""The machine that the figures are of, and how much of it was somebody else's."""

import os
import platform
import re
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seemachine.lms import engines
from seemachine.lms.engines import Engine

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe() -> dict[str, Any]:
    """Name, cores, Python, kernels of the engine."""
    found = engines.describe()
    return {
        "cpu": _cpu(),
        "cores": CORES,
        "system": f"{platform.system()} {platform.machine()}",
        "release": platform.release(),
        "python": platform.python_version(),
        "python_build": python_build(sysconfig.get_config_vars()),
        "engine": found.engine,
        "generating": found.generating["sha256"],
        "signing": found.signing["sha256"],
        "date": time.strftime("%Y-%m-%d"),
    }


def python_build(settings: Mapping[str, Any]) -> str:
    """How the interpreter was compiled: with a profile of itself (PGO) and across files (LTO), or
    not. `settings` are those of sysconfig.
    """
    told = " ".join(str(settings.get(name) or "") for name in ("CONFIG_ARGS", "PY_CFLAGS"))
    signs = {"PGO": r"--enable-optimizations|-fprofile-use", "LTO": r"--with-lto(?!=no)|-flto"}
    found = [name for name, sign in signs.items() if re.search(sign, told)]
    return f"optimized with {' and '.join(found)}" if found else "built without PGO and LTO"


def sentence(host: Mapping[str, Any]) -> str:
    """The same in words."""
    build = f" ({host['python_build']})" if "python_build" in host else ""
    system = f"{host['system']} {host.get('release', '')}".strip()
    return (
        f"{host['cpu']}, {host['cores']} cores, {system}, Python {host['python']}{build}, engine"
        f" {host['engine']} (keys: {host['generating']}, signatures: {host['signing']}),"
        f" {host['date']}."
    )


def one_thread() -> Engine:
    """The engine that is chosen here, kept to one thread."""
    if engines.select().name == "portable":
        return engines.select()
    from seemachine.lms.engines.native import NativeEngine
    from seemachine.lms.engines.pool import Pool

    return NativeEngine(os.environ.get(engines.ENVIRONMENT) or None, Pool(1))


class Others:
    """How much of the cores others had since this object was made, a hypervisor included.

    All our children must have ended.
    """

    def __init__(self) -> None:
        self._before = _ticks()

    def share(self) -> float:
        """From 0 to 1; 0 too where there is no /proc."""
        total, idle, own = (
            late - early for early, late in zip(self._before, _ticks(), strict=True)
        )
        return max(0.0, (total - idle - own) / total) if total else 0.0


def _ticks() -> tuple[float, float, float]:
    """Seconds of all cores together: all, those without work, those that we and our children
    worked.
    """
    path = Path("/proc/stat")
    if not path.exists():
        return 0, 0, 0
    ticks = [
        int(word) / os.sysconf("SC_CLK_TCK")
        for word in path.read_text().splitlines()[0].split()[1:9]
    ]
    return sum(ticks), ticks[3] + ticks[4], sum(os.times()[:4])


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    facts = (
        dict(re.findall(r"^([\w ]+?)\s*: (.*)$", path.read_text(), re.MULTILINE))
        if path.exists()
        else {}
    )
    name = facts.get("model name") or platform.processor() or platform.machine()
    return (
        f"{name} (family {facts['cpu family']}, model {facts['model']})"
        if "cpu family" in facts
        else name
    )
