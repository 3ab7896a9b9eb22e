"""What testing.no_leaf_twice and its like see, and what they say."""

import warnings

import pytest
from kit import signatures
from kit.commands import sign
from seeclient import blocking

from seemachine import testing
from seemachine.commands import answer
from seemachine.commands.leases import from_store
from seemachine.lms import engines
from seemachine.machine import Session
from seemachine.testing import exhausted, leaves_used, no_leaf_twice, quarantined
from seemachine.wire.names import FIRST_DYNAMIC_SLOT, printed_name
from seemachine.wire.status import Status, StatusError


@pytest.fixture
def rig(tmp_path):
    """Two machines of one world."""
    rig = testing.Rig(tmp_path)
    rig.start()
    rig.start(testing.OTHER_ESN)
    return rig


@pytest.fixture
def fleet(rig):
    """Their client."""
    with rig.fleet() as fleet:
        yield fleet


@pytest.fixture
def key(fleet):
    """A key that has all its leaves on the first machine."""
    return fleet.generate_lms("release", **testing.QUICK, esn=testing.ESN)


def copied(rig, key):
    """Put the lease of a key into the other machine, too, as no machine would."""
    file = rig.machines[testing.ESN].store.get(key.file.name)
    rig.machines[testing.OTHER_ESN].store.install(file.lease)


def refusal(*given, **named):
    """What no_leaf_twice says against something."""
    with pytest.raises(AssertionError) as found:
        no_leaf_twice(*given, **named)
    return str(found.value)


class Restarting:
    """A fleet whose machine starts again, in this process, while it is looked at."""

    esns = (testing.ESN,)

    def __init__(self, rig):
        self._rig, self.world = rig, rig.world
        self._before = rig.machines[testing.ESN]
        rig.stop()

    @property
    def hosted(self):
        """Itself as it was, then as it is."""
        before, self._before = self._before, None
        return {testing.ESN: before or self._rig.start(store="file")}


def test_a_machine_that_starts_again_meanwhile(tmp_path):
    """It is looked at once more, when its NVRAM is open again."""
    rig = testing.Rig(tmp_path)
    rig.start(store="file")
    with rig.fleet() as fleet:
        fleet.generate_lms("release", **testing.QUICK).sign(b"one")
    assert no_leaf_twice(Restarting(rig)) == (
        "no leaf twice in 0 signatures, 1 row, 1 machine, 0 cards"
    )


def test_what_was_looked_at_is_said(rig, fleet, key):
    """Nothing is wrong with signatures, ledgers, NVRAMs and cards of a fleet, a rig, or a world."""
    made = [(message, key.sign(message)) for message in (b"one", b"two")]

    told = "no leaf twice in 2 signatures, 2 rows, 2 machines, 0 cards"
    assert no_leaf_twice(fleet, signatures=made) == told
    assert no_leaf_twice(rig, signatures=[signature for _, signature in made]) == told.replace(
        "2 signatures", "2 signatures (2 not verified)"
    )
    assert no_leaf_twice(rig) == "no leaf twice in 0 signatures, 2 rows, 2 machines, 0 cards"


def test_a_lease_in_two_machines(rig, fleet, key):
    """Leaves that two machines hold are found before any of them signs."""
    copied(rig, key)

    both = f"{testing.ESN} and {testing.OTHER_ESN} both hold leaves 0 to 31 of release"
    reverse = f"{testing.OTHER_ESN} and {testing.ESN} both hold leaves 0 to 31 of release"
    assert refusal(fleet) in (both, reverse)


def test_a_leaf_that_was_handed_out_and_is_held(rig, fleet, key):
    """What one machine signed with, another could sign with."""
    key.sign(b"one")
    copied(rig, key)

    what = f"leaf 0 of release was handed out by {testing.ESN} (row 1)"
    assert f"{what}, and {testing.OTHER_ESN} still holds it" in refusal(rig)


