"""The documents of --json where commands are carried out: each command once, in a world of real
machines, held against the published schema.
"""

import hashlib
import json
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from kit import processes
from kit.documents import Document, answer, check, commands, pipsqueak_answer, process_answer
from seeclient import arguments

from seemachine.nfast import certificates

FIVE, XC = "7852-268D-3BF9", "5F08-02E0-D947"
KEY = "generate alias=k algorithm=lms lmscode=sha256_m32_h5 lmotscode=sha256_n32_w4"


class Session:
    """Commands of one world, and which of them were carried out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.done = folder, folder / "world", set[tuple[str, str]]()

    def seemachine(self, line: str) -> Document:
        """A command that is carried out, whatever it finds."""
        words = line.split()
        # One leaves a process, one locks the memory of its own, one takes signals.
        apart = words[:2] == ["fleet", "up"] or words[0] in ("doctor", "run")
        run = process_answer if apart else answer
        return self._kept(run(words, self.home))

    def pipsqueak(self, line: str = "") -> Document:
        """The same of pipsqueak."""
        return self._kept(pipsqueak_answer(line.split(), self.home))

    def _kept(self, document: Document) -> Document:
        assert document["ok"] or document["error"]["code"] == "found", str(document)
        self.done.add((document["program"], document["command"]))
        return document


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A world whose fleet is up, and a folder to be in."""
    made = Session(tmp_path_factory.mktemp("json"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made.folder)
        up = made.seemachine("fleet up --detach")
        assert [each["state"] for each in up["machines"]] == ["up", "up"]
        yield made
        made.seemachine("fleet down")


def test_keys_cards_and_signatures(session: Session) -> None:
    """The verbs of pipsqueak, and the cards between them."""
    first, second = (card["card"] for card in session.seemachine("card new --count 2")["cards"])
    assert session.seemachine(f"card insert {first} --esn {FIVE} --slot 2")["slot"] == 2
    assert session.pipsqueak()["ok"]
    assert session.pipsqueak(f"{KEY} expcards=0 explease=2")["alias"] == "k"
    assert session.pipsqueak(f"provesn={FIVE} slot=2")["first"] == 0
    assert session.pipsqueak("alias=k warnat=1")["warnat"] == 1
    assert session.pipsqueak("alias=k message=m sigfile=m.sig")["leaf"] == 0
    assert session.pipsqueak("alias=k message=m verify=m.sig")["verified"]
    (session.home.parent / "images").mkdir()
    (session.home.parent / "images" / "a").write_text("a")
    folders = f"msgdir={session.home.parent / 'images'} sigdir={session.home.parent / 'signed'}"
    told = session.pipsqueak(f"alias=k {folders} acknowledge=last")
    assert [(each["name"], each["outcome"], each["leaf"]) for each in told["files"]] == [
        ("a", "signed", 1)
    ]
    assert session.pipsqueak("showinfo alias=k")["remaining"] > 0
    assert [key["alias"] for key in session.pipsqueak("list")["keys"]] == ["k"]
    assert [key["alias"] for key in session.seemachine("key list")["keys"]] == ["k"]
    assert session.seemachine("key show k")["key"]["machines"][0]["esn"] == FIVE
    exported = session.seemachine("key export k --format hss --out k.hss")
    assert session.seemachine("convert k.hss --to der")["content"].endswith(exported["content"])
    assert (
        session.seemachine("convert m.sig --to hss")["content"][8:]
        == Path("m.sig").read_bytes().hex()
    )
    judged = session.seemachine("verify --key k.hss --signature m.sig k.hss")
    assert (judged["verified"], judged["files"][0]["why"]) == (False, "not-verified")
    place = f"--esn {XC} --slot 4"
    session.seemachine(f"card insert {second} {place}")
    assert session.seemachine(f"card format {place}")["esn"] == XC
    assert session.seemachine(f"card remove {place}")["card"] == second
    cards = session.seemachine("card list")["cards"]
    assert [card["card"] for card in cards] == [first, second]


def test_what_a_key_signs_for_others(session: Session) -> None:
    """A CA whose key signs without leaves, so that the ledger stays short."""
    session.pipsqueak("generate alias=ca algorithm=mldsa")
    for line, kind in (
        ("root ca --subject CN=Root --out root.pem", "certificate"),
        ("request ca --subject CN=End --out end.csr", "request"),
        ("issue ca end.csr --issuer root.pem --out end.pem", "certificate"),
        ("crl ca --issuer root.pem --revoke end.pem --out ca.crl", "crl"),
    ):
        made = session.seemachine(f"cert {line}")
        assert (made["document"]["kind"], made["leaf"]) == (kind, None)
        assert Path(made["file"]).is_file()
    shown = session.seemachine("cert show --issuer root.pem root.pem end.csr end.pem ca.crl")
    assert {each["signature"] for each in shown["documents"]} == {"good"}


def test_a_bundle_of_caliptra(session: Session) -> None:
    """Signed by an ML-DSA key, which is made in a moment."""
    target = "owner_imc_signatures"
    entry = {
        "ecc_key": "e",
        "pqc_key": "p",
        "digest_sha384": hashlib.sha384(b"").hexdigest(),
        "payload_hex": "",
    }
    Path("signing_request.json").write_text(json.dumps({"version": 1, "requests": {target: entry}}))
    assert session.pipsqueak("generate alias=o algorithm=mldsa mldsacode=mldsa87")["alias"] == "o"
    words = "signing_request.json --key p=o"
    [signed] = session.seemachine(f"caliptra sign {words}")["targets"]
    assert (signed["target"], signed["outcome"], signed["leaf"]) == (target, "signed", None)
    assert session.seemachine(f"caliptra verify {words}")["targets"][0]["good"]
    shown = session.seemachine("caliptra key o --out o.pem")
    assert (shown["algorithm"], shown["file"]) == ("ML-DSA-87", "o.pem")
    session.seemachine("key destroy o --yes")


def test_files_for_others(session: Session) -> None:
    """In a form, with a key that has no leaves."""
    Path("f").write_bytes(b"f")
    made = session.seemachine("sign ca f --format base64")
    assert (made["format"], made["signed"]) == ("base64", 1)
    assert made["files"][0]["signature"] == "f.b64"
    assert session.seemachine("sign ca f --format base64")["kept"] == 1


def test_messages_for_others(session: Session) -> None:
    """Of the same key: CMS and COSE verify, and a JAR has all of its entries signed."""
    Path("content").write_bytes(b"content")
    with zipfile.ZipFile("a.jar", "w") as jar:
        jar.writestr("A.class", b"class")
    public = session.pipsqueak("showinfo alias=ca")["public_key"]
    Path("ca.hex").write_text(public)
    for word, made in (("cms", "content.p7s content"), ("cose", "content.cose")):
        signed = session.seemachine(f"{word} sign ca content")
        assert (signed["file"], signed["leaf"]) == (made.partition(" ")[0], None)
        assert session.seemachine(f"{word} verify {made} --key ca.hex")["verified"]
    issue = "cert root ca --subject CN=Code --usage digitalSignature --out code.pem"
    session.seemachine(f"{issue} --usage keyCertSign")
    jar_signed = session.seemachine("jar sign ca a.jar --certificate code.pem")
    assert (jar_signed["entries"], jar_signed["signer"]) == (1, "CA")
    assert session.seemachine("jar verify a-signed.jar --key ca.hex")["entries"] == 1


def test_evidence(session: Session) -> None:
    """The ledger, and what audit makes of it."""
    document = session.seemachine("ledger")
    assert [row["leaf"] for row in document["rows"]] == [0, 1]
    Path("ledger.json").write_text(json.dumps(document))
    Path("m").write_bytes(b"m")
    judged = session.seemachine("audit --fleet ledger.json m.sig --message m.sig=m")
    assert (judged["clean"], judged["rows"]) == (True, 4)


def test_a_bad_signature_is_found(session: Session) -> None:
    """The document has the findings, and says so first."""
    Path("other").write_bytes(b"other")
    judged = session.seemachine("audit --fleet m.sig --message m.sig=other")
    assert (judged["exit_code"], judged["error"]["code"]) == (1, "found")
    assert judged["error"]["message"].startswith("NOT CLEAN")
    assert [finding["kind"] for finding in judged["findings"]].count("bad") == 1


def test_backup_and_quarantine(session: Session) -> None:
    """A machine without its witness doubts itself; the fleet goes down and up for that."""
    assert session.seemachine("backup b.tar")["file"] == "b.tar"
    assert session.seemachine("quarantine list")["quarantine"] == []
    assert session.seemachine("quarantine explain")["ok"]
    assert session.seemachine(f"quarantine accept --esn {FIVE}")["esn"] == FIVE
    assert session.seemachine("fleet down")["stopped"] == [FIVE, XC]
    assert session.seemachine("restore b.tar")["steps"]
    (session.home / "witness" / f"{FIVE}.record").unlink()
    session.seemachine("fleet up --detach")
    found = session.seemachine("quarantine list")
    assert (found["ok"], len(found["quarantine"])) == (False, 1)
    assert found["error"]["advice"] == ["seemachine quarantine explain"]
    assert session.seemachine(f"quarantine skip k --esn {FIVE} --to 5")["leaf"] == 5
    session.seemachine(f"quarantine accept --esn {FIVE}")
    assert session.seemachine("quarantine list")["ok"]


def test_what_is_in_quarantine_is_destroyed(session: Session) -> None:
    """With the number of leaves that are lost."""
    session.seemachine("fleet down")
    (session.home / "witness" / f"{FIVE}.record").unlink()
    up = "fleet up --detach --fault-injection --latency signature=0.001"
    assert session.seemachine(up)["machines"][0]["injection"]
    assert session.seemachine(f"quarantine burn k --esn {FIVE}")["lost"] > 0
    assert session.seemachine("key destroy k --yes")["key_files"] == ["k"]


def test_faults(session: Session) -> None:
    """Each with its number and its line; those of one machine are not those of another."""
    [added] = session.seemachine(f"fault add refuse on=slot_list times=1 --esn {FIVE}")["faults"]
    assert (added["esn"], added["number"], added["spent"]) == (FIVE, 1, False)
    listed, quiet = session.seemachine("fault list")["machines"]
    assert [each["fired"] for each in listed["faults"]] == [0]
    assert (quiet["faults"], quiet["latency"]) == ([], "signature=0.001")
    cleared = session.seemachine("fault clear")["machines"]
    assert [each["cleared"] for each in cleared] == [1, 0]


def test_a_look_at_the_fleet(session: Session) -> None:
    """Rows of machines, and what would fail later."""
    rows = session.seemachine("fleet status")["machines"]
    assert [row["esn"] for row in rows] == [FIVE, XC]
    assert isinstance(session.seemachine("fleet check")["findings"], list)
    watched = session.seemachine("watch --once")
    assert [each["state"] for each in watched["machines"]] == ["up", "up"]


def test_certificates(session: Session) -> None:
    """Each names its files and its end."""
    for line in ("init", f"issue machine {FIVE}", "issue client alice --role use"):
        issued = session.seemachine(f"pki {line}")
        assert Path(issued["certificate"]).is_file()
        assert issued["valid_until"].endswith("+00:00")


def test_what_the_vendor_sends(session: Session) -> None:
    """`nfast`, whose questions are answered on the command line."""
    assert Path(session.seemachine("nfast path")["folder"]).is_dir()
    assert not session.seemachine("nfast release r.zip")["replaced"]
    script = session.seemachine("nfast support removepubobj.py")
    assert Path(script["file"]).is_file()
    setup = session.seemachine("nfast setup --passphrase p")
    assert [card["card"] for card in setup["cards"]] == ["admin-1", "testOCS-1"]
    assert len(session.seemachine(f"nfast enroll {XC} {FIVE}")["machines"]) == 2
    assert len(session.seemachine("nfast cards more --cards 2 --passphrase p")["cards"]) == 2
    licence = session.seemachine(f"nfast licence l.txt --esn {FIVE}")
    assert (licence["file"], licence["esn"]) == ("l.txt", FIVE)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dev")])
    csr = certificates.request(ec.generate_private_key(ec.SECP521R1()), name)
    Path("dev.csr").write_bytes(csr)
    assert session.seemachine("nfast certify dev.csr dev.pem")["certificate"] == "dev.pem"


def test_a_command_with_machines_of_its_own(session: Session) -> None:
    """What follows its name are words of that command."""
    told = session.seemachine("run --machines 2 --json -- true")
    assert [each["esn"] for each in told["machines"]] == [FIVE, XC]
    assert session.seemachine("wait --machines 1")["answering"]


def test_what_runs_here(session: Session) -> None:
    """Facts, and a script as text."""
    assert session.seemachine("info")["world"] == str(session.home)
    assert session.seemachine("env --shell fish")["set"] == {"SEEMACHINE_HOME": str(session.home)}
    topics = {each["topic"] for each in session.seemachine("doctor")["diagnoses"]}
    known = {"engine", "libraries", "packages", "limits", "memory lock", "ports", "fleet"}
    assert known - topics <= {"ports"}
    assert Path(session.seemachine("library include")["path"]).is_dir()
    assert "_pipsqueak" in session.seemachine("completion bash")["script"]


def test_a_machine_by_itself(session: Session) -> None:
    """`serve` prints its document when it has ended; its log is on standard error."""
    words = ["serve", "--esn", "0000-0000-0001", "--ephemeral", "--port", "0", "--json"]
    serving = subprocess.Popen(
        [sys.executable, "-m", "seemachine", *words],
        env=processes.environment(session.home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert serving.stderr is not None
    for line in serving.stderr:
        if "ready" in line or "listening" in line:
            break
    serving.send_signal(signal.SIGTERM)
    document = json.loads(serving.communicate(timeout=60)[0])
    check(document)
    assert (document["ok"], document["machines"]) == (True, [{"esn": "0000-0000-0001"}])
    session.done.add(("seemachine", "serve"))


def test_every_command_was_carried_out(session: Session) -> None:
    """At the end: the tests above know all that the schema describes, and pipsqueak's verbs."""
    session.seemachine("fleet down")
    assert sorted(command for _, command in session.done) == sorted(commands())
    assert {("pipsqueak", verb) for verb in arguments.FORMS} <= session.done
