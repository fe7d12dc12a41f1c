"""What must be known of a study before its data: how units came to be exposed, and what was promised beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Assignment(StrEnum):
    """How units got into the initiative (impact.md 3.1)."""

    RANDOM = "random"
    LOTTERY = "lottery"
    ROLLOUT = "rollout"
    THRESHOLD = "threshold"
    VOLUNTARY = "voluntary"
    MANDATORY = "mandatory"
    UNKNOWN = "unknown"

    @property
    def randomised(self) -> bool:
        """Whether chance alone decided."""
        return self in {Assignment.RANDOM, Assignment.LOTTERY}


class ExposureBasis(StrEnum):
    """What the exposure column says. Completion is decided after the start and is no exposure (decisions.md)."""

    OFFERED = "offered"
    ENROLLED = "enrolled"
    COMPLETED = "completed"


class Plan(StrEnum):
    """Whether the analysis was frozen before the outcome window closed.

    `locked`: this very analysis was; `deviated`: there is a locked plan and this is not what it says; `none`: no plan.
    """

    LOCKED = "locked"
    DEVIATED = "deviated"
    NONE = "none"


class LookMethod(StrEnum):
    """What keeps repeated looks honest: error spent over planned looks, or an interval that holds at any number."""

    OBRIEN_FLEMING = "obrien_fleming"
    ALWAYS_VALID = "always_valid"


@dataclass(frozen=True, slots=True)
class Design:
    """The design of a study.

    `lower_is_better` is the outcome's direction (None: not told). `expected_effect` is the effect hoped for, in the
    outcome's (transformed) unit: power is computed against it. `lag_periods` is how long an effect needs at least;
    `look` counts the refreshes of this analysis, this one included, of `planned_looks`; `look_method` keeps them
    honest, and `planned_units` is the size at which an always-valid interval is tightest (None: the present one).
    `own_outcome` says that the outcome is recorded by the system that the training teaches, `other_initiatives` how
    many ran in the same window.
    """

    assignment: Assignment = Assignment.UNKNOWN
    exposure_basis: ExposureBasis = ExposureBasis.OFFERED
    plan: Plan = Plan.NONE
    plan_hash: str | None = None
    lower_is_better: bool | None = None
    expected_effect: float | None = None
    lag_periods: int = 0
    look: int = 1
    planned_looks: int = 1
    look_method: LookMethod = LookMethod.OBRIEN_FLEMING
    planned_units: int | None = None
    own_outcome: bool = False
    other_initiatives: int = 0
