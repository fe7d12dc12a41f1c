"""Content versions, review intervals by risk class, and required certifications."""

from app.models.contents import (
    ContentVersion,
    ContentVersionRead,
    ContentVersionWrite,
    Requirement,
    RequirementRead,
    RequirementWrite,
    ReviewInterval,
    ReviewIntervalRead,
    ReviewIntervalWrite,
)
from app.services.nouns import NounType

CONTENT_VERSIONS = NounType(
    row=ContentVersion,
    write=ContentVersionWrite,
    read=ContentVersionRead,
    plural="content_versions",
    search=("label", "external_id"),
    filters=("activity_id", "label", "reviewer_id", "external_id"),
    sorts=("created_at", "recorded_at", "published_on"),
    ranges=("published_on", "reviewed_on", "expires_on"),
    fixed=frozenset({"activity_id", "label"}),
)

REVIEW_INTERVALS = NounType(
    row=ReviewInterval,
    write=ReviewIntervalWrite,
    read=ReviewIntervalRead,
    plural="review_intervals",
    filters=("risk_class",),
    sorts=("created_at", "recorded_at", "risk_class", "days"),
    fixed=frozenset({"risk_class"}),
)

REQUIREMENTS = NounType(
    row=Requirement,
    write=RequirementWrite,
    read=RequirementRead,
    plural="requirements",
    filters=("activity_id", "org_unit_id", "role", "external_id"),
    sorts=("created_at", "recorded_at", "starts_on"),
    ranges=("starts_on", "ends_on"),
    fixed=frozenset({"activity_id"}),
)
