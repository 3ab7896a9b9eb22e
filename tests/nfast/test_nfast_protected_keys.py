"""ML-DSA keys that a card set protects, from making the cards to signing without them."""

import subprocess
import sys
from pathlib import Path

import pytest
from kit.processes import Ran, seemachine
from kit.site import FIVE, XC, Site
from nfast.terminal import typed

GENERATE = ["generate", "alias=release", "mldsacode=mldsa44", "token=board"]
SIGN = ["alias=release", "message=firmware"]
PRELOAD = [sys.executable, "-m", "seemachine.nfast.tools.preload"]
PIPSQUEAK = [sys.executable, "-m", "seeclient"]


@pytest.fixture
def up(site: Site) -> Site:
    """A site whose machines run."""
    assert seemachine(["fleet", "up", "--detach"], site.env)[0] == 0
    return site


def deal(site: Site, quorum: int, cards: int, passphrase: str) -> None:
    """The cards of a set `board`, on the rack."""
    words = ["--quorum", str(quorum), "--cards", str(cards), "--passphrase", passphrase]
    assert site.seemachine("nfast", "cards", "board", *words)[0] == 0


def ran(site: Site, command: list[str], *lines: str) -> Ran:
    """Run a command to its end; `lines` are what is in its pipe."""
    done = subprocess.run(
        command,
        env=site.env,
        input="".join(f"{line}\n" for line in lines),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def good(done: Ran) -> None:
    """Whether a signature was made and checked."""
    code, lines = done
    assert code == 0, lines
    assert lines[-1].startswith("Verify (alias: release, "), lines
    assert lines[-1].endswith("): true"), lines


def test_a_key_under_a_passphrase(up: Site) -> None:
    """The passphrase is asked for whenever the set has to be loaded; a wrong one, or none, makes
    neither key nor signature, and is shown nowhere.
    """
    deal(up, 1, 1, "open sesame")
    up.rack.insert("board-1", FIVE, 3)
    for line in ((), ("sesame",)):
        code, lines = ran(up, [*PIPSQUEAK, *GENERATE], *line)
        assert code == 1
        assert " passphrase for `board' #1 in slot 3" in "\n".join(lines)
    code, lines = ran(up, [*PIPSQUEAK, *GENERATE], "open sesame")
    assert code == 0, lines
    code, lines = ran(up, [*PIPSQUEAK, *SIGN], "sesame")
    assert code == 1
    assert "wrong passphrase for `board' #1 in slot 3" in "\n".join(lines)
    good(ran(up, [*PIPSQUEAK, *SIGN], "open sesame"))
    assert not any("sesame" in line for line in lines)
    log = (up.home / "fleet" / "log").read_text() if (up.home / "fleet" / "log").exists() else ""
    assert "sesame" not in log


def test_at_a_terminal(up: Site) -> None:
    """A person is asked, and may mistype."""
    deal(up, 1, 1, "open sesame")
    up.rack.insert("board-1", FIVE, 3)
    assert ran(up, [*PIPSQUEAK, *GENERATE], "open sesame")[0] == 0
    code, seen = typed(
        up,
        "pipsqueak",
        SIGN,
        [
            ("`board' #1 in slot 3: Enter passphrase:", b"sesame\n"),
            ("try again\r\n`board' #1 in slot 3: Enter passphrase:", b"open sesame\n"),
        ],
    )
    assert code == 0, seen
    assert "): true" in seen
    for key in (b"\x03", b"\x04"):
        code, seen = typed(up, "pipsqueak", SIGN, [("Enter passphrase:", key)])
        assert code == (130 if key == b"\x03" else 1), seen
        assert "Traceback" not in seen
        assert "Verify" not in seen


def test_with_the_cards_pulled(up: Site) -> None:
    """Under preload any number of signatures, and a key, with no card in any slot."""
    deal(up, 1, 1, "")
    up.rack.insert("board-1", FIVE, 3)
    remove = [sys.executable, "-m", "seemachine", "card", "remove", "--esn", FIVE, "--slot", "3"]
    script = Path("script")
    commands = [remove, [*PIPSQUEAK, *GENERATE], [*PIPSQUEAK, *SIGN], [*PIPSQUEAK, *SIGN]]
    script.write_text("\n".join(" ".join(words) for words in commands))
    code, lines = ran(up, [*PRELOAD, "-c", "board", "sh", "-e", str(script)])
    assert code == 0, lines
    assert sum(line.startswith("Verify ") and line.endswith("true") for line in lines) == 2
    code, lines = ran(up, [*PIPSQUEAK, *SIGN])
    assert code == 1
    assert f"no card of `board' in any slot of {FIVE}" in "\n".join(lines)


def test_another_machine_without_the_card(up: Site) -> None:
    """Any machine of the world signs, but only where the card is; the client finds that one."""
    deal(up, 1, 1, "")
    up.rack.insert("board-1", FIVE, 3)
    assert ran(up, [*PIPSQUEAK, *GENERATE])[0] == 0
    up.rack.remove(FIVE, 3)
    code, lines = ran(up, [*PIPSQUEAK, *SIGN])
    assert code == 1
    assert "no card of `board' in any slot" in "\n".join(lines)
    up.rack.insert("board-1", XC, 4)
    good(ran(up, [*PIPSQUEAK, *SIGN]))


def test_two_of_three(up: Site) -> None:
    """Whichever two; with one the refusal says how many were read, and which card would do."""
    deal(up, 2, 3, "one")
    for number, slot in ((1, 3), (2, 4)):
        up.rack.insert(f"board-{number}", FIVE, slot)
    assert ran(up, [*PIPSQUEAK, *GENERATE], "one")[0] == 0
    up.rack.remove(FIVE, 3)
    code, lines = ran(up, [*PIPSQUEAK, *SIGN], "one")
    assert code == 1
    assert "1 of 2 read; insert one with: seemachine card insert board-" in "\n".join(lines)
    up.rack.insert("board-3", FIVE, 5)
    good(ran(up, [*PIPSQUEAK, *SIGN], "one"))


def test_what_takes_no_card_set(up: Site) -> None:
    """An LMS key (guide 2.7.1), and a set that nobody made."""
    words = ["generate", "alias=x", "algorithm=lms", "lmscode=sha256_m32_h5"]
    code, lines = ran(up, [*PIPSQUEAK, *words, "lmotscode=sha256_n32_w8", "token=testOCS"])
    assert code == 2
    assert "module" in "\n".join(lines)
    code, lines = ran(up, [*PIPSQUEAK, "generate", "alias=x", "token=nobody"])
    assert code == 1
    assert "there is no card set nobody in" in "\n".join(lines)
    assert "there are: testOCS" in "\n".join(lines)


def test_a_key_is_shown_with_its_card_set(up: Site) -> None:
    """By name, also while its cards are away."""
    deal(up, 1, 1, "")
    up.rack.insert("board-1", FIVE, 3)
    assert ran(up, [*PIPSQUEAK, *GENERATE])[0] == 0
    up.rack.remove(FIVE, 3)
    code, lines = ran(up, [*PIPSQUEAK, "showinfo", "alias=release"])
    assert code == 0
    assert any("board" in line for line in lines), lines
