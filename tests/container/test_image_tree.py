"""The recipe: what it puts into the tree, that it is always the same, and how it calls csadmin."""

import email
import hashlib
import io
import json
import os
import stat
import sys
import tarfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from container.image_tree import ROOT, build
from packaging.requirements import Requirement

from seemachine.config import load
from seemachine.world import World

sys.path.insert(0, str(ROOT / "container"))
import tree as recipe
import vendor

# What markers of dependencies ask about; "posix" and the like are as here.
CONTAINER = {
    "python_version": "3.11",
    "python_full_version": "3.11.0",
    "sys_platform": "linux",
    "platform_machine": "ppc64",
    "extra": "",
}
MOCKS = {"mock-network.json", "mock-packages.json", "mock-userdata.txt"}
FAKE_CSADMIN = """#!{python}
import json, os, sys
with open({log!r}, "a") as log:
    print(json.dumps([os.getcwd(), *sys.argv[1:]]), file=log)
sys.exit({code})
"""


@pytest.fixture
def csadmin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Path]:
    """Puts a csadmin in PATH that writes down how it was called."""

    def install(code: int = 0) -> Path:
        log, program = tmp_path / "calls", tmp_path / "bin" / "csadmin"
        program.parent.mkdir()
        program.write_text(FAKE_CSADMIN.format(python=sys.executable, log=str(log), code=code))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
        return log

    return install


def test_the_same_sources_give_the_same_tree(image: Path, tmp_path: Path) -> None:
    """Made again, elsewhere and under another umask, every path, mode, time and byte is
    the same.
    """
    old = os.umask(0o077)
    try:
        assert build(tmp_path, "--tree-only").returncode == 0
    finally:
        os.umask(old)
    assert facts(tmp_path / "tree") == facts(image)
    assert recipe.digest(tmp_path / "tree") == recipe.digest(image)


def facts(root: Path) -> dict[str, tuple[int, float, bytes]]:
    """All that a tree is."""
    paths = {path.relative_to(root).as_posix(): path for path in [root, *root.rglob("*")]}
    return {
        name: (
            path.stat().st_mode,
            path.stat().st_mtime,
            path.read_bytes() if path.is_file() else b"",
        )
        for name, path in paths.items()
    }


def test_the_digest_sees_every_difference(image: Path, tmp_path: Path) -> None:
    """A byte, a mode or a file more changes the digest."""
    assert build(tmp_path, "--tree-only").returncode == 0
    root = tmp_path / "tree"
    seen = {recipe.digest(image)}
    settings = root / recipe.SETTINGS
    settings.write_bytes(settings.read_bytes() + b"\n")
    seen.add(recipe.digest(root))
    settings.chmod(0o600)
    seen.add(recipe.digest(root))
    (root / "etc" / "more").touch()
    seen.add(recipe.digest(root))
    assert len(seen) == 4


def test_the_tree_is_what_the_guide_lays_out(image: Path) -> None:
    """An executable entry point for the container's Python, the user data, the settings; all else
    below one folder of our own.
    """
    for program in ("entrypoint", "healthcheck"):
        assert (image / "usr/bin" / program).stat().st_mode & stat.S_IXOTH
        assert (image / "usr/bin" / program).read_bytes().startswith(b"#!/usr/bin/python3 -ISB\n")
    outside = {
        path.relative_to(image).as_posix()
        for path in image.rglob("*")
        if path.is_file() and not path.is_relative_to(image / recipe.LIBRARY)
    }
    assert outside == {
        "usr/bin/entrypoint",
        "usr/bin/healthcheck",
        "etc/seemachine.toml",
        "etc/userdata.codesafe",
    }
    # Csadmin copies the SDK's own Python to usr/bin and usr/lib/python3.11.
    assert [path.name for path in (image / "usr/lib").iterdir()] == ["seemachine"]


def test_the_settings_are_what_the_container_needs(image: Path) -> None:
    """Port 8888 at all addresses, the file store, nothing published, one folder to write to, which
    lies in the tree and is empty.
    """
    settings = load(image / recipe.SETTINGS, World.at("/usual"), esn="7852-268D-3BF9")
    assert (
        settings.host,
        settings.port,
        settings.search_port,
        settings.store,
        settings.publish,
    ) == ("", 8888, False, "file", False)
    assert settings.world == World.at(Path("/") / recipe.DATA)
    assert list((image / recipe.DATA).iterdir()) == []


