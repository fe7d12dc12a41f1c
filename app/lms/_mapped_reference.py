"""The documentation of field maps: every field, and an example for each shape of body that senders use."""

from __future__ import annotations

from typing import Any

from app.domain.learning import IdentityKind, Kind
from app.lms._mapped_examples import EXAMPLES
from app.lms._rules import DURATION_UNITS, IGNORE, TIME_FORMATS
from app.lms._times import UNITS

FIELDS: dict[str, str] = {
    "items": "JMESPath to the list of items, or a list of such expressions, one for each level of nesting, each on the "
    "item of the level above. Without it the payload is one item, or each member of a top-level list.",
    "kind": "What happened. A kind word when it is always the same; else {path, values, default}: the value at path, "
    f"as text (numbers and booleans as JSON spells them), is looked up in values. Kinds: {', '.join(Kind)}; `{IGNORE}` "
    "acknowledges and drops. A value that is not listed takes default, and without one is ignored with the reason.",
    "learner": "One or several {kind, path, issuer | issuer_path}, strongest first; a path alone is an account. Kinds: "
    f"{', '.join(IdentityKind)}. Name the learner, not whoever acted for them. At least one must be found. "
    "The texts None, null and undefined, which templates write where there is no value, name nobody; likewise in "
    "activity, event_id, attempt and voids.",
    "person_name": "Path of the learner's display name.",
    "activity": "Path of the activity's id, or {path, title, version}.",
    "time": "When it happened: a path, or {path, format, unit, zone}. Formats: "
    f"{', '.join(TIME_FORMATS)}, or a strptime pattern such as %d.%m.%Y %H:%M. Units of epoch numbers: "
    f"{', '.join(UNITS)} (told from the magnitude if left out). zone: the IANA zone of times "
    "without one (default: the source's).",
    "due": "When it is due, like time; an unreadable one is left out.",
    "expires": "When its validity ends, like time; an unreadable one is left out.",
    "score": "A path, or {path, scale, min, max}: scale is the number that means all of it (100 for percentages), or "
    "`auto`, which takes up to 1 for a share and more for a percentage; max and min are paths. Without any of them "
    "only 0 to 1 counts as scaled.",
    "passed": "A path, or {path, true, false}: the values that mean passed and not passed.",
    "progress": "A path, or {path, scale, min, max}, as a share of the whole.",
    "duration": f"A path, or {{path, unit}}. Units of numbers: {', '.join(DURATION_UNITS)}; ISO 8601 and HH:MM:SS are "
    "known by their form.",
    "event_id": "Path of the sender's id of the event. Several items may share one: their order tells them apart.",
    "attempt": "Path of the sender's number of the enrolment, if each taking of the activity has its own and all its "
    "events tell the same: events under different numbers belong to different attempts.",
    "voids": "Path of the id of the event that a voided one takes back.",
    "affirmed": "Path of what is true where a sender tells an enrolment again because something about it changed: "
    "unlike a new one it opens another attempt after a withdrawal or an expiry only.",
    "extras": "Further facts to keep: an object of names and paths; texts, numbers and booleans only.",
    "json_fields": "Names of top-level fields whose text is itself JSON, such as `data` of a form.",
}

SCOPE: dict[str, str] = {
    "(any)": "the members of the item, if it is an object",
    "_item": "the item itself",
    "_parent": "the item of the level above",
    "_body": "the whole payload",
    "_headers": 'the request\'s headers, names in lower case: _headers."x-event-type"',
    "_query": "the parameters of the receiver's URL",
    "_path": "the path of the receiver's URL",
}

REFERENCE: dict[str, Any] = {
    "language": "JMESPath, https://jmespath.org/specification.html",
    "fields": FIELDS,
    "scope": SCOPE,
    "examples": list(EXAMPLES),
}

__all__ = ["EXAMPLES", "FIELDS", "REFERENCE", "SCOPE"]
