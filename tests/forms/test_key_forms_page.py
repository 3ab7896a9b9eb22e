"""docs/reference/key-forms.md says of each form what the tables and the bytes say."""

import json
import re
import shlex
from pathlib import Path

import pytest
from kit import formed
from vectors.published import cases

from seemachine import testing
from seemachine.cli.command import main
from seemachine.encodings.forms import KEY_FORMS, SIGNATURE_FORMS, recognized_key, write_key
from seemachine.encodings.private_keys import MAKERS
from seemachine.encodings.readings import readings

PAGE = (Path(__file__).parents[2] / "docs/reference/key-forms.md").read_text()


def rows(title):
    """The cells of the tables of a section."""
    section = re.split(rf"^## {title}$", PAGE, flags=re.MULTILINE)[1].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(
    ("title", "table"), [("Public keys", KEY_FORMS), ("Signatures", SIGNATURE_FORMS)]
)
def test_each_form_has_its_row(title, table):
    """In the order of the table, with the words that help has."""
    printed = [row for row in rows(title) if len(row) == 5]
    assert printed == [
        [
            f"`{form.name}`",
            ", ".join(form.algorithms),
            form.what,
            form.taken_by,
            f"`{form.suffix}`",
        ]
        for form in table.values()
    ]


def test_what_comes_before_the_plain_key():
    """Byte by byte, of both lengths."""
    printed = [row for row in rows("Public keys") if len(row) == 3]
    assert len(printed) == 6
    pairs = (formed.SMALL, formed.CALIPTRA)
    for name, *heads in printed:
        form = name.strip("`").partition("`")[0]
        for pair, head in zip(pairs, heads, strict=True):
            if head == "not taken":
                continue
            key = formed.key(pair)
            data = readings(write_key(key, form))[-1].data
            assert data == bytes.fromhex(head.strip("`")) + write_key(key, "lms")


def test_the_document():
    """It is that of the key of RFC 9802, as it is written."""
    [block] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    key = recognized_key(next(iter(cases("published_keys")))["pem"].encode()).key
    assert write_key(key, "json").decode() == block
    assert json.loads(block)["levels"] == 1


def test_the_commands(tmp_path, monkeypatch, capsys):
    """They run as they stand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path / "world"))
    rig = testing.Rig(tmp_path / "world")
    rig.start()
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        Path("m.sig").write_bytes(key.sign(b"m"))
    [block] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines():
        assert main(shlex.split(line, comments=True)[1:]) == 0, line
    assert Path("release.der").read_bytes() == key.public_key_as("der")
    assert Path("m.hsig").read_bytes() == bytes(4) + Path("m.sig").read_bytes()
    assert "release.hss: public key of LMS, sha256_m24_h5" in capsys.readouterr().out


@pytest.mark.parametrize(
    "maker",
    [
        "Bouncy Castle",
        "Botan",
        "Caliptra",
        "pyhsslms",
        "lms-go",
        "hsslms",
        "hash-sigs",
        "wolfSSL",
        "wolfBoot",
        "liboqs",
        "hbs-lms-rust",
    ],
)
def test_makers_of_private_keys(maker):
    """Those that the page lists are those that refusals name."""
    section = PAGE.partition("## Private keys of others")[2].partition("OpenSSL has none")[0]
    assert maker in section
    assert any(maker in named for named in MAKERS)
