"""seemachine convert and key export: what is written, what is refused, and where it goes."""

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import seeclient
from kit import formed
from seeclient import forms as client_forms
from seeclient.local import LocalKey

from seemachine import testing
from seemachine.cli.command import main
from seemachine.encodings.forms import KEY_FORMS, SIGNATURE_FORMS, write_key, write_signature


class Printed:
    """What commands print, as bytes."""

    def __init__(self, capture):
        self._capture = capture

    def of(self, *words, code=0):
        """A command with this exit code: its standard output."""
        assert main(list(map(str, words))) == code
        out, self.err = self._capture.readouterr()
        return out

    def refusal(self, *words, code=1):
        """What a command is refused with."""
        assert self.of(*words, code=code) == b""
        return self.err.decode()


@pytest.fixture
def printed(capsysbinary, tmp_path, monkeypatch):
    """Commands in a folder of their own, with a world that is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path / "world"))
    return Printed(capsysbinary)


def put(name, data):
    """A file here."""
    Path(name).write_bytes(data)
    return name


class TestConvert:
    """Keys and signatures."""

    def test_a_long_key_file_of_a_host_is_said_to_be_one(self, printed):
        """That of a high tree is longer than any public key."""
        put("key_pqsdk_big", b'{"format": "seemachine key file 2"' + bytes(1 << 20))
        for words in (("convert",), ("verify", "m", "--signature", "m", "--key")):
            code = 1 if words == ("convert",) else 2
            refusal = printed.refusal(*words, "key_pqsdk_big", code=code)
            assert "key_pqsdk_big is a key file of a host" in refusal

    def test_from_every_form_into_every_form(self, printed):
        """Of a key that all of them hold, the bytes are those of the form."""
        key = formed.key(formed.CALIPTRA)
        names = [form.name for form in KEY_FORMS.values() if "LMS" in form.algorithms]
        for form in names:
            put("key", write_key(key, form))
            words = ("convert", "key", "--from", form, "--to", "json")
            assert printed.of(*words) == write_key(key, "json")
            put("key", write_key(key, "cose"))
            assert printed.of("convert", "key", "--to", form) == write_key(key, form)

    def test_signatures(self, printed):
        """The same, and a file that is written says in a line what it has."""
        made = formed.signature(leaf=7)
        names = ["lms", "hss", "base64", "json"]
        for given, wanted in zip(names, reversed(names), strict=True):
            put("sig", write_signature(made, given))
            line = printed.of("convert", "sig", "--to", wanted, "--out", "out", "--force")
            assert Path("out").read_bytes() == write_signature(made, wanted)
            assert line.decode() == (
                f"out: signature of LMS, sha256_m32_h5 sha256_n32_w1, leaf 7, as {wanted}\n"
            )

    def test_what_it_is(self, printed):
        """Without a form to write it says what the bytes are, and writes nothing."""
        put("k", write_key(formed.key(levels=3), "pem"))
        put("m", write_key(formed.mldsa_key(65), "cose"))
        assert printed.of("convert", "k") == (
            b"k: public key of HSS with 3 levels, sha256_m32_h5 sha256_n32_w1, as pem\n"
        )
        assert printed.of("convert", "m") == b"m: public key of ML-DSA-65, as cose\n"
        assert sorted(map(str, Path().iterdir())) == ["k", "m"]

    def test_standard_input(self, printed, monkeypatch):
        """A pipe on both sides."""
        data = write_key(formed.key(), "lms")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert printed.of("convert", "-", "--to", "hss", "--out", "-") == b"\0\0\0\1" + data

    def test_a_form_that_cannot_hold_it(self, printed):
        """A sentence says why, and what to use."""
        put("k", write_key(formed.key(levels=2), "hss"))
        put("s", write_signature(formed.signature(levels=2), "hss"))
        assert printed.refusal("convert", "k", "--to", "lms", "--out", "new") == (
            "seemachine convert: k: the form lms can't hold it: it has 2 levels, and there is room"
            " for one; use hss or pem\n"
        )
        assert "it has 2 levels, and there is room for one; use hss\n" in printed.refusal(
            "convert", "s", "--to", "lms"
        )
        said = "s: pem is not a form of an LMS signature; use one of hss, base64, json\n"
        assert said in printed.refusal("convert", "s", "--to", "pem")
        assert not Path("new").exists()

    def test_what_is_neither(self, printed):
        """Garbage, nothing, a folder, no file, what is too large."""
        put("garbage", os.urandom(100))
        put("nothing", b"")
        with Path("large").open("wb") as file:
            file.truncate(1 << 30)
        Path("folder").mkdir()
        for name in ("garbage", "nothing"):
            assert printed.refusal("convert", name) == (
                f"seemachine convert: {name} is neither a public key nor a signature of LMS, HSS or"
                " ML-DSA\n"
            )
        assert "large has more than 1048576 bytes" in printed.refusal("convert", "large")
        assert "folder: Is a directory" in printed.refusal("convert", "folder")
        assert "No such file" in printed.refusal("convert", "none")

    def test_a_private_key(self, printed):
        """It is refused with its reason, in any case before anything is written."""
        put("k.prv", bytes(8) + b"\x64" + b"\xff" * 7 + os.urandom(48))
        said = printed.refusal("convert", "k.prv", "--to", "pem", "--out", "new")
        assert said.startswith(
            "seemachine convert: k.prv is a private LMS key of hash-sigs, wolfSSL, wolfBoot"
        )
        assert not Path("new").exists()

    def test_a_private_key_that_looks_like_a_public_one(self, printed):
        """Caliptra's older tools keep 48 bytes of both: no form is written before somebody says
        that they are public, and who asks what they are is told.
        """
        key = formed.key(formed.CALIPTRA)
        put("k", write_key(key, "lms"))
        for form in ("pem", "lms", "json"):
            said = printed.refusal("convert", "k", "--to", form, "--out", "new")
            assert said == (
                "seemachine convert: k may be a public key in the form lms, or a private key of"
                " Caliptra's image/app, whose seed looks like a root; if it is public, say so:"
                " --from lms\n"
            )
        assert not Path("new").exists()
        for form in ("lms", "caliptra-raw"):
            written = printed.of("convert", "k", "--to", "pem", "--from", form)
            assert written == write_key(key, "pem")
        assert printed.of("convert", "k").startswith(b"k: public key of LMS")
        assert b"a private key of Caliptra's image/app has the same bytes" in printed.err
        assert printed.of("convert", "k", "--from", "lms").startswith(b"k: public key of LMS")
        assert printed.err == b""

    def test_a_form_that_says_that_a_key_is_public(self, printed):
        """Only the bare bytes of Caliptra's parameter sets may be either."""
        for name, pair in (("other", formed.SMALL), ("caliptra", formed.CALIPTRA)):
            key = formed.key(pair)
            put(name, write_key(key, "lms" if name == "other" else "hss"))
            assert printed.of("convert", name, "--to", "der") == write_key(key, "der")

    def test_bytes_that_may_be_two_signatures(self, printed):
        """It is said how to say which."""
        put("s", formed.signature_of_two_readings())
        said = printed.refusal("convert", "s", "--to", "hss")
        assert said.endswith("say which is meant: --from hss or --from lms\n")
        assert printed.of("convert", "s", "--to", "hss", "--from", "lms").startswith(bytes(4))

    def test_usage(self, printed):
        """A form that is not there is told by what it may mean; a file needs a form."""
        put("k", write_key(formed.key(), "pem"))
        with pytest.raises(SystemExit):
            main(["convert", "k", "--to", "dre"])
        assert "--out needs a form" in printed.refusal("convert", "k", "--out", "x", code=2)


