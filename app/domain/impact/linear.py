"""Least squares with the covariances of the field, and the reference distributions, on numpy and scipy.special.

Covariances: classical; HC1 and HC2 (MacKinnon and White 1985, doi:10.1016/0304-4076(85)90158-7); CRV1 (Liang and Zeger
1986; the factor G/(G-1) * (n-1)/(n-k) of Cameron and Miller 2015, doi:10.3368/jhr.50.2.317), referred to t(G-1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg, special

from app.domain.errors import Fault, Invalid
from app.domain.impact.result import Coefficient, Interval, StandardErrorKind

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_FULL_LEVERAGE = 1e-10
_COLLINEAR = 1e-10


def normal_quantile(probability: float) -> float:
    """Return z with P(Z <= z) = `probability`."""
    return float(special.ndtri(probability))


def normal_probability(statistic: float) -> float:
    """Return P(Z <= statistic)."""
    return float(special.ndtr(statistic))


def normal_two_sided(statistic: float) -> float:
    """Return P(|Z| >= |statistic|)."""
    return float(2.0 * special.ndtr(-abs(statistic)))


def t_quantile(probability: float, df: float | None) -> float:
    """Return t with P(T <= t) = `probability`; `df` None means the normal."""
    return normal_quantile(probability) if df is None else float(special.stdtrit(df, probability))


def t_two_sided(statistic: float, df: float | None) -> float:
    """Return P(|T| >= |statistic|); `df` None means the normal."""
    return normal_two_sided(statistic) if df is None else float(2.0 * special.stdtr(df, -abs(statistic)))


def f_upper(statistic: float, df_numerator: float, df_denominator: float) -> float:
    """Return P(F >= statistic)."""
    return float(special.fdtrc(df_numerator, df_denominator, statistic))


def chi2_upper(statistic: float, df: float) -> float:
    """Return P(chi-squared >= statistic)."""
    return float(special.chdtrc(df, statistic))


def interval_around(value: float, standard_error: float, *, df: float | None, level: float) -> Interval:
    """Return value +- quantile * standard error; `df` None means the normal."""
    half = t_quantile(0.5 + level / 2.0, df) * standard_error
    return Interval(value - half, value + half, level, "normal" if df is None else "t")


@dataclass(frozen=True, slots=True, eq=False)
class LinearFit:
    """A least-squares fit of `y` (n) on `x` (n x k), weighted by `weights` (n) or not.

    `absorbed` counts parameters partialled out before (fixed effects): they cost degrees of freedom in the classical
    and HC covariances; in CRV1 they do not where they are nested in the clusters (Cameron and Miller 2015, III.B).
    """

    names: tuple[str, ...]
    beta: FloatArray
    residuals: FloatArray
    design: FloatArray
    bread: FloatArray
    weights: FloatArray | None
    r_squared: float
    absorbed: int = 0

    @property
    def n(self) -> int:
        """The number of observations."""
        return int(self.design.shape[0])

    @property
    def k(self) -> int:
        """The number of estimated coefficients, absorbed ones not counted."""
        return int(self.design.shape[1])

    def df(self, kind: StandardErrorKind, clusters: npt.ArrayLike | None = None) -> float:
        """Return the degrees of freedom of t: G - 1 for clusters, else n - k - absorbed."""
        if kind is StandardErrorKind.CLUSTER:
            return float(len(np.unique(_needed(clusters))) - 1)
        return float(self.n - self.k - self.absorbed)

    def covariance(self, kind: StandardErrorKind, clusters: npt.ArrayLike | None = None) -> FloatArray:
        """Return the k x k covariance of the coefficients: classical, hc1, hc2 or cluster (which needs `clusters`, n).

        Raises `Invalid` if no degrees of freedom are left or the kind is not one of a regression.
        """
        spare = self.n - self.k - self.absorbed
        if spare <= 0:
            raise Invalid(
                f"The regression has {self.n} observations for {self.k + self.absorbed} parameters: leave out "
                "covariates or send more observations.",
                errors=(Fault("no_degrees_of_freedom", f"{self.n} observations, {self.k + self.absorbed} parameters"),),
            )
        weights = np.ones(self.n) if self.weights is None else self.weights
        if kind is StandardErrorKind.CLASSICAL:
            return np.asarray(self.bread * (weights @ self.residuals**2) / spare)
        scores = self.design * (weights * self.residuals)[:, None]
        if kind is StandardErrorKind.HC1:
            return np.asarray(_sandwich(self.bread, scores) * self.n / spare)
        if kind is StandardErrorKind.HC2:
            leverage = np.einsum("ij,jk,ik->i", self.design, self.bread, self.design) * weights
            room = 1.0 - leverage
            scale = np.where(room > _FULL_LEVERAGE, 1.0 / np.sqrt(np.maximum(room, _FULL_LEVERAGE)), 0.0)
            return _sandwich(self.bread, scores * scale[:, None])
        if kind is StandardErrorKind.CLUSTER:
            summed = sum_by(scores, codes_of(_needed(clusters)))
            count = summed.shape[0]
            if count <= 1:
                raise Invalid(
                    "All observations are in one cluster: no clustered standard error is possible.",
                    errors=(Fault("one_cluster", "the cluster column has a single value"),),
                )
            factor = count / (count - 1) * (self.n - 1) / (self.n - self.k)
            return np.asarray(_sandwich(self.bread, summed) * factor)
        raise Invalid(f"A regression has no standard error of the kind {kind.value}.")

    def standard_error(self, name: str, kind: StandardErrorKind, clusters: npt.ArrayLike | None = None) -> float:
        """Return the standard error of one coefficient."""
        at = self.names.index(name)
        return float(np.sqrt(self.covariance(kind, clusters)[at, at]))

    def table(
        self, kind: StandardErrorKind, clusters: npt.ArrayLike | None = None, *, level: float = 0.95
    ) -> tuple[Coefficient, ...]:
        """Return the regression table in column order."""
        errors = np.sqrt(np.diag(self.covariance(kind, clusters)))
        df = self.df(kind, clusters)
        return tuple(
            coefficient(name, float(value), float(error), df=df, level=level)
            for name, value, error in zip(self.names, self.beta, errors, strict=True)
        )


def coefficient(name: str, value: float, error: float, *, df: float | None, level: float) -> Coefficient:
    """Return one row of a regression table referred to t(df)."""
    if error <= 0.0:
        return Coefficient(name, value, None, None, None, None)
    statistic = value / error
    return Coefficient(
        name,
        value,
        error,
        statistic,
        t_two_sided(statistic, df),
        interval_around(value, error, df=df, level=level),
    )


def least_squares(
    y: npt.ArrayLike,
    x: npt.ArrayLike,
    names: Sequence[str],
    *,
    weights: npt.ArrayLike | None = None,
    absorbed: int = 0,
    centred: bool = True,
) -> LinearFit:
    """Fit `y` (n) on the columns of `x` (n x k, named by `names`; put a column of ones in yourself).

    `weights` (n, positive) are sampling weights. `centred` False gives R-squared about zero (data already demeaned).
    Raises `Invalid` (`collinear_columns`) naming the columns that are linear combinations of others.
    """
    outcome = np.asarray(y, dtype=np.float64)
    design = np.asarray(x, dtype=np.float64)
    held = None if weights is None else np.asarray(weights, dtype=np.float64)
    root = None if held is None else np.sqrt(held)
    scaled = design if root is None else design * root[:, None]
    target = outcome if root is None else outcome * root
    redundant = collinear(scaled)
    if redundant:
        listed = ", ".join(names[at] for at in redundant)
        raise Invalid(
            f"These columns are constant or combinations of others: {listed}. Leave them out.",
            errors=(Fault("collinear_columns", listed),),
        )
    q, r = linalg.qr(scaled, mode="economic")
    inverse = linalg.solve_triangular(r, np.eye(design.shape[1]))
    beta = inverse @ (q.T @ target)
    residuals = outcome - design @ beta
    return LinearFit(
        names=tuple(names),
        beta=beta,
        residuals=residuals,
        design=design,
        bread=inverse @ inverse.T,
        weights=held,
        r_squared=_r_squared(outcome, residuals, held, centred=centred),
        absorbed=absorbed,
    )


def collinear(x: FloatArray) -> list[int]:
    """Return the columns of `x` (n x k) that depend linearly on earlier ones, in order."""
    norms = np.linalg.norm(x, axis=0)
    redundant = []
    kept: list[FloatArray] = []
    for at in range(x.shape[1]):
        rest = x[:, at].copy()
        for _ in range(2):  # a second pass restores the orthogonality that rounding takes away
            for one in kept:
                rest -= (one @ rest) * one
        length = float(np.linalg.norm(rest))
        if norms[at] == 0.0 or length <= _COLLINEAR * norms[at]:
            redundant.append(at)
        else:
            kept.append(rest / length)
    return redundant


def codes_of(labels: npt.ArrayLike) -> IntArray:
    """Return each label's position among the sorted distinct labels."""
    return np.unique(np.asarray(labels), return_inverse=True)[1].astype(np.int64).ravel()


def sum_by(rows: FloatArray, codes: IntArray) -> FloatArray:
    """Return the sums of `rows` (n x k) within each code 0..G-1: G x k."""
    return np.stack([total_by(column, codes) for column in rows.T], axis=1)


def total_by(values: FloatArray, codes: IntArray, count: int = 0) -> FloatArray:
    """Return the sums of `values` (n) within each code 0..G-1 (or `count` - 1, if that is more): G."""
    return np.bincount(codes, weights=values, minlength=count).astype(np.float64)


def _sandwich(bread: FloatArray, scores: FloatArray) -> FloatArray:
    half = scores @ bread
    return np.asarray(half.T @ half)


def _needed(clusters: npt.ArrayLike | None) -> npt.ArrayLike:
    if clusters is None:
        raise Invalid("A clustered standard error needs a cluster column.")
    return clusters


def _r_squared(outcome: FloatArray, residuals: FloatArray, weights: FloatArray | None, *, centred: bool) -> float:
    held = np.ones_like(outcome) if weights is None else weights
    centre = float(np.average(outcome, weights=held)) if centred else 0.0
    total = float(held @ (outcome - centre) ** 2)
    return 1.0 - float(held @ residuals**2) / total if total > 0.0 else 0.0
