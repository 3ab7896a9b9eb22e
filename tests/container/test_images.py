"""The recipe of the two container images: what was compiled is in them, or there is no image."""

import marshal
import sys
import tomllib
import zipfile
from importlib.util import cache_from_source, source_hash
from pathlib import Path

import pytest
from container.image_tree import ROOT
from packaging.requirements import Requirement

sys.path.insert(0, str(ROOT / "container"))
import images
import tree
import vendor

ENGINE = "seemachine/lms/engines/_native.abi3.so"
OURS = {
    "seemachine/__main__.py": b"def main(): return 0\n",
    "seeclient/__main__.py": b"def main(): return 0\n",
    "seeclient/library/seemachine-pkcs11.so": b"\x7fELF of a library",
    "seemachine-0.1.0.dist-info/entry_points.txt": b"[console_scripts]\n",
}
# Of what an installation of the project has, the images leave out: used by benchmarks alone.
UNUSED = {"pyhsslms"}


def wheel(folder: Path, **more: bytes) -> Path:
    """A wheel of seemachine that holds little."""
    folder.mkdir(exist_ok=True)
    path = folder / "seemachine-0.1.0-cp311-abi3-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**OURS, **more}.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages of others are those of every tree, and are not fetched here."""
    monkeypatch.setattr(vendor, "archives", lambda *_: {})
    # Without them no tree can be imported; of what Python itself has, one module stands for all.
    monkeypatch.setattr(images, "standard_modules", lambda *_: [tomllib.__file__])


@pytest.mark.usefixtures("no_packages")
def test_both_images_have_what_was_compiled(tmp_path: Path) -> None:
    """The machine has the engine and no C library; the client has all, and its commands run by the
    image's own Python.
    """
    wheel(tmp_path / "wheels", **{ENGINE: b"\x7fELF of an engine"})
    assert images.main([str(tmp_path / "wheels"), str(tmp_path)]) == 0
    machine, client = (tmp_path / name / tree.LIBRARY for name in ("machine", "client"))
    assert [path.name for path in machine.rglob("*.so")] == ["_native.abi3.so"]
    assert (machine / ENGINE).read_bytes() == b"\x7fELF of an engine"
    assert {path.name for path in client.rglob("*.so")} == {
        "_native.abi3.so",
        "seemachine-pkcs11.so",
    }
    for name, module in images.COMMANDS.items():
        first, _, rest = (tmp_path / "client/usr/bin" / name).read_text().partition("\n")
        assert first == f"#!{sys.executable}"
        assert f"from {module} import main\n" in rest
    assert list((tmp_path / "data").iterdir()) == [tmp_path / "data" / "seemachine"]
    assert list((tmp_path / "machine/var/lib").iterdir()) == []


@pytest.mark.usefixtures("no_packages")
def test_byte_code_is_of_the_place_where_it_runs(tmp_path: Path) -> None:
    """Nothing is compiled at a start, nothing compared with a time, and a traceback names the path
    in the image. That of Python's own modules is used only where their source is the same.
    """
    root = tmp_path / "client"
    images.lay_out_client(root, tmp_path, wheel(tmp_path / "wheels", **{ENGINE: b"\x7fELF"}))
    [compiled] = (root / tree.LIBRARY / "seeclient").rglob("*.pyc")
    data = compiled.read_bytes()
    # PEP 552: a hash, and not to be checked.
    assert data[4:8] == b"\x01\0\0\0"
    code = marshal.loads(data[16:])
    assert code.co_filename == "/usr/lib/seemachine/seeclient/__main__.py"
    own = root / cache_from_source(tomllib.__file__).lstrip("/")
    assert own.read_bytes()[4:8] == b"\x03\0\0\0"
    assert own.read_bytes()[8:16] == source_hash(Path(tomllib.__file__).read_bytes())
    assert {path.stat().st_mtime for path in root.rglob("*")} == {0}


def test_a_tree_tells_what_of_python_it_loads(image: Path) -> None:
    """The sources of Python's own modules, and none of the tree."""
    found = images.standard_modules(image, "data_folder tomllib")
    assert tomllib.__file__ in found
    assert not [name for name in found if name.startswith(str(image))]
    with pytest.raises(OSError, match="No module named 'nothing'"):
        images.standard_modules(image, "nothing")


@pytest.mark.usefixtures("no_packages")
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "has no native engine: it was built without one"),
        (
            {"seemachine/lms/engines/not_built.txt": b"there was no C compiler (cc)\n"},
            "has no native engine: there was no C compiler (cc)",
        ),
    ],
)
def test_an_image_without_the_engine_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: dict[str, bytes], said: str
) -> None:
    """It would be slower, and nobody would know why; the reason of the build is told."""
    wheel(tmp_path / "wheels", **more)
    assert images.main([str(tmp_path / "wheels"), str(tmp_path)]) == 1
    assert said in capsys.readouterr().err


def test_one_wheel_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """None, or that of yesterday beside that of today, is refused."""
    (tmp_path / "seemachine-0.1.0-py3-none-any.whl").touch()
    (tmp_path / "seemachine-0.2.0-py3-none-any.whl").touch()
    assert images.main([str(tmp_path), str(tmp_path / "out")]) == 1
    assert f"{tmp_path} holds 2 wheels of seemachine, not one" in capsys.readouterr().err


def test_the_client_has_what_the_project_asks_for() -> None:
    """Each dependency of an installation is in one of the locks, in a version that it takes."""
    locked = vendor.locked() | vendor.locked(images.CLIENT_LOCK)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    asked = {each.name: each.specifier for each in map(Requirement, project)}
    assert asked.keys() - locked.keys() == UNUSED
    for name in asked.keys() - UNUSED:
        assert asked[name].contains(locked[name][0]), name


def test_the_recipe_copies_what_there_is() -> None:
    """Each name that the Containerfile copies from the sources is there, and no ignore file hides
    it.
    """
    recipe = (ROOT / "container" / "Containerfile").read_text()
    shown = (ROOT / "container" / "Containerfile.dockerignore").read_text().splitlines()
    copied = [
        name
        for line in recipe.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    ]
    assert {"seemachine", "client", "container", "pyproject.toml", "setup.py"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in shown
