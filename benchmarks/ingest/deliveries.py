"""What the senders of a benchmark send: Thinkific's webhook of a completed course, or statements of xAPI."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

PEOPLE = 2_000
COURSES = 500
"""A million different completions."""


def bodies(start: int = 0) -> Iterator[bytes]:
    """Yield one body after the other, each another person's completion of a course, none twice."""
    for number in itertools.count(start):
        person, course = number % PEOPLE, number // PEOPLE % COURSES
        user = {"email": f"u{person}@example.com", "first_name": "Lea", "id": person, "last_name": f"Roy {person}"}
        payload = {
            "activated_at": "2026-07-01T10:00:00.000Z",
            "completed_at": f"2026-08-12T18:{person % 60:02}:01.700Z",
            "course": {"id": course, "name": f"Course {course}"},
            "course_id": course,
            "created_at": "2026-07-01T10:00:00.000Z",
            "expiry_date": None,
            "free_trial": False,
            "id": number,
            "percentage_completed": "1.0",
            "started_at": "2026-07-01T10:05:00.000Z",
            "updated_at": "2026-08-12T18:45:01.700Z",
            "user": user,
        }
        told = {
            "id": f"evt-{number}",
            "resource": "enrollment",
            "action": "completed",
            "tenant_id": "90211",
            "created_at": "2026-08-12T18:45:01.773Z",
            "payload": payload,
        }
        yield json.dumps(told, separators=(",", ":")).encode()


def requests(path: str, secret: str, source: Iterator[bytes], count: int) -> Sequence[bytes]:
    """Return `count` signed requests."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: learning.example.org\r\nContent-Type: application/json\r\n"
        "User-Agent: Thinkific-Webhooks\r\nX-Thinkific-Topic: enrollment.completed\r\n"
        "X-Thinkific-Subdomain: pastry-school\r\n"
    )
    key = secret.encode()
    return [
        f"{head}X-Thinkific-Hmac-Sha256: {hmac.digest(key, body, 'sha256').hex()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
        for body in itertools.islice(source, count)
    ]


def statements(start: int = 0) -> Iterator[dict[str, object]]:
    """Yield one statement after the other, each another person's completion of a course, none twice."""
    for number in itertools.count(start):
        person, course = number % PEOPLE, number // PEOPLE % COURSES
        yield {
            "id": str(UUID(int=(8 << 60 | 4 << 76) + number)),
            "actor": {"mbox": f"mailto:u{person}@example.com", "name": f"Lea Roy {person}"},
            "verb": {"id": "http://adlnet.gov/expapi/verbs/completed", "display": {"en": "completed"}},
            "object": {
                "id": f"https://example.com/courses/{course}",
                "definition": {
                    "name": {"en": f"Course {course}"},
                    "type": "http://adlnet.gov/expapi/activities/course",
                },
            },
            "result": {"completion": True, "score": {"scaled": 0.9}, "duration": "PT25M"},
            "timestamp": f"2026-08-12T18:{person % 60:02}:01.700Z",
        }


def _webhook_headers(secret: str, body: bytes) -> dict[str, str]:
    return {"X-Thinkific-Hmac-Sha256": hmac.digest(secret.encode(), body, "sha256").hex()}


def _statement_headers(secret: str, _body: bytes) -> dict[str, str]:
    credentials = base64.b64encode(secret.encode()).decode()
    return {"Authorization": f"Basic {credentials}", "X-Experience-API-Version": "1.0.3"}


@dataclass(frozen=True)
class Sender:
    """A kind of sender: the adapter of its source, its bodies from a number on, and the headers that prove a body.

    Every body is a JSON object whose `id` is the key of its one event. `headers` takes the source's secret and a body.
    """

    adapter: str
    bodies: Callable[[int], Iterator[bytes]]
    headers: Callable[[str, bytes], Mapping[str, str]]


WEBHOOKS = Sender("thinkific", bodies, _webhook_headers)
STATEMENTS = Sender("xapi", lambda start: (json.dumps(one).encode() for one in statements(start)), _statement_headers)
