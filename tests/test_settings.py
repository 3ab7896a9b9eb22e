"""One declaration of each setting: what is documented, offered as an option and kept in files comes
from it.
"""

import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest

from seemachine.cli.command import main
from seemachine.config import Config, LimitSettings, TlsSettings, load, to_toml
from seemachine.config.setting import settings_of
from seemachine.config.settings import MODELS
from seemachine.fleet import configuration, settings_document, template
from seemachine.fleet.settings_file import write_settings
from seemachine.fleet.shared import FleetSettings
from seemachine.state.nvram.stores import KINDS
from seemachine.wire import names
from seemachine.world import World

ESN = "7852-268D-3BF9"
DOCUMENT = Path(__file__).parent.parent / "docs/reference/settings.md"
KINDS_OF_SETTINGS = (Config, LimitSettings, TlsSettings, FleetSettings)


def test_every_setting_is_declared():
    """With what it is for; the two tables of a machine's settings are classes of their own."""
    for kind in KINDS_OF_SETTINGS:
        told = {field.name: setting for field, setting in settings_of(kind)}
        assert {field.name for field in fields(kind)} - told.keys() <= {"limits", "tls"}
        assert all(setting.what and setting.takes for setting in told.values())
    assert tuple(MODELS) == names.MODELS


def test_the_reference_is_made_of_them():
    """docs/reference/settings.md is what `make` makes of it, with a row for each setting."""
    text = settings_document.document()
    assert DOCUMENT.read_text() == text
    for kind in KINDS_OF_SETTINGS:
        assert all(f"\n| `{field.name}` | " in text for field, _ in settings_of(kind))


def test_help_is_made_of_them(capsys):
    """Each option of a setting says what that is, and what its choices mean."""
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    for _, setting in settings_of(Config):
        if setting.shown:
            assert setting.what in told
        assert all(f"{word}: {meaning}" in told for word, meaning in setting.choices.items())


def uncommented(text: str) -> str:
    """A commented file in which every setting that is shown holds."""
    return re.sub(r"(?m)^# (\w+ = |\[\w+\]$)", r"\1", text)


def test_a_new_fleet_file_explains_every_setting(tmp_path):
    """Also with all of its lines in force it is a fleet, whose machines have defaults where no
    example was in place.
    """
    (tmp_path / "fleet.toml").write_text(
        uncommented(template.guide_fleet()).replace('"<hex>"', f'"{"ab" * 32}"')
    )
    first, second = configuration.read(tmp_path / "fleet.toml", World.at(tmp_path)).machines
    table = tomllib.loads((tmp_path / "fleet.toml").read_text())
    elsewhere = {*template.NOT_OF_A_MACHINE, *template.AT_THE_TOP}
    shown = {field.name for field, _ in settings_of(Config)} - elsewhere
    assert set(table["machines"][0]) == shown
    assert first.limits == second.limits == LimitSettings()
    assert (second.witness, first.tls is not None, first.store) == ("", True, "sqlite")


def test_a_list_is_in_its_order_and_texts_of_any_kind_come_back(tmp_path):
    """Quotes, control characters, other scripts, and names of files that are no UTF-8."""
    path = tmp_path / "settings.toml"
    config = Config(
        esn=ESN,
        world=World.at(tmp_path / 'a"\\\n\x7f\u3042\U0001f600\udcff'),
        extra_signers=("bb" * 20, "aa" * 20),
    )
    path.write_bytes(to_toml(config))
    assert load(path, World.at("/usual")) == config


def test_a_machine_of_a_fleet_has_one_file(tmp_path):
    """For its user alone; those of earlier versions are gone."""
    machine = Config(
        esn=ESN, world=World.at(tmp_path), witness="postgresql://me:secret@localhost/w"
    )
    path = write_settings(machine)
    for earlier in ("limits.toml", "see.toml"):
        (machine.folder / earlier).write_text("ledger_days = 1\n")
    assert write_settings(replace(machine, port=1)) == path == machine.folder / "settings.toml"
    assert load(path, World.at("/usual")) == replace(machine, port=1)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in machine.folder.iterdir()] == ["settings.toml"]


def test_a_refusal_repeats_no_password(tmp_path):
    """Also of a witness that is not a line of text."""
    path = tmp_path / "settings.toml"
    path.write_text(f'esn = "{ESN}"\nwitness = "postgresql://me:secret\\n@localhost/w"\n')
    with pytest.raises(ValueError, match="witness takes the path of a folder") as refused:
        load(path, World.at("/usual"))
    assert "secret" not in str(refused.value)


def test_the_choices_of_a_store_are_the_stores():
    """In the order of the list."""
    setting = next(setting for field, setting in settings_of(Config) if field.name == "store")
    assert list(setting.choices) == [kind.name for kind in KINDS]
