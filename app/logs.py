"""Logs: one event a line, as JSON or for people, with fields that cannot forge a line and without secrets."""

import asyncio
import functools
import itertools
import json
import logging
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Format = Literal["json", "console"]

FIELD_LENGTH_MAX = 2_000
TRACEBACK_LENGTH_MAX = 8_000
_NESTING_MAX = 4
_ITEMS_MAX = 50
_REDACTED = "***"
_SECRET_LENGTH = 500
"""A secret that the cut would halve is found whole when this much more is looked at."""

_SECRET_KEY = re.compile(
    r"authorization|secret|token|passw|cookie|credential|signature|api_?key|dsn|(database|redis)_url", re.IGNORECASE
)
_SECRET_TEXT = (
    (re.compile(r"(://[^\s/:@]*:)[^\s/@]+@"), r"\1***@"),
    (re.compile(r"\b(bearer|basic) +[\w.~+/=-]{12,}", re.IGNORECASE), r"\1 ***"),
    (re.compile(r"\btl_[a-z0-9-]{1,40}_\w{20,}"), "tl_***"),
    (re.compile(r"\bwhsec_[\w+/=-]+"), "whsec_***"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), "***"),
    (
        re.compile(
            r"\b((?=\w*(?:secret|token|passw|signature))\w++[\"']?\s?[=:]\s?[\"']?)[^\s\"'&,;)}]+", re.IGNORECASE
        ),
        r"\1***",
    ),
    (re.compile(r"(\bKey \([^=]{1,300}?\)=\().*?(?:\)(?= )|(?=\n)|\Z)"), r"\1***)"),
    (re.compile(r"(?<![\w.+%-])[\w.+%-]++@[\w-]+(?:\.[\w-]+)+"), "***@***"),
)
_SIGN = re.compile(r"://|@|eyj|tl_|whsec_|bearer|basic|secret|token|passw|signature|key \(", re.IGNORECASE)
"""Where it finds nothing, no pattern above does."""
_OUR_OWN = {"time", "level"}
"""What the processors before `clean` write, and nobody else."""

_SHORT = 60
_ESCAPE = json.encoder.encode_basestring_ascii
_TELLING = {structlog.make_filtering_bound_logger(number) for number in (logging.NOTSET, logging.DEBUG, logging.INFO)}
"""The loggers that do not leave out what is at level info."""
_ENCODER = json.JSONEncoder(ensure_ascii=True, default=str)
_QUIET = ("aiosqlite", "alembic", "asyncio", "httpcore", "httpx", "sqlalchemy", "psycopg")
"""Loggers that say too much, or tell what passes through them, when asked for more than warnings."""

_about: ContextVar[dict[str, str]] = ContextVar("about")
"""What every line tells that is written while a request is served; structlog has a variable for each such field."""