class TestWhereItGoes:
    """Files, terminals, pipes."""

    def test_a_file_that_is_there(self, printed):
        """It stays as it is without --force, and with it when it is the very file that is read."""
        data = put("k", write_key(formed.key(), "lms")) and Path("k").read_bytes()
        put("there", b"firmware")
        said = printed.refusal("convert", "k", "--to", "hss", "--out", "there")
        assert said == "seemachine convert: there is there already; replace it with --force\n"
        assert Path("there").read_bytes() == b"firmware"
        printed.of("convert", "k", "--to", "hss", "--out", "there", "--force")
        assert Path("there").read_bytes() == b"\0\0\0\1" + data
        said = printed.refusal("convert", "k", "--to", "hss", "--out", "k", "--force")
        assert "k is what is read; name another file" in said

    def test_who_may_read_it(self, printed):
        """Whoever the user's umask lets: what is public is for others."""
        put("k", write_key(formed.key(), "lms"))
        os.umask(0o022)
        printed.of("convert", "k", "--to", "pem", "--out", "new")
        assert Path("new").stat().st_mode & 0o777 == 0o644
        Path("link").symlink_to("new")
        os.umask(0o027)
        printed.of("convert", "k", "--to", "der", "--out", "link", "--force")
        assert Path("link").is_symlink()
        assert Path("new").stat().st_mode & 0o777 == 0o640

    def test_links(self, printed):
        """One that leads nowhere gets a file there; one that leads to itself is refused."""
        put("k", write_key(formed.key(), "lms"))
        Path("dangling").symlink_to("new")
        Path("loop").symlink_to("loop")
        printed.of("convert", "k", "--to", "pem", "--out", "dangling")
        assert Path("new").read_bytes().startswith(b"-----BEGIN")
        assert "loop: File exists" in printed.refusal(
            "convert", "k", "--to", "pem", "--out", "loop"
        )

    def test_folders(self, printed):
        """One that is there is not a file, and one that is not is not made."""
        put("k", write_key(formed.key(), "lms"))
        Path("folder").mkdir()
        assert "folder is a folder" in printed.refusal(
            "convert", "k", "--to", "pem", "--out", "folder", "--force"
        )
        assert "there is no folder no" in printed.refusal(
            "convert", "k", "--to", "pem", "--out", "no/new"
        )

    def test_bytes_on_a_terminal(self, printed, monkeypatch):
        """They are refused; text is printed."""
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        put("k", write_key(formed.key(), "lms"))
        assert printed.refusal("convert", "k", "--to", "der") == (
            "seemachine convert: binary output is not written to a terminal; name a file with"
            " --out\n"
        )
        assert printed.of("convert", "k", "--to", "pem").startswith(b"-----BEGIN PUBLIC KEY-----\n")

    def test_a_full_disk(self, printed, monkeypatch):
        """The earlier file stays, and nothing is left beside it."""
        put("k", write_key(formed.key(), "lms"))
        put("there", b"earlier")

        def full(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        said = printed.refusal("convert", "k", "--to", "hss", "--out", "there", "--force")
        assert "No space left on device" in said
        assert Path("there").read_bytes() == b"earlier"
        assert sorted(map(str, Path().iterdir())) == ["k", "there"]

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
    def test_a_device_that_is_full(self, printed):
        """It is told, and nobody takes it for done."""
        put("k", write_key(formed.key(), "lms"))
        said = printed.refusal("convert", "k", "--to", "hss", "--out", "/dev/full")
        assert "No space left on device" in said

    def test_json_and_standard_output(self, printed):
        """They both want it."""
        put("k", write_key(formed.key(), "lms"))
        printed.of("convert", "k", "--to", "hss", "--out", "-", "--json", code=2)


class TestOfAKey:
    """A key of a host."""

    @pytest.fixture
    def fleet(self, tmp_path):
        """A world with a key of each algorithm."""
        rig = testing.Rig(tmp_path / "world")
        rig.start()
        with rig.fleet() as fleet:
            yield fleet

    def test_export_and_library(self, fleet, printed):
        """Commands without a machine, and the library, give the same bytes; others verify with
        them.
        """
        key = fleet.generate_lms("release", **testing.QUICK)
        signature = key.sign(b"m")
        for form in ("lms", "hss", "der", "pem", "der-8708", "cose", "json"):
            data = printed.of("key", "export", "release", "--format", form)
            assert data == key.public_key_as(form) == client_forms.public_key_as(key, form)
            assert client_forms.form_of_public_key(data) == form
            for wrap in SIGNATURE_FORMS.values():
                if wrap.name in ("lms", "hss"):
                    seeclient.verify(b"m", client_forms.signature_as(signature, wrap.name), data)
        assert printed.of("key", "export", "release") == key.public_key_pem.encode()
        said = printed.of("key", "export", "release", "--out", "r.hss", "--format", "hss").decode()
        sets = f"{key.file.key.tree.name} {key.file.key.ots.name}"
        assert said == f"r.hss: public key of LMS, {sets}, as hss, of release\n"
        assert client_forms.public_key_as(Path("r.hss"), "lms") == key.public_key

    def test_mldsa(self, fleet, printed):
        """The forms of ML-DSA, and a refusal of the others."""
        key = fleet.generate_mldsa("app")
        for form in ("raw", "der", "pem", "cose", "json"):
            assert printed.of("key", "export", "app", "--format", form) == key.public_key_as(form)
        said = printed.refusal("key", "export", "app", "--format", "hss")
        assert said == (
            "seemachine key export: app: hss is not a form of an ML-DSA public key; use one of der,"
            " pem, raw, cose, json\n"
        )
        signature = key.sign(b"m")
        assert client_forms.form_of_signature(signature) == "raw"
        data = client_forms.signature_as(signature, "json")
        assert client_forms.signature_as(data, "raw") == signature

    def test_of_a_seeded_world(self, tmp_path, printed):
        """It is said that anybody can make the key."""
        with testing.fleet(machines=1, seed=7, folder=tmp_path / "seeded") as fleet:
            fleet.generate_lms("k", **testing.QUICK)
        printed.of("key", "export", "k", "--home", tmp_path / "seeded")
        assert b"INSECURE: a world for tests, with the seed 7" in printed.err

    def test_of_other_sets_than_caliptra_takes(self, fleet, printed):
        """It is told which it takes, and how to make one."""
        fleet.generate_lms("release", **testing.QUICK)
        said = printed.refusal("key", "export", "release", "--format", "caliptra")
        assert "Caliptra takes sha256_m24_h15 sha256_n24_w4 alone" in said
        assert "lmscode=sha256_m24_h15 lmotscode=sha256_n24_w4" in said

    def test_the_library_and_what_may_be_a_private_key(self, tmp_path):
        """Bytes, text and files of Caliptra's parameter sets are not written before it is said that
        they are public; a key of this host is.
        """
        key = formed.key(formed.CALIPTRA)
        data = write_key(key, "lms")
        file = tmp_path / "k"
        file.write_bytes(data)
        for given in (data, data.hex(), file):
            with pytest.raises(seeclient.StatusError, match="say so: given_as='lms'") as refused:
                client_forms.public_key_as(given, "pem")
            assert refused.value.detail.startswith(f"{file if given is file else 'public_key'} may")
            written = client_forms.public_key_as(given, "pem", given_as="lms")
            assert written == write_key(key, "pem")
        with pytest.raises(seeclient.StatusError, match="as lms, and not der"):
            client_forms.public_key_as(data, "pem", given_as="der")
        own = LocalKey(SimpleNamespace(public_key=data))
        assert own.public_key_as("caliptra") == write_key(key, "caliptra")

    def test_the_library_and_a_signature_that_may_be_two(self):
        """It says which argument says which."""
        data = formed.signature_of_two_readings()
        with pytest.raises(seeclient.StatusError, match="given_as='hss' or given_as='lms'"):
            client_forms.signature_as(data, "hss")
        assert client_forms.signature_as(data, "hss", given_as="hss") == data

    @pytest.mark.parametrize(
        ("call", "arguments"),
        [
            (client_forms.public_key_as, (b"garbage", "pem")),
            (client_forms.signature_as, (b"garbage", "hss")),
            (client_forms.form_of_public_key, ("garbage",)),
            (client_forms.form_of_signature, (b"",)),
            (client_forms.signature_as, (Path("none"), "hss")),
        ],
    )
    def test_the_library_refuses(self, call, arguments):
        """With the one error that it has."""
        with pytest.raises(seeclient.StatusError):
            call(*arguments)

    def test_names_of_forms(self):
        """They are those of the commands."""
        assert tuple(KEY_FORMS) == client_forms.KEY_FORMS
        assert tuple(SIGNATURE_FORMS) == client_forms.SIGNATURE_FORMS
