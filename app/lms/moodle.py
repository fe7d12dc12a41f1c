r"""Moodle, through the plugins local_webhooks, tool_trigger and logstore_xapi.

local_webhooks posts an event's data with `host`, `token` and `extra`, always JSON, whatever its content type says.
tool_trigger posts a template that the administrator typed, as a form or as JSON with every value text; name its fields
as Moodle names them (below), or give the source a mapping. logstore_xapi posts xAPI statements. The learner of a
completion or an enrolment is `relateduserid`; `userid` is whoever acted (0 for cron). There is no event id. No event
tells the role of anybody: a look at a course (`course_viewed`) may be that of a teacher or an administrator, so it says
nothing here, and whoever is enrolled counts as a learner. A template of one's own can tell starts: tool_trigger can
look up the roles, and the mapping can call what it then posts `started`.
`\core\event\course_completion_updated` means that the criteria were edited, not that anybody completed.
https://github.com/valentineus/moodle-webhooks, https://github.com/catalyst/moodle-tool_trigger,
https://github.com/xAPI-vle/moodle-logstore_xapi; completion states:
https://github.com/moodle/moodle/blob/main/public/lib/completionlib.php
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.domain.errors import Fault
from app.domain.learning import Identity, Kind, LearningEvent
from app.lms import Adapter, Delivery, Parsed, SourceSetup, Unreadable
from app.lms._body import json_or_form, strict_json
from app.lms._fieldmaps import check, field_map
from app.lms._mapped import parsed as mapped
from app.lms._people import account, email, full_name, learner, username
from app.lms._statements import is_statement
from app.lms._statements import parsed as statements
from app.lms._times import first_of
from app.lms._values import activity, mapping, number, scaled, text

_TEMPLATE_LEFT_OVER = re.compile(r"\{\w+\}")
_COURSE, _MODULE = "course", "module"
_RELATED, _ACTOR = "relateduserid", "userid"
# event: kind, what the activity is, who the learner is
_EVENTS: dict[str, tuple[Kind, str, str]] = {
    r"\core\event\course_completed": (Kind.COMPLETED, _COURSE, _RELATED),
    r"\core\event\user_enrolment_created": (Kind.ENROLLED, _COURSE, _RELATED),
    r"\core\event\user_enrolment_deleted": (Kind.WITHDRAWN, _COURSE, _RELATED),
    r"\core\event\badge_awarded": (Kind.EARNED, "badge", _RELATED),
    r"\core\event\badge_revoked": (Kind.EXPIRED, "badge", _RELATED),
    r"\tool_certificate\event\certificate_issued": (Kind.CERTIFIED, _COURSE, _RELATED),
    r"\core\event\user_graded": (Kind.EXPERIENCED, "grade_item", _RELATED),
    r"\mod_quiz\event\attempt_submitted": (Kind.EXPERIENCED, _MODULE, _RELATED),
    r"\mod_assign\event\assessable_submitted": (Kind.EXPERIENCED, _MODULE, _ACTOR),
    r"\mod_feedback\event\response_submitted": (Kind.ANSWERED, _MODULE, _ACTOR),
    r"\mod_questionnaire\event\attempt_submitted": (Kind.ANSWERED, _MODULE, _ACTOR),
}
_MODULE_COMPLETION = r"\core\event\course_module_completion_updated"
_STATES = {"1": Kind.COMPLETED, "2": Kind.PASSED, "3": Kind.FAILED}
_NO_COURSE = frozenset({None, "0", "1"})  # 1 is the site itself


def parse(delivery: Delivery, setup: SourceSetup) -> Parsed:
    """Return the event of a webhook, what a mapped template holds, or the events of xAPI statements."""
    body = json_or_form(delivery)
    if setup.mapping:
        return mapped(delivery, body, field_map(setup.mapping), setup)
    if isinstance(body, list) or is_statement(body):
        return of_statements(body, setup)
    data = {name: value for name, value in body.items() if not _left_over(value)}
    name = text(data.get("eventname"))
    if name is None:
        raise Unreadable("the payload has no eventname; name the template's fields as Moodle does, or set a mapping")
    name = "\\" + name.lstrip("\\")
    other = _other(data)
    rule = _rule(name, data, other)
    return Parsed(ignored=rule) if isinstance(rule, str) else Parsed((_event(data, other, name, rule, setup),))


def of_statements(body: Any, setup: SourceSetup) -> Parsed:
    """Return the events of what logstore_xapi posts."""
    return statements(body, zone=setup.zone)


def check_mapping(mapping: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with a field map for a template of one's own; the plugins' own payloads need none."""
    return check(mapping) if mapping else []


