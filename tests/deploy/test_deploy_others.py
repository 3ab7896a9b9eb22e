"""Cards that are out, others at the same HSM, a module that must not be cleared unasked."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from deploy.desk import FIVE, XC, Desk, Killed
from nshield import runner
from nshield.journal import Journal
from nshield.settings import Settings
from nshield.site import Site
from nshield.step import Act, Place, Step, call
from nshield.tools import Tools

CARDS = {
    "5c": {"testOCS-1": (FIVE, 2), "admin-1": (FIVE, 0)},
    "xc": {"testOCS-2": (XC, 3), "admin-1": (FIVE, 0)},
}
READERS = {
    "5c": [
        "csadmin ids create",
        "generatekey simple",
        "python3 pqsdk-1.4.1-win64/userdatatool.py",
        "csadmin image sign",
    ],
    "xc": [
        "generatekey seeinteg",
        "python3 pqsdk-1.4.1-win64/userdatatool.py",
        "tct2 --sign-and-pack",
        "tct2 --sign-and-pack",
    ],
}


@pytest.mark.parametrize("model", ["5c", "xc"])
def test_no_card_at_each_call_that_reads_one(desk: Desk, model: str) -> None:
    """The cards are taken out before each call: exit code 3 and which card, then they come back and
    the next run goes on from there.
    """
    words, out, refused = (
        (["--module", "2", "--yes"] if model == "xc" else []),
        set[str](),
        list[str](),
    )

    def take_cards(call: str, made: bool) -> None:
        if not made and call not in out and call.startswith(tuple(READERS[model])):
            out.add(call)
            refused.append(call)
            for esn, slot in CARDS[model].values():
                desk.site.rack.remove(esn, slot)

    desk.watch = take_cards
    for _ in range(10):
        before = len(refused)
        code, lines = desk.deploy(model, *words)
        if code == 0:
            break
        assert code == 3, "\n".join(lines)
        if len(refused) > before:
            assert (
                "Administrator Card Set" if "userdatatool" in refused[-1] else "a card of testOCS"
            ) in "\n".join(lines[-4:])
            assert desk.calls[-1] == refused[-1]
            for card, (esn, slot) in CARDS[model].items():
                desk.site.rack.insert(card, esn, slot)
        else:
            desk.certify()
    assert [
        call[: len(start)] for call, start in zip(refused, READERS[model], strict=True)
    ] == READERS[model]
    assert {"5c": FIVE, "xc": XC}[model] in desk.banner()


def test_a_developer_key_of_others_is_never_set_aside(desk: Desk) -> None:
    """A key of this name that was there before: however often it is tried, it stays where it is."""
    desk.site.done(
        "csadmin",
        "ids",
        "create",
        "--keyname",
        "devkeyident",
        "--x509cname",
        "cn",
        "--x509org",
        "org",
    )
    path = desk.site.home / "kmdata" / "local" / "key_simple_devkeyident"
    kept = path.read_text()
    for _ in range(3):
        assert "choose another name with --devkey" in desk.stopped(1, "5c")
    assert path.read_text() == kept


def test_what_others_load_after_a_refused_load_is_theirs(desk: Desk) -> None:
    """A load that was refused leaves nothing that is ours: a SEE machine that turns up later is not
    taken over.
    """
    good = Path("good.cs5")

    def damage(call: str, made: bool) -> None:
        if call.startswith("csadmin load") and not made:
            image = Path("pqcop-5c/pqsdk-signed.cs5")
            good.write_bytes(image.read_bytes())
            image.write_bytes(image.read_bytes()[: len(image.read_bytes()) // 2])

    desk.watch = damage
    desk.stopped(3, "5c")
    desk.certify()
    desk.stopped(1, "5c")
    desk.watch = lambda *_: None
    desk.site.done("csadmin", "load", "--esn", FIVE, str(good))
    assert "--uuid" in desk.stopped(1, "5c")
    assert "--uuid" in desk.stopped(1, "5c", "--uninstall", "--yes")
    assert len(desk.site.module(FIVE).loaded) == 1


def test_what_is_taken_over_is_told(desk: Desk) -> None:
    """A load that was killed is found again, and said; so is one that --uuid names; one that is
    named wrongly changes nothing.
    """

    def kill(call: str, made: bool) -> None:
        if call.startswith("csadmin load") and made:
            raise Killed

    desk.watch = kill
    desk.stopped(3, "5c")
    desk.certify()
    with pytest.raises(Killed):
        desk.deploy("5c")
    desk.watch = lambda *_: None
    [loaded] = desk.site.module(FIVE).loaded
    assert (
        f"SEE machine {loaded.uuid} is taken as ours: a run that loaded it was interrupted"
        in desk.done("5c")
    )
    assert not any(line.startswith("SEE machine") for line in desk.done("5c"))
    Path("pqcop-5c/journal.json").unlink()
    assert "--uuid" in desk.stopped(
        1, "5c", "--uninstall", "--yes", "--uuid", "3d362d35-fc17-448a-b501-914fe0a680b0"
    )
    assert "is installed" in desk.stopped(1, "5c", "--uuid", "3d362d35-fc17-448a-b501-914fe0a680b0")
    assert desk.calls == []
    lines = desk.done("5c", "--uninstall", "--yes", "--uuid", loaded.uuid)
    assert f"SEE machine {loaded.uuid} is taken as ours: --uuid names it" in lines


def test_what_was_taken_over_stays_ours(five: Desk) -> None:
    """Without the journal nobody knows what it was made of: later runs, which do not name it any
    more, leave it as it is.
    """
    [loaded] = five.site.module(FIVE).loaded
    Path("pqcop-5c/journal.json").unlink()
    five.done("5c", "--uuid", loaded.uuid)
    assert "nothing to do" in five.done("5c")[-1]
    assert five.site.module(FIVE).loaded == [loaded]


def test_a_wrong_uuid_is_refused_first(desk: Desk) -> None:
    """Where csadmin can be asked already: before the developer key, and before there is a work
    folder.
    """
    desk.site.enroll_launcher()
    assert "is installed" in desk.stopped(1, "5c", "--uuid", "3d362d35-fc17-448a-b501-914fe0a680b0")
    assert desk.calls == []
    assert not Path("pqcop-5c").exists()


def test_a_hsm_that_csadmin_does_not_reach_is_not_called_empty(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be seen is neither gone nor uninstalled."""
    desk.set_up_5c()
    ran = desk.ran

    def unreachable(words: Sequence[str], typed: str, folder: Path) -> tuple[int, str]:
        return (1, "no") if tuple(words) == ("csadmin", "list") else ran(words, typed, folder)

    monkeypatch.setattr(desk, "ran", unreachable)
    assert "csadmin reaches the HSM's launcher" in desk.stopped(1, "5c", "--uninstall", "--yes")
    assert desk.calls == []


