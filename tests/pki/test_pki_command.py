"""`seemachine pki`: files, their modes, what is in them, and what is refused."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from kit.processes import environment

from seemachine.cli.command import main
from seemachine.pki.authority import Validity, make_ca

ESN = "7852-268D-3BF9"
NAMES = x509.SubjectAlternativeName
NEW = {
    "the CA": (["init"], ["ca"]),
    "a machine": (["issue", "machine", ESN], [ESN]),
    "a client": (["issue", "client", "alice", "--role", "use"], ["client-alice"]),
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A world folder that is not there yet."""
    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path / "world"))
    return tmp_path / "world"


@pytest.fixture
def pki(home, capsys):
    """The folder of a new CA."""
    assert main(["pki", "init"]) == 0
    capsys.readouterr()
    return home / "pki"


def refused(capsys, *words, code=1):
    """The one line that a command is refused with."""
    assert main(["pki", *words]) == code
    told = capsys.readouterr()
    assert told.out == ""
    [line] = told.err.splitlines()
    return line


def certificate(path):
    """A certificate of a file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def names(path, kind):
    """The alternative names of a type, as texts."""
    return [
        str(value)
        for value in (
            certificate(path)
            .extensions.get_extension_for_class(NAMES)
            .value.get_values_for_type(kind)
        )
    ]


def test_everything_is_for_its_owner_alone(pki):
    """The folder has mode 0700, and every file 0600."""
    for words, _ in list(NEW.values())[1:]:
        assert main(["pki", *words]) == 0
    assert pki.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in pki.iterdir()} == {
        f"{name}.{end}" for _, [name] in NEW.values() for end in ("crt", "key")
    }
    assert {path.stat().st_mode & 0o777 for path in pki.iterdir()} == {0o600}


def test_it_says_what_it_wrote_and_what_to_do_with_it(pki, capsys):
    """Key and certificate are named, a line each, then what they are good for."""
    assert main(["pki", "issue", "client", "alice", "--role", "use"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [str(pki / "client-alice.key"), str(pki / "client-alice.crt")]
    assert lines[-1].endswith("set SEEMACHINE_TLS_CERT there to the path of client-alice.crt.")
    assert main(["pki", "issue", "machine", ESN]) == 0
    assert '[tls] pki = "auto"' in capsys.readouterr().out


def test_a_second_client_is_announced(pki, capsys):
    """From then on clients of this world have no certificate by themselves; elsewhere nothing
    changes.
    """
    for name in ("alice", "bob"):
        assert main(["pki", "issue", "client", name, "--role", "use"]) == 0
        last = capsys.readouterr().out.splitlines()[-1]
        assert ("several" in last) == (name == "bob")
    assert last.endswith(f"export SEEMACHINE_TLS_CERT={pki / 'client-bob.crt'}")
    pki.rename(pki.with_name("elsewhere"))
    words = [
        "pki",
        "issue",
        "client",
        "carol",
        "--role",
        "use",
        "--folder",
        str(pki.with_name("elsewhere")),
    ]
    assert main(words) == 0
    assert "several" not in capsys.readouterr().out


def test_a_machine_has_its_esn_and_its_hosts(pki):
    """The ESN is a URI; names and addresses are what was given, each once, and those of its own
    host.
    """
    assert (
        main(
            [
                "pki",
                "issue",
                "machine",
                ESN.lower(),
                "--host",
                "hsm.example",
                "10.0.0.1",
                "localhost",
            ]
        )
        == 0
    )
    path = pki / f"{ESN}.crt"
    assert names(path, x509.UniformResourceIdentifier) == [f"urn:seemachine:esn:{ESN}"]
    assert names(path, x509.DNSName) == ["localhost", "hsm.example"]
    assert names(path, x509.IPAddress) == ["127.0.0.1", "::1", "10.0.0.1"]


def test_a_client_has_its_name_and_role(pki):
    """The name is the common name, the role a URI."""
    assert main(["pki", "issue", "client", "ci@example.com", "--role", "provision"]) == 0
    path = pki / "client-ci@example.com.crt"
    assert certificate(path).subject.rfc4514_string() == "CN=ci@example.com"
    assert names(path, x509.UniformResourceIdentifier) == ["urn:seemachine:role:provision"]


def test_days_are_counted_from_now_and_end_with_the_ca(home, capsys):
    """A certificate is valid for the days asked for, but never longer than its CA."""
    main(["pki", "init", "--days", "10"])
    for name, days, valid in (("short", "3", 3), ("long", "1000", 10)):
        assert main(["pki", "issue", "client", name, "--role", "use", "--days", days]) == 0
        end = certificate(home / "pki" / f"client-{name}.crt").not_valid_after_utc
        assert abs(end - datetime.now(UTC) - timedelta(days=valid)) < timedelta(minutes=2)


@pytest.mark.parametrize("what", NEW)
def test_nothing_is_overwritten_unasked(what, pki, capsys):
    """What is there stays as it is, be it only one of the two files."""
    words, [name] = NEW[what]
    main(["pki", *words])
    before = {path: path.read_bytes() for path in pki.iterdir()}
    capsys.readouterr()
    assert "is there already" in refused(capsys, *words)
    (pki / f"{name}.crt").unlink()
    assert f"{name}.key is there already" in refused(capsys, *words)
    assert {path: path.read_bytes() for path in pki.iterdir()} == {
        path: data for path, data in before.items() if path.exists()
    }


def test_a_certificate_is_renewed_when_asked_for(pki):
    """--renew makes another key and certificate in place of those that are there."""
    words, [name] = NEW["a client"]
    main(["pki", *words])
    before = (pki / f"{name}.crt").read_bytes(), (pki / f"{name}.key").read_bytes()
    assert main(["pki", *words, "--renew"]) == 0
    after = (pki / f"{name}.crt").read_bytes(), (pki / f"{name}.key").read_bytes()
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_without_a_ca_nothing_is_issued(home, capsys):
    """The refusal says how to make one."""
    assert refused(capsys, "issue", "machine", ESN).endswith("make a CA with: seemachine pki init")
    assert not home.exists()


@pytest.mark.parametrize("damage", ["crt", "key", "other"])
def test_a_ca_that_cannot_be_used_is_named(damage, pki, capsys, tmp_path):
    """Damaged files, and a key of another CA, are a sentence."""
    if damage == "other":
        main(["pki", "init", "--folder", str(tmp_path / "other")])
        (tmp_path / "other" / "ca.key").replace(pki / "ca.key")
    else:
        (pki / f"ca.{damage}").write_text("nonsense")
    capsys.readouterr()
    assert f"{pki / 'ca.crt'} and ca.key can't be used: " in refused(
        capsys, "issue", "machine", ESN
    )


def test_a_ca_that_has_expired_issues_nothing(pki, capsys):
    """The refusal says since when."""
    expired = make_ca(
        "old",
        Validity(datetime.now(UTC) - timedelta(days=9), datetime.now(UTC) - timedelta(days=1)),
    )
    (pki / "ca.crt").write_bytes(expired.certificate_pem)
    (pki / "ca.key").write_bytes(expired.key_pem)
    assert "the CA has expired on " in refused(capsys, "issue", "machine", ESN)


WRONG = {
    "no host": (
        ["issue", "machine", ESN, "--host", "a b"],
        "'a b' is neither an address nor a host name",
    ),
    "no host at all": (
        ["issue", "machine", ESN, "--host", ""],
        "'' is neither an address nor a host name",
    ),
    "a path": (["issue", "client", "../alice", "--role", "use"], "'../alice' is not a client name"),
    "a line": (["issue", "client", "a\nb", "--role", "use"], "is not a client name"),
    "a long name": (["issue", "client", "a" * 65, "--role", "use"], "is not a client name"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_in_a_certificate_is_refused(what, pki, capsys):
    """As wrong usage; the sentence names what is wrong, and no file is left."""
    words, sentence = WRONG[what]
    assert sentence in refused(capsys, *words, code=2)
    assert {path.name for path in pki.iterdir()} == {"ca.crt", "ca.key"}


@pytest.mark.parametrize(
    "words",
    [
        ["issue", "client", "a"],
        ["issue", "client", "a", "--role", "king"],
        ["init", "--days", "0"],
        [],
    ],
)
def test_wrong_usage_is_exit_code_2(words, home):
    """A client without a role is not a client."""
    with pytest.raises(SystemExit) as left:
        main(["pki", *words])
    assert left.value.code == 2


def test_without_the_package_it_says_what_to_install(tmp_path):
    """The rest of seemachine does without cryptography; pki says in one line how to get it."""
    code = (
        "import sys; sys.modules['cryptography'] = None; from seemachine import cli;"
        " sys.exit(cli.main(['pki', 'init']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == "seemachine pki init: the package cryptography is missing; install it with: pip install"
        " cryptography\n"
    )


def test_the_machine_itself_needs_no_such_package():
    """The container that a machine may run in has no compiled packages: nothing but pki imports
    cryptography.
    """
    code = (
        "import sys, seemachine.server.launch, seemachine.fleet.supervisor, seeclient.tls; assert"
        " 'cryptography' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
