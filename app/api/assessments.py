"""`/v1/assessment-scores`, `/v1/proficiency-standards` and `/v1/standard-attainments`."""

from app.api.doors import Door
from app.services.assessments import ASSESSMENT_SCORES, PROFICIENCY_STANDARDS, STANDARD_ATTAINMENTS

scores = Door(ASSESSMENT_SCORES, "/assessment-scores", "assessments")
scores.batching()
standards = Door(PROFICIENCY_STANDARDS, "/proficiency-standards", "assessments")
attainments = Door(STANDARD_ATTAINMENTS, "/standard-attainments", "assessments")
attainments.batching()

routers = (scores.full(), standards.full(), attainments.full())
