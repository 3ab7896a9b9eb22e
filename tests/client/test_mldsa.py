"""ML-DSA keys in the library: made, used and lost, by each client."""

import asyncio
import errno
from dataclasses import replace
from pathlib import Path

import pytest
import seeclient
from kit.here import store
from kit.refusals import refusal
from kit.stories import WORK, a_key_file, a_peer, a_roster, play
from seeclient import Status, StatusError, aio, connecting
from seeclient.algorithms.mldsa import asking, generating, signing
from seeclient.algorithms.mldsa.keyfile import MldsaKeyFile
from seeclient.algorithms.mldsa.recipe import Recipe
from seeclient.effects import Pause
from seeclient.events import KeyMade, ignore
from seeclient.keyfile_format import decode, encode
from seeclient.message import Message
from seeclient.results import Signed
from seeclient.signing_options import PLAIN, SigningOptions

from seemachine import testing
from seemachine.mldsa import keys
from seemachine.mldsa.engines.portable import PortableMldsa
from seemachine.mldsa.hashing import representative
from seemachine.mldsa.parameters import MLDSA_SETS, mldsa
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire import messages as m

MESSAGE = b"firmware"
SEED = bytes(range(32))
PUBLIC_KEY = PortableMldsa().public_key(mldsa(44), SEED)
MU = representative(PUBLIC_KEY, MESSAGE)
SIGNATURE = PortableMldsa().sign(mldsa(44), SEED, MU, bytes(32))
# The hashing of the message comes first, the check of the signature last.
HASHED, CHECKED = (WORK, None), (WORK, None)
BROKEN = StatusError(Status.OSErrorErrno, "connection broken", connecting.CONNECT)
FOREIGN = StatusError(Status.AccessDenied, "the key blob: of the world 00", "signMLDSA")


def a_key(**changes):
    """A key whose blob nobody can open."""
    return replace(MldsaKeyFile("release", PUBLIC_KEY, b"blob"), **changes)


@pytest.mark.parametrize("parameters", MLDSA_SETS, ids=lambda each: each.name)
def test_a_key_lives_its_life(fleet, parameters, tmp_path):
    """Made, listed, shown, signing and verifying bytes and files, given out, destroyed."""
    told = []
    key = fleet.generate_mldsa("Release", parameters.name, progress=told.append)
    assert [type(each) for each in told] == [KeyMade]
    assert (key.alias, key.algorithm) == ("release", "ML-DSA")
    assert repr(key) == f"<seeclient.blocking.Key release: ML-DSA {parameters.name}>"
    assert len(key.public_key) == parameters.public_bytes
    assert key.file.made.esn == ESN
    assert fleet.key("RELEASE").file == key.file == store().load("release")
    assert fleet.key_by_hash(key.public_hash).file == key.file
    assert fleet.key_by_hash(bytes.fromhex(key.public_hash)).file == key.file

    signed = key.sign_with(MESSAGE)
    assert signed == Signed(signed.signature, ESN)
    file = tmp_path / "message"
    file.write_bytes(MESSAGE)
    for message in (MESSAGE, file):
        signature = key.sign(message)
        key.verify(MESSAGE, signature)
        key.verify(file, signature)
        mu = representative(key.public_key, MESSAGE)
        assert PortableMldsa().verify(parameters, key.public_key, mu, signature)
        refused = refusal(key.verify, b"another", signature)
        assert refused.status is Status.VerifyFailed
    assert [each.esn for each in key.info().machines] == [ESN, OTHER_ESN]

    assert key.destroy().aliases == ["release"]
    assert fleet.keys() == []


def test_the_default_is_what_cnsa_2_takes(fleet):
    """ML-DSA-87."""
    assert fleet.generate_mldsa("release").file.parameters is mldsa(87)


def test_one_text_is_no_list_of_passphrases(fleet):
    """Each of its letters would be tried on each card."""
    key = fleet.generate_mldsa("release", "mldsa44")
    for call in (
        lambda: key.sign(MESSAGE, passphrases="text"),
        lambda: fleet.generate_mldsa("other", token="ops", passphrases="text"),
        lambda: fleet.import_mldsa("other", b"", b"", token="ops", passphrases="text"),
        lambda: fleet.sign_immediate(key.file.blob, MESSAGE, passphrases="text"),
    ):
        with pytest.raises(TypeError, match="a list with a text for each card, not one text"):
            call()


