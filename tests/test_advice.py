"""What a refusal of `seemachine` says to type is typed here, and the refusal is gone.

The advice is collected from the sources: a sentence that names a command which no test types fails
the first test.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kit import advice, processes
from kit.documents import Document, answer, process_answer
from kit.in_process import Machine, Shell
from kit.message_keys import LmsSigner
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.keys import KeyStore

from seemachine.cli.command import main
from seemachine.doctor import world as worlds
from seemachine.doctor.finding import OK
from seemachine.fleet import configuration
from seemachine.pki.authority import Validity, make_ca
from seemachine.world import World

FIVE, XC = "7852-268D-3BF9", "5F08-02E0-D947"
KEY = "generate alias=k algorithm=lms lmscode=sha256_m32_h5 lmotscode=sha256_n32_w4"
TESTS = Path(__file__).parent
# Typed in a test of another file, which has what it takes.
ELSEWHERE = {
    "seemachine fault list": "faults/test_fault_command.py::test_faults_come_happen_and_go",
    "seemachine fault clear": "faults/test_fault_command.py::test_faults_come_happen_and_go",
    "seemachine fleet up --fault-injection": (
        "test_json_documents.py::test_what_is_in_quarantine_is_destroyed"
    ),
    "seemachine fleet up --home {}": (
        "temporary/test_running.py::test_a_document_is_alone_on_standard_output"
    ),
    "seemachine key export {} --format {} --out FILE": (
        "signing_files/test_sign_command.py::test_a_preset_says_how_to_export_its_key"
    ),
    "seemachine restore {}": "backup/test_backup_cards.py::test_dying_at_any_step_leaves_one_card",
    "seemachine audit": "backup/test_backup_restoring.py::test_contradicting_ones_are_both_kept",
}
# Named in sentences that refuse nothing.
NAMED = {
    "seemachine backup": "the name of a format",
    "seemachine watch {}": "the title of its screen",
    "seemachine quarantine": "which command it is that is completed",
    "seemachine key": "the same",
    "seemachine restore brings it back": "what happens to a card later",
    "seemachine serve as --tls-cert": "where the files that were made go",
    "seemachine quarantine list": "a machine that answers one request and not the other",
    "seemachine pki issue client --help": "roles, of a machine to who comes without TLS",
}
typed: set[str] = set()


def types(*commands: str) -> Callable[[Any], Any]:
    """Marks a test that types these."""
    typed.update(commands)
    return lambda test: test


class Desk:
    """Somebody who does what is said, in one world."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def refused(self, line: str, number: int = 0) -> str:
        """The command that the refusal of a line advises."""
        told = answer(line.split(), self.home)
        assert not told["ok"], told
        command: str = told["error"]["advice"][number]
        return command

    def done(self, line: str, **values: str) -> Document:
        """A line that is carried out; capitals of an advice are filled in."""
        words = [values.get(word, word) for word in line.removeprefix("seemachine ").split()]
        apart = words[:2] == ["fleet", "up"] or words[0] == "run"
        run = process_answer if apart else answer
        told = run(words, self.home)
        assert told["ok"], told
        return told


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """In a world that is not there yet."""
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path / "world")


@pytest.fixture
def fleet(desk: Desk) -> Iterator[Desk]:
    """What was started is stopped."""
    yield desk
    answer(["fleet", "down"], desk.home)


def test_every_command_that_is_advised_is_typed() -> None:
    """Here or elsewhere; and nothing is in the lists that no sentence names."""
    assert advice.in_sources().keys() == typed | ELSEWHERE.keys() | NAMED.keys()


def test_what_is_typed_elsewhere_is_there() -> None:
    """The tests that are named exist."""
    for place in ELSEWHERE.values():
        file, name = place.split("::")
        assert f"def {name}(" in (TESTS / file).read_text(), place


@types(
    "seemachine card new",
    "seemachine card remove --esn {} --slot {}",
    "seemachine card insert {} --esn {} --slot {}",
    "seemachine card list",
)
def test_cards(desk: Desk) -> None:
    """A card that is not there, a slot that is taken, one that is empty, a card somewhere else."""
    (desk.home / "hsm" / FIVE).mkdir(parents=True)
    insert = f"card insert {{}} --esn {FIVE} --slot 2"
    for name in ("card1", "card2"):
        assert desk.done(desk.refused(insert.format(name)))["cards"] == [{"card": name}]
        if name == "card2":
            desk.done(desk.refused(insert.format(name)))
        desk.done(insert.format(name))
    remove = f"card remove --esn {FIVE} --slot 3"
    desk.done(desk.refused(remove), CARD="card1")
    desk.done(remove)
    taken = answer(["backup", "b.tar", "--take-card", "card2"], desk.home)["error"]
    assert "is not on the rack" in taken["message"]
    [place] = [card for card in desk.done(taken["advice"][0])["cards"] if card["card"] == "card2"]
    desk.done(f"card remove --esn {place['esn']} --slot {place['slot']}")
    taken = answer(["backup", "b.tar", "--take-card", "card2"], desk.home)["error"]
    assert "is not on the rack" not in taken["message"]


