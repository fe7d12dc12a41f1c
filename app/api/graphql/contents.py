"""Content versions, review intervals and required certifications in the graph."""

from strawberry import auto

from app.api.graphql.nodes import Node, entry, one
from app.services.contents import CONTENT_VERSIONS, REQUIREMENTS, REVIEW_INTERVALS


@entry(CONTENT_VERSIONS)
class ContentVersionNode(Node):
    """One version of an activity's content."""

    label: auto
    published_on: auto
    reviewed_on: auto
    expires_on: auto
    external_id: auto
    activity = one("activity_id")
    reviewer = one("reviewer_id")


@entry(REVIEW_INTERVALS)
class ReviewIntervalNode(Node):
    """How often content of a risk class is to be reviewed."""

    risk_class: auto
    days: auto


@entry(REQUIREMENTS)
class RequirementNode(Node):
    """Who must hold a valid completion of an activity."""

    role: auto
    grace_days: auto
    current_content: auto
    starts_on: auto
    ends_on: auto
    external_id: auto
    activity = one("activity_id")
    org_unit = one("org_unit_id")
