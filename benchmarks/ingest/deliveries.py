"""The deliveries of the benchmark: Thinkific's webhook of a completed course, signed, as bytes of HTTP."""

from __future__ import annotations

import hmac
import itertools
import json
from collections.abc import Iterator, Sequence

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
