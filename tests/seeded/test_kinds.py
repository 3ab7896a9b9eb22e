"""A real machine uses nothing of a seeded world, and a seeded one nothing of a real one."""

import shutil
from pathlib import Path

import pytest
from kit.in_process import machines
from seeded.seeded_worlds import SEED, made, seeded_rig

from seemachine.chance.chances import RealChance
from seemachine.chance.generations import FRESH_BYTES
from seemachine.chance.mark import MARK, is_marked_key
from seemachine.commands import answer
from seemachine.machine import Machine, Session
from seemachine.state.disk.durable import private_folder
from seemachine.state.errors import StateForeign
from seemachine.state.witness.record_layout import SLOT
from seemachine.testing import ESN, QUICK, Rig, install_key
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name
from seemachine.wire.status import Status, StatusError

KINDS = pytest.mark.parametrize("marked", [True, False], ids=["seeded", "real"])


def of_kind(folder: Path, *, marked: bool, store: str = "file") -> Rig:
    """A world with a machine, seeded or real."""
    if marked:
        return seeded_rig(folder, store=store)
    rig = Rig(folder)
    rig.start(store=store)
    return rig


def become(folder: Path, *, marked: bool) -> Rig:
    """The same files in a world of the other kind, as if somebody had copied them there, with all
    that would tell a copy.
    """
    if marked:
        (folder / "seed.json").unlink()
        (folder / "generations").unlink()
        return of_kind(folder, marked=False)
    other = folder.with_name("other")
    seeded_rig(other, store="memory")
    for name in ("seed.json", "generations"):
        shutil.copy(other / name, folder / name)
    return of_kind(folder, marked=True)


def refused(machine: Machine, request: object) -> str:
    """Why, in words. The leaf or lease stays where it is."""
    reply = answer(Session(machine), request)
    assert isinstance(reply, StatusError)
    assert reply.status is Status.AccessDenied
    return reply.detail


def test_a_real_machine_never_draws_the_mark() -> None:
    """Not even if chance would have it so."""
    drawn = iter([MARK + bytes(8), MARK + b"12345678", b"INSECURF" + bytes(8)])
    assert RealChance(lambda _: next(drawn)).lms_key("")(16) == b"INSECURF" + bytes(8)


def test_the_mark_is_in_the_public_key(tmp_path: Path) -> None:
    """Of a seeded world's keys, and of no other's."""
    assert is_marked_key(made(seeded_rig(tmp_path / "seeded")))
    assert not is_marked_key(made(of_kind(tmp_path / "real", marked=False)))


@KINDS
def test_an_nvram_of_the_other_kind_is_not_opened(tmp_path: Path, *, marked: bool) -> None:
    """A machine does not start with it, and says why."""
    home = tmp_path / "world"
    rig = of_kind(home, marked=marked)
    made(rig)
    rig.stop()
    become(home, marked=marked).stop()
    with pytest.raises(StateForeign, match="of a seeded world" if marked else "of a real world"):
        machines(home, (ESN, {"store": "file"})).__enter__()


@KINDS
def test_a_lease_of_the_other_kind_is_not_signed_with(tmp_path: Path, *, marked: bool) -> None:
    """However it came into the NVRAM; none of its leaves is used."""
    rig = of_kind(tmp_path / "world", marked=marked)
    name = nvram_name(made(rig))
    rig.stop()
    machine = become(tmp_path / "world", marked=marked).machines[ESN]
    for request in (
        m.NvmemfileSign(file=name, token=bytes(16), message=b""),
        m.NvmemfileReserve(file=name, token=bytes(16)),
    ):
        assert "world" in refused(machine, request)
    file = machine.store.get(name)
    assert file is not None
    assert file.remaining == 32


@KINDS
def test_a_card_of_the_other_kind_is_not_provisioned(tmp_path: Path, *, marked: bool) -> None:
    """Its lease stays on the card."""
    rig = of_kind(tmp_path / "world", marked=marked)
    rig.feed_blank()
    made(rig, explease=1)
    rig.stop()
    rig = become(tmp_path / "world", marked=marked)
    said = refused(rig.machines[ESN], m.ProvisionLms(slot=2))
    assert ("of a seeded world" if marked else "of a real world") in said
    [card] = answer(Session(rig.machines[ESN]), m.ListSlots()).slots
    assert card.leases == 2


@KINDS
def test_a_half_made_key_of_the_other_kind_is_not_resumed(tmp_path: Path, *, marked: bool) -> None:
    """Nor after a restart."""
    rig = of_kind(tmp_path / "world", marked=marked)
    session = Session(rig.machines[ESN])
    begun = m.GenerateLms(lms=10, lmots=6, expcards=0, explease=0, label="half")
    started = answer(session, begun)
    answer(session, m.ContinueLms(handle=started.handle))
    session.close()
    rig.stop()
    private_folder(tmp_path / "world" / "hsm" / ESN)
    machine = become(tmp_path / "world", marked=marked).machines[ESN]
    assert "the half-made key half is" in refused(machine, m.ResumeLms(label="half"))


def test_a_resumed_key_is_the_one_that_was_begun(tmp_path: Path) -> None:
    """A restart in the middle changes nothing of a key, and counts none."""
    keys = []
    for folder, restarted in (("straight", False), ("restarted", True)):
        rig = of_kind(tmp_path / folder, marked=True)
        session = Session(rig.machines[ESN])
        begun = m.GenerateLms(lms=10, lmots=6, expcards=0, explease=0, label="half")
        handle = answer(session, begun).handle
        answer(session, m.ContinueLms(handle=handle))
        if restarted:
            rig.stop()
            session = Session(of_kind(tmp_path / folder, marked=True).machines[ESN])
            handle = answer(session, m.ResumeLms(label="half")).handle
        while (reply := answer(session, m.ContinueLms(handle=handle))).public_key is None:
            pass
        keys.append(reply.public_key)
        counted = (tmp_path / folder / "generations").stat().st_size - FRESH_BYTES
        assert counted == SLOT.size
    assert keys[0] == keys[1]


def test_a_key_that_tests_put_there_is_refused(tmp_path: Path) -> None:
    """`install_key` makes real keys, which a seeded machine does not sign with."""
    machine = seeded_rig(tmp_path).machines[ESN]
    key = install_key(machine, tree=QUICK["lms"], ots=QUICK["lmots"])
    sign = m.NvmemfileSign(file=key.file_name, token=bytes(16), message=b"")
    assert "of a real world" in refused(machine, sign)


def test_hello_says_so(tmp_path: Path) -> None:
    """The seed in a seeded world, nothing in a real one."""
    for marked in (True, False):
        rig = of_kind(tmp_path / str(marked), marked=marked)
        with rig.fleet() as fleet:
            assert fleet.peers[0].greeting.insecure == (SEED if marked else "")
