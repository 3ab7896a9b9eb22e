"""`seemachine info`: what runs here and why, for a person and for a bug report."""

import platform
import sys
from typing import Any

import seemachine
from seemachine.lms import engines
from seemachine.printing import say, say_json
from seemachine.wire.names import PROTOCOL, SDK_VERSION
from seemachine.world import World


def gather(world: World) -> dict[str, Any]:
    """The facts. Raises EngineError when SEEMACHINE_ENGINE asks for what can't be had."""
    engine = engines.describe()
    return {
        "seemachine": seemachine.__version__,
        "emulates": f"PQSDK {SDK_VERSION}",
        "protocol": PROTOCOL,
        "python": (
            f"{platform.python_implementation()} {platform.python_version()},"
            f" {sys.byteorder}-endian, {platform.machine()}"
        ),
        "world": str(world),
        "engine": engine.engine,
        "cores": engine.cores,
        "generating": engine.generating,
        "signing": engine.signing,
        "not_used": engine.refused,
    }


def run(world: World, *, as_json: bool) -> int:
    """Print them. Returns the exit code."""
    try:
        facts = gather(world)
    except engines.EngineError as error:
        say(f"seemachine info: {error}", file=sys.stderr)
        return 1
    if as_json:
        say_json(facts)
        return 0
    for name in ("seemachine", "emulates", "protocol", "python", "world", "engine", "cores"):
        say(f"{name:<12} {facts[name]}")
    for name in ("generating", "signing"):
        say(
            f"{name:<12}"
            f" {', '.join(f'{hash_name}: {kernel}' for hash_name, kernel in facts[name].items())}"
        )
    for name, reason in facts["not_used"].items():
        say(f"not used     {name}: {reason}")
    return 0