@types("seemachine key export {} --out {}.pem")
def test_an_alias_for_a_file(desk: Desk) -> None:
    """`verify` takes a public key; of an alias that nobody knows it says that there is no file."""
    signer = LmsSigner.made("sha256_m24_h5", "sha256_n24_w2")
    Path("m").write_bytes(b"m")
    Path("m.sig").write_bytes(signer.sign(b"m"))
    verify = "verify m --key Release"
    assert "No such file" in answer(verify.split(), desk.home)["error"]["message"]
    KeyStore(desk.home / "kmdata" / "local").save(
        LmsKeyFile("release", signer.key.key.encode(), 0, 0, 0, b"")
    )
    desk.done(desk.refused(verify))
    desk.done(f"{verify}.pem")


@types("seemachine fleet up", "seemachine fleet down", "seemachine fleet check")
def test_a_fleet(fleet: Desk) -> None:
    """Down where it should be up, and up where it should be down. In the background: it would
    keep the terminal.
    """
    assert fleet.refused("ledger") == fleet.refused(f"card insert c --esn {FIVE} --slot 2")
    up = f"{fleet.refused('ledger')} --detach"
    fleet.done(up)
    fleet.done("ledger")
    fleet.done("backup b.tar")
    assert fleet.refused("fleet up") == fleet.refused("restore b.tar")
    fleet.done(fleet.refused("restore b.tar"))
    fleet.done("restore b.tar")
    answer(fleet.refused("fleet status").split()[1:], fleet.home)
    assert f"{fleet.refused('backup c.tar')} --detach" == up
    fleet.done(up)
    fleet.done("backup c.tar")


@types("seemachine run -- pipsqueak")
def test_a_command_with_machines_of_its_own(desk: Desk) -> None:
    """No command was named."""
    assert "seemachine run -- pipsqueak" in answer(["run", "--json"], desk.home)["error"]["advice"]
    told = desk.done("seemachine run -- pipsqueak")
    assert [each["esn"] for each in told["machines"]] == [FIVE]


@types("seemachine serve --esn {}")
def test_a_machine_by_itself(desk: Desk) -> None:
    """One that no fleet file names is started as it was."""
    with processes.machines(desk.home, (FIVE,)):
        pass
    advised = answer(["backup", "b.tar"], desk.home)["error"]
    assert advised["advice"][0] == f"seemachine serve --esn {FIVE}"
    with processes.machines(desk.home, (FIVE,)):
        desk.done("backup b.tar")


