"""docs/reference/pkcs11.md against the sources, and what docs/how-to/pkcs11.md shows against a
machine.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from ctypes import byref, c_ulong
from pathlib import Path
from typing import Any

import pytest
from kit.cryptoki import Cryptoki

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference" / "pkcs11.md").read_text()
HOW_TO = (ROOT / "docs" / "how-to" / "pkcs11.md").read_text()
MODULE = ROOT / "client" / "native" / "pkcs11"
HEADER = ROOT / "client" / "seeclient" / "library" / "include" / "seemachine-pkcs11.h"
NUMBERS = {
    name: int(number, 16)
    for name, number in re.findall(
        r"^#define (CK\w+) (0x[0-9a-f]+)UL$", HEADER.read_text(), re.MULTILINE
    )
}
STATUSES = {
    "UNKNOWN_ID": "UnknownID",
    "ACCESS_DENIED": "AccessDenied",
    "OBJECT_IN_USE": "ObjectInUse",
    "USE_LIMIT_EXCEEDED": "UseLimitExceeded",
    "INVALID_PARAMETER": "InvalidParameter",
    "SM_FAILED": "Failed",
}


def table(head: str) -> Iterator[list[str]]:
    """The cells of the rows below a head of that first cell, without backticks."""
    rows = REFERENCE.split(f"\n| {head} |")[1].split("\n\n")[0].splitlines()[2:]
    for row in rows:
        yield [cell.strip().replace("`", "") for cell in row.strip("|").split("|")]


def test_the_mechanisms_are_those_of_the_module(module: Cryptoki) -> None:
    """In its order, with the numbers of the standard."""
    numbers, count = (c_ulong * 10)(), c_ulong(10)
    module.call("C_GetMechanismList", c_ulong(0), numbers, byref(count))
    told = [(name, int(number, 16)) for name, number, *_ in table("mechanism")]
    assert [number for _, number in told] == list(numbers[: count.value])
    assert all(NUMBERS[name] == number for name, number in told)


def test_the_errors_are_those_of_the_module() -> None:
    """Row by row, as the module looks them up."""
    source = (MODULE / "refusals.c").read_text().split("rows[] = {")[1].split("};")[0]
    rows = re.findall(r"\{(\w+|\"\w+\"), (\w+|\"\w+\"), (\w+), (CKR_\w+)\}", source)
    assert len(rows) == source.count("{") > 10
    expected = [
        (
            status_or_class(class_name, status),
            "all" if operation == "NULL" else operation.strip('"'),
            value,
        )
        for operation, class_name, status, value in rows
    ]
    assert [tuple(row[:3]) for row in table("status, or class")] == expected


def test_every_function_ends_with_the_journal() -> None:
    """What it returns goes through there, or through another function that does; the journal has
    a name and a sentence for each value.
    """
    sources = "".join(path.read_text() for path in sorted(MODULE.glob("*.c")))
    functions = re.findall(
        r"^CK_RV (C_\w+)\([^{;]*\)\n\{\n(.*?)^\}$", sources, re.MULTILINE | re.DOTALL
    )
    ends = [
        (name, each) for name, body in functions for each in re.findall(r"return ([^;]*);", body)
    ]
    assert len(functions) > 30
    assert [end for end in ends if not end[1].startswith(("gives(", "C_GetFunctionStatus("))] == []
    meanings = (MODULE / "values.c").read_text()
    given = set(re.findall(r"CKR_\w+", sources)) - {"CKR_OK"}
    assert {name for name in given if f"MEANS({name}," not in meanings} == set()


def status_or_class(class_name: str, status: str) -> str:
    """What the document calls a row."""
    if class_name != "NULL":
        return class_name.strip('"')
    return STATUSES.get(status, "any other")


def test_every_attribute_that_varies_is_told_of() -> None:
    """Those that are the same for all keys, the templates' section covers in a sentence."""
    source = (MODULE / "attributes.c").read_text().split("varyings[] = {")[1].split("};")[0]
    told = {name for row in table("attribute | value") for name in row[0].split(", ")}
    # Constants, of which a key may make one expect otherwise.
    told -= {"CKA_LOCAL", "CKA_ALWAYS_SENSITIVE", "CKA_NEVER_EXTRACTABLE"}
    assert set(re.findall(r"CKA_\w+", source)) - {"CKA_CLASS", "CKA_KEY_TYPE"} == told


@pytest.mark.parametrize("text", [REFERENCE, HOW_TO], ids=["reference", "how-to"])
def test_names_are_those_of_the_header(text: str) -> None:
    """Each name of the standard that a document uses."""
    names = set(re.findall(r"\bCK[AFMPRUS]_[A-Z0-9_]+[A-Z0-9]\b", text))
    header = HEADER.read_text()
    missing = {name for name in names if not re.search(rf"\b{name}\b", header)}
    # Named to say that there is none of it, or a constant that PyKCS11 has.
    assert missing <= {"CKM_HASH_ML_DSA"}


def test_what_is_not_supported_says_so(module: Cryptoki) -> None:
    """Every function that the module does not have gives the one answer."""
    names = re.findall(
        r"^UNSUPPORTED\((C_\w+)\)$", (MODULE / "unsupported.c").read_text(), re.MULTILINE
    )
    assert len(names) > 50
    assert {module.value(name, *[None] * 10) for name in names} == {0x54}
    module.finalize()
    assert {module.value(name, *[None] * 10) for name in names} == {0x190}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_snippets_of_the_document(path: Path, environ: None) -> None:
    """Each runs, in the order of the page."""
    pytest.importorskip("PyKCS11", reason="PyKCS11 is not installed")
    names: dict[str, Any] = {"module": str(path)}
    blocks = re.findall(r"```python\n(.*?)```", HOW_TO, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        exec(compile(block, "pkcs11.md", "exec"), names)
    names["library"].unload()
    if shutil.which("pkcs11-tool"):
        [command] = re.findall(r"^pkcs11-tool .*$", HOW_TO, re.MULTILINE)
        words = command.replace("$module", str(path)).split()
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert "release" in done.stdout
