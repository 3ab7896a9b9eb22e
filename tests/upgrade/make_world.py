"""Makes the world that the tests of upgrades start from, with an earlier seemachine.

    EARLIER/.venv/bin/python tests/upgrade/make_world.py WORLD.tar.gz

It needs nothing but the commands and the blocking client of that one. What is in it stands in
`expected.json`, beside the folder of the world.
"""

import contextlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FIRST, SECOND = "7852-268D-3BF9", "2211-AAAA-0001"
FLEET = f"""\
[[machines]]
esn = "{FIRST}"
port = 18901

[[machines]]
esn = "{SECOND}"
port = 18902
store = "file"
"""
SETS = ("algorithm=lms", "lmscode=sha256_m32_h5", "lmotscode=sha256_n32_w8")


def run(module: str, *words: str) -> str:
    """One command. Ends all with what it said if it is refused."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", module, *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{module} {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def pipsqueak(*words: str) -> dict[str, object]:
    """What a command of pipsqueak answers."""
    document: dict[str, object] = json.loads(run("seeclient.pipsqueak", *words, "--json"))
    return document


def insert(card: str, esn: str, slot: int) -> None:
    """Put a card into a slot."""
    run("seemachine", "card", "insert", card, "--esn", esn, "--slot", str(slot))


def half_made() -> None:
    """A key whose making breaks off after its first step."""
    from seeclient.blocking import open_fleet

    def stop(event: object) -> None:
        if type(event).__name__ == "ChunkDone":
            raise KeyboardInterrupt

    with open_fleet() as fleet, contextlib.suppress(KeyboardInterrupt):
        fleet.generate_lms("halfway", "sha256_m32_h10", "sha256_n32_w8", expchunk=7, progress=stop)


def fill(world: Path) -> dict[str, int]:
    """Keys, cards, signatures. Returns how many signatures were made with each key."""
    for alias, esn in (("single", FIRST), ("second", SECOND)):
        pipsqueak("generate", f"alias={alias}", *SETS, f"esn={esn}")
        for number in range(3):
            pipsqueak(f"alias={alias}", f"message={alias} {number}")
    cards = run("seemachine", "card", "new", "--count", "3").split()
    insert(cards[0], FIRST, 2)
    insert(cards[1], FIRST, 3)
    pipsqueak("generate", "alias=carded", *SETS, "expcards=1", "explease=1", f"esn={FIRST}")
    pipsqueak(f"provesn={FIRST}", "slot=2")
    pipsqueak("alias=carded", "message=carded 0", f"sigfile={world.parent / 'carded.sig'}")
    run("seemachine", "card", "remove", "--esn", FIRST, "--slot", "3")
    half_made()
    run("seemachine", "backup", str(world.parent / "backup.tar"))
    return {"single": 3, "second": 3, "carded": 1}


def main(target: Path) -> None:
    """Make the world and pack it."""
    with tempfile.TemporaryDirectory() as name:
        world = Path(name) / "world"
        world.mkdir(mode=0o700)
        os.environ["SEEMACHINE_HOME"] = str(world)
        (world / "fleet.toml").write_text(FLEET)
        run("seemachine", "fleet", "up", "--detach")
        try:
            used = fill(world)
        finally:
            run("seemachine", "fleet", "down")
        version = json.loads(run("seemachine", "info", "--json")).get("seemachine", "")
        (world.parent / "expected.json").write_text(json.dumps({"of": version, "used": used}))
        for pattern in ("**/lock", "**/stop", "fleet/log"):
            for path in world.glob(pattern):
                path.unlink()
        with tarfile.open(target, "w:gz") as tar:
            for path in sorted(world.parent.iterdir()):
                tar.add(path, path.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
