"""ML-DSA keys that were made elsewhere, that are only a blob, or that a card set protects."""

import asyncio
import json

import pytest
from kit.cardsets import deal_cards
from kit.here import store
from kit.in_process import Shell, machines
from kit.refusals import refusal
from kit.stories import a_peer, a_roster, play
from seeclient import Status, StatusError, aio, passphrases, tokens
from seeclient.algorithms.mldsa import generating, signing
from seeclient.algorithms.mldsa.recipe import Recipe
from seeclient.message import Message
from seeclient.signing_options import PLAIN

from seemachine.mldsa import keys
from seemachine.mldsa.engines.portable import PortableMldsa
from seemachine.mldsa.parameters import MLDSA_SETS, mldsa
from seemachine.state.cards import shares
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire import messages as m
from seemachine.world import World

MESSAGE, SEED = b"firmware", b"made elsewhere!!" * 2


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """How slowly a passphrase becomes a key is not what these tests are of."""
    monkeypatch.setattr(shares, "ROUNDS", 1)


def dealt(world, **choice):
    """A card set with its file in kmdata."""
    ocs = deal_cards(world, **choice)
    world.keys.mkdir(parents=True, exist_ok=True)
    values = {"version": 1, "name": ocs.name, "hash": ocs.hash.hex(), "token": "operator"}
    (world.keys / f"cards_{ocs.hash.hex()}").write_text(json.dumps(values))
    return ocs


class TestImport:
    """A key pair that was made elsewhere."""

    @pytest.mark.parametrize("form", ["seed", "expanded"])
    @pytest.mark.parametrize("parameters", MLDSA_SETS, ids=lambda each: each.name)
    def test_it_signs_here(self, fleet, parameters, form):
        """As where it was made, byte for byte; its set is known by its length."""
        public_key = PortableMldsa().public_key(parameters, SEED)
        private_key = SEED if form == "seed" else keys.expanded(parameters, SEED)
        key = fleet.import_mldsa("Elsewhere", public_key, private_key)

        assert fleet.key("elsewhere").file == key.file
        assert (key.public_key, key.file.parameters) == (public_key, parameters)
        mu = signing.representative(public_key, Message(MESSAGE), b"")
        assert key.sign(MESSAGE, deterministic=True) == PortableMldsa().sign(
            parameters, SEED, mu, bytes(32)
        )
        assert private_key not in store().path_of("elsewhere").read_bytes()

    def test_an_export_comes_in_again(self, fleet):
        """In place of itself, and signing."""
        made = fleet.generate_mldsa_with("round", "mldsa44", export=True)
        again = fleet.import_mldsa("round", made.key.public_key, made.private_key, overwrite=True)
        again.verify(MESSAGE, made.key.sign(MESSAGE))

    def test_what_is_no_pair_is_refused(self, fleet):
        """And leaves no key file."""
        public_key = PortableMldsa().public_key(mldsa(44), SEED)
        other = refusal(fleet.import_mldsa, "k", public_key, b"another" * 4 + b"....")
        assert (other.status, other.detail) == (
            Status.InvalidParameter,
            "the private key belongs to another public key in importMLDSA",
        )
        short = refusal(fleet.import_mldsa, "k", public_key, SEED[1:])
        assert short.status is Status.InvalidParameter
        unknown = refusal(fleet.import_mldsa, "k", bytes(1300), SEED)
        assert "1312, 1952, 2592 bytes, by its set, not 1300" in unknown.detail
        assert not store().has("k")

    def test_an_alias_that_is_taken_is_refused(self, fleet):
        """Unless it is to be overwritten."""
        public_key = PortableMldsa().public_key(mldsa(44), SEED)
        fleet.generate_mldsa("k", "mldsa44")
        refused = refusal(fleet.import_mldsa, "k", public_key, SEED)
        assert refused.status is Status.ObjectInUse
        assert fleet.import_mldsa("k", public_key, SEED, overwrite=True).public_key == public_key

    def test_a_machine_that_takes_in_another_key_lies(self):
        """Nothing of it is kept."""
        peer = a_peer(ESN)
        roster = a_roster(peer)
        public_key = PortableMldsa().public_key(mldsa(44), SEED)
        request = m.ImportMldsa(mldsa=44, public_key=public_key, private_key=SEED)
        lie = m.MldsaMade(public_key=bytes(1312), blob=b"blob")
        story = generating.take_in(roster, Recipe("k", "mldsa44"), public_key, SEED)
        with pytest.raises(StatusError, match="takes in another key than was given: it is broken"):
            play(story, ((peer, request), lie))
        assert not roster.keys.has("k")


