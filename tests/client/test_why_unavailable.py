"""refusals.py: nobody answers, nothing is provisioned, or all is used up: three classes of one
error.
"""

import json
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kit.stories import a_peer, a_roster
from seeclient import (
    NotProvisioned,
    StatusError,
    Unavailable,
    Unreachable,
    UsedUp,
    blocking,
    connecting,
    pipsqueak,
)
from seeclient.advice import signing_refused
from seeclient.algorithms.lms.missing import no_leaves
from seeclient.dispatch import nobody as no_one

from seemachine import testing
from seemachine.formats import PUBLISHED
from seemachine.wire.status import Status

GUIDES_LINE = "no HSMs with NVRAM 6c6d73"


@pytest.fixture
def rig(home: Path) -> testing.Rig:
    """The world of this test, with one machine."""
    made = testing.Rig(home)
    made.start()
    return made


def refusal(key: Any) -> StatusError:
    """What a signature is refused with."""
    with pytest.raises(StatusError) as refused:
        key.sign(b"m")
    return refused.value


def test_all_leaves_are_used_up(rig: testing.Rig) -> None:
    """The line is the guide's, the class and the advice say that no signature is left."""
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        for _ in range(32):
            key.sign(b"m")
        used_up = refusal(key)
    assert type(used_up) is UsedUp
    assert used_up.detail.startswith(GUIDES_LINE)
    assert used_up.advice == "all signatures of release are used up; make another key"
    assert used_up.__notes__ == [used_up.advice]
    with rig.fleet() as again:
        assert type(refusal(again.key("release"))) is UsedUp


def test_a_key_on_cards(rig: testing.Rig) -> None:
    """First nothing is provisioned; then its lease is used up, and others are on the card; at last
    all are used up.
    """
    rig.feed_blank()
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK, explease=1)
        first = refusal(key)
        assert type(first) is NotProvisioned
        assert first.detail.startswith(GUIDES_LINE)
        assert "pipsqueak provesn=ESN slot=N" in first.advice
        for _ in range(2):
            fleet.provision(testing.ESN, 2)
            for _ in range(16):
                key.sign(b"m")
            last = refusal(key)
            assert type(last) is UsedUp
        assert last.advice == "all signatures of release are used up; make another key"


def test_a_lease_is_used_up_and_others_are_not(rig: testing.Rig) -> None:
    """The advice is to provision another one."""
    rig.feed_blank()
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK, explease=1)
        fleet.provision(testing.ESN, 2)
        for _ in range(16):
            key.sign(b"m")
        used_up = refusal(key)
    assert type(used_up) is UsedUp
    assert "move one there from a card with: pipsqueak provesn=ESN slot=N" in used_up.advice


def test_nobody_answers(rig: testing.Rig, home: Path) -> None:
    """Each machine of the world is named as down, `info` says so, and a signature is refused with a
    sentence about machines.
    """
    with rig.fleet() as fleet:
        fleet.generate_lms("release", **testing.QUICK)
    for esn in (testing.ESN, testing.OTHER_ESN):
        (home / "hsm" / esn).mkdir(parents=True, exist_ok=True)
    with blocking.open_fleet() as fleet:
        assert [type(failure) for failure in fleet.failures] == [Unreachable, Unreachable]
        assert [failure.detail.split()[0] for failure in fleet.failures] == [
            testing.OTHER_ESN,
            testing.ESN,
        ]
        info = fleet.key("release").info()
        assert (list(info.machines), list(info.failures)) == ([], fleet.failures)
        nobody = refusal(fleet.key("release"))
    assert type(nobody) is Unreachable
    assert nobody.detail == (
        f"no HSM answers: {testing.OTHER_ESN} is not published, and 1 more; start some with:"
        " seemachine fleet up"
    )
    assert "NVRAM" not in nobody.detail


def test_who_is_up_is_not_to_be_started() -> None:
    """Where this host can't use a machine that answers, as on a full disk."""
    full = StatusError(Status.OSErrorErrno, "seen/x: No space left on device", "seen")
    gone = Unreachable(Status.OSErrorErrno, "connecting to there: Connection refused", "connect")
    roster = a_roster()
    roster.failures.append(full)
    assert no_one(roster).detail == f"no HSM answers: {full.detail}"
    roster.failures.append(gone)
    assert no_one(roster).detail.endswith("start some with: seemachine fleet up")


