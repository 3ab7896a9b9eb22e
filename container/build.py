"""The recipe of the CodeSafe 5 image: lay out the root tree, then have csadmin pack and sign it
(guide 2.5.2, steps 16 to 18).
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import csadmin
import tree
import vendor

MOCK = tree.HERE / "mock"
BUILD = tree.SOURCE / "build" / "container"


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
    parser.add_argument(
        "--output",
        type=Path,
        default=BUILD,
        metavar="DIR",
        help="where the tree and the images go; default build/container",
    )
    parser.add_argument("--tree-only", action="store_true", help="stop when the root tree is made")
    parser.add_argument(
        "--cache",
        type=Path,
        default=BUILD / "archives",
        metavar="DIR",
        help="where fetched archives are kept",
    )
    parser.add_argument(
        "--settings",
        type=Path,
        default=tree.DEFAULT_SETTINGS,
        metavar="FILE",
        help="etc/seemachine.toml of the image",
    )
    parser.add_argument(
        "--interpreter",
        default=tree.INTERPRETER,
        metavar="PATH",
        help="the container's Python; default /usr/bin/python3",
    )
    vendors = parser.add_argument_group(
        "from the vendor's kit and tools; without one of the first three, a file for the mock is"
        " taken"
    )
    vendors.add_argument(
        "--userdata",
        type=Path,
        default=MOCK / "mock-userdata.txt",
        metavar="FILE",
        help="what userdatatool.py wrote",
    )
    vendors.add_argument(
        "--network-conf",
        type=Path,
        default=MOCK / "mock-network.json",
        metavar="FILE",
        help="network.json of the kit",
    )
    vendors.add_argument(
        "--packages-conf",
        type=Path,
        default=MOCK / "mock-packages.json",
        metavar="FILE",
        help="packages.json of the kit",
    )
    vendors.add_argument(
        "--devcert",
        type=Path,
        metavar="FILE",
        help="the developer certificate; with it the image is signed",
    )
    vendors.add_argument(
        "--devkeyname",
        default="devkeyident",
        metavar="NAME",
        help="the developer key; default devkeyident",
    )
    vendors.add_argument(
        "--askeyname",
        default="pqsdk-signer",
        metavar="NAME",
        help="the application signing key; default pqsdk-signer",
    )
    return parser


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
