"""Scores, standards of proficiency and people on their way to them, in the graph."""

from strawberry import auto

from app.api.graphql.connections import many
from app.api.graphql.nodes import Node, entry, one
from app.services.assessments import ASSESSMENT_SCORES, PROFICIENCY_STANDARDS, STANDARD_ATTAINMENTS


@entry(ASSESSMENT_SCORES)
class AssessmentScoreNode(Node):
    """What one person scored, where no LMS sends it."""

    moment: auto
    instrument: auto
    score: auto
    minimum: auto
    maximum: auto
    taken_on: auto
    external_id: auto
    initiative = one("initiative_id")
    activity = one("activity_id")
    person = one("person_id")


@entry(PROFICIENCY_STANDARDS)
class ProficiencyStandardNode(Node):
    """What it takes to count as proficient, and for how long it must be held."""

    title: auto
    criterion: auto
    role: auto
    hold_days: auto
    external_id: auto
    initiative = one("initiative_id")
    attainments = many(STANDARD_ATTAINMENTS, "standard_id", "The people on their way to it.")


@entry(STANDARD_ATTAINMENTS)
class StandardAttainmentNode(Node):
    """One person's way to a standard."""

    starts_on: auto
    attained_on: auto
    external_id: auto
    standard = one("standard_id")
    person = one("person_id")
