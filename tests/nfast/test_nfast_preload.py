"""preload: what it loads, what its command finds, and how both end."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.processes import seemachine
from kit.site import FIVE, XC, Site
from nfast.terminal import typed

from seemachine.nfast import securityworld
from seemachine.world import World

# A command: a new ML-DSA key under the set that is loaded, and a signature with it.
USE = """
import os, sys
from dataclasses import replace
from pathlib import Path
from seeclient import blocking, tokens
from seemachine.wire.messages import GenerateMldsa, SignMldsa
with blocking.open_fleet() as fleet:
    [(esn, cardset)] = fleet.roster.logical_tokens
    [peer] = [each for each in fleet.roster.peers if each.esn == esn]
    def asked(request):
        return fleet.run(tokens.ask_with(
            fleet.roster, peer, cardset, (), lambda handle: replace(request, logical_token=handle)
        ))
    made = asked(GenerateMldsa(mldsa=44, cardset=cardset))
    print(esn, len(asked(SignMldsa(blob=made.blob, mu=bytes(64))).signature), flush=True)
"""
USED = f"{FIVE} 2420"


@pytest.fixture
def up(site: Site) -> Site:
    """A site whose machines run."""
    assert seemachine(["fleet", "up", "--detach"], site.env)[0] == 0
    return site


@pytest.fixture
def impatient(site: Site) -> Site:
    """One whose machines hang up after a second in which nothing is asked."""
    fleet = site.home / "fleet.toml"
    fleet.write_text("[limits]\nidle_seconds = 1\n" + fleet.read_text())
    assert seemachine(["fleet", "up", "--detach"], site.env)[0] == 0
    return site


def preload(site: Site, *words: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, "-m", "seemachine.nfast.tools.preload", *words],
        env=site.env,
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextlib.contextmanager
def preloading(site: Site, code: str, **options: Any) -> "Iterator[subprocess.Popen[str]]":
    """It, while a command in Python runs that has said `ready`."""
    words = [sys.executable, "-m", "seemachine.nfast.tools.preload", "-c", "testOCS"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [*words, sys.executable, "-c", code]
    with subprocess.Popen(command, env=site.env, text=True, **pipes, **options) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_a_command_uses_the_set(up: Site) -> None:
    """It finds the handle in its environment; the dialogue is on standard error, as the guide's
    other tools have it, and standard output is the command's.
    """
    done = preload(up, "-c", "testOCS", sys.executable, "-c", USE)
    assert (done.returncode, done.stdout.splitlines()) == (0, [USED]), done.stderr
    assert done.stderr.splitlines() == [
        "Loading `testOCS':",
        "Module 1: 0 cards of 1 read",
        "Module 1 slot 2: `testOCS' #1",
        "Module 1 slot 0: Admin Card #1",
        "Module 1 slot 3: empty",
        "Module 1 slot 4: empty",
        "Module 1 slot 5: empty",
        "Module 1 slot 2:- no passphrase supplied - reading card",
        "Card reading complete.",
        "",
    ]


def test_a_set_by_its_hash(up: Site) -> None:
    """As the manual has it: IDENT is a hash or a name."""
    [testocs] = securityworld.operator_sets(World.at(up.home))
    done = preload(up, "--cardset", testocs.hash.upper(), sys.executable, "-c", USE)
    assert done.stdout.splitlines() == [USED], done.stderr
    refused = preload(up, "--cardset-name", testocs.hash, "true")
    assert refused.returncode == 1
    assert "there is no card set" in refused.stderr


def test_the_card_may_be_pulled_meanwhile(up: Site) -> None:
    """What is loaded stays, until the command ends."""
    code = f"print('ready', flush=True); input(){USE}"
    with preloading(up, code) as process:
        up.rack.remove(FIVE, 2)
        out, err = process.communicate("\n", timeout=60)
    assert (process.returncode, out.splitlines()) == (0, [USED]), err


def test_what_was_loaded_is_gone_afterwards(up: Site) -> None:
    """The handle that the command had is worth nothing when preload has ended."""
    print_it = "import os; print(os.environ['SEEMACHINE_PRELOADED'])"
    left = preload(up, "-c", "testOCS", sys.executable, "-c", print_it).stdout.strip()
    up.rack.remove(FIVE, 2)
    late = subprocess.run(
        [sys.executable, "-c", USE],
        env={**up.env, "SEEMACHINE_PRELOADED": left},
        capture_output=True,
        text=True,
        check=False,
    )
    assert late.returncode == 1
    assert "no card of `testOCS' in any slot" in late.stderr


def test_a_preload_that_is_killed_leaves_nothing_loaded(up: Site) -> None:
    """Its command goes on, and may sign no more: the connection that held the set is gone."""
    wait = "while os.getppid() == parent: time.sleep(0.05)"
    code = f"import os, time; parent = os.getppid(); print('ready', flush=True)\n{wait}\n{USE}"
    with preloading(up, code) as process:
        up.rack.remove(FIVE, 2)
        process.kill()
        out, err = process.communicate(timeout=60)
    assert out == ""
    assert "no card of `testOCS' in any slot" in err


@pytest.mark.parametrize(
    ("code", "wanted"),
    [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 128 + 9)],
)
def test_the_exit_code_is_that_of_the_command(up: Site, code: str, wanted: int) -> None:
    """Also of one that a signal ended, as shells say it."""
    assert preload(up, "-c", "testOCS", sys.executable, "-c", code).returncode == wanted


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_are_passed_on(up: Site, number: int) -> None:
    """Who stops preload stops the command."""
    with preloading(up, "import time; print('ready', flush=True); time.sleep(60)") as process:
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == 128 + number


def test_ctrl_c_is_the_commands(up: Site) -> None:
    """It reaches both, as from a terminal: the command decides, and preload gives its exit code."""
    code = (
        "import sys, time\ntry:\n    print('ready', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    print('cleaned up', flush=True); sys.exit(3)"
    )
    with preloading(up, code, start_new_session=True) as process:
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, "Traceback" in err) == (3, "cleaned up\n", False)


def test_it_asks_for_passphrases_as_the_others_do(up: Site) -> None:
    """The next line of a pipe, and what comes after it is the command's; a wrong one is refused."""
    up.seemachine("nfast", "cards", "guarded", "--passphrase", "open sesame")
    up.rack.insert("guarded-1", FIVE, 4)
    words = ["-c", "guarded", sys.executable, "-c", f"print(input()){USE}"]
    done = preload(up, *words, typed="open sesame\nmine\n")
    assert done.stdout.splitlines() == ["mine", USED], done.stderr
    assert "sesame" not in done.stderr
    refused = preload(up, *words, typed="sesame\n")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith("preload: wrong passphrase for `guarded' #1 in slot 4\n")


