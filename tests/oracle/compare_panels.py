"""Compares the panel estimators with csdid, diff-diff, pyfixest and linearmodels on random panels.

`make oracle` runs it in an environment of its own; nothing of that is in the service, and pytest does not collect it:

    python -m tests.oracle.compare_panels [number of panels, 50]

Prints the largest relative difference for each quantity and ends with 1 if one exceeds 1e-6. diff-diff with covariates
is left out of the doubly robust comparison: it normalises the controls by the number of treated.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections import defaultdict
from dataclasses import dataclass

import diff_diff
import numpy as np
import pandas as pd
import pyfixest
from csdid.att_gt import ATTgt
from linearmodels import FirstDifferenceOLS, PanelOLS, RandomEffects

from app.domain.impact import aggregates, cells, cohorts
from app.domain.impact.estimate import estimate
from app.domain.impact.imputation import impute
from app.domain.impact.options import CellMethod, Controls, Options
from app.domain.impact.panel import Panel
from app.domain.impact.panel_rows import build
from app.domain.impact.result import StandardErrorKind as Kind

warnings.simplefilter("ignore")
TOLERANCE = 1e-6
_METHODS = {CellMethod.DOUBLY_ROBUST: "dr", CellMethod.OUTCOME_REGRESSION: "reg", CellMethod.INVERSE_PROPENSITY: "ipw"}
_CONTROLS = {Controls.NEVER: "nevertreated", Controls.NOT_YET: "notyettreated"}


@dataclass
class Case:
    """One random panel, as a table and as the engine reads it."""

    table: pd.DataFrame
    panel: Panel


class Differences:
    """The largest relative difference seen for each quantity."""

    def __init__(self) -> None:
        self.worst: dict[str, float] = defaultdict(float)

    def note(self, name: str, ours, theirs) -> None:
        ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
        if ours.shape != theirs.shape:
            raise AssertionError(f"{name}: {ours.shape} against {theirs.shape}")
        scale = np.maximum(np.abs(theirs), 1e-2)
        self.worst[name] = max(self.worst[name], float((np.abs(ours - theirs) / scale).max()))


def random_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    units, periods = int(rng.integers(120, 300)), int(rng.integers(5, 9))
    starts = np.sort(rng.choice(np.arange(3, periods + 1), size=min(3, periods - 3), replace=False))
    x = rng.normal(size=units)
    first = rng.choice([*starts, 0], size=units, p=[*([0.6 / len(starts)] * len(starts)), 0.4])
    trend = rng.normal(size=periods).cumsum()
    time = np.arange(1, periods + 1)
    effect = np.where((first[:, None] > 0) & (time >= first[:, None]), 0.3 + 0.1 * (time - first[:, None]), 0.0)
    noise = rng.normal(size=(units, periods)).cumsum(axis=1) * 0.5
    y = rng.normal(size=(units, 1)) + trend + 0.1 * x[:, None] * time + effect + noise
    table = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(1, units + 1), periods),
            "time": np.tile(time, units),
            "y": y.ravel(),
            "first": np.repeat(first, periods),
            "x": np.repeat(x, periods),
            "team": np.repeat(np.arange(units) // 4, periods),
        }
    )
    table["exposed"] = ((table["first"] > 0) & (table["time"] >= table["first"])).astype(float)
    table["moving"] = rng.normal(size=len(table)) + 0.3 * table["y"]
    return Case(table, panel_of(table))


def panel_of(table: pd.DataFrame, *, cluster: str | None = None) -> Panel:
    return build(
        unit=table["unit"].to_numpy(),
        period=table["time"].to_numpy(),
        outcome=table["y"].to_numpy(),
        first_exposed=table["first"].to_numpy(),
        cluster=None if cluster is None else table[cluster].to_numpy(),
        covariates={"x": table["x"].to_numpy(), "moving": table["moving"].to_numpy()},
    )


def against_csdid(case: Case, seen: Differences, *, controls: Controls, method: CellMethod, formula: bool) -> None:
    options = Options(controls=controls, cell_method=method, covariates=("x",) if formula else ())
    found = cells.compute(cohorts.arrange(case.panel, options), options)
    with contextlib.redirect_stdout(io.StringIO()):
        other = ATTgt(
            yname="y",
            tname="time",
            idname="unit",
            gname="first",
            data=case.table.copy(),
            control_group=_CONTROLS[controls],
            xformla="y~x" if formula else None,
        ).fit(est_method=_METHODS[method], bstrap=False)
    name = f"csdid {controls.value} {method.value} {'x' if formula else '-'}"
    columns = (other.results[key] for key in ("group", "year", "att", "se"))
    theirs = {(g, t): (a, s) for g, t, a, s in zip(*columns, strict=True)}
    errors = np.sqrt(np.diag(found.covariance))
    firsts = found.cohorts.firsts
    for at, cell in enumerate(found.cells):
        value, error = theirs[int(firsts[cell.cohort]) + 1, cell.period + 1]
        seen.note(f"{name}: cells", cell.value, value)
        seen.note(f"{name}: cell errors", errors[at], error)
    for kind, average in (
        ("simple", lambda: aggregates.simple(found)),
        ("group", lambda: aggregates.group(found)[1]),
        ("dynamic", lambda: aggregates.dynamic(found)[1]),
        ("calendar", lambda: aggregates.calendar(found)[1]),
    ):
        with contextlib.redirect_stdout(io.StringIO()):
            told = other.aggte(typec=kind, bstrap=False).atte
        ours = average()
        seen.note(f"{name}: {kind}", ours.values[0], told["overall_att"])  # noqa: PD011  ours, not pandas
        seen.note(f"{name}: {kind} error", ours.errors(found)[0], np.ravel(told["overall_se"])[0])


def against_diff_diff(case: Case, seen: Differences) -> None:
    columns = {"outcome": "y", "unit": "unit", "time": "time", "first_treat": "first"}
    ours = impute(case.panel, Options())
    other = diff_diff.ImputationDiD().fit(case.table, **columns)
    value, error = ours.average(ours.exposed)
    seen.note("diff-diff imputation", value, other.overall_att)
    seen.note("diff-diff imputation error", error, other.overall_se)
    [found] = estimate(case.panel, ["twfe"])
    parts = found.diagnostic("bacon").values  # noqa: PD011  ours, not pandas
    bacon = diff_diff.BaconDecomposition(weights="exact").fit(case.table, **columns)
    seen.note(
        "diff-diff Bacon weight on never exposed",
        parts["weights"]["never_exposed"],
        bacon.total_weight_treated_vs_never,
    )
    seen.note(
        "diff-diff Bacon weight on exposed already",
        parts["weights"]["exposed_already"],
        bacon.total_weight_later_vs_earlier,
    )
    seen.note("Bacon adds up", parts["weighted_mean"], parts["coefficient"])


def against_pyfixest(case: Case, seen: Differences) -> None:
    plain = pyfixest.feols("y ~ exposed | unit + time", case.table, vcov={"CRV1": "unit"}, fixef_tol=1e-12)
    [ours] = estimate(case.panel, ["twfe"])
    seen.note("pyfixest two-way fixed effects", ours.value, plain.coef()["exposed"])
    factor = _unscaled(plain, len(case.table), parameters=1)
    seen.note("pyfixest two-way fixed effects error", ours.standard_error.value, plain.se()["exposed"] * factor)
    [by_name] = estimate(case.panel, ["fixed_effects"], Options(covariates=("moving",), standard_error=Kind.CLUSTER))
    with_covariate = pyfixest.feols(
        "y ~ exposed + moving | unit + time", case.table, vcov={"CRV1": "unit"}, fixef_tol=1e-12
    )
    seen.note("pyfixest fixed effects with covariate", by_name.value, with_covariate.coef()["exposed"])


def _unscaled(fit, rows: int, parameters: int) -> float:
    """Turn pyfixest's small-sample factor (n-1)/(n-k), k with the period effects, into ours, k without them."""
    k = parameters + len(np.unique(fit._data["time"])) - 1
    with_effects = (rows - 1) / (rows - k - 1)
    return float(np.sqrt((rows - 1) / (rows - parameters) / with_effects))


