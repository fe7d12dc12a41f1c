"""Rollout designs: who is offered an initiative in which wave, decided by chance and recorded."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from sqlalchemy import Uuid
from sqlmodel import Field as Column

from app.models.base import Answer, Instant, Json, Piece, Row, Shape, tenant_key
from app.models.power import Serial
from app.models.values import AudienceId, Day, InitiativeId, RolloutDesignId, Word

UNITS_MOST = 20_000
WAVES_MOST = 24


class DealLevel(StrEnum):
    """What of an audience is dealt: whole org units, or people."""

    ORG_UNIT = "org_unit"
    PERSON = "person"


class DealtUnit(Piece):
    """What is offered the initiative together: a person, a team, a site."""

    model_config = ConfigDict(extra="forbid")

    unit: Word = Field(description="Its id or name.", examples=["org_01h455vb4pex5vsknk084sn02q"])
    stratum: Word | None = Field(default=None, description="Waves get equal shares of each stratum.")
    covariates: dict[Word, float] = Field(default={}, max_length=20, description="Numbers for the balance table.")


class RolloutOutlook(Piece):
    """What is known of the outcome beforehand."""

    model_config = ConfigDict(extra="forbid")

    periods: int = Field(ge=2, le=240, description="Periods that will be observed, in all.", examples=[24])
    first_start: int = Field(ge=1, le=239, description="Periods observed before the first wave starts.", examples=[6])
    step: int = Field(default=1, ge=1, le=120, description="Periods from one wave to the next.")
    sd: float = Field(default=1.0, gt=0, le=1e12, description="Standard deviation between persons in one period.")
    cluster_size: float = Field(default=1.0, ge=1, le=1e6, description="Mean persons in a dealt unit.")
    icc: float = Field(default=0.0, ge=0, le=1, description="Share of the variance between dealt units.")
    rho: float = Field(default=0.5, gt=-1, lt=1, description="Correlation from one period to the next.")
    serial: Serial = Field(default=Serial.AR1, description="How it fades with distance.")
    alpha: float = Field(default=0.05, ge=1e-6, le=0.5, description="Two-sided error of the first kind.")
    power: float = Field(default=0.8, gt=0, lt=1, description="Chance wanted of finding an effect.")

    @model_validator(mode="after")
    def _starts_within(self) -> Self:
        if self.first_start >= self.periods:
            raise ValueError("first_start must lie within the periods")
        if self.power <= self.alpha:
            raise ValueError("power must lie above alpha")
        return self


class RolloutDesignWrite(Shape):
    """A rollout to be dealt: to whom, on which days the waves start, and what is known of the outcome."""

    initiative_id: InitiativeId | None = Column(default=None, description="The initiative that is rolled out.")
    audience_id: AudienceId | None = Column(
        default=None, description="Deal this audience's org units (or people, by level); or give units."
    )
    level: DealLevel = Column(
        default=DealLevel.ORG_UNIT,
        description="What of the audience is dealt: org_unit (people of one stay together) or person.",
    )
    units: list[DealtUnit] = Column(
        default=[],
        max_length=UNITS_MOST,
        description="What is dealt; empty: the audience.",
        schema_extra={"examples": [[{"unit": f"Team {number}"} for number in range(1, 9)]]},
    )
    wave_starts: list[Day] = Column(
        min_length=1,
        max_length=WAVES_MOST,
        description="First day of each wave, ascending.",
        schema_extra={"examples": [["2027-01-01", "2027-03-01"]]},
    )
    seed: int | None = Column(
        default=None, ge=0, lt=2**53, description="Seed of the draw; absent: drawn here and recorded."
    )
    outlook: RolloutOutlook | None = Column(default=None, description="Absent: nothing is said on detectable effects.")

    @model_validator(mode="after")
    def _can_be_dealt(self) -> Self:
        if bool(self.units) == (self.audience_id is not None):
            raise ValueError("give either units or audience_id")
        if any(later <= earlier for earlier, later in zip(self.wave_starts, self.wave_starts[1:], strict=False)):
            raise ValueError("wave_starts must ascend")
        return self


class DealtTo(Piece):
    """One unit with the wave that chance gave it."""

    unit: str = Field(description="As sent, or the public id of the org unit or person.")
    wave: int = Field(description="1 is the first.", examples=[1])
    starts_on: date = Field(description="First day of that wave.", examples=["2027-01-01"])


class RolloutBalance(Piece):
    """One covariate by wave."""

    covariate: str = Field(description="Its name.", examples=["people"])
    means: list[float] = Field(description="Mean in each wave, in order.")
    largest: float = Field(description="Largest standardised difference of a wave from all others.")
    flagged: bool = Field(description="Whether that lies beyond 0.25. Chance did it: report it, do not deal again.")


class RolloutOffer(Piece):
    """One way to roll out, and the smallest effect that it could show."""

    name: str = Field(description="at_once, half_waits or stepped_wedge_<waves>.", examples=["stepped_wedge_3"])
    starts: list[int | None] = Field(description="Periods before each wave; null: waits throughout.")
    sizes: list[int] = Field(description="Dealt units in each wave.")
    smallest_effect: float | None = Field(description="In units of the outcome; null: nothing could be estimated.")
    reason: str | None = Field(description="Why there is none.")


class RolloutDesignRead(Answer):
    """A draw; it never changes, and its seed gives it again."""

    id: RolloutDesignId = Column(description="Public id.")
    initiative_id: InitiativeId | None = Column(description="The initiative.")
    audience_id: AudienceId | None = Column(description="The audience that was dealt.")
    seed: int = Column(description="Seed of the draw.")
    units: list[DealtTo] = Column(description="In the order sent; an audience's in the order of ids.")
    sizes: list[int] = Column(description="Units in each wave.")
    balance: list[RolloutBalance] = Column(description="Covariates by wave.")
    offers: list[RolloutOffer] = Column(description="Ways to roll out to so many units; empty without an outlook.")
    smallest_effect: float | None = Column(description="What this very draw could show; null without an outlook.")
    sha256: str = Column(description="Hash of who is dealt to which wave, hex.")
    recorded_at: datetime = Column(description="When it was dealt, on the tenant's clock.")


class RolloutDesign(Row, table=True):
    """One draw of waves, kept so that nobody deals until it pleases."""

    __tablename__ = "rollout_design"
    __table_args__ = (tenant_key("initiative_id", "initiative"), tenant_key("audience_id", "audience"))
    prefix: ClassVar[str] = "rol"

    initiative_id: UUID | None = Column(default=None, sa_type=Uuid)
    audience_id: UUID | None = Column(default=None, sa_type=Uuid)
    request: dict[str, Any] = Column(sa_type=Json)
    drawn: dict[str, Any] = Column(sa_type=Json)
    sha256: str = Column(max_length=64)
    recorded_at: datetime = Column(sa_type=Instant)