def test_a_signature_has_a_context_and_may_be_deterministic(fleet):
    """Without its context it is none; deterministic ones are the same each time."""
    key = fleet.generate_mldsa("release", "mldsa44")
    signature = key.sign(MESSAGE, context=b"2026", deterministic=True)

    assert key.sign(MESSAGE, context=b"2026", deterministic=True) == signature
    assert key.sign(MESSAGE, context=b"2026") != signature
    key.verify(MESSAGE, signature, context=b"2026")
    for context in (b"", b"2027"):
        refused = refusal(key.verify, MESSAGE, signature, context=context)
        assert refused.status is Status.VerifyFailed
    too_long = refusal(key.sign, MESSAGE, context=bytes(256))
    assert (too_long.status, too_long.detail) == (
        Status.InvalidParameter,
        "a context has at most 255 bytes, not 256",
    )


def test_what_it_does_not_have_is_refused(fleet):
    """Thresholds and acknowledgements; and contexts of an LMS key."""
    key = fleet.generate_mldsa("release", "mldsa44")
    assert "no thresholds" in refusal(key.sign, MESSAGE, acknowledge="why").detail
    assert "no thresholds" in refusal(key.warn_at, 3).detail
    lms = fleet.generate_lms("lms", **testing.QUICK)
    for options in ({"context": b"c"}, {"deterministic": True}):
        assert "that goes with ML-DSA keys" in refusal(lms.sign, MESSAGE, **options).detail
    assert "that goes with ML-DSA keys" in refusal(lms.verify, MESSAGE, b"", context=b"c").detail
    assert lms.info().remaining == 32


class TestOverwriting:
    """Another key of the same alias."""

    def test_it_needs_to_be_said(self, fleet):
        """Else the key stays."""
        key = fleet.generate_mldsa("release", "mldsa44")
        refused = refusal(fleet.generate_mldsa, "release", "mldsa44")
        assert refused.status is Status.ObjectInUse
        assert fleet.key("release").file == key.file

        other = fleet.generate_mldsa("release", "mldsa65", overwrite=True)
        assert fleet.key("release").file == other.file != key.file

    def test_leaves_are_not_orphaned(self, fleet):
        """An LMS key stays, whatever is said; the refusal says what to type."""
        lms = fleet.generate_lms("release", **testing.QUICK)
        refused = refusal(fleet.generate_mldsa, "release", overwrite=True)
        assert refused.status is Status.ObjectInUse
        assert "seemachine key destroy release" in refused.detail
        assert fleet.key("release").file == lms.file

    def test_nothing_to_overwrite_is_no_fault(self, fleet):
        """As the vendor's flag, which only allows it."""
        assert fleet.generate_mldsa("new", "mldsa44", overwrite=True).alias == "new"


def test_a_key_is_exported_when_it_is_asked_to_be(fleet):
    """In both forms of FIPS 204; not else, and never in its key file or a representation."""
    made = fleet.generate_mldsa_with("release", "mldsa44", export=True)
    assert made.seed is not None
    assert keys.public_key_of(PortableMldsa(), mldsa(44), made.seed) == made.key.public_key
    assert made.private_key == keys.expanded(mldsa(44), made.seed)
    assert made.seed not in store().path_of("release").read_bytes()
    assert repr(made.seed) not in repr(made)

    kept = fleet.generate_mldsa_with("kept", "mldsa44")
    assert (kept.seed, kept.private_key) == (None, None)


def test_any_machine_of_the_world_signs(rig):
    """Also after the one that made the key is gone, with no word about it."""
    with rig.fleet() as fleet:
        key = fleet.generate_mldsa("release", "mldsa44", esn=OTHER_ESN)
        assert key.file.made.esn == OTHER_ESN
        assert key.sign_with(MESSAGE).esn == ESN
        rig.stop(ESN)
        assert key.sign_with(MESSAGE).esn == OTHER_ESN
        # The one that signed last is asked first.
        rig.start(ESN)
        assert key.sign_with(MESSAGE).esn == OTHER_ESN


def test_no_other_world_signs(rig, tmp_path):
    """Its key file is of no use there."""
    with rig.fleet() as fleet:
        fleet.generate_mldsa("release", "mldsa44")
    other = testing.Rig(tmp_path / "other")
    other.start()
    other.world.keys.mkdir(parents=True)
    name = rig.world.keys / "key_pqsdk_release"
    (other.world.keys / name.name).write_bytes(name.read_bytes())
    with other.fleet() as fleet:
        refused = refusal(fleet.key("release").sign, MESSAGE)
        assert refused.status is Status.AccessDenied
        assert "world.key: missing" in refused.detail


