"""docs/how-to/wolfboot.md and presets.md: their commands, in their order."""

import hashlib
import io
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.typed import at
from seeclient import pipsqueak, verify

from seemachine import testing
from seemachine.cli.command import main

PAGES = Path(__file__).parents[2] / "docs/how-to"


@pytest.fixture(autouse=True)
def world(tmp_path: Path) -> Iterator[None]:
    """A machine for each page."""
    with testing.fleet() as fleet, at(tmp_path, fleet):
        yield


def follow(page: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the commands of a page. Returns how many."""
    text = (PAGES / page).read_text()
    typed = re.findall(r"^    ((?:seemachine|pipsqueak) .*)$", text, re.MULTILINE)
    for line in typed:
        words = shlex.split(line)
        if "<" in words:
            piped = io.BytesIO(Path(words.pop()).read_bytes())
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(piped))
            words.remove("<")
        command = pipsqueak.main if words[0] == "pipsqueak" else main
        assert command(words[1:]) == 0, line
    return len(typed)


def test_wolfboot(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 32 bytes in place of what wolfBoot's tool makes of an image; lengths are as told."""
    for version in (1, 2):
        digest = hashlib.sha256(f"header and image {version}".encode()).digest()
        Path(f"image_v{version}_digest.bin").write_bytes(digest)
    assert follow("wolfboot.md", monkeypatch) == 7
    for version, key, made, sizes in (
        (1, "firmware.hss", "image_v1.hsig", (60, 1456)),
        (2, "firmware.raw", "image_v2.sig", (2592, 4627)),
    ):
        assert (Path(key).stat().st_size, Path(made).stat().st_size) == sizes
        verify(Path(f"image_v{version}_digest.bin"), Path(made), Path(key))


def test_presets(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """With files of a release in place of what it names."""
    for name in ("firmware.bin", "bootloader.bin", "build/app"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(name)
    listed = hashlib.sha256(b"build/app").hexdigest()
    Path("SHA256SUMS").write_text(f"{listed}  build/app\n")
    assert follow("presets.md", monkeypatch) == 9
    del capfd
    assert Path("signatures/build/app.sig").is_file()
