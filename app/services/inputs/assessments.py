"""What people learned: inputs from scores, graded attempts, and the ways to standards of proficiency."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Subquery, Uuid, and_, case, func, literal, or_, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.metrics.privacy import Sensitivity
from app.models.activities import Activity, ActivityKind
from app.models.assessments import AssessmentMoment, AssessmentScore, ProficiencyStandard, StandardAttainment
from app.models.base import Exact
from app.models.learning import Enrolment
from app.services.inputs._cuts import SUBJECTS, refuse
from app.services.inputs._heads import headcount, who
from app.services.inputs._listed import Rows, listed
from app.services.inputs._provider import BUCKETS, LEARNING, PEOPLE, Behind, Given, Place, Provider, Scope
from app.services.inputs._pursuits import counted, place_of
from app.services.inputs._under import activities, initiatives, local_day, people, told_along, whole
from app.services.inputs.surveys import KINDS
from app.services.versions import rows_at

_KEYS = ("subject", "pursuit", "initiative_id")
_HUNDRED = Decimal(100)
_FULL = 1


@dataclass(slots=True)
class Scores:
    """The first score of each moment by (person, instrument), in percent of its scale."""

    by_person: dict[tuple[UUID, str | None], dict[str, Decimal]] = field(default_factory=dict)

    def pairs(self, before: AssessmentMoment, after: AssessmentMoment) -> list[tuple[Decimal | None, Decimal | None]]:
        """Return the scores of two moments, person by person; None where one was not taken."""
        return [(scores.get(before), scores.get(after)) for scores in self.by_person.values()]

    def matched(self, before: AssessmentMoment, after: AssessmentMoment) -> set[UUID]:
        """Return the people with both."""
        return {person for (person, _), scores in self.by_person.items() if before in scores and after in scores}


def _scores(session: AsyncSession, scope: Scope) -> Subquery:
    """Return every score, recorded here or told by an LMS, with its rank in its moment: the first is 1."""
    recorded, enrolments = rows_at(session, AssessmentScore, scope.as_of), rows_at(session, Enrolment, scope.as_of)
    assessed = rows_at(session, Activity, scope.as_of)
    under, steps = initiatives(session, scope), activities(session, scope)
    rows = union_all(
        select(
            *(under.c[name] for name in _KEYS),
            recorded.c.person_id,
            recorded.c.instrument,
            recorded.c.moment,
            recorded.c.score,
            recorded.c.minimum,
            recorded.c.maximum,
            recorded.c.taken_on,
            recorded.c.id,
            literal(None, Uuid).label("enrolment_id"),
        )
        .select_from(recorded.join(under, under.c.initiative_id == recorded.c.initiative_id))
        .where(recorded.c.taken_on <= scope.today),
        select(
            *(steps.c[name] for name in _KEYS),
            enrolments.c.person_id,
            literal(None),
            assessed.c.assesses,
            enrolments.c.score_first,
            literal(Decimal(0), Exact),
            literal(Decimal(_FULL), Exact),
            local_day(enrolments.c.last_event_at, scope),
            literal(None, Uuid),
            enrolments.c.id,
        )
        .select_from(
            enrolments.join(assessed, assessed.c.id == enrolments.c.activity_id).join(
                steps, steps.c.activity_id == assessed.c.id
            )
        )
        .where(
            assessed.c.assesses.is_not(None),
            enrolments.c.score_first.is_not(None),
            enrolments.c.last_event_at <= scope.now,
        ),
    ).subquery()
    partition = (rows.c.subject, rows.c.initiative_id, rows.c.person_id, rows.c.instrument, rows.c.moment)
    rank = func.row_number().over(partition_by=partition, order_by=(rows.c.taken_on, rows.c.score)).label("rank")
    ranked = select(rows, rank).subquery()
    return select(ranked).where(ranked.c.rank == 1).subquery()


async def _scored(session: AsyncSession, scope: Scope) -> Mapping[Place, Scores]:
    base = _scores(session, scope)
    names = ("person_id", "instrument", "moment", "score", "minimum", "maximum")
    also = tuple(base.c[name] for name in names)
    found: dict[Place, Scores] = {}
    for row in await session.execute(counted(session, scope, base, "taken_on", (func.count(),), also=also)):
        person_id, instrument, moment, score, minimum, maximum, _ = row[1 + len(scope.by) :]
        here = found.setdefault(place_of(row, scope), Scores()).by_person.setdefault((person_id, instrument), {})
        here.setdefault(moment, (score - minimum) / (maximum - minimum) * _HUNDRED)
    return found


_PRE, _POST, _DELAYED = AssessmentMoment.PRE, AssessmentMoment.POST, AssessmentMoment.DELAYED
_BASIS = "first_of_each_moment_in_percent"


def _gain(found: Scores, _scope: Scope) -> Given:
    pairs = [{"pre": pre, "post": post} for pre, post in found.pairs(_PRE, _POST)]
    return Given({"pairs": pairs}, len(found.matched(_PRE, _POST)), _BASIS)


def _effect(found: Scores, _scope: Scope) -> Given:
    pairs = [(pre, post) for pre, post in found.pairs(_PRE, _POST) if pre is not None and post is not None]
    inputs = {"pre": [pre for pre, _ in pairs], "post": [post for _, post in pairs]}
    return Given(inputs, len(found.matched(_PRE, _POST)), _BASIS)


def _retained(found: Scores, _scope: Scope) -> Given:
    scores = [{"immediate": post, "delayed": delayed} for post, delayed in found.pairs(_POST, _DELAYED)]
    return Given({"scores": scores}, len(found.matched(_POST, _DELAYED)), _BASIS)


@dataclass(frozen=True, slots=True)
class Graded:
    """Counts of people in one place: who passed has passed all that was graded of them there."""

    attempted: int = 0
    passed_first: int = 0
    passed_ever: int = 0
    examined: int = 0

    @property
    def never_graded(self) -> int:
        """Who enrolled in an exam and was graded in nothing."""
        return self.examined - self.attempted


async def _graded(session: AsyncSession, scope: Scope) -> Mapping[Place, Graded]:
    """Count who was graded by whether they passed, and who should have been: in exams and in whatever is graded."""
    enrolments, under = rows_at(session, Enrolment, scope.as_of), activities(session, scope)
    kinds = rows_at(session, Activity, scope.as_of)
    joined = enrolments.join(under, under.c.activity_id == enrolments.c.activity_id)
    tables, told_as = told_along(session, scope, joined.join(kinds, kinds.c.id == under.c.activity_id), enrolments)
    keys = [*(under.c[name] for name in _KEYS), enrolments.c.person_id, under.c.activity_id, kinds.c.kind, *told_as]
    ordinal = enrolments.c.ordinal
    base = (
        select(
            *keys,
            func.min(enrolments.c.first_event_at).label("first_at"),
            func.min(case((enrolments.c.passed.is_not(None), ordinal))).label("graded"),
            func.min(case((enrolments.c.passed.is_(True), ordinal))).label("passed"),
        )
        .select_from(tables)
        .where(enrolments.c.first_event_at <= scope.now)
        .group_by(*keys)
        .subquery()
    )
    graded, passed = base.c.graded.is_not(None), base.c.passed.is_not(None)
    measures = (
        who(graded),
        who(graded, each=and_(passed, base.c.passed == base.c.graded)),
        who(graded, each=passed),
        who(or_(graded, base.c.kind == ActivityKind.EXAM)),
    )
    statement = headcount(session, scope, base, "first_at", measures, person=people(session, scope), repeated=True)
    return {
        place_of(row, scope): Graded(*(int(each) for each in row[1 + len(scope.by) :]))
        for row in await session.execute(statement)
    }


def _passed(name: str) -> Any:
    def read(found: Graded, _scope: Scope) -> Given:
        inputs = {"attempted": found.attempted, name: getattr(found, name), "never_graded": found.never_graded}
        return Given(inputs, found.attempted)

    return read


@dataclass(slots=True)
class Ways:
    """How long people took to a standard, or have been on the way, and how each way ended."""

    durations: list[dict[str, Any]] = field(default_factory=list)
    people: set[UUID] = field(default_factory=set)
    holds: set[int] = field(default_factory=set)
    titles: set[str] = field(default_factory=set)


async def _ways(session: AsyncSession, scope: Scope) -> Mapping[Place, Ways]:
    standards = rows_at(session, ProficiencyStandard, scope.as_of)
    attainments, person = rows_at(session, StandardAttainment, scope.as_of), people(session, scope)
    under = initiatives(session, scope)
    tables = attainments.join(standards, standards.c.id == attainments.c.standard_id)
    subject: ColumnElement[Any] = whole(scope)
    if scope.kind != "tenant":
        tables = tables.join(under, under.c.initiative_id == standards.c.initiative_id)
        subject = under.c.subject
    base = (
        select(
            subject.label("subject"),
            standards.c.initiative_id,
            *(attainments.c[name] for name in ("id", "person_id", "attained_on")),
            func.coalesce(attainments.c.starts_on, person.c.joined_on).label("starts_on"),
            person.c.left_on,
            standards.c.hold_days,
            standards.c.title,
        )
        .select_from(tables.join(person, person.c.id == attainments.c.person_id))
        .subquery()
    )
    names = ("person_id", "starts_on", "attained_on", "left_on", "hold_days", "title", "id")
    also = tuple(base.c[name] for name in names)
    found: dict[Place, Ways] = {}
    for row in await session.execute(counted(session, scope, base, "starts_on", (func.count(),), also=also)):
        person_id, start, attained, left, hold, title = row[1 + len(scope.by) : -2]
        duration = None if start is None else _way(start, attained, left, hold, scope.today)
        if duration is not None:
            here = found.setdefault(place_of(row, scope), Ways())
            here.durations.append(duration)
            here.people.add(person_id)
            here.holds.add(hold)
            here.titles.add(title)
    return found


def _way(start: date, attained: date | None, left: date | None, hold: int, today: date) -> dict[str, Any] | None:
    """Return one way; None where it has not begun. What has not been held for long enough is still open."""
    if start > today:
        return None
    if attained is not None and attained + timedelta(days=hold) <= today:
        return {"days": (attained - start).days, "outcome": "proficient"}
    gone = left is not None and left <= today
    end = left if gone and left is not None else today
    return {"days": max(0, (end - start).days), "outcome": "left" if gone else "open"}


def _proficiency(found: Ways, _scope: Scope) -> Given:
    known: dict[str, Any] = {}
    if len(found.holds) == 1:
        known["hold_days"] = next(iter(found.holds))
    if len(found.titles) == 1:
        known["criterion"] = next(iter(found.titles))
    return Given({"durations": found.durations}, len(found.people), parameters=known)


def _taken(**moments: Collection[AssessmentMoment]) -> Behind:
    """List the scores of these moments for each input: recorded here, and told by platforms."""

    def of(session: AsyncSession, scope: Scope, noun: str, column: str) -> Rows:
        base = _scores(session, scope)
        table = select(base.c[column].label("id"), *(each for each in base.c if each.name != "id")).subquery()
        here = table.c.id.is_not(None)
        counting = {name: and_(here, table.c.moment.in_(which)) for name, which in moments.items()}
        return Rows(
            noun, table, table, table.c.subject, None, counting, who=table.c.person_id, group=table.c.instrument
        )

    return listed(
        partial(of, noun="assessment_score", column="id"), partial(of, noun="enrolment", column="enrolment_id")
    )


def _attained(session: AsyncSession, scope: Scope) -> Rows:
    table, standards = (
        rows_at(session, StandardAttainment, scope.as_of),
        rows_at(session, ProficiencyStandard, scope.as_of),
    )
    below = initiatives(session, scope)
    tables = table.join(standards, standards.c.id == table.c.standard_id).join(
        below, below.c.initiative_id == standards.c.initiative_id
    )
    counting = {"durations": true()}
    who, group = table.c.person_id, table.c.standard_id
    return Rows("standard_attainment", table, tables, below.c.subject, None, counting, who=who, group=group)


_TESTED = refuse(learning="tests before and after are of an initiative as a whole, not of single activities")
_PROVED = refuse(learning="a standard is proved on the job, and comes of all that was learned")

PROVIDERS = (
    Provider(
        metrics={
            "score_gain": _gain,
            "normalised_gain": _gain,
            "normalised_change": _gain,
            "effect_size": _effect,
            "retention_of_learning": _retained,
        },
        kinds=KINDS,
        load=_scored,
        nothing=Scores,
        by=frozenset({*PEOPLE, *BUCKETS}),
        people=True,
        behind={
            **dict.fromkeys(("score_gain", "normalised_gain", "normalised_change"), _taken(pairs=(_PRE, _POST))),
            "effect_size": _taken(pre=(_PRE,), post=(_POST,)),
            "retention_of_learning": _taken(scores=(_POST, _DELAYED)),
        },
        refused=_TESTED,
        sensitivity=Sensitivity.PERFORMANCE,
    ),
    Provider(
        metrics={"pass_rate{first}": _passed("passed_first"), "pass_rate{ever}": _passed("passed_ever")},
        kinds=frozenset({*KINDS, "activity"}),
        load=_graded,
        nothing=Graded,
        by=frozenset({*PEOPLE, *LEARNING, *BUCKETS}),
        people=True,
        refused=SUBJECTS,
        sensitivity=Sensitivity.PERFORMANCE,
        events=True,
    ),
    Provider(
        metrics={"time_to_proficiency": _proficiency},
        kinds=KINDS,
        load=_ways,
        nothing=Ways,
        by=frozenset({*PEOPLE, *BUCKETS}),
        people=True,
        behind={"time_to_proficiency": listed(_attained)},
        refused=_PROVED,
        sensitivity=Sensitivity.PERFORMANCE,
    ),
)
