"""The module's own rules, in C over a helper that is only pretended, with the sanitizers."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "client"
MODULE = CLIENT / "native" / "pkcs11"
STANDALONE = Path(__file__).parent / "standalone"
INCLUDES = [CLIENT / "seeclient" / "library" / "include", CLIENT / "native", MODULE, STANDALONE]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
SANITIZERS = ["address,undefined", "thread"]
RULES = re.findall(r"TEST\((\w+)\)", (STANDALONE / "rules.c").read_text().split("tests[]")[1])


def compiled(sanitizer: str, folder: Path) -> Path:
    """The program of all rules, or a skip where it can't be compiled."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    sources = [*sorted(MODULE.glob("*.c")), *sorted(STANDALONE.glob("*.c"))]
    flags = ["-std=c11", "-g", "-O1", "-pthread", f"-fsanitize={sanitizer}"]
    command = ["gcc", *flags, "-fno-sanitize-recover=all", *(f"-I{path}" for path in INCLUDES)]
    program = folder / "rules"
    subprocess.run([*command, *map(str, sources), "-o", str(program)], check=True)
    return program


@pytest.fixture(scope="module", params=SANITIZERS)
def rules(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of all rules, once for each sanitizer."""
    return compiled(request.param, tmp_path_factory.mktemp("rules"))


@pytest.mark.parametrize("name", RULES)
def test_the_module_keeps_a_rule(rules: Path, name: str) -> None:
    """The comment above the rule in rules.c says what holds."""
    done = subprocess.run([rules, name], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_rule_is_run(rules: Path) -> None:
    """The names that the test above goes through are those that the program knows."""
    listed = subprocess.run([rules], capture_output=True, text=True, check=True).stdout.split()
    assert listed == RULES
    assert len(listed) == len(set(listed)) > 20


def test_no_compiler_has_anything_to_say(tmp_path: Path) -> None:
    """The compilers that are here compile each source without a warning."""
    compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    if not compilers:
        pytest.skip("no compiler is installed")
    includes = [f"-I{path}" for path in INCLUDES]
    for compiler in compilers:
        for source in sorted(MODULE.glob("*.c")):
            flags = ["-std=c11", "-O2", "-fPIC", "-fvisibility=hidden", *STRICT, *includes]
            command = [compiler, *flags, "-c", str(source), "-o", str(tmp_path / "out.o")]
            subprocess.run(command, check=True)
