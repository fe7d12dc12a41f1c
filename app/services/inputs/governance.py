"""Running the learning loop: inputs from reviews, decisions, actions, commitments, owners and forecasts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, and_, case, false, func, or_, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.metrics.answers import caveat
from app.models.base import Noun
from app.models.commitments import Commitment, CommitmentStatus
from app.models.days import first_day
from app.models.forecasts import Forecast
from app.models.initiatives import Initiative
from app.models.kpis import Kpi
from app.models.objectives import Objective
from app.models.outcomes import Outcome
from app.models.people import Person
from app.models.reviews import Action, ActionStatus, Decision, Review, ReviewStatus
from app.services.inputs._cuts import STATE, refuse
from app.services.inputs._listed import Of, Rows, Tally, listed, tallied
from app.services.inputs._provider import BUCKETS, Given, Link, Place, Provider, Scope
from app.services.inputs._under import aligned, employed_on, whole, within
from app.services.inputs.courses import courses
from app.services.versions import rows_at

_KINDS = frozenset({"tenant", "objective", "outcome", "initiative"})


def _subject_of(
    session: AsyncSession, scope: Scope, table: Subquery, own: Mapping[str, str]
) -> tuple[FromClause, ColumnElement[Any]]:
    """Return the tables and the column that say which subject a row belongs to.

    `own` maps kinds of subject to the column that names them; other kinds are reached through the initiative.
    """
    if scope.kind == "tenant":
        return table, whole(scope)
    if scope.kind in own:
        return table, table.c[own[scope.kind]]
    links = aligned(session, scope)
    return table.join(links, links.c.initiative_id == table.c.initiative_id), links.c.subject


_REVIEWED = {"initiative": "initiative_id", "objective": "objective_id"}


def _reviews(session: AsyncSession, scope: Scope) -> Rows:
    reviews, decisions = rows_at(session, Review, scope.as_of), rows_at(session, Decision, scope.as_of)
    decided = select(decisions.c.review_id).distinct().subquery()
    tables, subject = _subject_of(session, scope, reviews, _REVIEWED)
    tables = tables.outerjoin(decided, decided.c.review_id == reviews.c.id)
    waived = reviews.c.status == ReviewStatus.WAIVED
    held = and_(reviews.c.status == ReviewStatus.HELD, reviews.c.held_on <= scope.today)
    in_window = and_(held, reviews.c.held_on >= reviews.c.opens_on, reviews.c.held_on <= reviews.c.due_on)
    due = and_(~waived, or_(reviews.c.due_on < scope.today, in_window))
    counting = {
        "due": due,
        "held_in_window": in_window,
        "waived": waived,
        "held": held,
        "with_decision": and_(held, decided.c.review_id.is_not(None)),
    }
    return Rows("review", reviews, tables, subject, reviews.c.due_on, counting)


def _actions(session: AsyncSession, scope: Scope) -> Rows:
    actions, reviews = rows_at(session, Action, scope.as_of), rows_at(session, Review, scope.as_of)
    names = [actions.c[name] for name in ("id", "version", "status", "due_on", "closed_on")]
    joined = actions.join(reviews, reviews.c.id == actions.c.review_id)
    table = select(*names, reviews.c.initiative_id, reviews.c.objective_id).select_from(joined).subquery()
    tables, subject = _subject_of(session, scope, table, _REVIEWED)
    dropped = table.c.status == ActionStatus.DROPPED
    on_time = and_(table.c.status == ActionStatus.DONE, table.c.closed_on <= table.c.due_on)
    counting = {
        "due": and_(~dropped, or_(table.c.due_on < scope.today, on_time)),
        "closed_on_time": on_time,
        "dropped": dropped,
    }
    return Rows("action", table, tables, subject, table.c.due_on, counting)


def _commitments(session: AsyncSession, scope: Scope) -> Rows:
    table = rows_at(session, Commitment, scope.as_of)
    tables, subject = _subject_of(session, scope, table, {"initiative": "initiative_id"})
    role = scope.parameters.get("role")
    mine = table.c.role == role if role else table.c.role.is_not(None)
    kept = table.c.status == CommitmentStatus.KEPT
    counting = {
        "due": and_(mine, or_(table.c.due_on < scope.today, table.c.status != CommitmentStatus.OPEN)),
        "kept": and_(mine, kept),
    }
    return Rows("commitment", table, tables, subject, table.c.due_on, counting, table.c.role)


_OWNERS = ((Objective, "goal_owner_id"), (Outcome, "owner_id"), (Initiative, "owner_id"), (Kpi, "owner_id"))


def _owned(row: type[Noun], column: str) -> Of:
    """Return the rows of a noun that somebody should own, by whether somebody who is here does."""

    def of(session: AsyncSession, scope: Scope) -> Rows:
        table, person = rows_at(session, row, scope.as_of), rows_at(session, Person, scope.as_of)
        tables = table.outerjoin(person, person.c.id == table.c[column])
        here = and_(person.c.id.is_not(None), employed_on(person, scope.today))
        counting = {
            "objects": true(),
            "with_current_owner": here,
            "owner_left": and_(table.c[column].is_not(None), ~func.coalesce(here, false())),
        }
        return Rows(row.__name__.lower(), table, tables, whole(scope), None, counting)

    return of


async def _owners(session: AsyncSession, scope: Scope) -> Mapping[Place, Tally]:
    person = rows_at(session, Person, scope.as_of)
    parts = []
    for row, column in _OWNERS:
        table = rows_at(session, row, scope.as_of)
        parts.append(select(table.c[column].label("owner_id")))
    objects = union_all(*parts).subquery()
    here = and_(person.c.id.is_not(None), employed_on(person, scope.today))
    measures = {
        "objects": func.count(),
        "with_current_owner": func.coalesce(func.sum(case((here, 1), else_=0)), 0),
        "owner_left": func.coalesce(func.sum(case((and_(objects.c.owner_id.is_not(None), ~here), 1), else_=0)), 0),
    }
    tables = objects.outerjoin(person, person.c.id == objects.c.owner_id)
    counts = (await session.execute(select(*measures.values()).select_from(tables))).one()
    return {(scope.tenant_id, ()): Tally(dict(zip(measures, map(int, counts), strict=True)))}


@dataclass(slots=True)
class Forecasts:
    """Forecasts whose day has come and whose actual value is known."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    unknown: int = 0


