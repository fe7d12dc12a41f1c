"""Why a published figure no longer holds: the facts of its time that came late, corrected or were taken back."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.models.publications import PublishedFigure
from app.models.tenancy import Change
from app.services import explanations, unfolded
from app.services.figures import Computed
from app.services.inputs import Link

_FACTS_NAMED = 20
_AT_ONCE = 500
_Fact = tuple[str, UUID]


async def because(
    session: AsyncSession, said: PublishedFigure, former: Computed, found: Computed, *, position: int
) -> dict[str, Any]:
    """Return the reason for a restatement with the ids of the first facts behind it.

    `former` is the figure as it was said, `found` as it is now, `position` the last change up to which it still held.
    """
    events: list[str] = []
    if found.events:
        rows = await explanations.events(session, found, after=None, limit=_FACTS_NAMED, since=said.recorded_at)
        events = [ids.encode("evt", each.id) for each in rows]
    late, corrected, gone = await _changes(session, former, found, position)
    if events and not (late or corrected or gone):
        return _reason("late_events", "Learning events of that time were received later.", events)
    named = [unfolded.public(Link(*each)) for facts in (late, corrected, gone) for each in sorted(facts)]
    if {noun for noun, _ in late | corrected} == {"measurement"} and not (gone or events):
        return _reason("corrected_measurements", "Measurements were corrected, or came late.", named)
    happened = [_spoken(late, "late"), _spoken(corrected, "corrected"), _spoken(gone, "taken back")]
    if events:
        happened.insert(0, "learning events late")
    detail = f"Facts of that time changed: {'; '.join(filter(None, happened))}." if named else _UNNAMED
    return _reason("changed_facts", detail, [*named, *events])


_UNNAMED = "Facts of that time were voided, corrected, linked elsewhere or taken back."


def _spoken(facts: Collection[_Fact], what: str) -> str:
    nouns = sorted({ids.PREFIXES[unfolded.prefix(noun)] for noun, _ in facts})
    return f"{', '.join(nouns)} {what}" if nouns else ""


def _reason(code: str, detail: str, facts: list[str]) -> dict[str, Any]:
    return {"reason": code, "detail": detail, "facts": facts[:_FACTS_NAMED]}


async def _changes(
    session: AsyncSession, former: Computed, found: Computed, position: int
) -> tuple[set[_Fact], set[_Fact], set[_Fact]]:
    """Return the facts behind the new figure alone, those behind both that changed, and those behind the old alone."""
    before, now = await _behind(session, former), await _behind(session, found)
    then, here = {each[1:] for each in before}, {each[1:] for each in now}
    touched = await _touched(session, {fact_id for _, fact_id in then & here}, position)
    elsewhere = {each[1:] for each in before ^ now}
    corrected = {each for each in then & here if each in elsewhere or each[1] in touched}
    return here - then, corrected, then - here


async def _behind(session: AsyncSession, computed: Computed) -> set[tuple[str, str, UUID]]:
    """Return (input, noun, id) of every fact that has an address; of people's records those that may be listed.

    Facts that the figure as a whole is about are of no single input.
    """
    return {
        ("" if links is computed.about else name, link.noun, link.id)
        for name, links in (await unfolded.links_of(session, computed)).items()
        if not isinstance(links, str)
        for link in links
    }


async def _touched(session: AsyncSession, fact_ids: Collection[UUID], position: int) -> set[UUID]:
    """Return which facts have an entry in the change feed behind a position."""
    found: set[UUID] = set()
    wanted = sorted(fact_ids)
    for some in (wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE)):
        statement = select(col(Change.noun_id)).where(col(Change.position) > position, col(Change.noun_id).in_(some))
        found |= set(await session.scalars(statement))
    return found
