"""Readers of the tools' output who have seen enough: `enquiry | head -1`, `| grep -q`."""

import os
import subprocess
import sys

import pytest
from kit.site import ASK, Site

from seemachine.nfast import keystore
from seemachine.world import World


def unread(site: Site, module: str, *words: str) -> tuple[int, str]:
    """Exit code, and standard error, of a tool whose output nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    # Unbuffered, Python would fail at another place.
    env = {name: value for name, value in site.env.items() if name != "PYTHONUNBUFFERED"}
    with open(writer, "wb") as nobody:  # noqa: PTH123
        ran = subprocess.run(
            [sys.executable, "-m", module, *words],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    return ran.returncode, ran.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("seemachine.nfast.tools.enquiry",),
        ("seemachine.nfast.tools.csadmin", "--help"),
        ("seemachine", "--help"),
    ],
)
def test_who_only_looks_ends_quietly(site: Site, words: tuple[str, ...]) -> None:
    """No traceback, no complaint of the interpreter at its end, and exit code 0, so that a script
    with `pipefail` goes on.
    """
    assert unread(site, *words) == (0, "")


def test_what_a_tool_does_it_does_to_its_end(site: Site) -> None:
    """A key is made whether or not somebody reads the dialogue; a refusal is still said."""
    words = ("seemachine.nfast.tools.generatekey", "seeinteg", "curve=nistp521", "module=1", *ASK)
    assert unread(site, *words) == (0, "")
    assert keystore.find(World.at(site.home), "seeinteg", "pqsdk-signer")
    code, said = unread(site, *words)
    assert code == 1
    assert said.startswith("generatekey: there is a key pqsdk-signer")
