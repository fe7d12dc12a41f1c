"""Surveys and their responses: nothing is answered that was not asked, and no comment is shown alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Fault, Invalid
from app.domain.metrics.privacy import Sensitivity, minimum_cohort
from app.models.surveys import (
    ANSWERED_IN,
    Question,
    Survey,
    SurveyRead,
    SurveyResponse,
    SurveyResponseRead,
    SurveyResponseWrite,
    SurveyWrite,
)
from app.models.tenancy import TenantSettings
from app.models.unit import unit_of
from app.services.nouns import NounType, get


async def _answers_what_was_asked(session: AsyncSession, row: SurveyResponse) -> None:
    survey = await session.get_one(Survey, (row.tenant_id, row.survey_id))
    asked = {name for question in survey.asks for name in ANSWERED_IN[Question(question)]}
    answered = {name for names in ANSWERED_IN.values() for name in names if getattr(row, name) is not None}
    faults = [
        Fault("not_asked", "is no question of this survey: leave it out", pointer=f"/{name}")
        for name in sorted(answered - asked)
    ]
    if row.answered_on < survey.opens_on:
        faults.append(
            Fault("too_early", f"comes before the survey opened on {survey.opens_on}", pointer="/answered_on")
        )
    if faults:
        detail = "; ".join(f"{fault.pointer} {fault.detail}" for fault in faults)
        raise Invalid(f"{detail}.", errors=tuple(faults))


SURVEYS = NounType(
    row=Survey,
    write=SurveyWrite,
    read=SurveyRead,
    plural="surveys",
    search=("title", "external_id"),
    filters=("initiative_id", "activity_id", "moment", "respondent", "external_id"),
    sorts=("created_at", "recorded_at", "title", "opens_on"),
    ranges=("opens_on", "closes_on"),
    fixed=frozenset({"initiative_id", "respondent"}),
)

SURVEY_RESPONSES = NounType(
    row=SurveyResponse,
    write=SurveyResponseWrite,
    read=SurveyResponseRead,
    plural="survey_responses",
    filters=("survey_id", "person_id", "intent", "applied", "external_id"),
    sorts=("created_at", "recorded_at", "answered_on"),
    ranges=("answered_on",),
    fixed=frozenset({"survey_id"}),
    check=_answers_what_was_asked,
)


@dataclass(frozen=True, slots=True)
class Comments:
    """Comments of a survey in no order that tells who wrote them, those of `minimum` people at a time."""

    minimum: int
    texts: Sequence[str]
    suppressed: bool


async def comments_of(session: AsyncSession, survey_id: UUID) -> Comments:
    """Return the comments of a survey, sorted by their text, from enough different people on. Raises NotFound.

    They appear by so many people at a time: of two answers, the second never shows one person's words more.
    """
    survey = await get(session, SURVEYS, survey_id)
    least = max(await _fewest(session), survey.minimum_responses)
    statement = (
        select(col(SurveyResponse.id), col(SurveyResponse.person_id), col(SurveyResponse.comment))
        .where(
            col(SurveyResponse.survey_id) == survey_id,
            col(SurveyResponse.comment).is_not(None),
            col(SurveyResponse.archived_at).is_(None),
        )
        .order_by(col(SurveyResponse.created_at), col(SurveyResponse.id))
    )
    by_person: dict[UUID, list[str]] = {}
    for response_id, person_id, comment in await session.execute(statement):
        by_person.setdefault(person_id or response_id, []).append(str(comment))
    shown = len(by_person) // least * least
    texts = sorted(text for person_id in list(by_person)[:shown] for text in by_person[person_id])
    return Comments(least, texts, suppressed=shown < len(by_person))


async def _fewest(session: AsyncSession) -> int:
    tenant_id = unit_of(session).tenant.id
    statement = select(col(TenantSettings.minimum_cohort)).where(col(TenantSettings.id) == tenant_id)
    return minimum_cohort(Sensitivity.FREE_TEXT, await session.scalar(statement))
