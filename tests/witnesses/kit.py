"""A PostgreSQL server of the test's own, a pool in front of it, and a line to it that can be cut,
slowed down or frozen.
"""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BINARIES = [
    *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
    *map(Path, os.get_exec_path()),
]
INITDB = next((path / "initdb" for path in BINARIES if (path / "initdb").exists()), None)
PGBOUNCER = shutil.which("pgbouncer", path=os.pathsep.join([*os.get_exec_path(), "/usr/sbin"]))
PASSWORD = "s3:cret"
# The server refuses to run as root.
USER = "postgres" if os.geteuid() == 0 else None


def usable() -> bool:
    """Whether a server can be started here."""
    if INITDB is None:
        return False
    return USER is None or any(entry.pw_name == USER for entry in pwd.getpwall())


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Server:
    """A database server on a free port of loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._sessions: dict[str, Any] = {}
        self._do("initdb", "-D", str(folder / "data"), "-U", "seemachine", "--auth=trust", "-N")
        self._rules = folder / "data" / "pg_hba.conf"
        self._rules.write_text(
            f"host all guarded 127.0.0.1/32 scram-sha-256\n{self._rules.read_text()}"
        )
        self.start()
        self.create("seemachine")
        # The one that has to say its password.
        self.ask(
            f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data,"
            " pg_write_all_data"
        )

    @property
    def url(self) -> str:
        """Where it is."""
        return self.url_of("seemachine")

    def url_of(self, database: str, user: str = "seemachine", port: int = 0) -> str:
        """Where one of its databases is."""
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
            " -c fsync=off"
        )
        self._do(
            "pg_ctl",
            "-D",
            str(self.folder / "data"),
            "-l",
            str(self.folder / "log"),
            "-o",
            options,
            "-w",
            "start",
        )

    def stop(self) -> None:
        """Stop at once."""
        for database in [*self._sessions]:
            self._leave(database)
        self._do("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def create(self, database: str, like: str = "template1") -> None:
        """A new database, or a copy of one that nobody uses."""
        self.ask(f"CREATE DATABASE {database} TEMPLATE {like}", "postgres")

    def drop(self, database: str) -> None:
        """End all its sessions, and delete it."""
        self.ask(f"DROP DATABASE {database} WITH (FORCE)", "postgres")

    def with_tls(self, folder: Path) -> Path:
        """Take TLS, with a certificate for 127.0.0.1. Returns that of its CA."""
        from seemachine.cli.command import main

        esn, data = "0000-0000-0001", self.folder / "data"
        for words in (["init"], ["issue", "machine", esn, "--host", "127.0.0.1"]):
            assert main(["pki", *words, "--folder", str(folder / "pki")]) == 0
        for suffix in ("crt", "key"):
            path = data / f"server.{suffix}"
            shutil.copyfile(folder / "pki" / f"{esn}.{suffix}", path)
            path.chmod(0o600)
            if USER is not None:
                shutil.chown(path, USER)
        self.ask("ALTER SYSTEM SET ssl = on")
        self.ask("SELECT pg_reload_conf()")
        until(lambda: self.ask("SHOW ssl") == [["on"]])
        return folder / "pki" / "ca.crt"

    def without_tls(self) -> None:
        """Take none any more."""
        self.ask("ALTER SYSTEM RESET ssl")
        self.ask("SELECT pg_reload_conf()")

    def end_sessions(self, esn: str) -> int:
        """End the sessions of a machine, as an administrator may. Returns how many there were."""
        rows = self.ask(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name ="
            f" 'seemachine {esn}'"
        )
        return len(rows)

    def ask(self, sql: str, database: str = "seemachine") -> list[Any]:
        """What an administrator would."""
        import pg8000.native

        if database not in self._sessions:
            self._sessions[database] = pg8000.native.Connection(
                "seemachine", host="127.0.0.1", port=self.port, database=database
            )
        try:
            return self._sessions[database].run(sql) or []
        finally:
            if database not in ("seemachine", "postgres"):
                self._leave(database)

    def _leave(self, database: str) -> None:
        with contextlib.suppress(Exception):
            self._sessions.pop(database).close()

    def _do(self, program: str, *words: str) -> None:
        assert INITDB is not None
        done = subprocess.run(
            [INITDB.parent / program, *words],
            user=USER,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


class Pool:
    """pgbouncer in front of a server."""

    def __init__(self, folder: Path, server: Server, mode: str) -> None:
        assert PGBOUNCER is not None
        self.port = free_port()
        settings = folder / f"pool-{mode}.ini"
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr ="
            f" 127.0.0.1\nlisten_port = {self.port}\nauth_type = any\npool_mode ="
            f" {mode}\nunix_socket_dir =\nlogfile = {folder / 'pool.log'}\n"
        )
        # One database, one role: with auth_type = any the role has to be said.
        settings.write_text(
            settings.read_text().replace("* = host", "seemachine = user=seemachine host")
        )
        # Whatever the umask is: it runs as another user.
        settings.chmod(0o644)
        self._process = subprocess.Popen(
            [PGBOUNCER, str(settings)], user=USER, stderr=subprocess.DEVNULL
        )
        until(lambda: _listens(self.port))

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=10)


class Line:
    """A way to a port that can be cut and mended, frozen and thawed, or made slow: `delay` seconds
    for each piece of an answer.
    """

    def __init__(self, target: int) -> None:
        self._target, self.delay = target, 0.0
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._lost: list[socket.socket] = []
        self._up = True
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections, and take none."""
        self._up = False
        self._close_all()

    def mend(self) -> None:
        """Take connections again."""
        self._up = True

    def lose(self) -> None:
        """End all connections on our side alone; the server is not told."""
        self._lost += self._ends
        near, self._ends = self._ends[::2], []
        for end in near:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def freeze(self) -> None:
        """Nothing comes through, and nobody is told."""
        self._open.clear()

    def thaw(self) -> None:
        """All comes through again."""
        self._open.set()

    def close(self) -> None:
        """The end."""
        # Closed alone, a socket goes on accepting for the thread that waits in it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.thaw()
        self._close_all()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self._up:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._target))
                for end in (near, far):
                    # Else each exchange of small packets would wait for acknowledgements, 44 ms at
                    # a time.
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._ends += [near, far]
                threading.Thread(target=self._carry, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if answers and self.delay:
                    time.sleep(self.delay)
                self._open.wait()
                sink.sendall(data)
        if source in self._ends:
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _close_all(self) -> None:
        for end in self._ends + self._lost:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends, self._lost = [], []


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def server_of_its_own(folder: Path) -> Iterator[Server]:
    """A server for as long as the context lasts. `folder` is one that others may enter."""
    if USER is not None:
        shutil.chown(folder, USER)
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()
