"""How often the estimators are right where the truth is known: months of panels with every kind of selection.

    python -m benchmarks.simulate [--replications 1000] [--seed 1] [--scenario A ...]

Prints a Markdown table: bias, RMSE, coverage of the 95 % interval, share of replications that "find" an effect, share
flagged before exposure, and the share of each grade. Random numbers come from one seeded generator per scenario.

300 persons (E: 400 in 40 teams of 10) over 24 months, y = alpha + month + u + effect, u AR(1) with rho .5, cohorts 9,
13 and 17 or never; the effect of a cohort grows, and the early ones gain more.

A  start dates by chance                              B  those with a high level join
C  those with a high X join, and X bends the trend    D  those who just had a bad month join (Ashenfelter's dip)
E  whole teams start together and share shocks        F  as A, without any effect
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from app.domain.impact.callaway_santanna import callaway_santanna
from app.domain.impact.descriptive import before_after, completers_vs_others
from app.domain.impact.design import Assignment, Design, Plan
from app.domain.impact.imputation import imputation
from app.domain.impact.linear import FloatArray, IntArray
from app.domain.impact.options import Controls, Options
from app.domain.impact.panel import Panel
from app.domain.impact.panel_rows import build
from app.domain.impact.result import AggregationKind, EffectResult, Verdict
from app.domain.impact.twfe import twfe

MONTHS = 24
STARTS = (9, 13, 17)
GAIN = {9: 1.5, 13: 1.0, 17: 0.5}
BURN_IN = 20
SIMPLE = (AggregationKind.SIMPLE,)
FLAGS = ("pre_trends", "pre_trend_linear", "anticipation", "dip", "placebo_date")


@dataclass
class Draw:
    """One simulated panel and the mean effect over its exposed months."""

    panel: Panel
    truth: float


@dataclass
class Tally:
    """What one estimator said over the replications of one scenario."""

    errors: list[float] = field(default_factory=list)
    covered: int = 0
    found: int = 0
    flagged: int = 0
    grades: dict[int, int] = field(default_factory=dict)

    def add(self, result: EffectResult, truth: float) -> None:
        """Count one result."""
        if result.value is None:
            return
        self.errors.append(result.value - truth)
        low, high = -math.inf, math.inf
        if result.interval is not None:
            low = -math.inf if result.interval.low is None else result.interval.low
            high = math.inf if result.interval.high is None else result.interval.high
        self.covered += low <= truth <= high
        self.found += not low <= 0.0 <= high
        failed = {one.code for one in result.diagnostics if one.verdict is Verdict.FAIL}
        self.flagged += bool(failed.intersection(FLAGS))
        self.grades[result.grade] = self.grades.get(result.grade, 0) + 1

    def row(self) -> str:
        """Return the cells of this estimator's row."""
        count = len(self.errors)
        errors = np.asarray(self.errors)
        grades = ", ".join(
            f"{grade}: {times / count:.0%}" for grade, times in sorted(self.grades.items(), reverse=True)
        )
        return (
            f"{errors.mean():+.3f} | {np.sqrt((errors**2).mean()):.3f} | {self.covered / count:.3f} | "
            f"{self.found / count:.1%} | {self.flagged / count:.1%} | {grades}"
        )


def ar1(rng: np.random.Generator, count: int, *, rho: float = 0.5, sd: float = 1.0) -> FloatArray:
    """Return `count` stationary series of 24 months: count x 24."""
    shocks = rng.normal(size=(count, MONTHS + BURN_IN)) * math.sqrt(1.0 - rho**2)
    series = np.zeros_like(shocks)
    series[:, 0] = rng.normal(size=count)
    for month in range(1, MONTHS + BURN_IN):
        series[:, month] = rho * series[:, month - 1] + shocks[:, month]
    return np.asarray(sd * series[:, BURN_IN:])


