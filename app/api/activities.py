"""`/v1/activities` and `/v1/activity-references`."""

from app.api.doors import Door
from app.services.activities import ACTIVITIES, ACTIVITY_REFERENCES

activities = Door(ACTIVITIES, "/activities", "activities")
references = Door(ACTIVITY_REFERENCES, "/activity-references", "activities")

routers = (activities.full(), references.full())
