"""Figure: the only shape in which a computed number leaves the domain (decisions.md, "Figure"; metrics.md, G1).

A figure is a value or None with everything that makes it defensible. Values are exact: `Decimal`, `date` or a
lower_snake enum word; never a float, never NaN.

The one rounding rule (metrics.md, G3): arithmetic runs on exact inputs in decimals of 34 digits (`arithmetic`), and
each published number (value, numerator, denominator, ends of the interval) is rounded once, half to even, to six
decimal places (`rounded`), written without exponent and without trailing zeros. Nothing is computed from a rounded
number. A ratio that needs more than six places is recovered from its numerator and denominator.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from enum import StrEnum
from typing import Any

PLACES = 6
_DIGITS = Context(prec=34, rounding=ROUND_HALF_EVEN)
_EDGE = Context(prec=300, rounding=ROUND_HALF_EVEN)
_STEP = Decimal(1).scaleb(-PLACES)


def arithmetic() -> AbstractContextManager[Context]:
    """Return the decimal context in which every formula is computed: 34 digits, half to even, signals trapped."""
    return localcontext(_DIGITS)


def rounded(value: Decimal) -> Decimal:
    """Round a finite decimal by the one rounding rule; the result has no trailing zeros and no negative zero.

    Raises ValueError for NaN and infinities: an undefined number is None, never one of these.
    """
    if not value.is_finite():
        raise ValueError("a figure holds finite decimals only; what is undefined is None")
    stepped = value.quantize(_STEP, context=_EDGE)
    plain = format(stepped, "f").rstrip("0").rstrip(".")
    return Decimal(plain) if stepped else Decimal(0)


def written(value: Decimal) -> str:
    """Write a decimal as every response does: plain digits, no exponent."""
    return format(value, "f")


class Status(StrEnum):
    """Whether the value can be used, and if not, why not (product.md, "Figure")."""

    OK = "ok"
    NO_DATA = "no_data"
    NOT_APPLICABLE = "not_applicable"
    INSUFFICIENT = "insufficient"
    SUPPRESSED = "suppressed"
    PROVISIONAL = "provisional"
    INCONSISTENT = "inconsistent"


class ValueType(StrEnum):
    """How `Figure.value` is to be read."""

    DECIMAL = "decimal"
    DATE = "date"
    ENUM = "enum"


@dataclass(frozen=True, slots=True)
class Interval:
    """An uncertainty interval in the figure's own unit; `level` is 0..1 (0.95), `method` names the construction."""

    low: Decimal
    high: Decimal
    level: Decimal
    method: str


@dataclass(frozen=True, slots=True)
class Caveat:
    """One reservation: a stable lower_snake `code` and a sentence for people."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open `[start, end)` in local dates of the IANA `zone`; an open side is None."""

    start: date | None
    end: date | None
    zone: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What the figure is about: a noun (`initiative`, `outcome`, ...) and its public id."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Override:
    """What a person says that the value is, in the days `[start, end)`; it stands beside the value, never for it."""

    id: str
    value: str
    reason: str
    author_id: str
    start: date
    end: date | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A computed value with all that makes it defensible.

    `value` is a Decimal, a date or a word according to `value_type`; None unless `status` is ok or provisional (an
    `inconsistent` figure has no value). `unit` is one of metrics.md G12 (`ratio`, `percentage_points`, `days`,
    `money:EUR`, `kpi:percent`, ...). `n_people` counts distinct resolved persons. `basis` names how the inputs were
    taken (`audience_at_start`, `fully_loaded`, ...). `segment` says by dimension which part of the subject it is about
    (None: those without); empty: all of it. `override` is what somebody says instead; the value stays the computed one.
    `explain` is the path of the explanation, filled at the door.
    Raises ValueError when value and status contradict each other.
    """

    metric: str
    definition_version: int
    status: Status
    unit: str
    value: Decimal | date | str | None = None
    value_type: ValueType = ValueType.DECIMAL
    reason: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    subject: Subject | None = None
    segment: dict[str, str | None] = field(default_factory=dict)
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    n_people: int | None = None
    interval: Interval | None = None
    period: Period | None = None
    as_of: datetime | None = None
    revision: int = 1
    basis: str | None = None
    caveats: tuple[Caveat, ...] = ()
    override: Override | None = None
    explain: str | None = None

    def __post_init__(self) -> None:
        usable = self.status in {Status.OK, Status.PROVISIONAL}
        if usable != (self.value is not None):
            raise ValueError(f"{self.metric}: a figure has a value exactly when it is ok or provisional")

    def about(
        self, subject: Subject, *, as_of: datetime, period: Period | None = None, explain: str | None = None
    ) -> Figure:
        """Return the same figure placed: whom it is about, as of which instant, over which period."""
        return replace(self, subject=subject, as_of=as_of, period=period or self.period, explain=explain)

    def while_open(self, elapsed_rate: Decimal) -> Figure:
        """Return the same figure for a period that is not over (G6): provisional, with its elapsed share 0..1.

        A figure without a value keeps its status; the caveat is added all the same.
        """
        caveat = Caveat("open_period", f"The period is not over: {written(rounded(elapsed_rate))} of it has elapsed.")
        status = Status.PROVISIONAL if self.value is not None else self.status
        return replace(self, status=status, caveats=(*self.caveats, caveat))

    def without_value(self, status: Status, reason: str, *caveats: Caveat) -> Figure:
        """Return the figure without any number that could be read off it: value, parts, people, interval, caveats."""
        return replace(
            self,
            status=status,
            reason=reason,
            value=None,
            numerator=None,
            denominator=None,
            n_people=None,
            interval=None,
            caveats=caveats,
        )

    def with_caveats(self, *caveats: Caveat) -> Figure:
        """Return the same figure with further caveats appended."""
        return replace(self, caveats=self.caveats + caveats)

    def as_json(self) -> dict[str, Any]:
        """Return the published form (decisions.md, "Figure"): decimals as strings, instants in UTC with `Z`."""
        interval, period, override = self.interval, self.period, self.override
        return {
            "metric": self.metric,
            "definition_version": self.definition_version,
            "parameters": dict(self.parameters),
            "subject": None if self.subject is None else {"kind": self.subject.kind, "id": self.subject.id},
            "segment": dict(self.segment),
            "status": self.status.value,
            "reason": self.reason,
            "value": _plain(self.value),
            "value_type": self.value_type.value,
            "unit": self.unit,
            "numerator": _plain(self.numerator),
            "denominator": _plain(self.denominator),
            "n_people": self.n_people,
            "interval": interval
            and {
                "low": written(interval.low),
                "high": written(interval.high),
                "level": written(interval.level),
                "method": interval.method,
            },
            "period": period and {"from": _plain(period.start), "to": _plain(period.end), "zone": period.zone},
            "as_of": self.as_of and self.as_of.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "revision": self.revision,
            "basis": self.basis,
            "caveats": [{"code": caveat.code, "detail": caveat.detail} for caveat in self.caveats],
            "override": override
            and {
                "id": override.id,
                "value": override.value,
                "reason": override.reason,
                "author_id": override.author_id,
                "from": _plain(override.start),
                "to": _plain(override.end),
            },
            "explain": self.explain,
        }


def _plain(value: Decimal | date | str | None) -> str | None:
    if isinstance(value, Decimal):
        return written(value)
    return value.isoformat() if isinstance(value, date) else value
