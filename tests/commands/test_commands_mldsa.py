"""generateMLDSA, importMLDSA, signMLDSA: keys that no machine keeps."""

import pytest
from kit.cardsets import deal_cards
from kit.commands import RepeatableRig, ask, hash_key, refuse, sign

from seemachine.machine import Session
from seemachine.mldsa import engines, keys
from seemachine.mldsa.engines.portable import PortableMldsa
from seemachine.mldsa.hashing import representative
from seemachine.mldsa.parameters import MLDSA_SETS, mldsa
from seemachine.state.cards import shares
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status

SETS = pytest.mark.parametrize("parameters", MLDSA_SETS, ids=lambda each: each.name)
MU = bytes(range(64))


def verifies(made: m.MldsaMade, signature: bytes, mu: bytes = MU) -> bool:
    """The verdict of the portable engine."""
    parameters = next(each for each in MLDSA_SETS if each.public_bytes == len(made.public_key))
    return PortableMldsa().verify(parameters, made.public_key, mu, signature)


def signed(session, made, **more):
    """A signature with the key of a blob."""
    return ask(session, m.SignMldsa(blob=made.blob, mu=MU, **more)).signature


@SETS
def test_a_key_signs_on_each_machine_of_its_world(world, session, parameters):
    """Also on one that was not there when it was made."""
    made = ask(session, m.GenerateMldsa(mldsa=parameters.number))
    other = Session(world.machine(OTHER_ESN))

    assert len(made.public_key) == parameters.public_bytes
    assert made.private_key is None
    for each in (session, other):
        assert verifies(made, signed(each, made))
        assert not verifies(made, signed(each, made), bytes(64))


def test_no_other_world_signs_with_it(tmp_path, session):
    """Its refusal names both worlds, and says that nothing is damaged."""
    made = ask(session, m.GenerateMldsa(mldsa=44))
    other = RepeatableRig(tmp_path / "other").machine()
    refused = refuse(Session(other), m.SignMldsa(blob=made.blob, mu=MU))
    assert refused.status is Status.AccessDenied
    assert "missing in signMLDSA; if the key was made in this world, put it back" in refused.detail

    ask(Session(other), m.GenerateMldsa(mldsa=44))
    refused = refuse(Session(other), m.SignMldsa(blob=made.blob, mu=MU))
    assert refused.status is Status.AccessDenied
    assert "the key blob: of the world" in refused.detail


def test_a_signature_is_deterministic_or_hedged(session):
    """As it is asked for."""
    made = ask(session, m.GenerateMldsa(mldsa=44))
    same = {signed(session, made, deterministic=True) for _ in range(2)}
    hedged = {signed(session, made) for _ in range(2)}

    assert (len(same), len(hedged)) == (1, 2)
    assert all(verifies(made, each) for each in same | hedged)


def test_a_machine_draws_its_keys_from_its_own_chance(world, session):
    """Two requests make two keys."""
    first, second = (ask(session, m.GenerateMldsa(mldsa=44)) for _ in range(2))
    again = ask(Session(world.machine()), m.GenerateMldsa(mldsa=44))

    assert first.public_key != second.public_key
    assert again.public_key == first.public_key  # the chance of tests comes again


def test_a_key_is_exported_when_it_is_asked_to_be(session):
    """As the seed of its public key."""
    made = ask(session, m.GenerateMldsa(mldsa=65, export=True))
    assert made.private_key is not None
    assert keys.public_key_of(engines.select(), mldsa(65), made.private_key) == made.public_key


@pytest.mark.parametrize("form", ["seed", "expanded"])
@SETS
def test_a_key_pair_is_imported(session, parameters, form):
    """In either form, and signs as if it had been made here."""
    seed = b"imported" * 4
    public_key = PortableMldsa().public_key(parameters, seed)
    private_key = seed if form == "seed" else keys.expanded(parameters, seed)
    request = m.ImportMldsa(mldsa=parameters.number, public_key=public_key, private_key=private_key)
    made = ask(session, request)

    assert (made.public_key, made.private_key) == (public_key, None)
    assert verifies(made, signed(session, made))
    assert signed(session, made, deterministic=True) == PortableMldsa().sign(
        parameters, seed, MU, bytes(32)
    )


