"""docs/explanation/judges.md: its commands make the files that it gives to judges."""

import re
import shlex
from pathlib import Path

from judges.present import JUDGES
from kit.typed import at
from seeclient import pipsqueak
from seeclient.verifying import verify

from seemachine import testing
from seemachine.cli.command import main
from seemachine.encodings.forms import recognized_key, recognized_signature

PAGE = (Path(__file__).parents[2] / "docs/explanation/judges.md").read_text()
MESSAGE = b"firmware 1.0"
KEYS = {"judged.pem": "pem", "judged.lms": "lms", "judged.hss": "hss"}
SIGNATURES = {"image.sig": "lms", "image.hsig": "hss", "image.b64": "base64"}


def test_its_commands(tmp_path: Path) -> None:
    """Each file has its form, and each signature verifies with each key."""
    [block] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    image = tmp_path / "image.bin"
    image.write_bytes(MESSAGE)
    with testing.fleet() as fleet, at(tmp_path, fleet):
        for line in block.splitlines():
            program, *words = shlex.split(line)
            run = pipsqueak.main if program == "pipsqueak" else main
            assert run(words) == 0, line
    for name, form in KEYS.items():
        assert recognized_key((tmp_path / name).read_bytes()).form == form
    for name, form in SIGNATURES.items():
        found = recognized_signature((tmp_path / name).read_bytes())
        assert found.form == form
        for key in KEYS:
            verify(image, found.signature.encode(), tmp_path / key)


def test_it_names_every_judge() -> None:
    """Those that `make test` looks for."""
    assert [name for name in JUDGES if name not in PAGE and name != "javac"] == []
