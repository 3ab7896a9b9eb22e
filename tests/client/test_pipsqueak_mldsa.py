"""`pipsqueak` with ML-DSA keys: its lines are ours, by analogy with those of LMS in the guide."""

import json
import re

import pytest
from kit.documents import pipsqueak_answer
from kit.here import store
from kit.in_process import Shell, as_a_command_has_it, machines
from seeclient.generation_commands import LATER

from seemachine.backup.archive import unpack
from seemachine.testing import ESN

BANNER = f"PQSDK: 1.4.1 ({ESN}: 1.4.1)"
SECONDS = re.compile(r"\d+\.\d{3}")
NOW = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d ")


@pytest.fixture
def shell(home):
    """A world with one machine."""
    with machines(home, ESN):
        yield Shell(home)


@pytest.fixture
def run(shell):
    """One command: its exit code, and its lines with masks for times."""

    def call(*words):
        code, lines = shell.pipsqueak(*words)
        return code, [SECONDS.sub("S", NOW.sub("NOW ", line)) for line in lines]

    return call


def key_lines(alias):
    """A public key as it is printed."""
    words = store().load(alias).public_key.hex(" ", -4).split()
    return [
        f"Public key (alias: {alias}):",
        *(f"  {' '.join(words[at : at + 8])}" for at in range(0, len(words), 8)),
    ]


def test_generate_makes_one_unless_told_otherwise(run):
    """And says what will be the default later (guide 1.2), unless algorithm= is given."""
    assert run("generate", "alias=one") == (
        0,
        [BANNER, "Generate ML-DSA key: one (S seconds)", *key_lines("one"), LATER],
    )
    assert run("generate", "alias=two", "algorithm=mldsa", "mldsacode=mldsa44") == (
        0,
        [BANNER, "Generate ML-DSA key: two (S seconds)", *key_lines("two")],
    )
    # Who names a set of ML-DSA has chosen.
    assert LATER not in run("generate", "alias=three", "mldsacode=mldsa44")[1]
    assert [store().load(alias).parameters.name for alias in ("one", "two")] == [
        "mldsa87",
        "mldsa44",
    ]


def test_with_the_quirks_of_1_4_1_nothing_is_advised(home, shell):
    """It knew nothing of a later default."""
    quirks = Shell(home, PIPSQUEAK_COMPAT="1.4.1")
    code, lines = quirks.pipsqueak("generate", "alias=one", "mldsacode=44")
    assert (code, lines[-1]) == (0, key_lines("one")[-1])


def test_list_and_showinfo(run):
    """As the guide shows LMS keys, without what only those have (2.7.1 steps 2 and 7)."""
    run("generate", "alias=one", "mldsacode=mldsa65")
    assert run("list") == (0, [BANNER, "Available Keys:", "  one ML-DSA"])
    assert run("showinfo", "alias=one") == (
        0,
        [BANNER, f" {ESN}", "Alias: one", "Algorithm: ML-DSA", "  mldsa65", *key_lines("one")],
    )


def test_a_message_is_signed_and_checked(run, tmp_path):
    """Lines of the guide (2.7.1 steps 3 to 6), with another size."""
    run("generate", "alias=one", "mldsacode=44")
    code, lines = run("alias=one", "message=test")
    head = [BANNER, *key_lines("one"), "Message (test):", "  74657374"]
    assert (code, lines[: len(head)]) == (0, head)
    assert lines[len(head)] == "Signature (alias: one, size: 2420, time: S):"
    assert lines[-1] == "Verify (alias: one, time: S): true"

    message, signature = tmp_path / "message", tmp_path / "signature"
    message.write_bytes(b"firmware")
    words = "alias=one", f"msgfile={message}"
    code, lines = run(*words, f"sigfile={signature}")
    assert (code, lines[-3:]) == (
        0,
        [
            "Signature (alias one, size: 2420, time: S)",
            f"written to {signature}",
            "Verify (alias: one, time: S): true",
        ],
    )
    code, lines = run(*words, f"verify={signature}")
    assert (code, lines[-1]) == (0, "Verify (alias: one): true")
    # A later one takes its place.
    assert run(*words, f"sigfile={signature}")[0] == 0

    message.write_bytes(b"another")
    code, lines = run(*words, f"verify={signature}")
    where = "NOW mldsa_public_verify[seemachine] VerifyFailed(11)"
    assert (code, lines[-2:]) == (
        1,
        [
            f"{where}: {signature} is not a signature of this key over this message",
            "ERROR: verify failed",
        ],
    )
    signature.write_bytes(b"short")
    code, lines = run(*words, f"verify={signature}")
    assert lines[-2] == (f"{where}: {signature} has 5 bytes, and a signature of ML-DSA-44 2420")
    # What is no signature is not written over.
    code, lines = run(*words, f"sigfile={signature}")
    assert (code, signature.read_bytes()) == (1, b"short")


def test_context_and_determinism(run, tmp_path):
    """The self-check and the check know the context."""
    run("generate", "alias=one", "mldsacode=44")
    made = []
    for number in range(2):
        file = tmp_path / f"signature{number}"
        code, lines = run(
            "alias=one", "message=m", "context=2026", "deterministic=yes", f"sigfile={file}"
        )
        assert (code, lines[-1]) == (0, "Verify (alias: one, time: S): true")
        made.append(file)
    assert made[0].read_bytes() == made[1].read_bytes()
    verify = "alias=one", "message=m", f"verify={made[0]}"
    assert run(*verify, "context=2026")[0] == 0
    assert run(*verify)[0] == 1
    code, lines = run(*verify, "context=2027")
    assert lines[-2].endswith("is not a signature of this key over this message under this context")


