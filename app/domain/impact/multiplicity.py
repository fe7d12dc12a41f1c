"""Several outcomes of one decision: p-values adjusted so that asking often does not make something significant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.domain.errors import Fault, Invalid
from app.domain.impact.linear import FloatArray


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for the family (Holm 1979): P(any false finding) <= alpha; same order."""
    found, order = _sorted(p_values)
    count = len(found)
    stepped = np.maximum.accumulate((count - np.arange(count)) * found[order])
    return _restored(np.minimum(stepped, 1.0), order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return q-values (Benjamini and Hochberg 1995): expected share of false findings <= q; same order."""
    found, order = _sorted(p_values)
    count = len(found)
    scaled = found[order] * count / np.arange(1, count + 1)
    return _restored(np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0), order)


def _sorted(p_values: Sequence[float]) -> tuple[FloatArray, list[int]]:
    found = np.asarray(p_values, dtype=np.float64)
    if bool((~((found >= 0.0) & (found <= 1.0))).any()):
        raise Invalid("A p-value is between 0 and 1.", errors=(Fault("not_a_p_value", str(list(p_values))),))
    return found, np.argsort(found, kind="stable").tolist()


def _restored(adjusted: FloatArray, order: list[int]) -> list[float]:
    answer = np.empty(len(adjusted))
    answer[order] = adjusted
    return answer.tolist()
