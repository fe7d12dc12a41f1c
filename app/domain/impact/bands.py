"""Simultaneous bands: wide enough that all the rows of a picture are covered together."""

from __future__ import annotations

import numpy as np

from app.domain.impact.linear import FloatArray


def simultaneous_quantile(
    covariance: FloatArray, rng: np.random.Generator, *, level: float, df: float | None, draws: int
) -> float | None:
    """Return the sup-t quantile: the `level` quantile of max |t_k|, where t has this covariance (k x k) scaled to 1.

    None where every variance is zero. Montiel Olea and Plagborg-Moller 2019, doi:10.1002/jae.2656.
    """
    spread = np.sqrt(np.diag(covariance))
    held = spread > 0.0
    if not held.any():
        return None
    correlation = (covariance / np.outer(np.where(held, spread, 1.0), np.where(held, spread, 1.0)))[held][:, held]
    roots, vectors = np.linalg.eigh(correlation)
    half = vectors * np.sqrt(np.maximum(roots, 0.0))
    normal = rng.standard_normal((draws, len(half))) @ half.T
    if df is not None:
        normal /= np.sqrt(rng.chisquare(df, draws) / df)[:, None]
    return float(np.quantile(np.abs(normal).max(axis=1), level))
