"""What tests of others wait for: a token of SoftHSM, a server of moto. Each only where it is."""

import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from measure import Figure, NotHere, once

MOTO = "SEEMACHINE_BENCH_MOTO"
MOTO_SECONDS = 60.0
IN_PROCESS = """
import time
began = time.perf_counter()
import boto3, moto
with moto.mock_aws():
    boto3.client("kms", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    print(1000 * (time.perf_counter() - began))
"""


def softhsm(repeats: int) -> Iterator[Figure]:
    """A token in a folder of its own. Raises NotHere."""
    tool = shutil.which("softhsm2-util")
    if tool is None:
        raise NotHere("SoftHSM: not measured; it takes Debian's softhsm2")
    taken = statistics.median(_token(tool) for _ in range(repeats))
    yield Figure("SoftHSM: a token of its own", 1000 * taken, "ms", "softhsm2-util --init-token")


def _token(tool: str) -> float:
    with tempfile.TemporaryDirectory(prefix="seemachine-bench.") as folder:
        Path(folder, "tokens").mkdir()
        config = Path(folder, "softhsm2.conf")
        config.write_text(f"directories.tokendir = {folder}/tokens\n")
        words = ("--init-token", "--free", "--label", "t", "--pin", "1234", "--so-pin", "12345678")
        env = {**os.environ, "SOFTHSM2_CONF": str(config)}
        return once(lambda: _run(tool, *words, env=env))


def moto(repeats: int) -> Iterator[Figure]:
    """Its server, and its mock in a process. Raises NotHere."""
    python = os.environ.get(MOTO, "")
    if not os.access(python, os.X_OK):
        raise NotHere(f"moto: not measured; set {MOTO} to a Python that has moto[server] and boto3")
    taken = statistics.median(_server(python) for _ in range(repeats))
    yield Figure("moto: server answers", 1000 * taken, "ms", "moto_server, from its start")
    mocked = statistics.median(float(_run(python, "-c", IN_PROCESS)) for _ in range(repeats))
    yield Figure("moto: mock_aws and a client, first of a process", mocked, "ms", "with imports")


def _server(python: str) -> float:
    port = _free_port()
    words = (python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            return once(lambda: _wait_for(f"http://127.0.0.1:{port}/moto-api/", process))
        finally:
            process.terminate()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + MOTO_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.005)
    raise NotHere("moto: its server did not answer")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port: int = door.getsockname()[1]
        return port


def _run(*words: str, env: dict[str, str] | None = None) -> str:
    return subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True, env=env).stdout


DOUBLES: tuple[Callable[[int], Iterator[Figure]], ...] = (softhsm, moto)
