"""fleet.toml and published objects."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seemachine.config import ConfigError, TlsSettings, load
from seemachine.fleet import configuration, running
from seemachine.fleet.settings_file import write_settings
from seemachine.fleet.template import guide_fleet
from seemachine.hsms import published
from seemachine.hsms.published import Published
from seemachine.world import World


def read(tmp_path: Path, text: str) -> configuration.FleetPlan:
    """A fleet file of this text, read."""
    path = tmp_path / "fleet.toml"
    path.write_text(text)
    return configuration.read(path, World.at(tmp_path))


def test_without_a_file_the_guides_fleet_is_written(tmp_path: Path) -> None:
    """A new world gets the guide's 5c as module 1 and Connect XC as module 2, in a file to edit."""
    path = configuration.find(World.at(tmp_path), None)
    fleet = configuration.read(path, World.at(tmp_path))

    assert path == tmp_path / "fleet.toml"
    assert [(machine.esn, machine.model, machine.module) for machine in fleet.machines] == [
        ("7852-268D-3BF9", "5c", 1),
        ("5F08-02E0-D947", "xc", 2),
    ]
    assert {machine.operator for machine in fleet.machines} == {"manual"}


def test_an_edited_fleet_file_is_kept(tmp_path: Path) -> None:
    """A fleet file that is there is not written over."""
    (tmp_path / "fleet.toml").write_text('[[machines]]\nesn = "0000-0000-0001"\n')

    fleet = configuration.read(configuration.find(World.at(tmp_path), None), World.at(tmp_path))

    assert [machine.esn for machine in fleet.machines] == ["0000-0000-0001"]


def test_machines_come_in_module_order_with_ports_of_their_own(tmp_path: Path) -> None:
    """Left out, module and port count up; the machines are ordered by module."""
    fleet = read(
        tmp_path,
        '[[machines]]\nesn = "0000-0000-0001"\nmodule = 5\n[[machines]]\nesn = "0000-0000-0002"\n',
    )

    assert [(machine.esn, machine.module, machine.port) for machine in fleet.machines] == [
        ("0000-0000-0002", 2, 8889),
        ("0000-0000-0001", 5, 8888),
    ]


def test_operator_and_limits_go_to_every_machine(tmp_path: Path) -> None:
    """[operator] and [limits] hold for the whole fleet, and reach each process through its file of
    settings.
    """
    fleet = read(
        tmp_path,
        '[[machines]]\nesn = "0000-0000-0001"\n[[machines]]\nesn = "0000-0000-0002"\n'
        '[operator]\nblank_cards = "auto"\n[limits]\nconnections = 7\n',
    )

    for machine in fleet.machines:
        assert machine.limits.connections == 7
        told = load(write_settings(machine), World.at("/usual"))
        assert (told.limits.connections, told.operator) == (7, "auto")


def test_tls_is_the_fleets_or_a_machines(tmp_path: Path) -> None:
    """[tls] holds for every machine that has no tls of its own, and reaches its process as three
    paths.
    """
    fleet = read(
        tmp_path,
        '[[machines]]\nesn = "0000-0000-0001"\n[[machines]]\nesn = "0000-0000-0002"\ntls = {pki ='
        ' "/elsewhere"}\n[tls]\npki = "auto"\n',
    )

    for machine, folder in zip(fleet.machines, (tmp_path / "pki", Path("/elsewhere")), strict=True):
        names = (f"{machine.esn}.crt", f"{machine.esn}.key", "ca.crt")
        assert load(write_settings(machine), World.at("/usual")).tls == TlsSettings(
            *(folder / name for name in names)
        )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "at least one [[machines]]"),
        ("machines = 3", "at least one [[machines]]"),
        ("[[machines]]\n", "esn is missing in the first [[machines]]"),
        ('count = 2\n[[machines]]\nstore = "file"\n', "esn is missing in the first [[machines]]"),
        (
            '[[machines]]\nesn = "0000-0000-0001"\n[[machines]]\nmodel = "xc"\n',
            "esn is missing in [[machines]] number 2",
        ),
        ("conut = 3\n", "unknown setting conut; did you mean count? Known are process, count,"),
        ("[[machine]]\n", "unknown section machine; did you mean machines? Known are"),
        ("xyz = 3\n", "unknown setting xyz; known are process, count,"),
        ('[[machines]]\nesn = "7852"\n', "esn takes"),
        ('[[machines]]\nesn = "0000-0000-0001"\nmodle = "5c"\n', "unknown setting modle"),
        ('[[machines]]\nesn = "0000-0000-0001"\nmodel = "6"\n', "model takes one of 5c, xc"),
        ('[[machines]]\nesn = "0000-0000-0001"\nport = "x"\n', "port takes"),
        (
            '[[machines]]\nesn = "0000-0000-0001"\n[[machines]]\nesn = "0000-0000-0001"\n',
            "same esn",
        ),
        (
            (
                '[[machines]]\nesn = "0000-0000-0001"\nmodule = 2\n[[machines]]\nesn ='
                ' "0000-0000-0002"\n'
            ),
            "same module",
        ),
        ('[[machines]]\nesn = "0000-0000-0001"\n[operator]\nblank = 1\n', "blank_cards"),
        (
            '[[machines]]\nesn = "0000-0000-0001"\n[operator]\nblank_cards = "often"\n',
            "blank_cards takes one of manual, auto, not",
        ),
        (
            '[[machines]]\nesn = "0000-0000-0001"\n[limits]\nidle = 1\n',
            "unknown setting limits.idle",
        ),
        (
            '[[machines]]\nesn = "0000-0000-0001"\n[limits]\nidle_seconds = 0\n',
            "limits.idle_seconds",
        ),
        ('[[machines]]\nesn = "0000-0000-0001"\nhost = "0.0.0.0"\n', "insecure_bind = true"),
        (
            '[[machines]]\nesn = "0000-0000-0001"\n[tls]\nkey = "x"\n',
            "tls takes certificate, key and ca, all three",
        ),
        ('[[machines]]\nesn = "0000-0000-0001"\n[more]\n', "unknown section more"),
        (
            'process = "two"\n[[machines]]\nesn = "0000-0000-0001"\n',
            "process takes one of each, one, not 'two'",
        ),
        ('[[machines]]\nesn = "0000-0000-0001"\npublish = false\n', "publishes itself"),
        ("[[machines", "fleet.toml"),
        ("a = " + "[" * 10_000, "fleet.toml"),
    ],
)
def test_a_wrong_fleet_file_names_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    """Every mistake is refused with the file's name and a sentence about the setting."""
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)

    assert complaint in str(refused.value)
    assert "fleet.toml" in str(refused.value)


