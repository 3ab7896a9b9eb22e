"""The guide's printed sessions as data, and the comparison of what a run printed with what the
guide prints.

Nothing here starts a process. The format of the data is explained at the top of sessions.toml.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

SESSIONS = Path(__file__).with_name("sessions.toml")
MISPRINTS = Path(__file__).with_name("misprints.toml")

WORDS_A_LINE = 8
LEAVES = 32
# Every key of the guide is sha256_m32_h5 with sha256_n32_w8: two typecodes, then I (4 words) and
# the root (8 words).
UNSEEN_KEY = ("00000005", "00000004", *["{word}"] * 12)
ROOT = slice(6, 14)

# What steps that run the Security World tools may have in place of fixed text, besides.
MASKS = {
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
    "seconds": r"\d+\.\d{3}",
    "word": r"[0-9a-f]{8}",
    "words8": r"[0-9a-f]{8}(?::[0-9a-f]{8}){7}",
    "address": r"\d{1,3}(?:\.\d{1,3}){3}",
    "port": r"\d{1,5}",
    "ic": r"[1-9]\d*",
    "uuid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "keyid": r"[0-9a-f]{40}",
    "serial": r"[1-9]\d*",
    "date": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00",
    "ssh": r"AAAA[A-Za-z0-9+/]+=*",
    "letters": r"[A-Za-z]{10}",
}
KINDS = frozenset(
    {
        "pipsqueak",
        "shell",
        "card-insert",
        "card-format",
        "card-move",
        "machine-stop",
        "machine-unpublish",
    }
)
# Of whole.toml, where the Security World tools are run.
TOOL_KINDS = frozenset({"tool", "card-put", "card-take", "chapter", "not-run"})

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# {mask>name} remembers what the mask matched, {<name} is what was remembered; the latter also in a
# command.
_REMEMBERED = re.compile(r"\{<([a-z_]+)\}")
_DUMP = re.compile(r"\{(words|public_key):([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Hsm:
    """A machine that runs in a chapter."""

    esn: str
    model: str
    module: int


@dataclass(frozen=True, slots=True)
class Step:
    """One command or act of the guide. `expect` is None where the guide prints no output."""

    section: str
    kind: str = "pipsqueak"
    command: tuple[str, ...] | str = ()
    expect: tuple[str, ...] | None = None
    exit: int = 0
    repeat: int = 1
    leaf: int | None = None
    vendor_last: tuple[str, ...] = ()
    blank_cards: int = 0
    implied: bool = False
    esn: str = ""
    slot: int = 0
    to_esn: str = ""
    to_slot: int = 0
    input: tuple[str, ...] = ()
    columns: bool = False
    card: str = ""
    after: str = ""
    chapter: str = ""
    sections: tuple[str, ...] = ()
    why: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS | TOOL_KINDS:
            raise ValueError(f"{self.section}: unknown kind {self.kind}")

    @property
    def signs_with(self) -> str:
        """Alias of the key that loses a leaf when the step runs as printed, or nothing."""
        arguments = (
            dict(word.split("=", 1) for word in self.command if "=" in word)
            if self.kind == "pipsqueak"
            else {}
        )
        return (
            arguments.get("alias", "")
            if self.exit == 0 and arguments.keys() & {"message", "sigfile"}
            else ""
        )

    def turns(self, *, vendor: bool = False) -> Iterator["Step"]:
        """The step once for each repeat, leaf counted up.

        `vendor`: with what 1.4.1 prints on the last turn.
        """
        for turn in range(self.repeat):
            expect = self.expect
            if vendor and self.vendor_last and expect and turn == self.repeat - 1:
                expect = (*expect[:-1], *self.vendor_last)
            yield replace(
                self,
                section=(
                    f"{self.section}, turn {turn + 1} of {self.repeat}"
                    if self.repeat > 1
                    else self.section
                ),
                repeat=1,
                leaf=None if self.leaf is None else self.leaf + turn,
                expect=expect,
            )

    def below(self, folder: Path) -> "Step":
        """The same step with the guide's message files in `folder`."""
        return self.with_paths({"/tmp/": f"{folder}/"})

    def with_paths(self, places: dict[str, str]) -> "Step":
        """The same step with other folders in place of the guide's."""
        guides = re.compile("|".join(map(re.escape, places)))

        def moved(text: str) -> str:
            return guides.sub(lambda found: places[found[0]], text)

        command = (
            moved(self.command)
            if isinstance(self.command, str)
            else tuple(map(moved, self.command))
        )
        return replace(
            self,
            command=command,
            expect=None if self.expect is None else tuple(map(moved, self.expect)),
        )


@dataclass(frozen=True, slots=True)
class Chapter:
    """Steps that share one world, which starts with `hsms` running and nothing else."""

    name: str
    hsms: tuple[Hsm, ...]
    steps: tuple[Step, ...]


@dataclass(slots=True)
class Context:
    """What one run of a chapter has shown so far: public keys (14 words) and used leaves by alias.

    `compare` fills it.
    """

    public_keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    signatures: Counter[str] = field(default_factory=Counter)
    seen: dict[str, str] = field(default_factory=dict)

    def root(self, alias: str) -> str:
        """The root as error lines print it."""
        return ":".join(self._key(alias)[ROOT])

    def nvram(self, alias: str) -> str:
        """The NVRAM file name as error lines print it: `lms` and half of the root's words, in
        groups of four bytes.
        """
        digits = b"lms".hex() + "".join(self._key(alias)[ROOT][:2])
        return ":".join(digits[at : at + 8] for at in range(0, len(digits), 8))

    def remaining(self, alias: str) -> str:
        """Unused leaves of a singular key."""
        return str(LEAVES - self.signatures[alias])

    def filled_in(self, command: str) -> str:
        """A command with what was remembered in place of {<name}."""
        return _REMEMBERED.sub(lambda found: self.seen[found[1]], command)

    def _key(self, alias: str) -> tuple[str, ...]:
        if alias not in self.public_keys:
            raise LookupError(f"no step has shown the public key of {alias} yet")
        return self.public_keys[alias]


