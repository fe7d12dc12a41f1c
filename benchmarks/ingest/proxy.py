"""A wire to PostgreSQL on the loopback address that can be cut: it forwards, swallows, or loses an answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

_COMMIT = b"COMMIT"


class Wire:
    """Forwards connections to PostgreSQL's socket. `swallowing`: nothing passes, as if the network dropped it."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open = threading.Event()
        self._open.set()
        self.losing_answers = 0
        """How many answers to a COMMIT are still to be lost, their connections with them."""

    def swallow(self, *, yes: bool) -> None:
        """Begin or end to drop all that is sent."""
        (self._open.clear if yes else self._open.set)()

    @contextlib.contextmanager
    def running(self) -> Iterator[Wire]:
        """Forward while the block runs."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self._open.set()
            self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(self._target))
                lost = threading.Event()
                for pair in ((near, far, lost, True), (far, near, lost, False)):
                    threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, lost: threading.Event, outwards: bool) -> None:  # noqa: FBT001  the direction
        with contextlib.suppress(OSError), _hanging_up(source, sink):
            while data := source.recv(65_536):
                self._open.wait()
                if outwards and self.losing_answers and _COMMIT in data:
                    self.losing_answers -= 1
                    lost.set()
                if lost.is_set() and not outwards:
                    return
                sink.sendall(data)


@contextlib.contextmanager
def _hanging_up(*sockets: socket.socket) -> Iterator[None]:
    """End the connection on both sides, whoever still reads from it."""
    try:
        yield
    finally:
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
