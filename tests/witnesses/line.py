"""A way to a port that can be cut, slowed down or frozen."""

import contextlib
import socket
import threading
import time


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
