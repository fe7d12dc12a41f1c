"""Scores that no LMS sends, standards of proficiency, and people on their way to them."""

from app.models.assessments import (
    AssessmentScore,
    AssessmentScoreRead,
    AssessmentScoreWrite,
    ProficiencyStandard,
    ProficiencyStandardRead,
    ProficiencyStandardWrite,
    StandardAttainment,
    StandardAttainmentRead,
    StandardAttainmentWrite,
)
from app.services.nouns import NounType

ASSESSMENT_SCORES = NounType(
    row=AssessmentScore,
    write=AssessmentScoreWrite,
    read=AssessmentScoreRead,
    plural="assessment_scores",
    filters=("initiative_id", "activity_id", "person_id", "moment", "instrument", "external_id"),
    sorts=("created_at", "recorded_at", "taken_on"),
    ranges=("taken_on",),
    fixed=frozenset({"initiative_id", "person_id"}),
)

PROFICIENCY_STANDARDS = NounType(
    row=ProficiencyStandard,
    write=ProficiencyStandardWrite,
    read=ProficiencyStandardRead,
    plural="proficiency_standards",
    search=("title", "criterion", "external_id"),
    filters=("initiative_id", "role", "external_id"),
    sorts=("created_at", "recorded_at", "title"),
)

STANDARD_ATTAINMENTS = NounType(
    row=StandardAttainment,
    write=StandardAttainmentWrite,
    read=StandardAttainmentRead,
    plural="standard_attainments",
    filters=("standard_id", "person_id", "external_id"),
    sorts=("created_at", "recorded_at"),
    ranges=("attained_on",),
    fixed=frozenset({"standard_id", "person_id"}),
)
