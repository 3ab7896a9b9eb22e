"""Certificates of a fleet that are missing or expired: found, and said before the fleet is up."""

from pathlib import Path

import pytest
from kit import processes
from kit.certificates import ESN, OTHER_ESN, Pki
from seeclient.environment import from_process

from seemachine.fleet import certificates, configuration, health
from seemachine.world import World


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Certificates of all kinds."""
    return Pki(tmp_path_factory.mktemp("pki"))


def write(world: Path, tls: str) -> None:
    """A fleet of two machines with these [tls] settings, on any ports."""
    machines = (f'[[machines]]\nesn = "{esn}"\nport = 0\n' for esn in (ESN, OTHER_ESN))
    (world / "fleet.toml").write_text(f"{''.join(machines)}[tls]\n{tls}\n")


def found(world: Path) -> list[tuple[str, str]]:
    """ESN and problem of each finding about its files."""
    environment = from_process({}, World.at(world))
    return [(each.esn, each.problem) for each in health.findings(environment)]


def test_certificates_that_are_not_there(tmp_path: Path) -> None:
    """`pki = "auto"`, and nobody made any: each machine's own, and the CA once."""
    write(tmp_path, 'pki = "auto"')
    missing = "No such file or directory"
    assert found(tmp_path) == [
        (ESN, f"{tmp_path}/pki/{ESN}.crt: {missing}"),
        (ESN, f"{tmp_path}/pki/{ESN}.key: {missing}"),
        ("", f"{tmp_path}/pki/ca.crt: {missing}"),
        (OTHER_ESN, f"{tmp_path}/pki/{OTHER_ESN}.crt: {missing}"),
        (OTHER_ESN, f"{tmp_path}/pki/{OTHER_ESN}.key: {missing}"),
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("machine-expired", "has expired on"),
        ("machine-future", "is not valid before"),
        (ESN, "expires on"),
    ],
)
def test_certificates_out_of_their_time(tmp_path: Path, pki: Pki, name: str, said: str) -> None:
    """With the moment and the command that makes another; damage is told when it is loaded."""
    files = {kind: pki.folder / f"{name}.{kind}" for kind in ("crt", "key")}
    authorities = tmp_path / "authorities.pem"
    authorities.write_bytes(b"no certificate")
    tls = f'certificate = "{files["crt"]}"\nkey = "{files["key"]}"\nca = "{authorities}"'
    (tmp_path / "fleet.toml").write_text(f'[[machines]]\nesn = "{ESN}"\n[tls]\n{tls}\n')
    machines = configuration.read(tmp_path / "fleet.toml", World.at(tmp_path)).machines
    [finding] = certificates.findings(machines)
    assert finding.problem.startswith(f"the certificate {files['crt']} {said} 20")
    assert f"seemachine pki issue machine {ESN} --renew" in finding.advice


def test_a_fleet_says_so_before_it_is_up(tmp_path: Path, pki: Pki) -> None:
    """`fleet up` warns the person who starts it, the machine its log."""
    folder = pki.folder
    tls = (
        f'certificate = "{folder}/machine-expired.crt"\nkey = "{folder}/machine-expired.key"\n'
        f'ca = "{folder}/ca.crt"'
    )
    (tmp_path / "fleet.toml").write_text(f'[[machines]]\nesn = "{ESN}"\nport = 0\n[tls]\n{tls}\n')
    env = processes.environment(tmp_path)
    try:
        code, lines = processes.seemachine(["fleet", "up", "--detach"], env)
    finally:
        processes.seemachine(["fleet", "down"], env)
    expired = f"the certificate {folder}/machine-expired.crt has expired on"
    assert code == 0
    assert lines[0].startswith(f"seemachine fleet up: {ESN}: {expired}")
    log = (tmp_path / "fleet" / "log").read_text().splitlines()
    assert [expired in line for line in log if '"event": "certificate"' in line] == [True, False]
