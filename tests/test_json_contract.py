"""docs/reference/json.md and json.schema.json: what --json prints, of every command, whether it is
carried out, refused, or not understood.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from kit import documents
from kit.documents import answer, commands, pipsqueak_answer
from seeclient import arguments, pipsqueak
from seeclient.output_json import JsonOutput

from seemachine.cli import command as cli
from seemachine.cli.parser import whole
from seemachine.document import CODES, EXIT_CODES, advised, document, in_world

ESN, OTHER = "7852-268D-3BF9", "9DA1-8F2C-0E57"
PAGE = (Path(__file__).parents[1] / "docs/reference/json.md").read_text()
TYPED = [each.prog.partition(" ")[2] for each in whole().endings()]
ENDINGS = [command for command in TYPED if command != "help"]
# Command lines that are valid, and refused in a world that is not there.
REFUSED = {
    "run": "run --json nosuchcommand",
    "fleet up": "fleet up nosuch.toml",
    "fleet check": "fleet check",
    "watch": "watch --once",
    "card insert": f"card insert c --esn {ESN} --slot 2",
    "card remove": f"card remove --esn {ESN} --slot 2",
    "card format": f"card format --esn {ESN} --slot 2",
    "key show": "key show k",
    "key export": "key export k",
    "key destroy": "key destroy k --yes",
    "sign": "sign k nosuch --yes",
    "convert": "convert nosuch",
    "verify": "verify --key nosuch nosuch",
    "quarantine burn": f"quarantine burn k --esn {ESN}",
    "quarantine skip": f"quarantine skip k --esn {ESN} --to 9",
    "quarantine accept": f"quarantine accept --esn {ESN}",
    "fault add": "fault add drop-after times=1",
    "fault list": "fault list",
    "fault clear": "fault clear",
    "caliptra sign": "caliptra sign nosuch.json --yes",
    "caliptra verify": "caliptra verify nosuch.json",
    "caliptra key": "caliptra key nosuch",
    "audit": "audit nosuch",
    "ledger": "ledger",
    "backup": "backup b.tar",
    "restore": "restore nosuch.tar",
    "pki issue machine": f"pki issue machine {ESN}",
    "pki issue client": "pki issue client alice --role use",
    "cert root": "cert root k --subject CN=a --out a.pem --yes",
    "cert request": "cert request k --subject CN=a --out a.csr --yes",
    "cert issue": "cert issue k nosuch.csr --issuer nosuch.pem --out a.pem --yes",
    "cert crl": "cert crl k --issuer nosuch.pem --out a.crl --yes",
    "cert show": "cert show nosuch.pem",
    "cms sign": "cms sign k nosuch --yes",
    "cms verify": "cms verify nosuch --key nosuch",
    "jar sign": "jar sign k nosuch.jar --certificate nosuch.pem --yes",
    "jar verify": "jar verify nosuch.jar --key nosuch",
    "cose sign": "cose sign k nosuch --yes",
    "cose verify": "cose verify nosuch --key nosuch",
    "nfast release": "nfast release /dev/null/r.zip",
    "nfast support": "nfast support /dev/null/removepubobj.py",
    "nfast enroll": f"nfast enroll {ESN}",
    "nfast cards": "nfast cards ocs --passphrase p",
    "nfast certify": "nfast certify nosuch.csr cert.pem",
    "nfast licence": f"nfast licence l.txt --esn {ESN}",
}
# Those that judge: nothing is there to be well.
FOUND = {"fleet status": "fleet status", "wait": "wait --seconds 1"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A world that is not there, and a folder of its own to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "world"


def test_the_schema_names_every_command() -> None:
    """Those of seemachine that end in an option of their own, and the verbs of pipsqueak."""
    assert sorted(commands()) == sorted([*ENDINGS, *arguments.FORMS])


def test_every_command_takes_json() -> None:
    """But for `help`, whose answer is text; nobody has to add the option."""
    without = [
        each.prog for each in whole().endings() if "--json" not in each._option_string_actions
    ]
    assert without == ["seemachine help"]


def test_a_new_command_gets_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that is added with nothing but a name and a help text has it."""
    from seemachine.cli import parser
    from seemachine.cli.words import card

    def add(words: Any, enter: Any) -> None:
        words.add_parser("novelty", help="something new")
        old(words, enter)

    old = card.add
    monkeypatch.setattr(card, "add", add)
    options = parser.build(lambda _room, _verb: lambda _options: 0).parse_args(
        ["novelty", "--json"]
    )
    assert (options.json, options.command) == (True, "novelty")


