"""The choices of one run of the impact engine, as a client sends them."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from app.models.base import Piece
from app.models.values import Word

COVARIATES_MOST = 100

Label = int | Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""A period's label: a whole number or a text that sorts in time, such as 1988 or 1988-01-01."""


class Transform(StrEnum):
    """On which scale the outcome enters."""

    NONE = "none"
    LOG = "log"


class StandardErrorChoice(StrEnum):
    """Which standard error is asked for; absent: the service's default for the design."""

    CLASSICAL = "classical"
    HC1 = "hc1"
    HC2 = "hc2"
    CLUSTER = "cluster"
    WILD_BOOTSTRAP = "wild_bootstrap"
    RANDOMISATION = "randomisation"


class ControlsChoice(StrEnum):
    """Whom a cohort is compared with."""

    NOT_YET = "not_yet"
    NEVER = "never"


class CellMethodChoice(StrEnum):
    """How covariates enter an effect of a cohort."""

    DOUBLY_ROBUST = "dr"
    OUTCOME_REGRESSION = "or"
    INVERSE_PROPENSITY = "ipw"


class AggregationChoice(StrEnum):
    """Over what the effects of cohorts and periods are averaged."""

    SIMPLE = "simple"
    GROUP = "group"
    DYNAMIC = "dynamic"
    CALENDAR = "calendar"
    EVENT_STUDY = "event_study"
    COHORT_PERIOD = "cohort_period"


class ExposureChoice(StrEnum):
    """What counts as exposure, where an effect rests on stored facts; completion never does."""

    OFFERED = "offered"
    ENROLLED = "enrolled"


class AssignmentLevel(StrEnum):
    """To whom exposure was assigned, where an effect rests on stored facts."""

    PERSON = "person"
    ORG_UNIT = "org_unit"


class Contaminated(StrEnum):
    """What becomes of comparison units that another initiative on the same KPI reached."""

    LEAVE_OUT = "leave_out"
    KEEP = "keep"


class LookMethodChoice(StrEnum):
    """What keeps repeated looks at growing data honest."""

    OBRIEN_FLEMING = "obrien_fleming"
    ALWAYS_VALID = "always_valid"


class FamilyMethod(StrEnum):
    """How p-values are adjusted for the other outcomes of the same initiative."""

    HOLM = "holm"
    BENJAMINI_HOCHBERG = "benjamini_hochberg"


class CountFamily(StrEnum):
    """How counts scatter in an interrupted series."""

    POISSON = "poisson"
    QUASI_POISSON = "quasi_poisson"


class SeriesChange(StrEnum):
    """What may change in an interrupted series."""

    LEVEL = "level"
    LEVEL_AND_SLOPE = "level_and_slope"


class PlaceboOutcome(Piece):
    """A covariate that exposure cannot have changed, estimated as if it were the outcome."""

    model_config = ConfigDict(extra="forbid")

    outcome: Word = Field(description="The covariate.", examples=["re75"])
    drop: list[Word] = Field(default=[], max_length=50, description="Covariates to leave out with it.")


class EffectExtras(Piece):
    """Choices that concern few estimators."""

    model_config = ConfigDict(extra="forbid")

    season: int | None = Field(default=None, ge=2, le=1000, description="Series: periods in a cycle, such as 12.")
    harmonics: int | None = Field(default=None, ge=0, le=20, description="Series: waves in a cycle; default 2.")
    offset: Word | None = Field(default=None, description="Series: the covariate that counts are rates of.")
    change: SeriesChange | None = Field(default=None, description="Series: what may change; default level.")
    family: CountFamily | None = Field(default=None, description="Counts: their scatter; default quasi_poisson.")
    placebo_dates: list[Label] | None = Field(
        default=None, max_length=100, description="Series: periods before exposure to pretend it began; default: one."
    )
    placebo: PlaceboOutcome | None = Field(default=None, description="Cross-sections: default the baseline.")
    trim: float | None = Field(default=None, gt=0, lt=1, description="Cross-sections: highest chance of exposure kept.")


