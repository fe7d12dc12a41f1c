"""`/v1/behaviours`, `/v1/observations` and `/v1/support-deeds`."""

from app.api.doors import Door
from app.services.batches import put_in_bulk
from app.services.behaviours import BEHAVIOURS, OBSERVATIONS, SUPPORT_DEEDS

behaviours = Door(BEHAVIOURS, "/behaviours", "behaviours")
observations = Door(OBSERVATIONS, "/observations", "behaviours")
support_deeds = Door(SUPPORT_DEEDS, "/support-deeds", "behaviours")

routers = (behaviours.full(), observations.full(put_in_bulk), support_deeds.full(put_in_bulk))
