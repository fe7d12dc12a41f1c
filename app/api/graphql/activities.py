"""Activities, their references, and the attempts at them in the graph."""

from strawberry import auto

from app.api.graphql.connections import many
from app.api.graphql.figures import figures_of
from app.api.graphql.nodes import Node, entry, one
from app.services.activities import ACTIVITIES, ACTIVITY_REFERENCES
from app.services.contents import CONTENT_VERSIONS, REQUIREMENTS
from app.services.enrolments import ENROLMENTS
from app.services.events import EVENTS


@entry(ACTIVITIES)
class ActivityNode(Node):
    """A course, session, exam, survey or task."""

    title: auto
    kind: auto
    description: auto
    required: auto
    hours: auto
    scenario_based: auto
    real_task: auto
    roles: auto
    risk_class: auto
    assesses: auto
    status: auto
    external_id: auto
    initiative = one("initiative_id")
    references = many(ACTIVITY_REFERENCES, "activity_id", "The names under which sources know it.")
    enrolments = many(ENROLMENTS, "activity_id", "People's attempts at it.")
    content_versions = many(CONTENT_VERSIONS, "activity_id", "The versions of its content.")
    requirements = many(REQUIREMENTS, "activity_id", "Who must hold it.")
    figures = figures_of("activity")


@entry(ACTIVITY_REFERENCES)
class ActivityReferenceNode(Node):
    """The name of an activity in one source, from a date on."""

    external_id_in_source: auto
    content_version: auto
    valid_from: auto
    activity = one("activity_id")
    source = one("source_id")
    learning_events = many(EVENTS, "reference_id", "Events that came under this name.")


@entry(ENROLMENTS)
class EnrolmentNode(Node):
    """One attempt of one person at one activity."""

    ordinal: auto
    state: auto
    enrolled_at: auto
    started_at: auto
    completed_at: auto
    passed: auto
    score_best: auto
    due_at: auto
    expires_at: auto
    events: auto
    person = one("person_id")
    activity = one("activity_id")
