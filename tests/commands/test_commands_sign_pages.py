"""How much a machine hashes on the way to a signature."""

import pytest
from kit.commands import LEAVES, RepeatableRig, ask, hash_key, refuse, sign
from kit.verdicts import verifies

from seemachine.commands import nvmem, pages
from seemachine.machine import Machine, Session
from seemachine.wire import messages as m
from seemachine.wire.status import Status


@pytest.mark.parametrize(("exponent", "signs"), [(5, True), (4, False)])
def test_the_largest_page(
    world: RepeatableRig,
    machine: Machine,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    exponent: int,
    signs: bool,
) -> None:
    """A page of just so many leaves is hashed; one more is too much without the node cache."""
    key = hash_key(session)
    assert LEAVES == 1 << 5
    monkeypatch.setattr(pages, "MAX_PAGE_EXPONENT", exponent)
    fresh = Session(world.machine(store=machine.store))

    if signs:
        signed = ask(fresh, sign(key.file))
        assert (signed.leaf, verifies(key.public_key, signed.signature)) == (0, True)
    else:
        assert refuse(fresh, sign(key.file)).status is Status.NotAvailable


@pytest.mark.parametrize(("few", "loaded"), [(LEAVES, True), (LEAVES - 1, False)])
def test_who_is_told_to_load(
    world: RepeatableRig,
    machine: Machine,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    loaded: bool,
) -> None:
    """A key without its cache counts as loaded while just so many leaves are hashed without it."""
    key = hash_key(session)
    monkeypatch.setattr(nvmem, "FEW_LEAVES", few)
    fresh = Session(world.machine(store=machine.store))

    assert ask(fresh, m.GetNvmemfileInfo(file=key.file)).loaded is loaded
