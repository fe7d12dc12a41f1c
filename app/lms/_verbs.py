"""xAPI verbs to kinds. A verb that is not listed is an interaction (`experienced`), unless the source maps it.

Sources: the ADL vocabulary (https://w3id.org/xapi/adl), cmi5
(https://github.com/AICC/CMI-5_Spec_Current/blob/quartz/cmi5_spec.md#verbs), the Tin Can registry, and what
moodle-logstore_xapi (https://github.com/xAPI-vle/moodle-logstore_xapi) and event-routing-backends
(https://github.com/openedx/event-routing-backends) send.
"""

from __future__ import annotations

from app.domain.learning import Kind

VOIDED = "http://adlnet.gov/expapi/verbs/voided"
WAIVED = "https://w3id.org/xapi/adl/verbs/waived"

KINDS: dict[str, Kind] = {
    "http://adlnet.gov/expapi/verbs/registered": Kind.ENROLLED,
    "https://xapi.edlm/profiles/edlm-lms/concepts/verbs/enrolled": Kind.ENROLLED,
    "https://w3id.org/xapi/tla/verbs/registered": Kind.ENROLLED,
    "https://w3id.org/xapi/tla/verbs/assigned": Kind.ENROLLED,
    "http://www.tincanapi.co.uk/verbs/enrolled_onto_learning_plan": Kind.ENROLLED,
    "http://adlnet.gov/expapi/verbs/initialized": Kind.STARTED,
    "http://adlnet.gov/expapi/verbs/launched": Kind.STARTED,
    "http://adlnet.gov/expapi/verbs/attempted": Kind.STARTED,
    "http://activitystrea.ms/schema/1.0/start": Kind.STARTED,
    "http://activitystrea.ms/start": Kind.STARTED,
    "http://adlnet.gov/expapi/verbs/progressed": Kind.PROGRESSED,
    "http://adlnet.gov/expapi/verbs/completed": Kind.COMPLETED,
    "http://activitystrea.ms/schema/1.0/complete": Kind.COMPLETED,
    "http://activitystrea.ms/complete": Kind.COMPLETED,
    "https://w3id.org/xapi/adl/verbs/satisfied": Kind.COMPLETED,
    WAIVED: Kind.COMPLETED,
    "http://adlnet.gov/expapi/verbs/passed": Kind.PASSED,
    "http://adlnet.gov/expapi/verbs/mastered": Kind.PASSED,
    "http://adlnet.gov/expapi/verbs/failed": Kind.FAILED,
    "http://id.tincanapi.com/verb/unregistered": Kind.WITHDRAWN,
    "https://xapi.edlm/profiles/edlm-lms/concepts/verbs/unenrolled": Kind.WITHDRAWN,
    "http://id.tincanapi.com/verb/certified": Kind.CERTIFIED,
    "https://w3id.org/xapi/tla/verbs/certified": Kind.CERTIFIED,
    "http://id.tincanapi.com/verb/rated": Kind.RATED,
    "http://activitystrea.ms/schema/1.0/rate": Kind.RATED,
    "http://adlnet.gov/expapi/verbs/answered": Kind.ANSWERED,
    "http://adlnet.gov/expapi/verbs/responded": Kind.ANSWERED,
    "http://id.tincanapi.com/verb/earned": Kind.EARNED,
    "http://specification.openbadges.org/xapi/verbs/earned": Kind.EARNED,
    "https://w3id.org/xapi/tla/verbs/achieved": Kind.EARNED,
    "https://w3id.org/xapi/tla/verbs/forfeited": Kind.EXPIRED,
    VOIDED: Kind.VOIDED,
}

# Moodle says that somebody left a course, a group or a choice with one verb; only leaving a course is a withdrawal.
LEFT = frozenset({"http://activitystrea.ms/leave", "http://activitystrea.ms/schema/1.0/leave"})
COURSE_TYPES = frozenset(
    {
        "http://adlnet.gov/expapi/activities/course",
        "https://w3id.org/xapi/cmi5/activitytype/course",
        "http://id.tincanapi.com/activitytype/lms/course",
    }
)
