"""`/v1/initiatives`."""

from app.api.doors import Door
from app.services.initiatives import INITIATIVES

door = Door(INITIATIVES, "/initiatives", "initiatives")
router = door.full()
