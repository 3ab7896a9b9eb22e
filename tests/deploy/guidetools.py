"""Tools that print what the guide prints, and nothing else: stand-ins for the vendor's, for what
the deploy scripts must not rely on.

One shell script under every tool's name. Beyond the guide it has what deploy/README.md names as not
known: the lines of `enquiry` and of `nfkminfo` that are looked for. How `csadmin list` tells of a
SEE machine is the test's to choose.
"""

import os
import subprocess
import sys
from pathlib import Path

from deploy.desk import DEPLOY

# The tool does its work; then the script that called it is killed.
KILL = '$real "$@"; kill -9 $PPID; sleep 0.2; exit'
FIVE, XC = "7852-268D-3BF9", "5F08-02E0-D947"
UUID = "3d362d35-fc17-448a-b501-914fe0a680b0"
SERIAL = 238627680622732813176583323266486551324
NAMES = (
    *(
        "csadmin",
        "hsmadmin",
        "appliance-cli",
        "generatekey",
        "enquiry",
        "nfkminfo",
        "fet",
        "nopclearfail",
    ),
    *("tct2", "loadsee-setup", "hsc_loadseemachine", "python3", "pipsqueak"),
)
TOOL = """#!/bin/sh
me=$(basename "$0") ESN=@esn@ S=@state@ LOCAL=@nfast@/kmdata/local
case "$*" in */*.py*) me=$(basename "${1%.py}");; esac
[ "$LC_ALL" = C ] || echo "$me $*" >> $S/wrong-language
has() { [ -e "$S/$1" ]; }
case "$me $*" in
  enquiry*) printf 'Module #1:\\n serial number        %s\\n' $ESN
    printf ' mode                 operational\\n%s' "@type@";;
  nfkminfo\\ -k*) echo "Key";;
  nfkminfo*) printf 'World\\n state       0x37270009 Initialised Usable Recovery\\n\\n'
    printf 'Module #1\\n state       0x2 Usable\\n';;
  fet*) cat $S/fet;;
  csadmin\\ list) has enrolled || exit 1
    if has loaded; then printf '@listed@\\n' $ESN
    else echo "$ESN      No SEE machines currently installed"; fi;;
  csadmin\\ ids\\ list*) echo "warning: an old client" >&2
    printf '{\\n  "%s": {\\n    "succeeded": true,\\n    "data": {\\n      "Certificates": [' $ESN
    has registered && printf '{"serialNumber": "@serial@"}'; printf ']}}}\\n';;
  pipsqueak*)
    if has started && has published; then echo "PQSDK: 1.4.1 ($ESN: 1.4.1)"; exit 0; fi
    if has published; then
      echo "2026-02-18T11:19:56 dispatch_socket_connect[dispatch.c:172]" \\
        "OSErrorErrno(57): connecting to"
      echo "XXX.XXX.XXX.XXX on port 8888: Connection refused"; fi
    echo "PQSDK: 1.4.1 ()";;
  *) echo "$me $*" >> $S/log;;
esac
case "$me $*" in
  csadmin\\ ids\\ create*) touch $LOCAL/key_simple_$4; echo CSR > $4.csr
    echo "Created CSR file '$4.csr'. Please send it to Entrust Support";;
  csadmin\\ ids\\ --esn*) touch $S/registered; echo "$ESN      SUCCESS";;
  csadmin\\ image*) for last; do :; done; [ "$2" = sign ] && last=$9
    [ "$2" = sign ] && last=pqsdk-signed.cs5; echo "$me $*" > $last;;
  csadmin\\ load*) touch $S/loaded; echo "$ESN      UUID: @uuid@";;
  csadmin\\ start*) has started && exit 1; touch $S/started
    echo "$ESN      SUCCESS; IP ADDRESS: XXX.XXX.XXX.XXX";;
  csadmin\\ stop*) has started || exit 1; rm $S/started; echo "$ESN      SUCCESS";;
  csadmin\\ destroy*) has started && exit 1; rm $S/loaded; echo "$ESN      SUCCESS";;
  hsmadmin\\ cs5\\ clientinfo) printf '\\necdsa-sha2-nistp256\\nAAAAclient=\\n';;
  hsmadmin\\ cs5\\ enroll*) touch $S/enrolled;;
  appliance-cli*getserverinfo) echo "CodeSafe 5 server info in format" \\
      "<ESN> <IP Address> <Port> <Key Type> <Public Key>"
    printf '%s 192.0.2.7 2205 ecdsa-sha2-nistp256\\nAAAAserver=\\n' $ESN;;
  generatekey*) for word; do case $word in plainname=*) key=${word#*=};; esac; done
    [ "$1" = -r ] && shift && key=pqsdk-signer
    touch $LOCAL/key_$1_$key
    printf 'Key successfully generated.\\nPath to key: %s\\n' $LOCAL/key_$1_$key;;
  userdatatool*) echo userdata > userdata.raw; echo "Card reading complete.";;
  bootstrap*) has started || exit 1; touch $S/published
    printf 'Creating SEE Connection succeeded\\nPublished worldid object status: OK\\n';;
  removepubobj*) rm $S/published;;
  tct2*) while [ "$1" != -o ]; do shift; done; cat $3 > $2; echo "Card reading complete.";;
  loadsee-setup\\ --setup*)
    printf 'Reload new configuration now? (yes/no): '; read -r one
    printf 'Clear modules before reloading new configuration? (yes/no): '
    read -r two; [ "$one$two" = yesyes ] || exit 1; touch $S/started $S/published
    printf '\\nModules cleared for new configuration.\\n';;
  loadsee-setup\\ -r*) has started || exit 1
    printf 'Erase this configuration? (yes/no): '; read -r one; read -r two; read -r three
    [ "$one$two$three" = yesyesyes ] || exit 1; rm $S/started
    printf '\\nModules cleared for new configuration.\\n';;
  nopclearfail*) echo "Module 1, command ClearUnit: OK";;
esac
"""
FET = """
                Feature Enable Tool
                =====

                ISO Smart Card Support
                | Remote Operator
                | | Korean Algorithms
                | | | SEE Activation (EU+10)
                | | | | SEE Activation (Restricted)
                | | | | | SEE Activation, CodeSafe 5
                | | | | | | Elliptic Curve algorithms
                | | | | | | | Elliptic Curve MQV
                | | | | | | | | Fast RNG for ECDSA
                | | | | | | | | | HSM Speed Rating
Mod  Electronic | | | | | | | | |
No.  Serial Number
1    {esn} -- Y Y Y {xc} N {five} Y Y N High Speed
"""


