"""The panel of one estimate from stored facts: at which level exposure was assigned, and who else was offered what.

Other initiatives count where they are aligned to an outcome with the same KPI: they may have moved it too.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import Fault, Invalid
from app.models.effect_options import AssignmentLevel, Contaminated, EffectOptions, ExposureChoice
from app.models.effects import EffectEstimate
from app.models.initiatives import Alignment, Assignment, Initiative
from app.models.kpis import Kpi, Measurement, SubjectKind
from app.models.outcomes import Outcome
from app.services import offers, panels, standing, unit_traits
from app.services.offers import Offers
from app.services.panels import Facts
from app.services.unit_traits import Traits
from app.services.versions import rows_at

_LEAST_CONTROLS = 5  # impact.md 3.4: with fewer comparison units there is no estimate

Starts = Mapping[UUID, date]
"""Per unit the day since which an initiative was offered to it."""


@dataclass(frozen=True, slots=True)
class FactPanel:
    """The facts that an estimate rests on, and what was found out while they were gathered.

    `others` are the other initiatives on the same KPI, with their offers to the same units within the time of the
    data. `contaminated` counts the comparison units that were offered one of those; they are among the facts unless
    `left_out`. `unmeasured` counts the exposed people whom the KPI never measured, where it measures people. `traits`
    are the covariates; units of which one is not known are left out.
    """

    facts: Facts
    level: AssignmentLevel
    others: Mapping[UUID, Starts]
    contaminated: int
    left_out: bool
    unmeasured: int
    traits: Traits

    def sha256(self) -> str:
        """Return the hash of the observations and of what is known of their units: equal hashes are equal data."""
        if not self.traits.columns:
            return self.facts.sha256()
        units = dict.fromkeys(row.unit_id for row in self.facts.rows)
        plain = [[name, [values[unit] for unit in units]] for name, values in sorted(self.traits.columns.items())]
        return hashlib.sha256(json.dumps([self.facts.sha256(), plain]).encode()).hexdigest()

    def overlaps(self, initiative_id: UUID) -> list[dict[str, Any]]:
        """Return who shares how many units with the initiative, in order of their share of its exposed units."""
        from app.domain.impact.attribution import overlaps  # noqa: PLC0415  the engine is imported at first use

        own = {row.unit_id: row.exposed_on for row in self.facts.rows if row.exposed_on is not None}
        names, starts = starts_of(self.facts, {initiative_id: own, **self.others})
        found = [
            each for each in overlaps(starts, names, window=len(self.facts.periods)) if each.initiative == names[0]
        ]
        return [
            {
                "initiative_id": each.other,
                "exposed_units": each.treated,
                "shared_units": each.both,
                "share": each.share,
                "flagged": each.flagged,
            }
            for each in sorted(found, key=lambda one: -one.share)
        ]


async def of(
    session: AsyncSession, initiative: Initiative, kpi: Kpi, options: EffectOptions, *, as_of: datetime | None
) -> FactPanel:
    """Return what is known of a KPI's units. Raises Invalid (`not_evaluable`) when there is nothing to compare."""
    [facts] = await panels.of_many(session, [(initiative.id, kpi.id)], as_of=as_of, exposure=options.exposure)
    if not facts.rows:
        raise nothing("no_units", f"{kpi.name} is not measured per org unit or person: there is nothing to compare.")
    if all(row.exposed_on is None for row in facts.rows):
        detail = "Nobody measured is in the initiative's audience: add the people to whom it was offered, and when."
        if options.exposure is ExposureChoice.ENROLLED:
            detail = "Nobody measured has enrolled in an activity of the initiative."
        raise nothing("no_audience", detail)
    others = await others_on(session, kpi.id, facts, {initiative.id}, as_of=as_of)
    clean, contaminated = _without_contaminated(facts, others)
    left_out = contaminated > 0 and options.contaminated is Contaminated.LEAVE_OUT and clean is not facts
    level, used = await _clustered(session, (initiative, kpi), clean if left_out else facts, options, as_of)
    traits = await unit_traits.of(session, initiative, used, options, as_of=as_of)
    if traits.unknown:
        used = replace(used, rows=tuple(row for row in used.rows if row.unit_id not in traits.unknown))
        if all(row.exposed_on is None for row in used.rows):
            raise nothing("no_audience", "No exposed unit is left: of each, one of the covariates is not known.")
    [offered] = (await offers.of_many(session, [initiative.id], as_of, options.exposure)).values()
    measured = {row.unit_id for row in facts.rows}
    unmeasured = len(offered.persons.keys() - measured) if facts.unit_kind == SubjectKind.PERSON else 0
    return FactPanel(used, level, others, contaminated, left_out, unmeasured, traits)


async def others_on(
    session: AsyncSession, kpi_id: UUID, facts: Facts, besides: set[UUID], *, as_of: datetime | None
) -> dict[UUID, Starts]:
    """Return the other initiatives aligned to this KPI, with their offers to measured units in the time of the data."""
    known = sorted(await _aligned(session, kpi_id, as_of) - besides)
    offered = await offers.of_many(session, known, as_of) if known and facts.rows else {}
    found = {each: within(facts, offered[each]) for each in offered}
    return {each: starts for each, starts in found.items() if starts}