def test_a_leaf_in_two_ledgers(rig, fleet, key):
    """Two machines that both handed out a leaf are named with their rows."""
    copied(rig, key)
    for number, machine in enumerate(rig.machines.values()):
        reply = answer(Session(machine), sign(key.file.name, b"%d" % number))
        assert not isinstance(reply, StatusError)

    first, *_ = refusal(rig).splitlines()
    assert first.startswith(f"leaf 0 of {printed_name(key.file.name)} was handed out 2 times: ")
    assert all(f"{esn} row 1" in first for esn in rig.machines)
    # Of two that took leaf 0, one leaf is used.
    assert leaves_used(key) == 1


def test_two_signatures_of_one_leaf():
    """Signatures alone prove it; the same one twice is no other."""
    engine, lease = engines.select(), testing.make_key(*testing.QUICK.values()).lease(0)
    one, other = (signatures.sign(engine, lease, 3, each) for each in (b"one", b"other"))

    what = "leaf 3 of one key made 2 different signatures: signature 1, signature 2"
    assert refusal(signatures=[one, (b"other", other)]) == what
    assert no_leaf_twice(signatures=[one, one]) == (
        "no leaf twice in 2 signatures (2 not verified), 0 rows, 0 machines, 0 cards"
    )


def test_one_signature_of_two_messages(fleet, key):
    """It fits one of them at most: that needs no key."""
    made = [(b"one", key.sign(b"one"))]
    made.append((b"two", made[0][1]))

    what = "signature 1 and signature 2 are one signature, of two messages"
    assert refusal(signatures=made) == what
    assert refusal(fleet, signatures=made).startswith(
        "signature 2 does not verify with the one key"
    )
    assert no_leaf_twice(signatures=made[:1] * 2)


def test_a_signature_of_another_message(fleet, key):
    """With its message, a signature is verified and held against the ledger."""
    assert "does not verify" in refusal(fleet, signatures=[(b"two", key.sign(b"one"))])


def test_a_message_that_a_ledger_has_otherwise(rig, fleet, key):
    """A signature over another message than the machine bound its leaf to was made elsewhere."""
    lease = rig.machines[testing.ESN].store.get(key.file.name).lease
    key.sign(b"one")
    forged = signatures.sign(engines.select(), from_store(lease), 0, b"other")

    assert "leaf 0 of" in (what := refusal(fleet, signatures=[(b"other", forged)]))
    assert f"signed another message than the ledger of {testing.ESN}" in what


def test_nothing_to_look_at(tmp_path):
    """An assertion that looked at nothing does not hold."""
    assert refusal(testing.Rig(tmp_path)).startswith("nothing to look at: no machine is up")
    assert refusal().startswith("nothing to look at")


def test_a_machine_that_does_not_tell(fleet, key, monkeypatch):
    """A machine that is up and refuses to say what it has leaves the question open."""
    monkeypatch.setattr(blocking.Fleet, "run", refused)

    assert refusal(fleet) == "a machine did not tell: not now"


def test_a_machine_that_is_down():
    """Whoever counts leaves misses those of a machine that is down, so nothing is counted;
    contradictions are looked for in what there is.
    """
    with testing.fleet(machines=2) as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        fleet.stop(2)

        for ask in (leaves_used, exhausted, lambda key: quarantined(key.fleet)):
            with pytest.raises(AssertionError) as refused:
                ask(key)
            assert str(refused.value) == f"not all machines tell: {testing.OTHER_ESN} is down"
        told = f"no leaf twice in 0 signatures, 0 rows, 1 machine, 0 cards; {testing.OTHER_ESN}"
        assert no_leaf_twice(fleet) == f"{told} is down"
        assert no_leaf_twice(fleet.world) == f"{told} is down"
        fleet.stop(1)
        with pytest.raises(
            AssertionError, match=r"not all machines tell: 5F08-.*; 7852-.* is down"
        ):
            leaves_used(key)


