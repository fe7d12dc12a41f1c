"""`/v1/behaviours`, `/v1/observations` and `/v1/support-deeds`."""

from app.api.doors import Door
from app.services.behaviours import BEHAVIOURS, OBSERVATIONS, SUPPORT_DEEDS

behaviours = Door(BEHAVIOURS, "/behaviours", "behaviours")
observations = Door(OBSERVATIONS, "/observations", "behaviours")
observations.batching()
support_deeds = Door(SUPPORT_DEEDS, "/support-deeds", "behaviours")
support_deeds.batching()

routers = (behaviours.full(), observations.full(), support_deeds.full())
