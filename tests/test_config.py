"""config.py: settings from a file and the command line; each wrong one is named."""

import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seemachine import config
from seemachine.config import Config, ConfigError, LimitSettings, TlsSettings, build_limits
from seemachine.wire.framing import MAX_FRAME
from seemachine.wire.names import SEE_PORT
from seemachine.wire.sockets import MOST_PATH_BYTES
from seemachine.world import World

ESN = "7852-268D-3BF9"
USUAL = World.at("/usual")


def load(path, **given):
    """Settings of a machine whose world nobody may have named."""
    return config.load(path, USUAL, **given)


def build(table):
    """The same of a table."""
    return config.build({"world": USUAL, **table})


def refused(make, *arguments, **settings):
    """The sentence of a refusal. Fails when there is none."""
    with pytest.raises(ConfigError) as refusal:
        make(*arguments, **settings)
    return str(refusal.value)


class TestDefaults:
    """A machine of which only the serial number is given."""

    def test_a_machine_is_on_loopback(self):
        """Without any other setting it is a 5c with a durable store on the guide's port of this
        host alone.
        """
        config = load(None, esn=ESN)

        assert config == Config(esn=ESN, world=USUAL)
        assert (config.model, config.module, config.host, config.port) == (
            "5c",
            1,
            "127.0.0.1",
            SEE_PORT,
        )
        assert (config.store, config.operator, config.publish) == ("sqlite", "manual", True)
        assert not config.insecure_bind
        assert not config.search_port
        assert config.limits == LimitSettings()

    def test_its_folder_is_in_the_world(self, tmp_path):
        """The machine's own state lies under its serial number."""
        assert build({"esn": ESN, "world": tmp_path}).folder == tmp_path / "hsm" / ESN


class TestOrder:
    """Defaults, then the file, then what was given."""

    def test_what_is_given_wins(self, tmp_path):
        """A setting that is given overrides the file's, one that is None does not, and the file
        overrides the default.
        """
        path = tmp_path / "machine.toml"
        path.write_text(f'esn = "{ESN}"\nmodel = "xc"\nport = 9000\nmodule = 3\n')
        config = load(path, port=0, model=None, publish=False)

        assert (config.esn, config.model, config.port, config.module, config.publish) == (
            ESN,
            "xc",
            0,
            3,
            False,
        )

    def test_limits_are_a_table(self, tmp_path):
        """Limits of the file are taken one by one, the others keep their defaults."""
        path = tmp_path / "machine.toml"
        path.write_text(f'esn = "{ESN}"\n[limits]\nconnections = 3\nidle_seconds = 1\n')

        assert load(path).limits == replace(LimitSettings(), connections=3, idle_seconds=1)

    def test_limits_may_be_made_already(self):
        """Limits that were checked before are taken as they are."""
        limits = LimitSettings(connections=5)

        assert build({"esn": ESN, "limits": limits}).limits is limits

    @pytest.mark.parametrize("given", ["~/world", "world", Path("world")])
    def test_the_world_is_an_absolute_path(self, monkeypatch, tmp_path, given):
        """However it is written, the world folder is kept as an absolute path."""
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)

        assert build({"esn": ESN, "world": given}).world == World.at(tmp_path / "world")


