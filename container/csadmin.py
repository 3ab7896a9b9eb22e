"""The two calls of csadmin that make an image, as the guide prints them (2.5.2, steps
17 and 18).
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

import seemachine

VERSION = seemachine.__version__
UNSIGNED, SIGNED = "seemachine.cs5", "seemachine-signed.cs5"


def pack(root: Path, options: argparse.Namespace) -> int:
    """Generate the image beside its tree; sign it when there is a developer certificate.

    Returns csadmin's exit code.
    """
    code = _run(generating(root, options.network_conf, options.packages_conf), root.parent)
    if code:
        return code
    if options.devcert is None:
        print(
            f"build: {root.parent / UNSIGNED} is not signed; give --devcert FILE", file=sys.stderr
        )
        return 0
    return _run(signing(options.devkeyname, options.devcert, options.askeyname), root.parent)


def forget(folder: Path) -> None:
    """No image of an earlier tree stays beside a new one: it could be taken for that of the new
    one.
    """
    for name in (UNSIGNED, SIGNED):
        (folder / name).unlink(missing_ok=True)


def generating(root: Path, network: Path, packages: Path) -> list[str]:
    """The command that packs a tree."""
    names = [
        "--package-name",
        f"seemachine-{VERSION}",
        "--version-str",
        VERSION,
        "--entry-point",
        "/usr/bin/entrypoint",
    ]
    confs = ["--network-conf", str(network.absolute()), "--packages-conf", str(packages.absolute())]
    return ["csadmin", "image", "generate", *names, *confs, "--rootdir", root.name, UNSIGNED]


def signing(key: str, certificate: Path, application_key: str) -> list[str]:
    """The command that signs the packed image."""
    keys = [
        "--devkeyname",
        key,
        "--devcert",
        str(certificate.absolute()),
        "--askeyname",
        application_key,
    ]
    return ["csadmin", "image", "sign", *keys, "--out", SIGNED, UNSIGNED]


def _run(command: list[str], folder: Path) -> int:
    # csadmin makes its scratch folder where it is started.
    print(shlex.join(command), flush=True)
    return subprocess.run(command, cwd=folder, check=False).returncode
