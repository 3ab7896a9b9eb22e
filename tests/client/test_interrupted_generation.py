"""Ctrl-C while a key is made: what pipsqueak advises leads on, whatever the machine kept."""

from pathlib import Path
from typing import Any

import pytest
from client.screen import say
from seeclient import blocking

from seemachine import testing
from seemachine.wire.messages import ContinueLms

GENERATE = (
    "generate",
    "alias=a",
    "algorithm=lms",
    "lmscode=sha256_m24_h5",
    "lmotscode=sha256_n24_w2",
)
RESUME = "pipsqueak generate alias=a resume=yes"


class Interrupted:
    """A wire on which Ctrl-C comes with a certain step: before it is asked for, or before its reply
    is there.
    """

    certificate = None

    def __init__(self, wire: testing.MemoryWire, step: int, *, asked: bool) -> None:
        self._wire, self._left, self._asked = wire, step, asked

    @property
    def has_news(self) -> bool:
        return self._wire.has_news

    def send(self, data: bytes, seconds: float) -> None:
        self._left -= ContinueLms.NAME.encode() in data
        if not self._left and not self._asked:
            raise KeyboardInterrupt
        self._wire.send(data, seconds)

    def receive(self, seconds: float) -> bytes:
        if not self._left:
            raise KeyboardInterrupt
        return self._wire.receive(seconds)

    def close(self) -> None:
        self._wire.close()


@pytest.fixture
def rig(home: Path, monkeypatch: pytest.MonkeyPatch) -> testing.Rig:
    """A machine that keeps what it has, which pipsqueak of this process finds."""
    made = testing.Rig(home)
    made.start(store="file")
    monkeypatch.setattr("seeclient.discovery.addresses", lambda *_: made.environment.fleet)
    return made


def pipsqueak(monkeypatch: pytest.MonkeyPatch, connect: Any, *words: str) -> tuple[int, list[str]]:
    """One command over wires of ours."""
    monkeypatch.setitem(blocking.Fleet.__init__.__kwdefaults__, "connect", connect)
    return say(*words)


@pytest.mark.parametrize("asked", [False, True], ids=["step not begun", "step done"])
@pytest.mark.parametrize("step", [1, 2])
def test_the_advice_leads_on(
    step: int, asked: bool, rig: testing.Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever step was interrupted, and whether the machine did it or not, the line says how to
    resume; where nothing was kept, the first command works again.
    """

    def interrupted(address: Any, context: Any) -> Interrupted:
        return Interrupted(rig.connect(address, context), step, asked=asked)

    code, lines = pipsqueak(monkeypatch, interrupted, *GENERATE)
    assert code == 130
    assert "interrupted" in lines
    assert RESUME in lines[-1]
    kept = asked or step > 1
    assert bool(rig.machines[testing.ESN].checkpoints.labels()) is kept
    if step == 1:
        assert "may have been kept" in lines[-1]
        assert "give the same command again" in lines[-1]

    code, lines = pipsqueak(monkeypatch, rig.connect, *GENERATE)
    assert code == (1 if kept else 0), lines
    if kept:
        assert "resume=yes" in lines[-2]
        code, lines = pipsqueak(monkeypatch, rig.connect, *RESUME.split()[1:])
        assert code == 0, lines
    assert pipsqueak(monkeypatch, rig.connect, "alias=a", "message=m")[0] == 0


def test_before_the_machine_has_begun(rig: testing.Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can have been kept, and nothing is advised."""

    def never(address: Any, context: Any) -> Any:
        raise KeyboardInterrupt

    code, lines = pipsqueak(monkeypatch, never, *GENERATE)
    assert code == 130
    assert "resume" not in "\n".join(lines)
