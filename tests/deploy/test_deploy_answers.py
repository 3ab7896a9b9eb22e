"""What tools answer is believed as far as it goes: a state that csadmin tells, a list that fails,
another world with the same HSM.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
from deploy.desk import FIVE, XC, Desk
from kit import processes
from nshield.journal import Journal
from nshield.listen import Ran
from nshield.settings import Settings
from nshield.site import OTHERS, Site
from nshield.tools import Tools, Unanswered

UUID, OTHER = "3d362d35-fc17-448a-b501-914fe0a680b0", "11111111-fc17-448a-b501-914fe0a680b0"
FLEET = f"{FIVE}      UUID: none  seemachine fleet up   STARTED"
ENQUIRY = f" serial number        {FIVE}\n mode                 operational\n"
NOBODY = f"{FIVE}      No SEE machines currently installed"
BANNER = f"PQSDK: 1.4.1 ({FIVE}: 1.4.1)"


def site_of(
    folder: Path,
    listed: str,
    *,
    code: int = 0,
    banner: str = BANNER,
    uuid: str = "",
    enquiry: str = ENQUIRY,
) -> Site:
    """A site whose csadmin lists this, and whose pipsqueak shows the HSM, be it another one of this
    number.
    """
    said = {
        "enquiry -m 1": Ran(0, enquiry),
        "csadmin list": Ran(code, listed),
        "pipsqueak": Ran(0, banner),
    }

    class Answering(Tools):
        def ask(self, *words: str, folder: Path | None = None) -> Ran:  # noqa: ARG002
            return said.get(" ".join(words), Ran(1, "no"))

    return Site(
        Settings("5c", work=str(folder), uuid=uuid), Answering(folder, "", -1), Journal(folder)
    )


@pytest.mark.parametrize(("word", "started"), [("STARTED", True), ("STOPPED", False)])
def test_csadmin_knows_better_than_pipsqueak(word: str, started: bool, tmp_path: Path) -> None:
    """An HSM of the same number that is to be seen, and what we did earlier, count only where
    csadmin tells no state.
    """
    site = site_of(tmp_path, f"{FIVE}      UUID: {UUID}  pqcop 1.4.1  {word}")
    site.journal.note(FIVE, started=UUID, stopped=UUID)
    assert (site.seen(), site.started(UUID), site.stopped(UUID)) == (True, started, not started)
    site = site_of(tmp_path, f"{FIVE}      UUID: {UUID}")
    assert (site.started(UUID), site.stopped(UUID)) == (True, False)


@pytest.mark.parametrize(
    ("listed", "installed"),
    [
        (NOBODY, set()),
        (f"{FIVE}      UUID: {UUID}", {UUID}),
        (FLEET, {OTHERS}),
        (f"{FIVE}      UUID: {UUID} STOPPED\n{FLEET}", {UUID, OTHERS}),
        (f"{FIVE}      pqcop-1.4.1 1.4.1", {OTHERS}),
    ],
)
def test_nothing_is_there_only_when_csadmin_says_so(
    listed: str, installed: set[str], tmp_path: Path
) -> None:
    """What runs without having been loaded, and what has no UUID, is there all the same, and not
    ours.
    """
    site = site_of(tmp_path, listed)
    assert set(site.installed()) == installed
    site.journal.note(FIVE, loading=[])
    assert site.uuid() == (UUID if UUID in installed else "")


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        ("", 0),
        ("garbage", 0),
        (f"{FIVE}      UUID: {UUID}", 1),
        (f"{FIVE}      UUID: {UUID}", 139),
        (f"{FIVE}      FAILURE: no", 1),
    ],
)
def test_a_list_that_can_not_be_read(listed: str, code: int, tmp_path: Path) -> None:
    """It is not an empty list: who needs it is told the command and its last line.

    Another HSM's failure is not a matter.
    """
    site = site_of(tmp_path, listed, code=code)
    assert not site.enrolled()
    with pytest.raises(Unanswered, match=r"csadmin list (ended with exit code|gave no answer)"):
        site.installed()
    several = site_of(
        tmp_path, f"{FIVE}      UUID: {UUID}\n5F08-02E0-D947      FAILURE: no", code=1
    )
    assert set(several.installed()) == {UUID}


@pytest.mark.parametrize(
    ("listed", "notes", "found"),
    [
        (f"{FIVE}      {UUID}", {}, ("", {UUID})),
        (f"{FIVE}      {UUID}", {"uuid": UUID}, (UUID, {UUID})),
        (f"{FIVE}      {OTHER}", {"uuid": UUID}, ("", {OTHER})),
        (f"{FIVE}      pqcop", {"uuid": UUID}, (UUID, {UUID})),
        (NOBODY, {"uuid": UUID}, ("", set())),
        (f"{XC}      {UUID}\n{NOBODY}", {"uuid": UUID}, ("", set())),
        (
            f"{FIVE}      {UUID}\n            {OTHER}\n{XC}      x",
            {"loading": [OTHER]},
            (UUID, {UUID, OTHER}),
        ),
        (
            f"{FIVE}      {UUID}\n            {OTHER}",
            {"loading": [OTHER, UUID]},
            ("", {UUID, OTHER}),
        ),
        (f"{FIVE}      {UUID}\n            {OTHER}", {"loading": []}, ("", {UUID, OTHER})),
        (f"{FIVE}      {UUID}", {"loading": []}, (UUID, {UUID})),
    ],
)
def test_which_see_machine_is_ours(
    listed: str, notes: dict[str, object], found: tuple[str, set[str]], tmp_path: Path
) -> None:
    """The one that we loaded, or the one that is new since a load that was killed; none of another
    module, and none in doubt.
    """
    site = site_of(tmp_path, listed)
    site.journal.note(FIVE, **notes)
    assert (site.uuid(), set(site.installed())) == found


def test_what_is_not_listed_is_not_started(tmp_path: Path) -> None:
    """Be it that an HSM of the same number is to be seen: of what is not installed there is nothing
    to stop.
    """
    site = site_of(tmp_path, NOBODY)
    assert (site.started(UUID), site.stopped(UUID)) == (False, True)
    assert site.seen()


def test_a_module_that_says_nothing_is_none(tmp_path: Path) -> None:
    """Without its serial number it is neither operational nor in a banner; without an answer it is
    of no model.
    """
    site = site_of(tmp_path, "", enquiry=" mode                 operational\n")
    assert (site.operational(), site.seen(), site.of_the_model()) == (False, False, True)
    assert not site_of(tmp_path, "", enquiry="").of_the_model()


def test_a_banner_that_can_not_be_read(tmp_path: Path) -> None:
    """A pipsqueak that breaks does not say that nothing is there."""
    with pytest.raises(
        Unanswered, match=r"(?s)pipsqueak gave no answer.*it said: Segmentation fault"
    ):
        site_of(tmp_path, "", banner="Segmentation fault").seen()


# ---- whole runs ----------------------------------------------------------------------------------


def breaking(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: Sequence[str], after: str = ""
) -> list[str]:
    """From a call on, or from the beginning, a question fails. Returns what was called since."""
    ran, since = desk.ran, []

    def broken(called: Sequence[str], typed: str, folder: Path) -> tuple[int, str]:
        if since and tuple(called[: len(words)]) == tuple(words):
            return 139, "half a line\nSegmentation fault"
        return ran(called, typed, folder)

    def watch(call: str, made: bool) -> None:
        if since or (made and call.startswith(after)):
            since.append(call)

    if not after:
        since.append("")
    monkeypatch.setattr(desk, "ran", broken)
    desk.watch = watch
    return since


@pytest.mark.parametrize("after", ["", "csadmin image sign"], ids=["at once", "later"])
def test_no_second_container_for_a_list_that_fails(
    desk: Desk, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever csadmin's list begins to fail, nothing more is loaded, and it is named."""
    desk.set_up_5c()
    if after:
        desk.done("5c", "--uninstall", "--yes")
        Path("pqcop-5c/pqsdk-signed.cs5").unlink()
    since = breaking(desk, monkeypatch, ["csadmin", "list"], after)
    said = desk.stopped(1, "5c")
    assert (
        "csadmin list ended with exit code 139\n  it said: Segmentation fault" in said
        or "csadmin reaches" in said
    )
    assert not any(call.startswith("csadmin load") for call in since)
    assert len(desk.site.module(FIVE).loaded) == (0 if after else 1)


