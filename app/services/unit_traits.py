"""Covariates of the units of stored facts: what was known of them on the day of the first offer, and who took part.

All of them are of one day, the same for everybody, so that none can be a consequence of exposure. A category becomes
a column of zeros and ones for each value but the most frequent one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids
from app.domain.errors import Fault, Invalid
from app.models.effect_options import EffectOptions
from app.models.initiatives import Assignment, Initiative
from app.models.kpis import SubjectKind
from app.models.people import OrgUnit, Person
from app.services import offers
from app.services.offers import TakeUp
from app.services.panels import Facts
from app.services.versions import rows_at

BEFORE = "outcome_before"
_BEFORE_IN = "outcome:"
_CATEGORIES = frozenset({"role", "org_unit", "org_unit_kind"})
_NAMES = {
    SubjectKind.PERSON: ("tenure_years", "role", "org_unit", "org_unit_kind", "org_unit_size"),
    SubjectKind.ORG_UNIT: ("org_unit_kind", "org_unit_size"),
}
_VALUES_MOST = 30
_DAYS_A_YEAR = 365.25
_CHANCE = frozenset({Assignment.RANDOM, Assignment.LOTTERY})

Values = Mapping[UUID, Any]
"""What is known of each unit; a unit that is not there is one of which it is not known."""


@dataclass(frozen=True, slots=True)
class Traits:
    """Columns by name with a value a unit, and the columns that each name asked for became.

    `unknown` are the units of which one of them is not known; `take_up` is the column that says who took part.
    """

    columns: Mapping[str, Mapping[UUID, float]] = field(default_factory=dict)
    spelled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: frozenset[UUID] = frozenset()
    take_up: str | None = None


async def of(
    session: AsyncSession, initiative: Initiative, facts: Facts, options: EffectOptions, *, as_of: datetime | None
) -> Traits:
    """Return what is asked for of the units. Raises Invalid: `unknown_covariate`, `no_past`, `too_many_values`."""
    kind, units = SubjectKind(facts.unit_kind), list(dict.fromkeys(row.unit_id for row in facts.rows))
    first = min(row.exposed_on for row in facts.rows if row.exposed_on is not None)
    columns: dict[str, Mapping[UUID, float]] = {}
    spelled: dict[str, tuple[str, ...]] = {}
    unknown: set[UUID] = set()
    attributes = await _attributes(session, kind, set(options.covariates), first, as_of)
    for name in options.covariates:
        past = name == BEFORE or name.startswith(_BEFORE_IN)
        told = _past(facts, name, first) if past else attributes.get(name)
        if told is None:
            raise _no_such(name, kind)
        unknown |= {unit for unit in units if unit not in told}
        found = _dummies(name, told, units) if name in _CATEGORIES else {name: told}
        spelled[name] = tuple(found)
        columns |= found
    taken = await _taken(session, initiative, facts, options, as_of)
    return Traits(columns | taken, spelled, frozenset(unknown), next(iter(taken), None))


def _past(facts: Facts, name: str, first: date) -> Values:
    """Return each unit's mean outcome in the periods that end by the first offer, or its outcome in one of them."""
    before = [row for row in facts.rows if row.period_end <= first]
    if name != BEFORE:
        before = [row for row in before if row.period_start.isoformat() == name.removeprefix(_BEFORE_IN)]
    if not before:
        detail = f"{name}: nothing was measured in such a period before the first offer, {first.isoformat()}"
        raise _refused("no_past", detail)
    sums: dict[UUID, list[float]] = {}
    for row in before:
        sums.setdefault(row.unit_id, []).append(float(row.value))
    return {unit: sum(values) / len(values) for unit, values in sums.items()}


