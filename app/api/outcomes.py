"""`/v1/outcomes`."""

from app.api.doors import Door
from app.services.outcomes import OUTCOMES

door = Door(OUTCOMES, "/outcomes", "outcomes")
router = door.full()