def configure(level: str, style: Format) -> None:
    """Send the events of structlog and of the standard library's loggers to standard error; again: anew."""
    number = getattr(logging, level.upper())
    renderer = _json if style == "json" else _console()
    structlog.configure(
        processors=[merge_about, structlog.processors.add_log_level, *_shared(), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = _StandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[merge_about, structlog.stdlib.add_log_level, _logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_shared(), renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    logging.captureWarnings(capture=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "alembic"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def begin(told: dict[str, str]) -> Token[dict[str, str]]:
    """Let every line tell these fields that is written until `end`, also by tasks begun meanwhile."""
    return _about.set(told)


def end(begun: Token[dict[str, str]]) -> None:
    """End what `begin` began."""
    _about.reset(begun)


def tell(**texts: str) -> None:
    """Let lines tell these fields too, from now to the `end`."""
    _about.get({}).update(texts)


def merge_about(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add what `begin` and `tell` were given; the line's own fields come first."""
    told = _about.get(None)
    return {**told, **event} if told else event


def request_served(*, status: int, milliseconds: float, **texts: str) -> None:
    """Log the line that every request has, at level info.

    As JSON it is spelled here, as the processors would spell it but at a tenth of their cost, which else is a tenth of
    the work on a delivery; and what is served in one turn of the loop is written at once.
    """
    configuration = structlog.get_config()
    told = _about.get({}) | texts
    if configuration["processors"][-1] is not _json:
        structlog.get_logger("throughline.access").info("request", **told, status=status, milliseconds=milliseconds)
    elif configuration["wrapper_class"] in _TELLING:
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        first = told.pop("request_id", None)
        fields = "".join([f', "{name}": {_spelled(value)}' for name, value in told.items()])
        id_ = f', "request_id": {_ESCAPE(_shown(first))}' if first else ""
        _lines.add(
            f'{{"time": "{at}", "level": "info", "event": "request"{id_}{fields}, '
            f'"status": {status}, "milliseconds": {milliseconds}}}\n'
        )


class _Lines:
    """Lines that are written together at the end of the loop's turn."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, line: str) -> None:
        """Write a line soon."""
        loop = asyncio.get_running_loop()
        if not self._waiting or loop is not self._loop:
            self._loop = loop
            loop.call_soon(self._write)
        self._waiting.append(line)

    def _write(self) -> None:
        text, self._waiting = "".join(self._waiting), []
        sys.stderr.write(text)
        sys.stderr.flush()


_lines = _Lines()


def scrubbed(text: str) -> str:
    """Return `text` without what looks like a key, a token, a password or an e-mail address."""
    if not text.isalnum() and _SIGN.search(text):  # letters and digits alone are none of these: most ids
        for pattern, instead in _SECRET_TEXT:
            text = pattern.sub(instead, text)
    return text


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what is standard error now, not to what it was when logging began."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        """Standard error."""
        return sys.stderr

    @stream.setter
    def stream(self, _value: TextIO) -> None:
        raise AttributeError("this handler always writes to standard error")


def _shared() -> list[Processor]:
    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        clean,
    ]


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return _ENCODER.encode(event)


def _console() -> Processor:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), timestamp_key="time", pad_event_to=0)


def _logger_name(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record: logging.LogRecord = event["_record"]
    event["logger"] = record.name
    return event


def clean(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact secrets, cut what is long and escape what a terminal would obey; `time`, `level`, `event` come first."""
    ordered = {name: event[name] for name in ("time", "level", "event", "request_id") if name in event} | dict(event)
    return {_name(name): value if name in _OUR_OWN else _value(name, value, 0) for name, value in ordered.items()}


@functools.lru_cache(maxsize=1_000)
def _name(name: str) -> str:
    return _text(name)


@functools.lru_cache(maxsize=1_000)
def _is_secret(name: str) -> bool:
    return bool(_SECRET_KEY.search(name)) and not name.endswith("_id")


def _value(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _is_secret(name):
        return _REDACTED
    if depth < _NESTING_MAX and isinstance(value, Mapping):
        kept = itertools.islice(value.items(), _ITEMS_MAX)
        return {_text(str(key)): _value(str(key), each, depth + 1) for key, each in kept}
    if depth < _NESTING_MAX and isinstance(value, list | tuple | set | frozenset):
        return [_value(name, each, depth + 1) for each in itertools.islice(value, _ITEMS_MAX)]
    if name == "exception":
        return "\n".join(_text(line) for line in str(value)[-TRACEBACK_LENGTH_MAX:].splitlines())
    return _text(str(value))


def _text(text: str) -> str:
    return _short_text(text) if len(text) <= _SHORT else _shown(text)


@functools.lru_cache(maxsize=2_000)
def _short_text(text: str) -> str:
    """Do as `_shown`; what most lines have in common is looked through once."""
    return _shown(text)


@functools.lru_cache(maxsize=2_000)
def _spelled(text: str) -> str:
    return _ESCAPE(_shown(text))


def _shown(text: str) -> str:
    shown = scrubbed(text[: FIELD_LENGTH_MAX + _SECRET_LENGTH])[:FIELD_LENGTH_MAX]
    if not shown.isprintable():
        shown = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in shown)
    return f"{shown}..." if len(text) > FIELD_LENGTH_MAX else shown
