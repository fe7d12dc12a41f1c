"""`/v1/content-versions`, `/v1/review-intervals` and `/v1/requirements`."""

from app.api.doors import Door
from app.services.contents import CONTENT_VERSIONS, REQUIREMENTS, REVIEW_INTERVALS

content_versions = Door(CONTENT_VERSIONS, "/content-versions", "activities")
review_intervals = Door(REVIEW_INTERVALS, "/review-intervals", "activities")
requirements = Door(REQUIREMENTS, "/requirements", "activities")

routers = (content_versions.full(), review_intervals.full(), requirements.full())
