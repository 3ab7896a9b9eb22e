"""What is to be signed, of what a command line names: files, folders, standard input."""

from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import BinaryIO

from seeclient import files
from seeclient.message import MOST_KEPT

from seemachine.frozen import field, frozen
from seemachine.signing_files.folders import contents
from seemachine.signing_files.recognizing import is_signature
from seemachine.signing_files.refusing import WHERE, refuse

STANDARD_INPUT, ITS_TITLE = "-", "standard input"
# How the names end that `sign`, `cms sign` and `cose sign` give to signatures beside files.
SIGNATURES = (".sig", ".p7s", ".cose")


@frozen
class Source:
    """One thing to sign: what it is called, and a file, or bytes that can be had once. `below` is
    its path in a folder of signatures. `stated` are the name of a digest and the digest that a list
    states of it.
    """

    name: str
    content: bytes | Path = field(repr=False)
    below: str
    stated: tuple[str, bytes] | None = None
    in_folder: bool = False

    @property
    def key(self) -> str:
        """The same for a file however its name is written, such as `a` and `./a`."""
        return str(self.content) if isinstance(self.content, Path) else self.name


@frozen
class Found:
    """All that is to be signed, and what is not: see folders.Contents."""

    sources: list[Source]
    skipped: Mapping[str, str]
    unsigned: Mapping[str, str]

    def without_signatures(self) -> "Found":
        """Files that were named beside the files whose signatures they are are skipped, as by a
        second `sign KEY *`. Raises StatusError.
        """
        keys = frozenset(source.key for source in self.sources)
        own = {
            source.name: f"the signature of {source.name.rpartition('.')[0]}"
            for source in self.sources
            if not source.in_folder and _is_signature_of_one(source, keys)
        }
        kept = [source for source in self.sources if source.name not in own]
        return Found(kept, {**self.skipped, **own}, self.unsigned)


def found(words: list[str], out: Path | None, standard_input: bytes | None) -> Found:
    """What a command line names, in its order, each once. Folders are read, but for that of the
    signatures. Raises StatusError.
    """
    every: dict[str, Source] = {}
    skipped: dict[str, str] = {}
    unsigned: dict[str, str] = {}
    for word in words:
        if word == STANDARD_INPUT:
            each: Iterator[Source] = iter([_standard_input(standard_input or b"")])
        elif Path(word).is_dir():
            each = _of_folder(Path(word), out, skipped, unsigned)
        else:
            each = iter([_file(Path(word))])
        every |= {source.key: source for source in each}
    return Found(list(every.values()), skipped, unsigned)


def piped(pipe: BinaryIO, title: str) -> bytes:
    """All that a pipe gives. Raises OSError; StatusError where that is too much to keep."""
    data = pipe.read(MOST_KEPT + 1)
    if len(data) > MOST_KEPT:
        refuse(f"{title} has more than {MOST_KEPT >> 20} MiB; put it into a file, and name that")
    return data


def signatures(sources: Sequence[Source]) -> Sequence[str]:
    """Those that are signatures themselves: in folders by the names of others there, and of files
    that were named by their bytes. Raises StatusError.
    """
    names = {source.name for source in sources}
    return [
        source.name
        for source in sources
        if (
            source.name.endswith(SIGNATURES) and source.name.rpartition(".")[0] in names
            if source.in_folder
            else isinstance(source.content, Path) and is_signature(source.content)
        )
    ]


def refuse_empty(source: Source) -> None:
    """What a command left that failed is not what was to be signed. Raises StatusError."""
    if not isinstance(source.content, Path):
        return
    try:
        size = source.content.stat().st_size
    except OSError as error:
        raise files.refusal(source.content, error, WHERE) from None
    if not size:
        refuse(f"{source.name} is empty; nothing was signed; to sign it, too, add --allow-empty")


def _is_signature_of_one(source: Source, keys: Set[str]) -> bool:
    """Raises StatusError."""
    path = source.content
    if not isinstance(path, Path) or source.stated is not None:
        return False
    return str(path).rpartition(".")[0] in keys and is_signature(path)


def _standard_input(data: bytes) -> Source:
    if not data:
        # A command that failed leaves nothing in its pipe: that is not what was to be signed.
        refuse(f"{ITS_TITLE} is empty; nothing was signed")
    return Source(ITS_TITLE, data, "")


def _file(path: Path) -> Source:
    try:
        if path.is_file():
            with path.open("rb"):
                return Source(str(path), path, path.name)
        # A pipe gives its bytes once, and they are needed more often.
        with path.open("rb") as pipe:
            data = piped(pipe, str(path))
    except OSError as error:
        raise files.refusal(path, error, WHERE) from None
    if not data:
        refuse(f"{path} is empty; nothing was signed")
    return Source(str(path), data, "")


def _of_folder(
    folder: Path, out: Path | None, skipped: dict[str, str], unsigned: dict[str, str]
) -> Iterator[Source]:
    if out is None:
        refuse(f"{folder} is a folder; name one for its signatures with --out")
    there = contents(folder, out)
    skipped |= {str(folder / name): what for name, what in there.skipped.items()}
    unsigned |= {str(folder / name): what for name, what in there.unsigned.items()}
    if not there.files:
        refuse(f"{folder} has no files; nothing was signed")
    for name in there.files:
        yield Source(_file(folder / name).name, folder / name, name, in_folder=True)
