"""The C of the native engine without Python: other compilers, sanitizers, other processors
(big-endian ones too) under qemu.
"""

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seemachine.lms.engines import RecoverJob, SignJob
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.keys import u32
from seemachine.lms.parameters import (
    OTS_SETS,
    OtsParameters,
    TreeParameters,
    lms,
    signature_bytes,
)

KERNEL = Path(__file__).parents[3] / "seemachine" / "lms" / "engines" / "kernel"
PROGRAM = Path(__file__).parent / "standalone" / "lines.c"
EVERY = ("scalar", "x4", "avx2", "avx512", "sha_ni")


@dataclass(frozen=True)
class Build:
    """A compiler with its flags, what runs the result, and the kernels to run."""

    name: str
    compiler: str
    flags: tuple[str, ...] = ("-O2",)
    runner: tuple[str, ...] = ()
    kernels: tuple[str, ...] = EVERY


CROSS = ("-O2", "-static")
SANITIZED = "gcc with sanitizers"
BUILDS = (
    Build(SANITIZED, "gcc", ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")),
    Build("clang", "clang"),
    Build(
        "ppc64, big-endian",
        "powerpc64-linux-gnu-gcc",
        (*CROSS, "-mcpu=power8"),
        ("qemu-ppc64",),
        ("scalar", "x4"),
    ),
    Build(
        "s390x, big-endian",
        "s390x-linux-gnu-gcc",
        (*CROSS, "-march=z13"),
        ("qemu-s390x",),
        ("scalar", "x4"),
    ),
    Build("aarch64", "aarch64-linux-gnu-gcc", CROSS, ("qemu-aarch64",), ("scalar", "x4")),
)


def paint(count: int, start: int) -> bytes:
    """The pattern of lines.c."""
    return bytes((start + index) % 251 for index in range(count))


def painted_signature(tree: TreeParameters, ots: OtsParameters, number: int) -> bytes:
    """That of lines.c with this number, and with its types, which no kernel looks at."""
    painted, place = paint(signature_bytes(tree, ots), number), 4 + ots.signature_bytes
    rest = painted[8:place] + u32(tree.typecode) + painted[place + 4 :]
    return u32(65536 * number + 7) + u32(ots.typecode) + rest


def lines_of(ots: OtsParameters) -> Iterator[str]:
    """What lines.c prints about a set, without the kernel's name."""
    portable, tree = PortableEngine(), lms(f"{ots.hash}_m{ots.n}_h20")
    identifier, seed, digest = paint(16, 1), paint(32, 50), paint(ots.n, 200)
    leaves = portable.leaf_nodes(tree, ots, identifier, seed[:27], range(66000, 66003))
    jobs = [SignJob(identifier, seed[:24], 66051, digest), SignJob(identifier, seed, 5, digest)]
    chains = portable.sign(ots, jobs)
    checks = [
        RecoverJob(job.identifier, job.leaf, digest, given)
        for job, given in zip(jobs, chains, strict=True)
    ]
    parents = portable.parents(tree, identifier, 70000, paint(20 * ots.n, 7))
    claims = [(identifier, digest, painted_signature(tree, ots, number)) for number in range(3)]
    made = {
        "leaves": leaves,
        "sign": b"".join(chains),
        "recover": b"".join(portable.recover(ots, checks)),
        "parents": parents,
        "roots": b"".join(portable.roots(tree, ots, claims)),
    }
    return (f"{ots.hash} {ots.n} {ots.w} {what} {data.hex()}" for what, data in made.items())


@functools.cache
def expected() -> frozenset[str]:
    """All lines of one kernel."""
    return frozenset(line for ots in OTS_SETS for line in lines_of(ots))


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.name)
def test_kernels_give_the_same_bytes_however_they_are_built(build: Build, tmp_path: Path) -> None:
    """Each kernel that runs prints exactly what the portable engine makes of all sets, and nothing
    for the sanitizers to complain of.
    """
    missing = [tool for tool in (build.compiler, *build.runner) if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")
    if build.name == SANITIZED and not os.environ.get("SEEMACHINE_SANITIZE"):
        pytest.skip(
            "compiling takes half a minute: set SEEMACHINE_SANITIZE, or run"
            " tests/native_sanitize.sh"
        )
    sources = [str(path) for path in sorted(KERNEL.glob("*.c")) if path.stem[:6] != "module"]
    command = [
        build.compiler,
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Wno-psabi",
        "-Werror",
        *build.flags,
        f"-I{KERNEL}",
        *sources,
        str(PROGRAM),
    ]
    subprocess.run([*command, "-o", str(tmp_path / "lines")], check=True)
    done = subprocess.run(
        [*build.runner, str(tmp_path / "lines"), *build.kernels],
        check=True,
        capture_output=True,
        text=True,
    )
    printed = [line.split(" ", 1) for line in done.stdout.splitlines()]

    assert set(build.kernels[:2]) <= {kernel for kernel, _ in printed}
    assert all("this processor has no" in line for line in done.stderr.splitlines())
    for kernel in {kernel for kernel, _ in printed}:
        assert expected() == {line for name, line in printed if name == kernel}, kernel
