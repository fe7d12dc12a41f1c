"""Several initiatives on one outcome: found out, estimated jointly, and shared so that nothing is claimed twice.

The joint effect is split by Shapley's value (1953): each initiative's mean contribution over all orders in which they
could have come. The parts add up to the joint effect exactly (impact.md 3.8).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from app.domain.errors import Fault, Invalid
from app.domain.impact.linear import FloatArray, interval_around, least_squares
from app.domain.impact.panel import BoolArray
from app.domain.impact.regressors import CONSTANT
from app.domain.impact.result import Interval, StandardErrorKind

MOST_INITIATIVES = 12
_FLAGGED_SHARE = 0.10
_BOTH_FOR_INTERACTION = 30


@dataclass(frozen=True, slots=True)
class Overlapping:
    """How many of the units exposed to `initiative` were exposed to `other` within the window around their start."""

    initiative: str
    other: str
    treated: int
    both: int
    share: float
    flagged: bool


def table_of_starts(rows: Sequence[Sequence[int | None]]) -> FloatArray:
    """Return units x initiatives with the positions of first exposed periods; None, for never, becomes NaN."""
    return np.array(rows, dtype=np.float64).reshape(len(rows), -1)


def overlaps(starts: FloatArray, names: tuple[str, ...], *, window: float) -> tuple[Overlapping, ...]:
    """Return every ordered pair of initiatives that share units.

    `starts` (units x initiatives) holds the period in which a unit was first exposed, NaN for never; two starts overlap
    if they lie at most `window` periods apart. A pair is flagged above 10 % of the units exposed to the first: then
    only a joint model gives either its due.
    """
    found = []
    for a, b in ((a, b) for a in range(len(names)) for b in range(len(names)) if a != b):
        treated = ~np.isnan(starts[:, a])
        both = int((np.abs(starts[treated, a] - starts[treated, b]) <= window).sum())
        if both:
            share = both / int(treated.sum())
            found.append(Overlapping(names[a], names[b], int(treated.sum()), both, share, share > _FLAGGED_SHARE))
    return tuple(found)


def contaminated(other_starts: FloatArray, periods: int) -> BoolArray:
    """Return the unit-periods (units x periods) that leave the control pool: exposed to any other initiative by then.

    `other_starts` (units x initiatives) holds positions of periods, NaN for never.
    """
    earliest = np.where(np.isnan(other_starts), np.inf, other_starts).min(axis=1)
    return np.asarray(np.arange(periods)[None, :] >= earliest[:, None])


@dataclass(frozen=True, slots=True)
class Claim:
    """What one initiative may claim of the joint effect: `value`, summed over units, and its `share`.

    `exclusive` is its effect on a unit that has no other initiative; `alone`, summed over units, what an analysis that
    ignores the others would claim.
    """

    initiative: str
    value: float
    standard_error: float
    interval: Interval
    share: float | None
    exclusive: float
    alone: float


@dataclass(frozen=True, slots=True)
class JointEffect:
    """The effect of all initiatives together, summed over units, and its split: `claims` add up to `value`.

    `interactions` holds the pairs whose joint presence got its own coefficient. `overclaimed` is what separate analyses
    would claim over the joint effect; None where that is zero.
    """

    value: float
    standard_error: float
    interval: Interval
    claims: tuple[Claim, ...]
    interactions: tuple[tuple[str, str], ...]
    overclaimed: float | None


def joint_effect(
    outcome: FloatArray,
    exposures: FloatArray,
    names: tuple[str, ...],
    *,
    covariates: FloatArray | None = None,
    clusters: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> JointEffect:
    """Regress `outcome` (n; a change, where there is a baseline) on all `exposures` (n x k, 0 or 1) at once.

    Pairs that at least 30 units have both of get an interaction. Standard errors are clustered if `clusters` (n) are
    given, else HC2. Raises `Invalid`: `not_finite`, `length_differs`, `too_many_initiatives`, `none_treated`,
    `all_treated`, `collinear_columns` (initiatives that always go together cannot be told apart).
    """
    _check(outcome, exposures, names)
    pairs = [
        pair
        for pair in combinations(range(len(names)), 2)
        if int(exposures[:, pair].all(axis=1).sum()) >= _BOTH_FOR_INTERACTION
    ]
    active = np.column_stack([exposures, *(exposures[:, pair].prod(axis=1) for pair in pairs)])
    labels = (*names, *(f"{names[a]} x {names[b]}" for a, b in pairs))
    rest = np.ones((len(outcome), 1)) if covariates is None else np.column_stack([np.ones(len(outcome)), covariates])
    others = (CONSTANT, *(f"covariate_{at + 1}" for at in range(rest.shape[1] - 1)))
    fitted = least_squares(outcome, np.column_stack([active, rest]), (*labels, *others))
    kind = StandardErrorKind.HC2 if clusters is None else StandardErrorKind.CLUSTER
    size = len(labels)
    beta, covariance = fitted.beta[:size], fitted.covariance(kind, clusters)[:size, :size]
    df = fitted.df(kind, clusters)
    units = active.sum(axis=0)

    def present(coalition: frozenset[int]) -> FloatArray:
        """Return the weights of the coefficients when only these initiatives had taken place."""
        kept = [*(at in coalition for at in range(len(names))), *(coalition.issuperset(pair) for pair in pairs)]
        return np.asarray(units * np.array(kept, dtype=np.float64))

    def told(weights: FloatArray) -> tuple[float, float, Interval]:
        value, error = float(weights @ beta), float(np.sqrt(weights @ covariance @ weights))
        return value, error, interval_around(value, error, df=df, level=level)

    shares = shapley(present, len(names))
    total = told(present(frozenset(range(len(names)))))
    alone = [_alone(outcome, exposures[:, at], rest, others) for at in range(len(names))]
    claims = []
    for at, name in enumerate(names):
        value, error, interval = told(shares[at])
        share = value / total[0] if total[0] != 0.0 else None
        claims.append(Claim(name, value, error, interval, share, float(beta[at]), alone[at]))
    return JointEffect(
        *total,
        claims=tuple(claims),
        interactions=tuple((names[a], names[b]) for a, b in pairs),
        overclaimed=sum(alone) / total[0] if total[0] != 0.0 else None,
    )


def joint_of(changes: Sequence[float], exposed: Sequence[Sequence[float]], names: tuple[str, ...]) -> JointEffect:
    """Return the joint effect on changes (n) of exposures (n rows of k, 0 or 1). Raises as `joint_effect` does."""
    return joint_effect(np.asarray(changes), np.asarray(exposed, dtype=np.float64), names)


def change_beyond(changes: Sequence[float], exposed: Sequence[Sequence[float]]) -> float | None:
    """Return the change of the units exposed to anything, summed, beyond the mean change of the others.

    None without both kinds of units.
    """
    found = np.asarray(changes)
    reached = np.asarray(exposed).any(axis=1)
    if not reached.any() or reached.all():
        return None
    return float((found[reached] - found[~reached].mean()).sum())


def _alone(outcome: FloatArray, exposure: FloatArray, rest: FloatArray, others: tuple[str, ...]) -> float:
    fitted = least_squares(outcome, np.column_stack([exposure, rest]), ("alone", *others))
    return float(fitted.beta[0] * exposure.sum())


def shapley(worth: Callable[[frozenset[int]], FloatArray], players: int) -> list[FloatArray]:
    """Return each player's share of `worth` of all `players` together; the shares add up to it.

    `worth` is asked for all 2^players coalitions; nothing is worth nothing.
    """
    known = {
        frozenset(chosen): worth(frozenset(chosen))
        for size in range(players + 1)
        for chosen in combinations(range(players), size)
    }
    shares = []
    for player in range(players):
        total = np.zeros_like(known[frozenset()])
        for coalition, value in known.items():
            if player not in coalition:
                orders = math.factorial(len(coalition)) * math.factorial(players - len(coalition) - 1)
                total = total + orders / math.factorial(players) * (known[coalition | {player}] - value)
        shares.append(total)
    return shares


@dataclass(frozen=True, slots=True)
class Ledger:
    """All claims on one outcome and period against its observed change; `over` blocks acceptance until settled.

    `share` is the sum of claims over the change; None where nothing changed. `most` are the claims scaled down to what
    is there, the claims themselves where they fit.
    """

    claimed: float
    observed: float
    share: float | None
    over: bool
    most: Mapping[str, float]


def ledger(claims: Mapping[str, float], observed: float) -> Ledger:
    """Return whether the claims (per initiative, in units of the outcome) stay within its observed change.

    Raises `Invalid` (`not_finite`).
    """
    if not all(math.isfinite(one) for one in (*claims.values(), observed)):
        raise _refused("not_finite", "claims and the observed change must be finite")
    claimed = sum(claims.values())
    share = claimed / observed if observed != 0.0 else None
    over = claimed != 0.0 if share is None else share > 1.0 or share < 0.0
    scale = 1.0
    if over:
        scale = 1.0 / share if share is not None and share > 1.0 else 0.0
    return Ledger(claimed, observed, share, over, {name: value * scale for name, value in claims.items()})


def _check(outcome: FloatArray, exposures: FloatArray, names: tuple[str, ...]) -> None:
    if exposures.shape != (len(outcome), len(names)):
        raise _refused("length_differs", f"exposures must be {len(outcome)} x {len(names)}")
    if not (np.isfinite(outcome).all() and np.isin(exposures, (0.0, 1.0)).all()):
        raise _refused("not_finite", "outcomes must be finite and exposures 0 or 1")
    if len(names) > MOST_INITIATIVES:
        raise _refused("too_many_initiatives", f"{len(names)} initiatives; at most {MOST_INITIATIVES} can be split")
    for at, name in enumerate(names):
        treated = int(exposures[:, at].sum())
        if treated == 0:
            raise _refused("none_treated", f"nobody was exposed to {name}")
        if treated == len(outcome):
            raise _refused("all_treated", f"everybody was exposed to {name}")


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(f"These initiatives cannot be told apart: {detail}.", errors=(Fault(code, detail),))
