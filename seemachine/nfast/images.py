"""Container images (.cs5): what csadmin generates, signs, and an HSM checks and unpacks.

The vendor's format is not public; this is ours.

An image is a tar file of three members, every byte of which follows from what went in, but for the
signatures:

    manifest.json     format, package name, version, entry point, network and packages settings,
                      SHA-256 of the root tree
    rootfs.tar        the root tree: sorted, owner 0, time 0, files 0755 or 0644
    signatures.json   once signed: developer certificate and signature, ASK and signature, extra
                      signatures; all over manifest.json
"""

import copy
import hashlib
import io
import json
import os
import posixpath
import tarfile
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from seemachine.formats import Format
from seemachine.nfast import signing
from seemachine.nfast.files import check_format, keep, parsed
from seemachine.nfast.refusals import Refusal

FORMAT = Format("seemachine cs5 image")
DELEGATION = "etc/userdata.codesafe"
MANIFEST, TREE, SIGNATURES = "manifest.json", "rootfs.tar", "signatures.json"
SIGNED = {"developer_certificate", "developer_signature", "ask", "ask_signature", "extra"}


@dataclass(frozen=True, slots=True)
class Image:
    """An image in memory. `signatures` is empty while it is not signed."""

    manifest: bytes = field(repr=False)
    tree: bytes = field(repr=False)
    signatures: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def about(self) -> dict[str, Any]:
        """The manifest as values."""
        values: dict[str, Any] = parsed(self.manifest)
        return values

    @property
    def sha256(self) -> str:
        """Names the image, signatures included."""
        return hashlib.sha256(_encoded(self)).hexdigest()

    def file(self, path: str) -> bytes | None:
        """A file of the root tree."""
        with _opened(self.tree) as tree:
            try:
                member = tree.extractfile(path)
            except KeyError:
                return None
            return member.read() if member else None


def generate(root: Path, about: dict[str, Any]) -> Image:
    """The unsigned image of a root tree.

    `about` is package_name, version, entry_point, network, packages.
    """
    tree = packed(root)
    manifest = {"format": str(FORMAT), **about, "rootfs_sha256": hashlib.sha256(tree).hexdigest()}
    return Image(json.dumps(manifest, sort_keys=True, indent=1).encode(), tree)


def packed(root: Path) -> bytes:
    """A folder as a tar file that is the same for the same content."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as tree:
        for path in sorted(root.rglob("*")):
            tree.add(path, path.relative_to(root).as_posix(), recursive=False, filter=_plain)
    return output.getvalue()


def signed(
    image: Image, certificate_pem: str, developer: signing.Private, ask: signing.Private
) -> Image:
    """The image with both signatures."""
    signatures = {
        "developer_certificate": certificate_pem,
        "developer_signature": signing.sign(developer, image.manifest).hex(),
        "ask": signing.public_pem(ask.public_key()),
        "ask_signature": signing.sign(ask, image.manifest).hex(),
        "extra": [],
    }
    return replace(image, signatures=signatures)


def with_extra(image: Image, key: signing.Private) -> Image:
    """One more signature, by an older seeinteg key."""
    extra = {
        "key": signing.public_pem(key.public_key()),
        "signature": signing.sign(key, image.manifest).hex(),
    }
    return replace(
        image, signatures={**image.signatures, "extra": [*image.signatures["extra"], extra]}
    )


def read(path: Path) -> Image:
    """The image in a file.

    Raises Refusal when it is not an image, not byte for byte as `write` writes it, or its tree is
    not its manifest's.
    """
    try:
        data = path.read_bytes()
        with _opened(data) as outer:
            parts = {member.name: _content(outer, member) for member in outer.getmembers()}
        image = Image(parts[MANIFEST], parts[TREE], parsed(parts.get(SIGNATURES, b"{}")))
        about = image.about
        check_format(FORMAT, about["format"], str(path))
        odd = _odd(image) or _encoded(image) != data
    except (tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal(f"{path} is not a container image ({error})") from None
    if about.get("rootfs_sha256") != hashlib.sha256(image.tree).hexdigest():
        raise Refusal(f"{path} is damaged: its root tree is not the one that it names")
    if odd:
        raise Refusal(
            f"{path} is not written as csadmin writes an image; make it again with: csadmin image"
            " generate"
        )
    return image


def write(path: Path, image: Image) -> None:
    """Keep an image."""
    keep(path, _encoded(image))


def unpack(image: Image, folder: Path) -> None:
    """Lay out the root tree. Raises Refusal for a tree that reaches outside of its folder."""
    try:
        with _opened(image.tree) as tree:
            members = list(map(_private, tree))
            if hasattr(tarfile, "data_filter"):
                tree.extractall(folder, members=members, filter="data")
            else:  # Python before 3.11.4, as Debian 12 has it
                _keep_inside(members)
                tree.extractall(folder, members=members)  # noqa: S202
    except tarfile.TarError as error:
        raise Refusal(f"the root tree of the image can't be laid out: {error}") from None


def _keep_inside(members: list[tarfile.TarInfo]) -> None:
    """What the filter `data` does to a tree: all of it is this user's, and in its folder.

    Nothing may lie under a link, wherever that leads. Raises tarfile.TarError.
    """
    links = {member.name for member in members if member.issym()}
    for member in members:
        member.name = member.name.lstrip("/")
        member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
        under = (str(parent) for parent in PurePosixPath(member.name).parents)
        where = posixpath.join(posixpath.dirname(member.name), member.linkname)
        for path in (member.name, where if member.issym() else ""):
            if posixpath.isabs(path) or posixpath.normpath(path).split("/")[0] == "..":
                raise tarfile.TarError(f"{member.name} reaches out of its folder")
        if links.intersection(under):
            raise tarfile.TarError(f"{member.name} lies under a link")


def _opened(data: bytes) -> tarfile.TarFile:
    """Never compressed: nothing in it is larger than what is in memory already."""
    return tarfile.open(fileobj=io.BytesIO(data), mode="r:")


def _odd(image: Image) -> bool:
    """Whether it has what `generate` and `signed` never write: a name twice or roundabout, a
    device, a hole, other signatures.
    """
    with _opened(image.tree) as tree:
        members = tree.getmembers()
    names = [member.name for member in members]
    texts = [image.about[name] for name in ("package_name", "version", "entry_point")]
    return (
        len(set(names)) < len(names)
        or any(name != posixpath.normpath(name) for name in names)
        or any(not (member.isdir() or member.issym() or _whole(member)) for member in members)
        or any(not isinstance(text, str) for text in texts)
        or (
            image.signatures != {}
            and (
                image.signatures.keys() != SIGNED or not isinstance(image.signatures["extra"], list)
            )
        )
    )


def _whole(member: tarfile.TarInfo) -> bool:
    """A file without holes, which would be larger than the image that it is in."""
    return member.isreg() and not member.issparse()


def _private(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """What lies in the folder of an HSM is for its user alone."""
    private = copy.copy(member)
    private.mode &= 0o700
    return private


def _encoded(image: Image) -> bytes:
    parts = {MANIFEST: image.manifest, TREE: image.tree}
    if image.signatures:
        parts[SIGNATURES] = json.dumps(image.signatures, sort_keys=True, indent=1).encode()
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as outer:
        for name, data in parts.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            outer.addfile(member, io.BytesIO(data))
    return output.getvalue()


def _content(outer: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = outer.extractfile(member) if _whole(member) else None
    if file is None:
        raise ValueError(f"{member.name} is not a file")
    return file.read()


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member
