"""The recipe of the CodeSafe 5 image: lay out the root tree, then have csadmin pack and sign it
(guide 2.5.2, steps 16 to 18).
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import csadmin
import tree
import vendor

MOCK = tree.HERE / "mock"
BUILD = tree.SOURCE / "build" / "container"


class Option(NamedTuple):
    """An option with a value: its default, the word for the value, and what it is."""

    default: Path | str | None
    shown: str
    what: str


OURS = {
    "output": Option(BUILD, "DIR", "where the tree and the images go; default build/container"),
    "cache": Option(BUILD / "archives", "DIR", "where fetched archives are kept"),
    "settings": Option(tree.DEFAULT_SETTINGS, "FILE", "etc/seemachine.toml of the image"),
    "interpreter": Option(
        tree.INTERPRETER, "PATH", "the container's Python; default /usr/bin/python3"
    ),
}
FROM_THE_VENDOR = (
    "from the vendor's kit and tools; without one of the first three, a file for the mock is taken"
)
VENDORS = {
    "userdata": Option(MOCK / "mock-userdata.txt", "FILE", "what userdatatool.py wrote"),
    "network-conf": Option(MOCK / "mock-network.json", "FILE", "network.json of the kit"),
    "packages-conf": Option(MOCK / "mock-packages.json", "FILE", "packages.json of the kit"),
    "devcert": Option(None, "FILE", "the developer certificate; with it the image is signed"),
    "devkeyname": Option("devkeyident", "NAME", "the developer key; default devkeyident"),
    "askeyname": Option(
        "pqsdk-signer", "NAME", "the application signing key; default pqsdk-signer"
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Build.

    Returns the exit code: 0 done, 1 refused, 2 invalid command line, or that of csadmin.
    """
    options = _parser().parse_args(arguments)
    try:
        return _build(options)
    except (vendor.VendorError, OSError) as error:
        print(f"build: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build.py", description=__doc__)
    parser.add_argument("--tree-only", action="store_true", help="stop when the root tree is made")
    _add(parser, OURS)
    _add(parser.add_argument_group(FROM_THE_VENDOR), VENDORS)
    return parser


def _add(parser: argparse._ActionsContainer, options: dict[str, Option]) -> None:
    for name, option in options.items():
        kind = str if option.shown in ("NAME", "PATH") else Path
        parser.add_argument(
            f"--{name}", type=kind, default=option.default, metavar=option.shown, help=option.what
        )


def _build(options: argparse.Namespace) -> int:
    root: Path = options.output / "tree"
    csadmin.forget(options.output)
    found = tree.lay_out(
        root, options.cache, tree.Choices(options.userdata, options.settings, options.interpreter)
    )
    print(f"{root}: sha256 {found}")
    if options.tree_only:
        return 0
    for path in (options.userdata, options.network_conf, options.packages_conf):
        if path.parent == MOCK:
            print(
                f"build: {path.name} is for the mock csadmin; a real HSM needs the vendor's file",
                file=sys.stderr,
            )
    if not shutil.which("csadmin"):
        print("build: csadmin is not in PATH, so there is the tree and no image", file=sys.stderr)
        return 1 if options.devcert else 0
    return csadmin.pack(root, options)


if __name__ == "__main__":
    sys.exit(main())
