"""Open edX: events of the plugin openedx-webhooks; xAPI and Caliper of event-routing-backends are read as well.

The payload is `{<data class>: {...}, event_metadata: {...}}`, or the same tree flattened with underscores, every value
text and `None` spelled out; the flattened one is JSON labelled as a form, or a form. Older versions named the data
`enrollment`, `user` and so on. Nothing is signed. There is no "course completed": a certificate or a passing grade is
what the platform knows. One enrolment may arrive as two events with different ids, and "changed" says that something
about it has, its mode for one. Who enrols again after leaving gets the old record back, with its `creation_date`.
https://github.com/aulasneo/openedx-webhooks,
https://github.com/openedx/openedx-events/blob/main/openedx_events/learning/data.py,
https://github.com/openedx/openedx-platform/blob/master/common/djangoapps/student/models/course_enrollment.py (enroll)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.domain.learning import Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable, _caliper
from app.lms._body import json_or_form
from app.lms._people import account, email, full_name, learner, username
from app.lms._statements import is_statement, parsed
from app.lms._times import first_of
from app.lms._values import activity, identifier, number, share, text, truth

_METADATA = "event_metadata"
_TYPE = re.compile(r"org\.openedx\.learning\.(.+)\.v\d+", re.ASCII)
_AWARDED = "downloadable"
_FRESH = timedelta(days=1)  # more than two zones differ by: the event's time may come without one
_EVENTS = {
    "course.enrollment.created": Kind.ENROLLED,
    "course.enrollment.changed": Kind.ENROLLED,
    "course.unenrollment.completed": Kind.WITHDRAWN,
    "certificate.created": Kind.CERTIFIED,
    "certificate.changed": Kind.CERTIFIED,
    "certificate.revoked": Kind.EXPIRED,
    "program.certificate.awarded": Kind.CERTIFIED,
    "program.certificate.revoked": Kind.EXPIRED,
    "course.persistent_grade_summary.changed": Kind.EXPERIENCED,
    "course.passing.status.updated": Kind.PASSED,
    "badge.awarded": Kind.EARNED,
    "badge.revoked": Kind.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class _Tree:
    """A payload's tree, nested or flattened. `None` as text is None."""

    body: Mapping[str, Any]
    root: str

    def get(self, *path: str) -> Any:
        """Return the value at a path below the root."""
        flat = self.body.get("_".join((self.root, *path)))
        node: Any = self.body.get(self.root) if flat is None else flat
        if flat is None:
            for name in path:
                node = node.get(name) if isinstance(node, dict) else None
        return None if node == "None" or isinstance(node, dict | list) else node


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the event of a webhook, or the events of xAPI statements or Caliper envelopes."""
    body = json_or_form(delivery)
    first = body[0] if isinstance(body, list) and body else body
    if _caliper.is_envelope(first):
        return _caliper.parsed(body, zone=setup.zone)
    if isinstance(body, list) or is_statement(first):
        return of_statements(body, setup)
    metadata = _Tree(body, _METADATA)
    told = _TYPE.fullmatch(text(metadata.get("event_type")) or "")
    root = _root(body)
    if told is None or root is None:
        raise Unreadable("the payload has no event_metadata with an event_type, or no data beside it")
    return _read(told[1], _Tree(body, root), metadata, setup)


def of_statements(body: Any, setup: SourceSetup) -> Parsed:
    """Return the events of what event-routing-backends posts or puts."""
    return parsed(body, zone=setup.zone)


def _read(name: str, data: _Tree, metadata: _Tree, setup: SourceSetup) -> Parsed:
    kind = _EVENTS.get(name)
    if kind is None:
        return Parsed(ignored=f"the event {name[:100]!r} tells nothing about a learner's progress")
    active, passing, status = (
        truth(data.get("is_active")),
        truth(data.get("is_passing")),
        text(data.get("current_status")),
    )
    if kind is Kind.ENROLLED and active is False:
        kind = Kind.WITHDRAWN
    if kind is Kind.PASSED and passing is not True:
        return Parsed(ignored="the learner is not passing, which may mean not yet")
    if name in {"certificate.created", "certificate.changed"} and status != _AWARDED:
        return Parsed(ignored=f"a certificate in the status {status} is not awarded")
    passed_at = data.get("passed_timestamp")
    if kind is Kind.EXPERIENCED and text(passed_at):
        kind = Kind.PASSED
    at, at_text = first_of(passed_at, metadata.get("time"), zone=setup.zone)
    if name == "course.enrollment.created":
        at, at_text = _enrolled(data, metadata, setup)
    grade = data.get("percent_grade")
    score = None if kind is Kind.EXPIRED else share(data.get("grade") if grade is None else grade)
    place, title = _place(data)
    extras = {"event": name, "mode": text(data.get("mode")), "letter_grade": text(data.get("letter_grade"))}
    event = LearningEvent(
        kind=kind,
        affirmed=kind is Kind.ENROLLED and name == "course.enrollment.changed",
        identities=learner(
            account(data.get("user", "id") or data.get("user_id")),
            email(data.get("user", "pii", "email")),
            username(data.get("user", "pii", "username")),
        ),
        activity=activity(place, title=title),
        occurred_at=at,
        occurred_at_text=at_text,
        event_key=identifier(metadata.get("id"), "event"),
        passed=True if kind is Kind.PASSED else None,
        score_scaled=score,
        score_raw=number(score),
        person_name=full_name(data.get("user", "pii", "name")),
        extras={key: value for key, value in extras.items() if value},
    )
    return Parsed((event,))


def _enrolled(data: _Tree, metadata: _Tree, setup: SourceSetup) -> tuple[datetime | None, str | None]:
    """Return when somebody enrolled: when the record was made or, if it is an old one, when the event was."""
    made, made_text = first_of(data.get("creation_date"), zone=setup.zone)
    told, told_text = first_of(metadata.get("time"), zone=setup.zone)
    is_new = made is not None and (told is None or told - made < _FRESH)
    return (made, made_text) if is_new else (told, told_text)


def _place(data: _Tree) -> tuple[str | None, Any]:
    course, program = text(data.get("course", "course_key")), text(data.get("program", "uuid"))
    if course:
        return course, data.get("course", "display_name")
    if program:
        return f"program:{program}", data.get("program", "title")
    badge = text(data.get("template", "uuid")) or text(data.get("badge_template", "uuid"))
    return badge and f"badge:{badge}", data.get("template", "name")


def _root(body: Mapping[str, Any]) -> str | None:
    """Return the name under which the data stands: the other key, or what flattened keys have in common."""
    names = [name for name in body if not name.startswith(_METADATA)]
    classes = (re.match(r"openedx_events\.[\w.]+?Data(?=_)", name) for name in names)
    found = next((match[0] for match in classes if match), None)
    nested = next((name for name in names if isinstance(body[name], dict)), None)
    return found or nested or (names[0].partition("_")[0] if names else None)


ADAPTER = Adapter(
    slug="openedx",
    title="Open edX",
    how_to_connect=(
        "1. POST /v1/sources with adapter `openedx` and scheme `none`; the webhook URL then ends in a secret segment.\n"
        "2. Install openedx-webhooks; in Django admin, Webhooks, add one for each event, with that URL.\n"
        "3. Events: enrolment created and changed, unenrolment, certificate created, passing status, grade summary.\n"
        "4. Or use event-routing-backends: scheme `basic`, or `static_header` with header Authorization and prefix "
        "`Bearer `; a router configuration of backend xAPI or Caliper with the webhook URL (xAPI goes to /statements "
        "below it), auth scheme Basic with user and password of the secret, or Bearer with it as key.\n"
        "5. Each event is posted once and never again: reconcile with an import now and then."
    ),
    schemes=("none", "static_header", "basic", "query_token"),
    authentication={"scheme": "none"},
    example={
        "headers": {"content-type": "application/json"},
        "body": {
            "openedx_events.learning.data.CertificateData": {
                "user": {"id": 4102, "pii": {"username": "kofi", "email": "kofi@example.com", "name": "Kofi Mensah"}},
                "course": {"course_key": "course-v1:Acme+SEC101+2026_T2", "display_name": "Security Essentials"},
                "mode": "honor",
                "grade": "0.87",
                "current_status": "downloadable",
            },
            "event_metadata": {
                "event_type": "org.openedx.learning.certificate.created.v1",
                "id": "0f6b1c5e-4a6e-11f1-9d7d-0242ac140007",
                "time": "2026-06-03 10:11:12.345678+00:00",
            },
        },
    },
    parse=parse,
    of_statements=of_statements,
)