def test_a_person_mistypes_and_hands_in_the_next_card(impatient: Site) -> None:
    """At a terminal a wrong passphrase is asked for again, and each card is waited for: one slot is
    enough for a quorum of two, however long the second one takes.
    """
    up = impatient
    up.seemachine("nfast", "cards", "board", "--quorum", "2", "--cards", "3", "--passphrase", "one")
    up.rack.insert("board-3", FIVE, 4)

    def next_card() -> None:
        up.rack.remove(FIVE, 4)
        time.sleep(2.5)
        up.rack.insert("board-1", FIVE, 4)

    code, seen = typed(
        up,
        "preload",
        ["-c", "board", sys.executable, "-c", USE],
        [
            ("Enter passphrase:", b"wrong\n"),
            ("Enter passphrase:", b"one\n"),
            ("1 card of 2 read", next_card),
            ("Enter passphrase:", b"one\n"),
        ],
    )
    assert code == 0, seen
    assert seen.rstrip().endswith(USED)


def test_several_sets_on_several_modules(up: Site) -> None:
    """Each set on each module that is named; the command finds them all."""
    up.seemachine("nfast", "cards", "other", "--cards", "2", "--passphrase", "")
    for card, esn, slot in (("other-1", FIVE, 3), ("other-2", XC, 3), ("testOCS-2", XC, 2)):
        up.rack.insert(card, esn, slot)
    show = "import os; print(os.environ['SEEMACHINE_PRELOADED'].count(':') // 2)"
    words = ["-c", "testOCS", "-c", "other", "-m", "1", "-m", "2"]
    done = preload(up, *words, sys.executable, "-c", show)
    assert done.stdout == "4\n", done.stderr


def test_one_within_another(up: Site) -> None:
    """What the outer one loaded reaches the inner command too."""
    up.seemachine("nfast", "cards", "other", "--passphrase", "")
    up.rack.insert("other-1", FIVE, 3)
    show = "import os; print(os.environ['SEEMACHINE_PRELOADED'].count(':') // 2)"
    inner = [sys.executable, "-m", "seemachine.nfast.tools.preload", "-c", "other"]
    done = preload(up, "-c", "testOCS", *inner, sys.executable, "-c", show)
    assert done.stdout == "2\n", done.stderr


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["true"], 2, "say which card set: -c IDENT"),
        (["-c", "testOCS"], 2, "say which command to run"),
        (["-c", "testOCS", "pause"], 2, "preload pause is not served here"),
        (["-c", "testOCS", "exit"], 2, "preload exit is not served here"),
        (["-c", "nobody", "true"], 1, "there is no card set nobody; there are: testOCS"),
        (["-c", "testOCS", "no-such-command"], 1, "there is no command no-such-command"),
        (["-c", "testOCS", "-m", "7", "true"], 1, "there is no module 7"),
        (["-c", "testOCS", "-m", "2", "true"], 1, "the SEE machine of 5F08-02E0-D947 does not"),
        (["-c", "testOCS", "true"], 1, "the SEE machine of 7852-268D-3BF9 does not answer"),
    ],
)
def test_what_is_refused(site: Site, words: list[str], code: int, reason: str) -> None:
    """Before a card is read; the machines are down."""
    done = preload(site, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert reason in done.stderr
    assert "reading card" not in done.stderr


def test_no_card(up: Site) -> None:
    """Is told as by the other tools, with the command that inserts one."""
    up.rack.remove(FIVE, 2)
    done = preload(up, "-c", "testOCS", "true")
    assert done.returncode == 1
    assert (
        "no further card of `testOCS' in any slot of module 1; 0 of 1 read; insert" in done.stderr
    )
    assert "seemachine card insert testOCS-1" in done.stderr


def test_a_set_outlives_the_idle_time_of_a_machine(impatient: Site) -> None:
    """Whose connections end when nothing is asked for a while: preload asks something."""
    up = impatient
    code = f"import time; print('ready', flush=True); time.sleep(2.5){USE}"
    with preloading(up, code) as process:
        up.rack.remove(FIVE, 2)
        out, err = process.communicate(timeout=60)
    assert out.splitlines() == [USED], err


def test_the_launcher_is_installed(site: Site) -> None:
    """As the others are, by `seemachine nfast path`."""
    assert site.seemachine("nfast", "path")[0] == 0
    launcher = Path(site.home / "opt" / "nfast" / "bin" / "preload")
    assert os.access(launcher, os.X_OK)
    shown = subprocess.run([launcher, "--help"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("usage: preload")
    assert shutil.which("preload", path=str(launcher.parent))
