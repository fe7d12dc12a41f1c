"""Ports for servers of tests."""

import socket


def free_port() -> int:
    """A port on the loopback address that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
