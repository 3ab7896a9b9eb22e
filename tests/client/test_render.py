"""render.py and output.py: the lines of the guide (2.6 to 2.9), letter for letter."""

import time
from dataclasses import replace

import pytest
from kit.stories import a_peer, a_roster
from seeclient import render
from seeclient.algorithms.lms.inspecting import Holding, LmsInfo
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.lms.provisioning import Provisioned
from seeclient.events import CardDone, CardsNeeded, CardTried, CardWanted, ChunkDone, Started
from seeclient.output_text import TextOutput
from seeclient.results import Signed

from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire.messages import Slot
from seemachine.wire.status import Status, StatusError

# The key of guide 2.7.1, and the first words of its signature.
TEST_LMS = bytes.fromhex(
    "00000005 00000004 32345290 ee7b23cd 95f535ac 59cc8f34 6b4004d1 94236988 b3439180 b273eeb9"
    " 5813bc40 25d21588 0c6a09b3 cdbd1fbd"
)
SIGNATURE = bytes.fromhex(
    "00000003 00000004 cde06ca3 fe784329 22f6d3ef 3d34a20a b4f8e886 5b5e8413 ba1851b1 54c09d11"
) + bytes(1252)
PUBLIC_KEY = """\
Public key (alias: test-lms):
  00000005 00000004 32345290 ee7b23cd 95f535ac 59cc8f34 6b4004d1 94236988
  b3439180 b273eeb9 5813bc40 25d21588 0c6a09b3 cdbd1fbd
"""


@pytest.fixture
def key():
    """The guide's key."""
    return LmsKeyFile("test-lms", TEST_LMS, 0, 0, 0, b"")


@pytest.fixture
def lines(capsys):
    """Lines, and a function that returns what was printed to both streams since the last call."""
    output = TextOutput()

    def printed():
        caught = capsys.readouterr()
        return caught.out, caught.err

    return output, printed


@pytest.fixture
def noon(monkeypatch):
    """It is the time of guide 2.7.2."""
    now = time.strptime("2026-02-11T20:58:01", "%Y-%m-%dT%H:%M:%S")
    real = time.strftime
    monkeypatch.setattr(render.time, "strftime", lambda form: real(form, now))


def test_the_banner(lines):
    """Machines stand in the order of the roster, and an empty list is empty brackets (2.6, 2.8.1,
    2.9.2).
    """
    output, printed = lines
    output.machines(a_roster())
    output.machines(a_roster(a_peer(OTHER_ESN)))
    output.machines(a_roster(a_peer(ESN), a_peer(OTHER_ESN, 2)))
    assert (
        printed()[0]
        == "PQSDK: 1.4.1 ()\nPQSDK: 1.4.1 (5F08-02E0-D947: 1.4.1)\nPQSDK: 1.4.1 (7852-268D-3BF9:"
        " 1.4.1, 5F08-02E0-D947: 1.4.1)\n"
    )


def test_a_machine_that_does_not_answer(lines, noon):
    """Its line comes before the banner (2.8.1)."""
    output, printed = lines
    roster = a_roster()
    refused = "connecting to 127.0.0.1 on port 8888: Connection refused"
    roster.failures.append(StatusError(Status.OSErrorErrno, refused, "dispatch_socket_connect"))
    output.machines(roster)
    assert printed() == (
        "PQSDK: 1.4.1 ()\n",
        (
            "2026-02-11T20:58:01 dispatch_socket_connect[dispatch.c:172] OSErrorErrno(57):"
            f" {refused}\n"
        ),
    )


def test_a_generation(lines, key):
    """Each step has its line, seconds in thousandths (2.7.1)."""
    output, printed = lines
    output.event(Started("test-lms", 0.0021, 5, 8))
    output.event(ChunkDone("test-lms", 0.3161, 4))
    output.event(ChunkDone("test-lms", 0.01, 0))
    output.generated(key)
    assert printed()[0] == (
        "Generate LMS key started: test-lms (0.002 seconds)\n"
        "  chunk: test-lms (0.316 seconds) 4 remaining\n"
        "  chunk: test-lms (0.010 seconds) 0 remaining\n" + PUBLIC_KEY
    )


def test_cards(lines):
    """Cards are counted in words, tried and processed (2.7.2, 2.7.2.1); through a pipe nobody is
    asked to insert one.
    """
    output, printed = lines
    for event in (
        CardsNeeded(1),
        CardsNeeded(16),
        CardTried(2),
        CardDone(1),
        CardDone(0),
        CardWanted(ESN, 2, "there is no card"),
    ):
        output.event(event)
    assert (
        printed()[0] == "LMS key requires 1 card\n"
        "LMS key requires 16 cards\n"
        "Attempting to write to card in slot 2...\n"
        "Card processed (1 remaining)\n"
        "Card processed (0 remaining)\n"
    )


