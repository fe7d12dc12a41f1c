"""The words that a grade allows (impact.md 3.6): no claim is stronger than its evidence."""

from __future__ import annotations

from app.domain.impact.result import EffectResult

_VERBS = ("changed / differed", "changed / differed", "is consistent with", "probably caused", "caused", "caused")
_SENTENCES = (
    "With {exposure}, {outcome} changed or differed by {value}{interval}; this is a description, not an effect.",
    "With {exposure}, {outcome} changed or differed by {value}{interval}; this is a description, not an effect.",
    "The evidence is consistent with {exposure} having changed {outcome} by {value}{interval}.",
    "{exposure} probably caused {outcome} to change by {value}{interval}.",
    "{exposure} caused {outcome} to change by {value}{interval}.",
    "{exposure} caused {outcome} to change by {value}{interval}.",
)
_CONSISTENT = 2
_CONSISTENT_WITH_BOTH = (
    "The evidence is consistent with {exposure} having changed {outcome} by {value}{interval}, and with no effect."
)
_NOTHING_SEEN = "An effect of {exposure} on {outcome} could not be told from none: {value}{interval}."


def allowed(grade: int) -> str:
    """Return the strongest verb that the grade (0 to 5) allows."""
    return _VERBS[grade]


def sentence(result: EffectResult, *, exposure: str, outcome: str) -> str:
    """Return one sentence that says the effect in words that its grade allows; `exposure` and `outcome` are names.

    From grade 2 up, an interval that holds zero is said as such, and without an interval nothing is said to be caused.
    """
    if result.value is None:
        return f"The effect of {exposure} on {outcome} could not be estimated."
    form, interval = _SENTENCES[result.grade], ""
    held = result.interval
    if held is not None and held.low is not None and held.high is not None:
        interval = f" ({held.level:.0%} interval {held.low:.4g} to {held.high:.4g})"
        if result.grade >= _CONSISTENT and held.low <= 0.0 <= held.high:
            form = _CONSISTENT_WITH_BOTH if result.grade == _CONSISTENT else _NOTHING_SEEN
    elif result.grade > _CONSISTENT:
        form = _SENTENCES[_CONSISTENT]
    said = form.format(exposure=exposure, outcome=outcome, value=f"{result.value:.4g}", interval=interval)
    return said[0].upper() + said[1:]
