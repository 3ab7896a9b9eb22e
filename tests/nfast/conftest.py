"""Where the tests of the tools act."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.site import Site, collect_processes, make_site


@pytest.fixture
def see_machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """See kit.site.collect_processes."""
    yield from collect_processes(monkeypatch)


@pytest.fixture
def site(
    see_machines: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Site]:
    """See kit.site.make_site."""
    yield from make_site(tmp_path, monkeypatch, capsys)


@pytest.fixture
def five(site: Site) -> Site:
    """A site that may use the launcher of its 5c."""
    site.enroll_launcher()
    return site
