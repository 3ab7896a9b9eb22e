"""A folder of signatures in a form: see seeclient.folders.files.Placed."""

from collections.abc import Sequence
from pathlib import Path

from seeclient import files
from seeclient.folders.names import WHERE
from seeclient.folders.places import signature_at
from seeclient.keyfile import KeyFile

from seemachine.encodings.forms import Signature, write_signature
from seemachine.encodings.kinds import LMS, bytes_of
from seemachine.frozen import frozen
from seemachine.lms.hss import HssSignature
from seemachine.lms.keys import Signature as LmsSignature
from seemachine.signing_files import manifests
from seemachine.signing_files.manners import Manner
from seemachine.signing_files.outputs import Task
from seemachine.signing_files.recognizing import recognized
from seemachine.signing_files.refusing import refuse
from seemachine.wire.status import StatusError

# Signatures are for everybody, as far as their user's mask lets them be.
FILE_MODE, FOLDER_MODE = 0o666, 0o777


@frozen
class Listing:
    """See seeclient.folders.files.Listed."""

    files: list[str]
    skipped: dict[str, str]
    unreadable: dict[str, StatusError]


class FormedPlaces:
    """The signatures of `tasks` in a folder. `force`: signatures that are there and are others are
    replaced. `umask` is that of the user.
    """

    # Other commands may sign others into the same folder, such as those of `make -j`.
    kind, is_whole, patience = "files-", False, 60.0

    def __init__(
        self, folder: Path, tasks: Sequence[Task], manner: Manner, *, force: bool, umask: int
    ) -> None:
        self.signatures = folder
        self._tasks = {task.name: task for task in tasks}
        self._manner, self._force, self._umask = manner, force, umask
        # What is there in another form than is wanted.
        self._otherwise: dict[str, Signature] = {}
        # What is there and is not a signature: it stays, whatever is said.
        self._strange: set[str] = set()

    def task(self, name: str) -> Task:
        """What is signed under a name."""
        return self._tasks[name]

    def title(self, name: str) -> str:
        """What a person calls it."""
        return self._tasks[name].source.name

    def message(self, name: str) -> bytes | Path:
        """What is signed. Raises StatusError."""
        return self._manner.message(self._tasks[name].source.content)

    def names(self) -> Listing:
        """All that is to be signed."""
        return Listing(list(self._tasks), {}, {})

    def without_file(self) -> list[str]:
        """Which signatures of others are there is not looked at."""
        return []

    def make(self) -> None:
        """Have the folder. Raises StatusError."""
        self._make_folder(self.signatures)

    def clear(self) -> None:
        """Remove what runs left that were killed: nobody else signs into the folder."""
        for task in self._tasks.values():
            files.clear(task.out)

    def earlier_signature(self, name: str) -> bytes:
        """What is there, in the standard encoding where it is a signature. Raises StatusError."""
        if not (data := signature_at(self._tasks[name].out, refuse)):
            return b""
        if (found := recognized(data, self._manner.form)) is None:
            self._strange.add(name)
            return data
        if found.form != self._manner.form:
            self._otherwise[name] = found.signature
        return bytes_of(found.signature)

    def make_way(self, name: str, earlier: bytes, key: KeyFile) -> None:
        """See seeclient.folders.places.Places.make_way. Raises StatusError."""
        del key
        out = self._tasks[name].out
        if name in self._strange:
            refuse(f"{out} is there and is not a signature; remove it, or name another file")
        if earlier and not self._force:
            refuse(f"{out} does not match {self.title(name)}; replace it with --force")
        self._make_folder(out.parent)
        if denied := files.unwritable(out.parent):
            raise files.refusal(out.parent, denied, WHERE)

    def keep(self, name: str) -> None:
        """What is there is good: it takes no leaf, and has the form that is wanted in the end.

        Raises StatusError.
        """
        if (there := self._otherwise.pop(name, None)) is None:
            return
        out = self._tasks[name].out
        if not self._force:
            refuse(
                f"{out} has the signature in another form; write it in the form"
                f" {self._manner.form} with --force, which takes no leaf"
            )
        # Nothing else has this signature any more, and no journal.
        self._put(out, write_signature(there, self._manner.form), durable=True)

    def write(self, name: str, signature: bytes) -> None:
        """In its form, all of it or nothing. Raises StatusError."""
        task = self._tasks[name]
        # Between the check and the signature it may have been changed.
        manifests.check(task.source)
        made = write_signature(decoded(signature, self._manner), self._manner.form)
        self._put(task.out, made, durable=False)

    def _make_folder(self, folder: Path) -> None:
        """And those that it is in."""
        try:
            for each in (*reversed(folder.parents), folder):
                if not each.is_dir():
                    each.mkdir(exist_ok=True)
                    each.chmod(FOLDER_MODE & ~self._umask)
        except OSError as error:
            raise files.refusal(folder, error, WHERE) from None

    def _put(self, out: Path, data: bytes, *, durable: bool) -> None:
        try:
            mode = FILE_MODE & ~self._umask
            files.put(out, data, mode, replace=self._force, durable=durable, alone=True)
        except OSError as error:
            raise files.refusal(out, error, WHERE) from None


def decoded(signature: bytes, manner: Manner) -> Signature:
    """A signature as machines give it."""
    if manner.algorithm != LMS:
        return signature
    return HssSignature((LmsSignature.decode(signature),), ())
