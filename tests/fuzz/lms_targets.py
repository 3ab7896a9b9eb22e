"""Public keys and signatures of strangers, and the C kernel behind them."""

import functools
from types import SimpleNamespace
from typing import Any

from fuzz.source import Source
from fuzz.target import target
from kit.signatures import MESSAGE, sign

from seemachine.lms import hss
from seemachine.lms.engines import Engine, EngineError, select
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.hss import HssPublicKey, HssSignature
from seemachine.lms.keys import PublicKey, Signature, u32
from seemachine.lms.parameters import (
    OTS_SETS,
    TREE_SETS,
    OtsParameters,
    ParameterError,
    check_pair,
)
from seemachine.lms.verifying import candidate_root
from seemachine.testing import make_key, repeatable

# Each hash and each length once, none of them slow in plain Python.
SETS = (
    ("sha256_m24_h5", "sha256_n24_w2"),
    ("sha256_m32_h5", "sha256_n32_w4"),
    ("shake_m24_h5", "shake_n24_w4"),
    ("shake_m32_h5", "shake_n32_w2"),
)
PORTABLE = PortableEngine()


@functools.cache
def engine() -> Engine:
    """The fastest one here."""
    return select()


@functools.cache
def signed(number: int) -> tuple[bytes, bytes]:
    """Public key and signature of one of SETS."""
    tree, ots = SETS[number]
    made = make_key(tree, ots, random=repeatable(f"{tree} {ots}"))
    return made.public_key.encode(), sign(engine(), made.lease(0), 7)


@target(
    *(
        tree.typecode.to_bytes(4, "big") + ots.typecode.to_bytes(4, "big") + bytes(48)
        for tree, ots in zip(TREE_SETS, OTS_SETS, strict=False)
    )
)
def public_keys(data: bytes) -> None:
    """Any bytes are a public key that encodes to them again, or a ParameterError."""
    try:
        key = PublicKey.decode(data)
    except ParameterError:
        return
    check_pair(key.tree, key.ots)
    assert len(key.root) == key.tree.m
    assert key.encode() == data


@target(
    *(
        bytes(4)
        + ots.typecode.to_bytes(4, "big")
        + bytes(ots.n * (ots.p + 1))
        + bytes(3)
        + b"\5"
        + bytes(160)
        for ots in OTS_SETS[:4]
    ),
    longest=9000,
)
def signatures(data: bytes) -> None:
    """Any bytes are a signature that encodes to them again, or a ParameterError."""
    try:
        signature = Signature.decode(data)
    except ParameterError:
        return
    assert signature.leaf < 1 << signature.tree.h
    assert (len(signature.randomizer), len(signature.chains)) == (
        signature.ots.n,
        signature.ots.n * signature.ots.p,
    )
    assert signature.encode() == data


@target(b"\1", b"\2", b"\0\1\1", b"\0\0\1\0\0\1\xff", longest=256)
def hss_signatures(data: bytes) -> None:
    """With some bytes changed, nothing of several levels verifies; it encodes to itself again."""
    source = Source(data)
    figures = signed_hss()
    public_key, signature = source.cut(figures[0]), source.cut(figures[1])
    try:
        key, made = HssPublicKey.decode(public_key), HssSignature.decode(signature)
        assert (key.encode(), made.encode()) == (public_key, signature)
        good = hss.verifies(engine(), key, [MESSAGE], made)
    except ParameterError:
        good = False
    assert good == ((public_key, signature) == figures)


@functools.cache
def signed_hss() -> tuple[bytes, bytes]:
    """Public key and signature of three levels, all of one tree that signs its own key."""
    tree, ots = SETS[0]
    made = make_key(tree, ots, random=repeatable(f"{tree} {ots}"))
    key, lease = made.public_key, made.lease(0)
    signed = (key.encode(), key.encode(), MESSAGE)
    encoded = (sign(engine(), lease, leaf, what) for leaf, what in enumerate(signed))
    parts = tuple(Signature.decode(each) for each in encoded)
    return HssPublicKey(3, key).encode(), HssSignature(parts, (key, key)).encode()


def root_or_none(made: Engine, key: PublicKey, signature: bytes) -> bytes | None:
    """What a signature leads to, if it can be one of this key."""
    try:
        return candidate_root(made, key, [MESSAGE], signature)
    except ParameterError:
        return None


@target(b"\1", b"\2", b"\3", b"\0\0\1\0\0\1\xff")
def verifying(data: bytes) -> None:
    """With some bytes changed, nothing verifies and nothing but ParameterError is raised; both
    engines lead to the same root.
    """
    source = Source(data)
    figures = signed(source.number(len(SETS)))
    public_key, signature = source.cut(figures[0]), source.cut(figures[1])
    try:
        key = PublicKey.decode(public_key)
    except ParameterError:
        return
    root = root_or_none(engine(), key, signature)
    assert root == root_or_none(PORTABLE, key, signature)
    assert (root == key.root) == ((public_key, signature) == figures)