class GuideHost:
    """A host whose tools have the guide's words only."""

    def __init__(self, folder: Path, model: str, listed: str = f"%s      {UUID}") -> None:
        self.work, self.state, nfast = folder / "work", folder / "state", folder / "nfast"
        self.tools = nfast / "bin"
        self.release = self.work / "pqsdk-1.4.1-win64"
        for made in (
            self.release,
            self.state,
            nfast / "bin",
            nfast / "python3/bin",
            nfast / "kmdata/local",
        ):
            made.mkdir(parents=True)
        esn = FIVE if model == "5c" else XC
        (self.state / "fet").write_text(
            FET.format(
                esn=esn, **({"xc": "N", "five": "Y"} if model == "5c" else {"xc": "Y", "five": "N"})
            )
        )
        values = {
            "esn": esn,
            "state": self.state,
            "nfast": nfast,
            "uuid": UUID,
            "serial": SERIAL,
            "listed": listed,
        }
        values["type"] = "" if model == "5c" else r" SEE machine type     PowerPCELF\n"
        text = TOOL
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        for name in NAMES:
            folder = {"python3": nfast / "python3/bin", "pipsqueak": self.release}.get(
                name, nfast / "bin"
            )
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        for name in (
            "userdatatool.py",
            "bootstrap.py",
            "removepubobj.py",
            "network.json",
            "packages.json",
        ):
            (self.release / name).write_text("")
        for name in ("pqsdk-1.4.1.bin", "pqsdk-1.4.1.elf"):
            (self.release / name).write_text("program")
        self.path = f"{nfast / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def instead(self, name: str, words: str, line: str) -> None:
        """Whenever a tool is called with these words, a line of shell is run instead of it, in
        which $real is the tool itself.
        """
        tool = self.tools / name
        tool.rename(tool.with_suffix(".real"))
        (self.tools / "real").mkdir(exist_ok=True)
        tool.with_suffix(".real").rename(self.tools / "real" / name)
        tool.write_text(
            f'#!/bin/sh\nreal={self.tools}/real/{name}\ncase "$*" in {words}*) {line};; esac\nexec'
            ' $real "$@"\n'
        )
        tool.chmod(0o755)

    def restore(self, name: str) -> None:
        """The tool is itself again."""
        (self.tools / "real" / name).rename(self.tools / name)

    def log(self) -> list[str]:
        """The calls that changed something, since the last time."""
        log = self.state / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


def deploy(host: GuideHost, model: str, *words: str) -> tuple[int, list[str]]:
    """Run a script as a process."""
    words = (
        "--release",
        str(host.release),
        "--cname",
        "COMMON_NAME",
        "--org",
        "ORGANIZATION_NAME",
        "--address",
        "192.0.2.7",
        *words,
    )
    command = [
        sys.executable,
        DEPLOY / f"nshield{model}",
        *(words if model == "5c" else [*words[:2], *words[8:]]),
    ]
    env = {**os.environ, "PATH": host.path, "LANG": "de_DE.UTF-8"}
    done = subprocess.run(
        command,
        cwd=host.work,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not (host.state / "wrong-language").exists()
    return done.returncode, (done.stdout + done.stderr).splitlines()
