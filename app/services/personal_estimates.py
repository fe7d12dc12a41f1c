"""Estimates by people of what an initiative did to an outcome."""

from app.models.estimates import PersonalEstimate, PersonalEstimateRead, PersonalEstimateWrite
from app.services.nouns import NounType

PERSONAL_ESTIMATES = NounType(
    row=PersonalEstimate,
    write=PersonalEstimateWrite,
    read=PersonalEstimateRead,
    plural="personal_estimates",
    filters=("initiative_id", "outcome_id", "survey_id", "person_id", "role", "external_id"),
    sorts=("created_at", "recorded_at", "given_on"),
    ranges=("given_on",),
    fixed=frozenset({"initiative_id", "outcome_id"}),
)