async def _attributes(
    session: AsyncSession, kind: SubjectKind, wanted: set[str], first: date, as_of: datetime | None
) -> dict[str, Values]:
    """Return the attributes of that kind of unit on a day, by name; nothing where none of them is wanted."""
    if not wanted.intersection(_NAMES[kind]):
        return {}
    people, org_units = rows_at(session, Person, as_of, archived=True), rows_at(session, OrgUnit, as_of, archived=True)
    told = (await session.execute(select(people.c.id, people.c.joined_on, people.c.role))).all()
    kinds = {row.id: row.kind for row in await session.execute(select(org_units.c.id, org_units.c.kind))}
    places = await offers.workplaces(session, lambda person_id: person_id.is_not(None), as_of)
    where = {row.id: unit for row in told if (unit := places.on(row.id, first)) is not None}
    sizes = Counter(where.values())
    if kind is SubjectKind.ORG_UNIT:
        return {
            "org_unit_kind": {unit: word for unit, word in kinds.items() if word is not None},
            "org_unit_size": {unit: float(sizes[unit]) for unit in kinds},
        }
    return {
        "tenure_years": {row.id: (first - row.joined_on).days / _DAYS_A_YEAR for row in told if row.joined_on},
        "role": {row.id: row.role for row in told if row.role is not None},
        "org_unit": {person: ids.encode("org", unit) for person, unit in where.items()},
        "org_unit_kind": {person: word for person, unit in where.items() if (word := kinds.get(unit)) is not None},
        "org_unit_size": {person: float(sizes[unit]) for person, unit in where.items()},
    }


def _dummies(name: str, told: Values, units: Sequence[UUID]) -> dict[str, Mapping[UUID, float]]:
    counts = Counter(told[unit] for unit in units if unit in told)
    if len(counts) > _VALUES_MOST:
        raise _refused("too_many_values", f"{name} has {len(counts)} values; at most {_VALUES_MOST} are taken")
    [usual, *_] = sorted(counts, key=lambda value: (-counts[value], value)) or [None]
    return {
        f"{name}={value}": {unit: float(own == value) for unit, own in told.items()}
        for value in sorted(counts)
        if value != usual
    }


async def _taken(
    session: AsyncSession, initiative: Initiative, facts: Facts, options: EffectOptions, as_of: datetime | None
) -> dict[str, dict[UUID, float]]:
    """Return who took part by the end of the data: as asked, else where chance decided on the offer and some did not.

    Raises Invalid: `unknown_covariate`, and `no_take_up` for org units, which take no part.
    """
    if options.take_up is None and initiative.assignment not in _CHANCE:
        return {}
    if facts.unit_kind != SubjectKind.PERSON:
        if options.take_up is None:
            return {}
        raise _refused("no_take_up", "org units take no part: people do", pointer="/options/take_up")
    if options.take_up not in {None, *TakeUp}:
        detail = f"{options.take_up!r} says nothing of who took part: choose {', '.join(TakeUp)}"
        raise _refused("unknown_covariate", detail, pointer="/options/take_up")
    how = TakeUp(options.take_up or TakeUp.ENROLLED)
    since = await offers.taken_up(session, initiative.id, how, as_of)
    end = max(row.period_end for row in facts.rows)
    offered = {row.unit_id: row.exposed_on is not None for row in facts.rows}
    taken = {unit: float(unit in since and since[unit].date() < end) for unit in offered}
    as_offered = all(taken[unit] == float(given) for unit, given in offered.items())
    if options.take_up is None and (as_offered or not any(taken[unit] for unit, given in offered.items() if given)):
        return {}
    return {how.value: taken}


def _no_such(name: str, kind: SubjectKind) -> Invalid:
    known = ", ".join((BEFORE, f"{_BEFORE_IN}<first day of a period>", *_NAMES[kind]))
    return _refused("unknown_covariate", f"{name!r} is not known of these units: choose among {known}")


def _refused(code: str, detail: str, *, pointer: str = "/options/covariates") -> Invalid:
    return Invalid(f"{detail[0].upper()}{detail[1:]}.", errors=(Fault(code, detail, pointer=pointer),))