@types("seemachine nfast setup", "seemachine nfast enroll --help")
def test_hsms(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is not there, and one that is left out of a fleet."""
    licence = f"nfast licence l.txt --esn {FIVE}"
    assert desk.refused(licence) == desk.refused(f"nfast enroll {FIVE}")
    desk.done(f"{desk.refused(licence)} --passphrase p")
    desk.done(licence)
    desk.done(f"nfast enroll {FIVE}")
    world = World.at(desk.home)
    [why] = configuration.read(world.fleet_file, world).left_out.values()
    assert why.endswith("see: seemachine nfast enroll --help")
    with pytest.raises(SystemExit):
        main(["nfast", "enroll", "--help"])
    assert "Number modules in this order" in capsys.readouterr().out
    desk.done(f"nfast enroll {FIVE} {XC}")
    assert not configuration.read(world.fleet_file, world).left_out


@types("seemachine pki init", "seemachine pki issue machine ESN")
def test_certificates_that_are_not_there(desk: Desk) -> None:
    """A CA, and then those of a machine."""
    issue = f"pki issue machine {FIVE}"
    desk.done(desk.refused(issue))
    desk.done(issue)
    files = [str(desk.home / "pki" / name) for name in (f"{FIVE}.crt", f"{FIVE}.key", "ca.crt")]
    assert all(Path(name).is_file() for name in files)


@types(
    "seemachine pki init --folder NEW",
    "seemachine pki issue machine {} --renew",
    "seemachine pki issue client {} --role ROLE --renew",
)
def test_certificates_that_have_expired(desk: Desk) -> None:
    """The doctor's advice, until it has none."""
    desk.done("pki init")
    world, now = World.at(desk.home), datetime.now(UTC)
    old = make_ca("old", Validity(now - timedelta(days=9), now - timedelta(days=1)))
    for name in (FIVE, "client-a"):
        (world.pki / f"{name}.crt").write_bytes(old.certificate_pem)
    for found in list(worlds.certificates(world)):
        desk.done(found.advice, ROLE="use")
    assert [each.level for each in worlds.certificates(world)] == [OK]
    (world.pki / "ca.crt").write_bytes(old.certificate_pem)
    [found] = worlds.certificates(world)
    [command] = re.findall(r"seemachine [^;]*", found.advice)
    made = desk.done(command, NEW=str(desk.home / "new"))
    assert datetime.fromisoformat(made["valid_until"]) > now


@types("seemachine fleet up --detach")
def test_a_world_without_a_fleet(fleet: Desk) -> None:
    """The doctor says so, and then does not."""
    told = process_answer(["doctor"], fleet.home)
    [command] = [each["advice"] for each in told["diagnoses"] if each["topic"] == "fleet"]
    fleet.done(command)
    told = process_answer(["doctor"], fleet.home)
    assert not [each for each in told["diagnoses"] if "no fleet" in each["sentence"]]


@types("seemachine card format --esn {} --slot {} --force")
def test_a_card_that_is_a_copy(tmp_path: Path) -> None:
    """Made blank as advised, it is refused as a copy no more."""
    shell = Shell(tmp_path / "world")
    machine = Machine(shell.home, FIVE)
    for line in ("new", f"insert card1 --esn {FIVE} --slot 2"):
        assert shell.seemachine("card", *line.split())[0] == 0
    assert shell.pipsqueak(*f"{KEY} expcards=0 explease=1".split())[0] == 0
    [card] = shell.home.glob("hsm/*/slots/2/card1.card")
    copy = tmp_path / "copy"
    copy.write_bytes(card.read_bytes())
    copy.replace(card)
    provision = (f"provesn={FIVE}", "slot=2")
    code, lines = shell.pipsqueak(*provision)
    [command] = re.findall(r"with: seemachine (.*--force)", "\n".join(lines))
    assert (code, shell.seemachine(*command.split())[0]) == (1, 0)
    assert "is a copy" not in "\n".join(shell.pipsqueak(*provision)[1])
    machine.stop()


@types("seemachine key list", "seemachine key destroy {}")
def test_keys(tmp_path: Path) -> None:
    """One that is not there, and leaves whose key file is gone."""
    shell = Shell(tmp_path / "world")
    machine = Machine(shell.home, FIVE)
    assert shell.pipsqueak(*KEY.split())[0] == 0
    code, lines = shell.seemachine("key", "show", "nosuch")
    assert (code, lines[-1].endswith("see them with: seemachine key list")) == (1, True)
    assert "k" in "\n".join(shell.seemachine("key", "list")[1]).split()
    assert shell.seemachine("key", "show", "k")[0] == 0
    next(shell.home.glob("kmdata/local/key_pqsdk_k")).unlink()
    found = "\n".join(shell.seemachine("fleet", "check")[1])
    [command] = re.findall(r"seemachine (key destroy .*)", found)
    assert shell.seemachine(*command.split(), "--yes")[0] == 0
    assert "no key file here" not in "\n".join(shell.seemachine("fleet", "check")[1])
    machine.stop()


@types(
    "seemachine quarantine explain",
    "seemachine quarantine burn NAME --esn ESN",
    "seemachine quarantine skip NAME --esn ESN --to LEAF",
    "seemachine quarantine accept --esn ESN",
)
def test_quarantine(tmp_path: Path) -> None:
    """What is in quarantine is explained, and each way out leads out of it."""
    shell = Shell(tmp_path / "world")
    machine = Machine(shell.home, FIVE)
    assert shell.pipsqueak(*KEY.split())[0] == 0
    for way in ("skip NAME --esn ESN --to LEAF", "burn NAME --esn ESN"):
        machine.stop()
        (shell.home / "witness" / f"{FIVE}.record").unlink()
        machine.start()
        assert shell.seemachine("quarantine", "list")[0] == 1
        explained = "\n".join(shell.seemachine("quarantine", "explain")[1])
        for command in (way, "accept --esn ESN"):
            assert f"seemachine quarantine {command}" in explained
            given = {"NAME": "k", "ESN": FIVE, "LEAF": "3"}
            words = [given.get(word, word) for word in command.split()]
            assert shell.seemachine("quarantine", *words)[0] == 0
        assert shell.seemachine("quarantine", "list") == (0, ["nothing is in quarantine"])
    machine.stop()
