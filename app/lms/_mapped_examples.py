"""Field maps for the shapes of body that senders use (lms/events.md, section 3), each with a payload that it reads."""

from __future__ import annotations

from typing import Any

_JSON = {"content-type": "application/json"}
_FORM = {"content-type": "application/x-www-form-urlencoded"}

EXAMPLES: tuple[dict[str, Any], ...] = (
    {
        "shape": "one JSON object that names its event",
        "headers": _JSON,
        "body": {
            "event": "course_completed",
            "delivery_id": "6d1f",
            "timestamp": 1778070128,
            "data": {"user": {"id": 17, "email": "Ana@Example.org"}, "course": {"uuid": "c-9", "name": "Fire safety"}},
        },
        "mapping": {
            "kind": {"path": "event", "values": {"course_completed": "completed", "ping": "ignore"}},
            "learner": [{"kind": "account", "path": "data.user.id"}, {"kind": "email", "path": "data.user.email"}],
            "activity": {"path": "data.course.uuid", "title": "data.course.name"},
            "time": {"path": "timestamp", "format": "epoch", "unit": "s"},
            "event_id": "delivery_id",
        },
    },
    {
        "shape": "the event's name stands in a header, the events in a list",
        "headers": {**_JSON, "x-webhook-type": "course_completion", "x-webhook-id": "b7a9"},
        "body": {
            "data": [
                {"user": {"id": 1}, "courseId": 7, "percentage": 92, "enrollmentStatus": "passed"},
                {"user": {"id": 2}, "courseId": 7, "percentage": 41, "enrollmentStatus": "failed"},
            ]
        },
        "mapping": {
            "items": "data",
            "kind": {
                "path": "_headers.\"x-webhook-type\" == 'course_completion' && enrollmentStatus || 'other'",
                "values": {"passed": "completed", "completed": "completed", "failed": "failed", "other": "ignore"},
            },
            "learner": [{"kind": "account", "path": "user.id"}],
            "activity": "courseId",
            "score": {"path": "percentage", "scale": 100},
            "passed": {"path": "enrollmentStatus", "true": ["passed"], "false": ["failed"]},
            "event_id": '_headers."x-webhook-id"',
        },
    },
    {
        "shape": "a form, and the event's name stands only in the receiver's URL",
        "headers": _FORM,
        "query": {"event": "completion"},
        "body": "userid=jdoe&moduleid=M-100&status=Passed&date=21.09.2026+13%3A35",
        "mapping": {
            "kind": {"path": "_query.event", "values": {"completion": "completed", "enrolment": "enrolled"}},
            "learner": [{"kind": "username", "path": "userid"}],
            "activity": "moduleid",
            "time": {"path": "date", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
            "passed": {"path": "status", "true": ["Passed"]},
        },
    },
    {
        "shape": "JSON as text in a field of a form",
        "headers": _FORM,
        "body": "data=%7B%22id%22%3A%22reg-1%22%2C%22learner%22%3A%22emp-9%22%2C%22course%22%3A%22gdpr%22%2C"
        "%22done%22%3A%222026-07-09T16%3A20%3A28Z%22%7D&format=json",
        "mapping": {
            "json_fields": ["data"],
            "kind": "completed",
            "learner": [{"kind": "account", "path": "data.learner"}],
            "activity": "data.course",
            "time": "data.done",
        },
    },
    {
        "shape": "one item names many learners",
        "headers": _JSON,
        "body": {"events": [{"type": "ENROLLED", "courseId": "c-1", "learnerIds": ["u-1", "u-2"]}]},
        "mapping": {
            "items": ["events", "learnerIds"],
            "kind": {"path": "_parent.type", "values": {"ENROLLED": "enrolled"}},
            "learner": [{"kind": "account", "path": "_item"}],
            "activity": "_parent.courseId",
        },
    },
    {
        "shape": "one key for a single event, another for several",
        "headers": _JSON,
        "body": {
            "event": "enrollment.completed",
            "message_id": "wh-1",
            "payloads": [{"user_id": 5, "course_id": 8, "completion_date": "2026-03-11 09:44:58"}],
        },
        "mapping": {
            "items": "payloads || [payload]",
            "kind": {"path": "_body.event", "values": {"enrollment.completed": "completed"}},
            "learner": [{"kind": "account", "path": "user_id"}],
            "activity": "course_id",
            "time": {"path": "completion_date", "zone": "UTC"},
            "event_id": "_body.message_id",
        },
    },
    {
        "shape": "JSON:API",
        "headers": _JSON,
        "body": {
            "data": {
                "id": "ev-1",
                "type": "events",
                "attributes": {"name": "course_completed", "at": "2026-05-05T10:00:00Z"},
            },
            "included": [
                {"id": "p-1", "type": "people", "attributes": {"email": "noor@example.net"}},
                {"id": "c-1", "type": "courses", "attributes": {"name": "First aid"}},
            ],
        },
        "mapping": {
            "kind": {"path": "data.attributes.name", "values": {"course_completed": "completed"}},
            "learner": [
                {"kind": "account", "path": "included[?type=='people'] | [0].id"},
                {"kind": "email", "path": "included[?type=='people'] | [0].attributes.email"},
            ],
            "activity": {
                "path": "included[?type=='courses'] | [0].id",
                "title": "included[?type=='courses'] | [0].attributes.name",
            },
            "time": "data.attributes.at",
            "event_id": "data.id",
        },
    },
    {
        "shape": "a template filled in by an administrator: every value is text",
        "headers": _JSON,
        "body": {
            "what": "passed",
            "who": "a.novak@example.net",
            "course": "31",
            "points": "18",
            "of": "20",
            "took": "00:42:10",
        },
        "mapping": {
            "kind": {"path": "what", "values": {"passed": "passed", "failed": "failed"}, "default": "experienced"},
            "learner": [{"kind": "email", "path": "who"}],
            "activity": "course",
            "score": {"path": "points", "max": "of"},
            "duration": "took",
        },
    },
)
