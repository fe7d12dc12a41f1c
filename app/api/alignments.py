"""`/v1/alignments`."""

from app.api.doors import Door
from app.services.alignments import ALIGNMENTS

door = Door(ALIGNMENTS, "/alignments", "alignments")
router = door.full()
