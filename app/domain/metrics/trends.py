"""The robust line through measurements: Theil-Sen slope, prediction interval, and when it reaches a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from itertools import combinations
from statistics import median

from app.domain.figure import Interval, arithmetic
from app.domain.metrics.intervals import LEVEL, t_quantile

FEWEST_POINTS = 3
A_CENTURY = 36_525


@dataclass(frozen=True, slots=True)
class Point:
    """A confirmed value and the local date that it stands for."""

    on: date
    value: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """value(date) = intercept + slope · days since `origin`; `points` are those it was fitted to."""

    origin: date
    slope: Decimal
    intercept: Decimal
    points: tuple[Point, ...]

    def at(self, on: date) -> Decimal:
        """Return the value of the line on a date."""
        return self.intercept + self.slope * (on - self.origin).days

    def prediction(self, on: date, level: Decimal = LEVEL) -> Interval | None:
        """Return the interval in which a new value on that date is expected; None where the points lie on the line.

        t with n - 2 degrees of freedom times s · sqrt(1 + 1/n + (x - mean x)² / Σ(x - mean x)²), where s² is the sum
        of squared distances from this line over n - 2: the ordinary form of a prediction, around the robust line.
        """
        n = len(self.points)
        with arithmetic():
            squares = sum(((point.value - self.at(point.on)) ** 2 for point in self.points), Decimal(0))
            if n < FEWEST_POINTS or squares == 0:
                return None
            days = [Decimal((point.on - self.origin).days) for point in self.points]
            centre = sum(days, Decimal(0)) / n
            spread = sum(((day - centre) ** 2 for day in days), Decimal(0))
            far = (Decimal((on - self.origin).days) - centre) ** 2 / spread
            half = t_quantile(n - 2, level) * (squares / (n - 2) * (1 + Decimal(1) / n + far)).sqrt()
            middle = self.at(on)
            return Interval(middle - half, middle + half, level, "theil_sen_prediction")

    def reaches(self, target: Decimal, sign: int) -> date | None:
        """Return the first date on which a line that moves the better way (`sign` ±1) has reached the target.

        None if the slope is zero or points away, or if it takes more than a century or the rest of the calendar. Never
        before the first point.
        """
        if sign * self.slope <= 0:
            return None
        with arithmetic():
            days = ((target - self.intercept) / self.slope).to_integral_value(rounding=ROUND_CEILING)
        furthest = min(A_CENTURY, (date.max - self.origin).days)
        return None if days > furthest else self.origin + timedelta(days=max(int(days), 0))


def theil_sen(points: Sequence[Point]) -> Line:
    """Return the line with the median of all slopes between two dates and the median of the remainders.

    Theil 1950, Sen 1968. The points may come in any order. Raises ValueError without two different dates.
    """
    ordered = tuple(sorted(points, key=lambda point: point.on))
    pairs = [(a, b) for a, b in combinations(ordered, 2) if a.on != b.on]
    if not pairs:
        raise ValueError("a line needs points on two dates or more")
    origin = ordered[0].on
    with arithmetic():
        slope = median((b.value - a.value) / (b.on - a.on).days for a, b in pairs)
        intercept = median(point.value - slope * (point.on - origin).days for point in ordered)
    return Line(origin, slope, intercept, ordered)
