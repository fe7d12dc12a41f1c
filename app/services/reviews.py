"""Reviews, decisions and actions: what is held, waived or dropped says when, and why."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.errors import Fault, Invalid
from app.models.reviews import (
    Action,
    ActionRead,
    ActionWrite,
    Decision,
    DecisionRead,
    DecisionWrite,
    Review,
    ReviewRead,
    ReviewWrite,
)
from app.services import nouns
from app.services.days import clearing, stamping, today
from app.services.nouns import NounType


async def _reason(_session: AsyncSession, row: Review | Action) -> Sequence[Fault]:
    """Return that the reason is missing, if it is."""
    return () if row.reason else (Fault("reason_missing", "it has no reason: set reason", pointer="/reason"),)


async def _past_due(session: AsyncSession, row: Review | Action) -> Sequence[Fault]:
    """Return that the due day is not over, if it is not."""
    if row.due_on < await today(session):
        return ()
    return (Fault("not_due_yet", f"it is in time until the end of {row.due_on}", pointer="/due_on"),)


async def _belongs_to_its_review(session: AsyncSession, row: Action) -> None:
    if row.decision_id is None:
        return
    decision = await session.get_one(Decision, (row.tenant_id, row.decision_id))
    if decision.review_id != row.review_id:
        fault = Fault("other_review", "is a decision of another review", pointer="/decision_id")
        raise Invalid("Name a decision of the same review, or none.", errors=(fault,))


REVIEWS = NounType(
    row=Review,
    write=ReviewWrite,
    read=ReviewRead,
    plural="reviews",
    search=("title", "reason", "external_id"),
    filters=("status", "initiative_id", "objective_id", "owner_id", "external_id"),
    sorts=("created_at", "recorded_at", "title", "due_on"),
    ranges=("opens_on", "due_on", "held_on"),
    actions=(
        nouns.Action(
            "hold",
            ("scheduled", "missed"),
            "held",
            "It took place; held_on is today if empty.",
            then=stamping("held_on"),
        ),
        nouns.Action("miss", ("scheduled",), "missed", "Its window is over.", _past_due),
        nouns.Action("waive", ("scheduled", "missed"), "waived", "It is not needed; says why.", _reason),
        nouns.Action(
            "reschedule", ("held", "missed", "waived"), "scheduled", "It is still to come.", then=clearing("held_on")
        ),
    ),
)

DECISIONS = NounType(
    row=Decision,
    write=DecisionWrite,
    read=DecisionRead,
    plural="decisions",
    search=("rationale", "external_id"),
    filters=("review_id", "kind", "decider_id", "external_id"),
    sorts=("created_at", "recorded_at", "decided_on"),
    ranges=("decided_on",),
    fixed=frozenset({"review_id"}),
)

ACTIONS = NounType(
    row=Action,
    write=ActionWrite,
    read=ActionRead,
    plural="actions",
    search=("title", "reason", "external_id"),
    filters=("status", "review_id", "decision_id", "owner_id", "external_id"),
    sorts=("created_at", "recorded_at", "title", "due_on"),
    ranges=("due_on", "closed_on"),
    fixed=frozenset({"review_id"}),
    actions=(
        nouns.Action(
            "complete",
            ("open", "overdue"),
            "done",
            "It is done; closed_on is today if empty.",
            then=stamping("closed_on"),
        ),
        nouns.Action("mark-overdue", ("open",), "overdue", "Its day is over.", _past_due),
        nouns.Action("drop", ("open", "overdue"), "dropped", "It is not done any more; says why.", _reason),
        nouns.Action(
            "reopen", ("done", "overdue", "dropped"), "open", "It is to be done after all.", then=clearing("closed_on")
        ),
    ),
    check=_belongs_to_its_review,
)
