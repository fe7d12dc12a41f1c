"""`/v1/assessment-scores`, `/v1/proficiency-standards` and `/v1/standard-attainments`."""

from app.api.doors import Door
from app.services.assessments import ASSESSMENT_SCORES, PROFICIENCY_STANDARDS, STANDARD_ATTAINMENTS
from app.services.batches import put_in_bulk

scores = Door(ASSESSMENT_SCORES, "/assessment-scores", "assessments")
standards = Door(PROFICIENCY_STANDARDS, "/proficiency-standards", "assessments")
attainments = Door(STANDARD_ATTAINMENTS, "/standard-attainments", "assessments")

routers = (scores.full(put_in_bulk), standards.full(), attainments.full(put_in_bulk))
