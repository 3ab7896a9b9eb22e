"""One session with a database: every exchange ends within a bound, and every failure is a sentence
without a password.
"""

import contextlib
import json
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Iterator
from typing import Any

from seemachine.state.errors import StateError, StateFailed, StateUnsafe
from seemachine.witnesses.address import Location

# A host that is gone is noticed by both ends within the sum: the machine's host by the server, else
# its ESN stayed in use for hours.
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 10, 5, 3
GONE_SECONDS = KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * KEEPALIVE_COUNT
CONNECT_SECONDS = 10.0
# SSLRequest (PostgreSQL documentation, 55.7): its length, and a number.
TLS_REQUEST = struct.pack(">II", 8, 80877103)
# For one statement. A signature waits as long at most, and so does the end of a machine.
EXCHANGE_SECONDS = 3.0
# What the server is asked to do in this session, as far as it knows the setting. A server that
# waits for more than a flush keeps its way.
WANTED = {
    "tcp_keepalives_idle": str(KEEPALIVE_IDLE),
    "tcp_keepalives_interval": str(KEEPALIVE_INTERVAL),
    "tcp_keepalives_count": str(KEEPALIVE_COUNT),
    "tcp_user_timeout": str(GONE_SECONDS * 1000),
    "idle_session_timeout": "0",
    "statement_timeout": str(int(CONNECT_SECONDS * 1000)),
    "lock_timeout": "1000",
    "synchronous_commit": "on",
}
SETTINGS = """SELECT set_config(name, value, false) FROM pg_settings
              JOIN jsonb_each_text(:wanted ::jsonb) AS w (name, value) USING (name)
              WHERE setting <> 'remote_apply'"""


class SessionRefused(StateFailed):
    """The database answered, with an error.

    `code` is its SQLSTATE (PostgreSQL documentation, appendix A).
    """

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class DatabaseSession:
    """A connection of its own.

    Not for several threads at a time. Raises StateFailed, StateUnsafe.
    """

    def __init__(self, address: Location, name: str) -> None:
        self._address = address
        self._library = _library()
        with self._translated():
            self._socket = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
        try:
            self._connection = self._opened(name)
            self.run(SETTINGS, wanted=json.dumps(WANTED))
        except BaseException:
            self.close()
            raise

    def run(self, sql: str, seconds: float = 0, **values: Any) -> list[Any]:
        """One statement, and its rows.

        Raises StateFailed, after which the session is of no more use unless it is Refused.
        """
        with self._translated(), self._within(seconds or EXCHANGE_SECONDS):
            rows: list[Any] | None = self._connection.run(sql, **values)
        return rows or []

    def close(self) -> None:
        """End it at once, without a word."""
        self._interrupt()
        self._socket.close()

    def _interrupt(self) -> None:
        with contextlib.suppress(OSError):
            # Not the method of a TLS socket, which is none for another thread.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _opened(self, name: str) -> Any:
        _keep_alive(self._socket)
        address = self._address
        with self._translated(), self._within(CONNECT_SECONDS):
            if address.mode != "disable":
                self._start_tls()
            return self._library.Connection(
                # Without one the library fails in its own way, and the server says what is wrong.
                address.user,
                password=address.password,
                host=address.host,
                port=address.port,
                database=address.database,
                sock=self._socket,
                ssl_context=False,
                application_name=name,
            )

    def _start_tls(self) -> None:
        """Not left to the library: it would put another socket in place of ours, which nobody could
        interrupt.
        """
        context = _tls(self._address)
        self._socket.sendall(TLS_REQUEST)
        if self._socket.recv(1) != b"S":
            raise OSError(
                "it takes no TLS; set that up there, or add ?sslmode=disable to the URL if the"
                " network is yours"
            )
        self._socket = context.wrap_socket(
            self._socket, server_hostname=self._address.host, do_handshake_on_connect=False
        )
        self._socket.do_handshake()

    @contextlib.contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        """Not a limit of each read: one of all of them.

        Time up, the connection ends under whoever waits for it.
        """
        self._socket.settimeout(seconds)
        timer = threading.Timer(seconds, self._interrupt)
        timer.daemon, timer.name = True, "witness deadline"
        timer.start()
        try:
            yield
        except Exception as error:
            if timer.finished.is_set():
                raise TimeoutError(f"no answer within {seconds:g} s") from error
            raise
        finally:
            timer.cancel()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except StateError:
            raise
        except Exception as error:  # noqa: BLE001 - the library raises many kinds, and what it raises depends on what is broken
            fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
            text = f"{self._address}: {_reason(error, fields)}{_hint(self._address, fields)}"
            raise (
                SessionRefused(text, fields["C"]) if "C" in fields else StateFailed(text)
            ) from None


def _library() -> Any:
    try:
        import pg8000.native
    except ImportError:
        raise StateUnsafe(
            "a witness in PostgreSQL needs the package pg8000; install it with: pip install pg8000"
        ) from None
    return pg8000.native


def _tls(address: Location) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=address.sslrootcert or None)
    except OSError as error:
        raise StateUnsafe(
            f"sslrootcert of the witness, {address.sslrootcert}: {error.strerror or error}"
        ) from None
    context.check_hostname = address.mode == "verify-full"
    if address.mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sys.platform == "linux":
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_SECONDS * 1000)


def _reason(error: Exception, fields: dict[str, str]) -> str:
    if "M" in fields:
        return fields["M"]
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error.args[-1]}"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return "the connection ended" if "network error" in str(error) or not str(error) else str(error)


def _hint(address: Location, fields: dict[str, str]) -> str:
    # Wrong password, or no entry for the role.
    if fields.get("C") in ("28P01", "28000") and not address.password:
        return (
            "; no password is set: PGPASSWORD, a passfile, or the URL of a settings file can"
            " hold it"
        )
    return ""
