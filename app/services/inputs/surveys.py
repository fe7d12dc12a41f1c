"""What people answer: inputs from responses to surveys. Who answers twice counts by the latest answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, and_, case, func, literal_column, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.metrics.answers import caveat
from app.models.surveys import Intent, Respondent, Survey, SurveyResponse
from app.services.inputs._cuts import refuse
from app.services.inputs._listed import Of, Rows, listed, under
from app.services.inputs._provider import BUCKETS, PEOPLE, Given, Place, Provider, Scope
from app.services.inputs._pursuits import counted, place_of, total
from app.services.inputs._under import bucketed, initiatives, within
from app.services.versions import rows_at

KINDS = frozenset({"tenant", "objective", "outcome", "initiative"})
_ANSWERS = ("recommend", "intent", "planned_percent", "within_six_weeks", "applied")


@dataclass(slots=True)
class Told:
    """The answers of one place: how often each was given, and by how many people each question was answered."""

    counts: dict[str, dict[Any, int]] = field(default_factory=lambda: {name: {} for name in _ANSWERS})
    people: dict[str, int] = field(default_factory=dict)
    least: int = 0
    invited: int | None = None
    """How many were invited, where every survey of learners says so; None of a segment: invitations have none."""

    def answered(self, question: str) -> int:
        """Return how many answers a question has."""
        return sum(self.counts[question].values())


def latest(session: AsyncSession, scope: Scope, respondent: Respondent | None) -> Subquery:
    """Return the latest answers of each person to each survey: (subject, pursuit, initiative_id, person_id, answers).

    `who` is the person, or the response where it is anonymous. Of one kind of respondents; None: of all.
    """
    surveys, responses = rows_at(session, Survey, scope.as_of), rows_at(session, SurveyResponse, scope.as_of)
    under = initiatives(session, scope)
    who = func.coalesce(responses.c.person_id, responses.c.id)
    newest_first = (responses.c.answered_on.desc(), responses.c.recorded_at.desc(), responses.c.id.desc())
    rank = func.row_number().over(partition_by=(under.c.subject, surveys.c.id, who), order_by=newest_first)
    deeds = ("goal_agreed", "chance_given", "follow_up_held")
    ranked = (
        select(
            *(under.c[name] for name in ("subject", "pursuit", "initiative_id")),
            *(responses.c[name] for name in ("id", "survey_id", "person_id", "answered_on", *_ANSWERS, *deeds)),
            who.label("who"),
            surveys.c.minimum_responses,
            rank.label("rank"),
        )
        .select_from(
            responses.join(surveys, surveys.c.id == responses.c.survey_id).join(
                under, under.c.initiative_id == surveys.c.initiative_id
            )
        )
        .where(
            responses.c.answered_on <= scope.today,
            *((surveys.c.respondent == respondent,) if respondent else ()),
            *_in_activity(scope, surveys, under),
        )
        .subquery()
    )
    return select(ranked).where(ranked.c.rank == 1).subquery()


def _in_activity(scope: Scope, surveys: Subquery, under: Subquery) -> list[ColumnElement[bool]]:
    """Return the condition that a survey is answered in the activity that it is counted for, where cut so."""
    return [surveys.c.activity_id == under.c.pursuit] if "activity" in scope.by else []


async def told(session: AsyncSession, scope: Scope) -> Mapping[Place, Told]:
    """Count the answers of learners by place, each person's latest to each survey; three queries at the most."""
    base = latest(session, scope, Respondent.LEARNER)
    answers = tuple(base.c[name] for name in _ANSWERS)
    found: dict[Place, Told] = {}
    grouped = counted(session, scope, base, "answered_on", (func.count(),), also=answers, anonymous=True)
    for row in await session.execute(grouped):
        here = found.setdefault(place_of(row, scope), Told())
        *values, count = row[1 + len(scope.by) :]
        for name, value in zip(_ANSWERS, values, strict=True):
            if value is not None:
                here.counts[name][value] = here.counts[name].get(value, 0) + count
    people = [func.count(func.distinct(case((base.c[name].is_not(None), base.c.who)))) for name in _ANSWERS]
    measures = (*people, func.max(base.c.minimum_responses))
    for row in await session.execute(counted(session, scope, base, "answered_on", measures, anonymous=True)):
        here = found[place_of(row, scope)]
        *each, here.least = row[1 + len(scope.by) :]
        here.people = dict(zip(_ANSWERS, each, strict=True))
    if not scope.by:
        for place, asked in (await _asked(session, scope, Respondent.LEARNER)).items():
            if place in found and not asked.uncounted:
                found[place].invited = asked.invited
    return found


def _given(found: Told, question: str, inputs: Mapping[str, Any]) -> Given:
    known = {} if found.invited is None else {"invited": found.invited}
    return Given({**inputs, **known}, found.people.get(question, 0), least=found.least)


def _nps(found: Told, _scope: Scope) -> Given:
    scores = [{"score": score, "count": count} for score, count in sorted(found.counts["recommend"].items())]
    return _given(found, "recommend", {"scores": scores})


def _intent(found: Told, _scope: Scope) -> Given:
    will = found.counts["intent"].get(Intent.WILL_APPLY, 0)
    return _given(found, "intent", {"responses": found.answered("intent"), "will_apply": will})


def planned(found: Told, _scope: Scope) -> Given:
    """Return how much of the content learners plan to apply."""
    plans = [{"percent": each, "count": count} for each, count in sorted(found.counts["planned_percent"].items())]
    return _given(found, "planned_percent", {"plans": plans})