def test_a_pair_that_is_none_is_not_imported(session):
    """The private key of another public key, of another set, or no private key at all."""
    engine, own, other = engines.select(), b"own seed" * 4, b"not mine" * 4
    public_key = engine.public_key(mldsa(44), own)

    def refusal(private_key: bytes, number: int = 44) -> str:
        request = m.ImportMldsa(mldsa=number, public_key=public_key, private_key=private_key)
        refused = refuse(session, request)
        assert refused.status is Status.InvalidParameter
        assert private_key.hex() not in refused.detail
        return refused.detail

    wrong = "the private key belongs to another public key in importMLDSA"
    assert refusal(other) == wrong
    assert refusal(keys.expanded(mldsa(44), other)) == wrong
    assert refusal(own, 65) == wrong
    assert "has 4032 bytes" in refusal(keys.expanded(mldsa(44), own), 65)
    assert "do not belong together" in refusal(bytes(128) + keys.expanded(mldsa(44), own)[128:])


def test_there_are_three_sets(session):
    """Another one is refused with their names."""
    refused = refuse(session, m.GenerateMldsa(mldsa=2))
    assert refused.status is Status.InvalidParameter
    assert refused.detail == (
        "unknown ML-DSA set 2 in generateMLDSA; one of mldsa44, mldsa65, mldsa87"
    )


def test_a_blob_with_a_bit_flipped_is_refused(session):
    """Wherever it is, with no signature."""
    made = ask(session, m.GenerateMldsa(mldsa=44))
    for place in range(0, len(made.blob), 97):
        changed = bytearray(made.blob)
        changed[place] ^= 1
        refused = refuse(session, m.SignMldsa(blob=bytes(changed), mu=MU))
        assert refused.status is Status.Malformed


def test_what_is_no_blob_is_refused(session):
    """One byte or as many as may come."""
    for blob in (b"\0", bytes(1 << 14)):
        assert refuse(session, m.SignMldsa(blob=blob, mu=MU)).status is Status.Malformed


class TestSigners:
    """Keys of a signed SEE machine are used by none that another key signed (guide 2.9.2)."""

    def test_another_signer_is_refused(self, world):
        """With both named, and with what to look at."""
        made = ask(Session(world.machine(ESN, signer=b"one")), m.GenerateMldsa(mldsa=44))
        machine = world.machine(OTHER_ESN, signer=b"two")
        refused = refuse(Session(machine), m.SignMldsa(blob=made.blob, mu=MU))

        assert refused.status is Status.AccessDenied
        assert refused.detail == (
            f"the key belongs to SEE machines signed by {b'one'.hex()}, and that of {OTHER_ESN} is"
            f" signed by {b'two'.hex()} in signMLDSA; see: seemachine fleet check"
        )

    def test_an_extra_signer_will_do(self, world):
        """As for leases; and a key that was made under none is anybody's."""
        made = ask(Session(world.machine(ESN, signer=b"one")), m.GenerateMldsa(mldsa=44))
        extra = world.machine(OTHER_ESN, signer=b"two", extra_signers=frozenset([b"one"]))
        free = ask(Session(world.machine(ESN)), m.GenerateMldsa(mldsa=44))

        for each in (made, free):
            assert verifies(each, signed(Session(extra), each))

    def test_without_a_delegation_too(self, world):
        """It is about NVRAM files, of which there is none."""
        session = Session(world.machine(ESN, delegated=False))
        made = ask(session, m.GenerateMldsa(mldsa=44))
        assert verifies(made, signed(session, made))


def test_nothing_of_it_is_kept(world, session):
    """ML-DSA leaves the stateful promise alone: no NVRAM file, no row of the ledger, no leaf, and
    no token that an LMS signature could meet.
    """
    key = hash_key(session)
    before = ask(session, m.GetNvmemfileInfo(file=key.file))
    made = ask(session, m.GenerateMldsa(mldsa=44))
    for _ in range(3):
        signed(session, made)

    assert ask(session, m.GetNvmemfileInfo(file=key.file)) == before
    assert len(ask(session, m.ListNvmemfiles()).files) == 1
    assert ask(session, m.ReadLedger(after=0, most=9)).entries == []
    assert ask(session, sign(key.file)).leaf == 0
    assert not session.holding


