"""The environment of programs that are to find the machines of a world."""

import os
import sysconfig
from collections.abc import Mapping

from seeclient.environment import FLEET_VARIABLE

from seemachine.world import HOME_VARIABLE, KMLOCAL_VARIABLE, SEEN_VARIABLE, World

# What would lead a program to machines, keys, memory or certificates of another world. Empty, each
# says nothing.
ELSEWHERE = (
    FLEET_VARIABLE,
    KMLOCAL_VARIABLE,
    SEEN_VARIABLE,
    "SEEMACHINE_TLS_CERT",
    "SEEMACHINE_TLS_KEY",
    "SEEMACHINE_TLS_CA",
)


def environment(world: World, environ: Mapping[str, str]) -> dict[str, str]:
    """That of this process, for programs that act on one world. They find `pipsqueak` and
    `seemachine` too.
    """
    unsaid = dict.fromkeys(filter(environ.__contains__, ELSEWHERE), "")
    path = _with_scripts(environ.get("PATH", os.defpath))
    return {**environ, **unsaid, HOME_VARIABLE: str(world), "PATH": path}


def _with_scripts(path: str) -> str:
    """Commands of this very Python are found first, unless they are found already."""
    scripts = sysconfig.get_path("scripts")
    folders = path.split(os.pathsep)
    return path if scripts in folders else os.pathsep.join([scripts, *folders])