def test_the_public_key_is_given_out_as_others_read_it(fleet, tmp_path):
    """SubjectPublicKeyInfo of RFC 9881, in PEM, which cryptography reads and OpenSSL wrote before;
    seeclient.verify takes it in every form.
    """
    key = fleet.generate_mldsa("release", "mldsa65")
    signature = key.sign(MESSAGE, context=b"c")
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    read = serialization.load_pem_public_key(key.public_key_pem.encode())
    assert read.public_bytes_raw() == key.public_key
    read.verify(signature, MESSAGE, b"c")
    der = read.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    file = tmp_path / "key.pem"
    file.write_text(key.public_key_pem)
    raw = key.public_key
    for form in (raw, der, raw.hex(), raw.hex(" ", -4), key.public_key_pem, file):
        seeclient.verify(MESSAGE, signature, form, context=b"c")
        seeclient.verify(MESSAGE, signature, form, algorithm="ML-DSA-65", context=b"c")
        assert refusal(seeclient.verify, MESSAGE, signature, form).status is Status.VerifyFailed
    refused = refusal(seeclient.verify, MESSAGE, signature, raw, algorithm="mldsa87", context=b"c")
    assert refused.status is Status.InvalidParameter
    assert "the public key is not one of mldsa87" in refused.detail


def test_a_certificate_with_such_a_key_will_do(fleet):
    """As with LMS."""
    x509 = pytest.importorskip("cryptography.x509")
    mldsa_keys = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    from datetime import UTC, datetime, timedelta

    from cryptography.hazmat.primitives.serialization import Encoding

    private = mldsa_keys.MLDSA44PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "firmware")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, private.public_key(), 1, now, now + timedelta(1))
    certificate = builder.sign(private, None).public_bytes(Encoding.PEM)

    seeclient.verify(MESSAGE, private.sign(MESSAGE), certificate)
    key = fleet.generate_mldsa("other", "mldsa44")
    refused = refusal(seeclient.verify, MESSAGE, key.sign(MESSAGE), certificate)
    assert refused.status is Status.VerifyFailed


def test_what_is_no_signature_says_how_long_one_is(fleet):
    """Before anything is computed."""
    key = fleet.generate_mldsa("release", "mldsa44")
    refused = refusal(key.verify, MESSAGE, bytes(2421))
    assert (refused.status, refused.detail) == (
        Status.VerifyFailed,
        "it has 2421 bytes, and a signature of ML-DSA-44 2420",
    )


class TestKeyFile:
    """What is kept of a key, and nowhere else."""

    def test_it_comes_back(self):
        """With and without a card set."""
        for key in (a_key(), a_key(token="ops", cardset="ab" * 20, signer="cd" * 32)):
            assert decode(encode(key), "it") == key
        assert b"token" not in encode(a_key())
        assert "blob" not in repr(a_key())

    @pytest.mark.parametrize(
        "changes",
        [
            {"mldsacode": "mldsa87"},
            {"mldsacode": None},
            {"token": "\x1b[31m"},
            {"cardset": "ab"},
            {"public_key": "00" * 56},
        ],
        ids=str,
    )
    def test_what_is_none_is_refused(self, changes):
        """Another set than that of the public key, and words that are none."""
        import json

        from seeclient.keyfile_format import _checksum

        line, _, data = encode(a_key(token="ops", cardset="ab" * 20)).partition(b"\n")
        fields = json.loads(line) | changes
        fields.pop("sha256")
        fields = {name: value for name, value in fields.items() if value is not None}
        forged = json.dumps(fields | {"sha256": _checksum(fields, data)}).encode() + b"\n" + data
        with pytest.raises((ValueError, KeyError)):
            decode(forged, "it")

    @pytest.mark.parametrize("blob", [b"", bytes((1 << 14) + 1)], ids=["none", "too long"])
    def test_a_blob_has_its_length(self, blob):
        """That of the protocol."""
        with pytest.raises(ValueError, match="a blob has 1 to 16384 bytes"):
            decode(encode(a_key(blob=blob)), "it")