def test_a_published_object_is_withdrawn_only_by_its_owner(tmp_path: Path) -> None:
    """A machine that stops does not take away the entry of the one that was started in
    its place.
    """
    published.publish(
        World.at(tmp_path), Published("0000-0000-0001", "5c", 1, "127.0.0.1", 8888, pid=17)
    )

    published.withdraw(World.at(tmp_path), "0000-0000-0001", pid=16)
    kept = published.read(World.at(tmp_path), "0000-0000-0001")
    published.withdraw(World.at(tmp_path), "0000-0000-0001", pid=17)

    assert kept is not None
    assert published.read(World.at(tmp_path), "0000-0000-0001") is None


OTHER_TYPES = (
    '{"esn": "0000-0000-0001", "model": "5c", "module": 1, "host": "127.0.0.1", "port": "8888",'
    ' "pid": 17, "tls": false}'
)


GOOD = {
    "esn": "0000-0000-0001",
    "model": "5c",
    "module": 1,
    "host": "127.0.0.1",
    "port": 8888,
    "pid": 17,
}
FORGED = [
    json.dumps(GOOD | change)
    for change in (
        {"esn": "../../world"},
        {"esn": "0000-0000-0001\n"},
        {"model": "x"},
        {"host": "a\x1bb"},
        {"nvram": "../x"},
    )
]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"esn": 1}', "\xff", "[" * 10_000, OTHER_TYPES, *FORGED]
)
def test_a_damaged_published_object_counts_as_none(tmp_path: Path, content: str) -> None:
    """What can't be read is no machine, and no error; nor is what a machine says of itself in its
    own folder.
    """
    entry = Published("0000-0000-0001", "5c", 1, "127.0.0.1", 8888, pid=17)
    published.publish(World.at(tmp_path), entry)
    published.announce(World.at(tmp_path), entry)
    assert (
        published.read(World.at(tmp_path), entry.esn)
        == published.listening(World.at(tmp_path), entry.esn)
        == entry
    )
    (tmp_path / "published" / "pqsdk" / "0000-0000-0001.json").write_bytes(
        content.encode("latin-1")
    )
    (tmp_path / "hsm" / "0000-0000-0001" / published.LISTENING).write_bytes(
        content.encode("latin-1")
    )

    assert published.read(World.at(tmp_path), entry.esn) is None
    assert published.listening(World.at(tmp_path), entry.esn) is None


@pytest.mark.parametrize(
    "change", [{"esn": "../.."}, {"esn": "x\n"}, {"model": "x"}, {"module": "many"}, {"port": "x"}]
)
def test_what_is_no_fleet_was_never_running(tmp_path: Path, change: dict[str, str]) -> None:
    """What is remembered of a fleet names folders and features: a damaged or forged one is none."""
    known = {"esn": "0000-0000-0001", "model": "5c", "module": 1}
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet" / running.FILE_NAME).write_text(json.dumps([known]))
    assert running.machines(World.at(tmp_path)) == [known | {"port": 0}]

    (tmp_path / "fleet" / running.FILE_NAME).write_text(json.dumps([known, known | change]))
    assert running.machines(World.at(tmp_path)) is None


@pytest.mark.parametrize(
    ("line", "way_out"),
    [
        ("limits = {connections = 7}", r"write them as \[limits\]"),
        ("limits = 4", r"write them as \[limits\]"),
        ('operator = "auto"', r"write it as \[operator\]"),
        ("reserved_ports = [1]", "the ports of the others"),
        ("count = 3", r"at the top, above the first \[\[machines\]\]"),
        ('process = "one"', r"at the top, above the first \[\[machines\]\]"),
        ('world = "/elsewhere"', "the folder that fleet.toml is in"),
    ],
)
def test_what_a_fleet_gives_to_all_is_refused_of_one(
    tmp_path: Path, line: str, way_out: str
) -> None:
    """It would be written over without a word; it is refused by name, with where it goes."""
    name = line.split(" ", 1)[0]
    with pytest.raises(ConfigError, match=rf"\[\[machines\]\] takes no {name}: .*{way_out}"):
        read(tmp_path, f'[[machines]]\nesn = "0000-0000-0001"\n{line}\n')


def test_two_commands_make_one_file(tmp_path: Path) -> None:
    """Neither fails, and neither sees half of the other's."""
    world = World.at(tmp_path / "world")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: configuration.find(world, None).read_bytes(), range(8)))
    assert found == [guide_fleet().encode()] * 8
