"""One session with a database: every exchange ends within a bound, and every failure is a sentence without a password."""

import contextlib
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from typing import Any

from seemachine.state.errors import StateFailed, StateUnsafe
from seemachine.witnesses.address import Address

# A host that is gone is noticed by both ends within the sum: the machine's host by the server, else its ESN stayed in use for hours.
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 10, 5, 3
GONE_SECONDS = KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * KEEPALIVE_COUNT
CONNECT_SECONDS = 10.0
# For one statement. A signature waits as long at most, and so does the end of a machine.
EXCHANGE_SECONDS = 3.0
# What the server is asked to do in this session, as far as it knows the setting. A server that waits for more than a flush keeps its way.
SETTINGS = f"""SELECT set_config(name, value, false) FROM pg_settings JOIN (VALUES
    ('tcp_keepalives_idle', '{KEEPALIVE_IDLE}'), ('tcp_keepalives_interval', '{KEEPALIVE_INTERVAL}'),
    ('tcp_keepalives_count', '{KEEPALIVE_COUNT}'), ('tcp_user_timeout', '{GONE_SECONDS * 1000}'),
    ('idle_session_timeout', '0'), ('statement_timeout', '{int(CONNECT_SECONDS * 1000)}'), ('lock_timeout', '1000'),
    ('synchronous_commit', CASE WHEN current_setting('synchronous_commit') = 'remote_apply' THEN 'remote_apply' ELSE 'on' END)
    ) AS wanted (name, value) USING (name)"""


class Refused(StateFailed):
    """The database answered, with an error. `code` is its SQLSTATE (PostgreSQL documentation, appendix A)."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class Session:
    """A connection of its own. Not for several threads at a time. Raises StateFailed, StateUnsafe."""

    def __init__(self, address: Address, name: str) -> None:
        self._address = address
        self._library = _library()
        with self._translated():
            self._socket = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
        try:
            self._connection = self._opened(name)
            self.run(SETTINGS)
        except BaseException:
            self.close()
            raise

    def run(self, sql: str, seconds: float = EXCHANGE_SECONDS, **values: object) -> list[Any]:
        """One statement, and its rows. Raises StateFailed, after which the session is of no more use unless it is Refused."""
        with self._translated(), self._within(seconds):
            rows: list[Any] | None = self._connection.run(sql, **values)
        return rows or []

    def close(self) -> None:
        """End it at once, without a word."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._socket.close()

    def _opened(self, name: str) -> Any:
        _keep_alive(self._socket)
        address = self._address
        with self._translated(), self._within(CONNECT_SECONDS):
            return self._library.Connection(
                # Without one the library fails in its own way, and the server says what is wrong.
                address.user,
                password=address.password,
                host=address.host,
                port=address.port,
                database=address.database,
                sock=self._socket,
                ssl_context=_tls(address),
                application_name=name,
            )

    @contextlib.contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        """Not a limit of each read: one of all of them. Time up, the connection ends under whoever waits for it."""
        self._socket.settimeout(seconds)
        timer = threading.Timer(seconds, socket.socket.shutdown, (self._socket, socket.SHUT_RDWR))
        timer.daemon = True
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
        except StateFailed:
            raise
        except Exception as error:
            fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
            text = f"{self._address}: {_reason(error, fields)}{_hint(self._address, fields)}"
            raise (Refused(text, fields["C"]) if "C" in fields else StateFailed(text)) from None


def _library() -> Any:
    try:
        import pg8000.native
    except ImportError:
        raise StateUnsafe(
            "a witness in PostgreSQL needs the package pg8000; install it, in the source folder, with: pip install '.[postgresql]'"
        ) from None
    return pg8000.native


def _tls(address: Address) -> ssl.SSLContext | bool:
    if address.mode == "disable":
        return False
    context = ssl.create_default_context(cafile=address.sslrootcert or None)
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
    if "refuses SSL" in str(error):
        return "it takes no TLS; set that up there, or add ?sslmode=disable to the URL if the network is yours"
    return "the connection ended" if "network error" in str(error) or not str(error) else str(error)


def _hint(address: Address, fields: dict[str, str]) -> str:
    # Wrong password, or no entry for the role.
    if fields.get("C") in ("28P01", "28000") and not address.password:
        return "; no password is set: PGPASSWORD, a passfile, or the URL of a settings file can hold it"
    return ""
