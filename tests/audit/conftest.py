"""Piles of files for the auditor, made with pyhsslms and hsslms."""

from collections.abc import Callable
from pathlib import Path

import hsslms
import pytest
from audit.piles import Pile
from kit.signatures import OneProcess


@pytest.fixture
def pile(tmp_path: Path) -> Pile:
    """An empty folder to put evidence into."""
    folder = tmp_path / "pile"
    folder.mkdir()
    return Pile(folder)


@pytest.fixture
def hsslms_key(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[hsslms.LMS_ALGORITHM_TYPE, hsslms.LMOTS_ALGORITHM_TYPE], hsslms.LMS_Priv]:
    """A maker of hsslms keys."""
    monkeypatch.setattr(hsslms.lms, "Pool", OneProcess)
    return lambda tree, ots: hsslms.LMS_Priv(tree, ots, 1)
