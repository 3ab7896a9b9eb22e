"""What the documents name is there: tests, files, links, targets of make; and fidelity.md has a row
for each command of the guide.
"""

import ast
import functools
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_layering import ARROWS

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "SECURITY.md",
        *ROOT.glob("docs/**/*.md"),
        ROOT / "deploy/README.md",
        ROOT / "container/README.md",
    ]
)
FIDELITY = ROOT / "docs/explanation/fidelity.md"
ARCHITECTURE = ROOT / "docs/explanation/architecture.md"
HBS_STATE = ROOT / "docs/explanation/hbs-state.md"
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^(?:    |\t).*$|^```.*?^```", re.MULTILINE | re.DOTALL)
# What first cells of the heads of tables say.
HEADS = ("guide", "room", "where", "read on", "what", "section")
# Folders that a path in a document begins with, seen from the root of the repository.
FOLDERS = ("benchmarks/", "client/", "container/", "deploy/", "docs/", "seemachine/", "tests/")
# Made by a command, or of a user.
MADE = {"deploy/", "container/vendor/"}

documents = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


def named_in_code(document: Path) -> set[str]:
    """Everything between backticks on one line."""
    return set(CODE.findall(document.read_text()))


@functools.cache
def known_tests() -> dict[str, Path]:
    """Every test function, and where it is."""
    found = {}
    for path in ROOT.glob("tests/**/*.py"):
        found |= dict.fromkeys(functions_of(path), path)
    return found


def functions_of(path: Path) -> set[str]:
    """The test functions of a file."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = (
        node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)
    )
    return {name for name in found if name.startswith("test_")}


def rows(text: str) -> Iterator[list[str]]:
    """The cells of the rows of the tables in a text, without heads and rules."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and not set(cells[0]) <= {"-"} and cells[0] not in HEADS:
            yield cells


def headless(text: str) -> list[str]:
    """Rows of tables that begin without a head, as after an empty line: shown as plain text."""
    lines = ["", *text.splitlines(), ""]
    found = zip(lines, lines[1:], lines[2:], strict=False)
    firsts = [(line, after) for before, line, after in found if line[:1] == "|" != before[:1]]
    return [line for line, after in firsts if not after.startswith(("|-", "| -"))]


def anchors(document: Path) -> set[str]:
    """What headings are called in a link."""
    heads = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@documents
def test_every_row_is_in_a_table(document: Path) -> None:
    """An empty line ends a table: rows after it would have no head."""
    assert headless(document.read_text()) == []


# ---- what is named is there ----------------------------------------------------------------------


@documents
def test_every_test_that_is_named_exists(document: Path) -> None:
    """`test_name`, `test_name[case]`, or `test_beginning_...` of one test or more; a file or a
    folder of tests.
    """
    known = known_tests()
    for name in named_in_code(document):
        if re.fullmatch(r"test_\w+\.\.\.", name):
            assert any(test.startswith(name.removesuffix("...")) for test in known), name
        elif (
            re.fullmatch(r"test_\w+(\[.*\])?", name)
            and not (ROOT / "tests" / f"{name}.py").exists()
        ):
            assert name.partition("[")[0] in known, name


def test_every_chapter_that_is_named_is_replayed() -> None:
    """`test_guide[chapter]`, where ... stands for several."""
    chapters = [
        chapter["name"]
        for chapter in tomllib.loads((ROOT / "tests/guide/sessions.toml").read_text())["chapter"]
    ]
    named = [
        name
        for name in named_in_code(FIDELITY)
        if name.startswith("test_guide[") and name != "test_guide[...]"
    ]
    assert named
    for name in named:
        wanted = name.removeprefix("test_guide[").removesuffix("]").removesuffix("...")
        assert any(chapter.startswith(wanted) for chapter in chapters), name


@documents
def test_every_test_that_is_named_with_its_file_is_in_it(document: Path) -> None:
    """`tests/file.py::test_name`."""
    for name in named_in_code(document):
        path, colons, test = name.partition("::")
        assert not colons or test in functions_of(ROOT / path), name


