"""A PostgreSQL server of the test's own, and a pool in front of it."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kit.connections import free_port
from kit.waiting import eventually

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
        assert eventually(lambda: self.ask("SHOW ssl") == [["on"]])
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
        assert eventually(lambda: _listens(self.port))

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=10)


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
