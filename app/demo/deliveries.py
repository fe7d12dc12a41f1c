"""What two LMSs would have posted for the study's completions: real formats, really signed."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.demo.study import AFTER, Firm

LEARNUPON, THINKIFIC = "learnupon", "thinkific"
GRANT_COURSE, OTHER_COURSE = 88001, 88002
_BATCH = 10
_FIRST_DAY = datetime(AFTER, 2, 1, 9, tzinfo=UTC)
_SPREAD_DAYS = 300


@dataclass(frozen=True, slots=True)
class Learner:
    """One trained employee, as an LMS knows them."""

    user_id: int
    email: str
    course: int
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class Post:
    """One request that an LMS makes: to which source, with which headers and bytes, about how many completions."""

    source: str
    headers: dict[str, str]
    body: bytes
    completions: int


def source_of(firm: Firm) -> str:
    """Return the LMS that a firm uses: every fourth by its code has Thinkific, which sends one completion a message."""
    return THINKIFIC if int(firm.code) % 4 == 0 else LEARNUPON


def email(firm: Firm, number: int) -> str:
    """Return the address of the employee of that number, counted from 1."""
    return f"employee-{number}@firm-{firm.code}.example"


def learners(firm: Firm) -> list[Learner]:
    """Return those whom a firm trained: its first employees, one completion each, spread over the year."""
    course = GRANT_COURSE if firm.granted else OTHER_COURSE
    return [
        Learner(
            user_id=int(firm.code) * 10_000 + number,
            email=email(firm, number),
            course=course,
            completed_at=_FIRST_DAY + timedelta(days=(int(firm.code) + number * 7) % _SPREAD_DAYS, minutes=number),
        )
        for number in range(1, firm.trained + 1)
    ]


def posts(firms: Sequence[Firm], secrets: dict[str, str]) -> Iterator[Post]:
    """Yield every request, signed with the secrets of the sources."""
    for firm in firms:
        trained = learners(firm)
        if source_of(firm) == LEARNUPON:
            for start in range(0, len(trained), _BATCH):
                yield _learnupon(trained[start : start + _BATCH], secrets[LEARNUPON])
        else:
            for one in trained:
                yield _thinkific(one, secrets[THINKIFIC])


def _learnupon(batch: Sequence[Learner], secret: str) -> Post:
    """LearnUpon version 2: up to ten completions in one message; the type stands in a header."""
    data = [
        {
            "courseId": one.course,
            "courseName": _title(one.course),
            "enrollmentId": one.user_id,
            "enrollmentStatus": "completed",
            "dateCompleted": _instant(one.completed_at),
            "eventCreated": _instant(one.completed_at),
            "user": {"userId": one.user_id, "username": None, "email": one.email},
            "credits": [],
            "modules": [],
        }
        for one in batch
    ]
    body = _compact({"data": data})
    headers = {
        "Content-Type": "application/json",
        "X-Webhook-Type": "course_completion",
        "X-Webhook-ID": f"lu-{batch[0].user_id}",
        "X-Webhook-Signature": _hmac(secret, body),
    }
    return Post(LEARNUPON, headers, body, len(batch))


def _thinkific(one: Learner, secret: str) -> Post:
    """Thinkific: one completion in one message."""
    at = _instant(one.completed_at)
    body = _compact(
        {
            "id": f"{one.completed_at:%Y%m%d%H%M%S}{one.user_id}",
            "resource": "enrollment",
            "action": "completed",
            "tenant_id": "90211",
            "created_at": at,
            "payload": {
                "id": one.user_id,
                "course": {"id": one.course, "name": _title(one.course)},
                "course_id": one.course,
                "completed_at": at,
                "percentage_completed": "1.0",
                "updated_at": at,
                "user": {"id": one.user_id, "email": one.email, "first_name": None, "last_name": None},
            },
        }
    )
    headers = {"Content-Type": "application/json", "X-Thinkific-Hmac-Sha256": _hmac(secret, body)}
    return Post(THINKIFIC, headers, body, 1)


def _title(course: int) -> str:
    return "Training paid by the grant" if course == GRANT_COURSE else "The firm's own training"


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _compact(document: dict[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _hmac(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