def native() -> object | None:
    """The extension, if it is built."""
    try:
        from seemachine.lms.engines import _native
    except ImportError:
        return None
    return _native


NUMBERS = (
    32,
    24,
    1,
    2,
    4,
    8,
    5,
    10,
    25,
    0,
    -1,
    26,
    31,
    33,
    64,
    255,
    1 << 25,
    (1 << 25) - 1,
    1 << 31,
    1 << 32,
    -(1 << 63),
    1 << 64,
)
SIZES = (
    0,
    1,
    15,
    16,
    17,
    23,
    24,
    25,
    31,
    32,
    33,
    48,
    64,
    24 * 26,
    32 * 34,
    32 * 34 - 1,
    32 * 67,
    24 * 51,
)
ERRORS = (ValueError, TypeError, OverflowError, AttributeError, BufferError)


def nearly(source: Source, right: Any) -> Any:
    """The right argument in seven of eight cases, else one of its type or of any."""
    if source.number(8) != 7:
        return right
    other = (
        source.value
        if source.number(4) == 3
        else lambda: source.pick(NUMBERS) if isinstance(right, int) else bytes(source.pick(SIZES))
    )
    return other()


def arguments(call: str, ots: OtsParameters, source: Source) -> tuple[Any, ...]:
    """Nearly right arguments of one of the extension's functions, without its kernels."""
    identifier, first = bytes(16), source.pick([0, 16, 31])
    if call == "leaf_nodes":
        right = (ots.n, ots.w, 5, identifier, bytes(ots.n), first, source.pick([1, 0, 16]))
    elif call == "parents":
        right = (ots.n, identifier, 1 + first, bytes(2 * ots.n * source.number(20)))
    elif call == "roots":
        right = (ots.n, ots.w, 5, [claim(ots, first, source) for _ in range(source.number(20))])
    else:
        return (
            nearly(source, ots.n),
            nearly(source, ots.w),
            [job(ots, first, source) for _ in range(source.number(20))],
        )
    return tuple(nearly(source, argument) for argument in right)


def job(ots: OtsParameters, leaf: int, source: Source) -> SimpleNamespace:
    """What both `sign` and `recover` need, nearly, and now and then without its last part."""
    right = {
        "leaf": leaf,
        "identifier": bytes(16),
        "digest": bytes(ots.n),
        "seed": bytes(ots.n),
        "chains": bytes(ots.n * ots.p),
    }
    parts = {name: nearly(source, value) for name, value in right.items()}
    if source.number(16) == 15:
        del parts["chains"]
    return SimpleNamespace(**parts)


def claim(ots: OtsParameters, leaf: int, source: Source) -> Any:
    """What `roots` needs, nearly, and now and then without its last part."""
    signature = u32(leaf) + bytes(8 + ots.n * (1 + ots.p + 5))
    parts = [nearly(source, part) for part in (bytes(16), bytes(ots.n), signature)]
    return nearly(source, tuple(parts[: 2 if source.number(16) == 15 else 3]))


@target(
    *(bytes([call, 0, number]) for call in range(5) for number in range(8)),
    *(bytes([call, 0, 3, 0, 1, 1, 1]) for call in range(5)),
    longest=256,
)
def kernel(data: bytes) -> None:
    """The C extension takes arguments of any sizes: results of the right length, or an error of
    Python's; never memory of others.
    """
    module, source = native(), Source(data)
    if module is None:
        return
    call = source.pick(["leaf_nodes", "parents", "sign", "recover", "roots"])
    crew = source.pick(
        [
            proven(),
            proven(),
            proven(),
            (0, 0),
            (source.pick(NUMBERS), source.pick(NUMBERS)),
            source.value(),
        ]
    )
    ots = source.pick(OTS_SETS[:8])
    given = arguments(call, ots, source)
    # A right request for millions of leaves is slow, and no news.
    if call == "leaf_nodes" and isinstance(given[-1], int) and given[-1] > 64:
        return
    try:
        made = getattr(module, call)(crew, *given)
    except ERRORS:
        return
    must_fit(call, given, made)


def must_fit(call: str, given: tuple[Any, ...], made: Any) -> None:
    """Results have the lengths that the arguments ask for."""
    if call == "leaf_nodes":
        assert len(made) == given[0] * given[-1]
    elif call == "parents":
        assert len(made) == len(given[-1]) // 2
    else:
        [p] = [ots.p for ots in OTS_SETS[:8] if (ots.n, ots.w) == given[:2]]
        assert [len(one) for one in made] == [given[0] * (p if call == "sign" else 1)] * len(
            given[-1]
        )


@functools.cache
def proven() -> tuple[int, int]:
    """The kernels of the engine at hand, or plain C."""
    try:
        from seemachine.lms.engines.native import NativeEngine

        return NativeEngine()._numbers["sha256"]
    except EngineError:
        return 0, 0
