"""What a type checker finds in a user's program, where this checkout is installed."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import asyncio
from pathlib import Path

import seeclient
import seeclient.blocking
import trio
from seeclient import aio

with seeclient.blocking.open_fleet() as fleet:
    made = fleet.generate_lms(
        "a", lms="sha256_m32_h5", lmots="sha256_n32_w8", expcards=1, explease=2, expchunk=None,
        expcache=None, esn="", slot=2, replace=True, warnat=3, progress=print,
        patience=lambda peer, seconds: peer.esn != "" and seconds < 1,
    )
    signature: bytes = made.sign(b"m", acknowledge=None)
    leaf: int | None = made.sign_with(Path("m")).leaf
    aliases: list[str] = [key.alias for key in fleet.keys()]
    cards: list[str] = [slot.card for machine in fleet.machines() for slot in machine.slots]
    # What is wrong is found: `strict` says so where one of these is not needed.
    fleet.generate_lms("a", lms="x", lmots="y", expcard=1)  # type: ignore[call-arg]
    fleet.generate_lms("a", lms="x", lmots="y", explease="2")  # type: ignore[arg-type]
    made.sign("text")  # type: ignore[arg-type]

try:
    seeclient.verify(b"m", signature, "00")
except seeclient.Unavailable as refused:
    advice: str = refused.advice


async def with_trio() -> bytes:
    async with seeclient.open_fleet() as fleet:
        key = await fleet.generate_lms("a", lms="x", lmots="y", warnat=1)
        await fleet.generate_lms("a", lms="x", lmots="y", warn=1)  # type: ignore[call-arg]
        return await key.sign(b"m")


async def with_asyncio() -> bytes:
    async with aio.open_fleet() as fleet:
        key = await fleet.generate_lms("a", lms="x", lmots="y", warnat=1)
        await fleet.generate_lms("a", lms="x", lmots="y", warn=1)  # type: ignore[call-arg]
        return await key.sign(b"m")


both: tuple[bytes, bytes] = (trio.run(with_trio), asyncio.run(with_asyncio()))
"""


def installed_from() -> str:
    """The folder that this interpreter's seemachine is installed from."""
    try:
        url = metadata.distribution("seemachine").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return ""
    return str(json.loads(url or "{}").get("url", "")).removeprefix("file://")


def test_a_program_is_checked(tmp_path: Path) -> None:
    """It finds the types of an installed seeclient by itself, be it installed in place, and all
    options of a key have types.
    """
    if Path(installed_from()) != ROOT:
        pytest.skip("seemachine is not installed from this checkout")
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")
    }
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "cache", "program.py"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "Success: no issues found in 1 source file\n")
