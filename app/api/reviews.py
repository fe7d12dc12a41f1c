"""`/v1/reviews`, `/v1/decisions` and `/v1/actions`."""

from app.api.doors import Door
from app.services.reviews import ACTIONS, DECISIONS, REVIEWS

reviews = Door(REVIEWS, "/reviews", "reviews")
decisions = Door(DECISIONS, "/decisions", "reviews")
actions = Door(ACTIONS, "/actions", "reviews")

routers = (reviews.full(), decisions.full(), actions.full())
