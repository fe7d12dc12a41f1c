"""A load generator of one thread: many connections, prepared requests, as fast as answered or at a fixed rate."""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

CLOSED = -1
"""Stands for the status of a request whose connection was closed without an answer."""

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass
class Run:
    """What one run of requests came to. `seconds` are the latencies, unordered; with a rate, from the due instant."""

    elapsed: float = 0.0
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        """Answers of 200 per second."""
        return self.statuses[200] / self.elapsed

    def quantile(self, share: float) -> float:
        """Return the latency that `share` of the requests did not exceed, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Client:
    """One connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0
        self._received = b""

    def send(self, request: bytes, began: float) -> None:
        self.began, self._received = began, b""
        self.socket.sendall(request)

    def answered(self) -> int | None:
        """Read what there is; return the status once the answer is complete."""
        found = self.socket.recv(65_536)
        if not found:
            return CLOSED
        self._received += found
        head, end, body = self._received.partition(_HEAD_END)
        if not end:
            return None
        at = head.lower().index(_LENGTH) + len(_LENGTH)
        return int(head[9:12]) if len(body) >= int(head[at:].partition(b"\r")[0]) else None


def drive(
    port: int, requests: Sequence[bytes], *, connections: int, most_seconds: float, rate: float | None = None
) -> Run:
    """Send `requests` over `connections`, each as soon as one is free, or at `rate` a second; stop after the time.

    Requests under way at the end of the time are waited for and count.
    """
    run, free = Run(), deque(_Client(port) for _ in range(connections))
    selector = selectors.DefaultSelector()
    for client in free:
        selector.register(client.socket, selectors.EVENT_READ, client)
    sent, busy, began = 0, 0, time.perf_counter()
    while True:
        now = time.perf_counter()
        sending = sent < len(requests) and now < began + most_seconds
        while sending and free and sent < len(requests):
            due = began + sent / rate if rate else time.perf_counter()
            if due > now and rate:
                break
            free.popleft().send(requests[sent], due)
            sent += 1
            busy += 1
        if not sending and not busy:
            break
        pause = max(0.0, began + sent / rate - time.perf_counter()) if rate and sending and free else 1.0
        for key, _ in selector.select(pause):
            client: _Client = key.data
            status = client.answered()
            if status is None:
                continue
            run.seconds.append(time.perf_counter() - client.began)
            run.statuses[status] += 1
            busy -= 1
            if status == CLOSED:
                selector.unregister(client.socket)
                client.socket.close()
            else:
                free.append(client)
    run.elapsed = time.perf_counter() - began
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    selector.close()
    return run
