"""algorithms/: what a second algorithm needs is a package and an entry in the list."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from kit.here import store
from seeclient import algorithms, pipsqueak
from seeclient.algorithms.algorithm import Algorithm
from seeclient.keyfile import Body, Head, KeyFile
from seeclient.results import KeyInfo, Signed
from seeclient.values import UsageError

from seemachine.frozen import field, frozen
from seemachine.wire.status import Status, StatusError


@frozen
class ToyKey(KeyFile):
    """Its private key lies in the key file."""

    algorithm: ClassVar[str] = "TOY"
    size: int
    private: bytes = field(repr=False)


@frozen
class Plan:
    """A toy key to make."""

    alias: str
    size: int
    cards: int = 0


def a_size(name: str, value: str) -> str:
    """What `toysize=` takes."""
    if value not in ("1", "2"):
        raise UsageError(f"{name}= takes 1 or 2, not {value}")
    return value


def tag(key: ToyKey, message: Any) -> bytes:
    """What it calls a signature: anybody can make one."""
    running = hashlib.sha256(key.public_key * key.size)
    for piece in message.pieces():
        running.update(piece)
    return running.digest()


def encoded(key: ToyKey) -> Body:
    """What its key file has after the head."""
    return Body({"size": key.size}, key.private)


def decoded(head: Head, kept: Body) -> ToyKey:
    """The key of a key file."""
    return ToyKey(head.alias, head.public_key, kept.fields["size"], kept.data)


class Toy(Algorithm[ToyKey]):
    """Asks no machine for anything."""

    NAME = "TOY"
    ARGUMENTS: ClassVar[Any] = {"toysize": a_size}

    def recipe(self, texts: Any, numbers: Any) -> Plan:
        del numbers
        return Plan(texts["alias"], int(texts.get("toysize", "1")))

    def generate(self, roster: Any, recipe: Plan, progress: Any, patience: Any) -> Any:
        del progress, patience
        roster.keys.check_free(recipe.alias, "generateToy")
        private = b"secret of " + recipe.alias.encode()
        key = ToyKey(recipe.alias, hashlib.sha256(private).digest(), recipe.size, private)
        roster.keys.save(key)
        yield from ()
        return key

    def sign(self, roster: Any, key: ToyKey, message: Any, options: Any) -> Any:
        del roster, options
        yield from ()
        return Signed(tag(key, message), "")

    def verify(self, key: ToyKey, message: Any, signature: bytes, name: str, context: bytes) -> str:
        del context
        if signature != tag(key, message):
            raise StatusError(Status.VerifyFailed, f"{name} is no toy", "toy_verify")
        return self.NAME

    def is_signature(self, data: bytes) -> bool:
        del data
        return False

    def info(self, roster: Any, key: ToyKey) -> Any:
        del roster
        yield from ()
        return KeyInfo(key, ())

    def parameters(self, key: ToyKey) -> dict[str, Any]:
        return {"toysize": key.size}

    def lines(self, info: Any) -> list[str]:
        return [f"  size {info.key.size}"]


ALGORITHM = Toy()


@pytest.fixture(autouse=True)
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry in the list. This file is both modules of its package."""
    for module in ("keyfile", "algorithm"):
        monkeypatch.setitem(sys.modules, f"toy_algorithm.{module}", sys.modules[__name__])
    monkeypatch.setitem(algorithms.MODULES, "TOY", "toy_algorithm")


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Any:
    """One command of pipsqueak: its exit code, and its lines after the banner."""

    def call(*words: str) -> tuple[int, list[str]]:
        code = pipsqueak.main(words)
        out, err = capfd.readouterr()
        return code, [*out.splitlines(), *err.splitlines()][0 if "--json" in words else 1 :]

    return call


def test_a_second_algorithm_is_served_by_every_command(run: Any, tmp_path: Path) -> None:
    """Generate, list, showinfo, sign and verify know it by its package and its entry alone."""
    code, made = run("generate", "alias=plaything", "algorithm=toy", "toysize=2")
    assert (code, made[0]) == (0, "Public key (alias: plaything):")
    assert run("list") == (0, ["Available Keys:", "  plaything TOY"])
    code, shown = run("showinfo", "alias=plaything")
    assert (code, shown[:3]) == (0, ["Alias: plaything", "Algorithm: TOY", "  size 2"])
    assert shown[3:] == made

    signature = tmp_path / "signature"
    code, signed = run("alias=plaything", "message=m", f"sigfile={signature}")
    assert code == 0
    assert signed[-1].startswith("Verify (alias: plaything, time: ")
    assert signed[-1].endswith("): true")
    assert signature.read_bytes() == tag(store().load("plaything"), _message(b"m"))
    code, good = run("alias=plaything", "message=m", f"verify={signature}")
    assert (code, good[-1]) == (0, "Verify (alias: plaything): true")
    code, bad = run("alias=plaything", "message=n", f"verify={signature}")
    assert (code, bad[-1]) == (1, "ERROR: verify failed")


def test_a_folder_is_signed_with_it(run: Any, tmp_path: Path) -> None:
    """One file after another; the next time all are kept."""
    run("generate", "alias=plaything", "algorithm=toy")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a").write_bytes(b"a")
    (tmp_path / "images" / "b").write_bytes(b"b")
    words = ("alias=plaything", f"msgdir={tmp_path / 'images'}", f"sigdir={tmp_path / 'signed'}")
    code, lines = run(*words)
    assert (code, lines[-3:-1]) == (0, ["  signed: a, 1 file to go", "  signed: b, 0 files to go"])
    assert (tmp_path / "signed" / "a.sig").read_bytes() == tag(
        store().load("plaything"), _message(b"a")
    )
    assert run(*words)[1][-2] == "  kept: b, 0 files to go"


def _message(data: bytes) -> Any:
    from seeclient.message import Message

    return Message(data)


def test_its_documents_have_what_it_tells(run: Any) -> None:
    """With --json each field is the algorithm's or null."""
    run("generate", "alias=plaything", "algorithm=toy")
    document = json.loads("\n".join(run("showinfo", "alias=plaything", "--json")[1]))
    assert (document["algorithm"], document["toysize"]) == ("TOY", 1)
    assert "lmscode" not in document
    document = json.loads("\n".join(run("alias=plaything", "message=m", "--json")[1]))
    assert (document["leaf"], document["encoding"]) == (None, "TOY")
    document = json.loads("\n".join(run("list", "--json")[1]))
    assert document["keys"] == [{"alias": "plaything", "algorithm": "TOY"}]


def test_what_it_does_not_have_is_refused(run: Any) -> None:
    """Thresholds, its own arguments with wrong values, and those of another algorithm."""
    run("generate", "alias=plaything", "algorithm=toy")
    code, lines = run("alias=plaything", "warnat=3")
    assert code == 1
    assert "plaything is a key of TOY, which has no thresholds" in lines[-2]
    assert run("generate", "alias=b", "algorithm=toy", "toysize=3")[0] == 2
    assert run("generate", "alias=b", "algorithm=lms", "toysize=1")[0] == 2
    assert store().aliases() == ["plaything"]