class TestStories:
    """What machines are asked, and what their replies are worth."""

    def request(self, key, **more):
        """The request for a signature of the message."""
        return m.SignMldsa(blob=key.blob, mu=representative(key.public_key, MESSAGE), **more)

    def told(self, *peers):
        """What the story of a signature begins with."""
        key = a_key()
        return key, signing.sign(a_roster(*peers), key, Message(MESSAGE)), HASHED

    def test_the_next_machine_is_asked_after_any_refusal(self):
        """The first that signs is the one that is told."""
        one, two, three = a_peer(ESN), a_peer(OTHER_ESN, 2), a_peer("0000-0000-0003", 3)
        key, story, hashed = self.told(one, two, three)
        request = self.request(key)
        signed = play(
            story,
            hashed,
            ((one, request), FOREIGN),
            ((two, request), BROKEN),
            ((three, request), m.MldsaSigned(signature=SIGNATURE)),
            CHECKED,
        )
        assert signed == Signed(SIGNATURE, three.esn)

    def test_a_machine_that_does_not_answer_is_asked_again(self):
        """After a while, as long as one takes to be started again; nothing is lost by that."""
        peer = a_peer(ESN)
        key, story, hashed = self.told(peer)
        request = self.request(key)
        assert play(
            story,
            hashed,
            ((peer, request), BROKEN),
            (Pause(asking.RETRY_PAUSES[0]), None),
            ((peer, request), m.MldsaSigned(signature=SIGNATURE)),
            CHECKED,
        )

        key, story, hashed = self.told(peer)
        steps = [hashed]
        for pause in asking.RETRY_PAUSES:
            steps += [((peer, request), BROKEN), (Pause(pause), None)]
        with pytest.raises(StatusError, match="connection broken"):
            play(story, *steps, ((peer, request), BROKEN))

    def test_a_refusal_is_not_asked_again(self):
        """Where all machines say no, that is it; the first reason is told."""
        one, two = a_peer(ESN), a_peer(OTHER_ESN, 2)
        key, story, hashed = self.told(one, two)
        request = self.request(key)
        other = StatusError(Status.Malformed, "damaged", "signMLDSA")
        with pytest.raises(StatusError, match=r"the key [a-z]*: of the world 00"):
            play(story, hashed, ((one, request), FOREIGN), ((two, request), other))

    def test_without_a_machine_it_says_so(self):
        """As LMS does."""
        _, story, hashed = self.told()
        with pytest.raises(seeclient.Unreachable, match="no HSM is published"):
            play(story, hashed)

    def test_machines_of_its_signer_come_first(self):
        """The others may have an extra signer, so they are asked too."""
        one, two = a_peer(ESN), a_peer(OTHER_ESN, 2, signer=b"signer")
        roster = a_roster(one, two)
        key = a_key(signer=b"signer".hex())
        assert [each.esn for each in signing.in_order(roster, key)] == [OTHER_ESN, ESN]

    def test_each_machine_is_told_before_it_is_asked(self):
        """To who asked for that; a caller's token changes nothing."""
        asked = []
        peer, key = a_peer(ESN), a_key()
        options = SigningOptions(token=b"t" * 16, asked=OTHER_ESN, asking=asked.append)
        story = signing.sign(a_roster(peer), key, Message(MESSAGE), options)
        _, _, hashed = self.told()
        made = m.MldsaSigned(signature=SIGNATURE)
        assert play(story, hashed, ((peer, self.request(key)), made), CHECKED).esn == ESN
        assert asked == [ESN]

    def test_a_machine_that_lies_about_a_key_gets_none_kept(self):
        """A key of another set than was asked for has no key file."""
        peer = a_peer(ESN)
        roster = a_roster(peer)
        story = generating.generate(roster, Recipe("release", "mldsa65"), ignore)
        lie = m.MldsaMade(public_key=bytes(1312), blob=b"blob")
        with pytest.raises(StatusError, match="it is broken, or lies"):
            play(story, ((peer, m.GenerateMldsa(mldsa=65)), lie))
        assert not roster.keys.has("release")

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_key_that_came_meanwhile_stays(self, overwrite):
        """Made by somebody else between the look at the alias and the end: an ML-DSA key would be
        lost with its file, and an LMS key's leaves with nobody to name them.
        """
        peer = a_peer(ESN)
        roster = a_roster(peer)
        other = a_key_file() if overwrite else a_key(blob=b"other")

        def meanwhile():
            roster.keys.save(other)
            return m.MldsaMade(public_key=bytes(1312), blob=b"blob")

        recipe = Recipe("release", "mldsa44", overwrite=overwrite)
        story = generating.generate(roster, recipe, ignore)
        with pytest.raises(StatusError) as refused:
            play(story, ((peer, m.GenerateMldsa(mldsa=44)), meanwhile))
        assert refused.value.status is Status.ObjectInUse
        assert roster.keys.load("release") == other
        assert [path.name for path in roster.keys.folder.iterdir()] == ["key_pqsdk_release"]

    def test_a_key_of_the_same_moment_is_replaced_too(self, monkeypatch):
        """Two who overwrite one alias at once are both served: neither hears that it is taken."""
        peer = a_peer(ESN)
        roster = a_roster(peer)
        has = type(roster.keys).has

        def then_another_comes(keys, alias):
            was = has(keys, alias)
            keys.save(a_key(blob=b"other"))
            return was

        monkeypatch.setattr(type(roster.keys), "has", then_another_comes)
        story = generating.generate(roster, Recipe("release", "mldsa44", overwrite=True), ignore)
        made = m.MldsaMade(public_key=bytes(1312), blob=b"mine")
        play(story, ((peer, m.GenerateMldsa(mldsa=44)), made))
        assert roster.keys.load("release").blob == b"mine"

    def test_where_files_have_one_name_a_key_is_saved_too(self, monkeypatch):
        """Some file systems have no hard links."""

        def refuse(self, other):
            raise OSError(errno.EOPNOTSUPP, "no second names")

        monkeypatch.setattr(Path, "hardlink_to", refuse)
        store().save_new(a_key(), "test")
        assert store().load("release") == a_key()
        refused = refusal(store().save_new, a_key(blob=b"other"), "test")
        assert refused.status is Status.ObjectInUse
        assert store().load("release") == a_key()

    @pytest.mark.parametrize(
        "signature",
        [SIGNATURE + b"\0", SIGNATURE[:-1], bytes([SIGNATURE[0] ^ 1]) + SIGNATURE[1:]],
        ids=["longer", "shorter", "another"],
    )
    def test_a_signature_that_does_not_verify_is_not_released(self, signature):
        """Whether the machine lies, or the key file names another public key than its blob."""
        peer = a_peer(ESN)
        key, story, hashed = self.told(peer)
        lie = m.MldsaSigned(signature=signature)
        with pytest.raises(StatusError, match="that the public key of release does not verify"):
            play(story, hashed, ((peer, self.request(key)), lie), CHECKED)

    def test_an_unknown_set_asks_nobody(self):
        """The refusal has the names of those that are known."""
        story = generating.generate(a_roster(a_peer(ESN)), Recipe("release", "mldsa99"), ignore)
        with pytest.raises(StatusError, match="one of mldsa44, mldsa65, mldsa87"):
            play(story)


