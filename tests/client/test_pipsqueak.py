"""`pipsqueak` from end to end, against a machine in a process of its own; both streams are read as
one.
"""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tracemalloc

import pytest
from client.screen import LMS, SIGNATURE_BYTES, field, say
from kit import processes
from kit.daemons import slow_machine
from kit.documents import pipsqueak_answer
from kit.here import store
from kit.verdicts import verifies
from kit.waiting import PATIENCE, eventually
from seeclient import blocking, generation_commands, pipsqueak
from seeclient.events import ChunkDone, Started

from seemachine.hsms.published import Published, publish
from seemachine.state.cards.rack import Rack
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

BANNER = f"PQSDK: 1.4.1 ({ESN}: 1.4.1)"
SECONDS = re.compile(r"\d+\.\d{3}")
NOW = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d ")
PIPSQUEAK = [sys.executable, "-m", "seeclient.pipsqueak"]


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The machine of this module."""
    with slow_machine(tmp_path_factory.mktemp("pipsqueak") / "world") as running:
        yield running


@pytest.fixture
def slot(world):
    """A slot of the machine with a new blank card in it, empty again afterwards."""
    rack = Rack(World.at(world))
    rack.insert(rack.new()[0], ESN, 2)
    yield 2
    rack.remove(ESN, 2)


def run(world, *words, **environment):
    """Run pipsqueak in a process. Returns its exit code and its lines with masks for times."""
    code, lines = processes.pipsqueak(list(words), processes.environment(world, **environment))
    return code, masked(lines)


def masked(lines):
    """Lines with their times masked."""
    return [SECONDS.sub("S", NOW.sub("NOW ", line)) for line in lines]


def public_key(alias):
    """The public key of an alias."""
    return store().load(alias).public_key


def key_lines(alias):
    """A public key as it is printed."""
    words = public_key(alias).hex(" ", -4).split()
    return [
        f"Public key (alias: {alias}):",
        *(f"  {' '.join(words[at : at + 8])}" for at in range(0, len(words), 8)),
    ]


def root(alias):
    """The root of a key as an error line has it."""
    return public_key(alias)[24:].hex(":", -4)


def nvram(alias):
    """The name of a key's NVRAM file as an error line has it."""
    return (b"lms" + public_key(alias)[24:32]).hex(":", -4)


def remaining(alias):
    """What `showinfo` says is left."""
    [line] = [line for line in say("showinfo", f"alias={alias}")[1] if "Remaining" in line]
    return int(line.split()[1])


# ---------------------------------------------------------------- the banner


def test_the_banner_of_an_empty_world(tmp_path):
    """No machines, no complaint (guide 2.8.1 step 8)."""
    assert run(tmp_path) == (0, ["PQSDK: 1.4.1 ()"])


def test_the_banner_names_the_machine(world):
    """One machine, with the version that it tells (guide 2.6)."""
    assert run(world) == (0, [BANNER])


def test_the_banner_with_a_stale_object(tmp_path):
    """A machine that is gone but still published is a line before the banner, and no failure (guide
    2.8.1 step 5).
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    publish(World.at(tmp_path), Published(OTHER_ESN, "xc", 2, "127.0.0.1", port, 1))
    where = "dispatch_socket_connect[dispatch.c:172]"
    assert run(tmp_path) == (
        0,
        [
            (
                f"NOW {where} OSErrorErrno(57): connecting to 127.0.0.1 on port {port}: Connection"
                " refused"
            ),
            "PQSDK: 1.4.1 ()",
        ],
    )


def test_a_fleet_that_is_no_fleet(tmp_path):
    """An address that can't be read is a refusal."""
    code, lines = run(tmp_path, SEEMACHINE_FLEET="localhost:http")
    assert code == 1
    assert lines[0].startswith(
        "NOW dispatch_socket_connect[dispatch.c:172] InvalidParameter(24): localhost:http is not an"
        " address"
    )
    assert lines[1:] == ["ERROR: connect failed"]


# ---------------------------------------------------------------- a singular key (guide 2.7.1)


