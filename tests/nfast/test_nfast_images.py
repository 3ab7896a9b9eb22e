"""The files that are signed: the tree in an image, the form of an image, the archives of the XC
(guide 2.5.1, 2.5.2.3 steps 16 to 19).
"""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from kit.site import FIVE, SIGN, Site

from seemachine.nfast import archives, images, keystore, signing
from seemachine.nfast.images import Image
from seemachine.nfast.refusals import Refusal
from seemachine.world import World

# ---- the tree in an image ------------------------------------------------------------------------


def packed(*members: tuple[tarfile.TarInfo, bytes], mode: Any = "w") -> bytes:
    """A tar file of these members."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode=mode) as tree:
        for member, data in members:
            member.size = len(data)
            tree.addfile(member, io.BytesIO(data))
    return output.getvalue()


def named(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644
) -> tarfile.TarInfo:
    """A member of a tar file."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, link, mode
    return member


def with_tree(image: Image, tree: bytes) -> Image:
    """An image whose manifest names another tree; unsigned."""
    about = {**image.about, "rootfs_sha256": images.hashlib.sha256(tree).hexdigest()}
    return Image(json.dumps(about, sort_keys=True, indent=1).encode(), tree)


def hole(name: str) -> tarfile.TarInfo:
    """A file of 1 TiB, all of it a hole."""
    member = named(name)
    member.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 40)}
    return member


@pytest.mark.parametrize(
    "tree",
    [
        packed((named("a"), b"1"), (named("a"), b"2")),
        packed((named("a"), b"1"), (named("./a"), b"2")),
        packed((named("b/../a"), b"1")),
        packed((named("null", tarfile.CHRTYPE), b"")),
        packed((named("pipe", tarfile.FIFOTYPE), b"")),
        packed((named("a"), b"1"), (named("b", tarfile.LNKTYPE, "a"), b"")),
        packed((hole("hole"), b"")),
    ],
    ids=[
        "a name twice",
        "a name in two forms",
        "a roundabout name",
        "a device",
        "a pipe",
        "a hard link",
        "a hole of 1 TiB",
    ],
)
def test_a_tree_that_generate_would_not_write_is_refused(site: Site, tree: bytes) -> None:
    """It is looked at before anything is signed or laid out, and what is larger than the image is
    never read.
    """
    images.write(Path("odd.cs5"), with_tree(images.read(site.make_image()), tree))
    with pytest.raises(Refusal, match="is not written as csadmin writes an image"):
        images.read(Path("odd.cs5"))


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_nothing_in_an_image_is_compressed(site: Site, mode: str) -> None:
    """A megabyte could become a terabyte: neither the image nor its tree is unpacked by any
    algorithm.
    """
    image = images.read(site.make_image())
    images.write(Path("odd.cs5"), with_tree(image, packed((named("a"), bytes(100_000)), mode=mode)))
    with pytest.raises(Refusal, match="is not a container image"):
        images.read(Path("odd.cs5"))
    Path("odd.cs5").write_bytes(
        packed(
            (named("manifest.json"), image.manifest), (named("rootfs.tar"), image.tree), mode=mode
        )
    )
    with pytest.raises(Refusal, match="is not a container image"):
        images.read(Path("odd.cs5"))


@pytest.mark.parametrize(
    "odd",
    ["longer", "another order", "a member twice", "a member more", "another mode"],
)
def test_an_image_has_one_form(site: Site, odd: str) -> None:
    """What its hash names is every byte of its file."""
    path = site.make_image()
    data, image = path.read_bytes(), images.read(path)
    manifest, tree = (named("manifest.json"), image.manifest), (named("rootfs.tar"), image.tree)
    changed = {
        "longer": data + bytes(10240),
        "another order": packed(tree, manifest),
        "a member twice": packed((named("manifest.json"), b"{}"), manifest, tree),
        "a member more": packed(manifest, tree, (named("more"), b"x")),
        "another mode": packed((named("manifest.json", mode=0o755), image.manifest), tree),
    }
    path.write_bytes(changed[odd])
    with pytest.raises(Refusal, match="is not written as csadmin writes an image"):
        images.read(path)
    path.write_bytes(packed(manifest, tree))
    assert images.read(path) == image


@pytest.mark.parametrize("kind", ["a folder", "a link", "a hard link", "a pipe", "a hole"])
def test_the_parts_of_an_image_are_files(site: Site, kind: str) -> None:
    """Nothing else stands for one, and a hole of 1 TiB is not read."""
    path = site.make_image()
    types = {
        "a folder": tarfile.DIRTYPE,
        "a link": tarfile.SYMTYPE,
        "a hard link": tarfile.LNKTYPE,
        "a pipe": tarfile.FIFOTYPE,
    }
    part = (
        hole("manifest.json")
        if kind == "a hole"
        else named("manifest.json", types[kind], "rootfs.tar")
    )
    path.write_bytes(packed((named("rootfs.tar"), images.read(path).tree), (part, b"")))
    with pytest.raises(Refusal, match=r"is not a container image \(manifest.json is not a file\)"):
        images.read(path)


