"""`/v1/agreements`."""

from app.api.doors import Door
from app.services.agreements import AGREEMENTS

door = Door(AGREEMENTS, "/agreements", "agreements")
router = door.full()
