"""Surveys and their responses: what was asked of whom, and the concrete answers."""

from datetime import date
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from pydantic import model_validator
from sqlalchemy import Index, String, UniqueConstraint, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Json, Noun, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import (
    ActivityId,
    Day,
    ExternalId,
    Flag,
    InitiativeId,
    PersonId,
    Prose,
    SurveyId,
    SurveyResponseId,
    Title,
    Whole,
)


class SurveyMoment(StrEnum):
    """When it is asked: before the learning, right after it, or weeks later on the job."""

    BEFORE = "before"
    AFTER = "after"
    FOLLOW_UP = "follow_up"


class Respondent(StrEnum):
    """Who answers: the learner, or the learner's manager."""

    LEARNER = "learner"
    MANAGER = "manager"


class Question(StrEnum):
    """What a survey can ask; each is answered in one field of a response, manager_support in three."""

    RECOMMEND = "recommend"
    INTENT = "intent"
    PLANNED_PERCENT = "planned_percent"
    WITHIN_SIX_WEEKS = "within_six_weeks"
    APPLIED = "applied"
    MANAGER_SUPPORT = "manager_support"
    COMMENT = "comment"


ANSWERED_IN = {
    Question.RECOMMEND: ("recommend",),
    Question.INTENT: ("intent",),
    Question.PLANNED_PERCENT: ("planned_percent",),
    Question.WITHIN_SIX_WEEKS: ("within_six_weeks",),
    Question.APPLIED: ("applied",),
    Question.MANAGER_SUPPORT: ("goal_agreed", "chance_given", "follow_up_held"),
    Question.COMMENT: ("comment",),
}
"""The fields of a response in which each question is answered."""


class Intent(StrEnum):
    """The concrete choices of "what will you do with it?"; only the first counts as intent to apply."""

    WILL_APPLY = "will_apply"
    MIGHT_APPLY = "might_apply"
    WILL_NOT_APPLY = "will_not_apply"


class SurveyWrite(Shape):
    """What was asked of whom."""

    title: Title = Field(description="One line.", schema_extra={"examples": ["Press set-up, six weeks later"]})
    initiative_id: InitiativeId = Field(description="The initiative that it asks about.")
    activity_id: ActivityId | None = Field(default=None, description="The activity in which it is answered, if any.")
    moment: SurveyMoment = Field(
        default=SurveyMoment.AFTER,
        sa_type=String,
        description="before the learning, right after it, or as a follow_up on the job.",
        schema_extra={"examples": ["follow_up"]},
    )
    respondent: Respondent = Field(
        default=Respondent.LEARNER,
        sa_type=String,
        description="Who is asked: the learner, or the manager of the learner.",
    )
    asks: list[Question] = Field(
        sa_type=Json,
        min_length=1,
        max_length=len(Question),
        description="What it asks; a response answers nothing else.",
        schema_extra={"examples": [["recommend", "intent", "comment"]]},
    )
    invited: Whole | None = Field(
        default=None, ge=0, description="People invited to answer; null: not known.", schema_extra={"examples": [48]}
    )
    minimum_responses: Whole = Field(
        default=5,
        ge=5,
        le=1000,
        description="Fewest responses of which figures are shown; comments need ten at the least.",
    )
    opens_on: Day = Field(
        description="First day on which it can be answered.", schema_extra={"examples": ["2026-04-20"]}
    )
    closes_on: Day | None = Field(default=None, description="Last day; null: open.")
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")

    @model_validator(mode="after")
    def _asks_each_thing_once_while_it_is_open(self) -> Self:
        if len(set(self.asks)) < len(self.asks):
            raise ValueError("asks names a question twice: name each once")
        if self.closes_on and self.closes_on < self.opens_on:
            raise ValueError("closes_on must not come before opens_on")
        return self


@historised
class Survey(Noun, SurveyWrite, table=True):
    """A survey of one initiative."""

    __tablename__ = "survey"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        tenant_key("activity_id", "activity"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_survey_initiative", "tenant_id", "initiative_id"),
    )
    prefix: ClassVar[str] = "sur"

    initiative_id: UUID = Field(sa_type=Uuid)
    activity_id: UUID | None = None


class SurveyRead(ReadShape, SurveyWrite):
    """A survey as it stands."""

    model_config = ANSWER

    id: SurveyId = Field(description="Public id.")


class SurveyAnswers(Shape):
    """One person's answers, without what could tell who wrote them."""

    survey_id: SurveyId = Field(description="The survey.")
    person_id: PersonId | None = Field(
        default=None, description="The learner whom the answers are about; null: anonymous."
    )
    answered_on: Day = Field(description="Day of the answers.", schema_extra={"examples": ["2026-04-22"]})
    recommend: Whole | None = Field(
        default=None,
        ge=0,
        le=10,
        description="How likely one is to recommend it, 0 to 10.",
        schema_extra={"examples": [9]},
    )
    intent: Intent | None = Field(default=None, sa_type=String, description="What one will do with it on the job.")
    planned_percent: Whole | None = Field(
        default=None, ge=0, le=100, description="Percent of the content that one plans to apply."
    )
    within_six_weeks: Flag | None = Field(default=None, description="Whether one will apply it within six weeks.")
    applied: Flag | None = Field(default=None, description="Whether it has been applied on the job.")
    goal_agreed: Flag | None = Field(
        default=None, description="Whether the manager agreed a goal with the learner before."
    )
    chance_given: Flag | None = Field(default=None, description="Whether the manager gave a chance to apply it.")
    follow_up_held: Flag | None = Field(default=None, description="Whether the manager held a follow-up.")
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")


class SurveyResponseWrite(SurveyAnswers):
    """One person's answers. Who answers the same survey again is counted by the latest answers."""

    comment: Prose | None = Field(
        default=None,
        description="Free text. It is never shown with the response; GET /v1/surveys/{id}/comments lists the comments "
        "of ten people and more.",
    )

    @model_validator(mode="after")
    def _answers_something(self) -> Self:
        if all(getattr(self, name) is None for names in ANSWERED_IN.values() for name in names):
            raise ValueError("a response answers at least one question: send what was answered, or no response")
        return self


@historised
class SurveyResponse(Noun, SurveyResponseWrite, table=True):
    """A response to one survey."""

    __tablename__ = "survey_response"
    __table_args__ = (
        tenant_key("survey_id", "survey"),
        tenant_key("person_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_survey_response_survey", "tenant_id", "survey_id"),
        Index("ix_survey_response_person", "tenant_id", "person_id"),
    )
    prefix: ClassVar[str] = "srv"

    survey_id: UUID = Field(sa_type=Uuid)
    person_id: UUID | None = None
    answered_on: date


class SurveyResponseRead(ReadShape, SurveyAnswers):
    """A response as it stands, without its comment."""

    model_config = ANSWER

    id: SurveyResponseId = Field(description="Public id.")
