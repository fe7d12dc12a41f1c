"""Confidence intervals for figures: Wilson for proportions, t for means, and the quantiles they need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from statistics import NormalDist

from app.domain.figure import Interval, arithmetic

LEVEL = Decimal("0.95")
# Phi^-1(0.975); the digits beyond double precision are those of OEIS A220510.
_Z_95 = Decimal("1.959963984540054235524594430520551528")
_FEWEST_VALUES = 2
_MANY_DEGREES = 1000
_TINY = 1e-300
_CLOSE = 1e-16
_STEPS = 400


def normal_quantile(level: Decimal = LEVEL) -> Decimal:
    """Return the two-sided standard normal quantile z with P(|Z| <= z) = level, to about 15 digits (35 at 0.95)."""
    if level == LEVEL:
        return _Z_95
    return Decimal(repr(NormalDist().inv_cdf((1 + float(level)) / 2)))


def wilson(successes: int, trials: int, level: Decimal = LEVEL) -> Interval:
    """Return the Wilson score interval of a proportion, within 0..1. `trials` is at least 1.

    Wilson 1927, without continuity correction: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
    """
    with arithmetic():
        z = normal_quantile(level)
        rate = Decimal(successes) / trials
        shrink = 1 + z * z / trials
        centre = rate + z * z / (2 * trials)
        half = z * (rate * (1 - rate) / trials + z * z / (4 * trials * trials)).sqrt()
        low = Decimal(0) if successes == 0 else (centre - half) / shrink
        high = Decimal(1) if successes == trials else (centre + half) / shrink
    return Interval(low, high, level, "wilson")


def mean_interval(
    values: Sequence[Decimal], level: Decimal = LEVEL, *, counts: Sequence[int] | None = None
) -> Interval | None:
    """Return the t interval of the mean of `values`; None for fewer than two values or values without variance.

    `counts`, in the same order, says how often each value was observed (once by default).

    Equal values give no interval: a width of zero would claim a certainty that two equal answers do not carry.
    """
    times = counts if counts is not None else [1] * len(values)
    n = sum(times)
    if n < _FEWEST_VALUES:
        return None
    with arithmetic():
        weighted = list(zip(values, times, strict=True))
        centre = sum((value * count for value, count in weighted), Decimal(0)) / n
        squares = sum(((value - centre) ** 2 * count for value, count in weighted), Decimal(0))
        if squares == 0:
            return None
        half = t_quantile(n - 1, level) * (squares / (n - 1) / n).sqrt()
        return Interval(centre - half, centre + half, level, "student_t")


def normal_point(probability: Decimal) -> Decimal:
    """Return the standard normal quantile z with P(Z <= z) = probability, to about 15 digits."""
    return Decimal(repr(NormalDist().inv_cdf(float(probability))))


@lru_cache(maxsize=512)
def t_quantile(degrees: int, level: Decimal = LEVEL) -> Decimal:
    """Return the two-sided Student t quantile q with P(|T| <= q) = level, relative error below 1e-11.

    P(|T| > q) = I_x(v/2, 1/2) with x = v/(v + q^2), inverted by bisection of a bracket, so that it cannot diverge;
    from 1,000 degrees of freedom on by the expansion of Abramowitz and Stegun 26.7.5 around the normal quantile.
    Raises ValueError outside degrees >= 1 and 0 < level < 1.
    """
    if degrees < 1 or not 0 < level < 1:
        raise ValueError("a t quantile needs at least 1 degree of freedom and a level between 0 and 1")
    if degrees >= _MANY_DEGREES:
        return _expanded(degrees, normal_quantile(level))
    tail = float(1 - level)
    low, high = 0.0, 2.0
    while t_tail(high, degrees) > tail:
        low, high = high, high * 2
    while (middle := (low + high) / 2) not in {low, high}:
        if t_tail(middle, degrees) > tail:
            low = middle
        else:
            high = middle
    return Decimal(repr(middle))


def _expanded(degrees: int, x: Decimal) -> Decimal:
    with arithmetic():
        terms = (
            (x**3 + x) / 4,
            (5 * x**5 + 16 * x**3 + 3 * x) / 96,
            (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
            (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
        )
        return x + sum((term / Decimal(degrees) ** (power + 1) for power, term in enumerate(terms)), Decimal(0))


def t_tail(statistic: float, degrees: int) -> float:
    """Return the two-sided tail probability P(|T| > |statistic|) of Student's t with `degrees` degrees of freedom."""
    square = statistic * statistic
    within = degrees / (degrees + square)
    return _incomplete_beta(degrees / 2, 0.5, within, square / (degrees + square))


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Return I_x(a, b); `rest` is 1 - x, given apart because the difference would lose digits near 1."""
    if x <= 0.0 or rest <= 0.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _incomplete_beta(b, a, rest, x)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    return math.exp(scale) / a * _continued_fraction(a, b, x)


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Evaluate the fraction of Abramowitz and Stegun 26.5.8 by the modified Lentz method (Thompson, Barnett 1986)."""
    upper, lower = 1.0, 1.0 / _kept(1.0 - (a + b) * x / (a + 1.0))
    result = lower
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            lower = 1.0 / _kept(1.0 + term * lower)
            upper = _kept(1.0 + term / upper)
            result *= lower * upper
        if abs(lower * upper - 1.0) < _CLOSE:
            break
    return result


def _kept(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
