"""Reviews, decisions and actions in the graph."""

from strawberry import auto

from app.api.graphql.connections import many
from app.api.graphql.nodes import Node, entry, one
from app.services.reviews import ACTIONS, DECISIONS, REVIEWS


@entry(REVIEWS)
class ReviewNode(Node):
    """One turn of the learning loop, to be held within a window of days."""

    title: auto
    opens_on: auto
    due_on: auto
    held_on: auto
    reason: auto
    status: auto
    external_id: auto
    initiative = one("initiative_id")
    objective = one("objective_id")
    owner = one("owner_id")
    decisions = many(DECISIONS, "review_id", "What it decided.")
    actions = many(ACTIONS, "review_id", "What is to be done after it.")


@entry(DECISIONS)
class DecisionNode(Node):
    """What a review decided, by whom and why."""

    kind: auto
    rationale: auto
    decided_on: auto
    external_id: auto
    review = one("review_id")
    decider = one("decider_id")
    actions = many(ACTIONS, "decision_id", "What carries it out.")


@entry(ACTIONS)
class ActionNode(Node):
    """Who does what by when, as a review wants it."""

    title: auto
    due_on: auto
    closed_on: auto
    reason: auto
    status: auto
    external_id: auto
    review = one("review_id")
    decision = one("decision_id")
    owner = one("owner_id")
