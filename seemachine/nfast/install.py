"""The folder of launchers, the stand-in of the CodeSafe 5 SDK, and the stand-in of the release:
small files, all made from here.
"""

import io
import os
import shlex
import stat
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from seemachine.nfast import paths
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.wire.names import SDK_VERSION
from seemachine.world import World

# Names of tools, and the module that each is.
Modules = Mapping[str, str]
# Named as in the guide, which uses the Windows release on Linux too.
ZIPPED = f"pqsdk-{SDK_VERSION}-win64"

PROGRAM = '''\
#!/usr/bin/env python3
"""Runs seemachine: a stand-in for the SEE machine of the nShield PQC Option Pack, for no HSM."""
import sys

from seemachine.cli import main

sys.exit(main(["serve", *sys.argv[1:]]))
'''
SCRIPT = '''\
"""Stand-in for {name}."""
import sys

from {module} import main

sys.exit(main())
'''
NETWORK = (
    '{"comment": "stand-in; the keys of the real file are not public", "listen": [{"port": 8888,'
    ' "protocol": "tcp"}]}\n'
)
PACKAGES = '{"comment": "stand-in; the keys of the real file are not public", "python": true}\n'
SDK_TEXT = (
    "Stand-in for the CodeSafe 5 SDK: empty but for this file. Here images run with the Python that"
    " starts them.\n"
)


def install(world: World, tools: Modules) -> Path:
    """Make the launchers and the SDK's folders, and return the folder to put into PATH.

    It is never a real /opt/nfast.
    """
    root, kmdata = paths.nfast(world), paths.kmdata(world)
    private_folder(kmdata.resolve() / "local")
    folder = private_folder(root / "bin")
    with paths.alone(world):
        for name, module in tools.items():
            _script(folder / name, _launcher(world, f"-P -m {module}"))
        # Scripts of the release are run as /opt/nfast/python3/bin/python3 NAME.py in the guide.
        _script(private_folder(root / "python3" / "bin") / "python3", _launcher(world, ""))
        for part in (
            "python3/csd5/ppc64/usr/bin",
            "python3/csd5/ppc64/usr/lib/python3.11",
            "c/csd5/rootfs",
        ):
            _file(private_folder(root / part) / "seemachine-stand-in.txt", SDK_TEXT)
    return folder


def release(world: World, scripts: Modules, path: Path) -> None:
    """Write the release file, a zip as the guide unpacks one (2.4)."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, (content, executable) in _contents(world, scripts).items():
            entry = zipfile.ZipInfo(f"{ZIPPED}/{name}")
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            archive.writestr(entry, os.fsencode(content))
    replace_file(path, whole.getvalue())


def script(name: str, module: str) -> str:
    """The stand-in of a script, of the release or of Entrust Support."""
    return SCRIPT.format(name=name, module=module)


def is_release(path: Path) -> bool:
    """Whether a file is one that `release` wrote."""
    try:
        with zipfile.ZipFile(path) as archive:
            return f"{ZIPPED}/pqsdk-{SDK_VERSION}.bin" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _contents(world: World, scripts: Modules) -> dict[str, tuple[str, bool]]:
    files = {
        f"pqsdk-{SDK_VERSION}.bin": (PROGRAM, True),
        f"pqsdk-{SDK_VERSION}.elf": (PROGRAM, True),
        "pipsqueak": (_launcher(world, "-P -m seeclient"), True),
        "network.json": (NETWORK, False),
        "packages.json": (PACKAGES, False),
    }
    return files | {name: (script(name, module), False) for name, module in scripts.items()}


def _launcher(world: World, words: str) -> str:
    return (
        f"#!/bin/sh\nSEEMACHINE_HOME={shlex.quote(str(world))} exec {shlex.quote(sys.executable)}"
        f' {words} "$@"\n'
    )


def _script(path: Path, text: str) -> None:
    _file(path, text)
    path.chmod(stat.S_IRWXU)


def _file(path: Path, text: str) -> None:
    # Launchers name folders, which are bytes.
    data = os.fsencode(text)
    if not path.exists() or path.read_bytes() != data:
        replace_file(path, data)