def against_linearmodels(case: Case, seen: Differences) -> None:
    table = case.table.set_index(["unit", "time"])
    dummies = pd.get_dummies(case.table["time"], drop_first=True, dtype=float).set_index(table.index)
    dummies.columns = [str(one) for one in dummies.columns]
    design = pd.concat([dummies, table[["exposed", "moving"]]], axis=1)
    options = Options(covariates=("moving",), standard_error=Kind.CLASSICAL)
    fixed, random, changes = estimate(case.panel, ["fixed_effects", "random_effects", "first_difference"], options)
    within = PanelOLS(table["y"], design, entity_effects=True).fit()
    seen.note("linearmodels fixed effects", fixed.value, within.params["exposed"])
    seen.note("linearmodels fixed effects error", fixed.standard_error.value, within.std_errors["exposed"])
    with_constant = design.assign(constant=1.0)
    swamy_arora = RandomEffects(table["y"], with_constant).fit()
    seen.note("linearmodels random effects", random.value, swamy_arora.params["exposed"])
    seen.note("linearmodels random effects error", random.standard_error.value, swamy_arora.std_errors["exposed"])
    differenced = FirstDifferenceOLS(table["y"], design).fit()
    seen.note("linearmodels first difference", changes.value, differenced.params["exposed"])
    seen.note("linearmodels first difference error", changes.standard_error.value, differenced.std_errors["exposed"])


def main(count: int) -> int:
    seen = Differences()
    for seed in range(count):
        case = random_case(seed)
        for controls in Controls:
            against_csdid(case, seen, controls=controls, method=CellMethod.DOUBLY_ROBUST, formula=False)
            for method in CellMethod:
                against_csdid(case, seen, controls=controls, method=method, formula=True)
        against_diff_diff(case, seen)
        against_pyfixest(case, seen)
        against_linearmodels(case, seen)
        sys.stderr.write(f"{seed + 1} of {count}\r")
    for name, worst in sorted(seen.worst.items()):
        sys.stdout.write(f"{'ok ' if worst <= TOLERANCE else 'FAR'} {worst:9.2e}  {name}\n")
    return int(max(seen.worst.values()) > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