def draw(scenario: str, rng: np.random.Generator) -> Draw:
    """Return one panel of the scenario."""
    persons = 400 if scenario == "E" else 300
    alpha, x, u = rng.normal(size=persons), rng.normal(size=persons), ar1(rng, persons)
    first = _starts(scenario, rng, alpha, x, u)
    month = np.arange(1, MONTHS + 1)
    gain = np.array([GAIN.get(start, 0.0) for start in first.tolist()])
    exposed = (first[:, None] > 0) & (month >= first[:, None])
    effect = np.where(exposed, gain[:, None] * (0.30 + 0.03 * (month - first[:, None])), 0.0)
    if scenario == "F":
        effect[:] = 0.0
    outcome = alpha[:, None] + 0.02 * month + 0.3 * np.sin(2.0 * np.pi * month / 12.0) + u + effect
    if scenario == "C":
        outcome += 0.03 * x[:, None] * (month - 1)
    cluster = None
    if scenario == "E":
        outcome += np.repeat(ar1(rng, 40, sd=0.6), 10, axis=0)
        cluster = np.repeat(np.arange(persons) // 10, MONTHS)
    panel = build(
        unit=np.repeat(np.arange(persons), MONTHS),
        period=np.tile(month, persons),
        outcome=outcome.ravel(),
        first_exposed=np.repeat(first, MONTHS),
        cluster=cluster,
        covariates={"x": np.repeat(x, MONTHS)},
        design=Design(assignment=Assignment.VOLUNTARY, plan=Plan.LOCKED),
    )
    return Draw(panel, float(effect[exposed].mean()))


def _starts(scenario: str, rng: np.random.Generator, alpha: FloatArray, x: FloatArray, u: FloatArray) -> IntArray:
    """Return each person's first exposed month, 0 for never."""
    persons = len(alpha)
    if scenario in {"B", "C"}:
        index = 0.5 + alpha if scenario == "B" else 0.5 + 0.8 * x
        joins = rng.random(persons) < 1.0 / (1.0 + np.exp(-index))
        return np.where(joins, rng.choice(STARTS, persons), 0)
    if scenario == "D":
        first = np.zeros(persons, dtype=np.int64)
        for start in STARTS:
            chance = 1.0 / (1.0 + np.exp(1.3 + 1.5 * u[:, start - 2]))
            first[(first == 0) & (rng.random(persons) < chance)] = start
        return first
    if scenario == "E":
        teams = rng.permutation(np.repeat([*STARTS, 0], [8, 8, 8, 16]))
        return np.repeat(teams, 10)
    return rng.choice([*STARTS, 0], persons, p=[0.2, 0.2, 0.2, 0.4])


def _cohorts(controls: Controls, *, anticipation: int = 0, covariates: tuple[str, ...] = ()) -> Options:
    return Options(controls=controls, anticipation=anticipation, covariates=covariates, aggregations=SIMPLE)


Estimate = Callable[[Panel], EffectResult]


def estimates(scenario: str) -> dict[str, Estimate]:
    """Return what is computed in the scenario, by the name of its row."""
    chosen: dict[str, Estimate] = {
        "naive pre/post": lambda panel: before_after(panel, Options()),
        "completers vs others": lambda panel: completers_vs_others(panel, Options()),
        "two-way fixed effects": lambda panel: twfe(panel, Options()),
        "CS not yet": lambda panel: callaway_santanna(panel, _cohorts(Controls.NOT_YET)),
        "CS never": lambda panel: callaway_santanna(panel, _cohorts(Controls.NEVER)),
        "imputation": lambda panel: imputation(panel, Options(aggregations=SIMPLE)),
    }
    if scenario in {"A", "C"}:
        chosen["CS doubly robust with X"] = lambda panel: callaway_santanna(
            panel, _cohorts(Controls.NOT_YET, covariates=("x",))
        )
    if scenario == "D":
        chosen["CS never, base 4 months before"] = lambda panel: callaway_santanna(
            panel, _cohorts(Controls.NEVER, anticipation=3)
        )
        chosen["CS not yet, base 4 months before"] = lambda panel: callaway_santanna(
            panel, _cohorts(Controls.NOT_YET, anticipation=3)
        )
    return chosen


def simulate(scenario: str, *, replications: int, seed: int) -> dict[str, Tally]:
    """Return what each estimator said over the replications."""
    rng = np.random.default_rng([seed, ord(scenario)])
    chosen = estimates(scenario)
    tallies = {name: Tally() for name in chosen}
    for _ in range(replications):
        drawn = draw(scenario, rng)
        for name, run in chosen.items():
            panel = drawn.panel
            if name == "completers vs others":
                panel = panel.restrict(tuple(range(19, 25)))
            tallies[name].add(run(panel), drawn.truth)
    return tallies


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Coverage, size and grades where the truth is known.")
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", nargs="*", default=list("ABCDEF"), choices=list("ABCDEF"))
    asked = parser.parse_args()
    say = sys.stdout.write
    say(f"{asked.replications} replications, seed {asked.seed}.\n\n")
    say("| scenario | estimator | bias | RMSE | coverage | effect found | flagged | grades |\n")
    say("|---|---|---|---|---|---|---|---|\n")
    for scenario in asked.scenario:
        for name, tally in simulate(scenario, replications=asked.replications, seed=asked.seed).items():
            say(f"| {scenario} | {name} | {tally.row()} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
