"""Libraries in programs of their own: Bouncy Castle in a Java process, Cisco's hash-sigs through
its `demo`.

Each only where it is.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from host import CORES
from libraries import MESSAGE, Library
from measure import once

BOUNCY_CASTLE = Path("/usr/share/java/bcprov.jar")  # Debian's libbcprov-java
DEMO = "SEEMACHINE_BENCH_HASHSIGS"
FILES = 200


class BouncyCastle:
    """BouncyCastle.java beside this file, told line by line what to do.

    It warms its compiler up before it answers.
    """

    name, cores, signs, caveat = "Bouncy Castle", 1, True, ""

    def __init__(self, java: str, javac: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="seemachine-bench.")
        source = Path(__file__).with_name("BouncyCastle.java")
        subprocess.run(
            [javac, "-cp", str(BOUNCY_CASTLE), "-d", self._folder.name, str(source)], check=True
        )
        command = [
            java,
            "-cp",
            f"{BOUNCY_CASTLE}{os.pathsep}{self._folder.name}",
            "BouncyCastle",
            MESSAGE.decode(),
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def keygen(self, h: int, w: int) -> float:
        """See Library."""
        return self._ask(f"keygen {h} {w}")

    def sign(self, duration: float) -> float:
        """See Library."""
        return self._ask(f"sign {duration}")

    def verify(self, duration: float) -> float:
        """See Library."""
        return self._ask(f"verify {duration}")

    def close(self) -> None:
        """See Library."""
        self._process.communicate()
        self._folder.cleanup()

    def _ask(self, line: str) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(line, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


class HashSigs:
    """Cisco's `demo` kept to so many cores.

    Signing and verifying go through files; starting and loading the key are taken off.
    """

    caveat = "its demo program takes the least memory and writes two files for each signature"

    def __init__(self, demo: Path, cores: int) -> None:
        self.name, self.cores, self.signs = (
            "hash-sigs" if cores == 1 else f"hash-sigs, {cores} threads",
            cores,
            cores == 1,
        )
        self._demo = demo
        self._folder = tempfile.TemporaryDirectory(prefix="seemachine-bench.")
        self._names = [f"message{number}" for number in range(FILES + 1)]
        for name in self._names:
            Path(self._folder.name, name).write_bytes(MESSAGE)

    def keygen(self, h: int, w: int) -> float:
        """See Library."""
        return once(lambda: self._run("genkey", "key", f"{h}/{w}"))

    def sign(self, duration: float) -> float:  # noqa: ARG002 - so many files, whatever it takes
        """See Library."""
        return self._per_second("sign")

    def verify(self, duration: float) -> float:  # noqa: ARG002
        """See Library."""
        return self._per_second("verify")

    def close(self) -> None:
        """See Library."""
        self._folder.cleanup()

    def _per_second(self, verb: str) -> float:
        start = once(lambda: self._run(verb, "key", self._names[0]))
        return FILES / max(1e-9, once(lambda: self._run(verb, "key", *self._names)) - start)

    def _run(self, *words: str) -> None:
        with _pinned(self.cores):
            subprocess.run(
                [self._demo, *words], cwd=self._folder.name, stdout=subprocess.DEVNULL, check=True
            )


@contextlib.contextmanager
def _pinned(cores: int) -> Iterator[None]:
    """Processes started in this block run on so many cores."""
    if not hasattr(os, "sched_getaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[-cores:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def present() -> tuple[list[Library], list[str]]:
    """Those that are here, and a word about each that is not."""
    found: list[Library] = []
    missing: list[str] = []
    demo = os.environ.get(DEMO)
    if demo and os.access(demo, os.X_OK):
        found += [HashSigs(Path(demo).absolute(), cores) for cores in sorted({1, CORES})]
    else:
        missing.append(f"Cisco's hash-sigs: not measured; set {DEMO} to its built demo program")
    java, javac = shutil.which("java"), shutil.which("javac")
    if java and javac and BOUNCY_CASTLE.exists():
        found.append(BouncyCastle(java, javac))
    else:
        missing.append(
            "Bouncy Castle: not measured; it takes java, javac and Debian's libbcprov-java"
        )
    return found, missing
