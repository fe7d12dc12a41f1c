"""How long the periods are that an effect is told of, and how many of them make a year."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from app.models.days import first_day
from app.models.kpis import Cadence
from app.services.inputs._provider import bucket_end

_DAYS_A_YEAR = Decimal("365.2425")
_A_YEAR: Mapping[Cadence, Decimal] = {
    Cadence.DAY: _DAYS_A_YEAR,
    Cadence.WEEK: Decimal("52.1775"),
    Cadence.MONTH: Decimal(12),
    Cadence.QUARTER: Decimal(4),
    Cadence.YEAR: Decimal(1),
}
_LENGTHS: Mapping[Cadence, range] = {
    Cadence.DAY: range(1, 2),
    Cadence.WEEK: range(7, 8),
    Cadence.MONTH: range(28, 32),
    Cadence.QUARTER: range(90, 93),
    Cadence.YEAR: range(365, 367),
}
"""Days in a period of each cadence."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Periods of a cadence; without one, of so many days each."""

    cadence: Cadence | None
    days: int = 0

    @property
    def a_year(self) -> Decimal:
        """How many of them there are in a year."""
        return _DAYS_A_YEAR / self.days if self.cadence is None else _A_YEAR[self.cadence]

    @property
    def spoken(self) -> str:
        """What they are called after `by`."""
        return f"{self.days} days" if self.cadence is None else self.cadence.value

    def ends(self, since: date, count: int) -> list[date]:
        """Return the days after the first `count` whole periods that begin on `since` or later."""
        if self.cadence is None:
            return [since + timedelta(days=self.days * n) for n in range(1, count + 1)]
        start = first_day(since, self.cadence)
        if start < since:
            start = bucket_end(start, self.cadence)
        found: list[date] = []
        for _ in range(count):
            start = bucket_end(start, self.cadence)
            found.append(start)
        return found


def rhythm(period_days: int | None, cadence: Cadence) -> Rhythm:
    """Return the rhythm of a panel by the usual length of its periods; of one that does not tell, the KPI's cadence."""
    if not period_days:
        return Rhythm(cadence)
    known = next((each for each, lengths in _LENGTHS.items() if period_days in lengths), None)
    return Rhythm(known, period_days)