def test_a_message_is_signed_with_its_context(session):
    """What the client computes is what a verifier computes."""
    made = ask(session, m.GenerateMldsa(mldsa=87))
    mu = representative(made.public_key, b"firmware", b"release")
    signature = ask(session, m.SignMldsa(blob=made.blob, mu=mu)).signature

    assert verifies(made, signature, representative(made.public_key, b"firmware", b"release"))
    assert not verifies(made, signature, representative(made.public_key, b"firmware"))


def test_without_an_engine_it_says_so(session, monkeypatch):
    """And asks for nothing else in its place."""
    monkeypatch.setenv(engines.ENVIRONMENT, "abacus")
    refused = refuse(session, m.GenerateMldsa(mldsa=44))
    assert refused.status is Status.NotAvailable
    assert "abacus is none of portable, openssl" in refused.detail


class TestCardSets:
    """A key under an operator card set."""

    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch):
        """How slowly a passphrase becomes a key is not what these tests are of."""
        monkeypatch.setattr(shares, "ROUNDS", 1)

    def loaded(self, session, ocs):
        """The handle of a set."""
        return ask(session, m.LoadToken(cardset=ocs.hash, passphrases=[])).handle

    def test_it_signs_while_the_set_is_loaded(self, world, session):
        """On another connection too, and with the card gone; not after the end of the one that
        loaded it.
        """
        ocs, loader = deal_cards(world.world, slots=[3]), Session(session.machine)
        handle = self.loaded(loader, ocs)
        made = ask(session, m.GenerateMldsa(mldsa=44, cardset=ocs.hash, logical_token=handle))
        world.rack.remove(ESN, 3)

        assert verifies(made, signed(session, made, logical_token=handle))
        loader.close()
        refused = refuse(session, m.SignMldsa(blob=made.blob, mu=MU, logical_token=handle))
        assert refused.status is Status.UnknownID

    def test_it_needs_its_own_set(self, world, session):
        """Not another that is loaded, and not none."""
        ocs = deal_cards(world.world, slots=[3])
        other = deal_cards(world.world, "other", slots=[4])
        handle = self.loaded(session, ocs)
        made = ask(session, m.GenerateMldsa(mldsa=44, cardset=ocs.hash, logical_token=handle))

        def refusal(logical_token):
            request = m.SignMldsa(blob=made.blob, mu=MU, logical_token=logical_token)
            return refuse(session, request).status

        assert refusal(self.loaded(session, other)) is Status.AccessDenied
        assert refusal(None) is Status.UnknownID
        assert refusal(bytes(16)) is Status.UnknownID
        wrong = m.GenerateMldsa(mldsa=44, cardset=other.hash, logical_token=handle)
        assert refuse(session, wrong).status is Status.AccessDenied

    def test_an_imported_key_is_under_one_too(self, world, session):
        """As one that was made here."""
        ocs, seed = deal_cards(world.world, slots=[3]), b"imported" * 4
        handle = self.loaded(session, ocs)
        public_key = PortableMldsa().public_key(mldsa(44), seed)
        made = ask(
            session,
            m.ImportMldsa(
                mldsa=44,
                public_key=public_key,
                private_key=seed,
                cardset=ocs.hash,
                logical_token=handle,
            ),
        )
        assert verifies(made, signed(session, made, logical_token=handle))
        assert refuse(session, m.SignMldsa(blob=made.blob, mu=MU)).status is Status.UnknownID


def test_a_blob_says_in_clear_what_it_is_of(world, tmp_path):
    """To anybody, in any world: it is not opened."""
    session = Session(world.machine(signer=b"one"))
    made = ask(session, m.GenerateMldsa(mldsa=65))
    elsewhere = Session(RepeatableRig(tmp_path / "other").machine())
    for each in (session, elsewhere):
        told = ask(each, m.InfoMldsa(blob=made.blob))
        assert (told.public_key, told.signer, told.cardset) == (made.public_key, b"one", None)
    assert refuse(session, m.InfoMldsa(blob=b"blob")).status is Status.Malformed
