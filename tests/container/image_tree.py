"""How the tests build an image tree, and how they run it: which Python, with what blocked, in which
namespaces.
"""

import json
import os
import runpy
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from pyhsslms import pyhsslms

ROOT = Path(__file__).parent.parent.parent
SESSION = Path(__file__).with_name("session.py")
NOBODY = 65534
# Put before the entry point: some modules can't be imported, some functions of os are gone;
# starting a process, or opening a file to write outside of the data folder, ends this one. `-c`
# code, since the interpreter runs without site-packages and without our files.
GUARD = """
import os, sys
blocked, entry, data = sys.argv[1].split(), sys.argv[2], sys.argv[3]
for name in blocked:
    if name.startswith("os."):
        delattr(os, name[3:])
    else:
        sys.modules[name] = None
STARTS = "subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
def watch(event, given):
    if event in STARTS:
        os.write(2, b"the image starts a process: %r\\n" % (given,))
        os._exit(99)
    if event == "open" and isinstance(given[0], str) and given[2] & WRITES:
        if not given[0].startswith(data + "/") and given[0] != os.devnull:
            os.write(2, b"the image writes to %r\\n" % given[0].encode())
            os._exit(98)
sys.addaudithook(watch)
sys.argv[:] = [entry, *sys.argv[4:]]
with open(entry, "rb") as file:
    code = compile(file.read(), entry, "exec")
exec(code, {"__name__": "__main__", "__file__": entry})
"""


def build(output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the recipe."""
    command = [
        sys.executable,
        str(ROOT / "container" / "build.py"),
        "--output",
        str(output),
        *options,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def command(tree: Path, data: Path, blocked: str = "", python: str = sys.executable) -> list[str]:
    """The entry point of a tree under the guard, by an interpreter that sees nothing but its
    standard library.
    """
    return [
        python,
        "-I",
        "-S",
        "-B",
        "-c",
        GUARD,
        blocked,
        str(tree / "usr/bin/entrypoint"),
        str(data),
    ]


# In every Python: its core, and what its own build links in before it can make modules
# (Modules/Setup.bootstrap).
CORE = (
    "_abc _ast _codecs _collections _functools _imp _io _locale _operator _signal _sre _stat"
    " _string _symtable _thread _tokenize _tracemalloc _typing _warnings _weakref atexit builtins"
    " errno faulthandler gc itertools marshal posix pwd sys time"
)
# Imported by what the machine needs, which has an answer to their absence.
REPLACED = {
    "_blake2",
    "_bisect",
    "_datetime",
    "_hashlib",
    "_heapq",
    "_json",
    "_locale",
    "_md5",
    "_opcode",
    "_pickle",
    "_sha1",
    "_sha3",
}
# Where hashlib has SHA-256 from without OpenSSL.
SHA_256 = {"_sha256", "_sha2"}
LIST_COMPILED = """
import os, sys, sysconfig
folder = sysconfig.get_path("platstdlib") + "/lib-dynload"
found = {name.partition(".")[0] for name in os.listdir(folder)} if os.path.isdir(folder) else set()
compiled = found | set(sys.builtin_module_names)
for name in sys.argv[1].split():
    __import__(name)
print(*sorted(compiled - set(sys.modules)), *sorted(set(sys.argv[2].split()) & compiled))
"""


@cache
def unneeded() -> str:
    """Every compiled module of this Python that the entry point does not call needed, and that is
    not in every Python anyway.
    """
    needed = {
        name.partition(".")[0]
        for name in runpy.run_path(str(ROOT / "container" / "entrypoint.py"))["NEEDED"]
    }
    listing = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        LIST_COMPILED,
        " ".join(needed),
        " ".join(REPLACED),
    ]
    found = subprocess.run(listing, stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    return " ".join(sorted(set(found) - set(CORE.split()) - SHA_256))


def run_entry(
    tree: Path, data: Path, *options: str, blocked: str = "", **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the entry point to its end."""
    return subprocess.run(
        [*command(tree, data, blocked), *options],
        env={"SEEMACHINE_HOME": str(data), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def session(
    plan: dict[str, Any], wrapper: list[str] | None = None, seconds: float = 60.0
) -> dict[str, Any]:
    """Run session.py on a plan, perhaps by way of another command, and return what it tells."""
    done = subprocess.run(
        [*(wrapper or []), sys.executable, str(SESSION), json.dumps(plan)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def check(told: dict[str, Any]) -> None:
    """Every signature of a session is one to pyhsslms, no leaf was used twice, and the two keys are
    two.
    """
    signed = told["signed"]
    assert [each["message"] for each in signed] == ["before", "after SIGKILL", "from a lease"]
    for each in signed:
        key = pyhsslms.LmsPublicKey.deserialize(bytes.fromhex(each["key"]))
        assert key.verify(each["message"].encode(), bytes.fromhex(each["signature"]))
    assert len({(each["key"], each["leaf"]) for each in signed}) == 3
    assert signed[0]["key"] == signed[1]["key"] != signed[2]["key"]
    # The lease holds 2^(5-3) signatures, and one is gone.
    assert signed[2]["remaining"] == 3


@cache
def namespaces() -> tuple[list[str], str]:
    """The command that makes namespaces of network and mounts, as root in them, or why the kernel
    forbids it.
    """
    unshare = shutil.which("unshare")
    if unshare is None:
        return [], "unshare is not installed"
    wrapper = [
        unshare,
        "--net",
        "--mount",
        *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]),
    ]
    tried = subprocess.run(
        [*wrapper, "mount", "-t", "tmpfs", "none", "/mnt"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return (
        wrapper,
        "" if tried.returncode == 0 else f"the kernel forbids namespaces: {tried.stdout.strip()}",
    )


@cache
def python_of(user: int) -> str:
    """A Python that a user can run; empty when there is none, as where all lie in a home folder."""
    for candidate in (sys.executable, "/usr/bin/python3.11", "/usr/bin/python3"):
        try:
            tried = subprocess.run(
                [candidate, "-I", "-S", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
                user=user,
                group=user,
                extra_groups=[],
                check=False,
            )
        except OSError:
            continue
        if tried.returncode == 0:
            return candidate
    return ""
