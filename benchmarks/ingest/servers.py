"""The servers that are measured: the service and the yardstick, each a process of its own on the loopback address."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from benchmarks.ingest.deliveries import WEBHOOKS, Sender
from benchmarks.ingest.engines import TENANT, Engine, connect
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
START_SECONDS = 240.0
STOP_SECONDS = 30.0
SECRET = "yardstick"  # noqa: S105  the yardstick takes any


@dataclass
class Server:
    """A running server: where it listens, the path that takes deliveries and the secret that signs them."""

    process: subprocess.Popen[bytes]
    port: int
    path: str = "/receive"
    secret: str = SECRET
    key: str = ""
    sender: Sender = WEBHOOKS

    @property
    def authorization(self) -> dict[str, str]:
        """Return the header of its tenant's key."""
        return {"Authorization": f"Bearer {self.key}"}

    def headers(self, body: bytes) -> dict[str, str]:
        """Return the headers of a delivery of `body`."""
        return {"Content-Type": "application/json", **self.sender.headers(self.secret, body)}

    @property
    def base_url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"

    def resident_bytes(self) -> int:
        """Return the memory that the process holds."""
        return self._memory("VmRSS")

    def most_resident_bytes(self) -> int:
        """Return the most memory that the process has held since `forget_most`, or since it began."""
        return self._memory("VmHWM")

    def forget_most(self) -> None:
        """Begin to look for the most memory anew (proc(5), clear_refs)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def open_files(self) -> int:
        """Return how many files and connections the process has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def _memory(self, field: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition(f"{field}:")[2].split()[0]) * 1024


def new_tenant(engine: Engine, slug: str = TENANT) -> str:
    """Found a tenant; return its key."""
    command = [sys.executable, "-m", "app", "tenant", "create", slug, "--json"]
    environment = {**os.environ, **engine.environment(), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)  # noqa: S603  our own command
    key: str = json.loads(done.stdout)["key"]["token"]
    return key


def launch(command: list[str], environment: Mapping[str, str], port: int, ready: str) -> subprocess.Popen[bytes]:
    """Start a server and wait until `ready` answers 200 or 404."""
    process = subprocess.Popen(  # noqa: S603  our own command
        [sys.executable, *command],
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    await_answer(f"http://127.0.0.1:{port}{ready}", process)
    return process


def await_answer(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers. Raises RuntimeError when it has ended or does not."""
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(address, timeout=5).status_code in {200, 404, 405}:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server at {address} did not start (exit code {process.poll()})")


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask a server to stop and return its exit code; one that does not is killed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@contextlib.contextmanager
def service(
    engine: Engine, environment: Mapping[str, str] | None = None, sender: Sender = WEBHOOKS
) -> Iterator[Server]:
    """Run the service, with a tenant and a source of its own for `sender`."""
    port, key = free_port(), new_tenant(engine)
    server = Server(start(engine, port, environment), port, key=key, sender=sender)
    try:
        server.path, server.secret = connect(server.base_url, key, sender.adapter)
        yield server
    finally:
        stop(server.process)


def start(engine: Engine, port: int, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start the service and wait until it is ready."""
    settings = {**engine.environment(), **(environment or {})}
    return launch(["-m", "app", "serve", "--port", str(port)], settings, port, "/readyz")


@contextlib.contextmanager
def yardstick(engine: Engine) -> Iterator[Server]:
    """Run the yardstick, with its one table."""
    _make_table(engine)
    port = free_port()
    environment = {"YARDSTICK_DATABASE_URL": engine.yardstick_url, "YARDSTICK_SECRET": SECRET}
    command = ["-m", "uvicorn", "benchmarks.ingest.yardstick:app", "--port", str(port), "--no-access-log"]
    process = launch([*command, "--loop", "uvloop", "--http", "httptools"], environment, port, "/receive")
    try:
        yield Server(process, port)
    finally:
        stop(process)


def _make_table(engine: Engine) -> None:
    if engine.superuser is None:
        import sqlite3  # noqa: PLC0415  one engine of two

        with contextlib.closing(sqlite3.connect(engine.yardstick_url.removeprefix("sqlite:///"))) as connection:
            connection.execute("CREATE TABLE raw (id BLOB PRIMARY KEY, body BLOB NOT NULL)")
        return
    with psycopg.connect(engine.yardstick_url, autocommit=True) as connection:
        waits = [connection.execute(f"SHOW {name}").fetchone() for name in ("fsync", "synchronous_commit")]
        if waits != [("on",), ("on",)]:
            raise RuntimeError(f"this PostgreSQL does not wait for its disk: {waits}")
        connection.execute("CREATE TABLE raw (id uuid PRIMARY KEY, body bytea NOT NULL)")
