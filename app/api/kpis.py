"""`/v1/kpis`."""

from app.api.doors import Door
from app.services.kpis import KPIS

door = Door(KPIS, "/kpis", "kpis")
router = door.full()