@pytest.mark.parametrize(
    "manifest",
    [b"[]", b"7", b"{}", b'{"format": "seemachine cs5 image 1"}', b"\xff", b"[" * 100_000, b"{"],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, manifest: bytes) -> None:
    """Whatever JSON, or none, it is."""
    images.write(tmp_path / "odd.cs5", Image(manifest, packed()))
    with pytest.raises(Refusal, match="is not a container image"):
        images.read(tmp_path / "odd.cs5")


@pytest.mark.parametrize(
    "members",
    [
        [(named("../outside"), b"x")],
        [(named("/tmp/outside-of-it"), b"x")],
        [(named("a", tarfile.SYMTYPE, "../.."), b""), (named("a/outside"), b"x")],
        [(named("a", tarfile.SYMTYPE, "/"), b"")],
        [(named("a/b", tarfile.SYMTYPE, "../../x"), b"")],
    ],
    ids=["dots", "absolute", "through a link", "a link to the root", "a link out"],
)
def test_a_tree_never_reaches_out_and_leaves_nothing_behind(five: Site, members: list[Any]) -> None:
    """Signed by a good developer all the same: it is refused, and the next load clears what was
    laid out of it.
    """
    five.make_signed()
    entry = (named("usr/bin/entrypoint"), b"#!/usr/bin/env python3\n")
    images.write(
        Path("image.cs5"), with_tree(images.read(Path("image.cs5")), packed(entry, *members))
    )
    five.done("csadmin", *SIGN, "--out", "out.cs5", "image.cs5")
    before = {path for path in five.home.rglob("*") if "image" not in path.parts}
    if members[0][0].name.startswith("/"):
        # Absolute names lose their first slash, as tar does it.
        five.done("csadmin", "load", "--esn", FIVE, "out.cs5")
        assert not Path("/tmp/outside-of-it").exists()
        return
    assert "can't be laid out" in five.refused("csadmin", "load", "--esn", FIVE, "out.cs5")
    assert {path for path in five.home.rglob("*") if "image" not in path.parts} == before
    uuid = five.done("csadmin", "load", "--esn", FIVE, "signed.cs5")[0].split()[-1]
    assert [path.name for path in (five.home / "hsm" / FIVE / "image").iterdir()] == [uuid]


# ---- archives of the XC --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["kind", "machine_type", "machine_key", "public", "signature", "payload"]
)
def test_all_of_an_archive_is_signed(tmp_path: Path, name: str) -> None:
    """Each of its values, changed, makes the signature one that does not fit."""
    key = signing.generate()
    good = archives.signed(archives.MACHINE, "PowerPCELF", "", b"program", key)
    other = archives.signed(archives.USERDATA, "other", "other", b"other", signing.generate())
    archives.write(tmp_path / "x.sar", archives.replace(good, **{name: getattr(other, name)}))
    with pytest.raises(Refusal, match="the signature does not fit"):
        archives.read(tmp_path / "x.sar", archives.MACHINE)


@pytest.mark.parametrize(
    "head",
    [b"{}", b"[]", b"7", b"\xff", b'{"format": "another"}', b'{"format": "seemachine sar 1"}'],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, head: bytes) -> None:
    """Whatever its first line is."""
    (tmp_path / "x.sar").write_bytes(head + b"\nprogram")
    with pytest.raises(Refusal, match="is not a signed SEE archive"):
        archives.read(tmp_path / "x.sar", archives.MACHINE)


def test_an_archive_of_another_format_or_machine_type_is_refused(site: Site) -> None:
    """Signed all the same: an XC runs PowerPCELF."""
    site.make_archives()
    good = Path("m.sar").read_bytes()
    Path("m.sar").write_bytes(good.replace(b"seemachine sar 1", b"seemachine sar 2"))
    words = ["--setup", "-m", "2", "-p", "pqsdk", "-U", "", "-M", "m.sar"]
    assert "written by a newer version" in site.refused("loadsee-setup", *words)
    key = keystore.unlock(
        World.at(site.home), 1, keystore.find(World.at(site.home), "seeinteg", "pqsdk-signer")
    )
    archives.write(
        Path("m.sar"),
        archives.signed(archives.MACHINE, "ARMELF", "", b"#!/usr/bin/env python3\n", key),
    )
    assert "is of type ARMELF; an XC runs PowerPCELF" in site.refused("loadsee-setup", *words)