def test_another_python_and_other_settings_can_be_chosen(image: Path, tmp_path: Path) -> None:
    """Both programs ask for the interpreter that was named, with the same flags; the settings are
    those of the file.
    """
    settings = tmp_path / "other.toml"
    settings.write_text('world = "/data"\n')
    options = ["--tree-only", "--interpreter", "/opt/csd5/bin/python3", "--settings", str(settings)]
    assert build(tmp_path / "out", *options).returncode == 0
    for program in (recipe.ENTRY_POINT, recipe.HEALTHCHECK):
        first, _, rest = (tmp_path / "out/tree" / program).read_bytes().partition(b"\n")
        assert first == b"#!/opt/csd5/bin/python3 -ISB"
        assert rest == (image / program).read_bytes().partition(b"\n")[2]
    assert (tmp_path / "out/tree" / recipe.SETTINGS).read_bytes() == settings.read_bytes()


def test_nothing_in_the_tree_is_compiled(image: Path) -> None:
    """Modules and licences only: no library, no byte code, no link, no tests of others."""
    library = image / recipe.LIBRARY
    for path in library.rglob("*"):
        assert not path.is_symlink()
        assert (
            path.is_dir()
            or path.suffix == ".py"
            or any(part.endswith(".dist-info") for part in path.parts)
        )
        assert path.name not in ("_tests", "tests", "__pycache__")
        assert not path.is_file() or not path.read_bytes().startswith((b"\x7fELF", b"PK"))
    assert (library / "msgpack" / "fallback.py").exists()


def test_every_package_brings_its_licence(image: Path) -> None:
    """What is handed on is handed on under its terms; and nothing is there that is not locked."""
    locked = vendor.locked()
    folders = {path.name: path for path in (image / recipe.LIBRARY).glob("*.dist-info")}
    assert set(folders) == {
        f"{name.replace('-', '_')}-{version}.dist-info" for name, (version, _) in locked.items()
    }
    for folder in folders.values():
        assert any(
            "LICENSE" in path.name.upper() or "COPYING" in path.name for path in folder.rglob("*")
        ), folder


