"""What `seemachine sign --preset` writes, before the consumers that it is for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from judges.present import Told
from kit.flips import flipped_at
from kit.typed import at

from seemachine import testing
from seemachine.cli.command import main

MESSAGE = b"firmware 1.0"
MLDSA = ("mldsa44", "mldsa65", "mldsa87")
# What the JDK calls the algorithm of each key.
OF_JDK = {"lms": "HSS/LMS", **dict.fromkeys(MLDSA, "ML-DSA")}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A key of LMS, one of each set of ML-DSA, and a folder with a file."""
    with testing.fleet() as fleet, at(tmp_path_factory.mktemp("presets"), fleet):
        fleet.generate_lms("lms", lms="sha256_m32_h10", lmots="sha256_n32_w8")
        for name in MLDSA:
            fleet.generate_mldsa(name, name)
        Path("fw").write_bytes(MESSAGE)
        yield


def signed(alias: str, preset: str, capsys: pytest.CaptureFixture[str]) -> tuple[bytes, bytes]:
    """Key and signature for a consumer: the key as the last line of the command says."""
    assert main(["sign", alias, "fw", "--preset", preset, "--out", f"{alias}.{preset}"]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    _, found, words = said.partition(": seemachine ")
    assert found
    assert main(words.replace("FILE", f"{alias}.{preset}.key").split()) == 0
    return Path(f"{alias}.{preset}.key").read_bytes(), Path(f"{alias}.{preset}").read_bytes()


@pytest.mark.usefixtures("keys")
def test_the_jdk(jdk: Told, capsys: pytest.CaptureFixture[str]) -> None:
    """LMS, and ML-DSA of each set; nothing with a bit flipped in key, signature or message."""
    wanted, lines = [], []
    for alias, algorithm in OF_JDK.items():
        key, made = signed(alias, "jdk", capsys)
        for good, parts in (
            (True, (key, made, MESSAGE)),
            (False, (flipped_at(key, -1), made, MESSAGE)),
            (False, (key, flipped_at(made, 40), MESSAGE)),
            (False, (key, made, flipped_at(MESSAGE, 0))),
        ):
            wanted.append(good)
            lines.append(" ".join([algorithm, *(part.hex() for part in parts)]))
    assert [said == "good" for said in jdk(lines)] == wanted


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("alias", MLDSA)
def test_openssl_takes_mldsa(alias: str, capsys: pytest.CaptureFixture[str]) -> None:
    """That of the package `cryptography`: of each set, and not over another message."""
    key, made = signed(alias, "openssl", capsys)
    public: Any = load_pem_public_key(key)
    public.verify(made, MESSAGE)
    with pytest.raises(InvalidSignature):
        public.verify(made, flipped_at(MESSAGE, 0))
