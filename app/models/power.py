"""Planning a comparison: what effect it could find, and how many people that takes."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.models.base import Piece

UNITS_MOST = 1e9


class Serial(StrEnum):
    """How a unit's outcomes hang together over time: less the farther apart, or always the same."""

    AR1 = "ar1"
    EXCHANGEABLE = "exchangeable"


class Analysis(StrEnum):
    """What is compared: the mean since exposure, its change, or the mean adjusted for the one before."""

    POST = "post"
    CHANGE = "change"
    ANCOVA = "ancova"


class RepeatedMeasures(Piece):
    """Outcomes of each unit in several periods."""

    model_config = ConfigDict(extra="forbid")

    before: int = Field(default=0, ge=0, le=1000, description="Periods before exposure.", examples=[12])
    after: int = Field(default=1, ge=1, le=1000, description="Periods since exposure.", examples=[12])
    rho: float = Field(default=0.0, gt=-1, lt=1, description="Correlation from one period to the next.", examples=[0.5])
    serial: Serial = Field(default=Serial.AR1, description="How it fades with distance.")
    analysis: Analysis = Field(default=Analysis.POST, description="What is compared.", examples=["ancova"])


class PowerWrite(BaseModel):
    """A comparison to be planned. With units: what it could find. With an effect: how many units that takes."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"treated": 100, "control": 100, "sd": 1.0, "effect": 0.3}]}
    )

    treated: float | None = Field(default=None, gt=0, le=UNITS_MOST, description="Exposed units.", examples=[100])
    control: float | None = Field(default=None, gt=0, le=UNITS_MOST, description="Other units.", examples=[100])
    ratio: float = Field(default=1.0, ge=0.001, le=1000, description="Others per exposed unit, where none are given.")
    effect: float | None = Field(default=None, description="Effect to be found, in units of the outcome.")
    sd: float = Field(default=1.0, gt=0, le=1e12, description="Standard deviation of the outcome in one period.")
    alpha: float = Field(default=0.05, ge=1e-6, le=0.5, description="Two-sided error of the first kind.")
    power: float = Field(default=0.8, gt=0, lt=1, description="Chance wanted of finding the effect.")
    cluster_size: float = Field(default=1.0, ge=1, le=1e6, description="Mean units in a cluster; 1: none.")
    cluster_size_cv: float = Field(default=0.0, ge=0, le=10, description="Coefficient of variation of their sizes.")
    icc: float = Field(default=0.0, ge=0, le=1, description="Share of the variance between clusters.")
    repeated: RepeatedMeasures | None = Field(default=None, description="Several periods; null: one.")
    normal: bool = Field(default=False, description="Whether to take the normal for the t.")

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if (self.treated is None) != (self.control is None):
            raise ValueError("treated and control go together")
        if self.treated is None and self.effect is None:
            raise ValueError(
                "give treated and control to learn what can be found, or effect to learn how many it takes"
            )
        if self.effect == 0:
            raise ValueError("an effect of zero cannot be found")
        if self.power <= self.alpha:
            raise ValueError("power must lie above alpha")
        return self


class UnitsNeeded(Piece):
    """How many units find the effect with the power wanted."""

    treated: int = Field(description="Exposed units, whole clusters not yet rounded.", examples=[64])
    control: int = Field(description="Other units.", examples=[64])
    exact_treated: float = Field(description="Exposed units before rounding up.", examples=[63.77])


class PowerRead(Piece):
    """What a comparison could find."""

    power: float | None = Field(description="Chance of finding the effect; null without effect or units.")
    smallest_effect: float | None = Field(description="Found with the power wanted; null without units.")
    units_needed: UnitsNeeded | None = Field(description="Null without an effect.")
    standard_error: float | None = Field(description="Standard error that the estimate will have.")
    multiple: float | None = Field(description="Smallest effect over its standard error.", examples=[2.8])
    df: float | None = Field(description="Degrees of freedom; null: normal.")
    design_effect: float = Field(description="How many times the variance grows because of clusters.", examples=[1.0])
    exaggeration: float | None = Field(
        description="How many times too large the effect comes out on average when it is found; null without power."
    )
    caveats: list[str] = Field(description="What to mind.")