@pytest.mark.parametrize("command", ENDINGS)
def test_wrong_usage_is_a_document(command: str, home: Path, capsys: Any) -> None:
    """Exit code 2; the sentence is the one that standard error ends with."""
    told = answer([*command.split(), "--no-such-option"], home)
    error = told["error"]
    assert (told["command"], error["code"], told["exit_code"]) == (command, "usage", 2)
    assert capsys.readouterr().err.rstrip().endswith(f"error: {error['message']}")


@pytest.mark.parametrize(
    ("line", "command"), [("", None), ("nosuch", None), ("card", "card"), ("card nosuch", "card")]
)
def test_what_is_no_command_is_a_document(line: str, command: str | None, home: Path) -> None:
    """It tells of the command as far as one was named."""
    told = answer(line.split(), home)
    assert (told["command"], told["error"]["code"]) == (command, "usage")


@pytest.mark.parametrize("command", REFUSED)
def test_a_refusal_is_a_document(command: str, home: Path, capsys: Any) -> None:
    """Its message is the sentence on standard error, after all words of the command; its advice the
    commands in there.
    """
    told = answer(REFUSED[command].split(), home)
    error = told["error"]
    assert (told["command"], told["ok"], error["code"]) == (command, False, "refused")
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == f"seemachine {command}: {error['message']}"
    for advice in error["advice"]:
        assert advice in error["message"]


@pytest.mark.parametrize("command", FOUND)
def test_a_judgement_is_a_document(command: str, home: Path) -> None:
    """Not all is well, and all fields of the command are there."""
    told = answer(FOUND[command].split(), home)
    assert (told["ok"], told["error"]["code"]) == (False, "found")


