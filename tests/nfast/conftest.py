"""Where the tests of the tools act."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from nfast.kit import Site, make_site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Site]:
    """See kit.make_site."""
    yield from make_site(tmp_path, monkeypatch, capsys)