def test_a_singular_key_from_end_to_end(world, tmp_path):
    """Every command of the chapter, one after the other, with the lines of the guide and exit codes
    0 and 1.
    """
    alias, message, signature = "test-lms", tmp_path / "message.txt", tmp_path / "message.sig"
    generated = run(world, "generate", f"alias={alias}", *LMS)
    assert generated == (
        0,
        [
            BANNER,
            f"Generate LMS key started: {alias} (S seconds)",
            *[f"  chunk: {alias} (S seconds) {left} remaining" for left in (4, 3, 2, 1, 0)],
            *key_lines(alias),
        ],
    )
    code, listed = run(world, "list")
    assert (code, listed[:2]) == (0, [BANNER, "Available Keys:"])
    assert f"  {alias} LMS" in listed

    code, signed = run(world, f"alias={alias}", "message=test")
    words = "".join(field(signed, "Signature"))
    assert code == 0
    assert [line for line in signed if not re.fullmatch("  [0-9a-f ]+", line)] == [
        BANNER,
        f"Public key (alias: {alias}):",
        "Message (test):",
        f"Signature (alias: {alias}, size: {SIGNATURE_BYTES}, time: S):",
        f"Verify (alias: {alias}, time: S): true",
    ]
    assert field(signed, "Message") == ["74657374"]
    assert verifies(public_key(alias), bytes.fromhex(words), b"test")

    message.write_text("hello world\n")
    assert run(world, f"alias={alias}", f"msgfile={message}", f"sigfile={signature}") == (
        0,
        [
            BANNER,
            *key_lines(alias),
            f"Message ({message}):",
            "  68656c6c 6f20776f 726c640a",
            f"Signature (alias {alias}, size: {SIGNATURE_BYTES}, time: S)",
            f"written to {signature}",
            f"Verify (alias: {alias}, time: S): true",
        ],
    )
    assert verifies(public_key(alias), signature.read_bytes(), b"hello world\n")
    assert run(world, f"alias={alias}", f"msgfile={message}", f"verify={signature}") == (
        0,
        [
            BANNER,
            *key_lines(alias),
            f"Message ({message}):",
            "  68656c6c 6f20776f 726c640a",
            f"Verify (alias: {alias}): true",
        ],
    )

    message.write_text("hello world\nFail Signature\n")
    code, lines = run(world, f"alias={alias}", f"msgfile={message}", f"verify={signature}")
    assert (code, lines[:4], lines[5:]) == (
        1,
        [BANNER, *key_lines(alias)],
        ["ERROR: verify failed"],
    )
    assert lines[4].startswith(
        f"NOW lms_public_verify[hsslms.c:2463] VerifyFailed(11): expected {root(alias)} but"
        " computed "
    )

    assert run(world, "showinfo", f"alias={alias}") == (
        0,
        [
            BANNER,
            f" {ESN}",
            f"Alias: {alias}",
            "Algorithm: LMS",
            "  sha256_m32_h5 sha256_n32_w4",
            "  Remaining: 30 signatures",
            *key_lines(alias),
        ],
    )


def test_generate_without_an_algorithm_says_what_the_default_is(world):
    """The vendor's default is ML-DSA (guide 2.7.1), so the words of LMS alone make no key, and the
    refusal says which go with it.
    """
    sentence = "an ML-DSA key, the default, takes no lmscode=; it goes with algorithm=lms"
    refused = [f"pipsqueak: {sentence}", "See pipsqueak --help"]
    assert run(world, "generate", "alias=x", *LMS[1:]) == (2, refused)
    assert not store().has("x")
    made = [BANNER, "Generate ML-DSA key: x (S seconds)"]
    code, lines = run(world, "generate", "alias=x")
    assert (code, lines[:2], lines[2:-1]) == (0, made, key_lines("x"))
    assert lines[-1] == generation_commands.LATER
    store().remove("x")


def test_a_key_that_is_not_there_may_be_half_made(world):
    """Such a key has no file and stands in no list; whoever looks for it is told how to go on."""
    code, lines = say("showinfo", "alias=nobody")
    assert (code, lines[-2:]) == (
        1,
        [
            "ERROR: showinfo failed",
            "If it is being made now, wait for its end; if its generation broke off, resume it"
            " with: pipsqueak generate alias=nobody resume=yes",
        ],
    )


def test_wrong_usage_is_exit_code_2(world):
    """A command line that can't be understood is told apart from a refusal, and reaches
    no machine.
    """
    assert run(world, "genrate", "alias=x") == (
        2,
        ["pipsqueak: unknown command genrate; did you mean generate?", "See pipsqueak --help"],
    )


