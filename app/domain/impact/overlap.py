"""Overlap and balance of a cross-section: are there controls who could stand for the treated? (impact.md 3.3, 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.domain.impact.cross_section import CrossSection
from app.domain.impact.linear import FloatArray
from app.domain.impact.panel import BoolArray
from app.domain.impact.result import Diagnostic, Verdict

LEAST_ESS = 20.0
MOST_OFF_SUPPORT = 0.20
_HIGH_SCORE = 0.9
_FLAGGED_SMD = 0.10
_FAILED_SMD = 0.25
_BINS = 10
_TREATED_PER_COVARIATE = 10


def effective_sample_size(weights: FloatArray) -> float:
    """Return (sum w)^2 / sum w^2: how many equally weighted units the weights (n, not negative) amount to."""
    squared = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squared if squared > 0.0 else 0.0


def off_support(score: FloatArray, treated: BoolArray) -> BoolArray:
    """Return which units (n) are treated with a propensity above that of every control."""
    return np.asarray(treated & (score > score[~treated].max()))


def standardised_differences(data: CrossSection, control_weights: FloatArray | None = None) -> dict[str, float]:
    """Return per covariate (mean of the treated - mean of the controls) / sqrt of the mean of both variances.

    `control_weights` (one per control, on top of nothing) replace the sampling weights of the controls in their mean;
    the denominator always stays that of the unweighted sample. A covariate that varies on neither side gives 0.
    """
    treated, control = data.covariates[data.treated], data.covariates[~data.treated]
    spread = np.sqrt((treated.var(axis=0) + control.var(axis=0)) / 2.0)
    weights = data.held[~data.treated] if control_weights is None else control_weights
    gap = np.average(treated, axis=0, weights=data.held[data.treated]) - np.average(control, axis=0, weights=weights)
    scaled = np.where(spread > 0.0, gap / np.where(spread > 0.0, spread, 1.0), 0.0)
    return {name: float(value) for name, value in zip(data.names, scaled, strict=True)}


def balance(data: CrossSection) -> Diagnostic:
    """Return the standardised differences before any adjustment: never worse than a flag where chance decided."""
    before = standardised_differences(data)
    worst = max((abs(value) for value in before.values()), default=0.0)
    verdict = _judged(worst)
    if data.randomised and verdict is not Verdict.OK:
        verdict = Verdict.FLAG if worst > _FAILED_SMD else Verdict.OK
    return Diagnostic(
        "balance",
        verdict,
        f"Largest standardised difference between both sides before adjustment: {worst:.2f}.",
        {"before": before, "largest": worst},
    )


@dataclass(frozen=True, slots=True)
class Overlap:
    """How well weighted controls stand for the treated.

    `ess` of the controls' weights; `high_score` is the share of treated with a propensity above .9; `off_support` the
    share above every control; `largest_share` of one control in the sum of weights; `after` the standardised
    differences with the weights; `histogram` counts by tenth of the propensity, treated and controls.
    """

    ess: float
    controls: int
    high_score: float
    off_support: float
    largest_share: float
    before: dict[str, float]
    after: dict[str, float]
    histogram: dict[str, list[int]]

    @property
    def largest_after(self) -> float:
        """The largest absolute standardised difference that the weights leave."""
        return max((abs(value) for value in self.after.values()), default=0.0)

    def diagnostic(self) -> Diagnostic:
        """Return the finding: failed below 20 effective controls, above 20 % off support or .25 left unbalanced."""
        failed = self.ess < LEAST_ESS or self.off_support > MOST_OFF_SUPPORT
        verdict = Verdict.FAIL if failed else _judged(self.largest_after)
        return Diagnostic(
            "overlap",
            verdict,
            f"The {self.controls} controls weigh as much as {self.ess:.0f}; {self.off_support:.1%} of the treated lie "
            f"above every control; largest standardised difference left: {self.largest_after:.2f}.",
            {
                "ess_control": self.ess,
                "controls": self.controls,
                "share_treated_above_0_9": self.high_score,
                "share_treated_off_support": self.off_support,
                "largest_weight_share": self.largest_share,
                "smd_before": self.before,
                "smd_after": self.after,
                "histogram": self.histogram,
            },
        )


def overlap(data: CrossSection, score: FloatArray, control_weights: FloatArray) -> Overlap:
    """Return the overlap under these propensities (n) and weights of the controls (one per control)."""
    treated = data.treated
    edges = np.linspace(0.0, 1.0, _BINS + 1)
    return Overlap(
        ess=effective_sample_size(control_weights),
        controls=int((~treated).sum()),
        high_score=float((score[treated] > _HIGH_SCORE).mean()),
        off_support=float(off_support(score, treated)[treated].mean()),
        largest_share=float(control_weights.max() / control_weights.sum()),
        before=standardised_differences(data),
        after=standardised_differences(data, control_weights),
        histogram={
            "treated": [int(count) for count in np.histogram(score[treated], edges)[0]],
            "control": [int(count) for count in np.histogram(score[~treated], edges)[0]],
        },
    )


def treated_per_covariate(data: CrossSection) -> Diagnostic:
    """Return whether there are ten treated units for each covariate (impact.md 3.4)."""
    treated, covariates = int(data.treated.sum()), len(data.names)
    enough = treated >= _TREATED_PER_COVARIATE * covariates
    return Diagnostic(
        "treated_per_covariate",
        Verdict.OK if enough else Verdict.FLAG,
        f"{treated} treated units for {covariates} covariates; {_TREATED_PER_COVARIATE} for each are wanted.",
        {"treated": treated, "covariates": covariates},
    )


def _judged(worst: float) -> Verdict:
    if worst > _FAILED_SMD:
        return Verdict.FAIL
    return Verdict.FLAG if worst > _FLAGGED_SMD else Verdict.OK