def test_an_interruption_is_a_document(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 130."""

    def interrupted(_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("seemachine.cli.info.run", interrupted)
    told = answer(["info"], home)
    assert (told["exit_code"], told["error"]["code"]) == (130, "interrupted")


def test_a_fault_of_the_program_is_a_document(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """No traceback, with --json or without: a sentence that says where it is."""

    def faulty(_options: object) -> int:
        raise LookupError("no such row")

    monkeypatch.setattr("seemachine.cli.info.run", faulty)
    told = answer(["info"], home)
    assert (told["exit_code"], told["error"]["code"]) == (1, "internal")
    assert re.search(r"LookupError: no such row \(test_json_contract.py, line \d+\)", str(told))
    assert cli.main(["info"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_wrong_usage_of_pipsqueak_is_a_document(home: Path, capsys: Any) -> None:
    """The sentence is the one on standard error."""
    told = pipsqueak_answer(["sing"], home)
    assert (told["command"], told["error"]["code"]) == (None, "usage")
    assert f"pipsqueak: {told['error']['message']}\n" in capsys.readouterr().err


def test_a_refusal_of_pipsqueak_is_a_document(home: Path) -> None:
    """With the status, and what the guide's tool says of it."""
    told = pipsqueak_answer(["showinfo", "alias=nobody"], home)
    error = told["error"]
    assert (told["command"], error["code"], error["status"]) == ("showinfo", "refused", "UnknownID")
    assert (error["number"], error["summary"]) == (4, "showinfo failed")
    assert error["message"] == error["detail"]


@pytest.mark.parametrize(
    ("raised", "code", "exit_code"),
    [
        (KeyboardInterrupt(), "interrupted", 130),
        (LookupError("no such row"), "internal", 1),
    ],
)
def test_what_ends_pipsqueak_is_a_document(
    raised: BaseException, code: str, exit_code: int, home: Path, monkeypatch: Any, capsys: Any
) -> None:
    """Whatever it is; no traceback."""

    def ending(*_: object) -> int:
        raise raised

    monkeypatch.setitem(pipsqueak.COMMANDS, "list", ending)
    told = pipsqueak_answer(["list"], home)
    assert (told["error"]["code"], told["exit_code"]) == (code, exit_code)
    assert "Traceback" not in capsys.readouterr().err


def test_what_the_system_refuses_is_a_document(capsys: Any) -> None:
    """Where pipsqueak ends by an error of the system; none where nobody reads."""
    output = JsonOutput("list")
    for error in (PermissionError(13, "Permission denied"), BrokenPipeError()):
        try:
            raise error
        except OSError:
            output.abandon()
    [told] = [json.loads(capsys.readouterr().out)]
    documents.check(told)
    assert (told["error"]["code"], told["exit_code"]) == ("refused", 1)


def test_lines_of_others_are_not_in_the_way(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """What a room prints by itself goes to standard error, so that the document is alone."""

    def chatty(_options: object) -> int:
        sys.stdout.write("hello\n")
        return 1

    monkeypatch.setattr("seemachine.cli.info.run", chatty)
    assert answer(["info"], home)["error"]["code"] == "refused"
    assert "hello\n" in capsys.readouterr().err


def test_a_field_without_a_description_is_noticed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check of these tests can fail."""

    def telling(options: Any) -> int:
        options.answer.give(unheard_of=1)
        return 1

    monkeypatch.setattr("seemachine.cli.info.run", telling)
    with pytest.raises(AssertionError):
        answer(["info"], home)


def test_a_missing_package_is_a_refusal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "shtab", None)
    told = answer(["completion", "bash"], home)
    assert told["error"]["code"] == "refused"
    assert "pip install shtab" in told["error"]["message"]


def test_the_option_counts_where_it_is_one(home: Path, capsys: Any) -> None:
    """A file of that name makes no document."""
    assert cli.main(["audit", "--", "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_codes_and_exit_codes_are_those_of_the_page() -> None:
    """The table of json.md has each code with its usual exit code."""
    text = PAGE.partition("| `code` | exit code |")[2]
    table = dict(re.findall(r"^\| `(\w+)` \| (\d+)", text, re.MULTILINE))
    assert {code: str(EXIT_CODES[code]) for code in CODES} == table
    enum = documents.schema()["definitions"]["error"]["properties"]["code"]["enum"]
    assert enum == list(CODES)


def test_the_first_fields_are_those_of_the_page() -> None:
    """In the order of the document."""
    text = PAGE.partition("## The first fields")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `(\w+)`", text, re.MULTILINE)
    assert named == list(documents.schema()["properties"])
    assert [name for name in named if name != "error"] == list(document("seemachine", None, {}))


@pytest.mark.parametrize(
    ("sentence", "commands"),
    [
        ("no machine is up; start some with: seemachine fleet up", ["seemachine fleet up"]),
        (
            "start it with: seemachine fleet up; or tidy up with: seemachine fleet down",
            ["seemachine fleet up", "seemachine fleet down"],
        ),
        ("it is there already", []),
    ],
)
def test_advice_is_read_from_the_sentence(sentence: str, commands: list[str]) -> None:
    """A command comes after a colon and goes to the end of its part."""
    assert advised(sentence) == commands


@pytest.mark.parametrize(
    ("sentence", "led"),
    [
        (
            "no card; make some with: seemachine card new",
            "no card; make some with: seemachine card new --home '/a b'",
        ),
        (
            "see them with: pipsqueak list, or make one.",
            "see them with: SEEMACHINE_HOME='/a b' pipsqueak list, or make one.",
        ),
        ("is kept: seemachine fleet up --home /w", "is kept: seemachine fleet up --home /w"),
        ("start one (as with: seemachine fleet up).", None),
        ("nothing to type", "nothing to type"),
    ],
)
def test_advice_leads_to_the_world_that_was_named(sentence: str, led: str | None) -> None:
    """Typed as it stands, a command works in the world of --home, not in another."""
    led = led or "start one (as with: seemachine fleet up --home '/a b')."
    assert in_world(sentence, Path("/a b")) == led
    assert all("/a b" in each or "/w" in each for each in advised(led))


def test_each_command_may_be_refused_before_it_has_anything() -> None:
    """Its fields are needed only where it was carried out."""
    refusal = {"$ref": "#/definitions/not-carried-out"}
    assert [name for name, form in documents.described() if refusal not in form["anyOf"]] == []
