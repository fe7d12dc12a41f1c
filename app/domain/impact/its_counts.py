"""Interrupted time series of counts: Poisson regression by iteratively reweighted least squares.

The reference is the normal, as in Lopez Bernal, Cummins, Gasparrini (2017, doi:10.1093/ije/dyw098).
"""

from __future__ import annotations

import numpy as np
from scipy import special

from app.domain.errors import Fault, Invalid
from app.domain.impact.its import SeriesFit, by_qr
from app.domain.impact.linear import FloatArray
from app.domain.impact.series import Series

_ROUNDS = 100
_SETTLED = 1e-12


def poisson(series: Series, *, quasi: bool) -> SeriesFit:
    """Fit counts with the logarithm as link; the effect is a log rate ratio.

    `quasi` scales the covariance by Pearson's chi-squared over its degrees of freedom, so that counts may vary more
    than Poisson's. Raises `Invalid`: `not_counts`, `no_convergence`.
    """
    counts = series.outcome
    if (counts < 0.0).any() or counts.sum() <= 0.0:
        raise Invalid(
            "Counts must not be negative, and some must be above zero.",
            errors=(Fault("not_counts", f"lowest {counts.min():g}", pointer="/panel"),),
        )
    design, names = series.columns()
    offset = np.zeros(series.length) if series.offset is None else series.offset
    beta = _fitted(counts, design, offset)
    mean = np.exp(design @ beta + offset)
    spare = series.length - len(names)
    dispersion = float(((counts - mean) ** 2 / mean).sum()) / spare
    inverse, _ = by_qr(design * np.sqrt(mean)[:, None], counts)
    covariance = inverse * (dispersion if quasi else 1.0)
    contrast = series.contrast()
    return SeriesFit(
        names=names,
        beta=beta,
        covariance=covariance,
        df=(None,) * len(names),
        effect=float(contrast @ beta),
        effect_error=float(np.sqrt(contrast @ covariance @ contrast)),
        effect_df=None,
        dispersion=dispersion,
        fitted=mean,
    )


def _fitted(counts: FloatArray, design: FloatArray, offset: FloatArray) -> FloatArray:
    mean = np.maximum(counts, 0.5)
    deviance = np.inf
    for _ in range(_ROUNDS):
        index = np.log(mean)
        working = index - offset + (counts - mean) / mean
        root = np.sqrt(mean)
        _, beta = by_qr(design * root[:, None], working * root)
        mean = np.exp(np.clip(design @ beta + offset, -700.0, 700.0))
        reached = 2.0 * float((special.xlogy(counts, counts / mean) - counts + mean).sum())
        if abs(reached - deviance) <= _SETTLED * (1.0 + abs(reached)):
            return beta
        deviance = reached
    raise Invalid(
        "The Poisson regression does not settle: some pattern of the series has no counts at all.",
        errors=(Fault("no_convergence", f"{_ROUNDS} rounds"),),
    )
