"""`/v1/cost-items` and `/v1/unit-values`."""

from app.api.doors import Door
from app.services.money import COST_ITEMS, UNIT_VALUES

cost_items = Door(COST_ITEMS, "/cost-items", "cost-items")
unit_values = Door(UNIT_VALUES, "/unit-values", "unit-values")

routers = (cost_items.full(), unit_values.full())