@documents
def test_every_link_leads_somewhere(document: Path) -> None:
    """To a file that is there, and to a heading in it."""
    for link in LINK.findall(BLOCK.sub("", document.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@documents
def test_every_path_that_is_named_exists(document: Path) -> None:
    """A word between backticks that begins with a folder of ours."""
    for words in named_in_code(document):
        for word in words.split():
            path = word.rstrip(".,:;").partition("::")[0]
            if (
                path.startswith(FOLDERS)
                and path not in MADE
                and not re.search(r"[*<>{}$=]|[A-Z]{3}", path)
            ):
                assert (ROOT / path).exists() or (document.parent / path).exists(), word


@documents
def test_every_target_of_make_that_is_named_exists(document: Path) -> None:
    """In the text and in blocks of commands."""
    targets = set(re.findall(r"^([a-z/.-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = document.read_text()
    code = [
        *CODE.findall(text),
        *(line for block in BLOCK.findall(text) for line in block.splitlines()),
    ]
    for line in code:
        words = shlex.split(line, comments=True) if line.strip().startswith("make ") else []
        for word in words[1:]:
            assert "=" in word or word in targets, line


# ---- architecture.md -----------------------------------------------------------------------------


def rooms() -> list[str]:
    """The first cells of the first table."""
    first = ARCHITECTURE.read_text().partition("\n## ")[0]
    return [CODE.findall(cells[0])[0] for cells in rows(first)]


def test_every_room_of_the_architecture_exists() -> None:
    """Each is a folder or a file."""
    assert len(rooms()) > 10
    for room in rooms():
        assert (ROOT / room).exists(), room


def test_every_arrow_of_the_architecture_points_up() -> None:
    """Each room that has a row in the table of arrows is on the page, itself or with the room that
    it is in, after those that it may import; the rooms of `state` share its errors.
    """
    names = [room.removeprefix("client/").removesuffix(".py").strip("/") for room in rooms()]
    places = {name.replace("/", "."): place for place, name in enumerate(names)}

    def place(room: str) -> int:
        return places[room] if room in places else places[room.rpartition(".")[0]]

    for room, (imports, _) in ARROWS.items():
        for other in imports - {"seemachine"}:
            shared = room.startswith("seemachine.state") and other.startswith("seemachine.state")
            assert shared or place(other) < place(room), (room, other)


def test_every_order_of_the_architecture_names_a_function() -> None:
    """`file` `function` of the second table: both are there."""
    second = (
        ARCHITECTURE.read_text()
        .partition("\n## What must never be reordered")[2]
        .partition("\n## ")[0]
    )
    orders = [CODE.findall(cells[0]) for cells in rows(second)]
    assert len(orders) > 10
    for file, *functions in orders:
        path = next(
            (
                base / file
                for base in (ROOT / "seemachine", ROOT / "client")
                if (base / file).exists()
            ),
            None,
        )
        assert path is not None, file
        defined = {
            node.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert set(functions) <= defined, (file, functions)


# ---- hbs-state.md --------------------------------------------------------------------------------


def test_every_row_of_rfc_10033_says_what_holds_it() -> None:
    """Held and partly held rows name a test; a row without one is missing, not built, or a matter
    for people.
    """
    found = list(rows(HBS_STATE.read_text()))
    assert len(found) > 50
    for cells in found:
        assert len(cells) == 5, cells
        assert all(cells), cells
        assert re.match(r"\d", cells[0]), cells
        assert re.match(r"(must|should)( not)?$|may$|recommended$|concern$|-$", cells[1]), cells
        status = re.match(r"(held|partly|missing|not built|people)\b", cells[3])
        assert status, cells
        tests = re.findall(r"`tests/[\w/]+\.py::test_\w+`", cells[4])
        assert ", ".join(tests) == cells[4] if tests else cells[4] == "-", cells
        assert tests or status[1] in ("missing", "not built", "people"), cells


# ---- fidelity.md ---------------------------------------------------------------------------------


def commands() -> list[list[str]]:
    """The rows of the guide's commands: where, command, status, held by."""
    text = FIDELITY.read_text()
    return list(rows(text[text.index("## Commands") : text.index("## Deliberate deviations")]))


def test_every_command_has_a_status_and_what_holds_it() -> None:
    """Same, or how it differs, or that it is unknown on hardware; and a test, a file of tests, or
    why there is none.
    """
    assert len(commands()) > 30
    for cells in commands():
        assert len(cells) == 4, cells
        assert all(cells), cells
        assert re.match(
            r"same\b|differs\b|not run\b|no commands? in the guide\b|output unknown on hardware",
            cells[2],
        ), cells
        assert re.search(r"`tests?[_/]", cells[3]) or cells[3].startswith("not held"), cells


def covered(section: str, where: str) -> bool:
    """Whether a cell such as "2.5.1 steps 5, 6" or "2.9.3 - 2.9.5" speaks of a section such as
    "2.5.1 step 6".
    """
    number, _, step = section.partition(" step ")
    for part in re.findall(
        r"\d[\d.]*(?:\s*-\s*\d\.[\d.]*)?(?:\s+steps?\s+[\d, -]+?(?=,?\s+\d+\.\d|$))?", where
    ):
        head, _, steps = re.sub(r" steps? ", "|", part).partition("|")
        first, _, last = head.strip().partition(" - ")
        if not first <= number <= (last or first):
            continue
        numbers = re.findall(r"\d+", steps)
        ranged = range(int(numbers[0]), int(numbers[-1]) + 1) if "-" in steps else map(int, numbers)
        if not steps or not step or int(step.split(",")[0]) in ranged:
            return True
    return False


@pytest.mark.parametrize(
    ("section", "where", "expected"),
    [
        ("2.5.1 step 6", "2.5.1 steps 5, 6", True),
        ("2.5.1 step 7", "2.5.1 steps 5, 6", False),
        ("2.5.2.3 step 15", "2.5.1 step 4, 2.5.2.3 step 15", True),
        ("2.5.2.3 step 4", "2.5.1 step 4, 2.5.2.3 step 15", False),
        ("2.5.2.3 step 8", "2.5.2.3 steps 5 - 9", True),
        ("2.9.4 step 1", "2.9.3 - 2.9.5", True),
        ("2.9.2 step 1", "2.9.3 - 2.9.5", False),
        ("2.8.1 step 6", "2.5, 2.8.1, 2.8.2", True),
    ],
)
def test_where_a_row_belongs_is_understood(section: str, where: str, expected: bool) -> None:
    """As its first cell writes it."""
    assert covered(section, where) == expected


def test_every_command_of_the_guide_has_a_row() -> None:
    """The row of its section names the command, or what stands for it."""
    steps = [
        step
        for name in ("whole", "sessions")
        for chapter in _chapters(name)
        for step in chapter["step"]
    ]
    # What sessions.toml does to machines in other ways, whole.toml does by the guide's commands.
    others = ("shell", "chapter", "machine-stop", "machine-unpublish")
    printed = [
        step
        for step in steps
        if not step.get("implied") and "command" in step and step.get("kind") not in others
    ]
    assert len(printed) > 60
    for step in printed:
        section = re.sub(r" example \d", "", step["section"]).partition(",")[0]
        names = _names(step)
        found = [cells for cells in commands() if covered(section, cells[0])]
        for name in names:
            assert any(name in cells[1] or name in cells[2] for cells in found), (section, name)


def _chapters(name: str) -> list[dict[str, list[dict[str, object]]]]:
    chapters: list[dict[str, list[dict[str, object]]]] = tomllib.loads(
        (ROOT / f"tests/guide/{name}.toml").read_text()
    )["chapter"]
    return chapters


def _names(step: dict[str, object]) -> set[str]:
    """The commands that a step runs: scripts of the release by their name, `pipsqueak` by its own
    words.
    """
    command = step["command"]
    if isinstance(command, list):
        return {command[0]} if step.get("kind") == "card-format" else {_verb(command)}
    lines = str(command).replace("\\\n", " ").split("<<'END'")[0].strip().splitlines()
    words = [line.split() for line in lines]
    return {
        Path(next(word for word in found if "python3/bin" not in word and word != "sudo")).name
        for found in words
    } - {
        "cd",
        "cp",
        "cat",
    }


def _verb(words: list[str]) -> str:
    """What `pipsqueak` is told to do, as fidelity.md calls it."""
    if not words:
        return "pipsqueak"
    given = [word.partition("=")[0] for word in words]
    return next(
        (f"{name}=" for name in ("provesn", "verify", "sigfile") if name in given),
        "sign" if "message" in given else words[0],
    )
