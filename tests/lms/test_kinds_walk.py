"""Every kind of event that the catalogue lists for a sender, and one that nobody has heard of: what it is taken for."""

import json
from datetime import UTC, datetime

import pytest

from app.lms import Delivery, SourceSetup, Unreadable, adapters

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
AT = "2026-05-06T14:22:08Z"
IGNORED = "ignored"


def docebo(name):
    payload = {"user_id": 1, "course_id": 2, "learning_plan_id": 3, "status": "in_progress", "fired_at": AT}
    return {"event": name, "message_id": "m-1", "payload": payload}


def learnupon_v1(name):
    subject = {"examId": 3, "moduleId": 4, "surveyId": 5, "learningPathId": 6, "badgeId": 7}
    facts = {"courseId": 2, "enrollmentStatus": "passed", "status": "pass", "dateCompleted": AT, **subject}
    return {"header": {"webHookType": name, "webhookId": 1}, "user": {"userId": 1}, **facts}


def learning_manager(name):
    data = {"userId": 1, "loId": "course:2", "dateEnrolled": AT, "dateCompleted": AT, "progressPercent": 40}
    return {"accountId": 1, "events": [{"eventId": "e", "eventName": name, "timestamp": AT, "data": data}]}


def learning_360(name):
    data = {
        "userId": "u",
        "courseId": "c",
        "pathId": "p",
        "status": "successful",
        "assessmentId": "a",
        "success": False,
    }
    return {"type": name, "timestamp": 1773821106000, "data": data | {"certificateId": "x"}}


def cornerstone(name):
    data = {"eventId": "e", "targetUserRef": "EMP1", "trainingRef": "T", "trainingActionDateTimestamp": AT}
    key = name[0].lower() + name[1:]
    return {"records": [{"value": {"lmsEventsCase": name, "headers": {}, key: {"data": data}}}]}


def litmos(name):
    data = {"userId": "u", "courseId": "c", "sessionId": "s", "achievementDate": AT}
    return {"id": 1, "created": AT, "type": name, "object": "event", "data": data}


def canvas(name):
    told = {"event_name": name, "event_time": AT, "user_id": "9", "context_role": "StudentEnrollment"}
    body = {
        "type": "StudentEnrollment",
        "workflow_state": "active",
        **dict.fromkeys(("user_id", "student_id", "course_id", "assignment_id", "quiz_id", "discussion_topic_id"), "7"),
        "asset_type": "attachment",
        "asset_id": "7",
        "learning_outcome_id": "7",
        "title": "T",
        "user": {"id": "7"},
        "course": {"id": "8"},
        "score": 3,
        "current_score": 75,
        "possible": 4,
        "points_possible": 4,
    }
    return {"metadata": told, "body": body}


def moodle(name):
    other = {"completionstate": 1}
    ids = {"userid": "3", "relateduserid": "2", "courseid": "31", "objectid": "5", "contextinstanceid": "6"}
    return {"eventname": name, "timecreated": 1778070128, "anonymous": 0, "other": other, **ids}


def openedx(name):
    course = {"course_key": "course-v1:A+B+C"}
    data = {
        "user": {"id": 1},
        "course": course,
        "is_active": True,
        "is_passing": True,
        "current_status": "downloadable",
    }
    data |= {"badge_template": {"uuid": "b"}, "template": {"uuid": "b"}, "program": {"uuid": "p"}, "percent_grade": 0.5}
    event_type = f"org.openedx.learning.{name}.v1"
    return {"openedx_events.learning.data.X": data, "event_metadata": {"id": "i", "event_type": event_type, "time": AT}}


def ispring(name):
    item = {"courseId": "c", "courseItemId": "i", "learnerId": "l", "completionDate": 1788436800000000000}
    return {"type": name, "payloads": [item]}


def thinkific(name):
    resource, _, action = name.partition(".")
    inner = {"user": {"id": 1}, "course": {"id": 2}, "lesson": {"id": 3}, "quiz": {"id": 4}, "created_at": AT}
    return {"id": "1", "resource": resource, "action": action, "created_at": AT, "payload": inner}


def learnworlds(name):
    places = {"course": {"id": "c"}, "learning_program": {"id": "p"}, "product": {"id": "q"}}
    return {"version": 2, "type": name, "data": {"user": {"id": "u"}, "completed_at": 1785412345.7, **places}}


