"""Logs: one line for each event whatever stands in its fields, and no secret in any of them."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
import structlog

from app import logs

HOSTILE = [
    'line\r\n{"level": "error", "event": "forged"}',
    "\x1b[2J\x1b[31mred\x07",
    "right-to-left \u202e and zero\u200bwidth and \u2028 and \ufeff",
    "lone \ud800 surrogate and NUL \x00",
    '","event":"injected',
]
SECRETS = {
    "key": "tl_acme_01m85437n6eca9vy4sm2dsrsnt_0eMyLH9rWLy1e0CpXFQFIk65va8ZkiI0r7mFSfiVU6G1UgQzg",
    "hook secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "dsn": "postgresql://throughline:hunter2hunter2@db.internal/throughline",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJlc2lnbmF0dXJl",
    "basic": "Basic bWU6aHVudGVyMmh1bnRlcjI=",
    "query": "/v1/webhooks/acme/lms?token=4f9c1b7e2d8a",
    "e-mail": "r.okafor@example.org",
    "refused row": "Key (tenant_id, value)=(01a2, Rosa Okafor) already exists.",
    "refused expression": "Key (tenant_id, lower(value::text))=(01a2, Rosa Okafor) already exists.",
    "row cut off": "DETAIL:  Key (value)=(Rosa Okafor",
}
BARE = [
    "0eMyLH9rWLy1e0CpXFQFIk65va8ZkiI0r7mFSfiVU6G1UgQzg",
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "hunter2",
    "c2lnbmF0dXJlc2lnbmF0dXJl",
    "bWU6aHVudGVyMmh1bnRlcjI",
    "4f9c1b7e2d8a",
    "okafor",
    "Okafor",
]


Logged = Callable[[], str]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Logged]:
    """What stands on standard error since the last look; logging is put back after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda: capsys.readouterr().err
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level


def lines(text: str) -> list[dict[str, object]]:
    """What was logged, line by line; each must be JSON."""
    return [json.loads(line) for line in text.splitlines()]


