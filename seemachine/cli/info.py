"""`seemachine info`: what runs here and why, for a person and for a bug report."""

import argparse
import platform
import sys
from typing import Any

from seeclient import library

import seemachine
from seemachine.cli.answer import Answer, Refused
from seemachine.lms import engines
from seemachine.mldsa import engines as mldsa_engines
from seemachine.wire.names import PROTOCOL, SDK_VERSION
from seemachine.world import World


def gather(world: World) -> dict[str, Any]:
    """The facts. Raises EngineError, MldsaEngineError where what a variable names can't be had."""
    engine, reason = engines.describe(), mldsa_engines.missed()
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
        "mldsa": mldsa_engines.select().name,
        "not_used": engine.refused | ({"openssl": reason} if reason else {}),
        **_libraries(),
    }


def _libraries() -> dict[str, dict[str, str]]:
    """Where the C libraries are, and why others are not."""
    there, missing = {}, {}
    for name in library.FILES:
        try:
            there[name] = str(library.path_of(name))
        except library.NotBuiltError as error:
            missing[name] = str(error)
    return {"libraries": there, "not_built": missing}


def run(options: argparse.Namespace) -> int:
    """Tell them. Returns the exit code."""
    answer: Answer = options.answer
    try:
        facts = gather(options.world)
    except (engines.EngineError, mldsa_engines.MldsaEngineError) as error:
        raise Refused(str(error)) from None
    answer.give(**facts)
    for name in ("seemachine", "emulates", "protocol", "python", "world", "engine", "cores"):
        answer.say(f"{name:<12} {facts[name]}")
    for name in ("generating", "signing"):
        kernels = (f"{hash_name}: {kernel}" for hash_name, kernel in facts[name].items())
        answer.say(f"{name:<12} {', '.join(kernels)}")
    answer.say(f"{'ML-DSA':<12} {facts['mldsa']}")
    for name, reason in facts["not_used"].items():
        answer.say(f"not used     {name}: {reason}")
    for name, path in facts["libraries"].items():
        answer.say(f"library      {name}: {path}")
    for name, reason in facts["not_built"].items():
        answer.say(f"not built    {name}: {reason}")
    return 0
