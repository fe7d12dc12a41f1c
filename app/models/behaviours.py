"""What people do with it on the job: critical behaviours, observations of them, and what managers did to help."""

from datetime import date
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Index, String, UniqueConstraint, Uuid
from sqlmodel import Field

from app.models.base import ANSWER, Noun, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import (
    BehaviourId,
    Day,
    ExternalId,
    Flag,
    InitiativeId,
    ObservationId,
    OutcomeId,
    PersonId,
    Prose,
    SupportDeedId,
    Title,
)


class BehaviourWrite(Shape):
    """One of the few actions on the job that, done, move the KPI."""

    initiative_id: InitiativeId = Field(description="The initiative that teaches it.")
    outcome_id: OutcomeId | None = Field(default=None, description="The outcome that it moves.")
    title: Title = Field(description="One line.", schema_extra={"examples": ["Sets the press up by the sheet"]})
    criterion: Prose | None = Field(
        default=None,
        description="From when on it counts as done.",
        schema_extra={"examples": ["Every step signed, first part within tolerance"]},
    )
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")


@historised
class Behaviour(Noun, BehaviourWrite, table=True):
    """A critical behaviour of one initiative."""

    __tablename__ = "behaviour"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        tenant_key("outcome_id", "outcome"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_behaviour_initiative", "tenant_id", "initiative_id"),
    )
    prefix: ClassVar[str] = "beh"

    initiative_id: UUID = Field(sa_type=Uuid)
    outcome_id: UUID | None = None


class BehaviourRead(ReadShape, BehaviourWrite):
    """A critical behaviour as it stands."""

    model_config = ANSWER

    id: BehaviourId = Field(description="Public id.")


class Observer(StrEnum):
    """Who saw it; what people say of themselves is a self_report, what a system of record holds is system."""

    MANAGER = "manager"
    PEER = "peer"
    EXPERT = "expert"
    CUSTOMER = "customer"
    SYSTEM = "system"
    SELF_REPORT = "self_report"


class ObservationWrite(Shape):
    """Whether one person showed a critical behaviour at its criterion on one day."""

    behaviour_id: BehaviourId = Field(description="The critical behaviour.")
    person_id: PersonId = Field(description="Who was observed.")
    observed_on: Day = Field(description="Day of the observation.", schema_extra={"examples": ["2026-05-18"]})
    at_criterion: Flag = Field(description="Whether it was done at its criterion.", schema_extra={"examples": [True]})
    observer: Observer = Field(
        sa_type=String, description="In which role it was seen.", schema_extra={"examples": ["manager"]}
    )
    observer_id: PersonId | None = Field(default=None, description="Who saw it.")
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")


@historised
class Observation(Noun, ObservationWrite, table=True):
    """An observation of one person."""

    __tablename__ = "observation"
    __table_args__ = (
        tenant_key("behaviour_id", "behaviour"),
        tenant_key("person_id", "person"),
        tenant_key("observer_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_observation_behaviour", "tenant_id", "behaviour_id"),
        Index("ix_observation_person", "tenant_id", "person_id"),
        Index("ix_observation_observer", "tenant_id", "observer_id"),
    )
    prefix: ClassVar[str] = "obs"

    behaviour_id: UUID = Field(sa_type=Uuid)
    person_id: UUID = Field(sa_type=Uuid)
    observed_on: date
    observer_id: UUID | None = None


class ObservationRead(ReadShape, ObservationWrite):
    """An observation as it stands."""

    model_config = ANSWER

    id: ObservationId = Field(description="Public id.")


class Deed(StrEnum):
    """What a manager can do for the transfer of learning; the three of the manager support index."""

    GOAL_AGREED = "goal_agreed"
    CHANCE_GIVEN = "chance_given"
    FOLLOW_UP_HELD = "follow_up_held"


class SupportDeedWrite(Shape):
    """Whether a manager did one of three deeds for one learner. The latest day counts."""

    initiative_id: InitiativeId = Field(description="The initiative.")
    person_id: PersonId = Field(description="The learner.")
    manager_id: PersonId | None = Field(default=None, description="The manager.")
    deed: Deed = Field(
        sa_type=String,
        description="A goal agreed before, a chance given to apply it, or a follow-up held.",
        schema_extra={"examples": ["goal_agreed"]},
    )
    done: Flag = Field(default=True, description="false: it is known not to have been done; that is not silence.")
    noted_on: Day = Field(
        description="Day of the deed, or on which it was found undone.", schema_extra={"examples": ["2026-02-20"]}
    )
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")


@historised
class SupportDeed(Noun, SupportDeedWrite, table=True):
    """A deed of a manager for one learner."""

    __tablename__ = "support_deed"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        tenant_key("person_id", "person"),
        tenant_key("manager_id", "person"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_support_deed_initiative", "tenant_id", "initiative_id"),
        Index("ix_support_deed_person", "tenant_id", "person_id"),
    )
    prefix: ClassVar[str] = "dee"

    initiative_id: UUID = Field(sa_type=Uuid)
    person_id: UUID = Field(sa_type=Uuid)
    manager_id: UUID | None = None
    noted_on: date


class SupportDeedRead(ReadShape, SupportDeedWrite):
    """A deed as it stands."""

    model_config = ANSWER

    id: SupportDeedId = Field(description="Public id.")