class TestWrongSettings:
    """Each refusal names its setting."""

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("esn", ""),
            ("esn", "7852-268d-3bf9"),
            ("esn", "7852-268D-3BF9 "),
            ("esn", "7852-268D-3BF9\n"),
            ("esn", "../../etc"),
            ("model", "5C"),
            ("model", ""),
            ("model", 5),
            ("model", ["5c"]),
            ("store", "sqllite"),
            ("store", None),
            ("operator", "robot"),
            ("port", -1),
            ("port", 65536),
            ("port", "8888"),
            ("port", True),
            ("port", 80.0),
            ("module", 0),
            ("module", 65536),
            ("module", "1"),
            ("module", False),
            ("esn", 7852),
            ("host", 5),
            ("host", None),
            ("world", 5),
            ("world", "~nobody-of-that-name/x"),
            ("publish", "no"),
            ("search_port", "yes"),
            ("insecure_bind", "false"),
            ("insecure_bind", 1),
        ],
    )
    def test_a_wrong_value_names_its_setting(self, setting, value):
        """A value of the wrong kind or out of bounds is refused in a sentence that begins with the
        setting's name.
        """
        assert refused(build, {"esn": ESN, setting: value}).startswith(f"{setting} takes ")

    @pytest.mark.parametrize("setting", [setting.name for setting in fields(LimitSettings)])
    @pytest.mark.parametrize("value", [0, -1, "1", 1.0, True, None, [1]])
    def test_a_wrong_limit_names_itself(self, setting, value):
        """A limit that is not a whole number, or too small, is refused by name, with what was
        given.
        """
        sentence = refused(build, {"esn": ESN, "limits": {setting: value}})
        assert sentence.startswith(f"limits.{setting} takes a number from ")
        assert sentence.endswith(f", not {value!r}")

    @pytest.mark.parametrize("setting", [setting.name for setting in fields(LimitSettings)])
    def test_a_limit_has_an_end(self, setting):
        """A limit beyond all reason is refused by name."""
        assert refused(build_limits, {setting: 1 << 40}).startswith(f"limits.{setting} takes ")

    @pytest.mark.parametrize("value", [1, 640 * 1024 - 1, MAX_FRAME + 1])
    def test_a_frame_has_bounds(self, value):
        """A frame is neither larger than the protocol's nor too small for the machine's own
        replies.
        """
        assert refused(build_limits, {"frame_bytes": value}).startswith("limits.frame_bytes takes ")

    @pytest.mark.parametrize("value", [640 * 1024, MAX_FRAME])
    def test_the_bounds_of_a_frame_are_inside(self, value):
        """Both bounds themselves are taken."""
        assert build_limits({"frame_bytes": value}).frame_bytes == value

    @pytest.mark.parametrize("table", ["x", 5, None, [], True])
    def test_limits_take_a_table(self, table):
        """Anything but a table of limits is refused."""
        assert refused(build, {"esn": ESN, "limits": table}) == "limits takes a table"

    def test_an_unknown_setting(self):
        """A setting that there is not, such as a misspelt one, is refused by name with those that
        there are.
        """
        sentence = refused(build, {"esn": ESN, "prot": 8888})

        assert sentence.startswith("unknown setting prot; did you mean port? Known are ")
        assert "insecure_bind" in sentence

    def test_an_unknown_limit(self):
        """The same holds for a limit."""
        sentence = refused(build, {"esn": ESN, "limits": {"idle": 3}})

        assert sentence.startswith("unknown setting limits.idle; known are frame_bytes, ")

    @given(
        st.dictionaries(
            st.text(max_size=8), st.integers() | st.text(max_size=8), min_size=1, max_size=4
        )
    )
    def test_no_strange_table_is_a_machine(self, table):
        """A table of settings that there are not is refused with one of them, and no other error
        comes out.
        """
        strange = {
            name: value
            for name, value in table.items()
            if name not in {setting.name for setting in fields(Config)}
        }

        if strange:
            assert refused(build, {"esn": ESN, **strange}).startswith(
                f"unknown setting {min(strange)}; "
            )


class TestFiles:
    """The TOML file."""

    @pytest.mark.parametrize("data", [b"esn = ", b"\xff\xfe", b"[limits", b"esn = 'a'\nesn = 'b'"])
    def test_a_file_that_is_no_toml(self, tmp_path, data):
        """A file that can't be read as TOML is refused with its path."""
        path = tmp_path / "machine.toml"
        path.write_bytes(data)

        assert refused(load, path).startswith(f"{path}: ")

    def test_a_file_that_is_not_there(self, tmp_path):
        """A missing file, or a folder in its place, is refused with its path and the system's
        reason.
        """
        assert (
            refused(load, tmp_path / "no.toml")
            == f"{tmp_path / 'no.toml'}: No such file or directory"
        )
        assert refused(load, tmp_path) == f"{tmp_path}: Is a directory"


class TestTls:
    """Certificate, key and CA."""

    FILES = {"certificate": "/x/a.crt", "key": "/x/a.key", "ca": "/x/ca.crt"}  # noqa: RUF012

    def test_three_files(self, tmp_path, monkeypatch):
        """They are kept as absolute paths, from the file as from the command line."""
        monkeypatch.chdir(tmp_path)
        path = tmp_path / "machine.toml"
        path.write_text(
            f'esn = "{ESN}"\n[tls]\ncertificate = "a.crt"\nkey = "/x/a.key"\nca = "/x/ca.crt"\n'
        )
        assert load(path).tls == TlsSettings(
            tmp_path / "a.crt", Path("/x/a.key"), Path("/x/ca.crt")
        )
        assert load(path, tls=self.FILES).tls == TlsSettings(
            Path("/x/a.crt"), Path("/x/a.key"), Path("/x/ca.crt")
        )
        assert load(path, tls=None).tls is not None
        assert build({"esn": ESN}).tls is None

    @pytest.mark.parametrize(("pki", "folder"), [("auto", "world/pki"), ("elsewhere", "elsewhere")])
    def test_a_folder_of_the_pki(self, pki, folder, tmp_path, monkeypatch):
        """The machine's files are named after its ESN, in the world's own folder or another."""
        monkeypatch.chdir(tmp_path)
        tls = build({"esn": ESN, "world": "world", "tls": {"pki": pki}}).tls
        place = tmp_path / folder
        assert tls == TlsSettings(place / f"{ESN}.crt", place / f"{ESN}.key", place / "ca.crt")

    @pytest.mark.parametrize(
        "table",
        [
            5,
            "auto",
            [],
            {},
            False,
            {"pki": "auto", **FILES},
            {**FILES, "more": "x"},
            *(
                {k: "x" for k in ("certificate", "key", "ca") if k != gone}
                for gone in ("certificate", "key", "ca")
            ),
        ],
    )
    def test_anything_else_is_refused(self, table):
        """Two files of three protect nothing."""
        assert (
            refused(build, {"esn": ESN, "tls": table})
            == 'tls takes certificate, key and ca, all three, or pki = "auto" or a folder'
        )

    @pytest.mark.parametrize("value", [5, "", None, ["x"]])
    def test_a_path_is_a_text(self, value):
        """Each file is refused by name."""
        assert refused(build, {"esn": ESN, "tls": {**self.FILES, "key": value}}).startswith(
            "tls.key takes the path of a file, not "
        )
        assert refused(build, {"esn": ESN, "tls": {"pki": value}}).startswith(
            "tls.pki takes the path of a file, not "
        )

    def test_tls_allows_every_address(self):
        """With TLS nobody needs leave to listen for others."""
        assert build({"esn": ESN, "host": "0.0.0.0", "tls": self.FILES}).host == "0.0.0.0"