def _rule(name: str, data: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[Kind, str, str] | str:
    """Return how to read the event, or why it is ignored."""
    if name == _MODULE_COMPLETION:
        state = text(other.get("completionstate"))
        kind = _STATES.get(state or "")
        return (kind, _MODULE, _RELATED) if kind else f"the completion state {state} is not a completion"
    rule = _EVENTS.get(name)
    if rule is None:
        return f"the event {name[:100]!r} tells nothing about a learner's progress"
    if text(data.get("anonymous")) == "1":
        return "the event is anonymous"
    return rule


def _left_over(value: Any) -> bool:
    """Return whether a template's field was not filled in: its placeholder is still there."""
    return isinstance(value, str) and _TEMPLATE_LEFT_OVER.fullmatch(value) is not None


def _other(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the event's `other`, which templates send as JSON text or as fields named `other_...`."""
    told = data.get("other")
    if isinstance(told, str) and told.lstrip()[:1] == "{":
        told = strict_json(told.encode())
    flat = {name.removeprefix("other_"): value for name, value in data.items() if name.startswith("other_")}
    return {**mapping(told), **flat}


def _event(
    data: Mapping[str, Any], other: Mapping[str, Any], name: str, rule: tuple[Kind, str, str], setup: SourceSetup
) -> LearningEvent:
    kind, subject, role = rule
    at, at_text = first_of(data.get("timecreated"), zone=setup.zone)
    raw, high = number(other.get("finalgrade")), number(other.get("grademax"))
    place, prefix = _place(data, other, subject)
    extras = {"event": name, "course": text(data.get("courseid")) if prefix else None, "extra": text(data.get("extra"))}
    return LearningEvent(
        kind=kind,
        identities=_learner(data, role),
        activity=activity(place and prefix + place, title=data.get("course_fullname") if not prefix else None),
        occurred_at=at,
        occurred_at_text=at_text,
        passed=(kind is Kind.PASSED) if kind in {Kind.PASSED, Kind.FAILED} else None,
        score_raw=raw,
        score_max=high,
        score_scaled=scaled(raw, None, high),
        person_name=full_name(data.get("learner_name")),
        extras={key: value for key, value in extras.items() if value},
    )


def _place(data: Mapping[str, Any], other: Mapping[str, Any], subject: str) -> tuple[str | None, str]:
    """Return the activity's number and what it is a number of, empty for courses."""
    course = text(data.get("courseid"))
    if subject == _COURSE and course not in _NO_COURSE:
        return course, ""
    if subject == _COURSE:
        return text(other.get("templateid")) or text(data.get("objectid")), "certificate:"
    if subject == _MODULE:
        return text(data.get("contextinstanceid")), "module:"
    if subject == "grade_item":
        return text(other.get("itemid")), "grade_item:"
    return text(data.get("objectid")), f"{subject}:"


def _learner(data: Mapping[str, Any], role: str) -> tuple[Identity, ...]:
    told = text(data.get(_RELATED))
    if told in {None, "0"}:  # nobody else acted for them
        told = text(data.get(_ACTOR) if role == _ACTOR else mapping(data.get("other")).get(_RELATED))
    own = told == text(data.get(_ACTOR))
    return learner(
        account(told if told != "0" else None),
        email(data.get("learner_email") or (data.get("user_email") if own else None)),
        username(data.get("learner_username") or (data.get("user_username") if own else None)),
    )


ADAPTER = Adapter(
    slug="moodle",
    title="Moodle",
    how_to_connect=(
        "1. POST /v1/sources, adapter `moodle`; `body_field` for local_webhooks, `static_header` for tool_trigger.\n"
        "2. local_webhooks: Site administration, Server, Webhooks, add one: URL, the secret as token, type JSON.\n"
        "3. tool_trigger: an HTTP POST step, header with the secret, expected code 200, JSON template with eventname, "
        "userid, relateduserid, courseid, timecreated, objectid, contextinstanceid, other, learner_email.\n"
        "4. logstore_xapi: scheme `basic`; enter the webhook URL as endpoint (what it posts goes to /statements below "
        "it), user and password of the secret as username and password.\n"
        "5. Choose course_completed, user_enrolment_created and user_enrolment_deleted; complete a test course."
    ),
    schemes=("body_field", "static_header", "basic", "query_token", "none"),
    authentication={"scheme": "body_field", "field": "token"},
    example={
        "headers": {"content-type": "application/json"},
        "body": {
            "eventname": "\\core\\event\\course_completed",
            "objectid": "418",
            "userid": "0",
            "courseid": "31",
            "relateduserid": "209",
            "timecreated": 1778070128,
            "host": "moodle.example.net",
        },
    },
    parse=parse,
    of_statements=of_statements,
    check_mapping=check_mapping,
    reference={"fields": {"(any)": "A mapping as of the adapter `mapped`, for templates with fields of your own."}},
)