def test_no_uninstall_for_a_list_that_fails(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container of which nothing is known any more is not called gone: the module is not cleared
    for it.
    """
    desk.set_up_5c()
    since = breaking(desk, monkeypatch, ["csadmin", "list"], "csadmin stop")
    assert "csadmin list ended with exit code 139\n  it said: Segmentation fault" in desk.stopped(
        1, "5c", "--uninstall", "--yes"
    )
    assert since[1:] == []


@pytest.mark.parametrize(
    "words", ["enquiry -m", "nfkminfo", "fet", "nfkminfo -k", "csadmin ids list", "./pipsqueak"]
)
def test_a_question_that_is_not_answered(
    words: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question: the run stops with the command and its last line, exit code 1, and nothing is
    done.
    """
    desk.set_up_5c()
    breaking(desk, monkeypatch, words.split())
    said = desk.stopped(1, "5c", "--licence", "release.zip", "--rfs", "127.0.0.1", "--yes")
    assert words in said
    assert "ended with exit code 139\n  it said: Segmentation fault" in said
    assert desk.calls == []


def test_a_fleet_that_is_up_is_no_machine_of_ours(desk: Desk) -> None:
    """A container that was loaded, and a fleet that runs in its place: neither set up nor
    uninstalled, and what to stop is said.
    """
    desk.set_up_5c()
    [loaded] = desk.site.module(FIVE).loaded
    desk.site.done("csadmin", "stop", "--esn", FIVE, "--uuid", loaded.uuid)
    assert processes.seemachine(["fleet", "up", "--detach"], desk.site.env)[0] == 0
    assert "seemachine fleet down" in desk.stopped(1, "5c")
    assert "seemachine fleet down" in desk.stopped(1, "5c", "--uninstall", "--yes")
    assert desk.site.module(FIVE).loaded == [loaded]
    assert processes.seemachine(["fleet", "down"], desk.site.env)[0] == 0
    desk.done("5c")
    assert FIVE in desk.banner()