REFUSED = {
    "signing with a key that is not there": (
        ("alias=nobody", "message=m"),
        "UnknownID(4): there is no key named nobody",
        "sign failed",
    ),
    "verifying with it": (
        ("alias=nobody", "message=m", "verify=s"),
        "UnknownID(4): there is no key named nobody",
        "verify failed",
    ),
    "a machine that is not there": (
        ("provesn=0000-0000-0000", "slot=2"),
        "UnknownID(4): no HSM 0000-",
        "provisionLMS command failed",
    ),
    "an empty slot": (
        (f"provesn={ESN.lower()}", "slot=3"),
        "NotAvailable(73): there is no card",
        "provisionLMS command failed",
    ),
    "an exponent that the machine does not take": (
        ("generate", "alias=x", *LMS, "expchunk=6"),
        "InvalidParameter(24): expchunk must be",
        "generate failed",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_is_a_line_a_summary_and_exit_code_1(what, world):
    """Whatever is refused ends with its status and sentence and with what failed, as lines and as
    JSON.
    """
    words, reason, summary = REFUSED[what]
    code, lines = say(*words)
    assert code == 1
    assert reason in lines[-2]
    assert lines[-1] == f"ERROR: {summary}"
    code, document = as_json(*words)
    error = document["error"]
    assert (code, document["ok"], error["summary"]) == (1, False, summary)
    assert f"{error['status']}({error['number']}): {error['detail']}" in lines[-2]
    assert error["where"] in lines[-2]


def test_a_number_out_of_range_is_a_refusal_of_the_library(world):
    """Numbers that no machine could take are refused like those that this one does not take;
    pipsqueak does not get that far.
    """
    with blocking.open_fleet() as fleet:
        for call in (
            lambda: fleet.provision(ESN, 9),
            lambda: fleet.generate_lms("x", "sha256_m32_h5", "sha256_n32_w4", expcards=26),
        ):
            with pytest.raises(StatusError) as refused:
                call()
            assert refused.value.status is Status.InvalidParameter
    assert say(f"provesn={ESN}", "slot=9")[0] == 2


def test_exponents_over_the_height_are_refused_in_the_guides_words(world):
    """The machine's refusal, the summary, and the cards that the key would have needed (guide
    2.7.2).
    """
    code, lines = run(world, "generate", "alias=x", *LMS, "expcards=4", "explease=3")
    sentence = (
        "private key tree height is less than the sum of card and lease exponents (5 < 4 + 3) in"
        " continueLMS_cache_next"
    )
    assert (code, lines) == (
        1,
        [
            BANNER,
            "Generate LMS key started: x (S seconds)",
            f"NOW continueLMS_cache_next[see-commands.c:532] InvalidParameter(24): {sentence}",
            "ERROR: continueLMS failed on chunk",
            "LMS key requires 16 cards",
        ],
    )
    assert not store().has("x")


# ---------------------------------------------------------------- messages


def test_an_empty_message_is_a_message(alias):
    """message= signs nothing at all, and the signature is good for it."""
    code, lines = say(f"alias={alias}", "message=")
    assert code == 0
    assert field(lines, "Message ():") == []
    assert verifies(public_key(alias), bytes.fromhex("".join(field(lines, "Signature"))), b"")


def test_a_message_in_utf_8(alias):
    """Text is signed as its bytes."""
    code, lines = say(f"alias={alias}", "message=Grüße")
    assert (code, field(lines, "Message")) == (0, ["4772c3bc", "c39f65"])


@pytest.mark.parametrize(
    ("encoding", "message"), [("utf-8:strict", b"\xff"), ("ascii", "Grüße".encode())]
)
def test_a_message_that_cannot_be_shown_is_signed_nevertheless(
    encoding, message, world, alias, tmp_path
):
    """A message whose text the terminal can't show costs its leaf only with a signature
    in return.
    """
    words = [*PIPSQUEAK, f"alias={alias}", b"message=" + message, f"sigfile={tmp_path / 's'}"]
    done = subprocess.run(
        words,
        env=processes.environment(world, PYTHONIOENCODING=encoding),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert verifies(public_key(alias), (tmp_path / "s").read_bytes(), message)


def peak_of_signing(alias, path, size):
    """The most memory that this process takes while it signs and verifies a file of so
    many bytes.
    """
    with path.open("wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
    tracemalloc.start()
    try:
        code, lines = say(f"alias={alias}", f"msgfile={path}", f"sigfile={path}.sig")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert (code, lines[-1].endswith("true")) == (0, True)


def commands_of(machine):
    """The commands that a machine has logged; each is written while its reply is on the way."""
    return [
        json.loads(line)["command"]
        for line in machine.log.read_text().splitlines()
        if '"request"' in line
    ]


def test_a_large_file_is_hashed_here_in_flat_memory(alias, machine, tmp_path):
    """A file of 3 MiB takes the way over the digest, one four times as large takes no more memory,
    and both verify.
    """
    path = tmp_path / "image.bin"
    small, large = peak_of_signing(alias, path, 3 << 20), peak_of_signing(alias, path, 12 << 20)
    assert abs(large - small) < 1 << 20
    assert large < 4 << 20
    assert eventually(
        lambda: (
            commands_of(machine)[-3:]
            == ["nvmemfile_info", "nvmemfile_reserve", "nvmemfile_sign_digest"]
        )
    )
    assert verifies(public_key(alias), (tmp_path / "image.bin.sig").read_bytes(), path.read_bytes())
    code, lines = say(f"alias={alias}", f"msgfile={path}", f"verify={path}.sig")
    assert (code, lines[-1]) == (0, f"Verify (alias: {alias}): true")
    assert lines[-2] == "  ..."
    assert len(field(lines, "Message")) == 4096 // 4 + 1


# ---------------------------------------------------------------- files


def test_a_sigfile_that_cannot_be_written_costs_no_leaf(alias, tmp_path):
    """A folder in its place, or a folder that is not there, is refused before a leaf is spent."""
    nowhere = tmp_path / "nowhere"
    for path, why in (
        (tmp_path, f"{tmp_path} is a folder"),
        (nowhere / "signature", f"there is no folder {nowhere}"),
    ):
        code, lines = say(f"alias={alias}", "message=m", f"sigfile={path}")
        assert code == 1
        assert lines[-2].endswith(f"InvalidParameter(24): {why}; no signature was made")
        assert lines[-1] == "ERROR: sign failed"
    assert remaining(alias) == 32


def test_a_sigfile_that_fails_at_last_is_shown_instead(alias, tmp_path, monkeypatch):
    """When the disk fails after the leaf is spent, the signature is printed, for it can't be made
    again; exit code 1.
    """

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, lines = say(f"alias={alias}", "message=m", f"sigfile={tmp_path / 's'}")
    assert code == 1
    assert "ERROR: sigfile not written" in lines
    assert verifies(public_key(alias), bytes.fromhex("".join(field(lines, "Signature"))), b"m")


def test_a_message_file_that_cannot_be_read_costs_no_leaf(alias, tmp_path):
    """The message is read before anything is asked of a machine."""
    code, lines = say(f"alias={alias}", f"msgfile={tmp_path / 'none'}")
    assert (code, lines[-1]) == (1, "ERROR: sign failed")
    assert lines[-2].endswith(f"OSErrorErrno(57): {tmp_path / 'none'}: No such file or directory")
    assert remaining(alias) == 32


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (None, "OSErrorErrno(57): {path}: No such file"),
        (
            b"",
            (
                "VerifyFailed(11): {path} is not an LMS signature (an LMS signature is longer than"
                " 0 bytes)"
            ),
        ),
        (
            b"root:x:0:0:root:/root:/bin/bash",
            "VerifyFailed(11): {path} is not an LMS signature (unknown LM-OTS set 980957744)",
        ),
    ],
)
def test_what_is_no_signature_does_not_verify(signature, reason, alias, tmp_path):
    """A signature file that is missing, empty or nonsense is refused with exit code 1."""
    path = tmp_path / "signature"
    if signature is not None:
        path.write_bytes(signature)
    code, lines = say(f"alias={alias}", "message=m", f"verify={path}")
    assert (code, lines[-1]) == (1, "ERROR: verify failed")
    assert lines[-2].endswith(reason.format(path=path)) or signature is None
    assert reason.format(path=path) in lines[-2]


def test_verifying_needs_no_machine(alias, tmp_path, monkeypatch):
    """A key file is enough to verify, and verifying spends nothing."""
    path = tmp_path / "signature"
    assert say(f"alias={alias}", "message=m", f"sigfile={path}")[0] == 0
    assert remaining(alias) == 31
    monkeypatch.setenv("SEEMACHINE_FLEET", ",")
    code, lines = say(f"alias={alias}", "message=m", f"verify={path}")
    assert (code, lines[0], lines[-1]) == (0, "PQSDK: 1.4.1 ()", f"Verify (alias: {alias}): true")


MESSAGES = [b"hello", bytes(range(256)) * 8192]


@pytest.mark.parametrize("message", MESSAGES, ids=len)
@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_a_message_from_a_pipe_is_the_whole_message(name, message, alias, world, tmp_path):
    """What can be read only once is shown, signed and checked all the same, and a leaf is spent for
    nothing else.
    """
    path = tmp_path / "s"
    words = [f"alias={alias}", f"msgfile={name}"]
    for more in (f"sigfile={path}", f"verify={path}"):
        done = subprocess.run(
            [*PIPSQUEAK, *words, more],
            env=processes.environment(world),
            input=message,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert f"Message ({name}):".encode() in done.stdout
        assert done.stdout.endswith(b": true\n")
    assert verifies(public_key(alias), path.read_bytes(), message)
    assert remaining(alias) == 31


def test_standard_input_is_read_from_where_it_stands(alias, world, tmp_path):
    """The rest of a file of which a script has read the beginning."""
    (tmp_path / "m").write_bytes(b"read already\nhello")
    with (tmp_path / "m").open("rb", buffering=0) as file:
        file.seek(13)
        words = [*PIPSQUEAK, f"alias={alias}", "msgfile=-", f"sigfile={tmp_path / 's'}"]
        subprocess.run(
            words,
            env=processes.environment(world),
            stdin=file,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    assert verifies(public_key(alias), (tmp_path / "s").read_bytes(), b"hello")


def test_a_signature_for_standard_output_stands_where_it_belongs(alias, world, tmp_path):
    """Behind the message, in a pipe as in a file; no line is written over it, and it
    over no line.
    """
    words = [*PIPSQUEAK, f"alias={alias}", "message=m", "sigfile=/dev/stdout"]
    with (tmp_path / "file").open("wb") as file:
        subprocess.run(words, env=processes.environment(world), stdout=file, check=True)
    piped = subprocess.run(
        words, env=processes.environment(world), stdout=subprocess.PIPE, check=True
    ).stdout
    for printed in (piped, (tmp_path / "file").read_bytes()):
        before, _, rest = printed.partition(b"Message (m):\n  6d\n")
        assert before.startswith(BANNER.encode())
        assert verifies(public_key(alias), rest[:SIGNATURE_BYTES], b"m")
        assert rest[SIGNATURE_BYTES:].startswith(b"Signature (alias ")


def test_a_damaged_key_file_is_named(alias, world):
    """The refusal says which file is damaged."""
    path = world / "kmdata" / "local" / f"key_pqsdk_{alias}"
    path.write_bytes(path.read_bytes()[:-1])
    code, lines = say("showinfo", f"alias={alias}")
    assert (code, lines[-1]) == (1, "ERROR: showinfo failed")
    assert f"Malformed(3): {path} is damaged" in lines[-2]
    path.unlink()


# ---------------------------------------------------------------- a sectorized key (guide 2.7.2.1)

LAST_LINES = {
    "1.4.1": [
        (
            "NOW dispatch_see_nvmemfile[dispatch.c:837] NotAvailable(73): no HSMs with NVRAM {file}"
            " file"
        ),
        "Verify (alias: {alias}, time: S): false",
    ],
    "": ["Verify (alias: {alias}, time: S): true"],
}


def test_a_sectorized_key_from_end_to_end(world, slot):
    """Cards, leases and the end of both, with the guide's lines and exit codes."""
    alias = "sec-lms"
    code, lines = run(world, "generate", f"alias={alias}", *LMS, "expcards=0", "exlease=1")
    assert (code, lines[7:]) == (
        0,
        [
            "LMS key requires 1 card",
            "Attempting to write to card in slot 2...",
            "Card processed (0 remaining)",
            *key_lines(alias),
        ],
    )
    no_leaves = [
        (
            "NOW dispatch_see_nvmemfile[dispatch.c:837] NotAvailable(73): no HSMs with NVRAM"
            f" {nvram(alias)} file"
        ),
        "ERROR: sign failed",
    ]
    assert run(world, f"alias={alias}", "message=test") == (
        1,
        [BANNER, *key_lines(alias), *no_leaves],
    )
    provisioning = f"Attempting to provision {ESN} from slot 2..."
    assert run(world, f"provesn={ESN}", "slot=2") == (
        0,
        [BANNER, provisioning, "Provision successful."],
    )
    code, lines = run(world, "showinfo", f"alias={alias}")
    assert (code, lines[1:3], lines[6]) == (
        0,
        [f" {ESN}", "  - Slot 2: ic=1 lms"],
        "  Remaining: 16 signatures",
    )
    assert say(f"provesn={ESN}", "slot=2")[1][-2] == "ERROR: provisionLMS command failed"
    for _ in range(16):
        assert say(f"alias={alias}", "message=test")[0] == 0
    assert remaining(alias) == 0
    assert masked(say(f"alias={alias}", "message=test")[1])[-2:] == no_leaves
    assert say(f"provesn={ESN}", "slot=2")[0] == 0
    for _ in range(16):
        assert say(f"alias={alias}", "message=test")[0] == 0
    refused = (
        "command_see_provisionLMS[see-commands.c:785] UseLimitExceeded(7): no leases remaining on"
        " card in command_see_provisionLMS"
    )
    assert run(world, f"provesn={ESN}", "slot=2") == (
        1,
        [BANNER, provisioning, f"NOW {refused}", "ERROR: provisionLMS command failed"],
    )


def test_a_lease_for_a_machine_that_has_one(world, slot):
    """The refusal names what is there, and a line what to do."""
    assert say("generate", "alias=twice", *LMS, "explease=1")[0] == 0
    assert say(f"provesn={ESN}", f"slot={slot}")[0] == 0
    code, lines = say(f"provesn={ESN}", f"slot={slot}")
    assert (code, lines[-2:]) == (
        1,
        ["ERROR: provisionLMS command failed", "Use those first, or provision another HSM"],
    )
    assert " still holds 16 signatures" in lines[-3]


@pytest.mark.parametrize("compat", LAST_LINES)
def test_the_last_signature_of_a_lease(compat, world, slot):
    """The vendor's own check of the last signature fails, though the signature is good: so with
    PIPSQUEAK_COMPAT=1.4.1, else not.
    """
    alias = f"last-{compat.replace('.', '-')}"
    assert say("generate", f"alias={alias}", *LMS, "explease=5")[0] == 0
    assert say(f"provesn={ESN}", "slot=2")[0] == 0
    code, lines = run(world, f"alias={alias}", "message=test", PIPSQUEAK_COMPAT=compat)
    expected = [line.format(alias=alias, file=nvram(alias)) for line in LAST_LINES[compat]]
    assert (code, lines[-len(expected) :]) == (0, expected)
    assert len([line for line in lines if line.startswith("Verify")]) == 1
    assert verifies(public_key(alias), bytes.fromhex("".join(field(lines, "Signature"))), b"test")
    assert remaining(alias) == 0


def test_with_compat_other_signatures_are_true(alias, monkeypatch):
    """The quirk is that of the last signature alone."""
    monkeypatch.setenv("PIPSQUEAK_COMPAT", "1.4.1")
    code, lines = say(f"alias={alias}", "message=test")
    assert (code, masked(lines)[-1]) == (0, f"Verify (alias: {alias}, time: S): true")


def test_a_card_that_nobody_brings_is_refused_through_a_pipe(world):
    """Nobody is waited for where nobody looks: before a leaf is hashed. No key is left behind."""
    code, lines = run(world, "generate", "alias=no-card", *LMS, "explease=1")
    assert (code, lines[0], lines[2:]) == (1, BANNER, ["ERROR: generate failed"])
    assert (
        f"NotAvailable(73): there is no blank card in a slot of {ESN}; insert one with: seemachine"
        " card insert" in lines[1]
    )
    assert not store().has("no-card")


# ---------------------------------------------------------------- --json


def as_json(*words):
    """Run with --json. Returns the exit code and the document."""
    code, lines = say(*words, "--json")
    return code, json.loads("\n".join(lines))


def test_one_document_holds_the_facts_of_the_lines(alias, world, tmp_path, slot):
    """Each command with --json prints one document with what its lines say."""
    machines = [{"esn": ESN, "model": "5c", "version": "1.4.1"}]
    code, document = as_json()
    assert (
        code,
        document["command"],
        document["ok"],
        document["version"],
        document["unreachable"],
    ) == (0, "banner", True, "1.4.1", [])
    assert [
        {name: found[name] for name in machines[0]} for found in document["machines"]
    ] == machines

    code, document = as_json("generate", "alias=json-lms", *LMS, "explease=3")
    assert (code, document["ok"], document["cards"]) == (0, True, 1)
    assert document["public_key"] == public_key("json-lms").hex()
    facts = {
        "alias": "json-lms",
        "algorithm": "LMS",
        "lmscode": "sha256_m32_h5",
        "lmotscode": "sha256_n32_w4",
        "expcards": 0,
        "explease": 3,
    }
    assert facts.items() <= document.items()

    code, document = as_json("list")
    assert {"alias": alias, "algorithm": "LMS"} in document["keys"]
    assert [key["alias"] for key in document["keys"]] == store().aliases()

    code, document = as_json(f"provesn={ESN}", "slot=2")
    assert {
        "ok": True,
        "esn": ESN,
        "slot": 2,
        "first": 0,
        "end": 4,
        "leases_left": 7,
    }.items() <= document.items()

    code, document = as_json(f"alias={alias}", "message=test")
    assert {
        "message": "test",
        "esn": ESN,
        "leaf": 0,
        "remaining": 31,
        "verified": True,
    }.items() <= document.items()
    assert verifies(public_key(alias), bytes.fromhex(document["signature"]), b"test")

    code, document = as_json(f"alias={alias}", "message=test", f"sigfile={tmp_path / 's'}")
    assert (document["sigfile"], "signature" in document) == (str(tmp_path / "s"), False)
    code, document = as_json(f"alias={alias}", "message=test", f"verify={tmp_path / 's'}")
    assert (code, document["verified"], document["public_key"]) == (
        0,
        True,
        public_key(alias).hex(),
    )

    code, document = as_json("showinfo", "alias=json-lms")
    [holding] = document["holdings"]
    assert (code, document["remaining"]) == (0, 4)
    assert {"esn": ESN, "first": 0, "end": 4, "remaining": 4}.items() <= holding.items()
    assert [
        {"slot": 2, "ic": card["ic"], "kind": "lms", "card": card["card"], "leases": 7}
        for card in holding["slots"]
    ] == holding["slots"]


def test_a_refusal_keeps_what_was_known_before_it(alias, tmp_path):
    """A document of a failure has the machines and the key, too."""
    (tmp_path / "s").write_bytes(b"")
    code, document = as_json(f"alias={alias}", "message=test", f"verify={tmp_path / 's'}")
    assert (
        code,
        document["ok"],
        document["command"],
        document["error"]["status"],
        document["error"]["number"],
    ) == (
        1,
        False,
        "verify",
        "VerifyFailed",
        11,
    )
    assert document["public_key"] == public_key(alias).hex()
    assert [found["esn"] for found in document["machines"]] == [ESN]


def test_a_machine_that_does_not_answer_is_in_the_document(world, monkeypatch):
    """Who could not be reached is a list of sentences."""
    monkeypatch.setenv("SEEMACHINE_FLEET", "127.0.0.1:1")
    code, document = as_json()
    assert (code, document["ok"], document["machines"]) == (0, True, [])
    assert document["unreachable"] == ["connecting to 127.0.0.1 on port 1: Connection refused"]


def test_wrong_usage_is_a_document(world):
    """Exit code 2, with --json too, and the sentence of standard error."""
    document = pipsqueak_answer(["generate", "alias=x", "algorithm=lms"], world)
    assert (document["exit_code"], document["error"]["code"]) == (2, "usage")
    assert document["error"]["message"].startswith("generate needs lmscode=")


# ---------------------------------------------------------------- interruptions


def test_ctrl_c_in_a_long_generation(world):
    """SIGINT ends it with exit code 130 and without a traceback or a key file, says how to go on,
    and going on completes the key.
    """
    words = [
        "generate",
        "alias=long",
        "algorithm=lms",
        "lmscode=sha256_m32_h5",
        "lmotscode=sha256_n32_w8",
        "expchunk=0",
    ]
    with subprocess.Popen(
        [*PIPSQUEAK, *words],
        env=processes.environment(world),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        read = [process.stdout.readline() for _ in range(4)]
        assert "chunk: long" in read[-1]
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert not store().has("long")
    *_, said, advice = rest.splitlines()
    assert said == "interrupted"
    assert advice == "What is done is kept; resume with: pipsqueak generate alias=long resume=yes"

    done = rest.count("chunk: long") + 2
    code, lines = run(world, *advice.partition("pipsqueak ")[2].split())
    assert (code, lines[:2]) == (0, [BANNER, "Generate LMS key resumed: long (S seconds)"])
    assert lines[-3:] == key_lines("long")
    assert len([line for line in lines if "chunk: long" in line]) <= 33 - done + 2
    code, lines = say("alias=long", "message=test")
    assert verifies(public_key("long"), bytes.fromhex("".join(field(lines, "Signature"))), b"test")
    assert say("generate", "alias=long", "resume=yes")[0] == 1


def test_the_advice_is_good_wherever_it_is_given(tmp_path):
    """A machine that keeps nothing is not a place to go on with a key: either nobody says so, or it
    works.
    """
    with slow_machine(tmp_path / "world", "--ephemeral") as forgetful:
        environment = processes.environment(forgetful.home)
        words = [
            "generate",
            "alias=long",
            "algorithm=lms",
            "lmscode=sha256_m32_h5",
            "lmotscode=sha256_n32_w8",
            "expchunk=0",
        ]
        with subprocess.Popen(
            [*PIPSQUEAK, *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for _ in range(4):
                process.stdout.readline()
            process.send_signal(signal.SIGINT)
            rest = process.communicate(timeout=PATIENCE)[0]
        assert (
            "go on with" not in rest
            or processes.pipsqueak(["generate", "alias=long", "resume=yes"], environment)[0] == 0
        )


@pytest.mark.parametrize(
    ("detail", "where", "stored", "advice"),
    [
        (
            "[Errno 28] No space left on device",
            "x",
            0,
            "Nothing was kept. Make room, and give the same command again",
        ),
        ("[Errno 5] Input/output error", "x", 0, "Nothing was kept. Give the same command again"),
        (
            "connection to h on port 1: closed",
            "dispatch_socket_connect",
            0,
            "Give the same command again",
        ),
        (
            "[Errno 28] No space left on device",
            "x",
            1,
            "What is done is kept; resume with: pipsqueak generate alias=k resume=yes",
        ),
    ],
)
def test_what_is_said_after_a_failed_step(detail, where, stored, advice, world):
    """Only what a machine stored can be gone on with."""
    events = [Started("k", 0.0, 5, 8), *[ChunkDone("k", 0.0, 4)] * stored]
    with blocking.open_fleet() as fleet:
        assert (
            generation_commands._way_on(
                fleet, "k", events, StatusError(Status.OSErrorErrno, detail, where)
            )
            == advice
        )


def test_there_is_nothing_to_go_on_with(world):
    """A half-made key that no machine has is a refusal."""
    code, lines = say("generate", "alias=x", "resume=yes")
    assert (code, lines[-1]) == (1, "ERROR: generate failed")
    assert "UnknownID(4): no reachable HSM has a half-made key x" in lines[-2]


def with_closed_output(world, *words, **options):
    """Run with a standard output that nobody reads. Returns exit code and standard error."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*PIPSQUEAK, *words],
            env=processes.environment(world),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            **options,
        )
    finally:
        os.close(writing)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "words", [(), ("list",), ("list", "--json"), ("showinfo", "alias=nobody")], ids=" ".join
)
def test_a_pipe_that_nobody_reads_is_no_bug(words, world):
    """`pipsqueak list | head -0` ends quietly, and not as if all were well."""
    code, told = with_closed_output(world, *words)
    assert code == 1
    assert "Traceback" not in told
    assert "BrokenPipe" not in told


def test_head_gets_no_traceback(world):
    """The same through a shell."""
    command = f"{sys.executable} -m seeclient.pipsqueak list | head -0"
    done = subprocess.run(
        ["sh", "-c", command],
        env=processes.environment(world),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_for_nobody_is_no_bug(word, world):
    """`pipsqueak --help | head -0` gives no traceback either."""
    assert "Traceback" not in with_closed_output(world, word)[1]


class Leaving(io.StringIO):
    """Standard output whose reader leaves when the message is shown, after the leaf is spent."""

    def __init__(self, spare):
        super().__init__()
        self._spare = spare

    def write(self, text):
        """Take the text, until the message comes."""
        if text.startswith("Message"):
            raise BrokenPipeError
        return super().write(text)

    def fileno(self):
        """A descriptor that may be put elsewhere."""
        return self._spare


def test_a_signature_reaches_its_file_before_anything_is_printed(alias, tmp_path, monkeypatch):
    """A leaf is spent for a signature in its file, whoever reads the lines."""
    spare = os.open(os.devnull, os.O_WRONLY)
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", Leaving(spare))
        assert pipsqueak.main([f"alias={alias}", "message=m", f"sigfile={tmp_path / 's'}"]) == 1
    os.close(spare)
    assert remaining(alias) == 31
    assert verifies(public_key(alias), (tmp_path / "s").read_bytes(), b"m")


def test_a_message_is_not_written_over_by_its_signature(world, tmp_path):
    """A sigfile that is the message's own file is refused before a leaf is spent."""
    path = tmp_path / "message"
    path.write_bytes(b"precious")
    say("generate", "alias=own", *LMS)

    code, lines = say("alias=own", f"msgfile={path}", f"sigfile={tmp_path / '.' / 'message'}")

    assert code == 1
    assert "is the message itself" in lines[-2]
    assert path.read_bytes() == b"precious"
    assert " Remaining: 32 signatures" in [line[1:] for line in say("showinfo", "alias=own")[1]]
