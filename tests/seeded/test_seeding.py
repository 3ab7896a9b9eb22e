"""When a world gets a seed, and what is refused."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from kit.in_process import Machine, Shell, machines
from kit.logs import Events
from seeded.seeded_worlds import SEED, made, seeded_rig

from seemachine.chance.chances import of_machine
from seemachine.chance.generations import FRESH_BYTES
from seemachine.chance.seed_file import MOST_SEED, is_seed, read
from seemachine.chance.seeding import settle
from seemachine.config import Config, ConfigError, build
from seemachine.server.assembly import opened
from seemachine.state.cards.rack import Rack
from seemachine.state.disk.world_key import alone
from seemachine.state.errors import StateCorrupt, StateForeign, StateOtherVersion
from seemachine.testing import ESN, OTHER_ESN, Rig
from seemachine.world import World


def test_the_file_is_made_once(tmp_path: Path) -> None:
    """It has the seed, and nothing changes it: not a second start, nor a key."""
    world = World.at(tmp_path / "new")
    found = settle(world, SEED)
    written = world.seed_file.read_bytes()
    assert json.loads(written)["version"] == 1
    assert json.loads(written)["seed"] == SEED
    assert settle(world, SEED) == settle(world) == read(world) == found
    made(seeded_rig(world.folder))
    assert world.seed_file.read_bytes() == written


def test_a_real_world_has_none(tmp_path: Path) -> None:
    """Nothing is made where no seed is named."""
    world = World.at(tmp_path)
    assert settle(world) is None
    assert of_machine(world, ESN) is None
    assert list(tmp_path.iterdir()) == []


def test_many_machines_at_once_agree(tmp_path: Path) -> None:
    """Whoever comes first makes it; another seed at the same time is refused."""
    world = World.at(tmp_path)

    def attempt(number: int) -> str:
        try:
            found = settle(world, str(number % 2))
        except StateForeign:
            return ""
        assert found is not None
        return found.seed

    with ThreadPoolExecutor(8) as pool:
        seeds = set(pool.map(attempt, range(16)))
    found = read(world)
    assert found is not None
    assert seeds == {"", found.seed}


def test_it_is_made_by_one_at_a_time(tmp_path: Path) -> None:
    """Nobody makes it while another holds the world folder."""
    world = World.at(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        with alone(world):
            found = pool.submit(settle, world, SEED)
            assert not wait([found], timeout=0.1).done
            assert not world.generations.exists()
        assert found.result() is not None


def test_another_seed_is_refused(tmp_path: Path) -> None:
    """With the seed that the world has, and what to do."""
    settle(World.at(tmp_path), SEED)
    with pytest.raises(StateForeign, match=r"has the seed 7, not 8; leave the seed out, or begin"):
        settle(World.at(tmp_path), "8")


def of_file_store(world: World) -> None:
    """An NVRAM, although there is no key in it."""
    Rig(world.folder).start(store="file")


def of_card(world: World) -> None:
    """A card with leases."""
    rig = Rig(world.folder)
    rig.start()
    rig.feed_blank()
    made(rig, expcards=0, explease=1)
    for kept in ("hsm", "kmdata"):
        card = next((world.folder / kept).rglob("*.card"), None)
        if card is not None:
            card.rename(world.cards / card.name)
        shutil.rmtree(world.folder / kept)


def of_key(world: World) -> None:
    """A key file of a machine that forgot its key."""
    rig = Rig(world.folder)
    rig.start()
    made(rig)


@pytest.mark.parametrize(
    ("fill", "holds"),
    [
        (of_file_store, "the NVRAM of 7852-268D-3BF9"),
        (of_card, "card1"),
        (of_key, "the key file"),
    ],
)
def test_a_world_that_holds_something_gets_none(
    tmp_path: Path, fill: Callable[[World], None], holds: str
) -> None:
    """What it holds is named, and no seed file is left."""
    world = World.at(tmp_path)
    fill(world)
    with pytest.raises(StateForeign, match=f"it holds .*{holds}"):
        settle(world, SEED)
    assert not world.seed_file.exists()
    assert not world.generations.exists()


def test_blank_cards_and_card_sets_are_nothing(tmp_path: Path) -> None:
    """Cards may be made before the first machine starts."""
    rig = Rig(tmp_path)
    Rack(rig.world).new(2)
    rig.world.keys.mkdir(parents=True)
    rig.deal_cards("operators")
    assert settle(rig.world, SEED) is not None


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (b"", StateCorrupt, "is damaged"),
        (b"{}", StateCorrupt, "is damaged"),
        (b"[7]", StateCorrupt, "is damaged"),
        (b'{"version": 1, "seed": 7}', StateCorrupt, "is damaged"),
        (b'{"version": 1, "seed": "7", "world": ""}', StateCorrupt, "is damaged"),
        (b'{"version": 9, "seed": "7"}', StateOtherVersion, "a newer version of seemachine"),
        (b"[" * 9999, StateCorrupt, "is damaged"),
        (b"\xff", StateCorrupt, "is damaged"),
    ],
)
def test_a_seed_file_that_cannot_be_read_starts_nothing(
    tmp_path: Path, content: bytes, error: type[Exception], said: str
) -> None:
    """Neither a real machine nor a seeded one."""
    world = World.at(tmp_path)
    settle(world, SEED)
    world.seed_file.write_bytes(content)
    for wanted in ("", SEED):
        with pytest.raises(error, match=said):
            settle(world, wanted)


def test_a_lost_seed_file_starts_nothing(tmp_path: Path) -> None:
    """Its machines would take their own keys for foreign ones; nor is a new one made."""
    world = World.at(tmp_path)
    made(seeded_rig(tmp_path))
    world.seed_file.unlink()
    for wanted in ("", SEED):
        with pytest.raises(StateCorrupt, match=r"seed.json is missing, and this was a seeded"):
            settle(world, wanted)


def test_a_world_whose_making_was_interrupted_gets_its_seed(tmp_path: Path) -> None:
    """The count was there, whole or empty or as a power cut left it, the seed file not yet, and
    nothing was made.
    """
    for content in (None, b"", b"\0" * FRESH_BYTES):
        world = World.at(tmp_path / str(content)[:4])
        settle(world, SEED)
        world.seed_file.unlink()
        if content is not None:
            world.generations.write_bytes(content)
        assert settle(world) is None
        made(seeded_rig(world.folder, seed="8"))
        assert settle(world) == read(world)


def test_a_count_that_a_link_kept_is_of_a_seeded_world(tmp_path: Path) -> None:
    """It says that a later one has its name, so something was made."""
    world = World.at(tmp_path)
    settle(world, SEED)
    (tmp_path / "link").hardlink_to(world.generations)
    made(seeded_rig(tmp_path))
    world.seed_file.unlink()
    (tmp_path / "link").replace(world.generations)
    with pytest.raises(StateCorrupt, match=r"seed.json is missing, and this was a seeded"):
        settle(world, SEED)


@pytest.mark.parametrize("text", ["7", "a b", "é", "x" * MOST_SEED])
def test_what_a_seed_may_be(text: str) -> None:
    """Printable characters, also of other alphabets."""
    assert is_seed(text)
    assert Config(esn=ESN, world=World.at("/w"), seed=text).seed == text


@pytest.mark.parametrize("text", [" 7", "7 ", "x" * (MOST_SEED + 1), "a\nb", "\u202e7"])
def test_what_a_seed_may_not_be(text: str) -> None:
    """Longer, or with what does not show. An empty one is none."""
    assert not is_seed("")
    assert not is_seed(text)
    with pytest.raises(ConfigError, match=r"^seed takes 1 to 64 printable characters"):
        Config(esn=ESN, world=World.at("/w"), seed=text)


def test_a_number_of_a_file_is_its_digits(tmp_path: Path) -> None:
    """Seed = 7 and seed = "7" are one seed; true is none."""
    given = {"esn": ESN, "world": tmp_path}
    assert build({**given, "seed": 7}).seed == "7"
    with pytest.raises(ConfigError, match=r"^seed takes"):
        build({**given, "seed": True})


def test_a_machine_says_what_it_is(tmp_path: Path) -> None:
    """Its log does, at each start; that of a real one says nothing of it."""
    for folder, seed in (("seeded", SEED), ("real", "")):
        log = Events()
        world = World.at(tmp_path / folder)
        config = Config(esn=ESN, world=world, seed=seed, port=0, runtime_witness="off")
        held = opened(config, {}, log)
        held.close()
        held.lock.release()
        said = log.named("insecure")
        assert [event["seed"] for event in said] == ([SEED] if seed else [])


def test_a_machine_that_is_refused_leaves_its_folder(tmp_path: Path) -> None:
    """It starts without a seed after that."""
    home = tmp_path
    with machines(home, ESN):
        pass
    with pytest.raises(StateForeign, match="it holds the NVRAM"):
        Machine(home, OTHER_ESN, seed=SEED)
    with machines(home, ESN, OTHER_ESN):
        pass


def test_fleet_up_refuses_at_once(tmp_path: Path) -> None:
    """One sentence, and no machine is started."""
    shell = Shell(tmp_path)
    with machines(tmp_path, ESN):
        pass
    code, lines = shell.seemachine("fleet", "up", "--seed", SEED, "--detach")
    assert code == 1
    assert len([line for line in lines if "can't get a seed" in line]) == 1
    code, lines = shell.seemachine("fleet", "up", "--seed", " ")
    assert code == 2
    assert "takes 1 to 64 printable characters" in lines[-1]


@pytest.mark.parametrize("written", ['"7"', "7"])
def test_a_fleet_file_has_it_at_the_top(tmp_path: Path, written: str) -> None:
    """Then each machine has it; under [[machines]] it is refused."""
    from seemachine.fleet import configuration

    path, world = tmp_path / "fleet.toml", World.at(tmp_path)
    path.write_text(f'seed = {written}\ncount = 2\n[[machines]]\nesn = "{ESN}"\n')
    plan = configuration.read(path, world)
    assert [machine.seed for machine in plan.machines] == [SEED, SEED]
    assert plan.seed == SEED
    assert configuration.read(path, world, seed="8").machines[1].seed == "8"
    path.write_text(f'[[machines]]\nesn = "{ESN}"\nseed = "7"\n')
    with pytest.raises(ConfigError, match=r"\[\[machines\]\] takes no seed: it is of the whole"):
        configuration.read(path, world)


def test_a_new_fleet_file_keeps_it(tmp_path: Path) -> None:
    """`fleet up --seed` writes it to a file that it makes."""
    from seemachine.fleet import configuration

    world = World.at(tmp_path)
    path = configuration.find(world, None, seed=SEED)
    assert configuration.read(path, world).seed == SEED


def test_a_fleet_in_the_background_has_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `fleet up --seed` says holds there, whatever its file says."""
    from seemachine.fleet import background, configuration

    asked: list[list[str]] = []

    class Started:
        """A process that only seems to be."""

        pid = 0

        def __init__(self, words: list[str], **_: object) -> None:
            asked.append(words)

    monkeypatch.setattr(background.subprocess, "Popen", Started)
    path, world = tmp_path / "fleet.toml", World.at(tmp_path)
    path.write_text('seed = "8"\ncount = 1\n')
    background.start(configuration.read(path, world, seed=SEED), path)
    at = asked[0].index("--seed")
    assert asked[0][at : at + 2] == ["--seed", SEED]