class TestImmediate:
    """A key of which there is only a blob."""

    def test_it_signs(self, fleet):
        """Without a key file."""
        key = fleet.generate_mldsa("k", "mldsa44")
        blob = key.file.blob
        store().remove("k")
        signature = fleet.sign_immediate(blob, MESSAGE, context=b"c", deterministic=True)
        key.verify(MESSAGE, signature, context=b"c")

    def test_what_is_no_blob_is_refused(self, fleet):
        """As a damaged one."""
        refused = refusal(fleet.sign_immediate, b"blob", MESSAGE)
        assert refused.status is Status.Malformed

    def test_a_machine_that_tells_of_no_key_lies(self):
        """A public key of no set."""
        peer = a_peer(ESN)
        lie = m.MldsaInfo(public_key=bytes(1313), signer=b"")
        story = signing.sign_immediate(a_roster(peer), b"blob", Message(MESSAGE), PLAIN)
        with pytest.raises(StatusError, match="tells of no key"):
            play(story, ((peer, m.InfoMldsa(blob=b"blob")), lie))


class TestTokens:
    """Keys under an operator card set."""

    def test_it_signs_where_the_cards_are(self, rig):
        """On the machine that has them in its slots, also when that is the second; loaded once."""
        ocs = dealt(rig.world, slots=[3])
        with rig.fleet() as fleet:
            key = fleet.generate_mldsa("k", "mldsa44", token="ocs")
            assert (key.file.token, key.file.cardset) == ("ocs", ocs.hash.hex())
            assert key.sign_with(MESSAGE).esn == ESN
            rig.move("ocs-1", OTHER_ESN, 2)
            # Loaded while the connection lasts, whatever becomes of the card.
            assert key.sign_with(MESSAGE).esn == ESN
            key.verify(MESSAGE, key.sign(MESSAGE))
        with rig.fleet() as fleet:
            key = fleet.key("k")
            assert key.sign_with(MESSAGE).esn == OTHER_ESN
            signature = fleet.sign_immediate(key.file.blob, MESSAGE)
            key.verify(MESSAGE, signature)

    def test_without_its_cards_it_says_what_to_do(self, rig):
        """Which card, and how it gets into a slot."""
        dealt(rig.world, slots=[3])
        with rig.fleet() as fleet:
            fleet.generate_mldsa("k", "mldsa44", token="ocs")
        rig.rack.remove(ESN, 3)
        with rig.fleet() as fleet:
            refused = refusal(fleet.key("k").sign, MESSAGE)
            assert refused.status is Status.NotAvailable
            assert f"seemachine card insert ocs-1 --esn {ESN}" in refused.detail

    def test_a_passphrase_is_given(self, rig):
        """With each call that may have to load the set; a wrong one is told from others."""
        dealt(rig.world, slots=[3], passphrases=[b"open sesame"])
        with rig.fleet() as fleet:
            missing = refusal(fleet.generate_mldsa, "k", "mldsa44", token="ocs")
            assert tokens.wants_passphrase(missing)
            assert not store().has("k")
            key = fleet.generate_mldsa("k", "mldsa44", token="ocs", passphrases=["open sesame"])
            key.sign(MESSAGE)
        with rig.fleet() as fleet:
            key = fleet.key("k")
            assert tokens.wants_passphrase(refusal(key.sign, MESSAGE, passphrases=["wrong"]))
            key.verify(MESSAGE, key.sign(MESSAGE, passphrases=["open sesame"]))

    def test_a_key_file_that_names_another_set_does_not_help(self, rig):
        """The blob says which set protects it: who edits the key file gets no signature."""
        from dataclasses import replace

        dealt(rig.world, slots=[3])
        with rig.fleet() as fleet:
            key = fleet.generate_mldsa("k", "mldsa44", token="ocs")
            store().save(replace(key.file, token="", cardset=""))
        with rig.fleet() as fleet:
            refused = refusal(fleet.key("k").sign, MESSAGE)
            assert refused.status is Status.UnknownID

    def test_an_unknown_set_asks_nobody(self, fleet):
        """The names of those that are known are told."""
        refused = refusal(fleet.generate_mldsa, "k", token="nobody")
        assert (refused.status, store().has("k")) == (Status.UnknownID, False)

    def test_pipsqueak_asks_for_passphrases(self, home, monkeypatch):
        """Once for a command, from who sits there or the next line of a pipe; showinfo names the
        set.
        """
        asked = []

        def typed(name, refused, *, wrong, taken):
            assert not taken
            asked.append((name, wrong))
            return "wrong" if len(asked) == 1 else "open sesame"

        monkeypatch.setattr(passphrases, "_next", typed)
        shell = Shell(home)
        with machines(home, ESN):
            dealt(World.at(home), slots=[3], passphrases=[b"open sesame"])
            code, lines = shell.pipsqueak("generate", "alias=k", "mldsacode=44", "token=ocs")
            assert (code, asked) == (0, [("ocs", False), ("ocs", True)]), lines
            asked.append("and so on")
            code, lines = shell.pipsqueak("alias=k", "message=m")
            assert (code, lines[-1].endswith("): true")) == (0, True)
            assert asked[3:] == [("ocs", False)]
            shown = shell.pipsqueak("showinfo", "alias=k")[1]
            assert shown[shown.index("Algorithm: ML-DSA") + 1 :][:2] == [
                "  mldsa44",
                "  Token: ocs",
            ]
            code, lines = shell.pipsqueak(
                "generate", "alias=l", "algorithm=lms", "lmscode=5", "lmotscode=4", "token=ocs"
            )
            assert (code, lines[0]) == (
                2,
                "pipsqueak: algorithm=lms takes no token=: LMS keys are module protected only",
            )

    def test_pipsqueak_finds_what_preload_loaded(self, home):
        """Without a passphrase, on the machine that has it loaded."""
        with machines(home, ESN):
            shell = Shell(home)
            ocs = dealt(World.at(home), slots=[3], passphrases=[b"open sesame"])
            with shell.fleet() as loader:
                handle = loader.run(tokens.load(loader.peers[0], ocs.hash, ["open sesame"]))
                preloaded = f"{ESN}:{ocs.hash.hex()}:{handle.hex()}"
                inside = Shell(home, SEEMACHINE_PRELOADED=preloaded)
                made = inside.pipsqueak("generate", "alias=k", "mldsacode=44", "token=ocs")
                assert made[0] == 0, made
                assert inside.pipsqueak("alias=k", "message=m")[0] == 0
            # Standard input is at its end.
            code, lines = inside.pipsqueak("alias=k", "message=m")
            assert (code, lines[-1]) == (1, "ERROR: sign failed")


