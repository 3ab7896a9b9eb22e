"""docs/how-to/verify-without-an-hsm.md: its commands and its program run as printed."""

import contextlib
import hashlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from kit import processes
from kit.message_keys import LmsSigner

from seemachine.cli import verify_output
from seemachine.cli.command import main
from seemachine.encodings.forms import write_key

PAGE = (Path(__file__).parents[2] / "docs/how-to/verify-without-an-hsm.md").read_text()
TYPED = re.findall(r"^    (?:sha256sum .* )?seemachine (.*)$", PAGE, re.MULTILINE)


def prepared(folder, monkeypatch):
    """The files that the page has."""
    monkeypatch.chdir(folder)
    signer = LmsSigner.made("sha256_m24_h5", "sha256_n24_w2")
    Path("release.pem").write_bytes(write_key(signer.key, "pem"))
    Path("signatures").mkdir()
    for name in ("firmware.bin", "bootloader.bin"):
        Path(name).write_bytes(name.encode())
        made = signer.sign(Path(name))
        Path(f"{name}.sig").write_bytes(made)
        Path("signatures", f"{name}.sig").write_bytes(made)
    Path("images").mkdir()
    for name in ("firmware.bin", "bootloader.bin"):
        Path("images", name).write_bytes(name.encode())
    digest = hashlib.sha256(b"firmware.bin").digest()
    Path("digest.sig").write_bytes(signer.sign(digest))


def block(kind):
    """The one block of a kind."""
    [found] = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return found


def test_commands(tmp_path, monkeypatch, capsys):
    """Each verifies; the first prints what the page prints."""
    prepared(tmp_path, monkeypatch)
    listing = f"{hashlib.sha256(b'firmware.bin').hexdigest()}  images/firmware.bin\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listing.encode())))
    said = []
    for line in TYPED:
        assert main(shlex.split(line)) == 0, line
        said.append(capsys.readouterr().out)
    assert len(said) == 6
    assert said[0] == block("text")
    assert main(shlex.split(TYPED[-1].replace("--digest sha256", ""))) == 1
    assert "is over the sha256 of the file" in capsys.readouterr().out


def test_script(tmp_path, monkeypatch):
    """As a shell runs it, of the program that is installed."""
    prepared(tmp_path, monkeypatch)
    Path("bin").mkdir()
    Path("bin/seemachine").write_text(f'#!/bin/sh\nexec {sys.executable} -m seemachine "$@"\n')
    Path("bin/seemachine").chmod(0o755)
    environ = processes.environment(tmp_path / "world")
    environ["PATH"] = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", block("sh")], env=environ, stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "True"
    assert "standard input: verified" in done.stdout


def test_program(tmp_path, monkeypatch):
    """It verifies, and says so of a file that was changed."""
    prepared(tmp_path, monkeypatch)
    assert run() == "verified\n"
    Path("firmware.bin").write_bytes(b"other")
    assert run() == "firmware.bin was changed, or another key signed it\n"


def run():
    """What the program of the page prints."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(compile(block("python"), "page", "exec"), {})
    return said.getvalue()


def test_the_note_is_that_of_the_command():
    """The page quotes its beginning."""
    assert "`INSECURE: the key is of a world for tests`" in PAGE
    assert verify_output.INSECURE.startswith("INSECURE: the key is of a world for tests")
