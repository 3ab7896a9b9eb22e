"""The root trees of the two container images, for the Python that runs this.

OUT/machine is the tree of the CodeSafe image with the native engine in it, OUT/client what signs:
the library, the commands, the C libraries. OUT/data and OUT/nfast have the folders on which volumes
are mounted: one for what is kept, and two as nShield's containers have them. WHEELS is the folder
of our own wheel, with what was compiled for this platform; all other packages are taken by their
hashes.
"""

import argparse
import compileall
import os
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import cache_from_source
from pathlib import Path, PurePosixPath

import tree
import vendor

CLIENT_LOCK = vendor.LOCK.with_name("client.lock")
ENGINE = PurePosixPath("seemachine/lms/engines")
# Where nShield's containers mount volumes.
NFAST = PurePosixPath("opt/nfast")
NFAST_VOLUMES = ("sockets", "kmdata")
USERDATA = tree.HERE / "mock" / "mock-userdata.txt"
# The commands of the client's image, and the modules whose `main` they are.
COMMANDS = {"seemachine": "seemachine.__main__", "pipsqueak": "seeclient.__main__"}
# What brings in nearly all modules of Python itself that a tree's programs load.
LOADED = {
    "machine": "data_folder encodings.idna sqlite3 tomllib seemachine.cli.serve"
    " seemachine.server.hosting",
    "client": "encodings.idna seemachine.__main__ seemachine.cli.parser seeclient.__main__"
    " seeclient.blocking",
}
LIST = """
import sys

sys.path.append(sys.argv[1])
for name in sys.argv[2].split():
    __import__(name)
files = {getattr(module, "__file__", None) or "" for module in sys.modules.values()}
print(*sorted(file for file in files if file.endswith(".py") and not file.startswith(sys.argv[1])))
"""
COMMAND = """#!{interpreter}
import sys

from {module} import main

sys.exit(main())
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Lay out the trees. Returns the exit code: 0 done, 1 refused."""
    parser = argparse.ArgumentParser(prog="images.py", description=__doc__)
    parser.add_argument("wheels", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cache", type=Path, help="where fetched archives are kept")
    options = parser.parse_args(arguments)
    cache = options.cache or options.out / "archives"
    try:
        wheel = own_wheel(options.wheels)
        lay_out_machine(options.out / "machine", cache, wheel)
        lay_out_client(options.out / "client", cache, wheel)
    except (vendor.VendorError, OSError) as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    for volume in (f"data/{tree.DATA.name}", *(f"nfast/{name}" for name in NFAST_VOLUMES)):
        (options.out / volume).mkdir(parents=True, exist_ok=True)
    return 0


def own_wheel(folder: Path) -> Path:
    """The one wheel of seemachine in a folder. Raises VendorError."""
    found = sorted(folder.glob("seemachine-*.whl"))
    if len(found) != 1:
        raise vendor.VendorError(f"{folder} holds {len(found)} wheels of seemachine, not one")
    return found[0]


def lay_out_machine(root: Path, cache: Path, wheel: Path) -> None:
    """The tree of the CodeSafe image, and the engine. Raises VendorError, OSError."""
    choices = tree.Choices(USERDATA, interpreter=sys.executable)
    tree.lay_out(root, cache, choices)
    for name, data in compiled(wheel):
        if name.parent == ENGINE:
            tree.write(root / tree.LIBRARY / name, data)
    # The image has it from OUT/data, with its owner.
    (root / tree.DATA).rmdir()
    finish(root, LOADED["machine"])


def lay_out_client(root: Path, cache: Path, wheel: Path) -> None:
    """All that an installation has, below one folder for PYTHONPATH.

    Raises VendorError, OSError.
    """
    if root.exists():
        shutil.rmtree(root)
    # Refused as early as for the machine.
    compiled(wheel)
    for archive in (*packages(cache, vendor.LOCK), *packages(cache, CLIENT_LOCK)):
        for name, data in vendor.files(archive):
            tree.write(root / tree.LIBRARY / name, data)
    for name, data in vendor.unpacked(wheel):
        tree.write(root / tree.LIBRARY / name, data)
    for command, module in COMMANDS.items():
        text = COMMAND.format(interpreter=sys.executable, module=module)
        tree.write(root / "usr" / "bin" / command, text.encode(), tree.PROGRAM_MODE)
    finish(root, LOADED["client"])


def packages(cache: Path, lock: Path) -> Iterator[Path]:
    """The archives that a lock names. Raises VendorError."""
    yield from vendor.archives(cache, lock).values()


def compiled(wheel: Path) -> list[tuple[PurePosixPath, bytes]]:
    """What of our wheel is for this platform. Raises VendorError where that is nothing."""
    found = [(name, data) for name, data in vendor.unpacked(wheel) if name.suffix == ".so"]
    if not any(name.parent == ENGINE for name, _ in found):
        why = [data for name, data in vendor.unpacked(wheel) if name.name == "not_built.txt"]
        reason = why[0].decode().strip() if why else "it was built without one"
        raise vendor.VendorError(f"{wheel.name} has no native engine: {reason}")
    return found


def finish(root: Path, loaded: str) -> None:
    """Byte code, folders above volumes that are root's, and times that say nothing of today."""
    for above in (tree.DATA.parent, NFAST):
        (root / above).mkdir(parents=True, exist_ok=True)
    compile_own(root)
    for source in standard_modules(root, loaded):
        compile_standard(root, source)
    for folder, _, names in os.walk(root, topdown=False):
        for path in (*(Path(folder, name) for name in names), Path(folder)):
            path.chmod(tree.FOLDER_MODE if path.is_dir() else path.stat().st_mode)
            os.utime(path, (0, 0))


def compile_own(root: Path) -> None:
    """Byte code that is never compared with its source. Raises OSError."""
    done = compileall.compile_dir(
        root / tree.LIBRARY,
        quiet=1,
        stripdir=str(root),
        prependdir="/",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not done:
        raise OSError(f"not all modules in {root} can be compiled")


def standard_modules(root: Path, loaded: str) -> list[str]:
    """The sources of Python's own modules that come with those of a tree. Raises OSError."""
    words = ["-ISB", "-c", LIST, str(root / tree.LIBRARY), loaded]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{root} can't be imported: {done.stderr}")
    return done.stdout.split()


def compile_standard(root: Path, source: str) -> None:
    """Byte code of one of Python's own modules, at the place where the base looks for it.

    Images have none, and nothing can be written at run time. The base's Python compares its source.
    """
    place = root / cache_from_source(source).lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    py_compile.compile(source, str(place), source, doraise=True, invalidation_mode=mode)


if __name__ == "__main__":
    sys.exit(main())