def test_an_lms_key_takes_no_context(run):
    """The refusal says where it belongs, and no leaf is taken."""
    run("generate", "alias=l", "algorithm=lms", "lmscode=sha256_m24_h5", "lmotscode=sha256_n24_w2")
    code, lines = run("alias=l", "message=m", "context=c")
    assert (code, lines[-1]) == (1, "ERROR: sign failed")
    assert lines[-2].endswith("LMS takes no context; that goes with ML-DSA keys")
    assert "  Remaining: 32 signatures" in run("showinfo", "alias=l")[1]


def test_a_threshold_is_refused(run):
    """There is nothing to count."""
    run("generate", "alias=one", "mldsacode=44")
    assert run("alias=one", "warnat=3")[1][-2].endswith(
        "one is a key of ML-DSA, which has no thresholds"
    )
    assert run("alias=one", "message=m", "acknowledge=why")[1][-2].endswith(
        "an ML-DSA key has no thresholds, so there is nothing to acknowledge"
    )


def test_an_alias_is_taken_once(run):
    """The key stays."""
    run("generate", "alias=one", "mldsacode=44")
    before = store().load("one")
    code, lines = run("generate", "alias=one")
    assert (code, lines[-1]) == (1, "ERROR: generate failed")
    assert "there is already a key named one; choose another alias" in lines[-2]
    assert store().load("one") == before


def test_documents(home, shell, tmp_path):
    """Each command's fields are those of the schema; what only LMS has is null or absent. The hint
    is among the notes.
    """

    def document(*words):
        with as_a_command_has_it(shell.env):
            return pipsqueak_answer(list(words), home)

    made = document("generate", "alias=one")
    assert (made["algorithm"], made["mldsacode"], made["token"]) == ("ML-DSA", "mldsa87", None)
    assert (made["notes"], "lmscode" in made) == ([LATER], False)
    assert made["public_key"] == store().load("one").public_key.hex()
    shown = document("showinfo", "alias=one")
    assert (shown["mldsacode"], shown["token"]) == ("mldsa87", None)
    assert "remaining" not in shown
    signed = document("alias=one", "message=m")
    assert (signed["leaf"], signed["remaining"], signed["esn"]) == (None, None, ESN)
    assert (signed["verified"], signed["encoding"]) == (True, "ML-DSA")
    signature = tmp_path / "signature"
    signature.write_bytes(bytes.fromhex(signed["signature"]))
    checked = document("alias=one", "message=m", f"verify={signature}")
    assert (checked["verified"], checked["encoding"]) == (True, "ML-DSA")
    assert document("list")["keys"] == [{"alias": "one", "algorithm": "ML-DSA"}]


class TestOtherCommands:
    """What else meets such keys."""

    def test_key_list_show_and_destroy(self, shell):
        """They have no leaves and are in no machine, so none has to answer for them."""
        shell.pipsqueak("generate", "alias=one", "mldsacode=44")
        code, lines = shell.seemachine("key", "list")
        assert (code, len(lines)) == (0, 1)
        assert re.match(r"one +- +signs without limit +made .* on 7852-268D-3BF9$", lines[0])
        code, lines = shell.seemachine("key", "show", "one")
        assert code == 0
        assert lines[0].startswith("one: ML-DSA, made ")
        assert lines[1] == "  mldsa44"
        assert lines[3] == "  key file one"
        document = json.loads("\n".join(shell.seemachine("key", "show", "one", "--json")[1]))
        assert (document["key"]["algorithm"], document["key"]["nvram_file"]) == ("ML-DSA", None)

        code, lines = shell.seemachine("key", "destroy", "one", "--yes")
        assert (code, lines) == (
            0,
            [
                "key file one is gone",
                "one is destroyed; whoever has a copy of its key file can still sign with it",
            ],
        )
        assert store().aliases() == []

    def test_destroying_needs_no_machine(self, home):
        """It would have nothing to destroy."""
        shell = Shell(home)
        with machines(home, ESN):
            shell.pipsqueak("generate", "alias=one", "mldsacode=44")
        code, lines = shell.seemachine("key", "destroy", "one", "--yes")
        assert (code, lines[-1].startswith("one is destroyed")) == (0, True)
        # And that one is down is of no interest.
        assert not any("is down" in line for line in lines)

    def test_backup_and_restore(self, shell, tmp_path):
        """The key file comes back with what is in it, and signs."""
        shell.pipsqueak("generate", "alias=one", "mldsacode=44")
        before = store().path_of("one").read_bytes()
        backup = tmp_path / "backup"
        assert shell.seemachine("backup", str(backup))[0] == 0
        store().path_of("one").unlink()
        kept = unpack(backup.read_bytes()).members["kmdata/local/key_pqsdk_one"]
        assert kept == before

    def test_audit_has_nothing_to_say_of_it(self, shell):
        """It has no leaves that could be used twice."""
        shell.pipsqueak("generate", "alias=one", "mldsacode=44")
        _, lines = shell.seemachine("audit", str(store().path_of("one")))
        assert not [line for line in lines if "one" in line and "damaged" in line]

    def test_fleet_check_and_doctor(self, shell):
        """They stumble over nothing."""
        shell.pipsqueak("generate", "alias=one", "mldsacode=44")
        for words in (("fleet", "check"), ("doctor",), ("quarantine", "list")):
            _, lines = shell.seemachine(*words)
            assert "Traceback" not in "\n".join(lines)
            assert "key_pqsdk_one" not in "\n".join(lines)
