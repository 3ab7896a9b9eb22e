"""What is known of a file where the kernel tells less than it could."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seemachine.state.disk import file_identity
from seemachine.state.disk.file_identity import (
    FIXED,
    HANDLE_HEAD,
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


def test_the_kernel_is_asked_for_what_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for the longest handle and no longer one, through links, as its headers have it:
    MAX_HANDLE_SZ, AT_SYMLINK_FOLLOW, STATX_BTIME, struct statx. More is an error, and the handle
    has a part less.
    """
    asked: list[tuple[int, ...]] = []

    def name_to_handle_at(_at: int, _path: bytes, handle: Any, _mount: Any, flags: int) -> int:
        room, _ = HANDLE_HEAD.unpack_from(handle)
        asked.append((room, len(handle) - HANDLE_HEAD.size, flags))
        HANDLE_HEAD.pack_into(handle, 0, 3, 7)
        handle[HANDLE_HEAD.size : HANDLE_HEAD.size + 3] = b"abc"
        return 0

    def statx(_at: int, _path: bytes, flags: int, wanted: int, told: Any) -> int:
        asked.append((flags, wanted, len(told)))
        return -1

    functions = {"name_to_handle_at": name_to_handle_at, "statx": statx}
    monkeypatch.setattr(file_identity, "_function", functions.get)
    found = handle_of(tmp_path)
    assert asked == [(0, 0x800, 256), (128, 128, 0x400)]
    assert found[FIXED.size :] == bytes.fromhex("00000007") + b"abc"


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
