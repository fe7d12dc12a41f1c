"""What people scored on the scale of the test: inputs from attempts with a score and from scores on record."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.metrics.privacy import Sensitivity
from app.models.assessments import AssessmentScore
from app.models.base import Exact
from app.models.learning import Enrolment
from app.services.inputs._cuts import SUBJECTS
from app.services.inputs._provider import BUCKETS, LEARNING, PEOPLE, Given, Place, Provider, Scope
from app.services.inputs._pursuits import counted, place_of
from app.services.inputs._under import activities, initiatives, local_day, people, pursued, told_along
from app.services.inputs.surveys import KINDS
from app.services.versions import rows_at

_KEYS = ("subject", "pursuit", "initiative_id")
_MEASURES = ("score", "minimum", "maximum")


@dataclass(frozen=True, slots=True)
class Scored:
    """How many scores of a place there are, of how many people, and the sum of them as shares of their scales."""

    scores: int = 0
    people: int = 0
    scaled: Decimal = Decimal(0)


def _all(session: AsyncSession, scope: Scope) -> Any:
    """Return every score: of each attempt that has one, the first; and those recorded where no LMS sends them."""
    enrolments, under = rows_at(session, Enrolment, scope.as_of), activities(session, scope)
    joined = enrolments.join(under, under.c.activity_id == enrolments.c.activity_id)
    tables, told_as = told_along(session, scope, joined, enrolments)
    told = (
        select(
            *(under.c[name] for name in _KEYS),
            enrolments.c.person_id,
            enrolments.c.score_first.label("score"),
            literal(Decimal(0), Exact).label("minimum"),
            literal(Decimal(1), Exact).label("maximum"),
            local_day(enrolments.c.last_event_at, scope).label("taken_on"),
            *told_as,
        )
        .select_from(tables)
        .where(enrolments.c.score_first.is_not(None), enrolments.c.last_event_at <= scope.now)
    )
    if pursued(scope) == "activity":
        return told.subquery()
    recorded, wider = rows_at(session, AssessmentScore, scope.as_of), initiatives(session, scope)
    written = (
        select(
            *(wider.c[name] for name in _KEYS),
            recorded.c.person_id,
            *(recorded.c[name] for name in _MEASURES),
            recorded.c.taken_on,
            *(literal(None, each.type) for each in told_as),
        )
        .select_from(recorded.join(wider, wider.c.initiative_id == recorded.c.initiative_id))
        .where(recorded.c.taken_on <= scope.today)
    )
    return union_all(told, written).subquery()


async def _load(session: AsyncSession, scope: Scope) -> Mapping[Place, Scored]:
    """Add up scores by their scale, so that each is scaled exactly; then over scales."""
    base, person = _all(session, scope), people(session, scope)
    scales = (base.c.minimum, base.c.maximum)
    measures = (func.count(), func.sum(base.c.score).label("total"))
    known = [person.c.resolved.is_(True)]
    options: dict[str, Any] = {"person": person, "conditions": known}
    sums: dict[Place, tuple[int, Decimal]] = {}
    for row in await session.execute(counted(session, scope, base, "taken_on", measures, also=scales, **options)):
        minimum, maximum, count, total = row[1 + len(scope.by) :]
        scores, scaled = sums.get(place_of(row, scope), (0, Decimal(0)))
        scaled += (total - count * minimum) / (maximum - minimum)
        sums[place_of(row, scope)] = scores + int(count), scaled
    heads = (func.count(func.distinct(base.c.person_id)),)
    of_people = await session.execute(counted(session, scope, base, "taken_on", heads, **options))
    return {
        place_of(row, scope): Scored(sums[place_of(row, scope)][0], int(row[-1]), sums[place_of(row, scope)][1])
        for row in of_people
    }


def _scaled(found: Scored, _scope: Scope) -> Given:
    """Return the scores of a place added up, beside the ends of their scales added up."""
    raw = found.scaled if found.scores else None
    return Given({"raw": raw, "minimum": 0, "maximum": found.scores}, found.people, "first_score_of_each_attempt")


PROVIDERS = (
    Provider(
        metrics={"scaled_score": _scaled},
        kinds=frozenset({*KINDS, "activity"}),
        load=_load,
        nothing=Scored,
        by=frozenset({*PEOPLE, *LEARNING, *BUCKETS}),
        people=True,
        refused=SUBJECTS,
        sensitivity=Sensitivity.PERFORMANCE,
        events=True,
    ),
)
