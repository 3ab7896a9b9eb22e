"""What is written is what is read: round trips that a fuzzer can't state, for what tests elsewhere
only show examples of.
"""

import gc
import os
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fuzz.host_targets import ESN, at_home
from fuzz.lms_targets import signed
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.here import addresses, store
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.arguments import UsageError, parse
from seeclient.effects import Address
from wire.contract import characters

from seemachine.config import MIN_FRAME, MOST, Config, LimitSettings, TlsSettings, load, to_toml
from seemachine.hsms import published
from seemachine.hsms.published import Published
from seemachine.state.nvram.stores import STORES
from seemachine.wire.codec import MAX_LIST, unpack
from seemachine.wire.framing import MAX_FRAME
from seemachine.wire.names import MOST_MODULES
from seemachine.wire.status import PeerMisuse
from seemachine.witnesses.address import is_url
from seemachine.world import World

some = settings(max_examples=60, deadline=None)

aliases = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=64)
exponents = st.integers(0, 25)
ports = st.integers(0, 65535)
# The trees of these keys have five levels.
divided = st.integers(0, 5).flatmap(
    lambda cards: st.tuples(st.just(cards), st.integers(0, 5 - cards))
)
key_files = st.builds(
    lambda alias, key, levels, expcache, cache: LmsKeyFile(alias, key, *levels, expcache, cache),
    aliases,
    st.integers(0, 3).map(lambda number: signed(number)[0]),
    divided,
    exponents,
    st.binary(max_size=200),
)
counts = st.integers(1, MOST)
limits = st.builds(LimitSettings, st.integers(MIN_FRAME, MAX_FRAME), *[counts] * 9)
hosts = st.sampled_from(
    ["127.0.0.1", "::1", "localhost", "0.0.0.0", "machine-7.example", "", " "]
) | st.text(characters, max_size=8)
signers = st.binary(min_size=20, max_size=64).map(bytes.hex)
# As the system's names of files: any bytes but 0 and /.
parts = st.binary(min_size=1, max_size=8).filter(lambda name: not {0, 47} & set(name))
paths = st.lists(
    parts.map(os.fsdecode) | st.sampled_from(["-a", "b c", "~", 'q"\\']), max_size=2
).map(lambda names: Path("/").joinpath(*names))
witnesses = st.sampled_from(
    ["", "w", "./postgresql:x", "postgresql://me:p%40ss@[::1]:5/db?sslmode=disable"]
) | st.text(characters, max_size=8).filter(lambda text: not is_url(text))


@some
@given(key_files)
def test_any_key_file_is_loaded_as_it_was_saved(key):
    """Aliases, exponents and caches of any content, also with line ends in them, come back."""
    with at_home("properties"):
        store().save(key)
        assert store().load(key.alias) == key
        store().remove(key.alias)


@some
@given(
    st.builds(
        Published,
        st.just(ESN),
        st.sampled_from(["5c", "xc"]),
        st.integers(1, MOST_MODULES),
        st.text(characters, max_size=20),
        ports,
        st.integers(0),
    )
)
def test_any_published_object_is_read_as_it_was_written(entry):
    """The supervisor reads back what the machine wrote, and the client goes where it says."""
    with at_home("properties") as world:
        published.publish(World.at(world), entry)
        assert published.read(World.at(world), ESN) == entry
        assert addresses() == [Address(entry.host, entry.port, entry.module, ESN)]


machines = st.builds(
    Config,
    esn=st.sampled_from([ESN, "0000-0000-0000"]),
    model=st.sampled_from(["5c", "xc"]),
    module=st.integers(1, MOST_MODULES),
    host=hosts,
    port=ports,
    search_port=st.booleans(),
    insecure_bind=st.just(True),
    publish=st.booleans(),
    store=st.sampled_from(sorted(STORES)),
    operator=st.sampled_from(["manual", "auto"]),
    witness=witnesses,
    runtime_witness=st.text(characters, max_size=8),
    retry_seconds=counts,
    ledger_days=counts,
    lock_memory=st.sampled_from(["auto", "yes", "no"]),
    signer=signers | st.just(""),
    extra_signers=st.lists(signers, max_size=3).map(tuple),
    nvram_delegation=st.booleans(),
    world=paths.map(World.at),
    limits=limits,
    tls=st.none() | st.builds(TlsSettings, paths, paths, paths),
)


@some
@given(machines)
def test_a_machine_of_a_fleet_starts_with_the_settings_of_its_fleet(machine):
    """Any settings, written as TOML and read again, are the same settings."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "settings.toml"
        path.write_bytes(to_toml(machine))
        assert load(path, World.at("/usual")) == machine


words = st.lists(
    st.sampled_from(
        [
            "generate",
            "list",
            "showinfo",
            "--json",
            "--wrong",
            "alias=a",
            "alias=b",
            "slot=1",
            "message=m",
            "verify=s",
            "nonsense=1",
        ]
    ),
    max_size=5,
)


def understood(line):
    """What a command line means; all refusals are alike."""
    try:
        return parse(line)
    except UsageError:
        return None


@settings(deadline=None)
@given(st.data())
def test_the_order_of_words_does_not_matter(data):
    """A command line means the same, or nothing, in any order."""
    line = data.draw(words)
    assert understood(data.draw(st.permutations(line))) == understood(line)


def peak(body):
    """Bytes of memory that decoding takes at most."""
    gc.collect()
    tracemalloc.start()
    try:
        unpack(body)
    except PeerMisuse:
        pass
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most


def nested(item):
    """A body of the largest size that holds as many of an item as lists take."""
    inner = b"\xdc" + MAX_LIST.to_bytes(2, "big") + item * MAX_LIST
    count = (MAX_FRAME - 16) // len(inner)
    return b"\x93\x01\xa1x" + b"\xdc" + count.to_bytes(2, "big") + inner * count


@pytest.mark.parametrize(
    "item",
    [b"\x80", b"\x90", b"\xc0", b"\xa1a", b"\xcb" + bytes(8), b"\x81\xa0\x80"],
    ids=bytes.hex,
)
def test_a_frame_of_the_largest_size_takes_bounded_memory(item):
    """Whatever a frame of 1 MiB holds, its values take less than 128 MiB for the moment of
    decoding.
    """
    body = nested(item)
    assert len(body) <= MAX_FRAME
    assert peak(body) < 128 << 20
