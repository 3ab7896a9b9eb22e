"""What is known of a file where the kernel tells less than it could."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seemachine.state.disk import file_identity
from seemachine.state.disk.file_identity import (
    FIXED,
    STATX_BIRTH,
    STATX_BIRTH_AT,
    STATX_BTIME,
    STATX_MASK,
    filesystem_of,
    handle_of,
)


def telling(mask: int, seconds: int) -> Callable[..., int]:
    """A statx that fills in a mask and a birth time."""

    def statx(_at: int, _path: bytes, _flags: int, _wanted: int, told: Any) -> int:
        STATX_MASK.pack_into(told, 0, mask)
        STATX_BIRTH.pack_into(told, STATX_BIRTH_AT, seconds, 5)
        return 0

    return statx


@pytest.mark.parametrize(
    ("mask", "seconds", "born"),
    [
        (STATX_BTIME, 7, 7 * 10**9 + 5),
        (STATX_BTIME | 0x7FF, 7, 7 * 10**9 + 5),
        (0x7FF, 7, 0),
        (0, 7, 0),
        (STATX_BTIME, -7, 0),
    ],
)
def test_a_birth_time_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int, seconds: int, born: int
) -> None:
    """What stands where a birth time would be counts only when the kernel says that it is one."""
    functions = {"statx": telling(mask, seconds)}
    monkeypatch.setattr(file_identity, "_function", functions.get)

    assert FIXED.unpack(handle_of(tmp_path)) == (tmp_path.stat().st_ino, born)


def test_a_birth_time_that_nobody_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where statx is missing, or fails whatever it has filled in, there is none."""
    told = telling(STATX_BTIME, 7)
    for statx in (None, lambda *given: told(*given) or -1):
        monkeypatch.setattr(file_identity, "_function", {"statx": statx}.get)
        assert FIXED.unpack(handle_of(tmp_path)) == (tmp_path.stat().st_ino, 0)


def test_a_kind_of_file_system_that_nobody_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where statfs is missing, fails, or has another layout, it is empty."""
    assert filesystem_of(tmp_path) != b""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "darwin")
        assert filesystem_of(tmp_path) == b""
    for function in (None, lambda *_given: -1):
        monkeypatch.setattr(file_identity, "_function", lambda _name, found=function: found)
        assert filesystem_of(tmp_path) == b""