class EffectOptions(Piece):
    """Choices of one run; an estimator ignores those that do not concern it."""

    model_config = ConfigDict(extra="forbid")

    transform: Transform | None = Field(
        default=None, description="log: effects are in log points. Absent: as the panel says, else none."
    )
    standard_error: StandardErrorChoice | None = Field(
        default=None, description="Kind of standard error; absent: hc2, or cluster at the level of assignment."
    )
    periods: list[Label] = Field(
        default=[],
        max_length=1000,
        description="Only these periods, by label (stored facts: first day); empty: all.",
        examples=[["1987-01-01", "1988-01-01"]],
    )
    level: float = Field(default=0.95, gt=0.5, lt=1, description="Confidence level of intervals.")
    seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of everything that is drawn.")
    draws: int = Field(default=999, ge=99, le=9999, description="Draws of bootstrap and randomisation.")
    covariates: list[Word] = Field(
        default=[],
        max_length=COVARIATES_MOST,
        description="Covariates to adjust for. Stored facts, all of them as of the first offer: outcome_before (mean "
        "of the periods before it), outcome:<first day of a period before it>, org_unit_kind, org_unit_size, and of "
        "people tenure_years, role and org_unit. Units of which one is not known are left out and counted.",
        examples=[["outcome_before", "role"]],
    )
    controls: ControlsChoice = Field(default=ControlsChoice.NOT_YET, description="Whom cohorts are compared with.")
    cell_method: CellMethodChoice = Field(
        default=CellMethodChoice.DOUBLY_ROBUST, description="How covariates enter the effects of cohorts."
    )
    anticipation: int = Field(
        default=0, ge=0, le=100, description="Periods before exposure in which units may already react."
    )
    exposure_lags: int = Field(default=0, ge=0, le=100, description="Lags of exposure in panel regressions.")
    aggregations: list[AggregationChoice] = Field(
        default=[], max_length=6, description="The first one is the headline; empty: all, simple first."
    )
    exposure: ExposureChoice = Field(
        default=ExposureChoice.OFFERED,
        description="Stored facts: offered, by the audience, or enrolled, by the first enrolment in an activity of the "
        "initiative, where people come by themselves.",
    )
    assignment_level: AssignmentLevel | None = Field(
        default=None,
        description="Stored facts: to whom exposure was assigned; standard errors are clustered there, never lower. "
        "Absent: org_unit for rollouts, and where no org unit is divided; else person.",
    )
    contaminated: Contaminated = Field(
        default=Contaminated.LEAVE_OUT,
        description="Stored facts: comparison units that another initiative on the same KPI reached.",
    )
    baseline: Word | None = Field(default=None, description="Covariate that is the outcome before exposure.")
    take_up: Word | None = Field(
        default=None,
        description="Covariate, 0 or 1, that says who took part. Stored facts: enrolled, started or completed; where "
        "chance decided on the offer and not everybody took it up, enrolled by itself.",
    )
    own_outcome: bool = Field(
        default=False,
        description="Whether the outcome is recorded by the system that the training teaches, such as quizzes solved "
        "in it: every result says so.",
    )
    extras: EffectExtras = Field(default_factory=EffectExtras, description="What few estimators look at.")
    family: FamilyMethod = Field(
        default=FamilyMethod.HOLM,
        description="How p-values are adjusted for the other outcomes asked for of the same initiative.",
    )
    planned_looks: int = Field(
        default=1,
        ge=1,
        le=100,
        description="How often this will be computed on growing data, all in all. A look beyond them is not tested.",
    )
    look_method: LookMethodChoice = Field(
        default=LookMethodChoice.OBRIEN_FLEMING,
        description="obrien_fleming: the error is spent over the planned looks. always_valid: intervals that hold at "
        "any number of looks, for learners who accrue (not for growing windows on the same people).",
    )
    planned_units: int | None = Field(
        default=None,
        ge=2,
        description="always_valid: units at which it is tightest; absent: the present ones.",
    )

    def settled(self, transform: Transform = Transform.NONE) -> dict[str, Any]:
        """Return the choices as JSON values, with the scale that holds where none was chosen."""
        values = self.model_dump(mode="json")
        return values | {"transform": (self.transform or transform).value}