def test_a_refused_generation(lines, noon):
    """The error line with the guide's place, then what failed (2.7.2)."""
    output, printed = lines
    detail = (
        "private key tree height is less than the sum of card and lease exponents (5 < 4 + 3) in"
        " continueLMS_cache_next"
    )
    output.refused(
        StatusError(Status.InvalidParameter, detail, "continueLMS_cache_next"),
        "continueLMS failed on chunk",
    )
    assert printed() == (
        "",
        (
            "2026-02-11T20:58:01 continueLMS_cache_next[see-commands.c:532] InvalidParameter(24):"
            f" {detail}\nERROR: continueLMS failed on chunk\n"
        ),
    )


@pytest.mark.parametrize(
    ("status", "where", "line"),
    [
        (
            Status.NotAvailable,
            "dispatch_see_nvmemfile",
            "dispatch_see_nvmemfile[dispatch.c:837] NotAvailable(73): detail",
        ),
        (
            Status.VerifyFailed,
            "lms_public_verify",
            "lms_public_verify[hsslms.c:2463] VerifyFailed(11): detail",
        ),
        (
            Status.UseLimitExceeded,
            "command_see_provisionLMS",
            "command_see_provisionLMS[see-commands.c:785] UseLimitExceeded(7): detail",
        ),
        (Status.UnknownID, "pqsdk_key_file", "pqsdk_key_file[seemachine] UnknownID(4): detail"),
        (Status.Failed, "", "pipsqueak[seemachine] Failed: detail"),
    ],
)
def test_error_lines(status, where, line, noon):
    """Local time, the place as far as the guide prints it, status and number, the sentence."""
    assert render.error_line(StatusError(status, "detail", where)) == f"2026-02-11T20:58:01 {line}"


def test_the_list(lines):
    """Keys stand indented, with their algorithm (2.7.1 step 2)."""
    output, printed = lines
    output.listing([("sec-lms", "LMS"), ("test-lms", "LMS")])
    output.listing([])
    assert printed()[0] == "Available Keys:\n  sec-lms LMS\n  test-lms LMS\nAvailable Keys:\n"


def test_a_signature_on_the_screen(lines, key):
    """Message and signature in words, eight a line, with a colon behind `alias` (2.7.1 step 3)."""
    output, printed = lines
    output.key(key)
    output.message("test", b"test", more=False)
    output.signature(key, Signed(SIGNATURE, ESN, 3, 28), 0.0181, None)
    output.verified(key, 0.0129, good=True)
    printed_lines = printed()[0].splitlines()
    assert "\n".join(printed_lines[:3]) + "\n" == PUBLIC_KEY
    assert printed_lines[3:8] == [
        "Message (test):",
        "  74657374",
        "Signature (alias: test-lms, size: 1292, time: 0.018):",
        "  00000003 00000004 cde06ca3 fe784329 22f6d3ef 3d34a20a b4f8e886 5b5e8413",
        "  ba1851b1 54c09d11 00000000 00000000 00000000 00000000 00000000 00000000",
    ]
    assert len(printed_lines) == 6 + 41 + 1
    assert printed_lines[-2:] == [
        "  00000000 00000000 00000000",
        "Verify (alias: test-lms, time: 0.013): true",
    ]


def test_a_signature_in_a_file(lines, key):
    """The line without colons, and where the signature went (2.7.1 step 4)."""
    output, printed = lines
    output.message("/tmp/message.txt", b"hello world\n", more=False)
    output.signature(key, Signed(SIGNATURE, ESN, 3, 28), 0.019, "/tmp/message.sig")
    assert (
        printed()[0] == "Message (/tmp/message.txt):\n"
        "  68656c6c 6f20776f 726c640a\n"
        "Signature (alias test-lms, size: 1292, time: 0.019)\n"
        "written to /tmp/message.sig\n"
    )


def test_other_outcomes_of_verifying(lines, key):
    """Verified from a file there is no time; a bad signature is false (2.7.2.1, 2.9.4 step 5)."""
    output, printed = lines
    output.verified(key, None, good=True)
    output.verified(key, 0.001, good=False)
    assert (
        printed()[0]
        == "Verify (alias: test-lms): true\nVerify (alias: test-lms, time: 0.001): false\n"
    )