async def test_the_trio_client_does_the_same(rig):
    """With its own words."""
    async with rig.trio_fleet() as fleet:
        made = await fleet.generate_mldsa_with("release", "mldsa44", export=True)
        key = await fleet.generate_mldsa("release", "mldsa44", overwrite=True)
        assert made.key.public_key != key.public_key
        signature = await key.sign(MESSAGE, context=b"c", deterministic=True)
        key.verify(MESSAGE, signature, context=b"c")
        assert (await key.sign_with(MESSAGE)).leaf is None
        assert fleet.key_by_hash(key.public_hash).alias == "release"
        assert (await key.destroy()).aliases == ["release"]


def test_the_asyncio_client_does_the_same(rig):
    """With its own words."""

    async def scenario():
        async with aio.connected(rig.environment, connect=rig.connect) as fleet:
            made = await fleet.generate_mldsa_with("release", "mldsa44", export=True)
            assert made.private_key is not None
            key = await fleet.generate_mldsa("release", "mldsa44", overwrite=True)
            signature = await key.sign(MESSAGE, context=b"c", deterministic=True)
            key.verify(MESSAGE, signature, context=b"c")
            assert (await key.sign_with(MESSAGE)).leaf is None
            assert fleet.key_by_hash(key.public_hash).alias == "release"
            assert (await key.destroy()).aliases == ["release"]

    asyncio.run(scenario())


def test_a_hash_that_no_key_has(fleet):
    """Is refused with what to type."""
    refused = refusal(fleet.key_by_hash, bytes(32))
    assert refused.status is Status.UnknownID
    assert "see them with: pipsqueak list" in refused.detail


def test_nothing_of_lms_changes(fleet):
    """A signature with an ML-DSA key takes no leaf, and leaves nothing in memory, NVRAM or ledger:
    the stateful promise is not its business.
    """
    lms = fleet.generate_lms("lms", **testing.QUICK)
    key = fleet.generate_mldsa("release", "mldsa44")
    for _ in range(5):
        key.sign(MESSAGE)
    assert lms.info().remaining == 32
    assert lms.sign_with(MESSAGE).leaf == 0
    [page] = [fleet.run(_ledger(peer)) for peer in fleet.peers[:1]]
    assert [entry.leaf for entry in page.entries] == [0]


def _ledger(peer):
    from seeclient.effects import ask

    return (yield from ask(peer, m.ReadLedger(after=0, most=99)))


def test_destroying_needs_no_machine(rig):
    """Its file is all there is."""
    with rig.fleet() as fleet:
        fleet.generate_mldsa("release", "mldsa44")
    rig.stop(ESN)
    rig.stop(OTHER_ESN)
    with rig.fleet() as fleet:
        assert fleet.key("release").destroy().aliases == ["release"]
    assert PLAIN.context == b""
