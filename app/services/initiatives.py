"""Initiatives: running only when tied to an outcome that can be judged (product.md, principle 1)."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Fault
from app.models.initiatives import Alignment, AlignmentStatus, Initiative, InitiativeRead, InitiativeWrite
from app.models.outcomes import Outcome, OutcomeStatus
from app.services.nouns import Action, NounType
from app.services.outcomes import gaps_in

_LIVE = (AlignmentStatus.PROPOSED, AlignmentStatus.AGREED)
_UNALIGNED = Fault("alignment_missing", "it is aligned to no outcome: POST /v1/alignments with its id and an outcome's")


async def outcomes_of(session: AsyncSession, row: Initiative) -> list[Outcome]:
    """Return the outcomes in use that an initiative is aligned to, in order of their ids."""
    aligned = select(col(Alignment.outcome_id)).where(
        col(Alignment.initiative_id) == row.id,
        col(Alignment.status).in_(_LIVE),
        col(Alignment.archived_at).is_(None),
    )
    statement = select(Outcome).where(
        col(Outcome.id).in_(list(await session.scalars(aligned))),
        col(Outcome.archived_at).is_(None),
        col(Outcome.status) != OutcomeStatus.NOT_EVALUABLE,
    )
    return list(await session.scalars(statement.order_by(col(Outcome.id))))


async def gaps(session: AsyncSession, row: Initiative) -> list[Fault]:
    """Return what the evaluability gate misses; nothing as soon as one of its outcomes can be judged."""
    outcomes = await outcomes_of(session, row)
    if not outcomes:
        return [_UNALIGNED]
    found = await gaps_in(session, outcomes)
    return [] if not all(found.values()) else [fault for outcome in outcomes for fault in found[outcome.id]]


async def _unaligned(session: AsyncSession, row: Initiative) -> list[Fault]:
    return [] if await outcomes_of(session, row) else [_UNALIGNED]


INITIATIVES = NounType(
    row=Initiative,
    write=InitiativeWrite,
    read=InitiativeRead,
    plural="initiatives",
    search=("title", "description", "external_id"),
    filters=("status", "owner_id", "assignment", "external_id"),
    sorts=("created_at", "recorded_at", "title", "starts_on"),
    ranges=("starts_on", "ends_on"),
    actions=(
        Action("align", ("idea",), "aligned", "It serves an outcome.", _unaligned),
        Action("prepare", ("idea", "aligned"), "ready", "All is there that judging it needs.", gaps),
        Action(
            "start",
            ("idea", "aligned", "ready", "revised"),
            "running",
            "People learn. Refused with the list of what is missing until one of its outcomes has a KPI, a baseline, a "
            "target, a date, an owner and a source of data.",
            gaps,
        ),
        Action("close", ("running",), "closed", "The learning is over."),
        Action("evaluate", ("closed",), "evaluated", "Its effect was judged."),
        Action("sustain", ("evaluated",), "sustained", "It goes on as it is."),
        Action(
            "revise", ("running", "closed", "evaluated", "sustained"), "revised", "It is changed before it goes on."
        ),
        Action(
            "retire",
            ("idea", "aligned", "ready", "running", "closed", "evaluated", "sustained", "revised"),
            "retired",
            "It is given no longer.",
        ),
    ),
)