def test_parts_of_words_and_of_messages(lines):
    """A last word may be short, an empty message has no words, and a long one has dots behind what
    is shown.
    """
    output, printed = lines
    output.message("m", b"\1\2\3\4\5", more=False)
    output.message("", b"", more=False)
    output.message("big", b"12345678", more=True)
    assert (
        printed()[0]
        == "Message (m):\n  01020304 05\nMessage ():\nMessage (big):\n  31323334 35363738\n  ...\n"
    )


def view(esn, *slots, remaining=0):
    """A machine as a key sees it."""
    return Holding(
        esn,
        "5c",
        tuple(Slot(slot=slot, ic=ic, kind=kind, card="c", leases=0) for slot, ic, kind in slots),
        0,
        0,
        remaining,
    )


def test_showinfo(lines, key):
    """Machines with their cards, the key, and what is left of it over all machines (2.7.1 step 7,
    2.9.4 step 7).
    """
    output, printed = lines
    machines = (
        view(ESN, (2, 13, "blank"), (3, 1, "lms"), remaining=16),
        view(OTHER_ESN, remaining=12),
    )
    output.info(LmsInfo(key, machines))
    assert printed()[0] == (
        " 7852-268D-3BF9\n"
        "  - Slot 2: ic=13 blank\n"
        "  - Slot 3: ic=1 lms\n"
        " 5F08-02E0-D947\n"
        "Alias: test-lms\n"
        "Algorithm: LMS\n"
        "  sha256_m32_h5 sha256_n32_w8\n"
        "  Remaining: 28 signatures\n" + PUBLIC_KEY
    )


def test_showinfo_lists_what_a_see_machine_can_use(lines, key):
    """Cards of the Security World stay in their slots unnamed, as its ACS and OCS do in the guide
    (2.7.1 step 7, 2.9.4 step 7); a card that can't be read has its line.
    """
    output, printed = lines
    cards = (0, 1, "cardset"), (2, 13, "blank"), (3, 2, "unknown"), (5, 1, "cardset")
    output.info(LmsInfo(key, (view(ESN, *cards), view(OTHER_ESN, (2, 1, "cardset")))))
    assert printed()[0].splitlines()[:5] == [
        " 7852-268D-3BF9",
        "  - Slot 2: ic=13 blank",
        "  - Slot 3: ic=2 unknown",
        " 5F08-02E0-D947",
        "Alias: test-lms",
    ]


def test_leaves_that_a_machine_does_not_give_do_not_count(lines, key, noon):
    """Neither those in quarantine nor those of another signer; both are named."""
    output, printed = lines
    machines = (
        replace(view(ESN, remaining=16), quarantined=3),
        replace(view(OTHER_ESN), foreign=12),
    )
    output.info(LmsInfo(key, machines))
    out, err = printed()
    assert "  Remaining: 16 signatures\n" in out
    assert [line.partition(": ")[2] for line in err.splitlines()] == [
        "3 leaves of test-lms are in quarantine on 7852-268D-3BF9; see: seemachine quarantine"
        " explain",
        "12 leaves of test-lms on 5F08-02E0-D947 belong to SEE machines of another signer; see:"
        " seemachine fleet check",
    ]


@pytest.mark.parametrize(("quirks", "end"), [(False, "\n"), (True, "")])
def test_provisioning(capsys, quirks, end):
    """Before and after a lease is moved (2.7.2.1 step 5); 1.4.1 does not end the line
    (2.7.2.1 step 8, 2.9.5 step 8).
    """
    output = TextOutput(quirks=quirks)
    output.provisioning(OTHER_ESN, 2)
    output.provisioned(Provisioned(OTHER_ESN, TEST_LMS, 0, 16, 1))
    assert capsys.readouterr() == (
        f"Attempting to provision 5F08-02E0-D947 from slot 2...\nProvision successful.{end}",
        "",
    )


def test_advice_goes_to_standard_error(capsys):
    """And 1.4.1 gives none."""
    TextOutput().advise("do this")
    TextOutput().advise("")
    TextOutput(quirks=True).advise("do that")
    assert capsys.readouterr() == ("", "do this\n")


def test_both_streams_keep_their_order(lines, key, noon, monkeypatch):
    """Lines are flushed before an error is written, so that both streams in one pipe
    read in order.
    """
    output, _ = lines
    order = []
    monkeypatch.setattr("sys.stdout.flush", lambda: order.append("flushed"))
    monkeypatch.setattr(render, "error_line", lambda _error: order.append("error") or "line")
    output.note(StatusError(Status.Failed, ""))
    assert order == ["flushed", "error"]