async def _forecasts(session: AsyncSession, scope: Scope) -> Mapping[Place, Forecasts]:
    """Return forecasts beside what came of them: as it was told, else as it was measured for the day forecast."""
    table, outcomes = rows_at(session, Forecast, scope.as_of), rows_at(session, Outcome, scope.as_of)
    subjects = {"outcome": table.c.outcome_id, "objective": outcomes.c.objective_id}
    subject = subjects.get(scope.kind, whole(scope))
    columns = [table.c[name] for name in ("id", "version", "outcome_id", "for_on", "low", "high", "point", "actual")]
    statement = (
        select(subject.label("subject"), *columns)
        .select_from(table.join(outcomes, outcomes.c.id == table.c.outcome_id))
        .where(
            table.c.for_on <= scope.today,
            *within(table.c.for_on, scope),
            *([] if scope.kind == "tenant" else [subject.in_(scope.ids)]),
        )
        .order_by(table.c.for_on, table.c.id)
    )
    rows = (await session.execute(statement)).all()
    measured = await courses(session, scope, list({row.outcome_id for row in rows if row.actual is None}))
    found: dict[Place, Forecasts] = {}
    for row in rows:
        labels = tuple(first_day(row.for_on, each) for each in scope.by)
        here = found.setdefault((row.subject, labels), Forecasts())
        reading = measured[row.outcome_id].on(row.for_on) if row.outcome_id in measured else None
        actual = row.actual if row.actual is not None else None if reading is None else reading.value
        if actual is None:
            here.unknown += 1
            continue
        here.rows.append({"low": row.low, "high": row.high, "point": row.point, "actual": actual})
        here.links.append(Link("forecast", row.id, row.version))
        if row.actual is None and reading is not None:
            here.links += [Link("measurement", each) for each in reading.measurement_ids]
    return found


def _calibration(found: Forecasts, _scope: Scope) -> Given:
    sentence = f"{found.unknown} forecasts have come due, and nobody has told or measured what came of them."
    note = caveat("actual_unknown", sentence, when=found.unknown)
    return Given({"forecasts": found.rows}, links={"forecasts": found.links}, caveats=(note,) if note else ())


def _taking(*names: str) -> Any:
    def read(found: Tally, _scope: Scope) -> Given:
        return found.take(*names)

    return read


def _counts(load: Any, metrics: Mapping[str, Sequence[str]], **options: Any) -> Provider:
    """Return the provider of metrics whose inputs are counts of the same names."""
    readers = {slug: _taking(*names) for slug, names in metrics.items()}
    return Provider(
        **({"kinds": _KINDS, "by": frozenset(BUCKETS)} | options), metrics=readers, load=load, nothing=Tally
    )


_NO_GROUP = "it is about objectives and initiatives, not about groups of people"
_NO_ACTIVITY = "it is about objectives and initiatives as a whole, not about single activities"
_REVIEWS = refuse(people=_NO_GROUP, learning=_NO_ACTIVITY)
_PROMISES = refuse(
    org_unit="a promise is one person's, and a unit would name who broke it",
    wave="who promises something is not offered it in waves",
    learning=_NO_ACTIVITY,
)
_OWNED = refuse(people="an owner is one person, whom a group would name", learning=_NO_ACTIVITY, time=STATE)
_FORESEEN = refuse(people="a forecast is of an outcome as a whole", learning="a forecast is of an outcome")

PROVIDERS = (
    _counts(
        tallied(_reviews),
        {"review_adherence": ("due", "held_in_window", "waived"), "decision_rate": ("held", "with_decision")},
        behind=dict.fromkeys(("review_adherence", "decision_rate"), listed(_reviews)),
        refused=_REVIEWS,
    ),
    _counts(
        tallied(_actions),
        {"action_on_time": ("due", "closed_on_time", "dropped")},
        behind={"action_on_time": listed(_actions)},
        refused=_REVIEWS,
    ),
    _counts(
        tallied(_commitments),
        {"stakeholder_engagement": ("due", "kept")},
        behind={"stakeholder_engagement": listed(_commitments)},
        parameters=("role",),
        by=frozenset({"role", *BUCKETS}),
        refused=_PROMISES,
    ),
    _counts(
        _owners,
        {"accountability_coverage": ("objects", "with_current_owner", "owner_left")},
        behind={"accountability_coverage": listed(*(_owned(row, column) for row, column in _OWNERS))},
        kinds=frozenset({"tenant"}),
        by=frozenset(),
        refused=_OWNED,
    ),
    Provider(
        metrics={"forecast_calibration": _calibration},
        kinds=frozenset({"tenant", "objective", "outcome"}),
        load=_forecasts,
        nothing=Forecasts,
        by=frozenset(BUCKETS),
        refused=_FORESEEN,
    ),
)
