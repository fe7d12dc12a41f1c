"""`/v1/objectives`."""

from app.api.doors import Door
from app.services.objectives import OBJECTIVES

door = Door(OBJECTIVES, "/objectives", "objectives")
router = door.full()