def test_nothing_that_a_package_asks_for_is_missing(image: Path) -> None:
    """What the packages need of others for the container's Python is locked too, in a version that
    they and the project take.
    """
    versions = {name: version for name, (version, _) in vendor.locked().items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    asked = [Requirement(line) for line in project if Requirement(line).name in versions]
    assert {each.name for each in asked} == {"trio", "msgpack", "structlog", "dilithium-py"}
    for metadata in (image / recipe.LIBRARY).glob("*.dist-info/METADATA"):
        lines = email.message_from_string(metadata.read_text()).get_all("Requires-Dist") or []
        asked += [
            each
            for each in map(Requirement, lines)
            if not each.marker or each.marker.evaluate(CONTAINER)
        ]
    assert len(asked) > 3
    for each in asked:
        assert each.specifier.contains(versions[each.name]), each


def test_nothing_of_a_package_is_run(tmp_path: Path) -> None:
    """A source archive is refused, right hash or not: pip would run what builds it, and fetch that
    without a hash.
    """
    kit, ran = tmp_path / "kit", tmp_path / "ran"
    kit.mkdir()
    contents = {
        "pyproject.toml": (
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        ),
        "backend.py": f"open({str(ran)!r}, 'w').close()\n",
        "PKG-INFO": "Metadata-Version: 2.1\nName: sniffio\nVersion: 1.3.1\n",
    }
    with tarfile.open(kit / "sniffio-1.3.1.tar.gz", "w:gz") as archive:
        for name, text in contents.items():
            member = tarfile.TarInfo(f"sniffio-1.3.1/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    digest = hashlib.sha256((kit / "sniffio-1.3.1.tar.gz").read_bytes()).hexdigest()
    (kit / "lock").write_text(
        f"--no-index\n--find-links {kit}\nsniffio==1.3.1 --hash=sha256:{digest}\n"
    )
    with pytest.raises(vendor.VendorError, match="pip could not fetch"):
        vendor.archives(tmp_path / "cache", kit / "lock")
    assert not ran.exists()


def test_a_lock_without_a_hash_is_refused(tmp_path: Path) -> None:
    """Every line of the lock names a version and a hash, or nothing is built from it."""
    lock = tmp_path / "lock"
    lock.write_text("trio==0.35.0\n")
    with pytest.raises(vendor.VendorError, match="name==version --hash"):
        vendor.locked(lock)


def test_another_archive_under_the_same_name_is_not_taken(tmp_path: Path) -> None:
    """An archive in the cache is taken by its hash, whatever it is called."""
    lock, cache = tmp_path / "lock", tmp_path / "cache"
    cache.mkdir()
    (cache / "sniffio-1.3.1-py3-none-any.whl").write_bytes(b"something else")
    # Pip finds the name in no other place than the cache, and refuses it for its hash.
    lock.write_text(f"--no-index\n--find-links {cache}\nsniffio==1.3.1 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(vendor.VendorError):
        vendor.archives(cache, lock)


@pytest.mark.parametrize("name", ["/etc/passwd", "a/../../b"])
def test_an_archive_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    """A wheel with a path that leads out of the tree is refused."""
    import zipfile

    with zipfile.ZipFile(tmp_path / "bad-1.whl", "w") as wheel:
        wheel.writestr(name, "")
    with pytest.raises(vendor.VendorError, match="outside"):
        list(vendor.files(tmp_path / "bad-1.whl"))


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    """The recipe clears its own earlier tree, and nobody's files."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "thesis").write_text("precious")
    done = build(tmp_path, "--tree-only")
    assert done.returncode == 1
    assert "name another folder" in done.stderr
    assert (tmp_path / "tree" / "thesis").read_text() == "precious"


def test_csadmin_is_called_as_the_guide_prints_it(
    image: Path, tmp_path: Path, csadmin: Callable[[int], Path]
) -> None:
    """`image generate`, then `image sign`, with the vendor's files as given and untouched."""
    log, out = csadmin(0), tmp_path / "out"
    kit = {
        name: tmp_path / name
        for name in ("network.json", "packages.json", "userdata.raw", "devkeyident.pem")
    }
    for name, path in kit.items():
        path.write_text(f"opaque {name}")
    options = [
        "--userdata",
        kit["userdata.raw"],
        "--network-conf",
        kit["network.json"],
        "--packages-conf",
        kit["packages.json"],
    ]
    done = build(out, *map(str, options), "--devcert", str(kit["devkeyident.pem"]))
    assert done.returncode == 0, done.stderr
    assert "mock" not in done.stderr
    generate, sign = (json.loads(line) for line in log.read_text().splitlines())
    version = generate[generate.index("--version-str") + 1]
    assert generate == [
        *(
            str(out),
            "image",
            "generate",
            "--package-name",
            f"seemachine-{version}",
            "--version-str",
            version,
        ),
        *("--entry-point", "/usr/bin/entrypoint", "--network-conf", str(kit["network.json"])),
        *("--packages-conf", str(kit["packages.json"]), "--rootdir", "tree", "seemachine.cs5"),
    ]
    assert sign == [
        *(
            str(out),
            "image",
            "sign",
            "--devkeyname",
            "devkeyident",
            "--devcert",
            str(kit["devkeyident.pem"]),
        ),
        *("--askeyname", "pqsdk-signer", "--out", "seemachine-signed.cs5", "seemachine.cs5"),
    ]
    assert (out / "tree/etc/userdata.codesafe").read_text() == "opaque userdata.raw"


def test_without_a_certificate_the_image_is_not_signed(
    image: Path, tmp_path: Path, csadmin: Callable[[int], Path]
) -> None:
    """The files for the mock are named as such, and signing is left out with a line
    that says how.
    """
    log = csadmin(0)
    done = build(tmp_path / "out")
    assert done.returncode == 0
    assert all(name in done.stderr for name in MOCKS)
    assert "give --devcert" in done.stderr
    assert len(log.read_text().splitlines()) == 1


def test_no_image_of_an_earlier_tree_stays(
    image: Path, tmp_path: Path, csadmin: Callable[[int], Path]
) -> None:
    """When csadmin does not make an image of the new tree, there is none that could be loaded for
    it.
    """
    csadmin(3)
    for name in ("seemachine.cs5", "seemachine-signed.cs5"):
        (tmp_path / name).write_text("of yesterday")
    assert build(tmp_path).returncode == 3
    assert not list(tmp_path.glob("*.cs5"))


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--devcert", "cert.pem"], 1)])
def test_without_csadmin_there_is_a_tree(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int
) -> None:
    """It is said that there is no image, and who asked for a signed one is told so by the exit
    code.
    """
    monkeypatch.setenv("PATH", str(tmp_path))
    done = build(tmp_path / "out", *options)
    assert done.returncode == code
    assert "csadmin is not in PATH, so there is the tree and no image" in done.stderr
    assert recipe.digest(tmp_path / "out" / "tree") == recipe.digest(image)


def test_a_refusal_of_csadmin_is_handed_on(
    image: Path, tmp_path: Path, csadmin: Callable[[int], Path]
) -> None:
    """Nothing is signed after a failed `image generate`; the exit code is csadmin's."""
    log = csadmin(3)
    certificate = tmp_path / "cert.pem"
    certificate.touch()
    assert build(tmp_path / "out", "--devcert", str(certificate)).returncode == 3
    assert len(log.read_text().splitlines()) == 1


def test_our_own_files_say_what_they_are_not() -> None:
    """None of the files for the mock could be taken for the vendor's."""
    mocks = {path.name: path.read_text() for path in (ROOT / "container" / "mock").iterdir()}
    assert set(mocks) == MOCKS
    for text in mocks.values():
        assert "NOT " in text
        assert "mock csadmin only" in text