def fail(text: str) -> None:
    raise ValueError(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_field_cannot_forge_a_line(logged: Logged, text: str) -> None:
    logs.configure("info", "json")

    structlog.get_logger("test").info(text, path=text, **{text: {"deep": [text]}})

    raw = logged()
    [line] = lines(raw)
    assert line["level"] == "info"
    assert raw.count("\n") == 1
    assert raw.isascii()
    assert all(character.isprintable() for character in raw.rstrip("\n"))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_terminal_obeys_no_field(logged: Logged, text: str) -> None:
    logs.configure("info", "console")

    structlog.get_logger("test").info(text, path=text, **{text: {"deep": [text]}})

    raw = logged()
    assert raw.count("\n") == 1
    assert all(character.isprintable() for character in raw.rstrip("\n"))


def test_a_field_of_a_megabyte_is_cut(logged: Logged) -> None:
    logs.configure("info", "json")

    structlog.get_logger("test").info("request", user_agent="x" * 1_000_000, many=list(range(10_000)))

    [line] = lines(logged())
    assert line["user_agent"] == "x" * 2_000 + "..."
    assert line["many"] == list(range(50))


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("place", ["event", "field", "nested", "standard library", "exception"])
def test_no_secret_is_logged_wherever_it_stands(logged: Logged, place: str, style: logs.Format) -> None:
    logs.configure("debug", style)
    log = structlog.get_logger("test")
    for name, secret in SECRETS.items():
        if place == "event":
            event = f"cannot use {secret} now"
            log.info(event)
        elif place == "field":
            log.info("refused", reason=f"{name} was {secret}", headers=[secret])
        elif place == "nested":
            log.info("refused", request={"headers": {"x-anything": secret}})
        elif place == "standard library":
            logging.getLogger("uvicorn.error").warning("cannot use %s now", secret)
        else:
            try:
                fail(f"cannot use {secret} now")
            except ValueError:
                log.exception("failed")

    raw = logged()
    assert raw.count("***") >= len(SECRETS)
    assert [bare for bare in BARE if bare in raw] == []


def test_fields_that_are_secret_by_name_are_redacted_and_ids_are_not(logged: Logged) -> None:
    logs.configure("info", "json")
    names = [
        "authorization",
        "Set-Cookie",
        "webhook_secret",
        "access_token",
        "password",
        "dsn",
        "database_url",
        "api_key",
    ]

    structlog.get_logger("test").info("event", api_key_id="key_01", **dict.fromkeys(names, "hunter2"))

    [line] = lines(logged())
    assert {name: line[name] for name in names} == dict.fromkeys(names, "***")
    assert line["api_key_id"] == "key_01"


def test_a_secret_across_the_cut_is_redacted_as_a_whole(logged: Logged) -> None:
    logs.configure("info", "json")

    structlog.get_logger("test").info("event", text="x" * 1_975 + " " + SECRETS["dsn"])

    assert "hunter" not in logged()


def test_a_library_turned_down_before_is_heard_again(logged: Logged) -> None:
    server = logging.getLogger("uvicorn.error")
    server.setLevel(logging.CRITICAL)
    server.propagate = False
    logs.configure("info", "json")

    server.info("Started server process [%d]", 7)

    assert [line["event"] for line in lines(logged())] == ["Started server process [7]"]


def test_libraries_are_routed_through_the_same_lines_and_their_debug_output_is_not(logged: Logged) -> None:
    logs.configure("debug", "json")
    begun = logs.begin({"request_id": "req-1"})
    try:
        logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
        logging.getLogger("aiosqlite").debug("executing INSERT with parameters")
        logging.getLogger("sqlalchemy.engine").info("INSERT with parameters")
    finally:
        logs.end(begun)

    [line] = lines(logged())
    del line["time"]
    assert line == {
        "level": "info",
        "event": "Started server process [7]",
        "request_id": "req-1",
        "logger": "uvicorn.error",
    }


def test_events_below_the_level_are_not_logged(logged: Logged) -> None:
    logs.configure("warning", "json")

    structlog.get_logger("test").info("quiet")
    logging.getLogger("uvicorn.error").info("quiet")
    structlog.get_logger("test").warning("loud")

    assert [line["event"] for line in lines(logged())] == ["loud"]


def test_a_line_begins_with_time_and_level(logged: Logged) -> None:
    logs.configure("info", "json")

    structlog.get_logger("test").info("request", status=200)

    [line] = lines(logged())
    assert list(line)[:3] == ["time", "level", "event"]
    assert str(line["time"]).endswith("Z")


@pytest.mark.parametrize("piece", ["a", "a@", "token", "://a:", "Key (a)=(", "eyJ", "tl_a_", "bearer "])
def test_no_text_is_slow_to_scrub(piece: str) -> None:
    text = piece * (3_000 // len(piece))
    started = time.perf_counter()

    logs.scrubbed(text)

    assert time.perf_counter() - started < 0.1


def test_the_line_of_a_request_is_spelled_as_every_other_line(logged: Logged) -> None:
    logs.configure("info", "json")
    texts = {"method": "POST", "path": f"/v1/{SECRETS['key']}\u2028", "route": "/v1/x"}

    async def serve() -> None:
        logs.begin({"request_id": "req-1"})
        logs.tell(tenant="acme", caller="bearer abcdefghijklmnop")
        logs.request_served(**texts, status=200, milliseconds=1.5)
        structlog.get_logger("test").info("request", **texts, status=200, milliseconds=1.5)
        logs.request_served(**texts, status=200, milliseconds=1.5)

    asyncio.run(serve())

    usual, fast, again = lines(logged())
    for line in (usual, fast, again):
        datetime.fromisoformat(str(line.pop("time")))
    assert list(fast)[:3] == ["level", "event", "request_id"]
    assert fast == again == usual
    assert fast["caller"] == "bearer ***"


def test_the_line_of_a_request_is_left_out_above_its_level(logged: Logged) -> None:
    logs.configure("warning", "json")

    async def serve() -> None:
        logs.request_served(method="GET", path="/", route="/", status=200, milliseconds=1.0)

    asyncio.run(serve())

    assert logged() == ""
