"""At some moment of a machine's day no file can be opened: it goes on right after that."""

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from crash.host import SLOT, CrashHost
from crash.trial import take
from kit.commands import generate
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands import answer
from seemachine.testing import ESN, repeatable
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError

CHEAP = ("sha256_m24_h5", "sha256_n24_w2")
MESSAGES = 3
# Of the files that are opened one in so many is tried; with 1 all, in a minute and a half.
EVERY = 7


class Descriptors:
    """Counts the files that are opened; at number `missing` there is no descriptor, once."""

    def __init__(self, missing: int) -> None:
        self.missing, self.opened = missing, 0

    @contextmanager
    def counted(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """For the length of a block, whichever way they are opened."""
        with patch.context() as now:
            for module, name in ((os, "open"), (io, "open"), (os, "scandir")):
                now.setattr(module, name, self._counting(getattr(module, name)))
            yield

    def _counting(self, real: Any) -> Any:
        def opened(*arguments: Any, **options: Any) -> Any:
            self.opened += 1
            if self.opened == self.missing:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return real(*arguments, **options)

        return opened


class Day:
    """A key on a card, a lease of it, and signatures; what is refused is asked once more."""

    def __init__(self, host: CrashHost, missing: int, patch: pytest.MonkeyPatch) -> None:
        self.host, self.descriptors, self.patch = host, Descriptors(missing), patch
        self.session = host.open()
        self.refused: list[StatusError] = []
        self.signed: list[tuple[int, bytes]] = []

    def ask(self, request: Any) -> Any:
        """The reply, to the second asking if need be; None when it is refused again."""
        with self.descriptors.counted(self.patch):
            reply = answer(self.session, request)
        if isinstance(reply, StatusError):
            self.refused.append(reply)
            reply = answer(self.session, request)
        return None if isinstance(reply, StatusError) else reply

    def live(self) -> None:
        """All of it."""
        if self.make():
            lease = self.ask(m.ProvisionLms(slot=SLOT)) or self.ask(m.ProvisionLms(slot=SLOT))
            for number in range(MESSAGES if lease else 0):
                self.sign(lease.file, b"message %d" % number)

    def make(self) -> bool:
        """A key on a card; a step that was refused may have cost it."""
        again = generate(CHEAP, 0, 1, label="k", replace=True)
        started = self.ask(generate(CHEAP, 0, 1, label="k")) or self.ask(again)
        chunks = [self.ask(m.ContinueLms(handle=started.handle)) for _ in range(started.remaining)]
        self.host.put_blank()
        written = self.ask(m.ContinueLmsCard(handle=started.handle, slot=SLOT))
        self.ask(m.DiscardLms(label="k"))
        return None not in chunks and written is not None

    def sign(self, file: bytes, message: bytes) -> None:
        """One signature, by one token however often it is asked for."""
        reply = self.ask(m.NvmemfileSign(file=file, token=new_token(), message=message))
        assert reply is not None, self.refused
        self.signed.append((reply.leaf, message))


def after(day: Day) -> list[int]:
    """The leaves that a machine started anew gives away, with a descriptor for everything."""
    day.host.close(ESN)
    again = day.host.open(ESN)
    files = [name for name in again.machine.store.names() for _ in range(32)]
    return [signing.reserved.leaf for signing in take(again.machine, files)]


@pytest.mark.parametrize("store", ["sqlite", "file"])
def test_a_descriptor_that_is_missing_once(
    store: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At every file that a day of a machine opens: no bug, signing goes on, no leaf signs twice."""
    opened, missing, signed = 1, 1, 0
    while missing <= opened:
        host = CrashHost(tmp_path / str(missing), store, repeatable("chance"))
        day = Day(host, missing, monkeypatch)
        day.live()
        opened, missing = max(opened, day.descriptors.opened), missing + EVERY
        assert all(refused.status is not Status.Failed for refused in day.refused), day.refused
        leaves = [leaf for leaf, _ in day.signed]
        assert len(set(leaves)) == len(leaves), day.signed
        assert not set(leaves) & set(after(day)), (missing, day.refused)
        signed += len(day.signed)
        host.close_all()
    assert signed > opened // EVERY