def test_no_clear_without_consent_whatever_comes_first(desk: Desk) -> None:
    """New archives undo what the plan found done: before the module is cleared for them it is asked
    all the same.
    """
    desk.done("xc", "--module", "2", "--yes")
    assert "with --yes" in desk.stopped(1, "xc", "--module", "2", "--signer", "second")
    assert not any(call.startswith("loadsee-setup") for call in desk.calls)
    desk.done("xc", "--module", "2", "--signer", "second", "--yes")


@pytest.mark.parametrize(
    ("typed", "cleared"),
    [
        ("yes", True),
        ("y", True),
        (" YES ", True),
        ("no", False),
        ("n", False),
        ("", False),
        (None, False),
    ],
)
def test_consent_at_a_terminal(
    typed: str | None, cleared: bool, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked once, yes or y; all else, and the end of input, is a no, and then nothing was
    done.
    """
    questions = []

    def answer(question: str) -> str:
        questions.append(question)
        if typed is None:
            raise EOFError
        return typed

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", answer)
    site = Site(
        Settings("xc", module=2),
        Tools(desk.site.home, "", -1, silent=True),
        Journal(desk.site.home),
    )
    consent = runner.Consent(site, given=False)
    if cleared:
        consent.need()
        consent.need()
    else:
        with pytest.raises(runner.Stopped, match="nothing was done"):
            consent.need()
        consent.begin()
        questions.clear()
        with pytest.raises(runner.Stopped, match=r"^stopped"):
            consent.need()
    assert len(questions) == 1
    assert "NVRAM" not in questions[0]


def test_consent_to_an_uninstall_speaks_of_the_container(desk: Desk) -> None:
    """A 5c's is destroyed, and on a real HSM its NVRAM may go with it; nothing is destroyed
    unasked.

    An XC's question has no container.
    """
    desk.set_up_5c()
    said = desk.stopped(1, "5c", "--uninstall")
    assert "destroys the container; what it has in NVRAM may be lost" in said
    assert desk.calls == []
    desk.done("xc", "--module", "2", "--yes")
    assert "container" not in desk.stopped(1, "xc", "--module", "2", "--uninstall")


@pytest.mark.parametrize(("between", "foreseen"), [(True, True), (False, False)])
def test_what_must_be_told_is_foreseen(between: bool, foreseen: bool, tmp_path: Path) -> None:
    """A word that only a person has is missed before anything is done, unless the run ends before,
    where others have to act.
    """
    site = Site(
        Settings("5c", work=str(tmp_path)), Tools(tmp_path, "", -1, silent=True), Journal(tmp_path)
    )
    done = []
    steps = [
        Step("first", "1", lambda: bool(done), "", (Act("true", lambda: done.append(1)),)),
        Step("certificate", "2", lambda: between, "send it", waits=True),
        Step("enroll", "3", lambda: False, "look at it", (call("enroll", Place("address")),)),
    ]
    with pytest.raises(
        runner.Stopped,
        match="--address is needed for it\n  what to do: give --address" if foreseen else "send it",
    ):
        runner.run(site, steps, yes=False)
    assert bool(done) is not foreseen


def test_the_plan_is_printed_as_it_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a later question hangs, what was found before is to be read."""
    site = Site(
        Settings("xc", work=str(tmp_path)), Tools(tmp_path, "", -1, silent=True), Journal(tmp_path)
    )
    printed = []
    second = Step("second", "2", lambda: not printed.append(capsys.readouterr().out), "")
    assert runner.run(site, [Step("first", "1", lambda: True, ""), second], yes=False) == 0
    assert printed == ["done   first (1)\n"]
