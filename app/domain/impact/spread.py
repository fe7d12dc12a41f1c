"""The admissible estimators side by side: how far the answer depends on which one is believed (impact.md 3.3.6)."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.impact.grade import stepped_down
from app.domain.impact.result import Diagnostic, EffectResult, Estimand, Reason, Verdict

_WIDE = 2.0  # standard errors
_APART = frozenset({Estimand.DESCRIPTIVE, Estimand.CACE})


def side_by_side(results: Sequence[EffectResult]) -> list[EffectResult]:
    """Return the results, each with the others beside it; descriptions stay as they are.

    The effect on compliers answers another question than those on everybody, and stands alone. Flagged where the range
    exceeds 2 standard errors or the sign changes; a sign change beyond one standard error, more than an estimate near
    zero explains, costs a grade.
    """
    able = [one for one in results if one.estimand not in _APART and one.value is not None]
    if len({one.estimator for one in able}) < 2:  # noqa: PLR2004  one alone has no spread
        return list(results)
    return [_beside(one, able) if one in able else one for one in results]


def _beside(result: EffectResult, able: Sequence[EffectResult]) -> EffectResult:
    found = [one.value for one in able if one.value is not None]
    width = max(found) - min(found)
    error = result.standard_error.value if result.standard_error is not None else None
    changes = min(found) < 0.0 < max(found)
    verdict = Verdict.OK
    if changes or (error is not None and width > _WIDE * error):
        verdict = Verdict.FLAG
    if changes and (error is None or width > error):
        verdict = Verdict.FAIL
    values = {
        "estimates": [
            {
                "estimator": one.estimator,
                "estimand": one.estimand.value,
                "value": one.value,
                "standard_error": None if one.standard_error is None else one.standard_error.value,
                "grade": one.grade,
            }
            for one in able
        ],
        "range": width,
        "sign_changes": changes,
    }
    said = f"{len(able)} admissible estimates range from {min(found):.4g} to {max(found):.4g}."
    marked = result.with_diagnostics(Diagnostic("specification_spread", verdict, said, values))
    if verdict is not Verdict.FAIL:
        return marked
    return stepped_down(marked, Reason("sign_change", "Admissible estimators disagree on the sign.", steps=1))
