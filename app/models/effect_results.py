"""Results of the impact engine as REST returns them."""

from typing import Any

from pydantic import Field

from app.models.base import Piece


class EffectStandardError(Piece):
    """A standard error and its kind."""

    value: float | None = Field(description="In the outcome's (transformed) unit.")
    kind: str = Field(description="classical, hc1, hc2, cluster, ...; may grow.", examples=["classical"])


class EffectInterval(Piece):
    """A confidence interval."""

    low: float | None = Field(description="Lower end.")
    high: float | None = Field(description="Upper end.")
    level: float = Field(description="Confidence level.", examples=[0.95])
    method: str = Field(description="Reference distribution.", examples=["t"])


class EffectReason(Piece):
    """Why the grade is not higher."""

    code: str = Field(description="Stable code.")
    detail: str = Field(description="The reason in a sentence.")
    cap: int | None = Field(description="Highest grade still possible.")
    steps: int = Field(description="Grades taken off.")


class EffectDiagnostic(Piece):
    """One finding that travels with the estimate."""

    code: str = Field(description="Stable code.")
    verdict: str = Field(description="ok, flag, fail, info or unavailable.")
    detail: str = Field(description="The finding in a sentence.")
    values: dict[str, Any] = Field(description="Its numbers.")


class EvidenceScale(Piece):
    """Where an evidence grade stands on a scale that others use."""

    scale: str = Field(
        description="maryland_sms, nesta or wwc (What Works Clearinghouse); may grow.", examples=["maryland_sms"]
    )
    rating: str | None = Field(
        description="Its rating there: 1 to 5, or does_not_meet, with_reservations, without_reservations; null: none.",
        examples=["3"],
    )
    words: str = Field(
        description="What that says.", examples=["Before and after, for the exposed and for a comparison group."]
    )


class EffectResultRead(Piece):
    """One estimator's answer with all that makes it defensible; never a number without its grade."""

    estimator: str = Field(description="Slug of the estimator.", examples=["first_difference"])
    role: str = Field(
        description="What the design makes of it: primary, second, shown (no effect), or asked (the design would not "
        "have chosen it).",
        examples=["primary"],
    )
    role_reason: str = Field(description="Why.", examples=["One start: changes compared."])
    estimand: str = Field(description="Whose effect: att, ate, itt, cace; descriptive: nobody's.", examples=["att"])
    value: float | None = Field(description="In the unit of the transformed outcome.", examples=[-0.3171])
    transform: str = Field(description="none or log.", examples=["log"])
    standard_error: EffectStandardError | None = Field(description="The one asked for, or the default.")
    alternatives: list[EffectStandardError] = Field(description="Further standard errors of the same value.")
    interval: EffectInterval | None = Field(description="Confidence interval.")
    p_value: float | None = Field(description="Null where no test is possible.")
    p_value_reason: str | None = Field(description="Why there is no p-value.")
    df: float | None = Field(description="Degrees of freedom; null: normal.")
    sample: dict[str, Any] = Field(description="Units and clusters, treated and control.")
    coefficients: list[dict[str, Any]] = Field(description="Rows of the regression table, where there is one.")
    aggregations: list[dict[str, Any]] = Field(description="Effects of cohorts and periods, averaged.")
    diagnostics: list[EffectDiagnostic] = Field(description="Findings that must be read with the value.")
    grade: int = Field(ge=0, le=5, description="Evidence grade, computed; nobody can set it.", examples=[2])
    reasons: list[EffectReason] = Field(description="Why the grade is not higher.")
    words: str = Field(description="The strongest verb that the grade allows.", examples=["is consistent with"])
    statement: str = Field(description="The effect in one sentence that its grade allows.")
    scales: list[EvidenceScale] | None = Field(
        default=None, description="The grade on the scales that others use; null: computed before they were told."
    )
    exploratory: bool = Field(description="Not foreseen by a locked plan.")
    provenance: dict[str, Any] = Field(description="What is needed to compute the same again.")