CORE = r"\core\event" + "\\"
UNHEARD = "something.unheard_of"
WALK = {
    ("docebo", docebo): {
        "course.enrollment.created": "enrolled",
        "course.enrollment.updated": "started",
        "course.enrollment.completed": "completed",
        "course.enrollment.deleted": "withdrawn",
        "learningplan.enrollment.completed": "completed",
        **dict.fromkeys(("course.updated", "course.deleted", "ilt.session.updated", "ilt.session.deleted"), IGNORED),
        "catalog.course.deleted": IGNORED,
    },
    ("learnupon", learnupon_v1): {
        "course_completion": "completed",
        "module_complete": "completed",
        "exam_completion": "passed",
        "survey_completion": "answered",
        "learning_path_completion": "completed",
        "badge_awarded": "earned",
        "badge_revoked": "expired",
        **dict.fromkeys(("purchase_completion", "course_updated", "learning_path_updated"), IGNORED),
        "course_cloning_complete": IGNORED,
    },
    ("adobe-learning-manager", learning_manager): {
        **{f"{subject}_ENROLLMENT": "enrolled" for subject in ("COURSE", "LEARNING_PATH", "CERTIFICATION")},
        **{f"{subject}_COMPLETED": "completed" for subject in ("COURSE", "LEARNING_PATH", "CERTIFICATION")},
        **{f"{subject}_UNENROLLMENT_BATCH": "withdrawn" for subject in ("COURSE", "LEARNING_PATH", "CERTIFICATION")},
        "COURSE_ENROLLMENT_BATCH": "enrolled",
        "LEARNER_PROGRESS": "progressed",
        "CI_STATS": IGNORED,
    },
    ("360learning", learning_360): {
        "course.attempt.closed": "completed",
        "user.certificate.awarded": "certified",
        "path.session.user.status.updated": "passed",
        "user.assessment.corrected": "failed",
        **dict.fromkeys(("path.session.users.enrolled", "path.session.users.unenrolled", "group.created"), IGNORED),
    },
    ("cornerstone", cornerstone): {
        "TrainingCompleted": "completed",
        "TrainingAssigned": "enrolled",
        "EmployeeUpdated": IGNORED,
    },
    ("litmos", litmos): {
        "achievement.earned": "completed",
        "session.registration": "enrolled",
        **dict.fromkeys(("session.created", "elearningcourse.processed"), IGNORED),
    },
    ("canvas", canvas): {
        "enrollment_created": "enrolled",
        "enrollment_updated": "enrolled already",
        "course_progress": "progressed",
        "course_completed": "completed",
        **dict.fromkeys(("grade_change", "course_grade_change", "quiz_submitted", "asset_accessed"), "experienced"),
        **dict.fromkeys(("submission_created", "submission_updated", "discussion_entry_created"), "experienced"),
        **dict.fromkeys(("learning_outcome_result_created", "learning_outcome_result_updated"), "experienced"),
        **dict.fromkeys(("enrollment_state_created", "enrollment_state_updated", "logged_in"), IGNORED),
    },
    ("moodle", moodle): {
        rf"{CORE}course_completed": "completed",
        rf"{CORE}user_enrolment_created": "enrolled",
        rf"{CORE}user_enrolment_deleted": "withdrawn",
        rf"{CORE}course_module_completion_updated": "completed",
        rf"{CORE}badge_awarded": "earned",
        rf"{CORE}badge_revoked": "expired",
        r"\tool_certificate\event\certificate_issued": "certified",
        r"\mod_feedback\event\response_submitted": "answered",
        r"\mod_assign\event\assessable_submitted": "experienced",
        rf"{CORE}course_viewed": IGNORED,
        r"\mod_questionnaire\event\attempt_submitted": "answered",
        rf"{CORE}course_completion_updated": IGNORED,
        rf"{CORE}user_loggedin": IGNORED,
    },
    ("openedx", openedx): {
        "course.enrollment.created": "enrolled",
        "course.enrollment.changed": "enrolled already",
        "course.unenrollment.completed": "withdrawn",
        **dict.fromkeys(("certificate.created", "certificate.changed"), "certified"),
        "certificate.revoked": "expired",
        "course.persistent_grade_summary.changed": "experienced",
        "course.passing.status.updated": "passed",
        "badge.awarded": "earned",
        "auth.session.login.completed": IGNORED,
    },
    ("ispring", ispring): {
        "COURSE_COMPLETED_SUCCESSFULLY": "completed",
        "COURSE_ITEM_COMPLETED_SUCCESSFULLY": "completed",
        "LEARNERS_ENROLLED_IN_COURSE": "enrolled",
        **dict.fromkeys(("COURSE_STATUS_CHANGED", "COURSE_ITEM_STATUS_CHANGED", "USER_REGISTERED"), IGNORED),
    },
    ("thinkific", thinkific): {
        **dict.fromkeys(("enrollment.created", "enrollment.trial"), "enrolled"),
        "enrollment.progress": "progressed",
        "enrollment.completed": "completed",
        "lesson.completed": "completed",
        "quiz.attempted": "experienced",
        **dict.fromkeys(("user.signup", "order.created", "subscription.canceled"), IGNORED),
    },
    ("learnworlds", learnworlds): {
        "courseCompleted": "completed",
        "learningProgramCompleted": "completed",
        "awardedCertificate": "certified",
        **dict.fromkeys(("enrolledFreeCourse", "productBought"), "enrolled"),
        "userUnenrolledFromProduct": "withdrawn",
        **dict.fromkeys(("userTagAdded", "userTagDeleted"), IGNORED),
    },
}


@pytest.mark.parametrize(("place", "kinds"), WALK.items(), ids=[slug for slug, _ in WALK])
def test_every_listed_kind_is_taken_for_what_it_is_and_others_are_acknowledged(place, kinds):
    slug, body_of = place

    found = {name: taken_for(slug, body_of(name)) for name in [*kinds, UNHEARD]}

    assert found == {**kinds, UNHEARD: IGNORED}


@pytest.mark.parametrize(("place", "kinds"), WALK.items(), ids=[slug for slug, _ in WALK])
def test_nulls_and_texts_in_place_of_every_value_are_never_a_fault(place, kinds):
    slug, body_of = place

    for name in kinds:
        for spoiled in spoilt(body_of(name)):
            taken_for(slug, spoiled)


def taken_for(slug, body):
    delivery = Delivery({"content-type": "application/json"}, json.dumps(body).encode(), NOW)
    try:
        found = adapters()[slug].parse(delivery, SourceSetup({"scheme": "none"}))
    except Unreadable as error:
        return f"quarantined: {error}"
    if found.ignored:
        return IGNORED
    first = found.events[0]
    return f"{first.kind.value} already" if first.affirmed else first.kind.value


def spoilt(value):
    """Yield the document with each of its values, one at a time, null, another type or nonsense."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from ({**value, name: other} for other in (None, "None", "", -1, [], {}, True, "x" * 3_000))
            yield from ({**value, name: other} for other in spoilt(inner))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from ([*value[:index], other, *value[index + 1 :]] for other in (None, "x", [], *spoilt(inner)))
