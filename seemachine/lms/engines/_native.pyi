"""The C extension (kernel/module.c).

`kernels` are two numbers from `find`: for whole groups, and for what comes in ones and twos.
"""

from collections.abc import Sequence

from seemachine.lms.engines import Claim, RecoverJob, SignJob

def find(name: str, hash_name: str, /) -> int: ...
def leaf_nodes(
    kernels: tuple[int, int],
    n: int,
    w: int,
    h: int,
    identifier: bytes,
    seed: bytes,
    first: int,
    count: int,
    /,
) -> bytes: ...
def parents(
    kernels: tuple[int, int], n: int, identifier: bytes, number: int, children: bytes, /
) -> bytes: ...
def sign(kernels: tuple[int, int], n: int, w: int, jobs: Sequence[SignJob], /) -> list[bytes]: ...
def recover(
    kernels: tuple[int, int], n: int, w: int, jobs: Sequence[RecoverJob], /
) -> list[bytes]: ...
def roots(
    kernels: tuple[int, int], n: int, w: int, h: int, claims: Sequence[Claim], /
) -> list[bytes]: ...
