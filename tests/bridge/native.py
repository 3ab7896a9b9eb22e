"""The bridge alone as a shared library, without either interface, for ctypes and for C programs."""

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "client" / "native"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
LOCAL = ("-std=c11", "-O1", "-g", "-fPIC", "-pthread", *WARNINGS, f"-I{NATIVE}")
FAILED = 1000


def compiled(target: Path, *options: str, sources: Sequence[Path] = ()) -> Path:
    """The bridge with these sources, as options say; skips without a C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here")
    files = [*sorted(NATIVE.glob("*.c")), *sources]
    words = [compiler, *LOCAL, *options, *map(str, files), "-o", str(target), "-ldl"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


class _Field(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Reply(ctypes.Structure):
    _fields_ = (
        ("status", ctypes.c_uint),
        ("count", ctypes.c_size_t),
        ("fields", ctypes.POINTER(_Field)),
        ("block", ctypes.c_void_p),
    )


class Answer(NamedTuple):
    """A reply."""

    status: int
    fields: list[bytes]

    @property
    def sentence(self) -> str:
        """Why it was refused."""
        assert self.status
        return self.fields[0].decode()

    @property
    def number(self) -> int:
        """The number of its one field."""
        assert self.status == 0, self.sentence
        return int.from_bytes(self.fields[0], "big")


class Bridge:
    """The interface of bridge.h in this process."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))

    def ask(self, operation: str, *fields: bytes | str | int) -> Answer:
        """The reply of the helper."""
        octets = [_octets(field) for field in fields]
        given = (_Field * len(octets))(*map(_field, octets))
        reply = _Reply()
        self._library.sm_ask(
            operation.encode(), given, ctypes.c_size_t(len(octets)), ctypes.byref(reply)
        )
        found = [reply.fields[index] for index in range(reply.count)]
        for field in found:
            assert ctypes.string_at(field.data + field.size, 1) == b"\0"
        answer = Answer(reply.status, [ctypes.string_at(each.data, each.size) for each in found])
        self._library.sm_reply_free(ctypes.byref(reply))
        return answer

    def token(self) -> bytes:
        """The name of one signature."""
        token = ctypes.create_string_buffer(16)
        self._library.sm_token(token)
        return token.raw

    def sign(self, alias: str, message: bytes, token: bytes = b"") -> Answer:
        """A signature under a new name, or under that one."""
        return self.ask("sign", alias, "", message, token or self.token(), b"", 0, "")

    def close(self) -> None:
        """End the helper."""
        self._library.sm_close()


def _field(octets: bytes) -> _Field:
    return _Field(ctypes.cast(ctypes.c_char_p(octets), ctypes.c_void_p), len(octets))


def _octets(field: bytes | str | int) -> bytes:
    if isinstance(field, int):
        return field.to_bytes(8, "big")
    return field.encode() if isinstance(field, str) else field
