"""Reading a pile: a window of files at a time, on all cores; what was read is proven while more is
read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from threading import Lock

from seemachine.audit.evidence import Evidence, KnownSignature
from seemachine.audit.files import Found, Identity, find, identity, sentence
from seemachine.audit.origins import origin_of, pairs
from seemachine.audit.proving import AT_ANY_TIME, Keys, Turn, prove
from seemachine.audit.reading import read_file
from seemachine.lms import engines
from seemachine.lms.bulk import shares, side_by_side

# Files of a window, and files or signatures of one task, unless that makes too few tasks.
WINDOW, SHARE, TASKS = 4096, 64, 16
# What a window may hold of files that can be signatures, which are not longer, also as text.
WINDOW_BYTES, LONGEST = 16 << 20, 1 << 18
# Files of a window that are smaller than this on average are read in turn.
SMALL = 1 << 16
# What is not proven yet is kept up to this, and read again beyond it.
KEPT_BYTES = 16 << 20

Task = Callable[[], Evidence | None]


def gather(paths: Iterable[Path], messages: Mapping[Path, Path]) -> Evidence:
    """Read files, and folders with all that is in them; `messages` says what a signature is over,
    or in which folder what those of a folder are over lies.

    Raises OSError and ValueError for a path itself.
    """
    pile = _Pile()
    over = _named(messages)
    files = find([*paths, *messages], pile.evidence.unread)
    # A file may be gone meanwhile.
    of_number = {number: over[which] for which, number in files.numbers.items() if which in over}
    files.numbers.clear()
    pile.evidence.named = {files.names[number] for number in of_number}
    for numbers in _windows(files.sizes):
        pile.read(files, of_number, numbers)
    pile.read(files, of_number, range(0))
    return pile.evidence


def _named(messages: Mapping[Path, Path]) -> dict[Identity, str]:
    """What each file is over. Who names a file knows more than who names its folder."""
    of_files, of_folders = dict[Identity, str](), dict[Identity, str]()
    for signature, message in messages.items():
        if not signature.is_dir():
            of_files[identity(signature)] = str(message)
        elif found := dict(pairs(signature, message)):
            of_folders |= found
        else:
            raise ValueError(
                f"no NAME.sig in {signature} has its NAME in {message}; --message takes the folder"
                " of the signatures, then that of the messages"
            )
    return of_folders | of_files


class _Pile:
    """What was read so far, and the signatures of the last window, which are to be proven."""

    def __init__(self) -> None:
        self.evidence = Evidence()
        self._keys = Keys()
        self._engine = engines.select()
        self._waiting: list[KnownSignature] = []
        self._kept = 0
        self._turn = Lock()

    def read(self, files: Found, over: Mapping[int, str], numbers: Sequence[int]) -> None:
        """Read some files. Meanwhile what the last ones held is proven."""
        waiting = self._waiting
        small = sum(files.sizes[number] for number in numbers) <= SMALL * len(numbers)
        turn = self._turn if small else AT_ANY_TIME
        # Of few large files each core is to have some, too.
        share = max(1, min(SHARE, len(numbers) // TASKS))
        reads = [partial(_read, files, over, part, turn) for part in shares(numbers, share)]
        to_prove = partial(prove, self._engine, self._keys, turn=turn)
        proofs = [partial(to_prove, part) for part in shares(waiting, SHARE)]
        found = [each for each in side_by_side(_in_turn(proofs, reads)) if each is not None]
        for signature in waiting:
            self._let_go(signature)
        for each in found:
            self.evidence.add(each)
            self._keys.add(each.keys)
        self._waiting = list(self._provable(found))

    def _provable(self, found: Iterable[Evidence]) -> Iterator[KnownSignature]:
        """Those with a message and keys of their kind; later more keys may be known."""
        for signature in (signature for each in found for signature in each.signatures):
            if signature.message is not None and self._keys.of(signature):
                yield signature
            else:
                self._let_go(signature)

    def _let_go(self, signature: KnownSignature) -> None:
        """Keep only what will be wanted soon."""
        over = signature.owner is not None or signature.message is None
        if over or self._kept > KEPT_BYTES:
            signature.data = None
        elif signature.data is not None:
            self._kept += len(signature.data)


def _windows(sizes: Sequence[int]) -> Iterator[range]:
    """The numbers of some files at a time."""
    first = held = 0
    for number, size in enumerate(sizes):
        held += size if size <= LONGEST else 0
        if number + 1 - first == WINDOW or held >= WINDOW_BYTES:
            yield range(first, number + 1)
            first, held = number + 1, 0
    yield range(first, len(sizes))


def _read(files: Found, over: Mapping[int, str], numbers: Iterable[int], turn: Turn) -> Evidence:
    """What some files hold."""
    found = Evidence()
    with turn:
        for number in numbers:
            origin = origin_of(files.all_names(number), over.get(number))
            try:
                read_file(found, origin)
            except OSError as error:
                found.unread.append(f"{origin.source}: {sentence(error)}")
    return found


def _in_turn(proofs: Sequence[Task], reads: Sequence[Task]) -> list[Task]:
    """Alternately, as the former are work for the engine and the latter for the interpreter."""
    pairs = zip_longest(proofs, reads)
    return [task for pair in pairs for task in pair if task is not None]
