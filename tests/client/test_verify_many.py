"""seeclient.verify_many: of each item what `verify` says of it alone, whatever is beside it."""

import threading
from itertools import count, islice
from types import SimpleNamespace

import pytest
import seeclient
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from pyhsslms import pyhsslms as p
from seeclient import Status, StatusError, bulk
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.mldsa.checking import representative
from seeclient.message import Message

from seemachine.lms.engines import usable_cores
from seemachine.mldsa.engines.portable import PortableMldsa
from seemachine.mldsa.parameters import mldsa as of_name

SETS = (
    (p.lms_sha256_m24_h5, p.lmots_sha256_n24_w2),
    (p.lms_shake_m32_h5, p.lmots_shake_n32_w1),
)
MESSAGES = [b"", b"firmware", b"other", bytes(3000)]


def hss(levels, names):
    """Public key and signature over `firmware` of several levels."""
    private = p.HssPrivateKey(levels, *names)
    return bytes(private.publicKey().serialize()), bytes(private.sign(b"firmware"))


def mldsa(message):
    """Public key of ML-DSA and a signature over a message."""
    parameters, engine = of_name("mldsa44"), PortableMldsa()
    public_key = engine.public_key(parameters, bytes(32))
    mu = representative(public_key, Message(message), b"")
    return public_key, engine.sign(parameters, bytes(32), mu, bytes(32))


@pytest.fixture(scope="module")
def pairs():
    """Keys with a signature of theirs."""
    kinds = ((1, SETS[0]), (2, SETS[0]), (1, SETS[1]))
    return [*(hss(*kind) for kind in kinds), mldsa(b"firmware")]


def alone(item):
    """What `verify` says of an item."""
    key, message, signature = item
    try:
        seeclient.verify(message, signature, key)
    except StatusError as error:
        return words(error)
    return None


def words(error):
    """All that a refusal says."""
    return None if error is None else (error.status, error.detail, error.where)


def together(items):
    """The same of many."""
    return [words(verdict) for verdict in seeclient.verify_many(items)]


@given(data=st.data())
@examples(60)
def test_any_pile(pairs, tmp_path_factory, data):
    """Algorithms, sets, levels and forms of keys mixed; signatures that are damaged, cut or of
    other keys; messages in memory and in files, some of them gone.
    """
    folder = tmp_path_factory.mktemp("messages")
    for number, content in enumerate(MESSAGES):
        (folder / f"{number}").write_bytes(content)
    files = [*(folder / f"{number}" for number in range(len(MESSAGES))), folder / "gone"]
    keys = [key for key, _ in pairs]
    forms = [*keys, keys[0][4:], keys[0].hex(), b"no key", folder / "1", folder / "gone"]
    signatures = [signature for _, signature in pairs]
    signatures += [signatures[0][4:], signatures[0][:-1], b"", signatures[1][:900]]
    right = st.sampled_from(pairs).map(lambda pair: (pair[0], b"firmware", pair[1]))
    mixed = st.tuples(*map(st.sampled_from, (forms, MESSAGES + files, signatures)))
    items = data.draw(st.lists(right | mixed, max_size=12))

    assert together(items) == [alone(item) for item in items]


def test_what_is_said(pairs, tmp_path):
    """None for what verifies; else the status and words of `verify`, each in its place."""
    (key, signature), _, _, (of_mldsa, made) = pairs
    items = [
        (key, b"firmware", signature),
        (of_mldsa, b"other", made),
        (key, b"other", signature),
        (b"no key", b"", b""),
        (key, tmp_path / "gone", signature),
        (of_mldsa, b"firmware", made),
    ]
    said = list(seeclient.verify_many(items))

    assert [verdict and verdict.status for verdict in said] == [
        None,
        Status.VerifyFailed,
        Status.VerifyFailed,
        Status.InvalidParameter,
        Status.OSErrorErrno,
        None,
    ]
    assert said[2].detail.startswith("HSS: expected ")


def test_key_files(pairs):
    """A key file stands for its public key."""
    (key, signature), *_ = pairs
    file = LmsKeyFile("release", key[4:], 0, 0, 0, b"")
    items = [(file, b"firmware", signature[4:]), (file, b"other", signature[4:])]

    said = together(items)
    assert said[0] is None
    assert said == together([(key[4:], *rest) for _, *rest in items])


def test_a_buffer_that_is_used_again(pairs):
    """What each item held when it was taken counts."""
    (key, signature), *_ = pairs
    buffer = bytearray(len(signature))

    def pile():
        for made in (signature, bytes(len(signature)), signature):
            buffer[:] = made
            yield key, b"firmware", buffer

    assert [said is None for said in seeclient.verify_many(pile())] == [True, False, True]


def test_no_items():
    """Nothing is asked, nothing said."""
    assert list(seeclient.verify_many([])) == []


def test_a_key_of_a_fleet(pairs):
    """Whatever has a public key is one, as a key file is."""
    (key, signature), *_ = pairs
    item = SimpleNamespace(public_key=key), b"firmware", signature
    assert list(seeclient.verify_many([item])) == [None]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ((b"", b"", None), r"items\[1\]\[2\]: a signature is bytes, text or .* not NoneType"),
        (
            (b"", "text", b""),
            r"items\[1\]\[1\]: a message is bytes, or the Path of a file, not str",
        ),
        ((b"", None, b""), r"items\[1\]\[1\]: a message is bytes, .* not NoneType"),
        ((None, b"", b""), r"items\[1\]\[0\]: a public key is bytes, .* not NoneType"),
        ((b"", b""), r"items\[1\] is not \(public key, message, signature\)"),
        (None, r"items\[1\] is not \(public key, message, signature\)"),
    ],
)
def test_what_is_no_item(wrong, said):
    """A TypeError, which says which item, and which of its elements."""
    with pytest.raises(TypeError, match=said):
        list(seeclient.verify_many([(b"", b"", b""), wrong]))


class TestMemory:
    """What is held at a time, of piles of any size."""

    def test_an_endless_pile(self, pairs, monkeypatch):
        """No more items are taken than a window has before their verdicts are given."""
        monkeypatch.setattr(bulk, "WINDOW", 10)
        taken = count()
        (key, signature), *_ = pairs
        endless = ((key, b"firmware", signature) for _ in iter(lambda: next(taken), None))
        said = seeclient.verify_many(endless)

        for number, verdict in enumerate(islice(said, 35)):
            assert verdict is None
            # Looking takes a number itself.
            assert next(taken) <= 2 * number + 20
        assert next(taken) < 80

    def test_large_messages(self, pairs, monkeypatch):
        """Bytes count as well as items do."""
        monkeypatch.setattr(bulk, "WINDOW_BYTES", 10_000)
        (key, signature), *_ = pairs
        taken = []

        def pile():
            for number in range(100):
                taken.append(number)
                yield key, bytes(4000), signature

        next(seeclient.verify_many(pile()))
        assert len(taken) == 2

    def test_open_files(self, pairs, tmp_path, monkeypatch):
        """No more files are open at a time than there are cores."""
        (key, signature), *_ = pairs
        monkeypatch.setattr(bulk, "SHARE", 4)
        (tmp_path / "m").write_bytes(b"firmware")
        lock, now, most = threading.Lock(), [0], [0]
        pieces = Message.pieces

        def counting(self):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            yield from pieces(self)
            with lock:
                now[0] -= 1

        monkeypatch.setattr(Message, "pieces", counting)
        items = [(key, tmp_path / "m", signature)] * 40
        assert together(items) == [None] * 40
        assert 1 <= most[0] <= usable_cores()
