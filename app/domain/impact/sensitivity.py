"""How far the estimate leans on the periods before exposure: breakdown, anticipation, a dip, a pretended date."""

from __future__ import annotations

import numpy as np

from app.domain.impact.leads import Leads
from app.domain.impact.linear import t_quantile, t_two_sided
from app.domain.impact.pretrends import Headline, joint, lead_count, linear_trend
from app.domain.impact.result import Diagnostic, Verdict

_ALPHA = 0.05
_CURVE = (0.0, 0.5, 1.0, 1.5, 2.0)
_STEPS_BACK = 3  # impact.md 3.3.7: base g-1 against base g-4
_DIP = 0.25  # impact.md 3.2: share of a standard deviation


def diagnose(leads: Leads, headline: Headline) -> tuple[Diagnostic, ...]:
    """Return everything that the periods before exposure say about the estimate."""
    return (
        joint(leads, headline),
        linear_trend(leads, headline),
        breakdown(leads, headline),
        anticipation(leads, headline),
        dip(leads),
        placebo_date(leads),
    )


def breakdown(leads: Leads, headline: Headline) -> Diagnostic:
    """Return how strong a violation of parallel trends would undo the estimate (relative magnitudes).

    After exposure the gap between the groups may change, per period, by at most M times its largest change before
    (Rambachan and Roth 2023, doi:10.1093/restud/rdad018); `m_bar` is the M at which the interval reaches zero, None if
    it holds zero already. The largest change is taken as estimated; its own sampling error is not added.
    """
    count = lead_count(leads)
    if count == 0 or headline.error is None:
        return Diagnostic("breakdown", Verdict.UNAVAILABLE, "Without leads there is no yardstick for violations.")
    levels = np.concatenate([[0.0], leads.chained(count).values])
    worst = float(np.abs(np.diff(levels)).max())
    half = t_quantile(0.5 + headline.level / 2.0, headline.df) * headline.error
    room = abs(headline.value) - half
    m_bar = room / (worst * headline.horizon) if room > 0.0 and worst > 0.0 else None
    curve = [
        {
            "m": m,
            "low": headline.value - half - m * worst * headline.horizon,
            "high": headline.value + half + m * worst * headline.horizon,
        }
        for m in _CURVE
    ]
    values = {"m_bar": m_bar, "largest_change_before": worst, "horizon": headline.horizon, "curve": curve}
    if m_bar is None:
        return Diagnostic("breakdown", Verdict.INFO, "The interval holds zero without any violation.", values)
    said = f"The interval reaches zero if the groups drift apart {m_bar:.2f} times as fast as at worst before."
    return Diagnostic("breakdown", Verdict.OK if m_bar >= _CURVE[1] else Verdict.FLAG, said, values)


def anticipation(leads: Leads, headline: Headline) -> Diagnostic:
    """Return how the estimate moves when its base is set 3 periods further back.

    Flagged from one standard error on; failed if the move is also more than chance (5 %).
    """
    if leads.deepest < _STEPS_BACK or headline.error is None:
        return Diagnostic("anticipation", Verdict.UNAVAILABLE, f"Needs {_STEPS_BACK + 1} periods before exposure.")
    level = leads.chained(_STEPS_BACK, leads.multiples(headline.loading))
    move = -float(level.values[-1])
    error = float(level.errors(leads.cells)[-1])
    p_value = _p(move, error, leads)
    base = -1 - leads.cells.anticipation
    values = {
        "base": base,
        "base_moved": base - _STEPS_BACK,
        "value": headline.value,
        "value_moved": headline.value + move,
        "difference": move,
        "difference_standard_error": error,
        "p_value": p_value,
    }
    verdict = Verdict.OK
    if abs(move) > headline.error:
        verdict = Verdict.FAIL if p_value is not None and p_value < _ALPHA else Verdict.FLAG
    said = f"With the base {_STEPS_BACK} periods earlier the estimate would be {headline.value + move:.4g}."
    return Diagnostic("anticipation", verdict, said, values)


def dip(leads: Leads) -> Diagnostic:
    """Return how the exposed moved against the others in the last 1 to 3 periods before the base period.

    Flagged from a quarter of the outcome's standard deviation on (over units, first period); failed if also more than
    chance (5 % over the three).
    """
    count = min(leads.deepest, _STEPS_BACK)
    if count == 0:
        return Diagnostic("dip", Verdict.UNAVAILABLE, "There is only one period before exposure.")
    levels = leads.chained(count)
    spread = float(np.std(leads.cells.cohorts.outcome[0]))
    changes = -levels.values
    errors = levels.errors(leads.cells)
    worst = int(np.argmax(np.abs(changes)))
    share = abs(float(changes[worst])) / spread if spread > 0.0 else 0.0
    p_value = _p(float(changes[worst]), float(errors[worst]), leads)
    values = {"changes": changes.tolist(), "standard_errors": errors.tolist(), "share_of_sd": share, "p_value": p_value}
    verdict = Verdict.OK
    if share > _DIP:
        verdict = Verdict.FAIL if p_value is not None and p_value * count < _ALPHA else Verdict.FLAG
    return Diagnostic("dip", verdict, f"Before exposure the gap moved by {share:.2f} standard deviations.", values)


def placebo_date(leads: Leads) -> Diagnostic:
    """Return the effect found if exposure is pretended to have begun up to 3 periods early, on earlier data only."""
    length = min(leads.deepest, _STEPS_BACK)
    if length == 0:
        return Diagnostic("placebo_date", Verdict.UNAVAILABLE, "There is only one period before exposure.")
    found = leads.pretended(length)
    value, error = float(found.values[0]), float(found.errors(leads.cells)[0])
    p_value = _p(value, error, leads)
    failed = p_value is not None and p_value < _ALPHA
    values = {"periods_early": length, "value": value, "standard_error": error, "p_value": p_value}
    said = f"Pretending exposure {length} period(s) early gives {value:.4g} ({error:.4g})."
    return Diagnostic("placebo_date", Verdict.FAIL if failed else Verdict.OK, said, values)


def _p(value: float, error: float, leads: Leads) -> float | None:
    return t_two_sided(value / error, float(leads.cells.cohorts.n_clusters - 1)) if error > 0.0 else None
