"""`throughline serve` and `worker` as processes of their own: ready, stopped gracefully, and clear about mistakes."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.config import Settings
from tests.cli.conftest import Command, answered, start

PATIENCE = 60


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that a test starts; none survives it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def ready(process: subprocess.Popen[str]) -> str:
    """Wait for the line that says where the service is; return the address."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"Throughline is ready: (http://127\.0\.0\.1:\d+)/docs", line)
    assert found, line or process.communicate()[1]
    return found[1]


def test_a_request_in_flight_is_answered_when_the_service_is_told_to_stop(
    command: Command, settings: Settings, processes: list[subprocess.Popen[str]]
) -> None:
    token = answered(command("tenant", "create", f"s-{id(processes)}", "--json"))["key"]["token"]
    server = start(settings, "serve", "--port", "0")
    processes.append(server)
    url = httpx.URL(ready(server))
    body = json.dumps({"title": "Cut scrap"}).encode()
    head = (
        f"POST /v1/objectives HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    with socket.create_connection((url.host, url.port or 0), timeout=PATIENCE) as in_flight:
        in_flight.sendall(head.encode() + body[:5])
        assert httpx.get(f"{url}/readyz").json()["status"] == "ok"  # the server has seen what came before
        server.send_signal(signal.SIGTERM)
        wait_until_closed(url)
        in_flight.sendall(body[5:])
        answer = b"".join(iter(lambda: in_flight.recv(65536), b""))
    _, logged = server.communicate(timeout=PATIENCE)

    assert server.returncode == 0, logged
    assert answer.startswith(b"HTTP/1.1 201 Created\r\n")
    assert b"connection: close" in answer
    events = [json.loads(line) for line in logged.splitlines()]
    assert [(event["method"], event["status"]) for event in events if event["event"] == "request"][-1] == ("POST", 201)
    assert token not in logged


def test_a_live_stream_ends_when_the_service_is_told_to_stop(
    command: Command, settings: Settings, processes: list[subprocess.Popen[str]]
) -> None:
    token = answered(command("tenant", "create", f"l-{id(processes)}", "--json"))["key"]["token"]
    server = start(settings, "serve", "--port", "0")
    processes.append(server)
    url = ready(server)

    with httpx.stream(
        "GET", f"{url}/v1/stream", headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE
    ) as live:
        assert live.status_code == 200
        lines = live.iter_lines()
        assert next(lines).startswith(("id: ", "retry: "))
        server.send_signal(signal.SIGTERM)
        rest = list(lines)
    _, logged = server.communicate(timeout=PATIENCE)

    assert server.returncode == 0, logged
    assert not [line for line in rest if line.startswith("data")]
    assert [json.loads(line)["route"] for line in logged.splitlines() if '"request"' in line] == ["/v1/stream"]


def wait_until_closed(url: httpx.URL) -> None:
    """Return once new connections are refused."""
    for _ in range(200):
        try:
            with socket.create_connection((url.host, url.port or 0), timeout=0.05) as probe:
                probe.settimeout(0.05)
                if probe.recv(1) == b"":
                    return
        except TimeoutError:
            continue
        except OSError:
            return
    raise AssertionError("the server still takes connections")


def test_several_processes_share_the_port_count_together_and_stop_together(
    run: Command, settings_of_file: Settings, processes: list[subprocess.Popen[str]]
) -> None:
    run("migrate", settings=settings_of_file)
    server = start(settings_of_file, "serve", "--port", "0", "--workers", "2")
    processes.append(server)
    url = ready(server)

    health = [httpx.get(f"{url}/healthz", timeout=PATIENCE).json() for _ in range(6)]
    counted = httpx.get(f"{url}/metrics", timeout=PATIENCE).text
    server.send_signal(signal.SIGTERM)
    _, logged = server.communicate(timeout=PATIENCE)

    assert health == [{"status": "ok"}] * 6
    assert 'throughline_requests_total{method="GET",route="/healthz",status="200"} 6.0' in counted
    assert server.returncode == 0, logged


@pytest.fixture
def settings_of_file(tmp_path: Path, sqlite_settings: Settings) -> Settings:
    """An embedded database that does not exist yet."""
    return sqlite_settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'own.db'}"})


def test_an_embedded_database_is_made_by_serve_itself_and_the_worker_stops_calmly(
    settings_of_file: Settings, processes: list[subprocess.Popen[str]]
) -> None:
    server = start(settings_of_file, "serve", "--port", "0")
    processes.append(server)
    url = ready(server)
    worker = start(settings_of_file, "worker")
    processes.append(worker)
    assert worker.stderr is not None
    began = json.loads(worker.stderr.readline())

    assert httpx.get(f"{url}/readyz").status_code == 200
    worker.send_signal(signal.SIGTERM)
    server.send_signal(signal.SIGINT)
    said = [process.communicate(timeout=PATIENCE) for process in (worker, server)]

    assert began["event"] == "worker_started"
    assert (worker.returncode, server.returncode) == (0, 0), said


def test_a_port_that_is_taken_ends_in_a_sentence(run: Command, sqlite_settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        result = run("serve", "--port", port, settings=sqlite_settings)

    assert result.exit_code == 2
    assert f"Cannot listen on 127.0.0.1:{port} (Address already in use): choose another with" in result.stderr
