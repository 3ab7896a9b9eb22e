"""Where the tests of the deploy scripts act."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy.desk import Desk
from kit.site import collect_processes, make_site


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    """A host whose 5c and XC are enrolled, with cards of the ACS and testOCS in both, and nothing
    set up.
    """
    # Modules of the mock answer at once: what is not so at once never comes to be.
    monkeypatch.setattr("nshield.runner.ANSWER_SECONDS", 0.0)
    processes = collect_processes(monkeypatch)
    next(processes)
    sites = make_site(tmp_path, monkeypatch, capsys)
    site = next(sites)
    site.rack.insert("testOCS-2", "5F08-02E0-D947", 3)
    yield Desk(site, monkeypatch)
    # In this process, which is faster than what make_site does at its end.
    site.seemachine("fleet", "down")
    next(processes, None)


@pytest.fixture
def five(desk: Desk) -> Desk:
    """A 5c that is set up."""
    desk.set_up_5c()
    return desk