async def initiatives_on(
    session: AsyncSession, kpi_id: UUID, *, as_of: datetime | None
) -> tuple[Facts, dict[UUID, Starts]]:
    """Return a KPI's measured units, and the initiatives aligned to it with their offers to those."""
    facts = await panels.measured_of(session, kpi_id, as_of=as_of)
    return facts, await others_on(session, kpi_id, facts, set(), as_of=as_of)


async def _aligned(session: AsyncSession, kpi_id: UUID, as_of: datetime | None) -> set[UUID]:
    """Return the initiatives that are to move the KPI: aligned to an outcome of it, or with an effect accepted."""
    alignments, outcomes = rows_at(session, Alignment, as_of), rows_at(session, Outcome, as_of)
    aligned = (
        select(alignments.c.initiative_id)
        .select_from(alignments.join(outcomes, outcomes.c.id == alignments.c.outcome_id))
        .where(outcomes.c.kpi_id == kpi_id)
    )
    decided = (
        select(*(col(getattr(EffectEstimate, name)) for name in (*standing.COLUMNS, "initiative_id")))
        .join(Outcome, col(Outcome.id) == col(EffectEstimate.outcome_id))
        .where(
            col(Outcome.kpi_id) == kpi_id,
            col(EffectEstimate.decided_at).is_not(None),
        )
    )
    rows = (await session.execute(decided)).all()
    stood = await standing.claims(session, rows, as_of)
    found = {*await session.scalars(aligned), *(row.initiative_id for row in rows if row.id in stood)}
    return {each for each in found if each is not None}


def within(facts: Facts, offered: Offers) -> dict[UUID, date]:
    """Return the offers to measured units in the time of the data; earlier ones are part of everybody's level."""
    units = {row.unit_id for row in facts.rows}
    first, end = facts.periods[0], max(row.period_end for row in facts.rows)
    since = offered.of_kind(SubjectKind(facts.unit_kind))
    return {unit: day for unit, day in since.items() if unit in units and first <= day < end}


def starts_of(facts: Facts, starts: Mapping[UUID, Mapping[UUID, date | None]]) -> tuple[tuple[str, ...], Any]:
    """Return the names of initiatives (public ids) and the engine's table of the first exposed period of each unit.

    Units are in the order of the facts.
    """
    from app.domain.impact.attribution import table_of_starts  # noqa: PLC0415  the engine is imported at first use

    place = {period: at for at, period in enumerate(facts.periods)}
    days = {day for each in starts.values() for day in each.values() if day is not None}
    after = {day: place.get(period) if (period := facts.period_after(day)) else None for day in days}
    units = dict.fromkeys(row.unit_id for row in facts.rows)
    rows = [
        [None if (day := offered.get(unit)) is None else after[day] for offered in starts.values()] for unit in units
    ]
    return tuple(ids.encode(Initiative.prefix, each) for each in starts), table_of_starts(rows)


def _without_contaminated(facts: Facts, others: Mapping[UUID, Starts]) -> tuple[Facts, int]:
    """Return the facts without comparison units that another initiative reached, and how many those are.

    The facts themselves come back where too few would be left.
    """
    reached = {unit for starts in others.values() for unit in starts}
    controls = {row.unit_id for row in facts.rows if row.exposed_on is None}
    found = controls & reached
    if not found or len(controls - found) < _LEAST_CONTROLS:
        return facts, len(found)
    return replace(facts, rows=tuple(row for row in facts.rows if row.unit_id not in found)), len(found)


async def _clustered(
    session: AsyncSession, about: tuple[Initiative, Kpi], facts: Facts, options: EffectOptions, as_of: datetime | None
) -> tuple[AssignmentLevel, Facts]:
    """Return the level at which exposure was assigned, with persons put into their org units where it is that."""
    initiative, kpi = about
    if facts.unit_kind != SubjectKind.PERSON:
        return AssignmentLevel.ORG_UNIT, facts
    if options.assignment_level is AssignmentLevel.PERSON:
        return AssignmentLevel.PERSON, facts
    since = {row.unit_id: row.exposed_on for row in facts.rows}
    first = min(day for day in since.values() if day is not None)
    who = select(col(Measurement.subject_id)).where(col(Measurement.kpi_id) == kpi.id)
    places = await offers.workplaces(session, lambda person_id: person_id.in_(who), as_of)
    worked = {person: places.on(person, day or first) for person, day in since.items()}
    if options.assignment_level is None and not _dealt_by_unit(initiative, since, worked):
        return AssignmentLevel.PERSON, facts
    names = {
        person: ids.encode(*(("per", person) if unit is None else ("org", unit))) for person, unit in worked.items()
    }
    rows = tuple(replace(row, cluster=names[row.unit_id]) for row in facts.rows)
    return AssignmentLevel.ORG_UNIT, replace(facts, rows=rows)


def _dealt_by_unit(
    initiative: Initiative, since: Mapping[UUID, date | None], worked: Mapping[UUID, UUID | None]
) -> bool:
    """Tell whether whole org units were offered it together: a rollout, or no org unit of several people is divided."""
    sizes = Counter(unit for unit in worked.values() if unit is not None)
    several = {unit for unit, count in sizes.items() if count > 1}
    if not several:
        return False
    days = {(unit, since[person]) for person, unit in worked.items() if unit in several}
    return initiative.assignment == Assignment.ROLLOUT or (len(several) > 1 and len(days) == len(several))


def nothing(code: str, detail: str) -> Invalid:
    """Return the error of facts that allow no estimate."""
    return Invalid(detail, code="not_evaluable", errors=(Fault(code, detail),))