async def test_the_trio_client_does_the_same(rig):
    """Import, immediate signatures, card sets."""
    dealt(rig.world, slots=[3], passphrases=[b"open sesame"])
    public_key = PortableMldsa().public_key(mldsa(44), SEED)
    async with rig.trio_fleet() as fleet:
        key = await fleet.import_mldsa(
            "k", public_key, SEED, token="ocs", passphrases=["open sesame"]
        )
        key.verify(MESSAGE, await fleet.sign_immediate(key.file.blob, MESSAGE))
        key.verify(MESSAGE, await key.sign(MESSAGE, passphrases=["open sesame"]))
        other = await fleet.generate_mldsa("o", "mldsa44", token="ocs")
        assert other.file.token == "ocs"


def test_the_asyncio_client_does_the_same(rig):
    """Import, immediate signatures, card sets."""
    dealt(rig.world, slots=[3], passphrases=[b"open sesame"])
    public_key = PortableMldsa().public_key(mldsa(44), SEED)

    async def scenario():
        async with aio.connected(rig.environment, connect=rig.connect) as fleet:
            key = await fleet.import_mldsa(
                "k", public_key, SEED, token="ocs", passphrases=["open sesame"]
            )
            key.verify(MESSAGE, await fleet.sign_immediate(key.file.blob, MESSAGE))
            key.verify(MESSAGE, await key.sign(MESSAGE, passphrases=["open sesame"]))
            other = await fleet.generate_mldsa("o", "mldsa44", token="ocs")
            assert other.file.token == "ocs"

    asyncio.run(scenario())
