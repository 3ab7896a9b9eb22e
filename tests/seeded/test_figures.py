"""What one seed gives is what docs/explanation/determinism.md says, on every run, engine, store and
way to run a machine.
"""

from itertools import islice
from pathlib import Path
from uuid import UUID

import pytest
from kit.processes import machines
from seeclient import blocking
from seeded.seeded_worlds import MESSAGE, SEED, published, seeded_rig, short

from seemachine.chance.images import next_uuid
from seemachine.lms import engines
from seemachine.lms.engines.portable import PortableEngine
from seemachine.mldsa import engines as mldsa_engines
from seemachine.mldsa.engines.portable import PortableMldsa
from seemachine.testing import ESN, OTHER_ESN, QUICK
from seemachine.wire.entries import given_esns
from seemachine.world import World

FIGURES = published()


def lms_figures(fleet: blocking.Fleet) -> dict[str, list[str]]:
    """Those of LMS."""
    release = fleet.generate_lms("release", esn=ESN, **QUICK)
    other = fleet.generate_lms("other", esn=OTHER_ESN, **QUICK)
    first, second = (short(release.sign(MESSAGE)) for _ in range(2))
    return {
        f"`release` on {ESN}, public key": [release.public_key.hex()],
        "its first signature": [first],
        "its second signature": [second],
        f"`other` on {OTHER_ESN}, public key": [other.public_key.hex()],
    }


def test_the_page_has_figures() -> None:
    """The table of the page was found, and nothing of it is left out here."""
    assert len(FIGURES) == 9


@pytest.mark.parametrize("store", ["memory", "file", "sqlite"])
@pytest.mark.parametrize("engine", [PortableEngine, engines.select], ids=["portable", "selected"])
def test_lms_keys_and_signatures(tmp_path: Path, store: str, engine: type) -> None:
    """Each engine and store gives the same keys and signatures."""
    rig = seeded_rig(tmp_path, ESN, OTHER_ESN, store=store, engine=engine())
    with rig.fleet() as fleet:
        found = lms_figures(fleet)
    assert found.items() <= FIGURES.items()


def test_a_daemon_has_them_too(tmp_path: Path) -> None:
    """Two processes, of which one names the seed, and the other finds it in the world."""
    with (
        machines(tmp_path, (ESN, "--seed", SEED), (OTHER_ESN,)),
        blocking.open_fleet(world=tmp_path) as fleet,
    ):
        assert {peer.greeting.insecure for peer in fleet.peers} == {SEED}
        assert lms_figures(fleet).items() <= FIGURES.items()


@pytest.mark.parametrize("engine", [PortableMldsa, mldsa_engines.select], ids=["plain", "selected"])
def test_mldsa_keys_and_signatures(
    tmp_path: Path, engine: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each engine gives the same key, and the same signature whatever was signed before."""
    made = engine()
    monkeypatch.setattr(mldsa_engines, "select", lambda: made)
    with seeded_rig(tmp_path).fleet() as fleet:
        key = fleet.generate_mldsa("stateless", "mldsa44")
        key.sign(b"something else")
        assert [short(key.public_key)] == FIGURES[f"the first key of mldsa44 on {ESN}"]
        assert [short(key.sign(MESSAGE))] == FIGURES["its signature"]


def test_names(tmp_path: Path) -> None:
    """ESNs of a count, images and cards are called the same."""
    rig = seeded_rig(tmp_path)
    uuids = [str(next_uuid(World.at(tmp_path), ESN)) for _ in range(2)]
    assert uuids[:1] == FIGURES[f"the first image loaded on {ESN}"]
    assert uuids[0] != uuids[1]
    real = {next_uuid(World.at(tmp_path / "real"), ESN) for _ in range(2)}
    assert len(real | set(map(UUID, uuids))) == 4
    assert list(islice(given_esns([]), 3)) == FIGURES["the first three ESNs of a count"]
    assert rig.rack.new(2) == FIGURES["the first two cards"]
