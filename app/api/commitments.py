"""`/v1/commitments`."""

from app.api.doors import Door
from app.services.commitments import COMMITMENTS

door = Door(COMMITMENTS, "/commitments", "commitments")
router = door.full()
