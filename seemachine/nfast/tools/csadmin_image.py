"""csadmin image generate: a root tree, the SDK's Python and root file system under it, as an
unsigned image (guide 2.5.2.3 step 17).
"""

import argparse
import random
import shutil
import string
from pathlib import Path
from typing import Any

from seemachine.nfast import files, paths, tool
from seemachine.nfast.files import parsed
from seemachine.nfast.output import say
from seemachine.nfast.refusals import Refusal


def add_generate(words: Any) -> None:
    """`image generate`."""
    verb = words.add_parser("generate", help="make an unsigned image of a root tree")
    verb.add_argument("--package-name", required=True, metavar="NAME")
    verb.add_argument("--version-str", required=True, metavar="VERSION")
    verb.add_argument(
        "--entry-point",
        required=True,
        metavar="PATH",
        help="in the container, such as /usr/bin/entrypoint",
    )
    verb.add_argument("--network-conf", type=Path, required=True, metavar="network.json")
    verb.add_argument("--packages-conf", type=Path, required=True, metavar="packages.json")
    verb.add_argument("--rootdir", type=Path, required=True, metavar="DIR")
    verb.add_argument("output", type=Path, metavar="IMAGE.cs5")
    verb.set_defaults(act=_generate)


def _generate(options: argparse.Namespace) -> None:
    from seemachine.nfast import images

    files.refuse_unwritable(options.output)
    _refuse_unnamed(options)
    about = {
        "package_name": options.package_name,
        "version": options.version_str,
        "entry_point": _entry_point(options),
        "network": _settings(options.network_conf),
        "packages": _settings(options.packages_conf),
    }
    scratch = Path(f"rfs_build_{''.join(random.choices(string.ascii_letters, k=10))}").absolute()  # noqa: S311
    try:
        _lay_out(scratch, options.rootdir)
        images.write(options.output, images.generate(scratch, about))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _refuse_unnamed(options: argparse.Namespace) -> None:
    for option, text in (
        ("--package-name", options.package_name),
        ("--version-str", options.version_str),
    ):
        if not text.strip() or not text.isprintable():
            raise Refusal(f"{option} is for a text in one line, not {text!r}")


def _entry_point(options: argparse.Namespace) -> str:
    entry: str = options.entry_point
    if not options.rootdir.is_dir():
        raise Refusal(f"there is no folder {options.rootdir}")
    if (
        not entry.startswith("/")
        or ".." in entry
        or not (options.rootdir / entry.lstrip("/")).is_file()
    ):
        raise Refusal(
            f"the entry point {entry} is not a file below {options.rootdir}; it is written as in"
            " the container: /usr/bin/entrypoint"
        )
    return entry


def _settings(path: Path) -> Any:
    """Their keys are not public, so only that they are JSON is checked."""
    try:
        return parsed(path.read_text())
    except ValueError as error:
        raise Refusal(f"{path} is not JSON: {error}") from None


def _lay_out(scratch: Path, root: Path) -> None:
    """What the SDK gives comes first, so that the root tree may replace it."""
    sdk = paths.nfast(tool.world())
    sources = {
        sdk / "python3/csd5/ppc64/usr/bin": scratch / "usr/bin",
        sdk / "python3/csd5/ppc64/usr/lib/python3.11": scratch / "usr/lib/python3.11",
        sdk / "c/csd5/rootfs": scratch,
    }
    for source, target in sources.items():
        say(f"Copying {source} to {target}{'/' if target == scratch else ''}")
        if not source.is_dir():
            raise Refusal(
                f"the CodeSafe 5 SDK is not installed ({source} is missing); make its stand-in"
                " with: seemachine nfast path"
            )
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    shutil.copytree(root, scratch, symlinks=True, dirs_exist_ok=True)