def within_six_weeks(found: Told, _scope: Scope) -> Given:
    """Return how many learners say that they will apply it within six weeks."""
    soon = {bool(answer): count for answer, count in found.counts["within_six_weeks"].items()}
    inputs = {"responses": sum(soon.values()), "will_apply_within_6_weeks": soon.get(True, 0)}
    return _given(found, "within_six_weeks", inputs)


@dataclass(frozen=True, slots=True)
class Asked:
    """How many were invited to the surveys of a subject, and how many answered those."""

    invited: int = 0
    responses: int = 0
    uncounted: int = 0


async def _asked(session: AsyncSession, scope: Scope, respondent: Respondent | None = None) -> Mapping[Place, Asked]:
    """Count surveys, of all respondents or one kind, that say how many were invited; a survey lies where it opens."""
    surveys, responses = rows_at(session, Survey, scope.as_of), rows_at(session, SurveyResponse, scope.as_of)
    under = initiatives(session, scope)
    who = func.coalesce(responses.c.person_id, responses.c.id)
    answered = (
        select(responses.c.survey_id, func.count(func.distinct(who)).label("people"))
        .where(responses.c.answered_on <= scope.today)
        .group_by(responses.c.survey_id)
        .subquery()
    )
    known = surveys.c.invited.is_not(None)
    people = func.coalesce(answered.c.people, 0)
    segments = [
        under.c.pursuit if each == "activity" else bucketed(surveys.c.opens_on, each, scope) for each in scope.by
    ]
    keys = [under.c.subject, *(each.label(f"segment_{n}") for n, each in enumerate(segments))]
    statement = (
        select(
            *keys,
            func.coalesce(func.sum(surveys.c.invited), 0),
            func.coalesce(func.sum(case((known, people), else_=0)), 0),
            total(~known),
        )
        .select_from(
            surveys.join(under, under.c.initiative_id == surveys.c.initiative_id).outerjoin(
                answered, answered.c.survey_id == surveys.c.id
            )
        )
        .where(
            surveys.c.opens_on <= scope.today,
            *within(surveys.c.opens_on, scope),
            *((surveys.c.respondent == respondent,) if respondent else ()),
            *_in_activity(scope, surveys, under),
        )
        .group_by(*(literal_column(str(place)) for place in range(1, len(keys) + 1)))
    )
    rows = await session.execute(statement)
    return {place_of(row, scope): Asked(*(int(each) for each in row[len(keys) :])) for row in rows}


def _response_rate(found: Asked, _scope: Scope) -> Given:
    sentence = f"{found.uncounted} surveys do not say how many were invited; they are left out."
    note = caveat("invitations_unknown", sentence, when=found.uncounted)
    inputs = {"invited": found.invited, "valid_responses": found.responses}
    return Given(inputs, found.invited, caveats=(note,) if note else ())


def answers(
    counting: Callable[[Subquery], Mapping[str, ColumnElement[bool]]],
    respondent: Respondent | None = Respondent.LEARNER,
) -> Of:
    """Return the responses that count, each person's latest to each survey, for the inputs that `counting` names."""

    def of(session: AsyncSession, scope: Scope) -> Rows:
        base = latest(session, scope, respondent)
        counts = counting(base)
        return Rows("survey_response", base, base, base.c.subject, None, counts, who=base.c.who, group=base.c.survey_id)

    return of


def answered(question: str, name: str, **chosen: Any) -> Of:
    """Return the responses with an answer to a question for the input `name`, and those with the answers `chosen`."""

    def counting(base: Subquery) -> dict[str, ColumnElement[bool]]:
        answer = base.c[question]
        return {name: answer.is_not(None)} | {each: answer == value for each, value in chosen.items()}

    return answers(counting)


def invited(*, learners: bool) -> Of:
    """Return the surveys, of learners or of all, that say how many were invited."""

    def known(table: FromClause, scope: Scope) -> ColumnElement[bool]:
        mine = table.c.respondent == Respondent.LEARNER if learners else true()
        return and_(table.c.invited.is_not(None), table.c.opens_on <= scope.today, mine)

    return under("survey", Survey, "invited", only=known)


PLANNED = answered("planned_percent", "plans")
_INVITED_LEARNERS = invited(learners=True)
SIX_WEEKS = answered("within_six_weeks", "responses", will_apply_within_6_weeks=True)

_HERE = "answers to surveys are kept here, whatever platform and version of the contents they are about"
_ANSWERED = refuse(source=_HERE, content_version=_HERE)
_INVITED = refuse(people="how many were invited is told as a number, not by name", source=_HERE, content_version=_HERE)

PROVIDERS = (
    Provider(
        metrics={
            "learning_nps": _nps,
            "intent_to_apply": _intent,
            "scrap_rate{planned}": planned,
            "scrap_rate{6wk}": within_six_weeks,
        },
        kinds=KINDS,
        load=told,
        nothing=Told,
        by=frozenset({*PEOPLE, "activity", *BUCKETS}),
        people=True,
        behind={
            "learning_nps": listed(answered("recommend", "scores"), _INVITED_LEARNERS),
            "intent_to_apply": listed(answered("intent", "responses", will_apply=Intent.WILL_APPLY), _INVITED_LEARNERS),
            "scrap_rate{planned}": listed(PLANNED, _INVITED_LEARNERS),
            "scrap_rate{6wk}": listed(SIX_WEEKS, _INVITED_LEARNERS),
        },
        refused=_ANSWERED,
    ),
    Provider(
        metrics={"response_rate": _response_rate},
        kinds=KINDS,
        load=_asked,
        nothing=Asked,
        by=frozenset({"activity", *BUCKETS}),
        people=True,
        behind={
            "response_rate": listed(
                invited(learners=False), answers(lambda _: {"valid_responses": true()}, respondent=None)
            )
        },
        refused=_INVITED,
    ),
)