def _step(table: dict[str, Any]) -> Step:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in table.items()
    }
    return Step(**fields)


def load(path: Path = SESSIONS) -> list[Chapter]:
    """The chapters in the guide's order."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["chapter"]
    return [
        Chapter(t["name"], tuple(Hsm(**hsm) for hsm in t["hsms"]), tuple(map(_step, t["step"])))
        for t in tables
    ]


def lay_out(entry: str, step: Step, context: Context) -> list[str]:
    """The lines that an entry of `expect` stands for, with only masks left in them.

    A dump takes eight words a line.

    Raises ValueError for a placeholder that means nothing, LookupError for one that follows from a
    key not yet shown.
    """
    if not _DUMP.search(entry):
        return [_PLACEHOLDER.sub(lambda found: _filled(found[1], step, context), entry)]
    words: list[str] = []
    for part in entry.split():
        dump = _DUMP.fullmatch(part)
        if dump is None:
            words += lay_out(part, step, context)
        elif dump[1] == "words":
            words += ["{word}"] * int(dump[2])
        else:
            words += context.public_keys.get(dump[2], UNSEEN_KEY)
    return [" ".join(words[at : at + WORDS_A_LINE]) for at in range(0, len(words), WORDS_A_LINE)]


def _filled(placeholder: str, step: Step, context: Context) -> str:
    if placeholder.partition(">")[0] in MASKS:
        return f"{{{placeholder}}}"
    if placeholder.startswith("<") and placeholder[1:] in context.seen:
        return context.seen[placeholder[1:]]
    if placeholder == "leaf" and step.leaf is not None:
        return f"{step.leaf:08x}"
    name, _, alias = placeholder.partition(":")
    derived = {"root": context.root, "nvram": context.nvram, "remaining": context.remaining}
    if name not in derived or not alias:
        raise ValueError(f"{step.section}: {{{placeholder}}} means nothing here")
    return derived[name](alias)


def compile_line(line: str) -> re.Pattern[str]:
    """A laid-out line as a pattern for the whole of a printed one."""
    parts = _PLACEHOLDER.split(line)
    return re.compile(
        "".join(_mask(part) if at % 2 else re.escape(part) for at, part in enumerate(parts))
    )


def _mask(placeholder: str) -> str:
    mask, remembered, name = placeholder.partition(">")
    return f"(?P<{name}>{MASKS[mask]})" if remembered else MASKS[mask]


def compare(actual: Sequence[str], step: Step, context: Context) -> list[str]:
    """What differs, a sentence each, between the lines that a run printed and those of the step.

    A run without differences teaches `context` the public keys that it showed and the leaf that it
    used.
    """
    printed = [line.strip() for line in actual]
    expected = [line for entry in step.expect or () for line in lay_out(entry, step, context)]
    if step.kind == "tool":
        printed, expected = _of_a_tool(printed, step.columns), _of_a_tool(expected, step.columns)
    found = (
        []
        if step.expect is None
        else [f"{step.section}, {text}" for text in _differences(printed, expected)]
    )
    if not found:
        _learn(printed, step, context)
    return found


def _of_a_tool(lines: list[str], columns: bool) -> list[str]:
    """Empty lines of the tools are not kept in the guide's page layout, nor is the width of their
    columns.
    """
    return [" ".join(line.split()) if columns else line.strip() for line in lines if line.strip()]


def _differences(printed: list[str], expected: list[str]) -> Iterator[str]:
    patterns = [compile_line(line) for line in expected]
    here = there = 0
    while here < len(printed) and there < len(expected):
        line, pattern = printed[here], patterns[there]
        rest = slice(here + 1, None), slice(there + 1, None)
        if pattern.fullmatch(line):
            here, there = here + 1, there + 1
        elif _goes_on(printed[rest[0]], patterns[rest[1]]):
            yield f"line {here + 1}: {line!r} instead of {expected[there]!r}"
            here, there = here + 1, there + 1
        elif any(later.fullmatch(line) for later in patterns[rest[1]]):
            yield f"before line {here + 1}: {expected[there]!r} is missing"
            there += 1
        else:
            yield f"line {here + 1}: {line!r} is too much"
            here += 1
    yield from (f"line {at + 1}: {printed[at]!r} is too much" for at in range(here, len(printed)))
    yield from (f"at the end: {line!r} is missing" for line in expected[there:])


def _goes_on(printed: list[str], patterns: list[re.Pattern[str]]) -> bool:
    """Whether both sides agree in the next line, or both end: then the line before was changed, not
    added or lost.
    """
    if printed and patterns:
        return patterns[0].fullmatch(printed[0]) is not None
    return not printed and not patterns


def _learn(printed: list[str], step: Step, context: Context) -> None:
    if step.kind == "tool":
        for line, entry in zip(printed, step.expect or (), strict=False):
            found = compile_line(lay_out(entry, step, context)[0]).fullmatch(line)
            context.seen.update(found.groupdict() if found else {})
        return
    at = 0
    for entry in step.expect or ():
        lines = printed[at : at + len(lay_out(entry, step, context))]
        at += len(lines)
        shown = _DUMP.fullmatch(entry)
        if shown is not None and shown[1] == "public_key":
            context.public_keys[shown[2]] = tuple(" ".join(lines).split())
    if step.signs_with:
        context.signatures[step.signs_with] += 1