def test_who_was_waited_for_is_not_to_be_started(rig: testing.Rig) -> None:
    """It may be up and hang: whoever signs is told where to see that, also where none answers."""
    address, see = a_peer().address, "see why with: seemachine fleet check"
    failures = (
        connecting.connect_failure(address, TimeoutError("timed out")),
        connecting.lost(address, "timed out"),
    )
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
    for failure in failures:
        roster = a_roster()
        roster.failures.append(failure)
        assert no_one(roster).detail == f"no HSM answers: {failure.detail}; {see}"
        roster.peers.append(a_peer())
        advice = no_leaves(roster, key.file).advice
        assert advice == f"the HSM that holds release does not answer; {see}"
    roster.failures[:] = [connecting.lost(address, "closed")]
    assert no_leaves(roster, key.file).advice.endswith("does not answer; start it")


def test_one_is_published_and_gone_and_the_other_is_down(rig: testing.Rig, home: Path) -> None:
    """Both are named, each with its own reason."""
    for esn in (testing.ESN, testing.OTHER_ESN):
        (home / "hsm" / esn).mkdir(parents=True, exist_ok=True)
    entry = {"host": "127.0.0.1", "port": 1, "module": 1, "esn": testing.ESN}
    folder = home / "published" / "pqsdk"
    folder.mkdir(parents=True)
    (folder / f"{testing.ESN}.json").write_text(json.dumps(entry | {"format": str(PUBLISHED)}))
    with blocking.open_fleet() as fleet:
        gone, down = fleet.failures
    assert gone.detail.startswith("connecting to 127.0.0.1 on port 1: ")
    assert down.detail.startswith(f"{testing.OTHER_ESN} is not published")


def test_a_world_without_machines(home: Path) -> None:
    """Nobody can be named; what is asked says what to start."""
    with blocking.open_fleet() as fleet:
        assert fleet.failures == []
        with pytest.raises(Unreachable, match="start some with: seemachine fleet up"):
            fleet.generate_lms("release", **testing.QUICK)


def test_published_machines_that_are_gone(home: Path) -> None:
    """Each is in `failures` with the guide's line, and a signature is refused as if none were."""
    with blocking.open_fleet("127.0.0.1:1,127.0.0.1:2") as fleet:
        assert [type(failure) for failure in fleet.failures] == [Unreachable, Unreachable]
        assert fleet.failures[0].detail.startswith("connecting to 127.0.0.1 on port 1: ")


def test_a_machine_that_goes_away(rig: testing.Rig) -> None:
    """In the middle of a fleet's life it is unreachable too."""
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        rig.stop()
        assert type(refusal(key)) is Unreachable


def test_the_machine_with_the_leaves_is_away(rig: testing.Rig) -> None:
    """A key without cards is on one machine: others that answer can't say that it is used up."""
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        roster = a_roster(a_peer())
        assert type(no_leaves(roster, key.file)) is NotProvisioned
        roster.failures.append(Unreachable(Status.OSErrorErrno, "away"))
        assert type(no_leaves(roster, key.file)) is Unreachable


@pytest.mark.parametrize("terminal", [True, False])
def test_a_person_is_told(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal the advice is a line of its own; in a pipe the guide's lines are all."""
    monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: terminal))
    error = UsedUp(Status.NotAvailable, GUIDES_LINE, advice="make another key")
    assert signing_refused(error) == ("make another key" if terminal else "")
    assert signing_refused(error, document=True) == "make another key"


def test_they_are_one_error() -> None:
    """A program that does not care catches one class, or StatusError; they survive a pickle."""
    for kind in (Unreachable, NotProvisioned, UsedUp):
        error = kind(Status.NotAvailable, "detail", "where", "advice")
        assert isinstance(error, Unavailable)
        assert isinstance(error, StatusError)
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy), copy.advice) == (kind, str(error), "advice")


@pytest.mark.parametrize(
    ("used", "peers", "reason"),
    [(32, True, "used-up"), (0, True, "not-provisioned"), (0, False, "unreachable")],
)
def test_a_document_tells_them_apart(
    used: int,
    peers: bool,
    reason: str,
    rig: testing.Rig,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--json` has the reason beside the status; exit codes stay."""
    rig.feed_blank()
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK, explease=0 if used else 1)
        for _ in range(used):
            key.sign(b"m")
    monkeypatch.setattr(
        blocking.Fleet.__init__, "__kwdefaults__", {"doubted": False, "connect": rig.connect}
    )
    if peers:
        monkeypatch.setattr("seeclient.discovery.addresses", lambda *_: rig.environment.fleet)
    code = pipsqueak.main(["alias=release", "message=m", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (code, document["error"]["reason"]) == (1, reason)
    assert document["error"]["status"] == "NotAvailable"
    advised = {"used-up": [], "not-provisioned": ["pipsqueak provesn=ESN slot=N"]}
    assert document["error"]["advice"] == advised.get(reason, ["seemachine fleet up"])