async def test_a_fleet_that_has_ended():
    """A fleet that is gone tells nothing: no key of it is exhausted, or unused."""
    async with testing.fleet() as fleet:
        key = await fleet.generate_lms("release", **testing.QUICK)
        assert leaves_used(key) == 0

    assert refusal(fleet).startswith("nothing to look at")
    for ask in (leaves_used, exhausted):
        with pytest.raises(AssertionError, match=r"not all machines tell: no machine of .* is up"):
            ask(key)


def refused(_fleet, _story):
    """What a machine with a fault says."""
    raise StatusError(Status.NotAvailable, "not now")


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ([b"short"], "signature 1 of those given is not one of LMS or HSS: not an LMS signature"),
        (["no/such/file"], "no/such/file"),
        ([None], "signature 1 is of type NoneType; a signature is bytes"),
        ((b"one", b"signature"), r"give a list .*, or of pairs: \[\(message, signature\)\]"),
        (b"one alone", "signatures= takes a list, also of one signature"),
    ],
)
def test_what_is_not_a_signature(wrong, what):
    """Whoever passes something else is told so; it is not passed over."""
    with pytest.raises((ValueError, TypeError, OSError), match=what):
        no_leaf_twice(signatures=wrong)


def test_what_is_not_a_subject(key):
    """What can be looked at is named where something else is given."""
    with pytest.raises(TypeError, match="give a fleet or a Rig of seemachine"):
        no_leaf_twice(3)
    with pytest.raises(TypeError, match=r"give an LMS key of a fleet, such as .*, not 3"):
        leaves_used(3)


def test_leaves_used(rig, fleet, key):
    """It counts leaves that were handed out, and shows which where an assertion shows it."""
    assert repr(leaves_used(key)) == "0 of release (no leaf in any ledger)"
    key.sign_many([b"one", b"two"])
    key.sign(b"three")

    assert leaves_used(key) == 3
    assert repr(leaves_used(key)) == f"3 of release (leaves 0 to 2 on {testing.ESN})"
    assert repr(leaves_used(key, rig)) == repr(leaves_used(key))


def test_exhausted(rig, fleet):
    """A key is exhausted when neither a machine nor a card has leaves of it, and says who has."""
    card = rig.feed_blank()
    key = fleet.generate_lms("release", **testing.QUICK, explease=1, esn=testing.ESN)
    lost = f"{card} holds leaves 0 to 15; {card} holds leaves 16 to 31"
    assert repr(exhausted(key)) == f"release is not exhausted: {lost}"
    assert not exhausted(key)

    fleet.provision(testing.ESN, FIRST_DYNAMIC_SLOT)
    assert f"{testing.ESN} holds leaves 0 to 15" in repr(exhausted(key))
    key.sign_many([b"firmware"] * 16)
    fleet.provision(testing.ESN, FIRST_DYNAMIC_SLOT)
    key.sign_many([b"firmware"] * 16)

    assert exhausted(key)
    assert repr(exhausted(key)) == "no leaf of release is left"
    assert no_leaf_twice(fleet)


def test_quarantined(rig, fleet, key):
    """What is in quarantine is named with its reason; its leaves sign nothing, and are left."""
    assert not quarantined(fleet)
    assert repr(quarantined(fleet)) == "nothing is in quarantine"
    rig.machines[testing.ESN].store.quarantine(key.file.name, "a copy of it was used")

    [(esn, suspect)] = quarantined(fleet)
    assert (esn, suspect.next) == (testing.ESN, 0)
    told = f"in quarantine: leaves 0 to 31 of release on {testing.ESN}: a copy of it was used"
    assert repr(quarantined(rig)) == told
    assert f"{testing.ESN} holds leaves 0 to 31 in quarantine" in repr(exhausted(key))
    copied(rig, key)
    assert no_leaf_twice(rig)


def test_an_answer_that_nobody_looked_at(fleet, key):
    """A question without `assert` would hold whatever the answer is: it warns."""
    with pytest.warns(RuntimeWarning, match=r"nobody looked .*: assert testing\.exhausted\("):
        exhausted(key)
    with warnings.catch_warnings(record=True) as none:
        assert not exhausted(key)
        list(quarantined(fleet))
    assert none == []
