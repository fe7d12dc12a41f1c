"""`/v1/org-units`."""

from app.api.doors import Door
from app.services.org_units import ORG_UNITS

door = Door(ORG_UNITS, "/org-units", "org-units")
router = door.full()