class TestLoopback:
    """Where a machine listens without being told that everybody may come."""

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "127.0.0.2", "127.255.255.254", "::1", "localhost"]
    )
    def test_loopback_needs_no_permission(self, host):
        """Every address of this host alone is taken."""
        assert build({"esn": ESN, "host": host}).host == host

    @pytest.mark.parametrize(
        "host",
        [
            "0.0.0.0",
            "::",
            "",
            "192.168.1.1",
            "10.0.0.1",
            "1.127.0.1",
            "128.0.0.1",
            "12.7.0.0",
            "fe80::1",
            "2001:db8::1",
            "example.org",
            "evil.localhost.example",
            "not-localhost",
            "127.evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "localhost-of-mine",
            "::1234",
            "::1:2:3",
        ],
    )
    def test_everything_else_needs_it(self, host):
        """Any other address or name, whatever it begins with, is refused with the reason and the
        option that allows it.
        """
        sentence = refused(build, {"esn": ESN, "host": host})
        assert sentence.startswith(
            f"{host} is not a loopback address, and whoever reaches the port can sign"
        )
        assert "--insecure-bind" in sentence

        assert build({"esn": ESN, "host": host, "insecure_bind": True}).host == host


@pytest.mark.parametrize("name", ["w\u00e9lt", "w\udcff"])
def test_a_world_in_a_locale_without_its_letters(name, tmp_path):
    """In a container the locale may be C: a machine is told the same folder all the same."""
    script = (
        "import sys; from pathlib import Path; from seemachine.config import Config, load, to_toml;"
        "from seemachine.world import World; folder, file = map(Path, sys.argv[1:]);"
        "file.write_bytes(to_toml(Config(esn='7852-268D-3BF9', world=World.at(folder))));"
        "assert load(file, World.at('.')).world.folder.is_dir()"
    )
    folder = tmp_path / name
    folder.mkdir()
    environ = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    words = [sys.executable, "-c", script, str(folder), str(tmp_path / "settings.toml")]
    done = subprocess.run(words, env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_machine_listens_somewhere(tmp_path):
    """On a port, a socket, or both; nobody reaches one that has neither."""
    world = World.at(tmp_path)
    alone = Config(esn=ESN, world=world, socket="s", tcp=False, host="192.0.2.1")
    assert alone.socket_path == tmp_path / "s"
    assert (alone.fixed_port, Config(esn=ESN, world=world).fixed_port) == (0, 8888)
    with pytest.raises(ConfigError, match="tcp = false leaves nothing to listen on; name a socket"):
        Config(esn=ESN, world=world, tcp=False)


def test_a_socket_in_a_folder_is_called_by_its_machine(tmp_path):
    """In one that is there, and in one that is yet to be made."""
    name = f"7-{ESN}.sock"
    for folder in (f"{tmp_path}/new/", str(tmp_path)):
        config = Config(esn=ESN, module=7, world=World.at(tmp_path), socket=folder)
        assert config.socket_path == Path(folder) / name


def test_a_socket_has_a_path_that_the_system_takes(tmp_path):
    """And none among what the machine keeps: what it does not know there it takes for damage."""
    world = World.at("/" + "w" * 60)
    longest = "s" * (MOST_PATH_BYTES - 62)
    assert Config(esn=ESN, world=world, socket=longest)
    with pytest.raises(ConfigError, match=rf"socket: .* {MOST_PATH_BYTES} bytes at most"):
        Config(esn=ESN, world=world, socket=f"{longest}s")
    for place in (f"hsm/{ESN}/s", "cards/s", "witness/s"):
        with pytest.raises(ConfigError, match="outside of what the machine keeps"):
            Config(esn=ESN, world=World.at(tmp_path), socket=place)
